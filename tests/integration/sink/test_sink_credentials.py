"""Credentials that stop counting while a sink delivers: a password that is changed, keys that expire or are taken away, rights that are revoked. The sink
says what is wrong, tries again, and goes on by itself once the new secret stands in its file, or the rights are back; afterwards the destination
equals the model, and no secret was shown."""
import collections
import json
import os
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import confluent_kafka.admin as kafka_admin
import pytest

import driver as sink
import support
import test_clickhouse as clicks
import test_iceberg as lakes
import test_jdbc as relations
import test_jdbc_mysql_sqlite as others
import test_kafka_sink as streams
import test_opensearch as documents
import test_redis as hashes
import test_redshift as warehouse
import test_s3 as objects
from faulty_proxy import Proxy
from iceberg_rest import RestCatalog
from kafka_topics import Topics
from redshift_standin import Redshift

SHAPE = (2, 400, 20, 60)  # partitions, records, rows in each, keys: more than is delivered before the fault
SECRETS = ("first-s3cret", "second-s3cret")
ACCESS = "local all all trust\nhost all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"


def interrupted(driver, lose, expected, mend):
    """Delivers a part, loses what `lose` takes away, waits until the sink has said all of `expected`, mends, and lets it end by itself."""
    driver.start()
    try:
        driver.stop_after(3)
        lose()
        driver.go_on()

        def told():
            assert driver.process.poll() is None, driver.error_text()
            return all(text in driver.error_text() for text in expected)
        try:
            support.wait_until(told, expected, 60)
        except AssertionError:
            raise AssertionError(f"not said: {expected}\n{driver.error_text()}") from None
        for secret in SECRETS:
            assert secret not in driver.error_text()
        mend()
        driver.join(180)
    finally:
        driver.process.kill()


def replace_whole(path, text):
    """So that nobody reads half of it."""
    with open(f"{path}.new", "w") as f:
        f.write(text)
    os.replace(f"{path}.new", path)


def kept(folder, text):
    """A file with the secret; it is replaced whole, as those do who rotate secrets."""
    path = folder / "secret"
    replace_whole(path, text + "\n")
    return str(path)


TRYING = {"keep_trying": True, "max_failures": 100000}


# ---- passwords

@pytest.fixture(scope="module")
def guarded():
    """A PostgreSQL that wants a password from everybody but us."""
    folder = tempfile.mkdtemp(prefix="mainstem-pg-guarded-")
    os.chmod(folder, 0o755)
    server = support.Postgres(os.path.join(folder, "pg"), access=ACCESS)
    if not server.available:
        pytest.skip("PostgreSQL is not installed: run scripts/setup test")
    server.start()
    server.query("CREATE ROLE loader LOGIN; GRANT ALL ON SCHEMA public TO loader; ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO loader")
    yield server
    server.stop()
    support.remove(folder)


def lose_postgres(server, statement):
    server.query(statement)
    server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'loader'")


def prepared(server, key="k text"):
    for name in ("driver", "mainstem_delivery"):
        server.query(f"DROP TABLE IF EXISTS {name}")
    server.query(f"CREATE TABLE driver ({key} PRIMARY KEY, n bigint, amount numeric(10,2), at timestamp(3), part varchar(20))")
    server.query(f"ALTER ROLE loader PASSWORD '{SECRETS[0]}'")


def test_a_changed_password_of_postgresql_is_read_from_its_file(tmp_path, guarded):
    prepared(guarded)
    options = {"username": "loader", "password-file": kept(tmp_path, SECRETS[0])}
    interrupted(relations.make(tmp_path, guarded, SHAPE, options=options, **TRYING),
                lambda: lose_postgres(guarded, f"ALTER ROLE loader PASSWORD '{SECRETS[1]}'"),
                ["table 'driver': cannot connect to PostgreSQL", "password authentication failed", "'password-file'"],
                lambda: kept(tmp_path, SECRETS[1]))
    relations.check(guarded, SHAPE)


def test_rights_that_are_revoked_in_postgresql_are_named_until_they_are_back(tmp_path, guarded):
    prepared(guarded)
    options = {"username": "loader", "password": SECRETS[0]}
    interrupted(relations.make(tmp_path, guarded, SHAPE, options=options, **TRYING), lambda: guarded.query("REVOKE INSERT, UPDATE ON driver FROM loader"),
                ["permission denied for table driver", "user 'loader' lacks INSERT, UPDATE", "GRANT INSERT"],
                lambda: guarded.query("GRANT ALL ON driver TO loader"))
    relations.check(guarded, SHAPE)


