"""The clickhouse sink into a real ClickHouse 18.16: kills, a killed server, cut connections, rows that it cannot hold, users without rights. Read with
FINAL, the table equals the model afterwards."""
import itertools
import os
import random
import signal
import time

import pytest

import driver as sink
import faulty_proxy
import support
from kafka_topics import Topics

names = (f"t{number}" for number in itertools.count())
SHAPE = (2, 100, 20, 60)  # partitions, records, rows in each, keys
COLUMNS = "k String, n Nullable(Int64), amount Nullable(Decimal(10, 2)), at Nullable(String), part Nullable(String)"
VERSIONED = {"sink.version-column": "_version", "sink.deleted-column": "_deleted"}


def keyed(server, columns=COLUMNS):
    name = next(names)
    server.query(f"CREATE TABLE {name} ({columns}, _version UInt64, _deleted UInt8) ENGINE = ReplacingMergeTree(_version) ORDER BY k")
    return name


def appended(server, columns=COLUMNS):
    name = next(names)
    server.query(f"CREATE TABLE {name} ({columns}, _row String) ENGINE = ReplacingMergeTree ORDER BY (k, _row)")
    return name


def make(tmp_path, server, table, shape=SHAPE, key="k", options=None, **more):
    given = VERSIONED if key else {"sink.row-id-column": "_row"}
    return sink.made(tmp_path, {"connector": "clickhouse", "url": server.url, "table-name": table, **given, **(options or {})}, shape, key=key,
                     append=None if key else True, **more)


def at_of(millis):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(millis // 1000)) + f".{millis % 1000:03d}"


def check_keyed(server, table, shape=SHAPE):
    found = {row["k"]: (int(row["n"]), round(float(row["amount"]) * 100), row["at"], row["part"])
             for row in server.rows(f"SELECT * FROM {table} FINAL WHERE _deleted = 0")}
    assert found == {k: (n, cents, at_of(millis), part) for k, (n, cents, millis, part) in sink.table_model(*shape).items()}
    assert positions(server, shape[0]) == [shape[1]] * shape[0]


def positions(server, partitions=2):
    found = {row["part"]: int(row["p"]) for row in server.rows("SELECT part, max(position) AS p FROM mainstem_delivery GROUP BY part")}
    return [found[number] for number in range(partitions)]


def check_appended(server, table, shape=SHAPE):
    found = sorted((row["k"], int(row["n"])) for row in server.rows(f"SELECT k, n FROM {table} FINAL"))
    assert found == sorted((k, n) for k, n, *_ in sink.rows(*shape))


@pytest.fixture
def store(clickhouse):
    clickhouse.query("DROP TABLE IF EXISTS mainstem_delivery")
    return clickhouse


def test_the_newest_row_of_each_key_counts_and_deletions_are_marked(tmp_path, store):
    table = keyed(store)
    make(tmp_path, store, table).finish()
    check_keyed(store, table)


def test_rows_without_a_key_are_there_once(tmp_path, store):
    table = appended(store)
    make(tmp_path, store, table, key=None).finish()
    check_appended(store, table)


def kill_seed():
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))
    print(f"KILL_SEED={seed}")
    return random.Random(seed)


@pytest.mark.parametrize("key", ["k", None])
def test_kills_at_any_moment_and_at_the_commit_change_nothing(tmp_path, store, key):
    kills = 100 if support.FULL else 16
    shape = (2, sink.RECORDS_PER_KILL * kills, 10, 60)
    table = keyed(store) if key else appended(store)
    hits = sink.deliver_with_kills(make(tmp_path, store, table, shape, key), kill_seed(), kills)
    (check_keyed if key else check_appended)(store, table, shape)
    assert sum(hits.values()) == kills, hits


def test_what_comes_twice_would_be_seen_twice_without_the_row_id(tmp_path, store):
    """The kills above prove something: a table that keeps what comes twice is told to be at least once."""
    table = next(names)
    store.query(f"CREATE TABLE {table} ({COLUMNS}) ENGINE = MergeTree ORDER BY k")
    shape = (1, 200, 5, 60)
    driver = sink.made(tmp_path, {"connector": "clickhouse", "url": store.url, "table-name": table}, shape, append=True)
    for _ in range(4):
        driver.start(crash="sink.commit:6")  # the third time that rows are in and their position is not
        driver.process.communicate(timeout=60)
    driver.finish()
    found = [(row["k"], int(row["n"])) for row in store.rows(f"SELECT k, n FROM {table}")]
    assert set(found) == {(k, n) for k, n, *_ in sink.rows(*shape)} and len(found) > len(set(found))


