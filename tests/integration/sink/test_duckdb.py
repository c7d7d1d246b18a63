"""The duckdb sink into files that Python's duckdb reads: kills, readers that hold the file, rows that are refused. Afterwards the table
equals the model."""
import os
import random
import threading
import time

import duckdb
import pytest

import driver as sink
import support

OLDER = {"storage_compatibility_version": "v1.0.0"}  # Python's DuckDB is newer than the sink's library
SHAPE = (2, 60, 20, 60)  # partitions, records, rows in each, keys
pytestmark = pytest.mark.skipif(not os.path.exists(support.DUCKDB), reason="DuckDB's library is not there: run scripts/setup test")


def make(tmp_path, shape=SHAPE, key="k", options=None, **more):
    options = {"connector": "duckdb", "path": "shop.duckdb", "table-name": "driver", "sink.buffer-flush.max-rows": "200", **(options or {})}
    return sink.made(tmp_path, options, shape, key=key, **more)


def query(tmp_path, sql, read_only=True):
    """Tried again while the sink has the file open."""
    for _ in range(500):
        try:
            with duckdb.connect(str(tmp_path / "shop.duckdb"), read_only, {} if read_only else OLDER) as connection:
                return connection.execute(sql).fetchall()
        except duckdb.IOException as error:
            assert "lock" in str(error), error
            time.sleep(0.01)
    raise AssertionError("the file was never free")


def check(tmp_path, shape=SHAPE):
    found = {k: (n, round(amount * 100), at, part) for k, n, amount, at, part in query(
        tmp_path, 'SELECT k, n, amount, epoch_ms("at"), part FROM driver')}
    assert found == sink.table_model(*shape)
    assert sorted(query(tmp_path, "SELECT part, position FROM mainstem_delivery")) == [(n, shape[1]) for n in range(shape[0])]


def test_the_table_is_made_and_ends_as_the_model(tmp_path):
    make(tmp_path).finish()
    check(tmp_path)
    types = query(tmp_path, "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'driver' ORDER BY column_index")
    assert types == [("k", "VARCHAR"), ("n", "BIGINT"), ("amount", "DECIMAL(10,2)"), ("at", "TIMESTAMP"), ("part", "VARCHAR")]


def test_kills_at_any_moment_and_at_the_commit_change_nothing(tmp_path):
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))
    kills = 100 if support.FULL else 12
    print(f"KILL_SEED={seed}")
    shape = (2, sink.RECORDS_PER_KILL * kills, 10, 60)
    hits = sink.deliver_with_kills(make(tmp_path, shape), random.Random(seed), kills)
    check(tmp_path, shape)
    assert sum(hits.values()) == kills, hits


def test_appended_rows_are_there_once_after_kills(tmp_path):
    shape = (1, 200, 5, 60)
    sink.deliver_with_kills(make(tmp_path, shape, key=None, append=True), random.Random(7), 6)
    assert sorted(n for n, in query(tmp_path, "SELECT n FROM driver")) == list(range(200 * 5))


def test_readers_meet_a_free_file_between_transactions_and_are_waited_for(tmp_path):
    make(tmp_path, (1, 1, 5, 9)).finish()
    counts, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            counts.append(query(tmp_path, "SELECT count(*) FROM driver")[0][0])
            time.sleep(0.02)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        make(tmp_path, (2, 60, 20, 60), max_failures=100000).finish()
    finally:
        stop.set()
        thread.join()
    assert len(set(counts)) > 1, "the reader never saw a change"
    check(tmp_path, (2, 60, 20, 60))


def test_a_row_that_a_constraint_refuses_is_set_aside_and_all_others_are_in(tmp_path):
    query(tmp_path, 'CREATE TABLE driver (k VARCHAR PRIMARY KEY, n BIGINT CHECK (n % 7 <> 3), amount DECIMAL(10,2), "at" TIMESTAMP, part VARCHAR)', False)
    shape = (1, 4, 50, 1_000_000)
    make(tmp_path, shape, append=True, reject_file=tmp_path / "rejects").finish()
    sent = {k: n for k, n, *_ in sink.rows(*shape)}
    refused = [line for line in (tmp_path / "rejects").read_text().splitlines()]
    assert refused and all("CHECK" in line for line in refused)
    assert {n for n, in query(tmp_path, "SELECT n FROM driver")} == {n for n in sent.values() if n % 7 != 3}


def test_without_a_quarantine_a_refused_row_ends_the_delivery_with_nothing_of_its_batch(tmp_path):
    query(tmp_path, 'CREATE TABLE driver (k VARCHAR PRIMARY KEY, n BIGINT CHECK (n <> 3), amount DECIMAL(10,2), "at" TIMESTAMP, part VARCHAR)', False)
    sink.says(make(tmp_path, (1, 2, 50, 1000), append=True).fail(), ["connector 'duckdb'", "CHECK", "k=p0-"])
    assert query(tmp_path, "SELECT count(*) FROM driver") == [(0,)]


@pytest.mark.parametrize("columns, options, words", [
    ('k VARCHAR, n BIGINT, amount DECIMAL(10,2), "at" TIMESTAMP, part VARCHAR', {}, ["(k)", "ADD PRIMARY KEY"]),
    ('k VARCHAR PRIMARY KEY, n BIGINT, "at" TIMESTAMP, part VARCHAR', {}, ["'amount'", "ADD COLUMN amount decimal(10, 2)"]),
    ('k VARCHAR PRIMARY KEY, n BIGINT, amount DECIMAL(10,2), "at" TIMESTAMP, part VARCHAR, x INT NOT NULL', {}, ["'x'", "NOT NULL"]),
    (None, {"create-table": "false"}, ["does not exist", 'CREATE TABLE driver ("k" text']),
    (None, {"path": "/nowhere/shop.duckdb"}, ["/nowhere/shop.duckdb", "No such file"]),
    (None, {"path": ":memory:"}, ["'path'", "file"]),
])
def test_tables_and_paths_that_do_not_fit_are_refused_with_the_cure(tmp_path, columns, options, words):
    query(tmp_path, f"CREATE TABLE driver ({columns})" if columns else "CREATE TABLE other (a INT)", False)
    sink.says(make(tmp_path, options=options).fail(), words)


def test_without_the_library_everything_else_works_and_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MAINSTEM_DUCKDB_LIBRARY", str(tmp_path / "none.so"))
    sink.says(make(tmp_path).fail(), ["library of DuckDB", "none.so", "MAINSTEM_DUCKDB_LIBRARY"])


def test_a_query_keeps_counts_in_a_file_that_can_be_read_meanwhile(node, tmp_path):
    rows = ", ".join(f"('page{i % 7}', {i})" for i in range(100))
    node.submit(f"""
        CREATE TABLE counts (page STRING, hits BIGINT, most BIGINT, PRIMARY KEY (page) NOT ENFORCED)
          WITH ('connector' = 'duckdb', 'path' = '{tmp_path}/shop.duckdb', 'table-name' = 'counts');
        INSERT INTO counts SELECT page, COUNT(*), MAX(n) FROM (VALUES {rows}) AS t (page, n) GROUP BY page;""")
    expected = sorted((f"page{p}", sum(1 for i in range(100) if i % 7 == p), max(i for i in range(100) if i % 7 == p)) for p in range(7))
    support.wait_until(lambda: os.path.exists(tmp_path / "shop.duckdb"), "the file")

    def counts():
        try:
            return query(tmp_path, "SELECT * FROM counts ORDER BY page")
        except duckdb.CatalogException:
            return None
    support.wait_until(lambda: counts() == expected, "the counts")
