"""What the Iceberg sink does to keep a table fit, beside its appends: small files and manifests merged, old snapshots and what crashes left removed. Through
kills in the middle of it, and beside another engine that appends and deletes, every row is there once, and pyiceberg and DuckDB read them."""
import collections
import glob
import os
import random
import time

import pytest

import driver as sink
import lake_readers as readers
import support
from iceberg_rest import RestCatalog
from test_iceberg import check, check_everywhere, kill_count, kill_seed, make, model, rest, rest_table

COMMITS = (2, 300, 5, 60)  # a hundred commits of each partition
FAST = {"sink__commit_interval": "0 ms", "history__expire__max_snapshot_age_ms": "1"}


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    for name, value in support.S3Server.KEYS.items():
        monkeypatch.setenv(name, value)


def parquet_files(folder):
    return glob.glob(f"{folder}/**/*.parquet", recursive=True)


def check_fit(table, partitions=1):
    """Few files and manifests, however many commits there were; few snapshots; each file in the newest one is whole."""
    assert len(table.inspect.files()) <= 16 * partitions
    assert len(table.inspect.manifests()) <= 20
    assert len(table.snapshots()) <= 20
    assert "mainstem.maintenance.problem" not in table.properties


@pytest.mark.parametrize("partitioned", [False, True])
def test_what_a_reader_opens_does_not_grow_with_the_commits(tmp_path, partitioned):
    make(tmp_path, COMMITS, ["--partition-by", "part"] if partitioned else [], **FAST).finish()
    check_everywhere(tmp_path, COMMITS)
    table = readers.local_table(tmp_path / "wh")
    check_fit(table, 4 if partitioned else 1)
    assert any("/merged-" in file["file_path"] for file in table.inspect.files().to_pylist())
    # Those of the few snapshots that are left: not the two hundred that were written.
    assert len(parquet_files(tmp_path / "wh")) < 100
    assert int(table.current_snapshot().sequence_number) > 100


def test_without_maintenance_everything_stays(tmp_path):
    shape = (1, 60, 5, 60)
    make(tmp_path, shape, sink__maintenance="false", **FAST).finish()
    files = check_everywhere(tmp_path, shape)
    table = readers.local_table(tmp_path / "wh")
    assert len(files) == int(table.current_snapshot().sequence_number) == len(table.snapshots()) == 20
    assert table.properties["history.expire.max-snapshot-age-ms"] == "1"
    assert "write.metadata.delete-after-commit.enabled" not in table.properties


def test_new_tables_forget_what_is_two_hours_old(tmp_path):
    shape = (1, 60, 5, 60)
    make(tmp_path, shape, sink__commit_interval="0 ms").finish()
    table = readers.local_table(tmp_path / "wh")
    assert table.properties["history.expire.max-snapshot-age-ms"] == "7200000"
    assert len(table.snapshots()) >= 20  # each checkpoint's append, whatever was merged beside them
    assert len(check_everywhere(tmp_path, shape)) < 10
    # The rows as they were at any snapshot: their files are there.
    first = min(table.snapshots(), key=lambda snapshot: snapshot.sequence_number)
    assert table.scan(snapshot_id=first.snapshot_id).to_arrow().num_rows == 15


@pytest.mark.parametrize("partitioned", [False, True])
def test_kills_in_the_middle_of_maintenance_change_nothing(tmp_path, partitioned):
    kills = kill_count()
    shape = (2, 20 * kills, 5, 60)
    driver = make(tmp_path, shape, ["--partition-by", "part"] if partitioned else [], **FAST)
    hits = sink.deliver_with_kills(driver, kill_seed(), kills, points=("sink.maintenance", "sink.commit", "sink.committed"))
    check_everywhere(tmp_path, shape)
    check_fit(readers.local_table(tmp_path / "wh"), 4 if partitioned else 1)
    assert sum(hits.values()) == kills and hits["sink.maintenance"] > 0, hits


def test_kills_in_the_middle_of_maintenance_change_nothing_in_a_bucket(s3, tmp_path):
    kills = kill_count() // 2
    shape = (2, 20 * kills, 5, 60)
    driver = make(tmp_path, shape, warehouse=f"s3://lake1/{tmp_path.name}", s3__endpoint=s3.url, **FAST)
    hits = sink.deliver_with_kills(driver, kill_seed(), kills, points=("sink.maintenance", "sink.commit", "sink.committed"))
    key = readers.newest_metadata(s3.keys(f"{tmp_path.name}/default/driver/metadata/"))
    table = readers.static_table(f"s3://lake1/{key}", **readers.s3_properties(s3))
    check(table, shape)
    check_fit(table)
    assert sum(hits.values()) == kills, hits


def test_kills_change_nothing_with_a_rest_catalog(tmp_path):
    kills = kill_count()
    shape = (2, 20 * kills, 5, 60)
    with RestCatalog(tmp_path, f"file://{tmp_path}/wh") as catalog:
        driver = rest(catalog, tmp_path, shape, **FAST)
        hits = sink.deliver_with_kills(driver, kill_seed(), kills, points=("sink.maintenance", "sink.commit", "sink.committed"))
        check(rest_table(catalog), shape)
        check_fit(rest_table(catalog))
        assert sum(hits.values()) == kills, hits