@pytest.mark.parametrize("row_id", [False, True])
def test_equal_inserts_are_no_duplicates_unless_rows_have_ids(tmp_path, store, row_id):
    """A replicated engine, which needs more than one server, leaves out a block that it had before. What it is told is seen on the way."""
    paths = []
    table = appended(store)
    with faulty_proxy.Proxy(store.port, lambda number, method, path, headers: paths.append(path), whole=True) as proxy:
        options = {"connector": "clickhouse", "url": proxy.url, "table-name": table, **({"sink.row-id-column": "_row"} if row_id else {})}
        sink.made(tmp_path, options, (1, 10, 5, 60), append=True).finish()
    inserts = [path for path in paths if f"INSERT%20INTO%20%60default%60.%60{table}%60" in path]
    assert inserts and all(("insert_deduplicate=0" in path) == (not row_id) for path in inserts), paths


def test_an_insert_into_too_many_partitions_is_halved(tmp_path, store):
    table, shape = keyed(store), (1, 20, 20, 60)

    def decide(number, method, path, body):
        if f"INSERT%20INTO%20%60default%60.%60{table}%60" in path and body.count(b"\n") > 7:
            return 500, "Code: 252, e.displayText() = DB::Exception: Too many partitions for single INSERT block (more than 7)., e.what() = DB::Exception"
        return None

    with faulty_proxy.Proxy(store.port, decide) as proxy:
        make(tmp_path, store, table, shape, options={"url": proxy.url}, max_failures=1).finish()
    check_keyed(store, table, shape)


def test_a_column_that_the_server_computes_is_told_and_not_waited_for(tmp_path, store):
    table = appended(store, COLUMNS.replace("part Nullable(String)", "part Nullable(String) MATERIALIZED 'x'"))
    sink.says(make(tmp_path, store, table, key=None).fail(), ["part", "MATERIALIZED"])


def test_a_killed_server_and_lost_answers_are_waited_for(tmp_path):
    folder = tmp_path / "clickhouse"
    folder.mkdir()
    server = support.Clickhouse(folder).start()
    try:
        table, shape = appended(server), (1, 400, 5, 60)
        # Some requests end before the server sees them, some after they have been done.
        cuts = {3: "cut-before", 5: "cut-after"}
        with faulty_proxy.Proxy(server.port, lambda number, *_: cuts.get(number % 8), whole=True) as proxy:
            driver = make(tmp_path, server, table, shape, key=None, max_failures=100000, options={"url": proxy.url})
            driver.start()
            support.wait_until(lambda: int(server.query(f"SELECT count() FROM {table}")) > 100, "the first rows", 60)
            server.stop(signal.SIGKILL)
            server.start()
            driver.join(300)
            check_appended(server, table, shape)
            assert "retrying" in driver.error_text()
    finally:
        server.stop(signal.SIGKILL)


def test_rows_arrive_over_tls_and_who_is_not_trusted_gets_none(tmp_path, store):
    table, tls = keyed(store), faulty_proxy.make_certificate(tmp_path)
    other, _ = faulty_proxy.make_certificate(tmp_path, "other")
    with faulty_proxy.Proxy(store.port, tls=tls, whole=True) as proxy:
        options = {"url": proxy.url, "connection.ca-file": other}
        sink.says(make(tmp_path, store, table, options=options).fail(), ["connector 'clickhouse', table 'driver'", proxy.url, "certificate"])
        assert store.rows(f"SELECT k FROM {table}") == []
        make(tmp_path, store, table, options={**options, "connection.ca-file": tls[0]}).finish()
    check_keyed(store, table)


