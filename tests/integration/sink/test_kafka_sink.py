"""The kafka sinks into another cluster: kills at any moment, a broker that is killed, refused records, users without rights. The cluster is
a real Apache Kafka or, where many starts count, a second Mainstem node. Read back with read_committed; afterwards the topic equals the model."""
import itertools
import json
import os
import random
import signal
import time

import confluent_kafka
import confluent_kafka.admin as kafka_admin
import pytest

import driver as sink
import support
from kafka_topics import Topics

names = (f"out-{number}" for number in itertools.count())
SHAPE = (2, 60, 20, 60)  # partitions of the job's topic, records, rows in each, keys


@pytest.fixture(params=["mainstem", "apache"])
def topics(request):
    """Of both kinds of brokers."""
    if request.param == "mainstem":
        return Topics(request.getfixturevalue("shared_node").kafka)
    return Topics(request.getfixturevalue("kafka_server").address)


@pytest.fixture
def node_topics(shared_node):
    return Topics(shared_node.kafka)


@pytest.fixture
def real_topics(kafka_server):
    return Topics(kafka_server.address)


def options_of(topics, topic, **more):
    return {"connector": "kafka", "topic": topic, "properties.bootstrap.servers": topics.address, "format": "json",
            **{key.replace("__", ".").replace("_", "-"): value for key, value in more.items()}}


def appending(tmp_path, topics, topic, shape=SHAPE, options=None, **more):
    return sink.made(tmp_path, {**options_of(topics, topic), **(options or {})}, shape, append=True, **more)


UPSERT = {"connector": "upsert-kafka", "key.format": "json", "value.format": "json"}


def upserting(tmp_path, topics, topic, shape=SHAPE, options=None, **more):
    given = {**options_of(topics, topic), **UPSERT, **(options or {})}
    del given["format"]
    return sink.made(tmp_path, given, shape, key="k", **more)


def numbers(topics, topic):
    """The numbers of the rows by the driver's partition, in the order of the topic."""
    found = {}
    for messages in topics.read(topic).values():
        for message in messages:
            row = json.loads(message.value())
            found.setdefault(row["k"].split("-")[0], []).append(row["n"])
    return found


def check_appended(topics, topic, shape=SHAPE):
    partitions, records, rows, _ = shape
    assert {k: sorted(n) for k, n in numbers(topics, topic).items()} == {f"p{p}": list(range(records * rows)) for p in range(partitions)}
    positions = [topics.committed(f"mainstem-driver/sink-{p}")[topic, 0] for p in range(partitions)]
    assert positions == [records] * partitions


def fold(topics, topic):
    table = {}
    for messages in topics.read(topic).values():
        for message in messages:
            key = json.loads(message.key())["k"]
            if message.value() is None:
                table.pop(key, None)
            else:
                row = json.loads(message.value())
                table[key] = (row["n"], round(row["amount"] * 100), row["part"])
    return table


def check_upserted(topics, topic, shape=SHAPE):
    assert fold(topics, topic) == {k: (n, cents, part) for k, (n, cents, _, part) in sink.table_model(*shape).items()}


def test_rows_are_records_once_and_in_order(tmp_path, topics):
    topic = topics.make(next(names), 1)
    appending(tmp_path, topics, topic).finish()
    check_appended(topics, topic)
    assert all(found == sorted(found) for found in numbers(topics, topic).values())


def test_upserts_and_deletes_go_to_the_partition_of_their_key(tmp_path, topics):
    topic = topics.make(next(names), 3)
    upserting(tmp_path, topics, topic).finish()
    check_upserted(topics, topic)
    of_key = {message.key(): number for number, messages in topics.read(topic).items() for message in messages}
    copy = topics.make(next(names), 3)
    producer = confluent_kafka.Producer({"bootstrap.servers": topics.address, "partitioner": "murmur2_random"})
    for key in of_key:
        producer.produce(copy, key=key, value=b"")
    producer.flush(30)
    assert {message.key(): number for number, messages in topics.read(copy).items() for message in messages} == of_key


