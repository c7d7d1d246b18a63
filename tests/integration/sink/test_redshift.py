"""The redshift sink against a stand-in: PostgreSQL behind a proxy that answers Redshift's COPY from S3 (redshift_standin.py), and moto. Kills at any moment,
in the middle of a load and at the commit; cut connections; rows that do not load. Afterwards the table equals the model and the bucket holds nothing."""
import os
import random
import tempfile
import time

import pytest

import driver as sink
import support
from redshift_standin import Redshift

SHAPE = (2, 60, 20, 60)  # partitions, records, rows in each, keys
ROLE = "arn:aws:iam::123456789012:role/loader"


@pytest.fixture(scope="module")
def bucket():
    folder = tempfile.mkdtemp(prefix="mainstem-redshift-")
    server = support.S3Server(folder, "moto")
    if not server.available:
        pytest.skip("moto is not installed: run scripts/setup test")
    server.start()
    yield server
    server.stop()
    support.remove(folder)


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    for name, value in support.S3Server.KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def no_positions_of_redshift(postgres):
    """Those of jdbc, which other tests keep in this database, have another form."""
    yield
    postgres.query("DROP TABLE IF EXISTS mainstem_delivery")


@pytest.fixture
def table(postgres):
    for name in ("driver", "mainstem_delivery"):
        postgres.query(f"DROP TABLE IF EXISTS {name}")
    # Redshift's keys are not enforced: this one would tell if a row were there twice.
    postgres.query("CREATE TABLE driver (k varchar(40) PRIMARY KEY, n bigint, amount numeric(10,2), at timestamp, part varchar(20))")
    return postgres


def make(tmp_path, redshift, bucket, shape=SHAPE, key="k", options=None, **more):
    options = {"connector": "redshift", "url": redshift.url, "table-name": "driver", "username": "postgres", "sink.copy.path": f"s3://lake1/{tmp_path.name}",
               "sink.copy.iam-role": ROLE, "s3.endpoint": bucket.url, "sink.buffer-flush.interval": "30 ms", **(options or {})}
    return sink.made(tmp_path, options, shape, key=key, **more)


def content(postgres):
    return {k: (n, int(amount * 100), int(millis), part) for k, n, amount, millis, part in
            postgres.query("SELECT k, n, amount, extract(epoch FROM at) * 1000, part FROM driver")}


def check(postgres, bucket, tmp_path, redshift, shape=SHAPE):
    assert content(postgres) == sink.table_model(*shape)
    assert dict(postgres.query("SELECT part, position FROM mainstem_delivery")) == {partition: shape[1] for partition in range(shape[0])}
    assert bucket.keys(tmp_path.name + "/") == []
    assert redshift.refused == []  # nothing that Redshift has not
    assert {copy["role"] for copy in redshift.copies} == {f"'{ROLE}'"}


def test_upserts_and_deletes_end_as_the_model(tmp_path, table, bucket):
    with Redshift(table.port, bucket) as redshift:
        make(tmp_path, redshift, bucket).finish()
        check(table, bucket, tmp_path, redshift)


def test_kills_at_any_moment_in_a_load_and_at_the_commit_change_nothing(tmp_path, table, bucket):
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))
    kills = 100 if support.FULL else 16
    print(f"KILL_SEED={seed}")
    shape = (2, sink.RECORDS_PER_KILL * kills, 10, 60)
    with Redshift(table.port, bucket) as redshift:
        driver = make(tmp_path, redshift, bucket, shape, options={"sink.buffer-flush.max-rows": 60})  # many loads
        hits = sink.deliver_with_kills(driver, random.Random(seed), kills, points=("sink.commit", "sink.committed", "sink.load"))
        check(table, bucket, tmp_path, redshift, shape)
    assert sum(hits.values()) == kills, hits


def test_appended_rows_are_there_once_though_connections_are_cut(tmp_path, table, bucket):
    table.query("ALTER TABLE driver DROP CONSTRAINT driver_pkey")
    with Redshift(table.port, bucket, lambda number: "cut" if number % 3 == 1 else None) as redshift:
        make(tmp_path, redshift, bucket, key=None, append=True, options={"sink.buffer-flush.max-rows": 200}).finish()
        assert len(redshift.copies) > 6
    assert sorted(n for n, in table.query("SELECT n FROM driver")) == sorted(n for _, n, *_ in sink.rows(*SHAPE))
    assert bucket.keys(tmp_path.name + "/") == []


def test_a_cluster_that_is_full_or_restarted_is_waited_for(tmp_path, table, bucket):
    with Redshift(table.port, bucket, lambda number: "full" if number in (3, 4, 5) else None) as redshift:
        driver = make(tmp_path, redshift, bucket, options={"sink.buffer-flush.max-rows": 100}, max_failures=100000)
        driver.start()
        try:
            support.wait_until(lambda: "table 'driver': PostgreSQL at" in driver.error_text() and "Disk Full" in driver.error_text(), "the full disk", 60)
            table.stop()
            table.start()
            driver.join(180)
        finally:
            driver.process.kill()
        check(table, bucket, tmp_path, redshift)


def test_rows_that_do_not_load_are_handed_over_and_all_others_arrive(tmp_path, table, bucket):
    table.query("ALTER TABLE driver ALTER k TYPE varchar(5)")  # 'p0-100' is too long
    shape = (1, 10, 20, 103)
    with Redshift(table.port, bucket) as redshift:
        make(tmp_path, redshift, bucket, shape, reject_file=tmp_path / "rejects").finish()
    refused = [line.split("\t") for line in (tmp_path / "rejects").read_text().splitlines()]
    assert refused and all("Load into table" in cause and "table 'driver' refused the" in cause and " k=p0-10" in cause for _, _, cause in refused)
    assert content(table) == {k: row for k, row in sink.table_model(*shape).items() if len(k) <= 5}
    assert bucket.keys(tmp_path.name + "/") == []


