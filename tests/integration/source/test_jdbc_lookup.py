"""Tables of MariaDB, MySQL 8 and SQLite looked up by key (FOR SYSTEM_TIME AS OF a processing time)."""
import json
import sqlite3
import subprocess

import pytest

import support

COLUMNS = "id INT, region STRING, b BOOLEAN, n BIGINT, f DOUBLE, m DECIMAL(8, 3), c STRING, x BYTES, d DATE, t TIME(0), ts TIMESTAMP(3), tz TIMESTAMP_LTZ(3)"
ROW = "(10, 'north', 1, 9223372036854775807, 1.5, 12.345, 'ä''\"', x'00ff41', '2024-02-29', '23:59:58', '2024-02-29 12:00:00.123', '2024-02-29 10:00:00.5')"


class Table:
    def __init__(self, url, login, query):
        self.url, self.login, self.query = url, login, query


@pytest.fixture(params=["mariadb", "mysql", "sqlite"])
def table(request, tmp_path):
    if request.param != "sqlite":
        server = request.getfixturevalue(request.param)
        made = Table(server.jdbc_url, ", 'username' = 'loader', 'password' = 'right'", server.query)
        text, blob, when = "VARCHAR(1000)", "VARBINARY(9)", "DATETIME(3)"
    else:
        path = tmp_path / "shop.db"

        def query(sql):
            with sqlite3.connect(path) as connection:
                connection.executescript(sql)
            connection.close()
        made = Table(f"jdbc:sqlite:{path}", "", query)
        text, blob, when = "TEXT", "BLOB", "TEXT"
    made.query(f"DROP TABLE IF EXISTS customers; CREATE TABLE customers (id INT, region {text}, b BOOLEAN, n BIGINT, f DOUBLE, m DECIMAL(8, 3), "
               f"c {text}, x {blob}, d {'DATE' if when != 'TEXT' else when}, t {'TIME' if when != 'TEXT' else when}, ts {when}, tz {when})")
    made.query(f"INSERT INTO customers VALUES {ROW}, (20, 'south'{', NULL' * 10}), (20, 'north'{', NULL' * 10})")
    return made


def run(tmp_path, table, query):
    orders = [{"id": 1, "customer": 10, "region": "north"}, {"id": 2, "customer": 20, "region": "south"},
              {"id": 3, "customer": None, "region": None}, {"id": 4, "customer": 99, "region": "x"}]
    orders += [{"id": 100 + i, "customer": 1000 + i, "region": "y"} for i in range(600)]  # more keys than one statement takes
    (tmp_path / "orders.jsonl").write_text("".join(json.dumps(row) + "\n" for row in orders))
    script = f"""SET 'table.local-time-zone' = 'UTC';
      CREATE TABLE orders (id INT, customer INT, region STRING, pt AS PROCTIME()) WITH ('connector' = 'filesystem',
        'path' = '{tmp_path}/orders.jsonl', 'format' = 'json');
      CREATE TABLE customers ({COLUMNS}) WITH ('connector' = 'jdbc', 'url' = '{table.url}', 'table-name' = 'customers'{table.login});
      {query}"""
    return subprocess.run([support.BINARY, "run", "-", "--json"], input=script, capture_output=True, text=True, timeout=90)


def rows(done):
    assert done.returncode == 0, done.stderr
    return sorted((list(json.loads(line)["row"].values()) for line in done.stdout.splitlines()), key=json.dumps)


def test_rows_are_found_by_one_column_and_by_two(tmp_path, table):
    join = "SELECT o.id, c.region FROM orders AS o %s JOIN customers FOR SYSTEM_TIME AS OF o.pt AS c ON o.customer = c.id%s WHERE o.id < 100;"
    assert rows(run(tmp_path, table, join % ("", ""))) == [[1, "north"], [2, "north"], [2, "south"]]
    both = rows(run(tmp_path, table, join % ("LEFT", " AND o.region = c.region")))
    assert both == sorted([[1, "north"], [2, "south"], [3, None], [4, None]], key=json.dumps)


def test_values_of_every_type_arrive(tmp_path, table):
    got = rows(run(tmp_path, table, """SELECT c.b, c.n, c.f, c.m, c.c, TO_BASE64(c.x), c.d, c.t, c.ts, c.tz FROM orders AS o
      JOIN customers FOR SYSTEM_TIME AS OF o.pt AS c ON o.customer = c.id AND o.region = c.region WHERE o.id < 3;"""))
    assert got == sorted([[None] * 10, [True, 9223372036854775807, 1.5, 12.345, "ä'\"", "AP9B", "2024-02-29", "23:59:58",
                                        "2024-02-29 12:00:00.123", "2024-02-29 10:00:00.500"]], key=json.dumps)


def test_a_long_text_arrives_whole(tmp_path, table):
    table.query("UPDATE customers SET c = '" + "x" * 999 + "' WHERE id = 10")
    got = rows(run(tmp_path, table, """SELECT c.c FROM orders AS o JOIN customers FOR SYSTEM_TIME AS OF o.pt AS c ON o.customer = c.id
      WHERE o.id = 1;"""))
    assert got == [["x" * 999]]


def test_a_whole_table_is_not_read_and_the_cure_is_told(tmp_path, table):
    done = run(tmp_path, table, "SELECT * FROM customers;")
    assert done.returncode != 0 and "reads whole tables of PostgreSQL only" in done.stderr and "FOR SYSTEM_TIME AS OF" in done.stderr


def test_a_column_or_table_that_is_not_there_is_told(tmp_path, table):
    table.query("DROP TABLE customers")
    done = run(tmp_path, table, "SELECT o.id FROM orders AS o JOIN customers FOR SYSTEM_TIME AS OF o.pt AS c ON o.customer = c.id;")
    assert done.returncode != 0 and "customers" in done.stderr, done.stderr


def test_a_key_of_fixed_length_in_postgresql_is_compared_whole(tmp_path, postgres):
    postgres.query("DROP TABLE IF EXISTS countries; CREATE TABLE countries (code CHAR(2), name TEXT)")
    postgres.query("INSERT INTO countries VALUES ('DE', 'Germany'), ('DK', 'Denmark')")
    (tmp_path / "orders.jsonl").write_text('{"id": 1, "country": "DE"}\n{"id": 2, "country": "DK"}\n{"id": 3, "country": "D"}\n')
    script = f"""CREATE TABLE orders (id INT, country STRING, pt AS PROCTIME()) WITH ('connector' = 'filesystem',
        'path' = '{tmp_path}/orders.jsonl', 'format' = 'json');
      CREATE TABLE countries (code STRING, name STRING) WITH ('connector' = 'jdbc', 'url' = '{postgres.jdbc_url}', 'table-name' = 'countries',
        'username' = 'postgres');
      SELECT o.id, c.name FROM orders AS o LEFT JOIN countries FOR SYSTEM_TIME AS OF o.pt AS c ON o.country = c.code;"""
    done = subprocess.run([support.BINARY, "run", "-", "--json"], input=script, capture_output=True, text=True, timeout=90)
    assert rows(done) == [[1, "Germany"], [2, "Denmark"], [3, None]]