def test_numbers_that_went_into_a_narrower_table_are_sent_again_when_it_fits(tmp_path, store):
    """Another table takes the place of this one while rows come; the server takes the numbers into it as other ones, without a word."""
    table, other = keyed(store), keyed(store, COLUMNS.replace("Int64", "Int8"))
    shape = (1, 300, 20, 60)
    driver = make(tmp_path, store, table, shape, keep_trying=True, max_failures=100000)
    driver.start()
    try:
        driver.stop_after(3)
        store.query(f"RENAME TABLE {table} TO {table}_away, {other} TO {table}")
        driver.go_on()
        support.wait_until(lambda: "column 'n' is Nullable(Int8)" in driver.error_text(), "the difference", 60)
        store.query(f"RENAME TABLE {table} TO {other}, {table}_away TO {table}")
        driver.join(180)
    finally:
        driver.process.kill()
    check_keyed(store, table, shape)


def test_values_arrive_and_times_that_a_column_cannot_hold_go_to_quarantine(node, store):
    table = next(names)
    store.query(f"CREATE TABLE {table} (id Int32, day Nullable(Date), moment Nullable(DateTime('Asia/Tokyo')), wall Nullable(DateTime('Asia/Tokyo')), yes Nullable(UInt8), x Nullable(Float64), "
                "text Nullable(String), _row String) ENGINE = ReplacingMergeTree ORDER BY _row")
    job, = node.submit(f"""
        CREATE TABLE target (id INT NOT NULL, `day` DATE, moment TIMESTAMP_LTZ(0), wall TIMESTAMP(0), yes BOOLEAN, x DOUBLE, text STRING)
          WITH ('connector' = 'clickhouse', 'url' = '{store.url}', 'table-name' = '{table}', 'sink.row-id-column' = '_row');
        INSERT INTO target SELECT id, CAST(d AS DATE), TO_TIMESTAMP_LTZ(s, 0), CAST(w AS TIMESTAMP(0)), b, x, text FROM (VALUES
          (1, '2026-02-03', CAST(1767225600 AS BIGINT), '2026-01-01 00:00:00', TRUE, CAST(1.5 AS DOUBLE), 'a\tb\\c'),
          (2, CAST(NULL AS STRING), CAST(NULL AS BIGINT), CAST(NULL AS STRING), CAST(NULL AS BOOLEAN), CAST(NULL AS DOUBLE), CAST(NULL AS STRING)),
          (3, '1969-12-31', CAST(1 AS BIGINT), '2026-01-01 00:00:00', FALSE, CAST(1 AS DOUBLE), ''),
          (4, '2026-02-03', CAST(4400000000 AS BIGINT), '2026-01-01 00:00:00', FALSE, CAST(1 AS DOUBLE), '')) AS t (id, d, s, w, b, x, text);""")
    support.wait_until(lambda: int(store.query(f"SELECT count() FROM {table} FINAL")) == 2, "the rows", 60)
    rows = store.rows(f"SELECT id, day, toUInt32(moment) AS s, wall, yes, x, text FROM {table} FINAL ORDER BY id")
    assert rows[0] == {"id": 1, "day": "2026-02-03", "s": 1767225600, "wall": "2026-01-01 00:00:00", "yes": 1, "x": 1.5, "text": "a\tb\\c"}
    assert all(value is None for name, value in rows[1].items() if name != "id")
    refused = [message for messages in Topics(node.kafka).read(f"__mainstem.quarantine.{job}").values() for message in messages]
    causes = sorted(dict(message.headers())["cause"].decode() for message in refused)
    assert ["'day' is a Date" in causes[0], "'moment' is a DateTime" in causes[1]] == [True, True] and len(causes) == 2, causes


def test_without_a_column_for_deletions_they_are_refused(tmp_path, store):
    table, rejects = next(names), tmp_path / "rejects"
    store.query(f"CREATE TABLE {table} ({COLUMNS}, _version UInt64) ENGINE = ReplacingMergeTree(_version) ORDER BY k")
    given = {"connector": "clickhouse", "url": store.url, "table-name": table, "sink.version-column": "_version"}
    sink.made(tmp_path, given, SHAPE, key="k", reject_file=rejects).finish()
    assert "'sink.deleted-column'" in rejects.read_text() and "k=p" in rejects.read_text()


