"""INSERT OVERWRITE in batch mode on a node, with real files: what is there afterwards is what Flink leaves, whatever kills the node; and
what else a query in batch mode gives: final rows only."""
import json
import os

import pytest
import support

BATCH = {"execution.runtime-mode": "batch", "parallelism.default": "2"}
PLAIN = "CREATE TABLE t (id INT, name STRING) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'json');\n"
PARTITIONED = ("CREATE TABLE t (id INT, d STRING, h INT) PARTITIONED BY (d, h) "
               "WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'json');\n")


def run(node, table, statement, settings=BATCH):
    results, error = node.results(table + statement + ";", settings)
    return [[row[1:] for row in rows] for rows in results], error


def fine(node, table, statement):
    results, error = run(node, table, statement)
    assert error is None, error
    return results


def rows(node, table):
    return sorted(fine(node, table, "SELECT * FROM t")[0])


def test_all_files_of_a_table_are_replaced_also_by_nothing(node, tmp_path):
    table = PLAIN % (tmp_path / "t")
    fine(node, table, "INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    fine(node, table, "INSERT INTO t VALUES (3, 'c')")
    (tmp_path / "t" / "_kept").write_text("not ours")
    fine(node, table, "INSERT OVERWRITE t SELECT id + 10, name FROM t WHERE id > 1")
    assert rows(node, table) == [["12", "b"], ["13", "c"]]
    assert (tmp_path / "t" / "_kept").read_text() == "not ours"
    fine(node, table, "INSERT OVERWRITE t SELECT id, name FROM t WHERE id < 0")
    assert rows(node, table) == []


def test_only_the_partitions_that_are_named_or_get_rows_are_replaced(node, tmp_path):
    table = PARTITIONED % (tmp_path / "t")
    old = "INSERT INTO t VALUES (1, 'x', 1), (2, 'x', 2), (3, 'y', 1), (4, 'z/ä', 1)"
    fine(node, table, old)
    fine(node, table, "INSERT OVERWRITE t PARTITION (d = 'x', h = 1) SELECT 10 UNION ALL SELECT 11")
    assert rows(node, table) == [["10", "x", "1"], ["11", "x", "1"], ["2", "x", "2"], ["3", "y", "1"], ["4", "z/ä", "1"]]
    fine(node, table, "INSERT OVERWRITE t PARTITION (d = 'x') VALUES (20, 2), (21, 3)")
    assert rows(node, table) == [["10", "x", "1"], ["11", "x", "1"], ["20", "x", "2"], ["21", "x", "3"], ["3", "y", "1"], ["4", "z/ä", "1"]]
    fine(node, table, "INSERT OVERWRITE t VALUES (30, 'y', 1), (31, 'z/ä', 1)")
    assert rows(node, table) == [["10", "x", "1"], ["11", "x", "1"], ["20", "x", "2"], ["21", "x", "3"], ["30", "y", "1"], ["31", "z/ä", "1"]]
    fine(node, table, "INSERT OVERWRITE t PARTITION (d = 'x', h = 1) SELECT id FROM t WHERE id < 0")
    assert rows(node, table) == [["20", "x", "2"], ["21", "x", "3"], ["30", "y", "1"], ["31", "z/ä", "1"]]


@pytest.mark.parametrize("statement,settings,message", [
    ("INSERT OVERWRITE t VALUES (1, 'a')", {}, "not possible in streaming mode"),
    ("CREATE TABLE p (id INT) WITH ('connector' = 'print'); INSERT OVERWRITE p SELECT id FROM t", BATCH, "cannot be overwritten"),
    ("INSERT INTO t /*+ OPTIONS('sink.overwrite' = '') */ VALUES (1, 'a')", BATCH, "cannot be set by hand"),
])
def test_what_cannot_be_replaced_is_refused(node, tmp_path, statement, settings, message):
    _, error = run(node, PLAIN % (tmp_path / "t"), statement, settings)
    assert error is not None and message in json.dumps(error), error


def visible(folder):
    """The rows in files that readers see."""
    found = []
    for name in sorted(os.listdir(folder)):
        if name[0] not in "._":
            with open(os.path.join(folder, name)) as file:
                found += [json.loads(line)["id"] for line in file]
    return sorted(found)


def has_finished(node, job):
    try:
        return node.api(f"/jobs/{job}")["state"] == "FINISHED"
    except OSError:  # killed meanwhile
        return False


@pytest.mark.parametrize("point", ["sink.flush:1", "sink.commit:1", *(f"sink.committed:{n}" for n in range(1, 6))])
def test_old_files_go_only_when_the_new_ones_are_whole(node, tmp_path, point):
    folder = tmp_path / "t"
    table = PLAIN % folder
    for i in range(3):
        fine(node, table, f"INSERT INTO t VALUES ({i}, 'old'), ({i + 10}, 'old')")
    old, new = visible(folder), [100, 101, 102]
    node.stop()
    node.start(crash_point=point)
    script = (f"SET 'execution.runtime-mode' = 'batch';\n{table}"
              "INSERT OVERWRITE t VALUES (100, 'new'), (101, 'new'), (102, 'new');")
    [job] = node.submit(script)
    support.wait_until(lambda: not node.running() or has_finished(node, job), "the end of the job or of the node")
    if not node.running():
        there = visible(folder)
        assert set(old) <= set(there) or set(new) <= set(there), there
        node.kill()
        node.start()
        support.wait_until(lambda: has_finished(node, job), "the end of the job")
    assert visible(folder) == new


def test_a_query_in_batch_mode_gives_its_final_rows_to_a_sink_that_takes_new_ones_only(node, tmp_path):
    table = PLAIN % (tmp_path / "t") + (
        "CREATE TABLE totals (name STRING, n BIGINT, s INT) "
        f"WITH ('connector' = 'filesystem', 'path' = '{tmp_path / 'totals'}', 'format' = 'json');\n")
    fine(node, table, "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'a'), (4, CAST(NULL AS STRING))")
    fine(node, table, "INSERT INTO totals SELECT name, COUNT(*), SUM(id) FROM t GROUP BY name")
    found, error = node.results(table + "SELECT * FROM totals ORDER BY s;", BATCH)
    assert error is None, error
    assert sorted(map(tuple, found[0]), key=str) == sorted([("+I", "b", "1", "2"), ("+I", "a", "2", "4"), ("+I", None, "1", "4")], key=str)
    joined, error = node.results(table + "SELECT a.id, b.id FROM t a LEFT JOIN t b ON a.id = b.id + 2;", BATCH)
    assert error is None, error
    assert sorted(map(tuple, joined[0]), key=lambda row: row[1]) == [
        ("+I", "1", None), ("+I", "2", None), ("+I", "3", "1"), ("+I", "4", "2")]


def test_a_job_in_batch_mode_has_no_savepoints(node, tmp_path):
    script = ("SET 'execution.runtime-mode' = 'batch';\n"
              "CREATE TABLE slow (id INT) WITH ('connector' = 'datagen', 'rows-per-second' = '1', 'number-of-rows' = '600');\n"
              "CREATE TABLE gone (id INT) WITH ('connector' = 'blackhole');\nINSERT INTO gone SELECT id FROM slow;")
    [job] = node.submit(script)
    support.wait_until(lambda: node.api(f"/jobs/{job}")["state"] == "RUNNING", "the job to run")
    status, text = node.call(f"/api/v1/jobs/{job}/savepoints", "POST", {})
    assert status >= 400 and "batch mode" in text, text
