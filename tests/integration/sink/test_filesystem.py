"""The file sink under kills: every row is in exactly one visible file, whatever the format, with and without partitions."""
import collections
import csv
import json
import os
import random
import time

import pyarrow.parquet as parquet
import pytest

import driver as sink
import support

SHAPE = (2, 600, 20, 60)  # partitions, records, rows in each, keys


def make(folder, shape, arguments=(), **options):
    partitions, records, rows, keys = shape
    options = {"connector": "filesystem", "path": "out", "format": "parquet", "sink.rolling-policy.rollover-interval": "30 ms",
               **{name.replace("__", ".").replace("_", "-"): value for name, value in options.items()}}
    return sink.Driver(folder, options, ["--append", "--partitions", partitions, "--records", records, "--rows", rows, "--keys", keys,
                                         *arguments])


def visible_files(root):
    """What a reader sees: no name on the way begins with '.' or '_'."""
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name[0] not in "._"]
        for name in names:
            if name[0] not in "._":
                yield os.path.join(folder, name)


def read_rows(path):
    if path.endswith(".parquet"):
        return [(r["k"], r["n"], int(r["amount"] * 100), r["at"], r.get("part")) for r in parquet.ParquetFile(path).read().to_pylist()]
    with open(path) as file:
        if path.endswith(".csv"):
            return [(r[0], int(r[1]), round(float(r[2]) * 100), r[3], r[4] if len(r) > 4 else None) for r in csv.reader(file)]
        return [(r["k"], r["n"], round(float(r["amount"]) * 100), r["at"], r.get("part")) for r in map(json.loads, file)]


def check(folder, shape, partitioned=False):
    expected = collections.Counter((k, n, cents, part) for k, n, cents, _, part, _ in sink.rows(*shape))
    got = collections.Counter()
    for path in visible_files(folder / "out"):
        part_of_folder = None
        if partitioned:
            value = os.path.basename(os.path.dirname(path)).split("=", 1)[1]
            part_of_folder = None if value == "__DEFAULT_PARTITION__" else value.replace("%2F", "/")
        for k, n, cents, _, part in read_rows(path):
            got[(k, n, cents, part_of_folder if partitioned else part)] += 1
    assert got == expected, (len(got), len(expected), list((got - expected).items())[:3], list((expected - got).items())[:3])
    leftovers = [name for _, _, names in os.walk(folder / "out") for name in names if name.startswith(".inprogress")]
    assert not leftovers


@pytest.mark.parametrize("format_name", ["parquet", "json", "csv"])
@pytest.mark.parametrize("partitioned", [False, True])
def test_every_row_is_in_one_file(tmp_path, format_name, partitioned):
    shape = (2, 60, 20, 60)
    if format_name == "csv" and not partitioned:
        pytest.skip("NULL and empty text look the same in CSV; the partitioned case covers the format")
    make(tmp_path, shape, ["--partition-by", "part"] if partitioned else [], format=format_name).finish()
    check(tmp_path, shape, partitioned)


@pytest.mark.parametrize("partitioned", [False, True])
def test_kills_at_any_moment_and_at_the_commit_change_nothing(tmp_path, partitioned):
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))
    kills = (100 if support.FULL else 24) // (1 if support.FULL else 2)
    print(f"KILL_SEED={seed}")
    shape = (2, sink.RECORDS_PER_KILL * kills, 5, 60)
    arguments = ["--partition-by", "part"] if partitioned else []
    driver = make(tmp_path, shape, arguments, sink__rolling_policy__rollover_interval="1 ms", **{"sink__partition-commit__policy__kind": "success-file"})
    hits = sink.deliver_with_kills(driver, random.Random(seed), kills)
    check(tmp_path, shape, partitioned)
    marked = {folder for folder, _, names in os.walk(tmp_path / "out") if "_SUCCESS" in names}
    assert marked == ({os.path.dirname(path) for path in visible_files(tmp_path / "out")} if partitioned else set())
    assert sum(hits.values()) == kills, hits


def test_files_are_rolled_by_size(tmp_path):
    options = {"connector": "filesystem", "path": "out", "format": "json", "sink.rolling-policy.file-size": "100kb"}
    sink.Driver(tmp_path, options, ["--append", "--records", 400, "--rows", 50]).finish()
    check(tmp_path, (1, 400, 50, 50))
    sizes = [os.path.getsize(path) for path in visible_files(tmp_path / "out")]
    assert len(sizes) > 5 and all(100 * 1024 <= size < 120 * 1024 for size in sorted(sizes)[1:]), sizes


def test_parquet_files_are_rolled_by_size_too(tmp_path):
    options = {"connector": "filesystem", "path": "out", "format": "parquet", "sink.rolling-policy.file-size": "100kb"}
    sink.Driver(tmp_path, options, ["--append", "--records", 400, "--rows", 100]).finish()
    check(tmp_path, (1, 400, 100, 50))
    sizes = [os.path.getsize(path) for path in visible_files(tmp_path / "out")]
    assert len(sizes) > 3 and max(sizes) < 250 * 1024, sizes


@pytest.mark.parametrize("codec", ["UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD"])
def test_parquet_is_compressed_as_asked(tmp_path, codec):
    shape = (1, 20, 20, 60)
    make(tmp_path, shape, parquet__compression=codec).finish()
    check(tmp_path, shape)
    path = next(iter(visible_files(tmp_path / "out")))
    file = parquet.ParquetFile(path)
    assert file.metadata.row_group(0).column(0).compression == codec
    assert [str(field.type) for field in file.schema_arrow] == ["string", "int64", "decimal128(10, 2)", "timestamp[ms]", "string"]


REFUSALS = [
    ({"format": "parkett"}, ["parkett"]),
    ({"parquet.compression": "SNAPY"}, ["SNAPY", "did you mean 'SNAPPY'"]),
    ({"path": "gs://bucket/x"}, ["cannot be written"]),
    ({"sink.rolling-policy.file-size": "many"}, ["must be a size"]),
    ({"sink.rolling-policy.filesize": "1mb"}, ["has no option", "did you mean 'sink.rolling-policy.file-size'"]),
    ({"auto-compaction": "true"}, ["auto-compaction"]),
    ({"sink.partition-commit.policy.kind": "metastore,success-file"}, ["metastore", "use 'success-file'"]),
    ({"sink.partition-commit.policy.kind": "success-file", "sink.partition-commit.trigger": "partition-time"}, ["watermark", "process-time"]),
    ({"sink.partition-commit.policy.kind": "success-file", "sink.partition-commit.delay": "1 h"}, ["delay", "0 s"]),
]


@pytest.mark.parametrize("options,expected", REFUSALS)
def test_says_what_is_wrong(tmp_path, options, expected):
    message = make(tmp_path, (1, 1, 1, 1), **options).fail()
    for text in expected:
        assert text in message, message


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "out").write_text("a file")
    message = make(tmp_path, (1, 1, 1, 1), ["--max-failures", 1]).fail()
    assert "out" in message