@pytest.fixture(params=["mariadb", "mysql"])
def shop(request):
    server = request.getfixturevalue(request.param)
    server.kind = request.param
    return others.prepared(server)


def test_a_changed_password_of_mysql_is_read_from_its_file(tmp_path, shop):
    table, shop.options = shop, {"username": "rotated", "password-file": kept(tmp_path, SECRETS[0])}
    others.make_user(table, "rotated", SECRETS[0], "ALL ON shop.*")

    def lose():
        table.query(f"ALTER USER rotated@'127.0.0.1' IDENTIFIED BY '{SECRETS[1]}'")
        others.cut_connections(table, "rotated")
    interrupted(others.make(tmp_path, table, SHAPE, **TRYING), lose, ["table 'driver': cannot connect to MySQL", "Access denied", "'password-file'"],
                lambda: kept(tmp_path, SECRETS[1]))
    others.check(table, SHAPE)


def test_rights_that_are_revoked_in_mysql_are_named_until_they_are_back(tmp_path, shop):
    table, shop.options = shop, {"username": "limited", "password": SECRETS[0]}
    others.make_user(table, "limited", SECRETS[0], "ALL ON shop.*")

    def lose():
        table.query("REVOKE INSERT ON shop.* FROM limited@'127.0.0.1'")
        others.cut_connections(table, "limited")
    interrupted(others.make(tmp_path, table, SHAPE, **TRYING), lose, ["table 'driver'", "INSERT command denied to user 'limited'", "GRANT the user SELECT, INSERT"],
                lambda: table.query("GRANT ALL ON shop.* TO limited@'127.0.0.1'"))
    others.check(table, SHAPE)


def test_a_changed_password_of_redshift_is_read_from_its_file(tmp_path, guarded):
    prepared(guarded, "k varchar(40)")
    server = support.S3Server(tempfile.mkdtemp(prefix="mainstem-credentials-"), "moto")
    if not server.available:
        pytest.skip("moto is not installed: run scripts/setup test")
    server.start()
    shape = (2, 60, 20, 60)
    try:
        with Redshift(guarded.port, server) as redshift:
            keys = dict(zip(("s3.access-key", "s3.secret-key"), server.KEYS.values()))
            options = {"username": "loader", "password-file": kept(tmp_path, SECRETS[0]), "sink.buffer-flush.max-rows": 100, **keys}
            interrupted(warehouse.make(tmp_path, redshift, server, shape, options=options, **TRYING),
                        lambda: lose_postgres(guarded, f"ALTER ROLE loader PASSWORD '{SECRETS[1]}'"),
                        ["table 'driver': cannot connect to PostgreSQL", "password authentication failed", "'password-file'"],
                        lambda: kept(tmp_path, SECRETS[1]))
            warehouse.check(guarded, server, tmp_path, redshift, shape)
    finally:
        server.stop()
        support.remove(server.folder)


def test_a_changed_password_of_redis_is_read_from_its_file(tmp_path, redis_server):
    admin = redis_server.client()
    admin.flushall()
    admin.acl_setuser("rotated", enabled=True, passwords=["+" + SECRETS[0]], keys=["*"], categories=["+@all"])

    def lose():
        admin.execute_command("ACL", "SETUSER", "rotated", "resetpass", ">" + SECRETS[1])
        admin.execute_command("CLIENT", "KILL", "USER", "rotated")
    options = {"username": "rotated", "password-file": kept(tmp_path, SECRETS[0])}
    interrupted(hashes.make(tmp_path, redis_server, SHAPE, options=options, **TRYING), lose, ["table 'driver'", "WRONGPASS", "'password-file'"],
                lambda: kept(tmp_path, SECRETS[1]))
    hashes.check_hashes(redis_server, SHAPE)
    admin.acl_deluser("rotated")


def test_rights_that_are_revoked_in_redis_are_named_until_they_are_back(tmp_path, redis_server):
    admin = redis_server.client()
    admin.flushall()
    admin.acl_setuser("limited", enabled=True, passwords=["+" + SECRETS[0]], keys=["*"], categories=["+@all"])
    options = {"username": "limited", "password": SECRETS[0]}
    interrupted(hashes.make(tmp_path, redis_server, SHAPE, options=options, **TRYING),
                lambda: admin.execute_command("ACL", "SETUSER", "limited", "resetkeys", "~other:*"), ["table 'driver'", "NOPERM", "ACL SETUSER"],
                lambda: admin.execute_command("ACL", "SETUSER", "limited", "resetkeys", "~*"))
    hashes.check_hashes(redis_server, SHAPE)
    admin.acl_deluser("limited")


