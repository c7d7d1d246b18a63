"""Tables that are not what a script declares ('drift'): found by `mainstem connector check` without a change, an error, a sink that waits, or a table that
is changed; while a job runs, too. Against a real PostgreSQL, MariaDB, ClickHouse, SQLite and DuckDB files."""
import json
import os
import sqlite3
import subprocess

import duckdb
import pytest

import driver as sink
import support

SHAPE = (2, 40, 20, 60)


def jobs_table(postgres, name="orders", columns="id bigint PRIMARY KEY, total double precision"):
    for table in (name, "mainstem_delivery"):
        postgres.query(f"DROP TABLE IF EXISTS {table}")
    postgres.query(f"CREATE TABLE {name} ({columns})")


def script(node, postgres, drift, more=""):
    """Events of a topic into two sinks: the table, and another topic."""
    node.api("/topics", "POST", {"name": "in", "partitions": 1})
    return f"""
        CREATE TABLE src (id BIGINT, total DOUBLE) WITH ('connector' = 'kafka', 'topic' = 'in',
          'properties.bootstrap.servers' = '{node.kafka}', 'scan.startup.mode' = 'earliest-offset', 'format' = 'json');
        CREATE TABLE orders (id BIGINT, total DOUBLE, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'jdbc', 'url' = '{postgres.jdbc_url}',
          'table-name' = 'orders', 'username' = 'postgres', 'drift' = '{drift}'{more});
        CREATE TABLE other (id BIGINT, total DOUBLE) WITH ('connector' = 'kafka', 'topic' = 'out',
          'properties.bootstrap.servers' = '{node.kafka}', 'format' = 'json');
        EXECUTE STATEMENT SET BEGIN INSERT INTO orders SELECT id, MAX(total) FROM src GROUP BY id; INSERT INTO other SELECT * FROM src; END;"""


def send(node, first, last):
    status, text = node.call("/v1/topics/in/events", "POST", [{"id": number, "total": number + 0.5} for number in range(first, last)])
    assert status < 300, text


def sinks_of(node, job):
    return {one["connector"]: one for one in node.api(f"/jobs/{job}")["sinks"]}


def state_of(node, job):
    return sinks_of(node, job)["jdbc"]["state"]


def total(postgres, table="orders"):
    return postgres.query(f"SELECT count(*), min(id), max(id) FROM {table}")[0]


def submitted(node, text):
    job, = node.submit(text)
    return job


@pytest.mark.parametrize("change, mend, problem", [
    ("ALTER TABLE orders RENAME total TO sum", "ALTER TABLE orders RENAME sum TO total", "column 'total' does not exist"),
    ("ALTER TABLE orders ALTER total TYPE bytea USING NULL", "ALTER TABLE orders ALTER total TYPE double precision USING NULL", "is bytea"),
    ("ALTER TABLE orders ADD COLUMN place text NOT NULL DEFAULT ''; ALTER TABLE orders ALTER place DROP DEFAULT",
     "ALTER TABLE orders DROP COLUMN place", "'place' of table 'orders' is NOT NULL without a default"),
    ("ALTER TABLE orders RENAME TO away", "ALTER TABLE away RENAME TO orders", "table 'orders' does not exist"),
])
def test_a_table_that_changes_under_a_job_parks_its_sink_and_nothing_else(node, postgres, change, mend, problem):
    postgres.query("DROP TABLE IF EXISTS away")
    jobs_table(postgres)
    job = submitted(node, script(node, postgres, "park"))
    send(node, 0, 20)
    support.wait_until(lambda: total(postgres)[0] == 20, "the first rows")
    postgres.query(change)
    send(node, 20, 40)
    support.wait_until(lambda: state_of(node, job) == "parked", "the sink to be parked")
    one = sinks_of(node, job)["jdbc"]
    assert problem in one["last_error"] and one["rejected_rows"] == 0, one
    support.wait_until(lambda: sinks_of(node, job)["kafka"]["rows_delivered"] == 40, "the other sink")
    assert node.api(f"/jobs/{job}")["state"] == "RUNNING"
    metrics = node.call("/metrics")[1]
    assert any(line.startswith("mainstem_sink_parked{") and 'sink="' in line and line.endswith(" 1") for line in metrics.splitlines())
    assert "parked" in node.cli("job", "show", job).stdout
    # A restart of the node changes nothing about it.
    node.kill()
    node.start()
    support.wait_until(lambda: state_of(node, job) == "parked", "the sink to be parked again")
    postgres.query(mend)
    support.wait_until(lambda: total(postgres) == (40, 0, 39), "all rows, without anybody's help")
    support.wait_until(lambda: state_of(node, job) == "running", "the sink to run")
    assert sinks_of(node, job)["jdbc"]["rejected_rows"] == 0


