"""Tables of a real PostgreSQL as sources: read once, in parts, through a crash; and looked up by key (FOR SYSTEM_TIME AS OF a processing time)."""
import json
import subprocess
import time

import pytest

import support


def run(script, *arguments):
    done = subprocess.run([support.BINARY, "run", "-", "--json", *arguments], input=script, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    return done


def refused(script):
    """What is said of a script that does not run."""
    done = subprocess.run([support.BINARY, "run", "-"], input=script, capture_output=True, text=True, timeout=90)
    assert done.returncode != 0, done.stdout
    return done.stderr


def rows(done):
    """The fields of each row that came, in the order of the query."""
    return [list(json.loads(line)["row"].values()) for line in done.stdout.splitlines()]


def by_content(found):
    return sorted(found, key=json.dumps)


def table(postgres, name, columns, more=""):
    return f"""CREATE TABLE {name} ({columns}) WITH ('connector' = 'jdbc', 'url' = '{postgres.jdbc_url}', 'table-name' = '{name}',
      'username' = 'postgres'{more});\n"""


ALL_TYPES = """b BOOLEAN, i2 SMALLINT, i4 INT, i8 BIGINT, f4 FLOAT, f8 DOUBLE, n DECIMAL(10, 2), t STRING, y BYTES, d DATE, tm TIME(0),
  ts TIMESTAMP(3), tz TIMESTAMP_LTZ(3), `Mixed` INT"""


def test_values_of_every_type_arrive(postgres):
    postgres.query('DROP TABLE IF EXISTS all_types; CREATE TABLE all_types (b boolean, i2 smallint, i4 int, i8 bigint, f4 real, f8 double precision,'
                   ' n numeric(10,2), t text, y bytea, d date, tm time, ts timestamp, tz timestamptz, "Mixed" int)')
    postgres.query("INSERT INTO all_types VALUES (true, -2, 4, 9223372036854775807, 1.5, -0.1, 12345.67, 'tab\there; \"quoted\"', '\\x00ff41', '2024-02-29',"
                   " '23:59:58', '2024-02-29 12:00:00.123', '2024-02-29 12:00:00.5+02', 7), (" + ", ".join(["NULL"] * 14) + ")")
    out = run("SET 'table.local-time-zone' = 'UTC';\n" + table(postgres, "all_types", ALL_TYPES) +
              "SELECT b, i2, i4, i8, f4, f8, n, t, TO_BASE64(y), d, tm, ts, tz, `Mixed` FROM all_types;")
    assert rows(out) == [
        [True, -2, 4, 9223372036854775807, 1.5, -0.1, 12345.67, 'tab\there; "quoted"', "AP9B", "2024-02-29", "23:59:58", "2024-02-29 12:00:00.123",
         "2024-02-29 10:00:00.500", 7],
        [None] * 14], out.stdout


def test_a_table_is_read_in_parts(postgres):
    postgres.query("DROP TABLE IF EXISTS numbers; CREATE TABLE numbers (id int PRIMARY KEY, v text)")
    postgres.query("INSERT INTO numbers SELECT i, 'v' || i FROM generate_series(1, 10000) i")
    parts = ", 'scan.partition.column' = 'id', 'scan.partition.num' = '7', 'scan.partition.lower-bound' = '1', 'scan.partition.upper-bound' = '9000'"
    out = run("SET 'execution.runtime-mode' = 'batch';\n" + table(postgres, "numbers", "id INT, v STRING", parts) +
              "SELECT COUNT(*), SUM(id), COUNT(DISTINCT v) FROM numbers;", "-p", "2")
    # As in Flink, the bounds also say what is read.
    assert rows(out)[-1] == [9000, 9000 * 9001 // 2, 9000], out.stdout


def test_wrong_tables_are_named(postgres):
    postgres.query("DROP TABLE IF EXISTS orders; CREATE TABLE orders (id int, amount int)")
    missing = refused(table(postgres, "nowhere", "id INT") + "SELECT * FROM nowhere;")
    assert 'relation "nowhere" does not exist' in missing, missing
    column = refused(table(postgres, "orders", "id INT, amout INT") + "SELECT amout FROM orders;")
    assert "column 'amout' does not exist in table 'orders'" in column and "did you mean 'amount'?" in column, column
    parts = refused(table(postgres, "orders", "id INT", ", 'scan.partition.num' = '3'") + "SELECT id FROM orders;")
    assert "'scan.partition.column'" in parts, parts
    array = refused(table(postgres, "orders", "id ARRAY<INT>") + "SELECT id FROM orders;")
    assert "cannot be read by connector 'jdbc'" in array, array


@pytest.mark.parametrize("child", [None, "big_child"])
def test_a_killed_job_goes_on_behind_the_last_row(node, postgres, child):
    """Rows of a table with children (INHERITS) lie in several heaps, where each has a first row."""
    postgres.query("DROP TABLE IF EXISTS big_child, big, copy; CREATE TABLE big (id int, pad text); CREATE TABLE copy (id int, pad text)")
    postgres.query("CREATE TABLE big_child () INHERITS (big)")
    if not child:
        postgres.query("DROP TABLE big_child")  # one that had children is read as any other
    for first, last, heap in ((1, 100000, "big"), (100001, 300000, child or "big")):
        postgres.query(f"INSERT INTO {heap} SELECT i, repeat('x', 100) FROM generate_series({first}, {last}) i")
    node.submit("SET 'execution.checkpointing.interval' = '50 ms';\n" + table(postgres, "big", "id INT, pad STRING", ", 'scan.fetch-size' = '500'") +
                table(postgres, "copy", "id INT, pad STRING") + "INSERT INTO copy SELECT id, pad FROM big;")
    kills = 0
    for _ in range(200):
        count = postgres.query("SELECT count(*) FROM copy")[0][0]
        if count == 300000:
            break
        if count > kills * 60000 and kills < 4:
            node.kill()
            node.start()
            kills += 1
        time.sleep(0.1)
    support.wait_until(lambda: postgres.query("SELECT count(*) FROM copy")[0][0] >= 300000, "the copy", 60)
    assert kills >= 1
    assert postgres.query("SELECT count(*), count(DISTINCT id), sum(id) FROM copy")[0] == (300000, 300000, 300000 * 300001 // 2)


ORDERS = """CREATE TABLE orders (id INT, customer INT, amount INT, pt AS PROCTIME()) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'json');\n"""


def orders(tmp_path):
    path = tmp_path / "orders.jsonl"
    made = [{"id": 1, "customer": 10, "amount": 5}, {"id": 2, "customer": 20, "amount": 7}, {"id": 3, "customer": None, "amount": 9},
            {"id": 4, "customer": 99, "amount": 1}, {"id": 5, "customer": 10, "amount": 2}]
    path.write_text("".join(json.dumps(row) + "\n" for row in made))
    return ORDERS % path


def customers(postgres, more=""):
    postgres.query("DROP TABLE IF EXISTS customers; CREATE TABLE customers (id int, name text, region text)")
    postgres.query("INSERT INTO customers VALUES (10, 'Ann', 'north'), (20, 'Bob', 'south'), (20, 'Bert', 'north'), (30, 'Cid', 'west')")
    return table(postgres, "customers", "id INT, name STRING, region STRING", more)


def test_look_up_joins(tmp_path, postgres):
    tables = orders(tmp_path) + customers(postgres)
    inner = run(tables + "SELECT o.id, c.name FROM orders AS o JOIN customers FOR SYSTEM_TIME AS OF o.pt AS c ON o.customer = c.id;")
    assert by_content(rows(inner)) == by_content([[1, "Ann"], [2, "Bob"], [2, "Bert"], [5, "Ann"]]), inner.stdout
    left = run(tables + "SELECT o.id, c.name FROM orders AS o LEFT JOIN customers FOR SYSTEM_TIME AS OF o.pt AS c "
               "ON o.customer = c.id AND c.region = 'north' WHERE o.amount > 1;")
    assert by_content(rows(left)) == by_content([[1, "Ann"], [2, "Bert"], [3, None], [5, "Ann"]]), left.stdout


def test_a_look_up_join_says_what_it_needs(tmp_path, postgres):
    tables = orders(tmp_path) + customers(postgres)
    join = "SELECT o.id FROM orders AS o %s JOIN %s FOR SYSTEM_TIME AS OF o.pt AS c ON %s;"
    no_key = refused(tables + join % ("", "customers", "o.amount > c.id"))
    assert "needs an equality with a column of the looked-up table" in no_key, no_key
    outer = refused(tables + join % ("FULL", "customers", "o.id = c.id"))
    assert "a look-up join is an INNER or a LEFT JOIN" in outer, outer
    other = refused(tables + "CREATE TABLE files (id INT) WITH ('connector' = 'filesystem', 'path' = '/tmp/none', 'format' = 'json');\n" +
                    join % ("", "files", "o.id = c.id"))
    assert "rows of table 'default_catalog.default_database.files' can't be looked up by key" in other, other


def test_the_hint_lookup_asks_again_for_what_is_not_there_yet(tmp_path, postgres):
    tables = orders(tmp_path) + customers(postgres)
    query = ("SELECT /*+ LOOKUP('table' = '%s', 'retry-predicate' = 'lookup_miss', 'retry-strategy' = 'fixed_delay', 'fixed-delay' = '%s',"
             " 'max-attempts' = '%s') */ o.id, c.name FROM orders AS o LEFT JOIN customers FOR SYSTEM_TIME AS OF o.pt AS c ON o.customer = c.id;")
    # In vain: the row stays without a customer, after the last attempt.
    begin = time.monotonic()
    without = rows(run(tables + query % ("c", "400 ms", "3")))
    assert [4, None] in without and time.monotonic() - begin > 0.8, without
    job = subprocess.Popen([support.BINARY, "run", "-", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    job.stdin.write(tables + query % ("c", "200 ms", "200"))
    job.stdin.close()
    time.sleep(1)
    assert job.poll() is None
    postgres.query("INSERT INTO customers VALUES (99, 'Late', 'north')")
    found = job.stdout.read()
    assert job.wait(60) == 0, job.stderr.read()
    assert [4, "Late"] in [list(json.loads(line)["row"].values()) for line in found.splitlines()], found
    assert "names 'x', which is not in FROM" in refused(tables + query % ("x", "1 s", "3"))
    assert "needs 'max-attempts'" in refused(tables + query % ("c", "1 s", "0"))
    assert "no option 'retries'" in refused(tables + "SELECT /*+ LOOKUP('table' = 'c', 'retries' = '3') */ o.id FROM orders AS o JOIN customers "
                                            "FOR SYSTEM_TIME AS OF o.pt AS c ON o.customer = c.id;")


def test_the_cache_answers_until_it_expires(node, postgres):
    definition = customers(postgres, ", 'lookup.cache' = 'PARTIAL', 'lookup.partial-cache.max-rows' = '100', 'lookup.partial-cache.expire-after-write' = '1 h'")
    topic = f"'connector' = 'kafka', 'properties.bootstrap.servers' = '{node.kafka}', 'format' = 'json', 'topic' ="
    script = f"""CREATE TABLE o (id INT, customer INT, pt AS PROCTIME()) WITH ({topic} 'o', 'scan.startup.mode' = 'earliest-offset');
      CREATE TABLE seen (id INT, name STRING) WITH ({topic} 'seen');
      INSERT INTO seen SELECT o.id, c.name FROM o LEFT JOIN customers FOR SYSTEM_TIME AS OF o.pt AS c ON o.customer = c.id;"""
    node.cli("topic", "create", "o")
    node.cli("topic", "create", "seen")
    node.submit(definition + script)

    def seen(count):
        found = []

        def all_there():
            lines = node.cli("consume", "seen", "--from", "earliest", "-n", str(count), "--json").stdout.splitlines()
            found[:] = [json.loads(line)["value"] for line in lines]
            return len(found) == count
        support.wait_until(all_there, f"{count} joined rows")
        return {row["id"]: row["name"] for row in found}

    node.cli("produce", "o", stdin='{"id": 1, "customer": 10}\n')
    assert seen(1) == {1: "Ann"}
    postgres.query("UPDATE customers SET name = 'Anna' WHERE id = 10")
    node.cli("produce", "o", stdin='{"id": 2, "customer": 10}\n{"id": 3, "customer": 30}\n')
    assert seen(3) == {1: "Ann", 2: "Ann", 3: "Cid"}
