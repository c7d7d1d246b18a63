"""Iceberg tables read by Apache Spark, the strictest of readers (full tier): appended to, partitioned, upserted to by deletion vectors, and after Spark has written
to them itself."""
import collections
import json
import os
import subprocess

import pytest

import driver as sink
import support
import test_iceberg as appends
import test_iceberg_upserts as upserts
from iceberg_rest import RestCatalog

SPARK = os.path.join(support.ROOT, ".deps/lake-spark")
pytestmark = [pytest.mark.skipif(not support.FULL, reason="Spark's start takes 30 s: run ./test full"),
              pytest.mark.skipif(not os.path.isdir(os.path.join(SPARK, "jars")), reason="Spark is not installed: run scripts/setup full")]
COLUMNS = "k, n, CAST(amount * 100 AS BIGINT), part"


def spark(folder, *statements):
    return spark_at(str(folder / "wh"), *statements)


def spark_at(place, *statements):
    """The rows of each statement."""
    jars = [os.path.join(SPARK, "jars", name) for name in sorted(os.listdir(os.path.join(SPARK, "jars")))]
    run = subprocess.run([os.path.join(SPARK, "venv/bin/python"), os.path.join(os.path.dirname(os.path.abspath(__file__)), "spark_lake.py"),
                          place, ",".join(jars)], input=json.dumps(statements), capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-4000:]
    return [json.loads(line[5:]) for line in run.stdout.splitlines() if line.startswith("rows ")]


def counted(rows):
    return collections.Counter(map(tuple, rows))


@pytest.mark.parametrize("partitioned_by", [None, "day(at), bucket(4, n)"])
def test_spark_reads_what_was_appended_and_we_go_on_behind_its_rows(tmp_path, partitioned_by):
    shape, longer = (2, 20, 10, 60), (2, 40, 10, 60)
    options = {"partitioned_by": partitioned_by} if partitioned_by else {}
    appends.make(tmp_path, shape, **options).finish()
    own = [("x", -1, 150, "d/0")]
    everything, filtered, _, total = spark(
        tmp_path, f"SELECT {COLUMNS} FROM lake.default.driver", f"SELECT {COLUMNS} FROM lake.default.driver WHERE n < 37 AND part = 'd/1'",
        "INSERT INTO lake.default.driver VALUES ('x', -1, 1.50, TIMESTAMP_NTZ '2026-01-01 00:00:00', 'd/0')",
        "SELECT count(*) FROM lake.default.driver")
    expected = appends.model(shape)
    assert counted(everything) == expected
    assert counted(filtered) == collections.Counter({row: count for row, count in expected.items() if row[1] < 37 and row[3] == "d/1"})
    assert total == [[sum(expected.values()) + 1]]
    appends.make(tmp_path, longer, **options).finish()
    everything, = spark(tmp_path, f"SELECT {COLUMNS} FROM lake.default.driver")
    assert counted(everything) == appends.model(longer) + collections.Counter(own)


@pytest.mark.parametrize("partitioned_by", [None, "bucket(3, n)"])
def test_spark_reads_rows_that_were_replaced_and_deleted_by_vectors(tmp_path, partitioned_by):
    options = {"partitioned_by": partitioned_by} if partitioned_by else {}
    upserts.make(tmp_path, **options, sink__maintenance="false").finish()
    everything, files = spark(tmp_path, f"SELECT {COLUMNS} FROM lake.default.driver",
                              "SELECT content, file_format, count(*) FROM lake.default.driver.files GROUP BY content, file_format ORDER BY content")
    assert counted(everything) == upserts.model(upserts.SHAPE)
    assert [row[:2] for row in files] == [[0, "PARQUET"], [1, "PUFFIN"]] and files[1][2] > 0


@pytest.mark.parametrize("partitioned_by", [None, "day(at), bucket(4, n)"])
def test_spark_reads_and_writes_a_table_of_a_rest_catalog_beside_us(tmp_path, partitioned_by):
    shape, longer = (2, 20, 10, 60), (2, 40, 10, 60)
    options = {"partitioned_by": partitioned_by} if partitioned_by else {}
    with RestCatalog(tmp_path, f"file://{tmp_path}/wh") as catalog:
        appends.rest(catalog, tmp_path, shape, **options).finish()
        everything, _, columns = spark_at(
            catalog.url, f"SELECT {COLUMNS} FROM lake.shop.driver",
            "INSERT INTO lake.shop.driver VALUES ('x', -1, 1.50, TIMESTAMP_NTZ '2026-01-01 00:00:00', 'd/0')", "DESCRIBE lake.shop.driver")
        assert counted(everything) == appends.model(shape)
        assert [row[:2] for row in columns[:5]] == [["k", "string"], ["n", "bigint"], ["amount", "decimal(10,2)"], ["at", "timestamp_ntz"], ["part", "string"]]
        appends.rest(catalog, tmp_path, longer, **options).finish()
        everything, = spark_at(catalog.url, f"SELECT {COLUMNS} FROM lake.shop.driver")
    assert counted(everything) == appends.model(longer) + collections.Counter([("x", -1, 150, "d/0")])


def test_spark_reads_a_table_whose_files_were_merged(tmp_path):
    shape = (2, 300, 5, 60)
    upserts.make(tmp_path, shape, **upserts.fast()).finish()
    everything, snapshots = spark(tmp_path, f"SELECT {COLUMNS} FROM lake.default.driver", "SELECT count(*) FROM lake.default.driver.snapshots")
    assert counted(everything) == upserts.model(shape) and snapshots[0][0] <= 20
    assert len(sink.table_model(*shape)) == sum(counted(everything).values())