def kill_seed():
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))
    print(f"KILL_SEED={seed}")
    return random.Random(seed)


@pytest.mark.parametrize("make, check", [(appending, check_appended), (upserting, check_upserted)])
def test_kills_at_any_moment_and_at_the_commit_change_nothing(tmp_path, node_topics, make, check):
    kills = 100 if support.FULL else 16
    shape = (2, sink.RECORDS_PER_KILL * kills, 10, 60)
    topic = node_topics.make(next(names), 2)
    hits = sink.deliver_with_kills(make(tmp_path, node_topics, topic, shape), kill_seed(), kills)
    check(node_topics, topic, shape)
    assert sum(hits.values()) == kills, hits


def test_kills_change_nothing_in_a_real_kafka(tmp_path, real_topics):
    kills = 20 if support.FULL else 6
    shape = (1, sink.RECORDS_PER_KILL * kills, 10, 60)
    topic = real_topics.make(next(names), 2)
    hits = sink.deliver_with_kills(appending(tmp_path, real_topics, topic, shape), kill_seed(), kills)
    check_appended(real_topics, topic, shape)
    assert sum(hits.values()) == kills, hits


def test_two_writers_of_one_delivery_do_not_double(tmp_path, node_topics):
    folders = [tmp_path / name for name in "ab"]
    topic, shape = node_topics.make(next(names), 1), (1, 100, 5, 60)
    for folder in folders:
        folder.mkdir()
    drivers = [appending(folder, node_topics, topic, shape) for folder in folders]
    for driver in drivers:
        driver.start()
    for driver in drivers:
        driver.join()
    check_appended(node_topics, topic, shape)


def test_a_killed_broker_is_waited_for(tmp_path):
    broker = support.Node(tmp_path / "broker")
    os.mkdir(broker.folder)
    broker.start()
    topics, shape = Topics(broker.kafka), (1, 600, 5, 60)
    topic = topics.make(next(names), 2)
    driver = appending(tmp_path, topics, topic, shape, max_failures=100000)
    driver.start()
    try:
        for _ in range(3):
            assert driver.line()
            broker.kill()
            time.sleep(0.3)
            broker.start()
        driver.join(300)
        check_appended(topics, topic, shape)
    finally:
        broker.kill()


def test_a_broker_that_is_away_is_named_and_is_a_passing_fault(tmp_path, node_topics):
    away = Topics(f"127.0.0.1:{support.free_port()}")
    said = appending(tmp_path, away, "t", max_failures=0).fail()
    sink.says(said, ["connector 'kafka'", "table 'driver'", away.address, "Connection refused"])


def test_at_least_once_needs_no_transactions_and_loses_nothing(tmp_path, topics):
    topic, kills = topics.make(next(names), 2), 6
    shape = (1, sink.RECORDS_PER_KILL * kills, 10, 60)
    driver = appending(tmp_path, topics, topic, shape, options={"sink.delivery-guarantee": "at-least-once"})
    sink.deliver_with_kills(driver, kill_seed(), kills)
    assert {k: sorted(set(found)) for k, found in numbers(topics, topic).items()} == {"p0": list(range(shape[1] * shape[2]))}


def test_a_topic_that_takes_no_records_so_long_refuses_each_with_key_and_cure(tmp_path, topics):
    topic, rejects = topics.make(next(names), 1, max_message_bytes=140), tmp_path / "rejects"
    shape = (1, 5, 4, 60)
    appending(tmp_path, topics, topic, shape, reject_file=rejects).finish()
    rows = {n: part for _, n, _, _, part, _ in sink.rows(*shape)}
    refused = {line.split("\t")[0]: line for line in rejects.read_text().splitlines()}
    stored = numbers(topics, topic).get("p0", [])
    assert len(stored) + len(refused) == len(rows) and refused
    assert all("too long for topic" in line and "max.message.bytes" in line and "k=p0-" in line for line in refused.values())


