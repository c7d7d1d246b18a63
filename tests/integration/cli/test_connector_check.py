"""`mainstem connector check`: what a script's tables connect to is tried before there is a job."""
import json
import socket
import threading

import support

SCRIPT = """
CREATE TABLE orders (id BIGINT, amount DOUBLE) WITH ('connector' = 'kafka', 'topic' = 'orders',
  'properties.bootstrap.servers' = '%s', 'scan.startup.mode' = 'earliest-offset', 'format' = 'json');
CREATE TABLE files (id BIGINT) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in', 'format' = 'json');
CREATE TABLE totals (id BIGINT, total DOUBLE, PRIMARY KEY (id) NOT ENFORCED)
  WITH ('connector' = 'jdbc', 'url' = '${URL}', 'table-name' = 'totals', 'username' = 'postgres');
"""
INSERT = "INSERT INTO totals SELECT id, SUM(amount) FROM orders GROUP BY id;\n"


def check(node, tmp_path, postgres, script, *tables, ok=True):
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in" / "a.jsonl").write_text('{"id": 1}\n')
    path = tmp_path / "check.sql"
    path.write_text(script % node.kafka)
    result = node.cli("--json", "connector", "check", str(path), *tables, "-D", f"DIR={tmp_path}", "-D", f"URL={postgres.jdbc_url}", check=False)
    assert (result.returncode == 0) == ok, result.stdout + result.stderr
    checks = json.loads(result.stdout.splitlines()[0])["checks"]
    return {(c["table"].rsplit(".", 1)[1], c["as"]): c for c in checks}


def test_every_connection_of_the_queries_is_tried_and_nothing_is_written(node, tmp_path, postgres):
    postgres.query("DROP TABLE IF EXISTS totals")
    postgres.query("CREATE TABLE totals (id bigint PRIMARY KEY, total double precision)")
    node.api("/topics", "POST", {"name": "orders", "partitions": 2})
    found = check(node, tmp_path, postgres, SCRIPT + INSERT)
    assert sorted(found) == [("orders", "source"), ("totals", "sink")]
    assert "2 splits; no row" in found["orders", "source"]["found"]
    assert "exactly once" in found["totals", "sink"]["found"]
    assert node.call("/v1/topics/orders/events", "POST", {"id": 1, "amount": 2.5})[0] < 300
    assert node.api("/jobs")["jobs"] == [] and postgres.query("SELECT count(*) FROM totals")[0][0] == 0


def test_a_script_of_tables_alone_has_all_of_them_tried(node, tmp_path, postgres):
    postgres.query("DROP TABLE IF EXISTS totals")
    postgres.query("CREATE TABLE totals (id bigint PRIMARY KEY, total double precision)")
    node.api("/topics", "POST", {"name": "orders", "partitions": 1})
    found = check(node, tmp_path, postgres, SCRIPT)
    assert {name for name, _ in found} == {"orders", "files", "totals"}
    assert found["files", "source"]["found"] == "1 split; rows of the first one can be read"
    assert set(check(node, tmp_path, postgres, SCRIPT, "files")) == {("files", "source"), ("files", "sink")}


def test_what_is_wrong_is_said_with_its_cure(node, tmp_path, postgres):
    postgres.query("DROP TABLE IF EXISTS totals")
    node.api("/topics", "POST", {"name": "orders", "partitions": 1})
    wrong = check(node, tmp_path, postgres, SCRIPT + INSERT, ok=False)["totals", "sink"]
    assert not wrong["ok"] and "totals" in wrong["problem"]
    postgres.query("CREATE TABLE totals (id bigint, total double precision)")
    wrong = check(node, tmp_path, postgres, SCRIPT + INSERT, ok=False)["totals", "sink"]
    assert "UNIQUE" in (wrong["problem"] + wrong["hint"]).upper(), wrong
    (tmp_path / "bad.sql").write_text(
        f"CREATE TABLE files (id BIGINT) WITH ('connector' = 'filesystem', 'path' = '{tmp_path}/in/b.jsonl', 'format' = 'json');")
    (tmp_path / "in" / "b.jsonl").write_text("no json\n")
    result = node.cli("connector", "check", str(tmp_path / "bad.sql"), check=False)
    assert result.returncode != 0 and "FAILED files as a source (filesystem)" in result.stdout and "b.jsonl" in result.stdout
    nobody = node.cli("connector", "check", str(tmp_path / "bad.sql"), "file", check=False)
    assert "does not use a table 'file'" in nobody.stderr and "files" in nobody.stderr


def test_a_webhook_is_connected_to_and_sent_nothing(shared_node, tmp_path):
    accepted = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        def take():
            connection, _ = server.accept()
            with connection:
                accepted.append(connection.recv(100))

        taker = threading.Thread(target=take, daemon=True)
        taker.start()
        path = tmp_path / "hooks.sql"
        path.write_text(f"""
          CREATE TABLE nobody (id INT) WITH ('connector' = 'http', 'url' = 'http://127.0.0.1:1/s3cret');
          CREATE TABLE hook (id INT) WITH ('connector' = 'http', 'url' = 'http://127.0.0.1:{server.getsockname()[1]}/in/{{{{id}}}}');
          CREATE TABLE hosts (id INT) WITH ('connector' = 'http', 'url' = 'http://127.0.0.1:{{{{id}}}}/in');
          INSERT INTO nobody VALUES (1); INSERT INTO hook VALUES (1); INSERT INTO hosts VALUES (1);""")
        result = shared_node.cli("connector", "check", str(path), check=False)
        taker.join(30)
    lines = [line for line in result.stdout.splitlines() if line.startswith(("ok", "FAILED"))]
    assert [line.split()[:2] for line in lines] == [["FAILED", "nobody"], ["ok", "hook"], ["ok", "hosts"]], result.stdout
    assert "no answer from http://127.0.0.1:1" in lines[0] and "s3cret" not in result.stdout + result.stderr
    assert accepted == [b""] and result.returncode != 0
