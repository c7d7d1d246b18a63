"""`mainstem test`: folders of tests that pass, fail with a diff for people, are updated, and catch what hangs on luck."""
import json
import os
import subprocess
import xml.etree.ElementTree

import support

PIPELINE = """
SET 'parallelism.default' = '4';
CREATE TABLE orders (
  product STRING, amount DECIMAL(10, 2), ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kafka', 'topic' = 'orders', 'properties.bootstrap.servers' = '${KAFKA}',
  'scan.startup.mode' = 'latest-offset', 'format' = 'json');
CREATE TABLE revenue (
  at_minute TIMESTAMP(3), product STRING, amount DECIMAL(38, 2), PRIMARY KEY (at_minute, product) NOT ENFORCED
) WITH ('connector' = 'jdbc', 'url' = 'jdbc:postgresql://localhost/shop', 'table-name' = 'revenue');
INSERT INTO revenue SELECT window_start, product, SUM(amount)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, product;
"""
ORDERS = [("tea", 2.5, "10:00:02"), ("tea", 5, "10:00:58"), ("milk", 1, "10:01:02"), ("tea", 9, "10:00:59"), ("milk", 1, "10:01:10"),
          ("tea", 100, "10:00:57")]  # the last one is late
REVENUE = """at_minute               | product | amount
2026-01-01 10:00:00.000 | tea     | 16.50
2026-01-01 10:01:00.000 | milk    | 2.00
"""


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def order_lines():
    return "".join(json.dumps({"product": p, "amount": a, "ts": f"2026-01-01 {t}"}) + "\n" for p, a, t in ORDERS)


def shop(folder, expected=REVENUE):
    write(folder, {"pipeline.sql": PIPELINE, "test/test.yaml": "script: ../pipeline.sql\ndefine: {KAFKA: 'broker:9092'}\nshuffle: true\n",
                   "test/late/input/orders.jsonl": order_lines(), "test/late/expect/revenue.table": expected})


def run(folder, *arguments):
    return subprocess.run([support.BINARY, "test", *arguments], capture_output=True, text=True, timeout=120, cwd=folder)


def one(folder, name, script, files):
    """A test `name` of one script; gives how it ran."""
    write(folder, {f"{name}/q.sql": script, **{f"{name}/{path}": text for path, text in files.items()}})
    return run(folder, name)