def test_another_engine_appends_and_deletes_meanwhile(tmp_path):
    """pyiceberg comes first again and again: before appends and before what maintenance commits. What it deletes stays deleted, what it adds stays."""
    import pyarrow
    rng = random.Random(5)
    shape = (1, 120, 20, 60)
    with RestCatalog(tmp_path, f"file://{tmp_path}/wh") as catalog:
        rest(catalog, tmp_path, (1, 1, 20, 60), **FAST).finish()
        schema = rest_table(catalog).schema().as_arrow()
        counts = collections.Counter()

        def decide(number, method, path):
            if method == "POST" and path.endswith("/tables/driver") and rng.random() < 0.3 and counts.total() < 24:
                table = catalog.catalog.load_table("shop.driver")
                if counts["appended"] > counts["deleted"] and rng.random() < 0.5:
                    counts["deleted"] += 1
                    table.delete(f"k = 'other' and n = {-counts['deleted']}")
                else:
                    counts["appended"] += 1
                    row = {"k": "other", "n": -counts["appended"], "amount": None, "at": None, "part": None}
                    table.append(pyarrow.Table.from_pylist([row], schema))
            return None

        catalog.decide = decide
        rest(catalog, tmp_path, shape, **FAST).finish()
        catalog.decide = None
        rows = rest_table(catalog).scan().to_arrow().to_pylist()
        assert sorted(row["n"] for row in rows if row["k"] == "other") == list(range(-counts["appended"], -counts["deleted"]))
        assert collections.Counter(row["n"] for row in rows if row["k"] != "other") == collections.Counter(range(2400))
        assert counts["appended"] > 8 and counts["deleted"] > 4, counts
        assert any("/merged-" in file["file_path"] for file in rest_table(catalog).inspect.files().to_pylist())


def test_orphans_go_and_only_they(tmp_path):
    shape = (1, 60, 5, 60)
    with RestCatalog(tmp_path, f"file://{tmp_path}/wh") as catalog:
        rest(catalog, tmp_path, (1, 30, 5, 60), arguments=["--partition-by", "part"], sink__commit_interval="1 ms").finish()
        with rest_table(catalog).transaction() as transaction:  # as if the last time were long ago
            transaction.set_properties({"mainstem.maintenance.orphans-ms": "1000"})
        table = rest_table(catalog)
        data = table.location().removeprefix("file://") + "/data"
        strays = [f"{data}/00000-1-dead.parquet", f"{data}/part=x/.0123456789abcdef.tmp", f"{data}/../metadata/dead-m0.avro"]
        kept = [f"{data}/notes.txt", f"{data}/../lost.parquet", f"{data}/.hidden.tmp"]
        for path in [*strays, *kept]:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            open(path, "w").write("x")
            os.utime(path, (time.time() - 7200,) * 2)
        # Three days is what they are left for when nothing is said.
        rest(catalog, tmp_path, (1, 31, 5, 60), sink__commit_interval="1 ms").finish()
        assert all(os.path.exists(path) for path in [*strays, *kept])
        with rest_table(catalog).transaction() as transaction:
            transaction.set_properties({"mainstem.maintenance.orphans-ms": "1000"})
        rest(catalog, tmp_path, shape, sink__commit_interval="1 ms", sink__orphan_age="61 min").finish()
        assert [path for path in strays if os.path.exists(path)] == []
        assert all(os.path.exists(path) for path in kept)
        check(rest_table(catalog), shape)
        for snapshot in rest_table(catalog).snapshots():
            rest_table(catalog).scan(snapshot_id=snapshot.snapshot_id).to_arrow()


def test_columns_that_were_added_later_are_null_in_what_is_merged(tmp_path):
    from pyiceberg.types import IntegerType
    with RestCatalog(tmp_path, f"file://{tmp_path}/wh") as catalog:
        rest(catalog, tmp_path, (1, 18, 5, 60), sink__maintenance="false", **FAST).finish()
        with rest_table(catalog).update_schema() as update:
            update.add_column("extra", IntegerType())
            update.rename_column("part", "piece")
        with rest_table(catalog).update_schema() as update:
            update.add_column("part", IntegerType())  # another one, of the same name
        with rest_table(catalog).update_schema() as update:
            update.rename_column("part", "other")
        with rest_table(catalog).update_schema() as update:
            update.rename_column("piece", "part")
        rest(catalog, tmp_path, (1, 60, 5, 60), **FAST).finish()
        rows = rest_table(catalog).scan().to_arrow().to_pylist()
        assert collections.Counter((r["k"], r["n"], int(r["amount"] * 100), r["part"]) for r in rows) == model((1, 60, 5, 60))
        assert all(r["extra"] is None and r["other"] is None for r in rows)
        check_fit(rest_table(catalog))
