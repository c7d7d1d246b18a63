"""A destination that is full: the sink says so, tries again, and goes on by itself when there is room; afterwards the destination equals the model. Local
destinations lie on a small file system of memory, which only root can mount; servers have a part of theirs there, or refuse as they do when they are full."""
import os
import pwd

import pytest

import driver as sink
import support
import test_clickhouse as clicks
import test_duckdb as ducks
import test_filesystem as files
import test_http as hooks
import test_iceberg as lakes
import test_iceberg_upserts as upserts
import test_jdbc as relations
import test_jdbc_mysql_sqlite as others
import test_kafka_sink as streams
import test_opensearch as documents
import test_redis as hashes
import test_s3 as objects
from faulty_proxy import Proxy
from kafka_topics import Topics

SHAPE = (2, 400, 20, 60)  # partitions, records, rows in each, keys
PATIENT = ["--max-failures", 100000]


@pytest.fixture
def small_disk():
    with support.small_disk("32m") as folder:
        yield folder


def fill(folder, leave):
    """A file that takes all room but so many bytes."""
    room = os.statvfs(folder)
    ballast = folder / "ballast"
    with open(ballast, "wb") as f:
        os.posix_fallocate(f.fileno(), 0, room.f_bavail * room.f_frsize - leave)
    return ballast


def full_for_a_while(driver, mend, expected="No space left"):
    """Delivers until the sink says that there is no room, makes some, and lets it end."""
    driver.start()
    try:
        def told():
            assert driver.process.poll() is None, "it never came to the end of the disk\n" + driver.error_text()
            return expected in driver.error_text()
        support.wait_until(told, expected, 120)
        mend()
        driver.join(180)
    finally:
        driver.process.kill()


# ---- local files

@pytest.mark.parametrize("format_name", ["parquet", "json"])
@pytest.mark.parametrize("partitioned", [False, True])
def test_files(tmp_path, small_disk, format_name, partitioned):
    arguments = (["--partition-by", "part"] if partitioned else []) + PATIENT
    driver = files.make(small_disk, SHAPE, arguments, format=format_name, sink__rolling_policy__rollover_interval="1 ms")
    driver.errors = str(tmp_path / "errors")
    ballast = fill(small_disk, 200_000)
    full_for_a_while(driver, ballast.unlink)
    files.check(small_disk, SHAPE, partitioned)


def test_a_file_that_grows(tmp_path, small_disk):
    """The disk ends in the middle of a file, not at the beginning of one."""
    shape = (1, 400, 100, 60)
    driver = files.make(small_disk, shape, PATIENT, format="json", sink__rolling_policy__rollover_interval="1 h")
    driver.errors = str(tmp_path / "errors")
    ballast = fill(small_disk, 1_000_000)
    full_for_a_while(driver, ballast.unlink)
    files.check(small_disk, shape)


def test_an_iceberg_table_of_files(tmp_path, small_disk):
    shape = (2, 200, 20, 60)
    driver = lakes.make(small_disk, shape, PATIENT, sink__commit_interval="1 ms")
    driver.errors = str(tmp_path / "errors")
    ballast = fill(small_disk, 500_000)
    full_for_a_while(driver, ballast.unlink)
    lakes.check_everywhere(small_disk, shape)
    assert not list(small_disk.rglob(".*.tmp"))


def test_an_iceberg_table_of_files_that_is_upserted_to(tmp_path, small_disk):
    shape = (2, 200, 20, 60)
    driver = upserts.make(small_disk, shape)
    driver.errors = str(tmp_path / "errors")
    ballast = fill(small_disk, 150_000)
    full_for_a_while(driver, ballast.unlink)
    upserts.check_everywhere(small_disk, shape)
    assert not list(small_disk.rglob(".*.tmp"))


def test_sqlite(tmp_path, small_disk):
    table = others.prepared(others.Sqlite(small_disk))
    shape = (2, 400, 20, 6000)
    driver = others.make(tmp_path, table, shape, max_failures=100000)
    ballast = fill(small_disk, 200_000)
    full_for_a_while(driver, ballast.unlink, "full")
    others.check(table, shape)


@pytest.mark.skipif(not os.path.exists(support.DUCKDB), reason="DuckDB's library is not there: run scripts/setup test")
def test_duckdb(tmp_path, small_disk):
    shape = (2, 400, 20, 20000)
    driver = sink.made(tmp_path, {"connector": "duckdb", "path": str(small_disk / "shop.duckdb"), "table-name": "driver"}, shape, key="k",
                       max_failures=100000)
    ballast = fill(small_disk, 2_000_000)
    full_for_a_while(driver, ballast.unlink)
    os.symlink(small_disk / "shop.duckdb", tmp_path / "shop.duckdb")
    ducks.check(tmp_path, shape)


# ---- servers