def test_a_pipeline_passes_unmodified_in_all_ways(tmp_path):
    shop(tmp_path)
    result = run(tmp_path, "test", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert report["outcome"] == "passed" and report["test"] == "late" and report["failures"] == []
    assert report["ways"] == ["to the end", "killed and restored", "at another parallelism", "shuffled"]
    assert (report["rows_in"], report["rows_out"], report["late_rows"], report["rejected_rows"]) == (6, 2, 1, 0)


def test_a_failure_is_shown_row_by_row(tmp_path):
    shop(tmp_path, REVENUE.replace("16.50", "14.50").replace("01:00.000 | milk ", "02:00.000 | milk "))
    result = run(tmp_path, "test")
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("FAIL  late  (6 rows in, 2 out, 1 dropped as late, 4 ways, ")
    assert "\n".join(lines[1:]) == """\
  to the end: revenue is not as in expect/revenue.table: 1 missing, 1 unexpected, 1 differs
               | at_minute               | product | amount
    missing    | 2026-01-01 10:02:00.000 | milk    | 2.00
    unexpected | 2026-01-01 10:01:00.000 | milk    | 2.00
    expected   | 2026-01-01 10:00:00.000 | tea     | 14.50
    got        | 2026-01-01 10:00:00.000 | tea     | 16.50
               |                         |         | ^^^^^"""
    assert result.stderr == "error: 1 of 1 tests failed\n"


def test_a_changelog_is_compared_change_by_change(tmp_path):
    script = """CREATE TABLE items (id INT, name STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'kafka', 'topic' = 'items',
      'properties.bootstrap.servers' = 'x:1', 'format' = 'debezium-json');
      SELECT name, COUNT(*) AS n FROM items GROUP BY name;"""
    files = {"input/items.csv": 'name,id\na,1\n+I "b",2\n-U b,2\n+U c,2\n-D a,1\n,3\n',
             "expect/result.changelog": "op | name | n\n+I | a | 1\n+I | b | 1\n+I | c | 1\n-D | a | 1\n+I | <NULL> | 1\n"}
    result = one(tmp_path, "changes", script, files)
    assert result.returncode == 1
    assert result.stdout.splitlines()[1:] == [
        "  to the end: result is not as in expect/result.changelog: 1 unexpected",
        "               | op | name | n",
        "               | +I | b    | 1",
        "    unexpected | -D | b    | 1",
        "               | +I | c    | 1"]
    files["expect/result.changelog"] = files["expect/result.changelog"].replace("+I | c", "-D | b | 1\n+I | c")
    assert one(tmp_path, "changes", script, files).returncode == 0


def test_update_writes_what_comes_out(tmp_path):
    shop(tmp_path)
    os.remove(tmp_path / "test/late/expect/revenue.table")
    refused = run(tmp_path, "test")
    assert refused.returncode == 1 and "--update" in refused.stdout
    result = run(tmp_path, "test", "--update")
    assert result.returncode == 0 and "wrote test/late/expect/revenue.table" in result.stdout
    assert (tmp_path / "test/late/expect/revenue.table").read_text() == REVENUE
    again = run(tmp_path, "test", "--update")
    assert again.returncode == 0 and "wrote" not in again.stdout


def test_one_test_alone_has_the_settings_of_the_folders_above(tmp_path):
    shop(tmp_path)
    assert run(tmp_path, "test/late").returncode == 0
    assert run(tmp_path / "test/late", ".").returncode == 0
    assert run(tmp_path, "test", "-D", "KAFKA=other:1").returncode == 0


def test_junit_and_filter(tmp_path):
    shop(tmp_path)
    write(tmp_path, {"test/wrong/input/orders.jsonl": order_lines(), "test/wrong/expect/revenue.table": REVENUE.replace("tea ", "<&> "),
                     "test/broken/input/orders.jsonl": '{"amount": "x"}\n', "test/broken/expect/revenue.table": REVENUE})
    result = run(tmp_path, "test", "--junit", "out/report.xml")
    assert result.returncode == 1 and "error: 2 of 3 tests failed" in result.stderr
    suites = xml.etree.ElementTree.parse(tmp_path / "out/report.xml").getroot()
    suite = suites[0]
    assert [suite.get(name) for name in ("name", "tests", "failures", "errors")] == ["test", "3", "1", "1"]
    cases = {case.get("name"): case for case in suite}
    assert cases["late"].find("failure") is None and float(cases["late"].get("time")) >= 0
    assert "<&>" in cases["wrong"].find("failure").text and "2 missing" not in cases["wrong"].find("failure").get("message")
    assert "orders.jsonl: line 1, column" in cases["broken"].find("error").get("message")
    only = run(tmp_path, "test", "--filter", "late")
    assert only.returncode == 0 and only.stdout.endswith("1 passed\n")
    none = run(tmp_path, "test", "--filter", "nothing")
    assert none.returncode == 1 and "none of the 3 tests" in none.stderr


LUCK = """CREATE TABLE a (k STRING, v INT) WITH ('connector' = 'kafka', 'topic' = 'a', 'properties.bootstrap.servers' = 'x:1', 'format' = 'json');
CREATE TABLE b (k STRING, v INT) WITH ('connector' = 'kafka', 'topic' = 'b', 'properties.bootstrap.servers' = 'x:1', 'format' = 'json');
CREATE TABLE latest (k STRING, v INT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'jdbc', 'url' = 'jdbc:postgresql://localhost/x',
  'table-name' = 't');
INSERT INTO latest SELECT k, LAST_VALUE(v) FROM (SELECT * FROM a UNION ALL SELECT * FROM b) GROUP BY k;"""


def test_a_query_whose_result_hangs_on_luck_is_caught_and_time_mends_it(tmp_path):
    a = "".join(f'{{"k": "x", "v": {i}}}\n' for i in range(24))
    b = a.replace('"v": ', '"v": 10')
    files = {"input/a.jsonl": a, "input/b.jsonl": b, "expect/latest.table": "k | v\nx | 1023\n"}
    result = one(tmp_path, "luck", LUCK, files)
    assert result.returncode == 1
    assert "latest does not end as in the first way: 1 differs" in result.stdout
    assert "hint: --seed 1 runs them again just so" in result.stderr
    assert run(tmp_path, "luck").stdout.splitlines()[1:] == result.stdout.splitlines()[1:]
    files["input/b.jsonl"] = "#@ wait 1 s\n" + b
    assert one(tmp_path, "luck", LUCK, files).returncode == 0


def test_processing_time_is_what_the_input_says(tmp_path):
    script = """CREATE TABLE ev (k STRING, pt AS PROCTIME()) WITH ('connector' = 'kafka', 'topic' = 'ev', 'properties.bootstrap.servers' = 'x:1',
      'format' = 'json');
      CREATE TABLE seen (k STRING, at TIMESTAMP_LTZ(3)) WITH ('connector' = 'print');
      INSERT INTO seen SELECT k, pt FROM ev;"""
    rows = '{"k":"a"}\n#@ wait 9 s\n{"k":"b"}\n#@ at 2026-03-01 12:10:00\n{"k":"c"}\n'
    result = one(tmp_path, "time", script.replace(" at ", " `at` "), {
        "test.yaml": "clock: 2026-03-01 12:00:00\n", "input/ev.jsonl": rows,
        "expect/seen.table": "k | at\na | 2026-03-01 12:00:00.000\nb | 2026-03-01 12:00:09.000\nc | 2026-03-01 12:10:00.000\n"})
    assert result.returncode == 0, result.stdout


def test_late_rows_are_dropped_by_windows_and_counted_without(tmp_path):
    shop(tmp_path)
    (tmp_path / "test/late/test.yaml").write_text("late: 1 min\n")
    lines = order_lines() + json.dumps({"product": "tea", "amount": 1, "ts": "2026-01-01 10:05:00"}) + "\n"
    (tmp_path / "test/late/input/orders.jsonl").write_text(lines)
    (tmp_path / "test/late/expect/revenue.table").write_text(REVENUE + "2026-01-01 10:05:00.000 | tea | 1.00\n")
    result = run(tmp_path, "test", "--json")
    assert json.loads(result.stdout)["ways"][-1] == "with late rows" and result.returncode == 0, result.stdout
    counted = PIPELINE.replace("window_start, product, SUM(amount)", "TIMESTAMP '2026-01-01 00:00:00', product, SUM(amount)")
    counted = counted[:counted.index("FROM TABLE")] + "FROM orders GROUP BY product;"
    (tmp_path / "pipeline.sql").write_text(counted)
    assert run(tmp_path, "test", "--update").returncode == 1
    told = run(tmp_path, "test").stdout
    assert "with late rows: revenue does not end as in the first way: 2 differ" in told and "('late' must be more than the longest window" in told


def test_records_of_a_topic_go_through_the_real_connector(node, tmp_path):
    from confluent_kafka import Producer
    node.cli("topic", "create", "ev", "-p", "2")
    producer = Producer({"bootstrap.servers": node.kafka})
    for i in range(2500):
        producer.produce("ev", json.dumps({"v": i}), key=f"k{i}", partition=i % 2, headers={"h": b"\xff%d" % i}, timestamp=1767225600000 + i)
    producer.flush(30)
    exported = node.cli("--json", "consume", "ev", "--from", "earliest", "-n", "10000").stdout
    assert exported.count("\n") == 2500
    script = f"""CREATE TABLE ev (k STRING, v INT, p INT METADATA FROM 'partition' VIRTUAL, `at` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
      h MAP<STRING, BYTES> METADATA FROM 'headers')
      WITH ('connector' = 'kafka', 'topic' = 'ev', 'properties.bootstrap.servers' = '{node.kafka}', 'key.format' = 'raw', 'key.fields' = 'k',
      'value.fields-include' = 'EXCEPT_KEY', 'value.format' = 'json');
      SELECT k, v, p, `at`, HEX(CAST(h['h'] AS STRING)) IS NOT NULL AS has_header, CAST(CARDINALITY(h) AS INT) AS headers FROM ev;"""
    rows = "".join(f"k{i} | {i} | {i % 2} | 2026-01-01 00:00:0{i // 1000}.{i % 1000:03} | TRUE | 1\n" for i in range(2500))
    result = one(tmp_path, "topic", script, {"input/ev.topic.jsonl": exported, "expect/result.table": "k | v | p | at | has_header | headers\n" + rows})
    assert result.returncode == 0, result.stdout


ONE_TABLE = """CREATE TABLE ev (k STRING, v INT) WITH ('connector' = 'kafka', 'topic' = 'ev', 'properties.bootstrap.servers' = 'x:1', 'format' = 'json');
SELECT k, SUM(v) AS s FROM ev GROUP BY k;"""


def test_bad_files_are_shown_with_their_place(tmp_path):
    good = {"input/ev.jsonl": '{"k": "a", "v": 1}\n', "expect/result.table": "k | s\na | 1\n"}
    assert one(tmp_path, "t", ONE_TABLE, good).returncode == 0
    wrong = [
        ("input/ev.jsonl", '{"k": "a", "v": 1}\n{"k": "b", "v": "x"}\n', """\
  t/input/ev.jsonl: line 2, column 18: field 'v': 'x' is not an INT
   2 | {"k": "b", "v": "x"}
     |                  ^
"""),
        ("input/ev.jsonl", '{"kk": "a"}\n', """\
  t/input/ev.jsonl: line 1, column 2: the table has no column 'kk' to read
   1 | {"kk": "a"}
     |  ^
  hint: did you mean 'k'?
"""),
        ("input/ev.jsonl", '-D {"k": "a"}\n', "line 1, column 1: table 'ev' only takes inserts, not -D"),
        ("input/ev.jsonl", "#@ wiat 1 s\n", "hint: did you mean 'wait'?"),
        ("input/ev.jsonl", '#@ bad\n{"k": "a", "v": 1}\n', "this line can be decoded"),
        ("expect/result.table", "k | t\n", "expected column 's', not 't'"),
        ("expect/result.table", "k | s\na | 1 | 2\n", "t/expect/result.table: line 2, column 1: 3 fields for 2 columns"),
        ("expect/other.table", "k | s\n", "the script fills no table 'other'"),
        ("input/evv.jsonl", "", "the script reads no table 'evv'\n  hint: did you mean 'ev'?"),
        ("test.yaml", "shufle: true\n", "t/test.yaml: line 1, column 1: 'shufle' is no key of test.yaml"),
        ("q.sql", ONE_TABLE.replace("SUM(v)", "SUM(w)"), """\
  t/q.sql: line 2, column 15: column 'w' not found in any table
   2 | SELECT k, SUM(w) AS s FROM ev GROUP BY k;
     |               ^
"""),
        ("q.sql", ONE_TABLE.replace("x:1", "${BROKER}"), "hint: give -D BROKER=value, or 'define' it in test.yaml"),
    ]
    for name, text, message in wrong:
        before = good.get(name) if name != "q.sql" else ONE_TABLE
        write(tmp_path, {"t/" + name: text})
        result = run(tmp_path, "t")
        assert result.returncode == 1 and message in result.stdout, (name, text, result.stdout)
        assert result.stdout.startswith("ERROR t")
        os.remove(tmp_path / "t" / name)
        if before:
            write(tmp_path, {"t/" + name: before})
    os.remove(tmp_path / "t/input/ev.jsonl")
    result = run(tmp_path, "t")
    assert "line 2, column 28: table 'ev' has no input in this test" in result.stdout and "input/ev.jsonl" in result.stdout


def test_a_file_of_small_tests(tmp_path):
    write(tmp_path, {"tests/sum.slt": """--- sums

-- input ev.jsonl
{"k": "a", "v": 1}
{"k": "a", "v": 2}

-- setup
CREATE TABLE ev (k STRING, v INT) WITH ('connector' = 'kafka', 'topic' = 'ev', 'properties.bootstrap.servers' = 'x:1', 'format' = 'json');

-- query
SELECT k, SUM(v) AS s FROM ev GROUP BY k
-- expect changelog
+I | a | 1
-U | a | 1
+U | a | 3
"""})
    assert run(tmp_path, "tests").returncode == 0
    path = tmp_path / "tests/sum.slt"
    right = path.read_text()
    path.write_text(right.replace("+U | a | 3", "+U | a | 4"))
    wrong = run(tmp_path, "tests")
    assert wrong.returncode == 1 and "tests/sum.slt: line 10: another answer than expected" in wrong.stdout
    assert run(tmp_path, "tests", "--update").returncode == 0 and path.read_text() == right


def test_open_inputs_leave_windows_open_and_topics_hand_rows_on(tmp_path):
    columns = """(k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'kafka', 'topic' = '%s',
      'properties.bootstrap.servers' = 'x:1', 'scan.startup.mode' = 'earliest-offset', 'format' = 'json');"""
    script = f"""CREATE TABLE ev {columns % "ev"} CREATE TABLE clean {columns % "clean"}
      CREATE TABLE sums (w TIMESTAMP(3), k STRING, s BIGINT) WITH ('connector' = 'print');
      INSERT INTO clean SELECT UPPER(k), v, ts FROM ev WHERE v > 0;
      INSERT INTO sums SELECT window_start, k, SUM(v) FROM TABLE(TUMBLE(TABLE clean, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
        GROUP BY window_start, window_end, k;"""
    rows = [("a", 1, "00:01"), ("b", 2, "00:04"), ("a", -2, "00:04"), ("a", 3, "00:59"), ("a", 4, "01:20")]
    lines = "".join(f'{{"k": "{k}", "v": {v}, "ts": "2026-01-01 00:{t}"}}\n' for k, v, t in rows)
    lines += '#@ wait 1 s\n{"k": "a", "v": 5, "ts": "2026-01-01 00:00:20"}\n'  # too late
    files = {"input/ev.jsonl": lines, "expect/sums.table": "w | k | s\n2026-01-01 00:00:00.000 | A | 4\n2026-01-01 00:00:00.000 | B | 2\n"}
    refused = one(tmp_path, "chain", script, files)
    assert refused.returncode == 1 and "say `open: 1 min` in test.yaml, and its rows are handed on" in refused.stdout
    result = one(tmp_path, "chain", script, {**files, "test.yaml": "open: 10 s\n"})
    assert result.returncode == 0, result.stdout
    # An input of its own stands for the topic; inputs that end close every window.
    os.remove(tmp_path / "chain/test.yaml")
    staged = one(tmp_path, "chain", script, {"input/clean.jsonl": '{"k": "A", "v": 7, "ts": "2026-01-01 00:01:02"}\n',
                                             "expect/sums.table": "w | k | s\n2026-01-01 00:01:00.000 | A | 7\n",
                                             "expect/clean.table": "k | v | ts\nA | 1 | 2026-01-01 00:00:01.000\n",
                                             "input/ev.jsonl": '{"k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}\n'})
    assert staged.returncode == 0, staged.stdout


def test_what_makes_its_rows_itself_needs_no_input_but_an_end(tmp_path):
    script = "CREATE TABLE d (a INT) WITH ('connector' = 'datagen'%s); SELECT COUNT(*) AS n FROM d;"
    files = {"expect/result.table": "n\n100\n"}
    result = one(tmp_path, "rows", script % "", files)
    assert result.returncode == 1 and "has a source without end" in result.stdout
    assert one(tmp_path, "rows", script % ", 'number-of-rows' = '100'", files).returncode == 0


def test_a_folder_without_tests_is_an_error(tmp_path):
    result = run(tmp_path, ".")
    assert result.returncode == 1 and "there is no test in '.'" in result.stderr
    missing = run(tmp_path, "nowhere")
    assert missing.returncode == 1 and "there is no folder 'nowhere'" in missing.stderr
