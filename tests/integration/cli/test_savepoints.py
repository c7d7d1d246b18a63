"""Savepoints by the CLI and by SQL: windows that a drain closes, a script in this process that goes on from a node's savepoint, and the
errors of those that can't be written or do not fit. Kills: tests/integration/kill/test_savepoints_kill.py."""
import json
import os
import subprocess

from confluent_kafka import Producer

import support

TABLES = """
CREATE TABLE clicks (page STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'kafka', 'topic' = 'clicks',
  'properties.bootstrap.servers' = '{kafka}', 'scan.startup.mode' = 'earliest-offset', 'format' = 'json');
CREATE TABLE counts (page STRING, ends TIMESTAMP(3), c BIGINT) WITH ('connector' = 'kafka', 'topic' = 'counts',
  'properties.bootstrap.servers' = '{kafka}', 'format' = 'json');
SET 'execution.checkpointing.interval' = '100 ms';
"""
WINDOWS = """INSERT INTO counts SELECT page, window_end, COUNT(*)
  FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY page, window_start, window_end;"""


def click(node, *times):
    producer = Producer({"bootstrap.servers": node.kafka, "acks": "all"})
    for time in times:
        producer.produce("clicks", json.dumps({"page": "a", "ts": f"2026-01-01 {time}"}))
    assert producer.flush(30) == 0


def begin(node, script, **values):
    for topic in ("clicks", "counts"):
        if topic not in [t["name"] for t in node.api("/topics")["topics"]]:
            node.api("/topics", "POST", {"name": topic})
    job, = node.submit(script.format(kafka=node.kafka, **values))
    return job


def rows(node):
    records = node.api("/topics/counts/records?from=earliest&limit=100")["records"]
    return [(value["ends"], value["c"]) for value in (r["value"] for r in records)]


def await_read(node, job):
    def read():
        sources = [op for op in node.api(f"/jobs/{job}")["operators"] if op["name"].startswith("Source")]
        return sources and all(op["lag_records"] == 0 and op["rows_out"] > 0 for op in sources)
    support.wait_until(read, "the source to be read")


def test_a_job_is_not_resumed_beside_one_that_began_with_its_savepoint(node):
    job = begin(node, TABLES + WINDOWS)
    click(node, "10:00:05")
    await_read(node, job)
    path = node.cli("job", "stop", job, "--savepoint").stdout.split()[1]
    listed = {j["id"]: j for j in json.loads(node.cli("--json", "job", "list").stdout)["jobs"]}
    assert listed[job]["savepoint"]["path"] == path and path[-12:] in node.cli("job", "list").stdout.replace("\n", "")
    assert {s["state"] for s in node.api(f"/jobs/{job}")["sinks"]} <= {"ended"}
    second, = json.loads(node.cli("--json", "job", "submit", "-", "--from-savepoint", path,
                                  stdin=(TABLES + WINDOWS).format(kafka=node.kafka)).stdout)["job_ids"]
    refused = node.cli("job", "resume", job, check=False)
    assert refused.returncode != 0 and f"'{second}'" in refused.stderr and "--beside-successor" in refused.stderr, refused.stderr
    node.cli("job", "resume", job, "--beside-successor")
    node.cli("job", "stop", job)
    node.cli("job", "cancel", second)
    node.cli("job", "delete", second)
    node.cli("job", "resume", job)
    assert node.api(f"/jobs/{job}")["state"] == "RUNNING"
    typo = node.cli("job", "show", job[:-1], check=False)
    assert typo.returncode != 0 and f"'{job}'" in typo.stderr
    node.cli("job", "cancel", job)


def test_a_stop_keeps_open_windows_and_a_drain_closes_them(node, tmp_path):
    job = begin(node, TABLES + WINDOWS)
    click(node, "10:00:05", "10:00:10")
    await_read(node, job)
    answers = node.sql(f"STOP JOB '{job}' WITH SAVEPOINT")
    assert {"columns": [{"name": "savepoint path", "type": "STRING"}]} in answers, answers
    path = next(a["rows"][0][1] for a in answers if "rows" in a)
    assert path.startswith(f"{node.data}/savepoints/savepoint-{job}-") and os.path.exists(path + "/manifest")
    assert rows(node) == []  # the window is still open
    assert node.api(f"/jobs/{job}")["state"] == "STOPPED"

    click(node, "10:00:20")
    result = json.loads(node.cli("--json", "job", "submit", "-", "--from-savepoint", path,
                                 stdin=(TABLES + WINDOWS).format(kafka=node.kafka)).stdout)
    second, = result["job_ids"]
    await_read(node, second)
    out = node.cli("job", "stop", second, "--savepoint", "--drain", "--dir", str(tmp_path / "kept")).stdout
    drained = out.split()[1]
    assert drained.startswith(str(tmp_path / "kept"))
    assert rows(node) == [("2026-01-01 10:01:00", 3)]  # closed by the drain, with the rows of both jobs

    # From a drained one: rows are not late, the window opens a second time, as in Flink.
    third = begin(node, TABLES + "SET 'execution.savepoint.path' = '{path}';" + WINDOWS, path=drained)
    click(node, "10:00:30", "10:01:30")
    support.wait_until(lambda: len(rows(node)) == 2, "the window")
    assert rows(node)[1] == ("2026-01-01 10:01:00", 1)
    node.cli("job", "cancel", third)
    for old in (job, second, third):
        node.cli("job", "delete", old)
    assert os.path.exists(path) and os.path.exists(drained)


