"""The command line against a running node, and alone."""
import json
import os
import pty
import re
import signal
import subprocess
import time

import support


def test_topics_are_created_listed_changed_and_deleted(node):
    node.cli("topic", "create", "clicks", "-p", "3", "-c", "retention.ms=3600000")
    listed = json.loads(node.cli("--json", "topic", "list").stdout)["topics"]
    clicks = next(t for t in listed if t["name"] == "clicks")
    assert clicks["partition_count"] == 3
    assert "retention.ms" in node.cli("topic", "show", "clicks").stdout
    node.cli("topic", "alter", "clicks", "-p", "5", "-c", "retention.ms=")
    assert len(node.api("/topics/clicks")["partitions"]) == 5
    node.cli("topic", "delete", "clicks")
    assert "clicks" not in node.cli("topic", "list").stdout


def test_consume_gives_all_from_where_it_is_told_to_begin(node):
    node.cli("topic", "create", "many", "-p", "3")
    node.cli("produce", "many", "--key-field", "n", stdin="".join(f'{{"n": {n}}}\n' for n in range(2500)))
    for flags in ([], ["--json"]):
        lines = node.cli(*flags, "consume", "many", "--from", "earliest").stdout.strip().split("\n")
        assert len(lines) == 2500, flags
    assert len(node.cli("consume", "many").stdout.strip().split("\n")) == 20
    assert len(node.cli("consume", "many", "--from", "earliest", "-n", "3").stdout.strip().split("\n")) == 3


