"""The kafka connectors and a real Apache Kafka that takes nothing but TLS: by certificates of both sides, and by a password within TLS. What does not fit is
named with its cure."""
import collections
import itertools
import json
import os
import random
import subprocess

import pytest

import driver as sink
import support
from faulty_proxy import make_certificate
from kafka_topics import Topics
from test_kafka_sink import SHAPE, appending, check_appended, check_upserted, upserting

names = (f"tls-{number}" for number in itertools.count())


class SecureKafka(support.Kafka):
    """`mutual` is a door that wants the client's certificate, `users` one that wants a password, both with TLS. The plain doors are there for the test itself."""

    def __init__(self, folder):
        super().__init__(folder)
        self.mutual, self.users = (f"127.0.0.1:{support.free_port()}" for _ in range(2))

    def write_settings(self):
        super().write_settings()
        self.certificate, self.key = make_certificate(self.folder, "broker")
        self.client_certificate, self.client_key = make_certificate(self.folder, "client")
        store = os.path.join(self.folder, "broker-store.pem")
        with open(store, "w") as file:
            file.write(open(self.key).read() + open(self.certificate).read())
        listeners = f"PLAINTEXT://{self.address},USERS://{self.sasl_address},MUTUAL://{self.mutual},SECRET://{self.users}"
        users = "".join(f' user_{name}="{password}"' for name, password in self.PASSWORDS.items())
        lines = {
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{self.controller_port}", "advertised.listeners": listeners,
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,USERS:SASL_PLAINTEXT,MUTUAL:SSL,SECRET:SASL_SSL",
            "ssl.keystore.type": "PEM", "ssl.keystore.location": store, "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.client_certificate, "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.secret.plain.sasl.jaas.config": f"org.apache.kafka.common.security.plain.PlainLoginModule required{users};",
            "allow.everyone.if.no.acl.found": "true"}
        with open(self.settings, "a") as file:  # what comes last counts
            file.writelines(f"{key}={value}\n" for key, value in lines.items())


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    server = SecureKafka(tmp_path_factory.mktemp("kafka"))
    if not server.available:
        pytest.skip("Apache Kafka is not installed: run scripts/setup test")
    server.start()
    yield server
    server.stop()


def password(server, **more):
    login = f'org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="{server.PASSWORDS["alice"]}";'
    return {"properties.bootstrap.servers": server.users, "properties.security.protocol": "SASL_SSL", "properties.sasl.mechanism": "PLAIN",
            "properties.sasl.jaas.config": login, "properties.ssl.truststore.location": server.certificate, "properties.ssl.truststore.type": "PEM", **more}


def mutual(server, **more):
    return {"properties.bootstrap.servers": server.mutual, "properties.security.protocol": "SSL", "properties.ssl.ca.location": server.certificate,
            "properties.ssl.certificate.location": server.client_certificate, "properties.ssl.key.location": server.client_key, **more}


@pytest.mark.parametrize("login", [password, mutual])
@pytest.mark.parametrize("make, check", [(appending, check_appended), (upserting, check_upserted)])
def test_rows_arrive_once_through_tls(tmp_path, secure, login, make, check):
    topics = Topics(secure.address)
    topic = topics.make(next(names), 2)
    make(tmp_path, topics, topic, options=login(secure)).finish()
    check(topics, topic, SHAPE)


def test_kills_change_nothing_through_tls(tmp_path, secure):
    topics, kills = Topics(secure.address), 20 if support.FULL else 6
    shape = (1, sink.RECORDS_PER_KILL * kills, 10, 60)
    topic = topics.make(next(names), 2)
    rng = random.Random(11)
    hits = sink.deliver_with_kills(appending(tmp_path, topics, topic, shape, options=password(secure)), rng, kills)
    check_appended(topics, topic, shape)
    assert sum(hits.values()) == kills, hits


def test_a_topic_is_read_through_tls(tmp_path, secure):
    topics = Topics(secure.address)
    topic = topics.make(next(names), 2)
    topics.produce(topic, [(n % 2, None, json.dumps({"n": n}).encode()) for n in range(100)])
    options = ", ".join(f"'{key}' = '{value}'" for key, value in password(secure).items())
    (tmp_path / "q.sql").write_text(f"""
        CREATE TABLE other (n BIGINT) WITH ('connector' = 'kafka', 'topic' = '{topic}', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset',
          'scan.bounded.mode' = 'latest-offset', {options});
        CREATE TABLE here (n BIGINT) WITH ('connector' = 'filesystem', 'path' = '{tmp_path}/out', 'format' = 'json');
        INSERT INTO here SELECT n FROM other;""")
    run = subprocess.run([support.BINARY, "run", str(tmp_path / "q.sql")], capture_output=True, text=True, timeout=240)
    assert run.returncode == 0, run.stderr
    rows = [json.loads(line)["n"] for path in (tmp_path / "out").iterdir() if path.is_file() for line in path.read_text().splitlines()]
    assert collections.Counter(rows) == collections.Counter(range(100))


def test_what_does_not_fit_is_named(tmp_path, secure):
    topics = Topics(secure.address)
    topic = topics.make(next(names), 1)
    secret = secure.PASSWORDS["alice"]

    def fails(options, *words):
        sink.says(appending(tmp_path, topics, topic, (1, 5, 4, 60), options=options, max_failures=0).fail(), words, secret=secret)

    other, _ = make_certificate(tmp_path, "other")
    fails(password(secure, **{"properties.ssl.truststore.location": other}), "certificate")
    fails(mutual(secure, **{"properties.ssl.ca.location": other}), "certificate")
    fails(mutual(secure, **{"properties.ssl.ca.location": "/no/such/file.pem"}), "ssl.ca.location")
    no_certificate = {key: value for key, value in mutual(secure).items() if ".certificate." not in key and ".key." not in key}
    fails(no_certificate, "certificate")
    fails(password(secure, **{"properties.sasl.jaas.config": password(secure)["properties.sasl.jaas.config"].replace(secret, "wrong")}), "uthentication failed")
    # The plain protocol at a door of TLS.
    fails({"properties.bootstrap.servers": secure.mutual}, secure.mutual)