def test_a_savepoint_is_left_while_the_job_goes_on_and_of_one_that_is_stopped(node, tmp_path):
    job = begin(node, TABLES + WINDOWS)
    click(node, "10:00:05", "10:01:10")
    support.wait_until(lambda: len(rows(node)) == 1, "the first window")
    first = node.cli("job", "savepoint", job, "--dir", str(tmp_path / "kept")).stdout.split()[1]
    shown = node.cli("job", "show", job).stdout
    assert f"savepoint {first}" in shown
    click(node, "10:02:10")
    support.wait_until(lambda: len(rows(node)) == 2, "the second window: the job goes on")
    node.cli("job", "stop", job)
    second = json.loads(node.cli("--json", "job", "savepoint", job).stdout)["path"]
    assert node.api(f"/jobs/{job}")["state"] == "STOPPED" and os.path.exists(second + "/manifest")
    node.cli("job", "resume", job)
    support.wait_until(lambda: node.api(f"/jobs/{job}")["state"] == "RUNNING", "the job")


def test_a_script_in_this_process_goes_on_from_the_savepoint_of_a_node(node, tmp_path):
    script = """
CREATE TABLE clicks (page STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '{folder}',
  'format' = 'json' {more});
CREATE TABLE out (page STRING, ends TIMESTAMP(3), c BIGINT) WITH ('connector' = 'print');
SET 'execution.checkpointing.interval' = '100 ms';
""" + WINDOWS.replace("INTO counts", "INTO `out`")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "1.json").write_text('{"page": "a", "ts": "2026-01-01 10:00:05"}\n{"page": "a", "ts": "2026-01-01 10:02:10"}\n')
    script = script.replace("TABLE out", "TABLE `out`")
    job, = node.submit(script.format(folder=folder, more=", 'source.monitor-interval' = '1 s'"))
    support.wait_until(lambda: sum(op["rows_out"] for op in node.api(f"/jobs/{job}")["operators"] if "Source" in op["name"]) == 2, "rows")
    path = node.cli("job", "stop", job, "--savepoint").stdout.split()[1]
    node.stop()
    (folder / "2.json").write_text('{"page": "a", "ts": "2026-01-01 10:02:20"}\n')
    file = tmp_path / "more.sql"
    file.write_text(script.format(folder=folder, more=""))
    ran = subprocess.run([support.BINARY, "run", str(file), "--from-savepoint", path, "-p", "2"], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    # What had closed before is not there again; the open window has the rows of both.
    assert ran.stdout.count("+I[") == 1 and ", 2]" in ran.stdout, ran.stdout


def test_statements_tell_of_jobs(node):
    job = begin(node, TABLES + WINDOWS)
    for statement in ("SHOW JOBS", f"DESCRIBE JOB '{job}'"):
        answers = node.sql(statement)
        names = next([c["name"] for c in a["columns"]] for a in answers if "columns" in a)
        assert names == ["job id", "job name", "status", "start time"]
        row = next(a["rows"][0] for a in answers if "rows" in a)
        assert row[1] == job and row[3] in ("CREATED", "RUNNING") and row[4][:2] == "20", row
    assert "no job 'x'" in str(node.sql("DESCRIBE JOB 'x'"))
    assert "WITH DRAIN stands behind WITH SAVEPOINT" in str(node.sql(f"STOP JOB '{job}' WITH DRAIN"))
    node.sql(f"STOP JOB '{job}'")
    assert node.api(f"/jobs/{job}")["state"] == "CANCELLED"


def test_errors_say_what_is_wrong(node, tmp_path):
    job = begin(node, TABLES + WINDOWS)
    click(node, "10:00:05")
    await_read(node, job)
    (tmp_path / "file").write_text("")
    refused = node.cli("job", "savepoint", job, "--dir", str(tmp_path / "file" / "below"), check=False)
    assert refused.returncode != 0 and "file/below" in refused.stderr
    status, text = node.call(f"/api/v1/jobs/{job}/savepoints", "POST", {"folder": "s3://bucket/savepoints"})
    assert status == 501 and "not available yet" in text
    assert node.api(f"/jobs/{job}")["state"] == "RUNNING"
    path = node.cli("job", "savepoint", job).stdout.split()[1]

    def submit(statement, path, more=""):
        script = TABLES + f"SET 'execution.state-recovery.path' = '{path}';" + more + statement
        return node.call("/api/v1/jobs", "POST", {"script": script.format(kafka=node.kafka)})

    status, text = submit(WINDOWS.replace("'1' MINUTE", "'2' MINUTE"), path)
    error = json.loads(text)["error"]
    assert status == 400 and "WindowAggregate" in error["detail"] and "ignore-unclaimed-state" in error["hint"], error
    status, text = submit(WINDOWS.replace("'1' MINUTE", "'2' MINUTE"), path,
                          "SET 'execution.state-recovery.ignore-unclaimed-state' = 'true';")
    assert status == 201, text
    status, text = submit(WINDOWS, str(tmp_path / "nowhere"))
    assert status == 404 and "there is no savepoint" in text
    database = next(name for name in os.listdir(path) if name.startswith("v") and os.listdir(f"{path}/{name}"))
    os.remove(f"{path}/{database}/CURRENT")
    status, text = submit(WINDOWS, path)
    assert status == 400 and f"{database}/CURRENT is missing" in text
    os.remove(f"{path}/manifest")
    status, text = submit(WINDOWS, path)
    assert status == 400 and "has no manifest" in text
    # A job without a data folder has none.
    assert "no job 'x'" in node.cli("job", "savepoint", "x", check=False).stderr
