"""The redis sink into a real Redis: kills, a killed server, cut connections, keys of another type, users without rights. Afterwards
the keys equal the model."""
import json
import os
import random
import signal
import subprocess
import threading
import time

import pytest

import driver as sink
import support
from faulty_proxy import make_certificate

SHAPE = (2, 100, 20, 60)  # partitions, records, rows in each, keys
OTHER_PLACE = {"url": "redis://127.0.0.1:1"}


@pytest.fixture
def store(redis_server):
    redis_server.client().flushall()
    return redis_server


def make(tmp_path, server, shape=SHAPE, key="k", options=None, **more):
    return sink.made(tmp_path, {"connector": "redis", "url": server.url, **(options or {})}, shape, key=key, **more)


def at_of(millis):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(millis // 1000)) + f".{millis % 1000:03d}"


def hash_of(k, n, cents, millis, part):
    fields = {"k": k, "n": str(n), "amount": f"{cents / 100:.2f}", "at": at_of(millis)}
    return {**fields, "part": part} if part is not None else fields


def positions(server, partitions=2):
    return [int(server.client().get(f"mainstem:delivery:driver/sink:{number}")) for number in range(partitions)]


def keys(server, pattern="driver:*"):
    return sorted(server.client().scan_iter(pattern, count=1000))


def check_hashes(server, shape=SHAPE):
    client, model = server.client(), sink.table_model(*shape)
    assert {k: client.hgetall(k) for k in keys(server)} == {f"driver:{k}": hash_of(k, *row) for k, row in model.items()}
    assert positions(server, shape[0]) == [shape[1]] * shape[0]


def test_rows_are_hashes_and_a_field_that_becomes_null_goes(tmp_path, store):
    make(tmp_path, store).finish()
    check_hashes(store)


@pytest.mark.parametrize("options,expected", [
    ("", ["pairs:a:b\\:c", "pairs:a\\:b:c"]),
    (", 'data-type' = 'string', 'key' = '{{a}}/{{b}}'", ["a/b:c", "a:b/c"]),
])
def test_two_keys_are_two_whatever_their_values_hold(tmp_path, store, options, expected):
    (tmp_path / "q.sql").write_text(f"""
      CREATE TABLE pairs (a STRING, b STRING, n INT, PRIMARY KEY (a, b) NOT ENFORCED) WITH ('connector' = 'redis', 'url' = '{store.url}'{options});
      INSERT INTO pairs VALUES ('a:b', 'c', 1), ('a', 'b:c', 2) ON CONFLICT DO DEDUPLICATE;""")
    result = subprocess.run([support.BINARY, "run", str(tmp_path / "q.sql")], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert [key for key in keys(store, "*") if not key.startswith("mainstem:")] == expected


def test_strings_hold_the_row_as_json_and_expire(tmp_path, store):
    make(tmp_path, store, options={"data-type": "string", "key": "row/{{k}}", "ttl": "1 h"}).finish()
    client, model = store.client(), sink.table_model(*SHAPE)
    found = {k[4:]: json.loads(client.get(k)) for k in keys(store, "row/*")}
    assert {k: (row["n"], round(row["amount"] * 100), row["part"]) for k, row in found.items()} == {
        k: (n, cents, part) for k, (n, cents, _, part) in model.items()}
    assert all(3500 < client.ttl(k) <= 3600 for k in keys(store, "row/*"))


def test_sorted_sets_hold_members_by_score(tmp_path, store):
    make(tmp_path, store, options={"data-type": "sorted-set", "key": "ranking", "sorted-set.score": "n"}).finish()
    model = sink.table_model(*SHAPE)
    assert dict(store.client().zrange("ranking", 0, -1, withscores=True)) == {k: n for k, (n, *_) in model.items()}


def test_kills_at_any_moment_and_at_the_commit_change_nothing(tmp_path, store):
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))
    kills = 100 if support.FULL else 16
    print(f"KILL_SEED={seed}")
    shape = (2, sink.RECORDS_PER_KILL * kills, 10, 60)
    hits = sink.deliver_with_kills(make(tmp_path, store, shape), random.Random(seed), kills)
    check_hashes(store, shape)
    assert sum(hits.values()) == kills, hits


