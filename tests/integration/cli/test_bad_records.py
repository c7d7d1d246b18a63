"""Bad records through `mainstem run` and a node: what cannot be decoded, and what PostgreSQL or files refuse."""
import json
import os
import subprocess

import support


def run(tmp_path, script, *arguments):
    (tmp_path / "q.sql").write_text(script)
    return subprocess.run([support.BINARY, "run", str(tmp_path / "q.sql"), "-D", f"DIR={tmp_path}", *arguments], capture_output=True, text=True,
                          timeout=90)


def written(folder):
    return [json.loads(line) for name in sorted(os.listdir(folder)) if not name.startswith((".", "_")) for line in open(folder / name)]


LINES = """CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in.csv', 'format' = 'csv', 'scan.bad-records' = '%s');
  CREATE TABLE o (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DIR}/out', 'format' = 'json');
  INSERT INTO o SELECT k, v FROM t;"""


def test_lines_that_cannot_be_decoded_are_reported_and_all_others_arrive(tmp_path):
    (tmp_path / "in.csv").write_text("a,1\nb,two\nc,3\nd\n")
    result = run(tmp_path, LINES % "quarantine")
    assert result.returncode == 0, result.stderr
    assert written(tmp_path / "out") == [{"k": "a", "v": 1}, {"k": "c", "v": 3}]
    report = result.stderr.strip().split("\n")
    assert "rejected records: 2" in report[0] and "--data" in report[0]
    assert "in.csv" in report[1] and "two" in report[1]


def test_a_kept_log_keeps_the_rejected_lines(tmp_path):
    (tmp_path / "in.csv").write_text("a,1\nb,two\n")
    result = run(tmp_path, LINES % "quarantine", "--data", str(tmp_path / "data"))
    assert result.returncode == 0, result.stderr
    topic = result.stderr.split("kept in topic ")[1].split(")")[0]
    node = support.Node(tmp_path)
    node.start()
    try:
        out = node.cli("--json", "consume", topic, "--from", "earliest", "-n", "1").stdout
        record = json.loads(out.strip().split("\n")[0])
        assert record["value"] == "b,two"
        headers = {h["key"]: h["value"] for h in record["headers"]} if isinstance(record["headers"], list) else record["headers"]
        assert headers["stage"] == "decode" and "in.csv" in headers["origin"] and "two" in headers["cause"]
    finally:
        node.kill()


def test_a_bad_line_ends_the_run_by_default(tmp_path):
    (tmp_path / "in.csv").write_text("a,1\nb,two\n")
    result = run(tmp_path, LINES.replace(", 'scan.bad-records' = '%s'", ""))
    assert result.returncode == 1
    assert "two" in result.stderr and "in.csv" in result.stderr and "'scan.bad-records'" in result.stderr


ROWS = """CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in.csv', 'format' = 'csv');
  CREATE TABLE o (k STRING, v INT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'jdbc', 'url' = '%s', 'table-name' = 'bad_records',
    'username' = 'postgres'%s);
  INSERT INTO o SELECT k, MAX(v) FROM t GROUP BY k;"""


def test_rows_that_postgresql_refuses_are_reported_and_all_others_arrive(tmp_path, postgres):
    postgres.query("DROP TABLE IF EXISTS bad_records; CREATE TABLE bad_records (k varchar(5) PRIMARY KEY, v int CHECK (v < 100))")
    (tmp_path / "in.csv").write_text("".join(f"k{i},{i}\n" for i in range(98, 103)) + "longer than five,1\n")
    result = run(tmp_path, ROWS % (postgres.jdbc_url, ""))
    assert result.returncode == 0, result.stderr
    assert sorted(postgres.query("SELECT k, v FROM bad_records")) == [("k98", 98), ("k99", 99)]
    assert "rejected records: 4" in result.stderr
    assert "23514" in result.stderr and "22001" in result.stderr and "k=k100" in result.stderr


def test_too_many_refused_rows_end_the_run_with_their_cause(tmp_path, postgres):
    postgres.query("DROP TABLE IF EXISTS bad_records; CREATE TABLE bad_records (k text PRIMARY KEY, v int CHECK (v < 100))")
    (tmp_path / "in.csv").write_text("".join(f"k{i},{i}\n" for i in range(98, 103)))
    result = run(tmp_path, ROWS % (postgres.jdbc_url, ", 'sink.bad-records.max' = '2'"))
    assert result.returncode == 1
    assert "3 rows of table" in result.stderr and "'sink.bad-records.max'" in result.stderr and "23514" in result.stderr
    assert postgres.query("SELECT k FROM bad_records") == []


def test_a_running_job_counts_what_its_destination_refuses(node, postgres):
    postgres.query("DROP TABLE IF EXISTS bad_records; CREATE TABLE bad_records (k text PRIMARY KEY, v int CHECK (v < 100))")
    node.cli("topic", "create", "in")
    job = node.submit(f"""CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'kafka', 'topic' = 'in', 'properties.bootstrap.servers' = '{node.kafka}',
        'scan.startup.mode' = 'earliest-offset', 'format' = 'json');
      CREATE TABLE o (k STRING, v INT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'jdbc', 'url' = '{postgres.jdbc_url}',
        'table-name' = 'bad_records', 'username' = 'postgres');
      INSERT INTO o SELECT k, MAX(v) FROM t GROUP BY k;""")[0]
    node.cli("produce", "in", stdin='{"k": "a", "v": 1}\n{"k": "b", "v": 100}\n{"k": "c", "v": 3}\n')
    support.wait_until(lambda: sorted(postgres.query("SELECT k FROM bad_records")) == [("a",), ("c",)], "the good rows")
    sink = node.api(f"/jobs/{job}")["sinks"][0]
    assert sink["rejected_rows"] == 1 and sink["last_error"] == ""
    topic = next(t for t in node.api("/topics")["topics"] if t["name"] == f"__mainstem.quarantine.{job}")
    assert topic["records"] == 1


