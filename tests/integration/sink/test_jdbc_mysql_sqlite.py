"""The jdbc sink into MariaDB, MySQL 8 and SQLite: kills, cut connections, a killed server, rows that are refused, and what Open says about
tables that do not fit. Afterwards the table equals the model."""
import os
import random
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time

import pytest

import driver as sink
import support
from faulty_proxy import make_certificate

SHAPE = (2, 400, 20, 60)  # partitions, records, rows in each, keys
KINDS = ["mariadb", "mysql", "sqlite"]


class Sqlite:
    kind, options = "sqlite", {}

    def __init__(self, folder):
        self.path = os.path.join(folder, "shop.db")
        self.jdbc_url = "jdbc:sqlite:" + self.path

    def query(self, sql):
        connection = sqlite3.connect(self.path, timeout=30)
        try:
            with connection:
                return [row for statement in sql.split(";") if statement.strip() for row in connection.execute(statement)]
        finally:
            connection.close()


@pytest.fixture(params=["mariadb", "mysql"])
def server(request):
    server = request.getfixturevalue(request.param)
    server.kind, server.options = request.param, {"username": "loader", "password": "right"}
    return server


def make_user(server, name, password, rights):
    server.query(f"DROP USER IF EXISTS {name}@'127.0.0.1'; CREATE USER {name}@'127.0.0.1' IDENTIFIED BY '{password}'; GRANT {rights} TO {name}@'127.0.0.1'")


def cut_connections(server, user):
    """One of them may be gone before its turn."""
    for line in server.client(f"SELECT id FROM information_schema.processlist WHERE user = '{user}'").stdout.split():
        server.client(f"KILL {line}")


def prepared(database):
    for name in ("driver", "mainstem_delivery"):
        database.query(f"DROP TABLE IF EXISTS {name}")
    key = "k VARCHAR(40) COLLATE utf8mb4_bin" if database.kind != "sqlite" else "k TEXT"
    at = "DATETIME(3)" if database.kind != "sqlite" else "TEXT"
    database.query(f"CREATE TABLE driver ({key} PRIMARY KEY, n BIGINT, amount DECIMAL(10,2), at {at}, part VARCHAR(20))")
    return database


@pytest.fixture(params=KINDS)
def table(request, tmp_path):
    if request.param == "sqlite":
        return prepared(Sqlite(tmp_path))
    server = request.getfixturevalue(request.param)
    server.kind, server.options = request.param, {"username": "loader", "password": "right"}
    return prepared(server)


def make(tmp_path, database, shape=SHAPE, key="k", options=None, **more):
    options = {"connector": "jdbc", "url": database.jdbc_url, "table-name": "driver", **database.options, **(options or {})}
    return sink.made(tmp_path, options, shape, key=key, **more)


def content(database):
    return {k: (int(n), round(float(amount) * 100), at, part)
            for k, n, amount, at, part in database.query("SELECT k, n, amount, at, part FROM driver")}