def entries(server, key="driver"):
    return [int(fields["n"]) for _, fields in server.client().xrange(key)]


def test_entries_of_a_stream_are_there_once_and_in_order_after_kills(tmp_path, store):
    shape = (1, 400, 5, 60)
    driver = make(tmp_path, store, shape, key=None, append=True, options={"data-type": "stream"})
    sink.deliver_with_kills(driver, random.Random(7), 12)
    assert entries(store) == list(range(400 * 5))


def test_a_stream_is_trimmed(tmp_path, store):
    options = {"data-type": "stream", "stream.max-length": "100", "key": "events"}
    make(tmp_path, store, (1, 400, 5, 60), key=None, append=True, options=options).finish()
    found = entries(store, "events")
    assert 100 <= len(found) < 400 and found[-1] == 1999  # trimmed by whole nodes


def test_two_writers_of_one_delivery_do_not_double(tmp_path, store):
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    drivers = [make(folder, store, (1, 200, 5, 60), key=None, append=True, options={"data-type": "stream"}) for folder in folders]
    for driver in drivers:
        driver.start()
    for driver in drivers:
        driver.join()
    assert entries(store) == list(range(200 * 5))


def test_cut_connections_and_a_killed_server_are_waited_for(tmp_path):
    folder = tmp_path / "redis"
    folder.mkdir()
    server = support.Redis(folder).start()
    stop = threading.Event()

    def cut():
        import redis
        while not stop.wait(0.02):
            try:
                server.client().client_kill_filter(_type="normal", skipme=True)
            except (redis.exceptions.ConnectionError, redis.exceptions.BusyLoadingError):
                continue

    shape = (1, 3000, 5, 60)
    driver, thread = make(tmp_path, server, shape, key=None, append=True, max_failures=100000, options={"data-type": "stream"}), threading.Thread(target=cut)
    driver.start()
    thread.start()
    try:
        support.wait_until(lambda: server.client().exists("driver"), "the first entries", 30)
        server.stop(signal.SIGKILL)
        server.start()
        time.sleep(0.5)
    finally:
        stop.set()
        thread.join()
    try:
        driver.join()
        assert entries(server) == list(range(3000 * 5))
        assert "retrying" in driver.error_text()
    finally:
        server.stop()


def test_a_key_of_another_type_is_refused_and_all_others_are_stored(tmp_path, store):
    model = sink.table_model(*SHAPE)
    taken = sorted(model)[3]
    store.client().set("driver:" + taken, "mine")
    rejects = tmp_path / "rejects"
    make(tmp_path, store, reject_file=rejects).finish()
    client = store.client()
    assert client.get("driver:" + taken) == "mine"
    assert {k for k in keys(store)} == {"driver:" + k for k in model}
    assert client.hgetall("driver:" + sorted(model)[4]) == hash_of(sorted(model)[4], *model[sorted(model)[4]])
    refused = rejects.read_text().splitlines()
    assert refused and all(taken in line and "holds a string, not a hash" in line for line in refused)


def test_without_a_quarantine_a_refused_row_ends_the_delivery_with_nothing_of_its_batch(tmp_path, store):
    store.client().set("driver:p0-1", "mine")
    sink.says(make(tmp_path, store, (1, 3, 60, 60)).fail(), ["connector 'redis'", "table 'driver'", "k=p0-1", "holds a string"])
    assert keys(store) == ["driver:p0-1"]


def test_users_rights_and_passwords(tmp_path, store):
    admin = store.client()
    admin.acl_setuser("loader", enabled=True, passwords=["+s3cret"], keys=["driver:*"], categories=["+@all"])
    login = {"username": "loader", "password": "s3cret"}
    sink.says(make(tmp_path, store, options=login).fail(), ["NOPERM", "mainstem:delivery:"])
    sink.says(make(tmp_path, store, options={**login, "password": "s3cret2"}).fail(), ["WRONGPASS", store.url[8:]], secret="s3cret2")
    admin.acl_setuser("loader", enabled=True, keys=["driver:*", "mainstem:delivery:*"])
    (tmp_path / "password").write_text("s3cret\n")
    make(tmp_path, store, options={"username": "loader", "password-file": "password"}).finish()
    check_hashes(store)
    admin.acl_deluser("loader")


