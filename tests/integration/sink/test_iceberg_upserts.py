"""The Iceberg sink with 'write.upsert.enabled': each key has its newest row, by deletion vectors of format version 3, never by equality deletes. Read back by pyiceberg
and DuckDB, which apply the vectors themselves; through kills at any moment, at each step of a commit and in the middle of maintenance."""
import collections
import os
import subprocess

import pytest

import driver as sink
import lake_readers as readers
import support
from test_iceberg import kill_count, kill_seed

SHAPE = (2, 60, 20, 60)  # partitions, records, rows in each, keys
FAST = {"sink.commit-interval": "1 ms", "history.expire.max-snapshot-age-ms": "1"}


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    for name, value in support.S3Server.KEYS.items():
        monkeypatch.setenv(name, value)


def make(folder, shape=SHAPE, key="k", **options):
    given = {"connector": "iceberg", "catalog-type": "hadoop", "warehouse": "wh", "write.upsert.enabled": "true", "sink.commit-interval": "30 ms",
             **{name.replace("__", ".").replace("_", "-"): value for name, value in options.items()}}
    return sink.made(folder, given, shape, key=key)


def fast(**options):
    return {**{name.replace(".", "__").replace("-", "_"): value for name, value in FAST.items()}, **options}


def model(shape):
    return collections.Counter((k, n, cents, part) for k, (n, cents, _, part) in sink.table_model(*shape).items())


def check(table, shape=SHAPE):
    got = readers.counted(table)
    assert got == model(shape), (len(got), list((got - model(shape)).items())[:3], list((model(shape) - got).items())[:3])
    assert readers.positions(table) == {str(partition): shape[1] for partition in range(shape[0])}
    deletes = table.inspect.delete_files().to_pylist()
    assert all(file["file_format"] == "PUFFIN" and file["content"] == 1 for file in deletes)
    return table.inspect.data_files().to_pylist(), deletes


def check_everywhere(folder, shape=SHAPE):
    table = readers.local_table(folder / "wh")
    assert table.format_version == 3
    found = check(table, shape)
    assert collections.Counter(readers.duckdb_rows(f"iceberg_scan('{folder}/wh/default/driver')")) == model(shape)
    return found


@pytest.mark.parametrize("partitioned_by", [None, "part", "bucket(3, n)"])
def test_each_key_has_its_newest_row(tmp_path, partitioned_by):
    make(tmp_path, **({"partitioned_by": partitioned_by} if partitioned_by else {}), sink__maintenance="false").finish()
    data, deletes = check_everywhere(tmp_path)
    assert len(deletes) > 1
    # A file has one vector at most, and rows that are deleted are counted.
    assert len({file["file_path"] for file in data}) == len(data) >= len(deletes)
    live = sum(file["record_count"] for file in data) - sum(file["record_count"] for file in deletes)
    assert live == len(sink.table_model(*SHAPE))


def test_what_is_deleted_goes_when_files_are_merged(tmp_path):
    shape = (2, 300, 5, 60)
    make(tmp_path, shape, **fast()).finish()
    data, deletes = check_everywhere(tmp_path, shape)
    assert len(data) <= 20 and len(deletes) <= len(data)
    assert sum(file["record_count"] for file in data) < 600  # of 3,000 that were written
    table = readers.local_table(tmp_path / "wh")
    assert len(table.snapshots()) <= 20 and "mainstem.maintenance.problem" not in table.properties


def test_goes_on_where_another_process_has_stopped(tmp_path):
    for records in (7, 21, 60):
        make(tmp_path, (2, records, 20, 60), **fast()).finish()
    check_everywhere(tmp_path)


def test_one_commit_with_long_and_short_vectors(tmp_path):
    """A few small files, a large one, then a commit that replaces rows in all of them: DuckDB 1.5.5 is particular about how their vectors lie in one file."""
    runs = [(12, 9000)] * 7 + [(8000, 9000)] * 2  # rows, keys: each a commit
    table = {}
    for record, (rows, keys) in enumerate(runs):
        make(tmp_path, (1, record + 1, rows, keys), sink__maintenance="false").finish()
        for row in range(rows):
            mix = sink.mix(0, record, row)
            key = f"p0-{mix % keys}"
            table.pop(key, None)
            if mix // 64 % 5 != 0:
                table[key] = (key, record * rows + row, mix % 100000, None if mix % 7 == 0 else f"d/{mix % 3}")
    expected = collections.Counter(table.values())
    assert readers.counted(readers.local_table(tmp_path / "wh")) == expected
    got = collections.Counter(readers.duckdb_rows(f"iceberg_scan('{tmp_path}/wh/default/driver')"))
    assert got == expected, (sum(got.values()), sum(expected.values()))