def test_postgresql(tmp_path, small_disk, postgres):
    """The table's files lie on the small disk, in a table space of its own: the server goes on."""
    if os.getuid() == 0:
        entry = pwd.getpwnam("postgres")
        os.chown(small_disk, entry.pw_uid, entry.pw_gid)
    for name in ("driver", "mainstem_delivery"):
        postgres.query(f"DROP TABLE IF EXISTS {name}")
    import psycopg2
    connection = psycopg2.connect(host="127.0.0.1", port=postgres.port, user="postgres", dbname="postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLESPACE small LOCATION '{small_disk}'")
    postgres.query("CREATE TABLE driver (k text PRIMARY KEY, n bigint, amount numeric(10,2), at timestamp(3), part text) TABLESPACE small")
    try:
        shape = (2, 400, 20, 20000)
        ballast = fill(small_disk, 300_000)
        full_for_a_while(relations.make(tmp_path, postgres, shape, max_failures=100000), ballast.unlink, "could not extend file")
        relations.check(postgres, shape)
    finally:
        postgres.query("DROP TABLE driver")
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLESPACE small")
        connection.close()


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_mysql(tmp_path, small_disk, request, kind):
    """The table's file lies on the small disk: the server goes on."""
    server = request.getfixturevalue(kind)
    if os.getuid() == 0:
        entry = pwd.getpwnam("mysql")
        os.chown(small_disk, entry.pw_uid, entry.pw_gid)
    server.kind, server.options = kind, {"username": "loader", "password": "right"}
    for name in ("driver", "mainstem_delivery"):
        server.query(f"DROP TABLE IF EXISTS {name}")
    server.query("CREATE TABLE driver (k VARCHAR(40) COLLATE utf8mb4_bin PRIMARY KEY, n BIGINT, amount DECIMAL(10,2), at DATETIME(3), part VARCHAR(20)) "
                  f"DATA DIRECTORY = '{small_disk}'")
    try:
        shape = (2, 400, 20, 20000)
        ballast = fill(small_disk, 100_000)
        full_for_a_while(others.make(tmp_path, server, shape, max_failures=100000), ballast.unlink, "is full")
        others.check(server, shape)
    finally:
        server.query("DROP TABLE driver")


def test_redis_without_memory(tmp_path, redis_server):
    client = redis_server.client()
    client.flushall()
    shape = (2, 400, 20, 6000)
    client.config_set("maxmemory", client.info("memory")["used_memory"] + 300_000)
    try:
        full_for_a_while(hashes.make(tmp_path, redis_server, shape, max_failures=100000), lambda: client.config_set("maxmemory", 0), "OOM command not allowed")
        hashes.check_hashes(redis_server, shape)
    finally:
        client.config_set("maxmemory", 0)


def test_clickhouse(tmp_path):
    with support.small_disk("200m") as disk:
        server = support.Clickhouse(disk)
        if not server.available:
            pytest.skip("ClickHouse is not installed: run scripts/setup test")
        server.start()
        try:
            table, shape = clicks.keyed(server), (1, 200, 20, 6000)
            driver = clicks.make(tmp_path, server, table, shape, max_failures=100000)
            ballast = fill(disk, 100_000)
            full_for_a_while(driver, ballast.unlink, "space")
            clicks.check_keyed(server, table, shape)
        finally:
            server.stop()


def test_opensearch_that_takes_no_more_documents(tmp_path, opensearch):
    """The block that the server puts on an index when the disk has come to its last twentieth."""
    for index in ("driver", "mainstem-delivery"):
        opensearch.call("/" + index, "DELETE")
    opensearch.call("/driver", "PUT", {"settings": {"index.blocks.read_only_allow_delete": True}})

    def mend():
        opensearch.call("/driver/_settings", "PUT", {"index.blocks.read_only_allow_delete": None})
    full_for_a_while(documents.make(tmp_path, opensearch.url, SHAPE, max_failures=100000), mend, "read-only-allow-delete")
    documents.check(opensearch, SHAPE)


@pytest.mark.parametrize("connector", ["filesystem", "iceberg", "iceberg upserts"])
def test_a_bucket_whose_quota_is_used_up(tmp_path, s3, monkeypatch, connector):
    if connector != "filesystem" and not support.FULL:
        pytest.skip("the full tier: a store tries for half a minute before it says so")
    for name, value in support.S3Server.KEYS.items():
        monkeypatch.setenv(name, value)
    is_full, shape = [False], (2, 60, 20, 60)
    lake = {"warehouse": f"s3://lake1/{tmp_path.name}", "sink__commit_interval": "1 ms"}

    def decide(number, method, path, headers):
        if number == 20:
            is_full[0] = True
        return objects.error(403, "QuotaExceeded") if is_full[0] and method in ("PUT", "POST") else None
    with Proxy(s3.port, decide, whole=True) as proxy:
        if connector == "filesystem":
            driver = objects.make(tmp_path, proxy.url, shape, PATIENT, sink__rolling_policy__rollover_interval="1 ms")
        elif connector == "iceberg":
            driver = lakes.make(tmp_path, shape, PATIENT, s3__endpoint=proxy.url, **lake)
        else:
            driver = upserts.make(tmp_path, shape, s3__endpoint=proxy.url, **lake)
        full_for_a_while(driver, lambda: is_full.__setitem__(0, False), "QuotaExceeded")
    if connector == "filesystem":
        objects.check(s3, tmp_path, shape)
    else:
        (lakes if connector == "iceberg" else upserts).check(lakes.bucket_table(s3, tmp_path), shape)


def test_a_webhook_without_room(tmp_path):
    is_full, shape = [True], (1, 10, 10, 60)
    with hooks.Receiver(lambda *_: (507, "no room") if is_full[0] else None) as receiver:
        driver = hooks.make(tmp_path, receiver.url, shape, max_failures=100000)
        full_for_a_while(driver, lambda: is_full.__setitem__(0, False), "status 507")
        assert len(receiver.by_key()) == shape[1] * shape[2]


def test_another_cluster_with_a_full_disk(tmp_path):
    """A second node is the cluster: its log lies on the small disk."""
    with support.small_disk("200m") as disk:
        ballast = fill(disk, 80_000_000)
        node = support.Node(disk, {"memory": "256MB"})
        node.start()
        try:
            topics, shape = Topics(node.kafka), (1, 800, 1000, 60)
            topic = topics.make("full-disk-out", 1)
            driver = streams.appending(tmp_path, topics, topic, shape, max_failures=100000)
            full_for_a_while(driver, ballast.unlink, "retrying")
            assert node.running()
            assert streams.numbers(topics, topic) == {"p0": list(range(shape[1] * shape[2]))}
        finally:
            node.kill()