def at_of(millis):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(millis // 1000)) + f".{millis % 1000:03d}"


def check(database, shape=SHAPE):
    model = {k: (n, cents, at_of(millis), part) for k, (n, cents, millis, part) in sink.table_model(*shape).items()}
    assert content(database) == model
    positions = {int(part): int(position) for part, position in database.query("SELECT part, position FROM mainstem_delivery")}
    assert positions == {partition: shape[1] for partition in range(shape[0])}


def test_upserts_and_deletes_end_as_the_model(tmp_path, table):
    make(tmp_path, table).finish()
    check(table)


def widened(shape, wide):
    """Of the model without deletions: key, number and the length of "part"."""
    for k, n, _, _, part, _ in sink.rows(*shape):
        yield k, n, None if part is None else wide if part == "d/1" else len(part)


@pytest.mark.parametrize("wide, rows, refused", [(20_000, 300, False), (1_100_000, 40, True)])
def test_rows_beyond_what_a_packet_holds(tmp_path, server, wide, rows, refused):
    """Many together, and one alone: the latter is refused, the others arrive."""
    before = server.query("SELECT @@global.max_allowed_packet")[0][0]
    server.query("DROP TABLE IF EXISTS driver; DROP TABLE IF EXISTS mainstem_delivery; "
                 "CREATE TABLE driver (k VARCHAR(40), n BIGINT, amount DECIMAL(10,2), at DATETIME(3), part LONGTEXT); SET GLOBAL max_allowed_packet = 1048576")
    try:
        shape = (1, 2, rows, 60)
        make(tmp_path, server, shape, key=None, append=True, wide=wide, reject_file=tmp_path / "refused", max_failures=3).finish()
        found = sorted((k, int(n), None if size is None else int(size)) for k, n, size in server.query("SELECT k, n, LENGTH(part) FROM driver"))
        model = sorted(widened(shape, wide), key=lambda row: row[:2])
        fitting = [row for row in model if row[2] is None or row[2] < 1_000_000]
        assert found == fitting and (len(fitting) < len(model)) == refused
        if refused:
            lines = (tmp_path / "refused").read_text().splitlines()
            assert len(lines) == len(model) - len(fitting) and all("max_allowed_packet is 1048576" in line for line in lines)
    finally:
        server.query(f"SET GLOBAL max_allowed_packet = {before}")


def test_many_bytes_are_not_held_back(tmp_path):
    """With no other limit in the way a transaction takes what waits when it is 32 MiB."""
    database = Sqlite(tmp_path)
    database.query("CREATE TABLE driver (k TEXT, n BIGINT, amount DECIMAL(10,2), at TEXT, part TEXT)")
    shape = (1, 20, 10, 60)
    options = {"sink.buffer-flush.interval": "1 h", "sink.buffer-flush.max-rows": "50000"}
    driver = make(tmp_path, database, shape, key=None, append=True, wide=1_000_000, flush_every=1000, options=options)
    driver.start(crash="sink.commit:2")  # within its second transaction at the latest
    driver.process.communicate(timeout=60)
    (position,) = database.query("SELECT position FROM mainstem_delivery")[0]
    assert 0 < position < shape[1]
    driver.finish()
    assert sorted(n for (n,) in database.query("SELECT n FROM driver")) == list(range(200))


def test_kills_at_any_moment_and_at_the_commit_change_nothing(tmp_path, table):
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))
    kills = 100 if support.FULL else 16
    print(f"KILL_SEED={seed}")
    shape = (2, sink.RECORDS_PER_KILL * kills, 10, 60)
    hits = sink.deliver_with_kills(make(tmp_path, table, shape), random.Random(seed), kills)
    check(table, shape)
    assert sum(hits.values()) == kills, hits


def test_appended_rows_are_there_once_after_kills(tmp_path, table):
    table.query("DROP TABLE driver; CREATE TABLE driver (k VARCHAR(40), n BIGINT, amount DECIMAL(10,2), at VARCHAR(30), part VARCHAR(20))")
    shape = (1, 800, 5, 60)
    sink.deliver_with_kills(make(tmp_path, table, shape, key=None, append=True), random.Random(7), 8)
    assert sorted(int(n) for n, in table.query("SELECT n FROM driver")) == list(range(800 * 5))


def test_two_writers_of_one_delivery_do_not_double(tmp_path, table):
    table.query("DROP TABLE driver; CREATE TABLE driver (k VARCHAR(40), n BIGINT, amount DECIMAL(10,2), at VARCHAR(30), part VARCHAR(20))")
    shape = (1, 200, 5, 60)
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    drivers = [make(folder, table, shape, key=None, append=True) for folder in folders]
    for driver in drivers:
        driver.start()
    for driver in drivers:
        driver.join()
    assert sorted(int(n) for n, in table.query("SELECT n FROM driver")) == list(range(200 * 5))


def test_cut_connections_and_a_killed_server_are_waited_for(tmp_path, server):
    table = prepared(server)
    shape = (1, 4000, 10, 60)
    driver, stop = make(tmp_path, table, shape), threading.Event()

    def cut():
        while not stop.wait(0.1):
            cut_connections(table, "loader")

    thread = threading.Thread(target=cut)
    driver.start()
    thread.start()
    try:
        time.sleep(0.5)
        table.stop(signal.SIGKILL)
        table.start()
        time.sleep(0.5)
    finally:
        stop.set()
        thread.join()
    driver.join()
    check(table, shape)
    assert "retrying" in driver.error_text()