def test_what_only_the_broker_refuses_is_found_and_all_others_are_in(tmp_path, real_topics):
    """With compression only the broker knows how long a batch is: its answer is for a whole batch."""
    topic, rejects = real_topics.make(next(names), 1, max_message_bytes=150), tmp_path / "rejects"
    shape = (1, 6, 4, 60)
    appending(tmp_path, real_topics, topic, shape, reject_file=rejects, options={"properties.compression.type": "lz4"}).finish()
    stored = numbers(real_topics, topic).get("p0", [])
    refused = rejects.read_text().splitlines() if rejects.exists() else []
    assert len(stored) + len(refused) == 24 and stored == sorted(set(stored))
    assert all("cannot store the row with k=p0-" in line for line in refused)


def test_a_compacted_topic_needs_keys(tmp_path, topics):
    topic = topics.make(next(names), 1, cleanup_policy="compact")
    sink.says(appending(tmp_path, topics, topic).fail(), ["which is compacted", "'key.format'"])


def test_a_topic_that_is_missing_is_named(tmp_path, real_topics):
    said = appending(tmp_path, real_topics, "nowhere", max_failures=0).fail()
    sink.says(said, ["cannot use topic 'nowhere'", real_topics.address, "create it there"])


def grant(topics, resource, name, operation):
    kinds = kafka_admin.ResourceType
    binding = kafka_admin.AclBinding(getattr(kinds, resource), name, kafka_admin.ResourcePatternType.PREFIXED, "User:alice", "*",
                                     getattr(kafka_admin.AclOperation, operation), kafka_admin.AclPermissionType.ALLOW)
    topics.admin.create_acls([binding])[binding].result(30)


def test_rights_that_are_missing_are_named_one_after_the_other(tmp_path, kafka_server, real_topics):
    topic, shape = real_topics.make(next(names), 1), (1, 5, 4, 60)
    password = kafka_server.PASSWORDS["alice"]
    login = {"properties.bootstrap.servers": kafka_server.sasl_address, "properties.security.protocol": "SASL_PLAINTEXT",
             "properties.sasl.mechanism": "PLAIN", "properties.sasl.jaas.config":
             f'org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="{password}";'}

    def fails(*words, **more):
        sink.says(appending(tmp_path, real_topics, topic, shape, options={**login, **more}, max_failures=0).fail(), words, secret=password)

    wrong = dict(login, **{"properties.sasl.jaas.config": login["properties.sasl.jaas.config"].replace(password, "wrong")})
    sink.says(appending(tmp_path, real_topics, topic, shape, options=wrong, max_failures=0).fail(), ["Authentication failed", "'properties.sasl.mechanism'"])
    fails("topic", "authoriz", "Write and (for the position) Read")
    grant(real_topics, "TOPIC", "out-", "WRITE")
    support.wait_until(lambda: "ransactional" in appending(tmp_path, real_topics, topic, shape, options=login, max_failures=0).fail(), "the right")
    fails("ransactional", "'sink.transactional-id-prefix'")
    grant(real_topics, "TRANSACTIONAL_ID", "mainstem-", "WRITE")
    support.wait_until(lambda: "roup" in appending(tmp_path, real_topics, topic, shape, options=login, max_failures=0).fail(), "the right")
    fails("roup", "Read on the group")
    grant(real_topics, "GROUP", "mainstem-", "READ")
    support.wait_until(lambda: "store the position" in appending(tmp_path, real_topics, topic, shape, options=login, max_failures=0).fail(), "the right")
    grant(real_topics, "TOPIC", "out-", "READ")
    (tmp_path / "password").write_text(password + "\n")
    user = {key: value for key, value in login.items() if "jaas" not in key}
    more = {**user, "properties.sasl.username": "alice", "properties-file.sasl.password": "password"}
    appending(tmp_path, real_topics, topic, shape, options=more, max_failures=100).finish()
    check_appended(real_topics, topic, shape)