def test_a_changed_password_of_clickhouse_is_read_from_its_file(tmp_path, clickhouse):
    users = os.path.join(clickhouse.folder, "users.xml")
    with open(users) as f:
        before = f.read()

    def write(text):
        """And waits until the server has seen it: it looks every two seconds, and only when the file's time has changed by a second."""
        replace_whole(users, text)
        password = text.split("<loader><password>")[1].split("<")[0]

        def is_seen():
            os.utime(users)
            time.sleep(0.5)
            login = urllib.parse.urlencode({"user": "loader", "password": password, "query": "SELECT 1"})
            try:
                return urllib.request.urlopen(f"{clickhouse.url}/?{login}", timeout=10).read() == b"1\n"
            except urllib.error.HTTPError:
                return False
        support.wait_until(is_seen, "ClickHouse to take another password", 60)

    def set_password(new):
        write(before.replace(f"<loader><password>{support.Clickhouse.PASSWORD}", f"<loader><password>{new}"))
    set_password(SECRETS[0])
    try:
        clickhouse.query("DROP TABLE IF EXISTS mainstem_delivery")
        table = clicks.keyed(clickhouse)
        shape = (2, 200, 20, 60)
        options = {"username": "loader", "password-file": kept(tmp_path, SECRETS[0])}
        interrupted(clicks.make(tmp_path, clickhouse, table, shape, options=options, **TRYING), lambda: set_password(SECRETS[1]),
                    ["connector 'clickhouse', table 'driver'", "Wrong password", "check the user and password"], lambda: kept(tmp_path, SECRETS[1]))
        clicks.check_keyed(clickhouse, table, shape)
    finally:
        write(before)


class Door:
    """What `decide` of a Proxy asks: whether the Authorization of a request holds the secret of now."""

    def __init__(self, refusal):
        self.secret, self.refusal = SECRETS[0], refusal

    def __call__(self, number, method, path, headers):
        return None if self.secret in self.shown(headers["Authorization"]) else self.refusal

    @staticmethod
    def shown(authorization):
        import base64
        kind, _, value = (authorization or "").partition(" ")
        return base64.b64decode(value).decode() if kind == "Basic" else value

    def lose(self):
        self.secret = SECRETS[1]


def test_a_changed_password_of_opensearch_is_read_from_its_file(tmp_path, opensearch):
    for index in ("driver", "mainstem-delivery"):
        opensearch.call("/" + index, "DELETE")
    door = Door((401, '{"error":{"type":"security_exception","reason":"who are you"}}'))
    with Proxy(opensearch.port, door, whole=True) as proxy:
        options = {"username": "loader", "password-file": kept(tmp_path, SECRETS[0])}
        interrupted(documents.make(tmp_path, proxy.url, SHAPE, options=options, **TRYING), door.lose,
                    ["connector 'opensearch', table 'driver'", "status 401", "who are you", "'password-file'"], lambda: kept(tmp_path, SECRETS[1]))
    documents.check(opensearch, SHAPE)


@pytest.mark.parametrize("option, status", [("password-file", 401), ("header-file.Authorization", 403)])
def test_a_changed_secret_of_a_webhook_is_read_from_its_file(tmp_path, option, status):
    door, taken = Door((status, '{"error":"who are you"}')), []

    def take(method, path, headers, body):
        taken.append(headers["Idempotency-Key"])
        return 200, ""
    bearer = "" if option == "password-file" else "Bearer "
    login = {option: kept(tmp_path, bearer + SECRETS[0]), **({} if bearer else {"username": "loader"})}
    shape = (1, 60, 20, 60)
    with Proxy(take, door, whole=True) as proxy:
        driver = sink.made(tmp_path, {"connector": "http", "url": proxy.url, **login}, shape, append=True, **TRYING)
        interrupted(driver, door.lose, ["table 'driver'", f"status {status}", "check the credentials"], lambda: kept(tmp_path, bearer + SECRETS[1]))
    assert len(set(taken)) == shape[1] * shape[2]


# ---- keys and tokens

REFUSALS = {"expired": objects.error(400, "ExpiredToken"), "unknown": objects.error(403, "InvalidAccessKeyId"), "denied": objects.error(403, "AccessDenied")}