def test_with_fail_it_is_an_error_that_names_every_difference(node, postgres):
    jobs_table(postgres, columns="id bigint PRIMARY KEY, sum double precision, place text NOT NULL")
    job = submitted(node, script(node, postgres, "fail"))
    send(node, 0, 3)
    support.wait_until(lambda: state_of(node, job) == "failed", "the error")
    error = sinks_of(node, job)["jdbc"]["last_error"]
    assert "column 'total' does not exist" in error and "also: " in error and "'place'" in error, error
    result = node.cli("run", "-", stdin=f"""
        CREATE TABLE o (id BIGINT, total DOUBLE, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'jdbc', 'url' = '{postgres.jdbc_url}',
          'table-name' = 'orders', 'username' = 'postgres');
        INSERT INTO o SELECT id, MAX(total) FROM (VALUES (CAST(1 AS BIGINT), CAST(2 AS DOUBLE))) AS t (id, total) GROUP BY id;""", check=False)
    assert result.returncode != 0 and "column 'total' does not exist" in result.stderr


def test_evolve_adds_columns_and_widens_numbers_while_the_job_runs(node, postgres):
    jobs_table(postgres, columns="id integer PRIMARY KEY")
    job = submitted(node, script(node, postgres, "evolve"))
    send(node, 0, 20)
    support.wait_until(lambda: total(postgres)[0] == 20, "the first rows")
    postgres.query("ALTER TABLE orders DROP COLUMN total")
    send(node, 3_000_000_000, 3_000_000_010)
    support.wait_until(lambda: total(postgres) == (30, 0, 3_000_000_009), "rows after the column was gone")
    assert postgres.query("SELECT count(total) FROM orders")[0][0] == 10
    types = dict(postgres.query("SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'orders'"))
    assert types == {"id": "bigint", "total": "double precision"}
    assert sinks_of(node, job)["jdbc"]["rejected_rows"] == 0