def test_produce_sends_what_comes_slowly_and_ends_in_order(node):
    process = subprocess.Popen([support.BINARY, "--node", f"http://{node.http}", "produce", "slow"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for n in range(3):
        process.stdin.write(f'{{"n": {n}}}\n')
        process.stdin.flush()
        support.wait_until(lambda: len(node.cli("consume", "slow", "--from", "earliest", check=False).stdout.splitlines()) == n + 1, f"record {n}")
    process.stdin.write('{"n": 3}\n{"half')
    process.stdin.flush()
    support.wait_until(lambda: len(node.cli("consume", "slow", "--from", "earliest").stdout.splitlines()) == 4, "the last whole line")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert process.stderr.read() == "4 records written\n"


def test_a_closed_terminal_ends_the_node_in_order(node):
    node.cli("topic", "create", "a")
    for ignored in (signal.SIGUSR1, signal.SIGUSR2):
        node.process.send_signal(ignored)
    node.cli("topic", "show", "a")
    node.process.send_signal(signal.SIGHUP)
    assert node.process.wait(20) == 0
    node.start()
    node.cli("topic", "show", "a")


def test_a_configuration_that_is_a_folder_is_said(tmp_path):
    result = subprocess.run([support.BINARY, "serve", "--config", str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert result.returncode != 0 and f"cannot read the configuration '{tmp_path}'" in result.stderr, result.stderr


def test_a_deleted_topic_takes_its_committed_offsets_along(node):
    from confluent_kafka import Consumer, TopicPartition
    node.cli("topic", "create", "a")
    node.cli("produce", "a", stdin='{"n": 1}\n{"n": 2}\n')
    consumer = Consumer({"bootstrap.servers": node.kafka, "group.id": "g"})
    consumer.commit(offsets=[TopicPartition("a", 0, 2)], asynchronous=False)
    assert consumer.committed([TopicPartition("a", 0)], 10)[0].offset == 2
    node.cli("topic", "delete", "a")
    node.cli("topic", "create", "a")
    assert consumer.committed([TopicPartition("a", 0)], 10)[0].offset == -1001
    consumer.close()


def test_open_transactions_are_shown_and_aborted(node):
    from confluent_kafka import KafkaException, Producer
    node.cli("topic", "create", "a", "-p", "2")
    producer = Producer({"bootstrap.servers": node.kafka, "transactional.id": "shop/billing", "transaction.timeout.ms": 60000})
    producer.init_transactions(30)
    assert node.cli("transaction", "list").stdout.splitlines()[-1].strip() == "(none)"
    assert "shop/billing" in node.cli("transaction", "list", "--all").stdout
    producer.begin_transaction()
    producer.produce("a", "x", partition=1)
    producer.flush(30)
    listed = json.loads(node.cli("--json", "transaction", "list").stdout)["transactions"]
    assert [(t["id"], t["state"], t["timeout_ms"], t["partitions"]) for t in listed] == \
        [("shop/billing", "Ongoing", 60000, [{"topic": "a", "partition": 1}])]
    assert 0 <= listed[0]["age_ms"] < 60000
    described = node.cli("transaction", "describe", "shop/billing").stdout
    assert "Ongoing" in described and f"{listed[0]['producer_id']}, epoch {listed[0]['producer_epoch']}" in described
    node.cli("transaction", "abort", "shop/billing")
    assert "CompleteAbort" in node.cli("transaction", "describe", "shop/billing").stdout
    refused = node.cli("transaction", "abort", "shop/billing", check=False)
    assert refused.returncode == 1 and "no open transaction" in refused.stderr
    unknown = node.cli("transaction", "abort", "other", check=False)
    assert unknown.returncode == 1 and "'other' is not known" in unknown.stderr
    try:
        producer.commit_transaction(30)
        assert False, "an aborted transaction was committed"
    except KafkaException as error:
        assert error.args[0].fatal()


def test_an_unknown_topic_gets_a_hint_and_exit_code_1(node):
    node.cli("topic", "create", "clicks")
    result = node.cli("topic", "show", "clikcs", check=False)
    assert result.returncode == 1
    assert "clikcs" in result.stderr and "clicks" in result.stderr


def test_lines_go_in_and_come_out(node):
    node.cli("topic", "create", "a")
    lines = "".join(json.dumps({"n": i}) + "\n" for i in range(10))
    result = node.cli("produce", "a", "--key-field", "n", stdin=lines)
    assert "10 records" in result.stderr
    out = [json.loads(line) for line in node.cli("--json", "consume", "a", "--from", "earliest", "-n", "100").stdout.strip().split("\n")]
    assert sorted(json.loads(r["value"])["n"] if isinstance(r["value"], str) else r["value"]["n"] for r in out) == list(range(10))


def test_sql_over_a_topic(node):
    node.cli("topic", "create", "a")
    node.cli("produce", "a", stdin='{"k": "x", "v": 1}\n{"k": "y", "v": 2}\n{"k": "x", "v": 3}\n')
    script = f"""CREATE TABLE a (k STRING, v INT) WITH ('connector' = 'kafka', 'topic' = 'a', 'properties.bootstrap.servers' = '{node.kafka}',
      'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset', 'format' = 'json');
      SELECT k, SUM(v) AS s FROM a GROUP BY k;"""
    rows = [json.loads(line) for line in node.cli("--json", "sql", "-e", script).stdout.strip().split("\n")]
    final = {}
    for row in rows:
        if row["op"] in ("+I", "+U"):
            final[row["row"]["k"]] = row["row"]["s"]
    assert final == {"x": 4, "y": 2}


def test_wrong_sql_shows_the_line_and_a_suggestion(node):
    result = node.cli("sql", "-e", "SELECT 1;\nSELCT 2;", check=False)
    assert result.returncode == 1
    assert "line 2" in result.stderr and "SELCT 2" in result.stderr and "^" in result.stderr


def test_statements_and_a_file_are_not_taken_together(node, tmp_path):
    (tmp_path / "a.sql").write_text("SELECT 2;")
    result = node.cli("sql", "-e", "SELECT 1", "-f", str(tmp_path / "a.sql"), check=False)
    assert result.returncode != 0 and "--execute" in result.stderr and not result.stdout, result.stdout + result.stderr


def test_what_fails_at_run_time_shows_its_place_and_no_empty_table(node):
    table = f"CREATE TABLE o (a INT) WITH ('connector' = 'kafka', 'topic' = 'ordrs', 'properties.bootstrap.servers' = '{node.kafka}', 'format' = 'json');\n"
    result = node.cli("sql", "-e", table + "SELECT a\n  FROM o;", check=False)
    assert result.returncode == 1 and result.stdout == "table 'o' created\n", result.stdout
    assert "line 3, column 8: table" in result.stderr and "there is no topic 'ordrs'" in result.stderr and "\n   |        ^\n" in result.stderr, result.stderr
    result = node.cli("sql", "-e", "SELECT 1 +\n  CAST('x' AS INT);", check=False)
    assert result.returncode == 1 and result.stdout == "", result.stdout
    assert "line 2, column 3: For input string: 'x'" in result.stderr and "^" * len("CAST('x' AS INT)") in result.stderr, result.stderr
    result = node.cli("sql", "-e", "SELECT CAST(a AS INT) AS n FROM (VALUES ('1')) AS t(a) UNION ALL SELECT CAST(a AS INT) FROM (VALUES ('x')) AS u(a);", check=False)
    assert "For input string: 'x'" in result.stderr and "^" not in result.stderr, result.stderr  # two are called so


def test_no_node_says_how_to_start_one():
    result = subprocess.run([support.BINARY, "--node", f"http://127.0.0.1:{support.free_port()}", "topic", "list"], capture_output=True, text=True)
    assert result.returncode == 1 and "mainstem serve" in result.stderr


def test_a_taken_port_names_the_flag(node, tmp_path):
    taken = {"--kafka-listen": node.kafka, "--http-listen": node.http, "--aws-listen": node.aws}
    for flag, address in taken.items():
        flags = [part for other in taken for part in (other, address if other == flag else "127.0.0.1:0")]
        result = subprocess.run([support.BINARY, "serve", "--data", str(tmp_path / "other"), *flags], capture_output=True, text=True,
                                timeout=20)
        assert result.returncode == 1 and flag in result.stderr


def test_a_second_node_on_the_same_data_is_refused(node):
    result = subprocess.run([support.BINARY, "serve", "--data", node.data, "--kafka-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"],
                            capture_output=True, text=True, timeout=20)
    assert result.returncode == 1 and "another" in result.stderr


def test_a_script_runs_without_a_node(tmp_path):
    (tmp_path / "in.csv").write_text("a,1\nb,2\na,3\n")
    (tmp_path / "q.sql").write_text("""CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in.csv', 'format' = 'csv');
      CREATE TABLE o (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DIR}/out', 'format' = 'json');
      INSERT INTO o SELECT k, v * 10 FROM t WHERE v > 1;
      SELECT COUNT(*) AS n FROM t;""")
    result = subprocess.run([support.BINARY, "--json", "run", str(tmp_path / "q.sql"), "-D", f"DIR={tmp_path}"], capture_output=True, text=True,
                            timeout=60)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.strip().split("\n")[-1])["row"] == {"n": 3}
    written = [json.loads(line) for name in sorted(os.listdir(tmp_path / "out")) if not name.startswith((".", "_"))
               for line in open(tmp_path / "out" / name)]
    assert sorted(written, key=str) == [{"k": "a", "v": 30}, {"k": "b", "v": 20}]


def run(*arguments):
    return subprocess.run([support.BINARY, *arguments], capture_output=True, text=True, timeout=60)


def test_a_wrong_command_line_names_the_word_and_the_near_one():
    for arguments, says in [(["topik"], ["'mainstem topik'", "'topic'"]), (["topic", "creat", "x"], ["'mainstem topic creat'", "'create'"]),
                            (["serve", "--kafka-listn=x"], ["--kafka-listn", "'--kafka-listen'"]), (["topic"], ["list, create"]),
                            (["topic", "create"], ["topic is required", "mainstem topic create --help"])]:
        result = run(*arguments)
        assert result.returncode == 2 and result.stdout == "", (arguments, result)
        for text in says:
            assert text in result.stderr, (arguments, result.stderr)


def test_a_misspelt_variable_is_no_silent_default():
    result = subprocess.run([support.BINARY, "serve"], capture_output=True, text=True, timeout=20, env=dict(os.environ, MAINSTEM_MEMRY="2GB"))
    assert result.returncode == 1 and "MAINSTEM_MEMRY" in result.stderr and "did you mean MAINSTEM_MEMORY?" in result.stderr


def test_a_misspelt_topic_setting_gets_the_near_one(node):
    result = node.cli("topic", "create", "a", "-c", "retention.mss=1", check=False)
    assert result.returncode == 1 and "did you mean 'retention.ms'?" in result.stderr


def test_machines_get_json_of_every_command(node):
    def told(*arguments, **more):
        return json.loads(node.cli("--json", *arguments, **more).stdout)
    assert told("topic", "create", "a", "-p", "2")["name"] == "a"
    assert told("topic", "alter", "a", "-c", "retention.ms=3600000")["config"]["retention.ms"] == "3600000"
    assert told("topic", "list")["topics"][0]["name"] == "a" and told("topic", "show", "a")["partition_count"] == 2
    assert told("produce", "a", stdin='{"n": 1}\n{"n": 2}\n') == {"topic": "a", "written": 2}
    assert told("consume", "a", "--from", "earliest", "-n", "1")["value"] == {"n": 1}
    assert told("group", "list") == {"groups": []}
    script = """CREATE TABLE s (n INT) WITH ('connector' = 'datagen'); CREATE TABLE t (n INT) WITH ('connector' = 'blackhole');
      INSERT INTO t SELECT n FROM s;"""
    job = told("sql", "-e", script)["job"]
    assert told("job", "list")["jobs"][0]["id"] == job and told("job", "show", job)["id"] == job
    assert told("job", "stop", job) == {"job": job, "done": "stop"}
    assert told("job", "resume", job)["done"] == "resume" and told("job", "cancel", job)["done"] == "cancel"
    assert told("job", "delete", job)["done"] == "delete"
    assert told("topic", "delete", "a") == {"deleted": "a"}
    assert any(setting["key"] == "kafka.listen" for setting in told("config")["settings"])
    for arguments, code in [(["topic", "show", "nope"], "UnknownTopic"), (["sql", "-e", "SELEC 1"], "SyntaxError"), (["topik"], "InvalidArgument")]:
        failed = node.cli("--json", *arguments, check=False)
        assert failed.returncode != 0 and json.loads(failed.stderr)["error"]["code"] == code, failed


def on_a_terminal(command):
    """What a command writes to a terminal, as standard error; its standard output is a pipe."""
    screen, terminal = pty.openpty()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    text = b""
    try:
        while chunk := os.read(screen, 4096):
            text += chunk
    except OSError:  # how a terminal says that nobody writes any more
        pass
    os.close(screen)
    return process.wait(60), process.stdout.read().decode(), text.decode()


def test_a_bounded_job_shows_its_progress_on_a_terminal(node, tmp_path):
    script = tmp_path / "load.sql"
    script.write_text("""SET 'pipeline.name' = 'load';
      CREATE TABLE s (n INT) WITH ('connector' = 'datagen', 'number-of-rows' = '3000', 'rows-per-second' = '1500');
      CREATE TABLE t (n INT) WITH ('connector' = 'blackhole'); INSERT INTO t SELECT n FROM s;""")
    code, out, screen = on_a_terminal([support.BINARY, "run", str(script)])
    assert code == 0, screen
    assert re.search(r"load: \d+%, [\d,]+ rows.* to go", screen), screen
    assert screen.endswith("\r\033[K")  # nothing of it stays
    job = json.loads(node.cli("--json", "job", "submit", str(script)).stdout)["job_ids"][0]
    code, out, screen = on_a_terminal([support.BINARY, "--node", f"http://{node.http}", "job", "wait", job])
    assert code == 0 and "FINISHED: 3,000 rows" in out, out + screen
    assert re.search(r"load: \d+%, [\d,]+ rows.* to go", screen), screen


def test_ctrl_c_ends_a_run_soon_and_leaves_nothing_behind(tmp_path):
    (tmp_path / "q.sql").write_text("""CREATE TABLE s (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '100');
      CREATE TABLE t (n INT) WITH ('connector' = 'print'); INSERT INTO t SELECT n FROM s;""")
    process = subprocess.Popen([support.BINARY, "run", str(tmp_path / "q.sql")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=dict(os.environ, TMPDIR=str(tmp_path)))
    for line in process.stdout:
        if line.startswith("+I["):
            break
    assert [name for name in os.listdir(tmp_path) if name.startswith("mainstem-run-")]
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130 and time.monotonic() - begin < 5
    assert os.listdir(tmp_path) == ["q.sql"]
    process.stdout.close()
    process.stderr.close()


def test_waiting_for_a_job_that_fails_fails(node):
    script = """CREATE TABLE s (n STRING) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
      CREATE TABLE t (n INT) WITH ('connector' = 'blackhole'); INSERT INTO t SELECT CAST(n AS INT) FROM s;"""
    job = node.submit(script)[0]
    result = node.cli("job", "wait", job, check=False)
    assert result.returncode == 1 and "FAILED" in result.stdout + result.stderr


def test_every_command_explains_itself_with_an_example_of_its_own():
    for command in ([], ["serve"], ["run"], ["sql"], ["topic"], ["topic", "create"], ["produce"], ["consume"], ["group"], ["group", "show"], ["job"], ["transaction"],
                    ["job", "submit"], ["connector"], ["config"]):
        result = run(*command, "--help")
        assert result.returncode == 0 and len(result.stdout) > 100, command
        assert f"  mainstem {command[0] if command else 'serve'}" in result.stdout, command


def test_connectors_are_listed_and_shown_without_a_node(node):
    def told(*arguments):
        return json.loads(run("--json", "connector", *arguments).stdout)
    listed = told("list")["connectors"]
    assert listed == node.api("/connectors")["connectors"]
    assert {"kafka", "jdbc", "filesystem", "opensearch", "blackhole"} <= {spec["name"] for spec in listed}
    for spec in listed:
        assert spec["documentation"] and (spec["source"] or spec["sink"]) and told("show", spec["name"]) == spec, spec
        shown = run("connector", "show", spec["name"]).stdout
        for option in spec["options"]:
            assert option["name"] in shown and option["documentation"], option
    assert "password" in [option["name"] for option in told("show", "jdbc")["options"] if option["secret"]]
    assert "offset" in told("show", "kafka")["metadata"] and "json" in told("show", "kafka")["formats"]
    wrong = run("connector", "show", "kafak")
    assert wrong.returncode == 1 and "'kafka'" in wrong.stderr, wrong


def test_the_configuration_page_is_up_to_date():
    table = subprocess.run([support.BINARY, "config", "--markdown"], capture_output=True, text=True, check=True).stdout
    page = open(os.path.join(support.ROOT, "docs/configuration.md")).read()
    assert table in page, "docs/configuration.md is old: paste the output of `mainstem config --markdown`"