def profile(folder, key):
    text = f"[lake]\naws_access_key_id = {key}\naws_secret_access_key = hidden-s3cret\n"
    return kept(folder, text)


@pytest.fixture
def bucket(s3, monkeypatch, tmp_path):
    if s3.kind != "moto":
        pytest.skip("MinIO knows its own keys only")
    for name in support.S3Server.KEYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("AWS_PROFILE", "lake")
    profile(tmp_path, SECRETS[0])
    yield s3


@pytest.mark.parametrize("refusal", sorted(REFUSALS))
def test_keys_of_a_bucket_are_read_anew_from_the_profile_when_they_are_refused(tmp_path, bucket, monkeypatch, refusal):
    door, shape = Door(REFUSALS[refusal]), (2, 100, 20, 60)
    said = {"expired": "write new ones into the profile", "unknown": "access key is not known", "denied": "grant s3:"}[refusal]
    with Proxy(bucket.port, door, whole=True) as proxy:
        driver = objects.make(tmp_path, proxy.url, shape, ["--keep-trying", "--max-failures", 100000], sink__rolling_policy__rollover_interval="1 ms")
        interrupted(driver, door.lose, ["connector 'filesystem', table 'driver': ", "s3://lake1/", said], lambda: profile(tmp_path, SECRETS[1]))
    monkeypatch.delenv("AWS_PROFILE")  # boto's own look at it
    objects.check(bucket, tmp_path, shape)


def test_an_iceberg_table_in_a_bucket_goes_on_with_new_keys(tmp_path, bucket, monkeypatch):
    door, shape = Door(REFUSALS["expired"]), (2, 60, 20, 60)
    with Proxy(bucket.port, door, whole=True) as proxy:
        driver = lakes.make(tmp_path, shape, ["--keep-trying", "--max-failures", 100000], warehouse=f"s3://lake1/{tmp_path.name}",
                            sink__commit_interval="1 ms", s3__endpoint=proxy.url)
        interrupted(driver, door.lose, ["table 'driver'", "ExpiredToken", "write new ones into the profile"], lambda: profile(tmp_path, SECRETS[1]))
    monkeypatch.delenv("AWS_PROFILE")
    lakes.check(lakes.bucket_table(bucket, tmp_path), shape)


def test_a_new_token_of_a_rest_catalog_is_read_from_its_file(tmp_path):
    shape = (1, 60, 20, 60)
    with RestCatalog(tmp_path, f"file://{tmp_path}/wh", token=SECRETS[0]) as catalog:
        driver = lakes.rest(catalog, tmp_path, shape, ["--keep-trying", "--max-failures", 100000], token_file=kept(tmp_path, SECRETS[0]),
                            sink__commit_interval="1 ms")
        interrupted(driver, lambda: setattr(catalog, "token", SECRETS[1]), ["table 'driver'", "401", "'token'"], lambda: kept(tmp_path, SECRETS[1]))
        lakes.check(lakes.rest_table(catalog), shape)


# ---- another Kafka cluster

def test_rights_that_are_revoked_in_kafka_are_named_until_they_are_back(tmp_path, kafka_server):
    topics = Topics(kafka_server.address)
    topic, shape = topics.make("credentials-out", 1), (1, 400, 20, 60)
    kinds, operations = kafka_admin.ResourceType, kafka_admin.AclOperation

    def rights(kind, name, operation):
        return kafka_admin.AclBinding(kind, name, kafka_admin.ResourcePatternType.PREFIXED, "User:alice", "*", operation,
                                      kafka_admin.AclPermissionType.ALLOW)
    write = rights(kinds.TOPIC, "credentials-", operations.WRITE)
    given = [write, rights(kinds.TOPIC, "credentials-", operations.READ), rights(kinds.TRANSACTIONAL_ID, "credentials-", operations.WRITE),
             rights(kinds.GROUP, "credentials-", operations.READ)]

    def grant(bindings):
        for future in topics.admin.create_acls(bindings).values():
            future.result(30)

    def revoke():
        found = kafka_admin.AclBindingFilter(kinds.TOPIC, "credentials-", kafka_admin.ResourcePatternType.PREFIXED, "User:alice", "*",
                                             operations.WRITE, kafka_admin.AclPermissionType.ALLOW)
        for future in topics.admin.delete_acls([found]).values():
            future.result(30)
    grant(given)
    options = {"properties.bootstrap.servers": kafka_server.sasl_address, "properties.security.protocol": "SASL_PLAINTEXT",
               "properties.sasl.mechanism": "PLAIN", "properties.sasl.username": "alice", "sink.transactional-id-prefix": "credentials",
               "properties-file.sasl.password": kept(tmp_path, kafka_server.PASSWORDS["alice"])}
    driver = streams.appending(tmp_path, topics, topic, shape, options=options, **TRYING)
    interrupted(driver, revoke, ["connector 'kafka', table 'driver'", "uthoriz", "of a sink Write"], lambda: grant([write]))
    assert streams.numbers(topics, topic) == {"p0": list(range(shape[1] * shape[2]))}