def test_a_script_that_is_run_waits_for_its_table_with_park(node, postgres, tmp_path):
    jobs_table(postgres, columns="id bigint PRIMARY KEY")
    (tmp_path / "park.sql").write_text(f"""
        CREATE TABLE o (id BIGINT, total DOUBLE, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'jdbc', 'url' = '{postgres.jdbc_url}',
          'table-name' = 'orders', 'username' = 'postgres', 'drift' = 'park');
        INSERT INTO o SELECT id, MAX(total) FROM (VALUES (CAST(1 AS BIGINT), CAST(2 AS DOUBLE))) AS t (id, total) GROUP BY id;""")
    process = subprocess.Popen([support.BINARY, "run", str(tmp_path / "park.sql")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.communicate(timeout=3)
        postgres.query("ALTER TABLE orders ADD COLUMN total double precision")
        process.communicate(timeout=60)
        assert process.returncode == 0 and postgres.query("SELECT id, total FROM orders") in ([(1, 2.0)], [[1, 2.0]])
    finally:
        process.kill()


def test_what_the_user_may_not_change_is_said(node, postgres):
    jobs_table(postgres, columns="id bigint PRIMARY KEY")
    if not postgres.query("SELECT 1 FROM pg_roles WHERE rolname = 'writer'"):
        postgres.query("CREATE ROLE writer LOGIN")
    postgres.query("GRANT ALL ON orders TO writer; GRANT ALL ON SCHEMA public TO writer")
    job = submitted(node, script(node, postgres, "evolve").replace("'username' = 'postgres'", "'username' = 'writer'"))
    send(node, 0, 3)
    support.wait_until(lambda: state_of(node, job) == "failed", "the error")
    error = sinks_of(node, job)["jdbc"]["last_error"]
    assert "must be owner of table orders" in error and 'ADD COLUMN "total" double precision' in error, error


# ---- the dry run

def check(node, tmp_path, table, ok=True):
    path = tmp_path / "check.sql"
    path.write_text(table)
    result = node.cli("--json", "connector", "check", str(path), check=False)
    assert (result.returncode == 0) == ok, result.stdout + result.stderr
    one, = [c for c in json.loads(result.stdout.splitlines()[0])["checks"] if c["as"] == "sink"]
    return one, node.cli("connector", "check", str(path), check=False).stdout


def test_a_dry_run_prints_the_difference_and_the_statement_and_changes_nothing(node, postgres, tmp_path):
    columns = "id integer PRIMARY KEY, price numeric(6,2), place text NOT NULL"
    jobs_table(postgres, columns=columns)
    table = f"""CREATE TABLE o (id BIGINT, total DOUBLE, price DECIMAL(10, 2), place STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'jdbc',
        'url' = '{postgres.jdbc_url}', 'table-name' = 'orders', 'username' = 'postgres', 'drift' = '%s');
        INSERT INTO o SELECT id, MAX(total), MAX(price), MAX(place)
        FROM (VALUES (CAST(1 AS BIGINT), CAST(1 AS DOUBLE), CAST(1 AS DECIMAL(10, 2)), 'a')) AS t (id, total, price, place) GROUP BY id;"""
    for drift in ("fail", "park", "evolve"):
        one, text = check(node, tmp_path, table % drift, ok=drift == "evolve")
        assert [(d["kind"], d["column"], d["blocks"], d["statement"]) for d in one["differences"]] == [
            ("type", "id", False, 'ALTER TABLE "public"."orders" ALTER COLUMN "id" TYPE bigint'),
            ("column", "total", True, 'ALTER TABLE "public"."orders" ADD COLUMN "total" double precision'),
            ("type", "price", False, 'ALTER TABLE "public"."orders" ALTER COLUMN "price" TYPE numeric(10,2)'),
            ("null", "place", False, "")]
        assert "differs: column 'total' does not exist in table 'orders'" in text
        runs = "a job runs: " if drift == "evolve" else "'drift' = 'evolve' would run: "
        assert runs + 'ALTER TABLE "public"."orders" ADD COLUMN "total" double precision' in text, text
    assert postgres.query("SELECT count(*) FROM information_schema.columns WHERE table_name = 'orders'")[0][0] == 3
    assert postgres.query("SELECT to_regclass('mainstem_delivery') IS NULL")[0][0]


def test_a_dry_run_makes_neither_files_nor_tables(node, tmp_path):
    duck = f"CREATE TABLE o (id BIGINT) WITH ('connector' = 'duckdb', 'path' = '{tmp_path}/shop.duckdb', 'table-name' = 'orders');"
    lake = f"CREATE TABLE o (id BIGINT) WITH ('connector' = 'iceberg', 'catalog-type' = 'hadoop', 'warehouse' = '{tmp_path}/lake');"
    for table, word in ((duck, 'a job runs: CREATE TABLE orders ("id" bigint)'), (lake, "a job runs: CREATE TABLE default.o")):
        one, text = check(node, tmp_path, table)
        assert word in text and one["ok"], text
    assert not (tmp_path / "shop.duckdb").exists() and not (tmp_path / "lake" / "default").exists()


# ---- what other databases have

def test_mariadb_evolves_and_keeps_what_it_does_not_understand(mariadb, tmp_path):
    options = {"connector": "jdbc", "url": mariadb.jdbc_url, "table-name": "driver", "username": "loader", "password": "right"}
    for name in ("driver", "mainstem_delivery"):
        mariadb.query(f"DROP TABLE IF EXISTS {name}")
    mariadb.query("CREATE TABLE driver (k varchar(40) PRIMARY KEY, n int, amount decimal(6,2) NOT NULL DEFAULT 1, part varchar(20))")
    make = lambda **more: sink.made(tmp_path, {**options, **more}, SHAPE, key="k")  # noqa: E731
    sink.says(make().fail(), ["column 'at' does not exist in table 'driver'"])
    make(drift="evolve").finish()
    found = {row[0]: row[1] for row in mariadb.query("SELECT column_name, column_type FROM information_schema.columns WHERE table_name = 'driver'")}
    assert found["n"].startswith("bigint") and found["at"] == "datetime(6)" and found["amount"] == "decimal(6,2)", found
    assert int(mariadb.query("SELECT count(*) FROM driver")[0][0]) == len(sink.table_model(*SHAPE))


def test_mariadb_keeps_the_check_of_a_column(mariadb, tmp_path):
    options = {"connector": "jdbc", "url": mariadb.jdbc_url, "table-name": "driver", "username": "loader", "password": "right", "drift": "evolve"}
    for name in ("driver", "mainstem_delivery"):
        mariadb.query(f"DROP TABLE IF EXISTS {name}")
    mariadb.query("CREATE TABLE driver (k varchar(40) PRIMARY KEY, n int CHECK (n > -1000000), amount double, at datetime(6))")
    sink.made(tmp_path, options, SHAPE, key="k").finish()
    found = {row[0]: row[1] for row in mariadb.query("SELECT column_name, column_type FROM information_schema.columns WHERE table_name = 'driver'")}
    assert found["n"].startswith("int") and found["part"] == "longtext", found
    assert "CHECK" in mariadb.query("SHOW CREATE TABLE driver")[0][1]


def test_sqlite_evolves(tmp_path):
    file = sqlite3.connect(tmp_path / "shop.db")
    file.execute("CREATE TABLE driver (k text PRIMARY KEY, n int)")
    file.commit()
    options = {"connector": "jdbc", "url": f"jdbc:sqlite:{tmp_path}/shop.db", "table-name": "driver"}
    sink.says(sink.made(tmp_path, options, SHAPE, key="k").fail(), ["column 'amount' does not exist", "also: "])
    sink.made(tmp_path, {**options, "drift": "evolve"}, SHAPE, key="k").finish()
    assert file.execute("SELECT count(*), count(at) FROM driver").fetchone() == (len(sink.table_model(*SHAPE)),) * 2


@pytest.mark.skipif(not os.path.exists(support.DUCKDB), reason="DuckDB's library is not there: run scripts/setup test")
def test_duckdb_evolves(tmp_path):
    path = str(tmp_path / "shop.duckdb")
    with duckdb.connect(path, config={"storage_compatibility_version": "v1.0.0"}) as store:
        store.execute("CREATE TABLE driver (k text PRIMARY KEY, n smallint, amount decimal(6,2), part text)")
    sink.made(tmp_path, {"connector": "duckdb", "path": path, "table-name": "driver", "drift": "evolve"}, SHAPE, key="k").finish()
    with duckdb.connect(path, read_only=True) as store:
        types = dict(store.execute("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'driver'").fetchall())
        assert types["n"] == "BIGINT" and types["amount"] == "DECIMAL(10,2)" and types["at"] == "TIMESTAMP", types
        assert store.execute("SELECT count(*) FROM driver").fetchone()[0] == len(sink.table_model(*SHAPE))


def test_clickhouse_evolves_columns_that_are_not_its_sorting_key(clickhouse, tmp_path):
    for name in ("driver", "mainstem_delivery"):
        clickhouse.query(f"DROP TABLE IF EXISTS {name}")
    clickhouse.query("CREATE TABLE driver (k String, n Nullable(Int32), at Nullable(String), part String, v UInt64, gone UInt8) "
                     "ENGINE = ReplacingMergeTree(v) ORDER BY k")
    options = {"connector": "clickhouse", "url": clickhouse.url, "table-name": "driver", "sink.version-column": "v", "sink.deleted-column": "gone"}
    sink.says(sink.made(tmp_path, options, SHAPE, key="k").fail(), ["column 'n' is Nullable(Int32)", "also: ", "there is no column 'amount'"])
    sink.made(tmp_path, {**options, "drift": "evolve"}, SHAPE, key="k").finish()
    types = {row["name"]: row["type"] for row in clickhouse.rows("SELECT name, type FROM system.columns WHERE table = 'driver' AND database = 'default'")}
    assert types["n"] == "Nullable(Int64)" and types["amount"] == "Nullable(Decimal(10, 2))" and types["part"] == "Nullable(String)", types
    assert int(clickhouse.query("SELECT count() FROM driver FINAL WHERE gone = 0")) == len(sink.table_model(*SHAPE))
