"""The jdbc sink against a real PostgreSQL: kills, cut connections, a restarted server, rows that it refuses, and what Open says
about tables that do not fit. Afterwards the table equals the model."""
import os
import random
import threading
import time

import pytest

import driver as sink
import support

SHAPE = (2, 400, 20, 60)  # partitions, records, rows in each, keys


@pytest.fixture
def table(postgres):
    for name in ("driver", "mainstem_delivery"):
        postgres.query(f"DROP TABLE IF EXISTS {name}")
    postgres.query("CREATE TABLE driver (k text PRIMARY KEY, n bigint, amount numeric(10,2), at timestamp(3), part text)")
    return postgres


def make(tmp_path, postgres, shape=SHAPE, key="k", **more):
    options = {"connector": "jdbc", "url": postgres.jdbc_url, "table-name": "driver", "username": "postgres", **more.pop("options", {})}
    return sink.made(tmp_path, options, shape, key=key, **more)


def content(postgres):
    return {k: (n, int(amount * 100), int(millis), part) for k, n, amount, millis, part in
            postgres.query("SELECT k, n, amount, extract(epoch FROM at) * 1000, part FROM driver")}


def positions(postgres):
    return dict(postgres.query("SELECT partition, position FROM mainstem_delivery"))


def check(postgres, shape=SHAPE):
    assert content(postgres) == sink.table_model(*shape)
    assert positions(postgres) == {partition: shape[1] for partition in range(shape[0])}


def test_upserts_and_deletes_end_as_the_model(tmp_path, table):
    make(tmp_path, table).finish()
    check(table)


def test_kills_at_any_moment_and_at_the_commit_change_nothing(tmp_path, table):
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))
    kills = 100 if support.FULL else 24
    print(f"KILL_SEED={seed}")
    shape = (2, sink.RECORDS_PER_KILL * kills, 10, 60)
    driver = make(tmp_path, table, shape)
    hits = sink.deliver_with_kills(driver, random.Random(seed), kills)
    check(table, shape)
    assert sum(hits.values()) == kills, hits


def test_appended_rows_are_there_once_after_kills(tmp_path, table):
    table.query("ALTER TABLE driver DROP CONSTRAINT driver_pkey")
    shape = (1, 1200, 5, 60)
    driver = make(tmp_path, table, shape, key=None, append=True)
    sink.deliver_with_kills(driver, random.Random(7), 10)
    got = sorted(n for n, in table.query("SELECT n FROM driver"))
    assert got == list(range(1200 * 5))


def test_cut_connections_and_a_restarted_server_are_waited_for(tmp_path, table):
    shape = (1, 6000, 10, 60)
    driver = make(tmp_path, table, shape)
    stop = threading.Event()

    def cut():
        while not stop.wait(0.1):
            try:
                table.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mainstem'")
            except Exception:
                pass  # the server is being restarted

    thread = threading.Thread(target=cut)
    driver.start()
    thread.start()
    try:
        for _ in range(2):
            time.sleep(0.4)
            table.stop()
            table.start()
        time.sleep(0.4)
    finally:
        stop.set()
        thread.join()
    driver.join()
    check(table, shape)
    assert "retrying" in driver.error_text()


def test_two_writers_of_one_delivery_do_not_double(tmp_path, table):
    table.query("ALTER TABLE driver DROP CONSTRAINT driver_pkey")
    shape = (1, 400, 5, 60)
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    drivers = [make(folder, table, shape, key=None, append=True) for folder in folders]
    for driver in drivers:
        driver.start()
    for driver in drivers:
        driver.join()
    assert sorted(n for n, in table.query("SELECT n FROM driver")) == list(range(400 * 5))


def test_refused_rows_are_handed_over_and_all_others_arrive(tmp_path, table):
    table.query("ALTER TABLE driver ADD CONSTRAINT small CHECK (amount < 990)")
    rejects = tmp_path / "rejects"
    shape = (1, 40, 50, 5000)  # many keys: the rows of a key seldom meet in one transaction
    driver = make(tmp_path, table, shape, reject_file=rejects)
    driver.finish()
    refused = [line.split("\t") for line in rejects.read_text().splitlines()]
    model, seen = sink.table_model(*shape), {}
    for k, n, cents, millis, part, is_delete in sink.rows(*shape):
        if not is_delete and cents < 99000:
            seen[k] = (n, cents, millis, part)
        elif is_delete:
            seen.pop(k, None)
    got = content(table)
    assert refused and len(got) == len(seen)
    for k, row in got.items():
        assert row[1] < 99000 and (row == model.get(k) or model.get(k, (0, 99000))[1] >= 99000), k
    keys = {k for k, _, cents, _, _, is_delete in sink.rows(*shape) if cents >= 99000 and not is_delete}
    for origin, raw, cause in refused:
        assert origin.startswith("driver/sink/0@<") and any(f"k={k}" in origin for k in keys)
        assert raw.startswith("+I[p0-") and "small" in cause and "table 'driver' refused the row with k=" in cause