def wait_for_end(node, job):
    return support.wait_until(lambda: (lambda d: d if d["state"] in ("FINISHED", "FAILED") else None)(node.api(f"/jobs/{job}")), "the end of the job")


KEYED = """CREATE TABLE o (k STRING, v INT) WITH ('connector' = 'kafka', 'topic' = 'kept', 'properties.bootstrap.servers' = '{kafka}',
    'format' = 'json'{options});
  INSERT INTO o SELECT k, v FROM (VALUES ('a', 1), (CAST(NULL AS STRING), 2), ('b', 3)) AS t(k, v);"""


def test_rows_without_a_key_for_a_compacted_topic_go_to_the_quarantine(node):
    node.cli("topic", "create", "kept", "-c", "cleanup.policy=compact")
    options = ", 'key.format' = 'raw', 'key.fields' = 'k'"
    job = node.submit(KEYED.format(kafka=node.kafka, options=options))[0]
    assert wait_for_end(node, job)["state"] == "FINISHED"
    records = [json.loads(line) for line in node.cli("--json", "consume", "kept", "--from", "earliest").stdout.splitlines()]
    assert [(r["key"], r["value"]["v"]) for r in records] == [("a", 1), ("b", 3)]
    kept = json.loads(node.cli("--json", "consume", f"__mainstem.quarantine.{job}", "--from", "earliest").stdout)
    assert kept["value"] == "+I[null, 2]" or kept["value"] == "+I[NULL, 2]"
    # A limit ends the job, for good and with the row: it is not tried for ever.
    job = node.submit(KEYED.format(kafka=node.kafka, options=options + ", 'sink.bad-records.max' = '0'"))[0]
    failed = wait_for_end(node, job)
    assert failed["state"] == "FAILED" and "sink.bad-records.max" in failed["error"] and failed["restart_count"] == 0


def test_a_table_without_keys_for_a_compacted_topic_fails_at_once(node):
    node.cli("topic", "create", "kept", "-c", "cleanup.policy=compact")
    failed = wait_for_end(node, node.submit(KEYED.format(kafka=node.kafka, options=""))[0])
    assert failed["state"] == "FAILED" and "upsert-kafka" in failed["error"] and failed["restart_count"] == 0


LONG = """CREATE TABLE t (v STRING) WITH ('connector' = 'kafka', 'topic' = 'in', 'properties.bootstrap.servers' = '{kafka}',
    'scan.startup.mode' = 'earliest-offset', 'format' = 'raw', 'scan.bad-records' = 'quarantine');
  CREATE TABLE o (v STRING) WITH ('connector' = 'kafka', 'topic' = 'small', 'properties.bootstrap.servers' = '{kafka}', 'format' = 'raw',
    'sink.bad-records.max' = '2');
  INSERT INTO o SELECT v FROM t;"""


def test_what_a_topic_does_not_take_is_kept_and_counted_over_a_restart(node):
    node.cli("topic", "create", "in")
    node.cli("topic", "create", "small", "-c", "max.message.bytes=1000")
    job = node.submit(LONG.format(kafka=node.kafka))[0]
    quarantine = f"__mainstem.quarantine.{job}"

    def count(topic):
        return sum(t["records"] for t in node.api("/topics")["topics"] if t["name"] == topic)

    short = "".join(f"\"{i:0100d}\"\n" for i in range(30))
    node.cli("produce", "in", stdin=json.dumps("x" * 2000) + "\n" + short)
    support.wait_until(lambda: (count("small"), count(quarantine)) == (30, 1), "the long row in the quarantine")
    node.kill()
    node.start()
    node.cli("produce", "in", stdin=json.dumps("y" * 2000) + "\n\"last\"\n")
    support.wait_until(lambda: (count("small"), count(quarantine)) == (31, 2), "the second one")
    node.cli("produce", "in", stdin=json.dumps("z" * 2000) + "\n")
    failed = wait_for_end(node, job)
    assert failed["state"] == "FAILED" and "3 rows were refused, 'sink.bad-records.max' is 2" in failed["error"], failed
    assert "max.message.bytes" in failed["error"] and failed["error"].count("z") < 400
    dump = [json.loads(line)["value"] for line in node.cli("--json", "consume", "small", "--from", "earliest", "-n", "100").stdout.splitlines()]
    assert sorted(dump)[-1] == "last" and len(dump) == 31, (len(dump), sorted(dump)[-3:])


def test_rows_that_go_to_a_topic_are_counted(node):
    job = node.submit(KEYED.format(kafka=node.kafka, options=", 'key.format' = 'raw', 'key.fields' = 'k'"))[0]
    wait_for_end(node, job)
    sink = node.api(f"/jobs/{job}")["sinks"][0]
    assert sink["rows_delivered"] == 3 and sink["rejected_rows"] == 0