@pytest.mark.parametrize("options, words", [
    ({"properties.transactional.id": "x"}, ["'properties.transactional.id'", "'sink.transactional-id-prefix'"]),
    ({"properties.no.such.thing": "x"}, ["no Kafka client has a property 'no.such.thing'"]),
    ({"properties.linger.ms": "soon"}, ["'properties.linger.ms'"]),
    ({"properties.ssl.truststore.location": "/a/b.jks"}, ["'properties.ssl.truststore.location'", "PEM", "keytool"]),
    ({"properties.ssl.keystore.location": "/a/b.jks"}, ["'properties.ssl.keystore.location'", "PKCS12"]),
    ({"properties.sasl.jaas.config": "Krb5LoginModule required;"}, ["'properties.sasl.jaas.config'", "PlainLoginModule"]),
    ({"properties.buffer.memory": "much"}, ["'properties.buffer.memory'"]),
    ({"sink.partitioner": "mine"}, ["'sink.partitioner'"]),
])
def test_wrong_options_say_which(tmp_path, options, words):
    sink.says(appending(tmp_path, Topics("127.0.0.1:1"), "t", options=options).fail(), ["driver", *words])


def test_a_query_writes_to_another_cluster_while_it_is_killed(tmp_path, node, node_topics):
    """The whole way: a job of one node, its counts in a compacted topic of another, and kills of the first."""
    topic = node_topics.make(next(names), 2, cleanup_policy="compact")
    node_topics.make(f"{topic}-copy")
    Topics(node.kafka).make("clicks", 2)
    node.submit(f"""
        CREATE TABLE clicks (page STRING, n BIGINT) WITH ('connector' = 'kafka', 'topic' = 'clicks', 'format' = 'json',
          'properties.bootstrap.servers' = '{node.kafka}', 'scan.startup.mode' = 'earliest-offset');
        CREATE TABLE counts (page STRING, hits BIGINT, total BIGINT, PRIMARY KEY (page) NOT ENFORCED) WITH ('connector' = 'upsert-kafka',
          'topic' = '{topic}', 'properties.bootstrap.servers' = '{node_topics.address}', 'key.format' = 'json', 'value.format' = 'json');
        CREATE TABLE copy (page STRING, n BIGINT) WITH ('connector' = 'kafka', 'topic' = '{topic}-copy', 'format' = 'json',
          'properties.bootstrap.servers' = '{node_topics.address}');
        SET 'execution.checkpointing.interval' = '100 ms';
        INSERT INTO counts SELECT page, COUNT(*), SUM(n) FROM clicks GROUP BY page;
        INSERT INTO copy SELECT page, n FROM clicks;""")
    own = Topics(node.kafka)
    total = 0
    for round_number in range(4):
        own.produce("clicks", [(n % 2, None, json.dumps({"page": f"page{n % 7}", "n": n}).encode()) for n in range(total, total + 50)])
        total += 50
        if round_number < 3:
            node.kill()
            node.start()
    expected = {f"page{p}": (len(range(p, total, 7)), sum(range(p, total, 7))) for p in range(7)}

    def counts():
        table = {}
        for messages in node_topics.read(topic).values():
            for message in messages:
                row = json.loads(message.value())
                table[json.loads(message.key())["page"]] = (row["hits"], row["total"])
        return table
    support.wait_until(lambda: counts() == expected, "the last counts", 120)

    def copied():
        return sorted(json.loads(message.value())["n"] for messages in node_topics.read(f"{topic}-copy").values() for message in messages)
    support.wait_until(lambda: len(copied()) >= total, "the copies", 120)
    assert copied() == list(range(total))

    def is_trimmed(name):
        low, high = edges.get_watermark_offsets(confluent_kafka.TopicPartition(name, 0), timeout=30)
        return low == high
    edges = confluent_kafka.Consumer({"bootstrap.servers": node.kafka, "group.id": "edges", "log_level": 0})
    internal = [name for name in edges.list_topics(timeout=30).topics if name.startswith("__mainstem.") and "quarantine" not in name]
    assert len(internal) == 2, internal
    support.wait_until(lambda: all(map(is_trimmed, internal)), "what is delivered to be let go of while nothing comes", 60)
    edges.close()
