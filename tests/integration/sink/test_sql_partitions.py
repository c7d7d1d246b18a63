"""INSERT with static partitions on a node, with real files: what is there afterwards is what Flink leaves."""
import json
import os

import pytest


def execute(node, script, **settings):
    """The rows of each query without their kinds, and the error that ended the script, if one did."""
    results, error = node.results(script, {"parallelism.default": "2", **settings})
    return [[row[1:] for row in rows] for rows in results], error


def table(folder):
    return ("CREATE TABLE t (id INT, d STRING, name STRING, h INT) PARTITIONED BY (d, h) "
            f"WITH ('connector' = 'filesystem', 'path' = '{folder}', 'format' = 'json');\n")


def rows(node, folder):
    results, error = execute(node, table(folder) + "SELECT * FROM t;")
    assert error is None, error
    return sorted(results[0])


def insert(node, folder, statement):
    return execute(node, table(folder) + statement + ";")[1]


def test_a_static_partition_gives_all_rows_its_values(node, tmp_path):
    folder = tmp_path / "t"
    assert insert(node, folder, "INSERT INTO t PARTITION (d = '2026-01-01', h = 7) SELECT 1, 'a' UNION ALL SELECT 2, 'b'") is None
    assert insert(node, folder, "INSERT INTO t PARTITION (d = '2026-01-01') SELECT 3, 'c', 8") is None
    assert insert(node, folder, "INSERT INTO t PARTITION (h = '9') (name, id, d) SELECT 'd', 4, 'x/y'") is None
    assert rows(node, folder) == [["1", "2026-01-01", "a", "7"], ["2", "2026-01-01", "b", "7"], ["3", "2026-01-01", "c", "8"], ["4", "x/y", "d", "9"]]
    assert sorted(os.path.relpath(path, folder) for path, folders, _ in os.walk(folder) if not folders and "_mainstem" not in path) == [
        "d=2026-01-01/h=7", "d=2026-01-01/h=8", "d=x%2Fy/h=9"]


@pytest.mark.parametrize("statement,message", [
    ("INSERT INTO t PARTITION (name = 'x') SELECT 1, 'x', 1", "'name' is no partition column"),
    ("INSERT INTO t PARTITION (d = 'x') SELECT 1, 'x', 'a', 1", "the query has 4 columns, but 3"),
    ("INSERT INTO t PARTITION (d = 'x') (id, d) SELECT 1, 'x'", "has its value in PARTITION already"),
    ("INSERT INTO t PARTITION (h = 'x') SELECT 1, 'x', 'a'", "INT"),
])
def test_what_flink_refuses_is_refused(node, tmp_path, statement, message):
    error = insert(node, tmp_path / "t", statement)
    assert error is not None and message in json.dumps(error), error