def test_a_new_password_of_a_kafka_user_is_read_from_its_file(tmp_path, kafka_server):
    topics = Topics(kafka_server.address)
    topic, shape = topics.make("credentials-password", 1), (1, 20, 20, 60)
    options = {"properties.bootstrap.servers": kafka_server.sasl_address, "properties.security.protocol": "SASL_PLAINTEXT",
               "properties.sasl.mechanism": "PLAIN", "properties.sasl.username": "admin", "properties-file.sasl.password": kept(tmp_path, SECRETS[0])}
    driver = streams.appending(tmp_path, topics, topic, shape, options=options, **TRYING)
    driver.start()
    try:
        support.wait_until(lambda: "uthentication failed" in driver.error_text(), "the refusal", 60)
        sink.says(driver.error_text(), ["connector 'kafka', table 'driver'", "password"], secret=SECRETS[0])
        kept(tmp_path, kafka_server.PASSWORDS["admin"])
        driver.join(180)
    finally:
        driver.process.kill()
    assert streams.numbers(topics, topic) == {"p0": list(range(shape[1] * shape[2]))}


# ---- as a job of a node shows it

def test_a_job_shows_what_is_wrong_and_goes_on_without_a_restart(tmp_path, node, guarded):
    prepared(guarded)
    guarded.query("DROP TABLE IF EXISTS orders; CREATE TABLE orders (id bigint PRIMARY KEY, total double precision)")
    node.api("/topics", "POST", {"name": "in", "partitions": 1})
    job, = node.submit(f"""
        CREATE TABLE src (id BIGINT, total DOUBLE) WITH ('connector' = 'kafka', 'topic' = 'in', 'properties.bootstrap.servers' = '{node.kafka}',
          'scan.startup.mode' = 'earliest-offset', 'format' = 'json');
        CREATE TABLE shop_orders (id BIGINT, total DOUBLE, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'jdbc', 'url' = '{guarded.jdbc_url}',
          'table-name' = 'orders', 'username' = 'loader', 'password-file' = '{kept(tmp_path, SECRETS[0])}');
        INSERT INTO shop_orders SELECT id, MAX(total) FROM src GROUP BY id;""")

    def send(first, last):
        assert node.call("/v1/topics/in/events", "POST", [{"id": n, "total": n + 0.5} for n in range(first, last)])[0] < 300

    def shown():
        return node.api(f"/jobs/{job}")["sinks"][0]

    def ids():
        return sorted(number for number, in guarded.query("SELECT id FROM orders"))
    send(0, 20)
    support.wait_until(lambda: ids() == list(range(20)), "the first rows")
    lose_postgres(guarded, f"ALTER ROLE loader PASSWORD '{SECRETS[1]}'")
    send(20, 40)
    support.wait_until(lambda: shown()["state"] == "failed", "the sink to say that it has failed")
    text = json.dumps(node.api(f"/jobs/{job}")) + node.cli("job", "show", job).stdout + node.log_tail()
    for expected in ("shop_orders", "password authentication failed", "'password-file'"):
        assert expected in shown()["last_error"], shown()
    assert not any(secret in text for secret in SECRETS)
    kept(tmp_path, SECRETS[1])
    support.wait_until(lambda: ids() == list(range(40)), "all rows, without anybody's help", 60)
    support.wait_until(lambda: shown()["state"] == "running", "the sink to run")
    assert collections.Counter(row["rejected_rows"] for row in node.api(f"/jobs/{job}")["sinks"]) == {0: 1}


def test_files_of_secrets_that_are_missing_or_empty_are_named(tmp_path, guarded):
    prepared(guarded)
    for name, word in (("none", "cannot read"), ("empty", "is empty")):
        if word == "is empty":
            (tmp_path / name).write_text("\n")
        options = {"username": "loader", "password-file": name}
        sink.says(relations.make(tmp_path, guarded, options=options).fail(), ["table 'driver'", word, name])