def test_without_a_handler_a_refused_row_stops_with_nothing_written(tmp_path, table):
    table.query("ALTER TABLE driver ADD CONSTRAINT small CHECK (amount < 990)")
    message = make(tmp_path, table, (1, 200, 50, 5000)).fail()
    assert "refused the row with k=p0-" in message and "23514" in message
    stored = positions(table).get(0, 0)
    rows = list(sink.rows(1, stored, 50, 5000))
    assert all(cents < 99000 or deleted for _, _, cents, _, _, deleted in rows)


REFUSALS = [
    ("DROP TABLE driver; CREATE TABLE driverr (x int)", {}, ["table 'driver' does not exist", "did you mean 'driverr'", "CREATE TABLE driver (k text"]),
    ("ALTER TABLE driver RENAME n TO nn", {}, ["column 'n' does not exist in table 'driver'", "ADD COLUMN n bigint"]),
    ("ALTER TABLE driver RENAME amount TO amounts", {}, ["column 'amount' does not exist", "did you mean 'amounts'"]),
    ("ALTER TABLE driver ALTER n TYPE text", {}, ["column 'n' of table 'driver' is text", "ALTER COLUMN n TYPE bigint"]),
    ("ALTER TABLE driver ADD extra int NOT NULL", {}, ["column 'extra'", "NOT NULL without a default"]),
    ("ALTER TABLE driver DROP CONSTRAINT driver_pkey", {}, ["no primary key or unique index on (k)", "CREATE UNIQUE INDEX ON driver (k)"]),
    ("SELECT 1", {"username": "reader", "password": "s3cret"}, ["user 'reader' lacks INSERT, UPDATE, SELECT, DELETE", "GRANT INSERT"]),
    ("SELECT 1", {"username": "nobody_at_all", "password": "s3cret"}, ["cannot connect to PostgreSQL", "nobody_at_all"]),
    ("SELECT 1", {"table-name": "no.such.table"}, ["not a table's name"]),
]


@pytest.mark.parametrize("change,options,expected", REFUSALS)
def test_says_what_does_not_fit_and_the_cure(tmp_path, table, change, options, expected):
    table.query("DROP TABLE IF EXISTS driverr")
    if not table.query("SELECT 1 FROM pg_roles WHERE rolname = 'reader'"):
        table.query("CREATE ROLE reader LOGIN")
    table.query(change)
    message = make(tmp_path, table, options=options).fail()
    for text in expected:
        assert text in message, message
    assert "s3cret" not in message
    table.query("DROP TABLE IF EXISTS driverr")


def test_a_server_that_is_not_there_is_retriable(tmp_path, table):
    driver = make(tmp_path, table, options={"url": f"jdbc:postgresql://127.0.0.1:{support.free_port()}/postgres"}, max_failures=2)
    message = driver.fail()
    assert message.count("retrying: ") == 2 and "cannot connect to PostgreSQL at 127.0.0.1" in message


def test_all_types_arrive_as_they_are(tmp_path, table):
    """The driver's types into other fitting ones: narrower text, wider numbers, times with a zone."""
    table.query("DROP TABLE driver")
    table.query("CREATE TYPE part AS ENUM ('d/0', 'd/1', 'd/2')")
    try:
        table.query("CREATE TABLE driver (k varchar(20) UNIQUE, n numeric, amount double precision, at timestamptz, part part, "
                    "id bigserial, note text DEFAULT 'x')")
        shape = (1, 20, 20, 30)
        make(tmp_path, table, shape).finish()
        got = {k: (int(n), round(amount * 100), int(millis), part) for k, n, amount, millis, part in
               table.query("SELECT k, n, amount, extract(epoch FROM at) * 1000, part FROM driver")}
        assert got == sink.table_model(*shape)
    finally:
        table.query("DROP TABLE IF EXISTS driver; DROP TYPE part")


def test_text_too_long_for_its_column_is_refused_not_cut(tmp_path, table):
    table.query("ALTER TABLE driver ALTER k TYPE varchar(4)")
    message = make(tmp_path, table, (1, 10, 10, 60)).fail()
    assert "22001" in message