def test_another_database_of_the_server(tmp_path, store):
    make(tmp_path, store, options={"url": store.url + "/3"}).finish()
    assert keys(store) == []
    assert sorted(store.client(db=3).scan_iter("driver:*", count=1000)) == sorted("driver:" + k for k in sink.table_model(*SHAPE))


@pytest.mark.parametrize("key, options, words", [
    ("k", {"url": "redis://me:s3cret@host"}, ["'url'", "user or a password", "'password-file'"]),
    ("k", {"url": "redis://host", "connection.ca-file": "ca.pem"}, ["connection.ca-file", "rediss://"]),
    ("k", {"url": "rediss://host", "connection.key-file": "key.pem"}, ["connection.certificate-file", "connection.key-file"]),
    ("k", {"url": "redis://host:0"}, ["port"]),
    ("k", {"url": "redis://host/x"}, ["number of a database"]),
    (None, {}, ["'data-type'", "PRIMARY KEY"]),
    ("k", {"data-type": "stream"}, ["'data-type'", "PRIMARY KEY"]),
    ("k", {"data-type": "list"}, ["'data-type'", "hash"]),
    ("k", {"data-type": "sorted-set"}, ["'sorted-set.score'"]),
    ("k", {"data-type": "sorted-set", "sorted-set.score": "part"}, ["'sorted-set.score'", "numbers"]),
    ("k", {"key": "all"}, ["'key'", "every column", "'k'"]),
    ("k", {"key": "a:{{k}}:{{part}}"}, ["'key'", "'part'", "not in the PRIMARY KEY"]),
    ("k", {"key": "a:{{z}}"}, ["'key'", "'z'"]),
    ("k", {"value": "{{*}}"}, ["'value'", "'string'"]),
    ("k", {"username": "me"}, ["'username'", "'password'"]),
    ("k", {"data-type": "sorted-set", "sorted-set.score": "n", "ttl": "1 s"}, ["'ttl'"]),
])
def test_wrong_options_say_which(tmp_path, key, options, words):
    driver = sink.made(tmp_path, {"connector": "redis", **OTHER_PLACE, **options}, SHAPE, key=key, append=None if key else True)
    sink.says(driver.fail(), ["driver", *words])


def test_a_query_keeps_counts_in_redis(node, store):
    rows = ", ".join(f"('page{i % 7}', {i})" for i in range(100))
    node.submit(f"""
        CREATE TABLE counts (page STRING, hits BIGINT, most BIGINT, PRIMARY KEY (page) NOT ENFORCED)
          WITH ('connector' = 'redis', 'url' = '{store.url}');
        INSERT INTO counts SELECT page, COUNT(*), MAX(n) FROM (VALUES {rows}) AS t (page, n) GROUP BY page;""")
    support.wait_until(lambda: len(keys(store, "counts:*")) == 7, "the counts")
    client = store.client()
    expected = {f"page{p}": (sum(1 for i in range(100) if i % 7 == p), max(i for i in range(100) if i % 7 == p)) for p in range(7)}
    support.wait_until(lambda: {k[7:]: (int(client.hget(k, "hits")), int(client.hget(k, "most"))) for k in keys(store, "counts:*")} == expected,
                       "the last counts")