def test_keys_that_the_database_takes_for_one_are_one_row(tmp_path, table, bucket):
    """Redshift does not see blanks at a text's end, nor case under such a collation; a column of PostgreSQL's that compares so stands for it. Its
    key would tell if a row were there twice."""
    table.query("DROP TABLE driver; CREATE COLLATION IF NOT EXISTS anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
    table.query("CREATE TABLE driver (k char(40) COLLATE anycase PRIMARY KEY, n bigint, amount numeric(10,2), at timestamp, part varchar(20))")
    with Redshift(table.port, bucket) as redshift:
        make(tmp_path, redshift, bucket, vary_keys=True, options={"sink.buffer-flush.max-rows": 100}).finish()
        assert redshift.refused == [] and len(redshift.copies) > 10
    spelled = [k.rstrip() for k, in table.query("SELECT k FROM driver")]
    assert any(k.startswith("P") for k in spelled)
    assert {k.strip().lower(): row for k, row in content(table).items()} == sink.table_model(*SHAPE)


def test_decimal_keys_that_a_narrower_column_makes_one_are_one_row(tmp_path, table, bucket):
    table.query("DROP TABLE driver; CREATE TABLE driver (k varchar(40), n bigint, amount numeric(10,0) PRIMARY KEY, at timestamp, part varchar(20))")
    with Redshift(table.port, bucket) as redshift:
        make(tmp_path, redshift, bucket, key="amount", options={"sink.buffer-flush.max-rows": 1000}).finish()
        assert redshift.refused == []
    model = {}
    for _, n, cents, _, _, is_delete in sink.rows(*SHAPE):  # PostgreSQL rounds where Redshift's COPY cuts
        whole = (cents + 50) // 100
        model.pop(whole, None)
        if not is_delete:
            model[whole] = n
    assert {int(amount): n for amount, n in table.query("SELECT amount, n FROM driver")} == model


REFUSALS = [
    ("DROP TABLE driver", {}, ["table 'driver' does not exist", 'CREATE TABLE driver ("k" varchar(65535)']),
    ("ALTER TABLE driver RENAME n TO nn", {}, ["column 'n' does not exist in table 'driver'", "ADD COLUMN n bigint"]),
    ("ALTER TABLE driver ADD extra int NOT NULL", {}, ["column 'extra' is NOT NULL without a default"]),
    ("SELECT 1", {"url": "jdbc:postgresql://127.0.0.1/x"}, ["option 'url'", "jdbc:redshift://host:5439/database"]),
    ("SELECT 1", {"sink.copy.path": "/tmp/x"}, ["sink.copy.path", "s3://bucket/folder"]),
    ("SELECT 1", {"sink.buffer-flush.interval": "0 s"}, ["sink.buffer-flush.interval"]),
]


@pytest.mark.parametrize("change, options, expected", REFUSALS)
def test_says_what_does_not_fit_and_the_cure(tmp_path, table, bucket, change, options, expected):
    table.query(change)
    with Redshift(table.port, bucket) as redshift:
        sink.says(make(tmp_path, redshift, bucket, options={"password": "s3cret", **options}).fail(), expected)


def test_a_column_that_is_missing_is_added_with_evolve(tmp_path, table, bucket):
    table.query("ALTER TABLE driver DROP COLUMN amount")
    with Redshift(table.port, bucket) as redshift:
        make(tmp_path, redshift, bucket, options={"drift": "evolve"}).finish()
        check(table, bucket, tmp_path, redshift)


def test_a_role_that_may_not_read_the_bucket_is_named(tmp_path, table, bucket):
    with Redshift(table.port, bucket, lambda number: "denied") as redshift:
        sink.says(make(tmp_path, redshift, bucket).fail(), ["Access Denied", "sink.copy.iam-role", "s3:GetObject"])
    assert table.query("SELECT count(*) FROM driver")[0][0] == 0


def test_a_query_is_kept_in_a_table(node, tmp_path, postgres, bucket):
    for name in ("counts", "mainstem_delivery"):
        postgres.query(f"DROP TABLE IF EXISTS {name}")
    postgres.query('CREATE TABLE counts (page varchar(40), hits bigint, "order" boolean)')
    rows = ", ".join(f"('it''s \"{i % 7}\", \\N {i % 7}', {i})" for i in range(100))
    with Redshift(postgres.port, bucket) as redshift:
        node.submit(f"""
            CREATE TABLE counts (page STRING, hits BIGINT, `order` BOOLEAN, PRIMARY KEY (page) NOT ENFORCED) WITH ('connector' = 'redshift',
              'url' = '{redshift.url}', 'table-name' = 'counts', 'username' = 'postgres', 'sink.copy.path' = 's3://lake1/{tmp_path.name}',
              's3.endpoint' = '{bucket.url}', 's3.access-key' = '{support.S3Server.KEYS["AWS_ACCESS_KEY_ID"]}',
              's3.secret-key' = '{support.S3Server.KEYS["AWS_SECRET_ACCESS_KEY"]}', 'sink.buffer-flush.interval' = '100 ms');
            INSERT INTO counts SELECT page, COUNT(*), MAX(n) > 95 FROM (VALUES {rows}) AS t (page, n) GROUP BY page;""")
        expected = sorted((f"it's \"{p}\", \\N {p}", sum(1 for i in range(100) if i % 7 == p), max(i for i in range(100) if i % 7 == p) > 95) for p in range(7))
        support.wait_until(lambda: sorted(map(tuple, postgres.query('SELECT page, hits, "order" FROM counts'))) == expected, "the counts")
        assert redshift.refused == [] and redshift.copies[0]["role"] == "default"