def test_users_rights_and_passwords(tmp_path, store):
    table, password = keyed(store), support.Clickhouse.PASSWORD

    def fails(user, given, *words):
        driver = make(tmp_path, store, table, options={"username": user, "password": given})
        sink.says(driver.fail(), ["connector 'clickhouse'", store.url, *words], secret=password)
    fails("loader", "wrong", "Wrong password", "INSERT")
    fails("nobody", "wrong", "nobody")
    fails("reader", password, "readonly", "'mainstem_delivery'")
    (tmp_path / "password").write_text(password + "\n")
    make(tmp_path, store, table, options={"username": "loader", "password-file": "password"}).finish()
    check_keyed(store, table)


@pytest.mark.parametrize("columns, engine, words", [
    (None, None, ["has no table", "create it"]),
    (COLUMNS.replace("n Nullable(Int64)", "n Nullable(Int32)"), None, ["column 'n' is Nullable(Int32)", "Int64 or wider"]),
    (COLUMNS.replace("n Nullable(Int64)", "n Int64"), None, ["column 'n' takes no NULL", "Nullable(Int64)"]),
    (COLUMNS.replace("Decimal(10, 2)", "Decimal(10, 1)"), None, ["column 'amount'", "Decimal(10, 2)"]),
    (COLUMNS.replace("part ", "parts "), None, ["no column 'part'", "'parts'"]),
    (COLUMNS, "MergeTree ORDER BY k", ["its engine is MergeTree", "ReplacingMergeTree(_version) ORDER BY (k)"]),
    (COLUMNS, "ReplacingMergeTree(_version) ORDER BY (k, _deleted)", ["sorting key", "ORDER BY (k)"]),
])
def test_a_table_that_does_not_fit_is_told_with_its_cure(tmp_path, store, columns, engine, words):
    table = next(names)
    if columns:
        store.query(f"CREATE TABLE {table} ({columns}, _version UInt64, _deleted UInt8) ENGINE = {engine or 'ReplacingMergeTree(_version) ORDER BY k'}")
    sink.says(make(tmp_path, store, table).fail(), ["connector 'clickhouse'", "table 'driver'", *words])


@pytest.mark.parametrize("key, options, words", [
    ("k", {"url": "clickhouse://host"}, ["'url'", "http://localhost:8123"]),
    ("k", {"sink.version-column": "n"}, ["'sink.version-column'", "'n'"]),
    ("k", {"sink.row-id-column": "_row"}, ["'sink.row-id-column'", "PRIMARY KEY"]),
    (None, {"sink.deleted-column": "_deleted"}, ["'sink.deleted-column'", "PRIMARY KEY"]),
    ("k", {"password": "x"}, ["'username'"]),
    ("k", {"sink.batch-size": "0"}, ["'sink.batch-size'"]),
])
def test_wrong_options_say_which(tmp_path, key, options, words):
    given = {"connector": "clickhouse", "url": "http://127.0.0.1:1", "table-name": "t", **(VERSIONED if key else {}), **options}
    sink.says(sink.made(tmp_path, given, SHAPE, key=key, append=None if key else True).fail(), ["driver", *words])


def test_a_query_keeps_counts_in_clickhouse(node, store):
    table = next(names)
    store.query(f"CREATE TABLE {table} (page String, hits Int64, _version UInt64, _deleted UInt8) ENGINE = ReplacingMergeTree(_version) ORDER BY page")
    rows = ", ".join(f"('page{i % 7}', {i})" for i in range(100))
    node.submit(f"""
        CREATE TABLE counts (page STRING NOT NULL, hits BIGINT NOT NULL, PRIMARY KEY (page) NOT ENFORCED) WITH ('connector' = 'clickhouse', 'url' = '{store.url}',
          'table-name' = '{table}', 'sink.version-column' = '_version', 'sink.deleted-column' = '_deleted');
        INSERT INTO counts SELECT page, COUNT(*) FROM (VALUES {rows}) AS t (page, n) GROUP BY page;""")
    expected = {f"page{p}": sum(1 for i in range(100) if i % 7 == p) for p in range(7)}
    support.wait_until(lambda: {row["page"]: int(row["hits"]) for row in store.rows(f"SELECT page, hits FROM {table} FINAL WHERE _deleted = 0")} == expected,
                       "the counts", 60)