@pytest.mark.parametrize("partitioned_by", [None, "part"])
def test_kills_at_any_moment_change_nothing(tmp_path, partitioned_by):
    kills = kill_count()
    shape = (2, 20 * kills, 5, 60)
    driver = make(tmp_path, shape, **fast(**({"partitioned_by": partitioned_by} if partitioned_by else {})))
    hits = sink.deliver_with_kills(driver, kill_seed(), kills, points=("sink.commit", "sink.committed", "sink.maintenance"))
    check_everywhere(tmp_path, shape)
    assert sum(hits.values()) == kills, hits


def test_kills_change_nothing_in_a_bucket(s3, tmp_path):
    kills = kill_count() // 2
    shape = (2, 20 * kills, 5, 60)
    driver = make(tmp_path, shape, **fast(warehouse=f"s3://lake1/{tmp_path.name}", s3__endpoint=s3.url))
    hits = sink.deliver_with_kills(driver, kill_seed(), kills, points=("sink.commit", "sink.committed", "sink.maintenance"))
    key = readers.newest_metadata(s3.keys(f"{tmp_path.name}/default/driver/metadata/"))
    check(readers.static_table(f"s3://lake1/{key}", **readers.s3_properties(s3)), shape)
    source = f"iceberg_scan('s3://lake1/{tmp_path.name}/default/driver')"
    assert collections.Counter(readers.duckdb_rows(source, before=readers.duckdb_s3(s3))) == model(shape)
    assert sum(hits.values()) == kills, hits


@pytest.mark.parametrize("options, words", [
    ({"key": None}, ["'write.upsert.enabled'", "PRIMARY KEY"]),
    ({"format_version": "2"}, ["'format-version'", "use '3'"]),
])
def test_refuses_what_cannot_be_meant(tmp_path, options, words):
    sink.says(make(tmp_path, **options).fail(), words)


def test_a_table_of_an_older_version_is_refused(tmp_path):
    sink.made(tmp_path, {"connector": "iceberg", "catalog-type": "hadoop", "warehouse": "wh"}, (1, 3, 5, 60), append=True).finish()
    sink.says(make(tmp_path).fail(), ["format version 3", "'format-version' to '3'"])
    assert os.path.exists(tmp_path / "wh/default/driver/metadata/version-hint.text")


def test_an_aggregate_is_kept_by_a_query(tmp_path):
    events = [(f"u{i % 7}", i % 100) for i in range(20_000)]
    (tmp_path / "ev.jsonl").write_text("".join(f'{{"user_id": "{user}", "amount": {amount}}}\n' for user, amount in events))
    (tmp_path / "q.sql").write_text(f"""
        CREATE TABLE ev (user_id STRING, amount INT) WITH ('connector' = 'filesystem', 'path' = '{tmp_path}/ev.jsonl', 'format' = 'json');
        CREATE TABLE totals (user_id STRING, c BIGINT, total BIGINT, PRIMARY KEY (user_id) NOT ENFORCED) WITH ('connector' = 'iceberg', 'catalog-type' = 'hadoop',
          'warehouse' = '{tmp_path}/wh', 'catalog-database' = 'shop', 'catalog-table' = 'totals', 'write.upsert.enabled' = 'true', 'sink.commit-interval' = '30 ms');
        INSERT INTO totals SELECT user_id, COUNT(*), SUM(amount) FROM ev GROUP BY user_id;""")
    expected = {}
    for user, amount in events:
        count, total = expected.get(user, (0, 0))
        expected[user] = (count + 1, total + amount)
    wanted = sorted((user, count, total) for user, (count, total) in expected.items())
    for _ in range(2):  # the second run replaces each row by the same one
        run = subprocess.run([support.BINARY, "run", str(tmp_path / "q.sql")], capture_output=True, text=True, timeout=90)
        assert run.returncode == 0, run.stdout + run.stderr
        assert sorted(tuple(row.values()) for row in readers.local_table(tmp_path / "wh", "shop/totals").scan().to_arrow().to_pylist()) == wanted
        assert readers.duckdb_rows(f"iceberg_scan('{tmp_path}/wh/shop/totals')", "user_id, c, total", rest="ORDER BY user_id") == wanted