def test_a_file_that_somebody_else_locks_is_waited_for(tmp_path):
    table = prepared(Sqlite(tmp_path))
    driver = make(tmp_path, table)
    lock = sqlite3.connect(table.path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    driver.start()
    time.sleep(1)
    lock.execute("COMMIT")
    lock.close()
    driver.join()
    check(table)


def test_refused_rows_are_handed_over_and_all_others_arrive(tmp_path, table):
    if table.kind == "mysql":
        pytest.skip("MySQL obeys CHECK from 8.0.16 on, and this is 8.0.15")
    table.query("DROP TABLE driver; CREATE TABLE driver (k VARCHAR(40) PRIMARY KEY, n BIGINT, amount DECIMAL(10,2) CHECK (amount < 990), "
                "at VARCHAR(30), part VARCHAR(20))")
    rejects = tmp_path / "rejects"
    shape = (1, 40, 50, 5000)  # many keys: the rows of a key seldom meet in one transaction
    make(tmp_path, table, shape, reject_file=rejects).finish()
    refused = [line.split("\t") for line in rejects.read_text().splitlines()]
    model, got = sink.table_model(*shape), content(table)
    assert refused and all(row[1] < 99000 for row in got.values())
    assert {k: row[0] for k, row in model.items() if row[1] < 99000} == {k: row[0] for k, row in got.items() if model[k][1] < 99000}
    for origin, raw, cause in refused:
        assert origin.startswith("driver/sink/0@<") and raw.startswith("+I[p0-")
        assert "CONSTRAINT" in cause.upper() and "table 'driver' refused the row with k=p0-" in cause


def test_a_number_that_is_too_great_is_refused_not_cut(tmp_path, table):
    if table.kind == "sqlite":
        pytest.skip("SQLite's integers have no other bounds than ours")
    table.query("ALTER TABLE driver MODIFY n SMALLINT")
    rejects = tmp_path / "rejects"
    shape = (1, 900, 50, 40000)
    make(tmp_path, table, shape, reject_file=rejects).finish()
    assert "Out of range value for column 'n'" in rejects.read_text()
    assert max(row[0] for row in content(table).values()) <= 32767


def test_without_a_handler_a_refused_row_stops_with_nothing_written(tmp_path, table):
    if table.kind == "mysql":
        pytest.skip("MySQL obeys CHECK from 8.0.16 on, and this is 8.0.15")
    table.query("DROP TABLE driver; CREATE TABLE driver (k VARCHAR(40) PRIMARY KEY, n BIGINT CHECK (n < 5), amount DECIMAL(10,2), "
                "at VARCHAR(30), part VARCHAR(20))")
    message = make(tmp_path, table, (1, 200, 50, 5000)).fail()
    assert "refused the row with k=p0-" in message
    assert table.query("SELECT * FROM driver") == []


@pytest.mark.parametrize("change,options,expected", [
    ("DROP TABLE driver", {}, ["table 'driver' does not exist", "CREATE TABLE driver (k "]),
    ("ALTER TABLE driver RENAME COLUMN amount TO amounts", {}, ["column 'amount' does not exist", "did you mean 'amounts'", "ADD COLUMN"]),
    ("ALTER TABLE driver ADD extra INT NOT NULL", {}, ["column 'extra' is NOT NULL without a default"]),
    ("DROP TABLE driver; CREATE TABLE driver (k VARCHAR(40), n BIGINT, amount DECIMAL(10,2), at VARCHAR(30), part VARCHAR(20))", {},
     ["no primary key or unique index on (k)", "CREATE UNIQUE INDEX"]),
    ("SELECT 1", {"table-name": "a.b.c"}, ["is not a table's name"]),
])
def test_says_what_does_not_fit_and_the_cure(tmp_path, table, change, options, expected):
    if "extra" in change and table.kind == "sqlite":
        change = "DROP TABLE driver; CREATE TABLE driver (k TEXT PRIMARY KEY, n, amount, at, part, extra INT NOT NULL)"
    table.query(change)
    message = make(tmp_path, table, options=options).fail()
    for text in expected:
        assert text in message, message


@pytest.mark.parametrize("change,options,expected", [
    ("ALTER TABLE driver ENGINE = MyISAM", {}, ["engine 'MyISAM' has no transactions", "ENGINE = InnoDB"]),
    ("SELECT 1", {"password": "wr0ng"}, ["cannot connect to MySQL", "check the options 'username' and 'password'"]),
    ("SELECT 1", {"url": "jdbc:mysql://127.0.0.1/x?sslMod=REQUIRED"}, ["unknown parameter 'sslMod'", "did you mean 'sslMode'"]),
    ("SELECT 1", {"url": "jdbc:mysql://127.0.0.1"}, ["names no database"]),
    ("SELECT 1", {"url": "jdbc:oracle:thin:x"}, ["no driver for 'jdbc:oracle:'", "jdbc:mysql:"]),
])
def test_mysql_says_what_is_wrong(tmp_path, server, change, options, expected):
    table = prepared(server)
    table.query(change)
    message = make(tmp_path, table, options=options).fail()
    for text in expected:
        assert text in message, message
    assert "wr0ng" not in message


def test_a_user_who_may_not_make_the_table_of_positions_is_told(tmp_path, server):
    table = prepared(server)
    make_user(table, "poor", "x", "SELECT, INSERT, UPDATE, DELETE ON shop.driver")
    message = make(tmp_path, table, options={"username": "poor", "password": "x"}).fail()
    assert "mainstem_delivery, which keeps the delivered positions" in message and "CREATE TABLE IF NOT EXISTS" in message


def test_a_missing_file_is_told(tmp_path):
    message = make(tmp_path, Sqlite(tmp_path)).fail()
    assert "shop.db" in message and "make the file with its tables first" in message


def test_rows_arrive_over_tls_that_is_verified(tmp_path):
    folder = tempfile.mkdtemp(prefix="mainstem-mariadb-tls-")
    os.chmod(folder, 0o755)
    certificate, key = make_certificate(folder)
    other, _ = make_certificate(folder, "other")
    os.chmod(key, 0o644)
    server = support.Mariadb(os.path.join(folder, "db"), {"ssl-cert": certificate, "ssl-key": key, "require-secure-transport": "ON"})
    if not server.available:
        pytest.skip("MariaDB is not installed: run scripts/setup test")
    os.mkdir(server.folder)
    server.kind, server.options = "mariadb", {"username": "loader", "password": "right"}
    try:
        table = prepared(server.start())
        url = table.jdbc_url
        make(tmp_path, table, options={"url": f"{url}?sslMode=VERIFY_IDENTITY&serverSslCert={certificate}"}).finish()
        check(table)
        message = make(tmp_path, table, options={"url": f"{url}?sslMode=VERIFY_IDENTITY&serverSslCert={other}"}).fail()
        assert "check 'sslMode' and 'serverSslCert'" in message
        message = make(tmp_path, table, options={"url": f"{url}?sslMode=DISABLED"}, max_failures=1).fail()
        assert "cannot connect to MySQL at" in message.splitlines()[-1]
    finally:
        server.stop()
        support.remove(folder)


def test_sql_writes_all_types(tmp_path, table):
    text = "TEXT" if table.kind == "sqlite" else "VARCHAR(40)"
    table.query(f"""DROP TABLE driver; CREATE TABLE driver (id INT PRIMARY KEY, b BOOLEAN, s SMALLINT, d DOUBLE, m DECIMAL(8,3),
      c {text}, x {'BLOB' if table.kind == 'sqlite' else 'VARBINARY(9)'}, day {text}, t {text}, ts {text}, ltz {text})""")
    login = "".join(f", '{name}' = '{value}'" for name, value in table.options.items())
    (tmp_path / "q.sql").write_text(f"""
      CREATE TABLE o (id INT, b BOOLEAN, s SMALLINT, d DOUBLE, m DECIMAL(8, 3), c STRING, x BYTES, `day` DATE, t TIME, ts TIMESTAMP(6),
        ltz TIMESTAMP_LTZ(3), PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'jdbc', 'url' = '{table.jdbc_url}',
        'table-name' = 'driver'{login});
      INSERT INTO o SELECT id, TRUE, CAST(-7 AS SMALLINT), 1.5E0, CAST(12.345 AS DECIMAL(8, 3)), CAST('ä''"' AS STRING), x'4100ff',
        DATE '2026-01-02', TIME '03:04:05', TIMESTAMP '2026-01-02 03:04:05.678901', TO_TIMESTAMP_LTZ(0, 3)
        FROM (VALUES (1)) AS v(id) ON CONFLICT DO DEDUPLICATE;
      INSERT INTO o (id) SELECT id FROM (VALUES (2)) AS v(id) ON CONFLICT DO DEDUPLICATE;""")
    result = subprocess.run([support.BINARY, "run", str(tmp_path / "q.sql")], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    rows = [tuple(None if v is None else str(v) for v in row) for row in
            table.query("SELECT id, b, s, d, m, c, hex(x), day, t, ts, ltz FROM driver ORDER BY id")]
    assert rows == [("1", "1", "-7", "1.5", "12.345", "ä'\"", "4100FF", "2026-01-02", "03:04:05", "2026-01-02 03:04:05.678901",
                     "1970-01-01 00:00:00.000"), ("2",) + (None,) * 5 + (("",) if table.kind == "sqlite" else (None,)) + (None,) * 4]