def test_a_position_that_is_lost_stops_the_sink_until_it_is_accepted(node, store):
    tables = f"""
        CREATE TABLE log (id INT) WITH ('connector' = 'kafka', 'topic' = 'log', 'properties.bootstrap.servers' = '{node.kafka}', 'format' = 'json',
          'scan.startup.mode' = 'earliest-offset');
        CREATE TABLE kept (id INT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'redis', 'url' = '{store.url}');"""

    def give(*ids):
        node.results(f"{tables} INSERT INTO log VALUES {', '.join(f'({number})' for number in ids)};")

    def kept():
        return sorted(int(key[5:]) for key in keys(store, "kept:*"))

    def sink_of_job():
        return node.api(f"/jobs/{job}")["sinks"][0]

    def says_lost():
        found = sink_of_job()
        return found["state"] == "failed" and "has no position of this delivery" in found["last_error"] and "accept-lost-position" in found["last_error"]

    def has_let_go():
        (topic,) = [topic["name"] for topic in node.api("/topics")["topics"] if topic["name"].startswith(f"__mainstem.{job}.")]
        return all(partition["log_start"] > 0 for partition in node.api(f"/topics/{topic}")["partitions"])

    give(*range(20))
    (job,) = node.submit(f"{tables} INSERT INTO kept SELECT id FROM log ON CONFLICT DO DEDUPLICATE;")
    support.wait_until(lambda: kept() == [*range(20)], "the first rows")
    support.wait_until(has_let_go, "the log to let go of them")
    assert "no destination" in node.cli("job", "accept-lost-position", job, check=False).stderr
    # Both at once: the node, and a server that keeps nothing.
    node.kill()
    store.client().flushall()
    node.start()
    support.wait_until(says_lost, "the error")
    give(*range(20, 40))
    node.kill()
    node.start()
    support.wait_until(says_lost, "the error after a restart")
    assert kept() == []
    node.cli("job", "accept-lost-position", job)
    support.wait_until(lambda: kept() == [*range(20, 40)], "the rows behind the loss")
    node.kill()
    node.start()
    give(*range(40, 60))
    support.wait_until(lambda: kept() == [*range(20, 60)], "what is delivered as ever")
    assert sink_of_job()["state"] == "running"


class SecureRedis(support.Redis):
    """Takes nothing but TLS, from clients with a certificate that it trusts."""

    def __init__(self, folder):
        super().__init__(folder)
        self.certificate, key = make_certificate(folder, "server")
        self.client_certificate, self.client_key = make_certificate(folder, "client")
        self.plain, self.port = self.port, support.free_port()
        self.settings = {"port": "0", "tls-port": str(self.port), "tls-cert-file": self.certificate, "tls-key-file": key,
                         "tls-ca-cert-file": self.client_certificate, "tls-auth-clients": "yes"}

    def client(self, **more):
        return super().client(ssl=True, ssl_ca_certs=self.certificate, ssl_certfile=self.client_certificate, ssl_keyfile=self.client_key, **more)

    @property
    def url(self):
        return f"rediss://127.0.0.1:{self.port}"

    @property
    def files(self):
        return {"connection.ca-file": self.certificate, "connection.certificate-file": self.client_certificate, "connection.key-file": self.client_key}


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    server = SecureRedis(str(tmp_path_factory.mktemp("redis")))
    if not server.available:
        pytest.skip("Redis is not installed: run scripts/setup test")
    server.start()
    yield server
    server.stop()


def test_through_tls_with_certificates_of_both_sides_kills_change_nothing(tmp_path, secure):
    secure.client().flushall()
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))
    print(f"KILL_SEED={seed}")
    shape = (2, sink.RECORDS_PER_KILL * 8, 10, 60)
    hits = sink.deliver_with_kills(make(tmp_path, secure, shape, options=secure.files), random.Random(seed), 8)
    check_hashes(secure, shape)
    assert sum(hits.values()) == 8, hits


@pytest.mark.parametrize("left_out, more, words", [
    ("connection.ca-file", {}, ["is not trusted", "connection.ca-file"]),
    (None, {"connection.certificate-file": "", "connection.key-file": ""}, ["ended the TLS connection", "connection.certificate-file"]),
    (None, {"connection.key-file": "none.pem"}, ["none.pem"]),
])
def test_what_tls_refuses_is_said(tmp_path, secure, left_out, more, words):
    options = {name: value for name, value in {**secure.files, **more}.items() if name != left_out}
    sink.says(make(tmp_path, secure, options=options, max_failures=1).fail(), words)


def test_a_port_without_tls_is_named(tmp_path, store):
    message = make(tmp_path, store, options={"url": store.url.replace("redis:", "rediss:")}, max_failures=1).fail()
    assert "no TLS with 127.0.0.1:" in message, message
