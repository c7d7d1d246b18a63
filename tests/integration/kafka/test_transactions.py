"""Kafka's transactions with unmodified clients: librdkafka speaks the older protocol, the Java client the one of KIP-890."""
import glob
import os
import re
import subprocess
import time
import uuid

import pytest
import support
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

FOLDER = os.path.dirname(__file__)
CLIENTS = os.path.join(support.ROOT, ".deps/clients/node_modules")
needs_java = pytest.mark.skipif(not os.path.isdir(support.KAFKA_LIBS), reason="no Kafka at KAFKA_LIBS: run scripts/setup test")
needs_kafkajs = pytest.mark.skipif(not os.path.isdir(os.path.join(CLIENTS, "kafkajs")),
                                   reason="no KafkaJS in .deps/clients: run scripts/setup test")


def fresh(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def make_topic(node, name, partitions=1):
    admin = AdminClient({"bootstrap.servers": node.kafka})
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(10)
    return name


def producer(node, transactional_id, **config):
    made = Producer({"bootstrap.servers": node.kafka, "transactional.id": transactional_id, "transaction.timeout.ms": 60000,
                     "linger.ms": 0, **config})
    made.init_transactions(30)
    return made


def read(node, topic, partitions=1, isolation="read_committed", seconds=30):
    """The values of all partitions from the start to the end that this isolation level shows now."""
    consumer = Consumer({"bootstrap.servers": node.kafka, "group.id": fresh("r"), "enable.auto.commit": False,
                         "isolation.level": isolation, "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
    values, ended, end = [], set(), time.monotonic() + seconds
    while len(ended) < partitions:
        assert time.monotonic() < end, f"no end of {topic} after {seconds} s: {values}"
        message = consumer.poll(0.2)
        if message is None:
            continue
        if message.error():
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            ended.add(message.partition())
        else:
            values.append(message.value().decode())
    consumer.close()
    return values


def committed_offset(node, group, topic, partition=0):
    consumer = Consumer({"bootstrap.servers": node.kafka, "group.id": group})
    found = consumer.committed([TopicPartition(topic, partition)], timeout=20)[0].offset
    consumer.close()
    return found


# ---- librdkafka

def test_committed_readers_see_whole_transactions(shared_node):
    topic = make_topic(shared_node, fresh("t"), 3)
    p = producer(shared_node, fresh("id"))
    for outcome in ("commit", "abort", "commit"):
        p.begin_transaction()
        for i in range(9):
            p.produce(topic, f"{outcome} {i}", partition=i % 3)
        p.flush(30)
        before = read(shared_node, topic, 3)
        assert len(before) in (0, 9)
        assert len(read(shared_node, topic, 3, "read_uncommitted")) >= len(before) + 9
        p.commit_transaction(30) if outcome == "commit" else p.abort_transaction(30)
    assert sorted(read(shared_node, topic, 3)) == sorted(2 * [f"commit {i}" for i in range(9)])
    assert len(read(shared_node, topic, 3, "read_uncommitted")) == 27


def test_an_open_transaction_holds_back_what_comes_after_it(shared_node):
    topic = make_topic(shared_node, fresh("t"))
    p = producer(shared_node, fresh("id"))
    p.begin_transaction()
    p.produce(topic, "open")
    p.flush(30)
    plain = Producer({"bootstrap.servers": shared_node.kafka})
    plain.produce(topic, "plain")
    plain.flush(30)
    assert read(shared_node, topic) == []
    assert read(shared_node, topic, isolation="read_uncommitted") == ["open", "plain"]
    # A fetch that waits is answered when the marker comes.
    consumer = Consumer({"bootstrap.servers": shared_node.kafka, "group.id": fresh("r"), "isolation.level": "read_committed",
                         "fetch.wait.max.ms": 20000})
    consumer.assign([TopicPartition(topic, 0, 0)])
    assert consumer.poll(1.0) is None
    p.commit_transaction(30)
    begin = time.monotonic()
    assert consumer.poll(10.0).value() == b"open"
    assert time.monotonic() - begin < 5
    consumer.close()


def test_offsets_are_part_of_the_transaction(shared_node):
    source, target, group = make_topic(shared_node, fresh("s")), make_topic(shared_node, fresh("o")), fresh("g")
    plain = Producer({"bootstrap.servers": shared_node.kafka})
    for i in range(6):
        plain.produce(source, str(i))
    plain.flush(30)
    consumer = Consumer({"bootstrap.servers": shared_node.kafka, "group.id": group, "auto.offset.reset": "earliest",
                         "enable.auto.commit": False, "isolation.level": "read_committed"})
    consumer.subscribe([source])
    messages = []
    support.wait_until(lambda: messages.extend(consumer.consume(6 - len(messages), 0.2)) or len(messages) >= 6, "the source")
    p = producer(shared_node, fresh("id"))
    for offset, outcome in ((2, "commit"), (4, "abort"), (6, "commit")):
        p.begin_transaction()
        p.produce(target, f"up to {offset}")
        p.send_offsets_to_transaction([TopicPartition(source, 0, offset)], consumer.consumer_group_metadata(), 30)
        p.flush(30)
        p.commit_transaction(30) if outcome == "commit" else p.abort_transaction(30)
        assert committed_offset(shared_node, group, source) == (2 if outcome == "abort" else offset)
    consumer.close()
    assert read(shared_node, target) == ["up to 2", "up to 6"]


def test_a_zombie_is_fenced(shared_node):
    topic, name = make_topic(shared_node, fresh("t")), fresh("id")
    zombie = producer(shared_node, name)
    zombie.begin_transaction()
    zombie.produce(topic, "zombie")
    zombie.flush(30)
    successor = producer(shared_node, name)
    successor.begin_transaction()
    successor.produce(topic, "successor")
    zombie.produce(topic, "too late")
    with pytest.raises(KafkaException) as refused:
        zombie.commit_transaction(30)
    assert refused.value.args[0].fatal()
    successor.commit_transaction(30)
    assert read(shared_node, topic) == ["successor"]
    assert "too late" not in read(shared_node, topic, isolation="read_uncommitted")


def test_a_transaction_that_takes_too_long_is_aborted(shared_node):
    topic = make_topic(shared_node, fresh("t"))
    p = producer(shared_node, fresh("id"), **{"transaction.timeout.ms": 1500})
    p.begin_transaction()
    p.produce(topic, "late")
    p.flush(30)
    plain = Producer({"bootstrap.servers": shared_node.kafka})
    plain.produce(topic, "plain")
    plain.flush(30)
    assert read(shared_node, topic) == []
    support.wait_until(lambda: read(shared_node, topic) == ["plain"], "the abort", 15)
    with pytest.raises(KafkaException):
        p.commit_transaction(30)
    assert read(shared_node, topic) == ["plain"]


def test_a_timeout_beyond_the_limit_is_refused(shared_node):
    with pytest.raises(KafkaException) as refused:
        producer(shared_node, fresh("id"), **{"transaction.timeout.ms": 3600000, "message.timeout.ms": 3600000})
    assert refused.value.args[0].code() == KafkaError.INVALID_TRANSACTION_TIMEOUT


def test_the_longest_timeout_can_be_set(tmp_path):
    """Flink's sink asks for an hour."""
    node = support.Node(tmp_path, environment={"MAINSTEM_TRANSACTIONS_MAX_TIMEOUT": "1h"}).start()
    try:
        hour = {"transaction.timeout.ms": 3600000, "message.timeout.ms": 3600000}
        topic = make_topic(node, fresh("t"))
        p = producer(node, fresh("id"), **hour)
        p.begin_transaction()
        p.produce(topic, "x")
        p.commit_transaction(30)
        assert read(node, topic) == ["x"]
        with pytest.raises(KafkaException):
            producer(node, fresh("id"), **{"transaction.timeout.ms": 3600001, "message.timeout.ms": 3600001})
        admin = AdminClient({"bootstrap.servers": node.kafka})
        described = admin.describe_configs([ConfigResource("broker", "1")])
        settings = next(iter(described.values())).result(10)
        assert settings["transaction.max.timeout.ms"].value == "3600000"
    finally:
        node.kill()


def test_a_deleted_topic_does_not_hold_its_transactions(shared_node):
    gone, kept = make_topic(shared_node, fresh("gone")), make_topic(shared_node, fresh("kept"))
    p = producer(shared_node, fresh("id"))
    p.begin_transaction()
    p.produce(gone, "x")
    p.produce(kept, "y")
    p.flush(30)
    admin = AdminClient({"bootstrap.servers": shared_node.kafka})
    admin.delete_topics([gone])[gone].result(10)
    p.commit_transaction(30)
    assert read(shared_node, kept) == ["y"]


# ---- kafka-python

def test_kafka_python_commits_and_aborts(shared_node):
    from kafka import KafkaProducer
    topic = make_topic(shared_node, fresh("python"))
    p = KafkaProducer(bootstrap_servers=shared_node.kafka, transactional_id=fresh("id"), acks="all")
    p.init_transactions()
    for outcome in ("commit", "abort", "commit"):
        p.begin_transaction()
        p.send(topic, outcome.encode())
        p.commit_transaction() if outcome == "commit" else p.abort_transaction()
    p.close()
    assert read(shared_node, topic) == ["commit", "commit"]


# ---- KafkaJS

@needs_kafkajs
def test_kafkajs_commits_aborts_and_sends_offsets(shared_node):
    topic, group = make_topic(shared_node, fresh("js")), fresh("g")
    script = os.path.join(FOLDER, "kafkajs_transactions.js")
    result = subprocess.run(["node", script, shared_node.kafka, topic, group], capture_output=True, text=True, timeout=60,
                            env=dict(os.environ, NODE_PATH=CLIENTS, KAFKAJS_NO_PARTITIONER_WARNING="1"))
    assert result.returncode == 0, result.stderr
    assert read(shared_node, topic) == ["commit"]
    assert committed_offset(shared_node, group, topic) == 1


# ---- Java

def tool(main, *arguments):
    result = support.java(main, *arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@needs_java
def test_java_commits_aborts_fences_and_sends_offsets(shared_node):
    source, target = make_topic(shared_node, fresh("s"), 2), make_topic(shared_node, fresh("o"), 2)
    program = os.path.join(FOLDER, "Transactions.java")
    result = subprocess.run(["java", "-Xmx256m", "-cp", support.KAFKA_LIBS + "/*", program, shared_node.kafka, source, target,
                             fresh("g"), fresh("id")], capture_output=True, text=True, timeout=180)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.split() == ["committed:10", "uncommitted:20", "offsets:10", "fenced:true", "copied:10"]


@needs_java
def test_kafkas_copier_moves_every_record_once_through_aborts(shared_node):
    source, target, group = make_topic(shared_node, fresh("s")), make_topic(shared_node, fresh("o")), fresh("g")
    plain = Producer({"bootstrap.servers": shared_node.kafka})
    for i in range(600):
        plain.produce(source, str(i))
    plain.flush(30)
    tool("org.apache.kafka.tools.TransactionalMessageCopier", "--broker-list", shared_node.kafka, "--input-topic", source,
         "--input-partition", "0", "--output-topic", target, "--transactional-id", fresh("id"), "--consumer-group", group,
         "--transaction-size", "50", "--enable-random-aborts", "--use-group-metadata")
    assert read(shared_node, target) == [str(i) for i in range(600)]
    assert committed_offset(shared_node, group, source) == 600


@needs_java
def test_kafkas_tool_lists_describes_and_aborts_transactions(shared_node):
    topic, name = make_topic(shared_node, fresh("t")), fresh("id")
    server = ("--bootstrap-server", shared_node.kafka)
    main = "org.apache.kafka.tools.TransactionsCommand"
    p = producer(shared_node, name)
    p.begin_transaction()
    p.produce(topic, "open")
    p.flush(30)
    assert re.search(rf"{name}\s+\d+\s+\d+\s+Ongoing", tool(main, *server, "list"))
    described = tool(main, *server, "describe", "--transactional-id", name)
    assert "Ongoing" in described and f"{topic}-0" in described
    producers = tool(main, *server, "describe-producers", "--topic", topic, "--partition", "0")
    assert producers.splitlines()[1].split()[-1] == "0"  # its transaction starts there
    tool(main, *server, "abort", "--topic", topic, "--partition", "0", "--start-offset", "0")
    assert re.search(rf"{name}\s+\d+\s+\d+\s+CompleteAbort", tool(main, *server, "list"))
    with pytest.raises(KafkaException):
        p.commit_transaction(30)
    assert read(shared_node, topic) == []


@needs_java
def test_kafkas_tool_reads_our_markers(node):
    topic = make_topic(node, fresh("t"))
    p = producer(node, fresh("id"))
    for outcome in ("commit", "abort"):
        p.begin_transaction()
        p.produce(topic, outcome)
        p.flush(30)
        p.commit_transaction(30) if outcome == "commit" else p.abort_transaction(30)
    node.stop()
    log = glob.glob(os.path.join(node.data, "log/topics", topic + "-0", "*.log"))[0]
    text = tool("org.apache.kafka.tools.DumpLogSegments", "--files", log, "--deep-iteration")
    assert re.findall(r"endTxnMarker: (\w+) coordinatorEpoch: 0", text) == ["COMMIT", "ABORT"]
    assert "isvalid: false" not in text


# ---- over a crash

# librdkafka 2.16 gives up its brokers when all are down, but keeps one of them as the group's coordinator and waits for it for ever.
KEEPS_BROKERS = {"metadata.recovery.strategy": "none", "reconnect.backoff.max.ms": 200}


def test_a_transaction_goes_on_over_a_crash(node):
    topic, source, group = make_topic(node, fresh("t"), 2), make_topic(node, fresh("s")), fresh("g")
    p = producer(node, fresh("id"), **KEEPS_BROKERS)
    plain = Producer({"bootstrap.servers": node.kafka})
    plain.produce(source, "x")
    plain.flush(30)
    consumer = Consumer({"bootstrap.servers": node.kafka, "group.id": group})
    for outcome in ("commit", "abort"):
        p.begin_transaction()
        p.produce(topic, f"{outcome} 0", partition=0)
        p.produce(topic, f"{outcome} 1", partition=1)
        p.send_offsets_to_transaction([TopicPartition(source, 0, 1 if outcome == "commit" else 7)],
                                      consumer.consumer_group_metadata(), 30)
        p.flush(30)
        before = read(node, topic, 2)
        node.kill()
        node.start()
        assert read(node, topic, 2) == before
        p.commit_transaction(60) if outcome == "commit" else p.abort_transaction(60)
        assert sorted(read(node, topic, 2)) == ["commit 0", "commit 1"]
    consumer.close()
    node.kill()
    node.start()
    assert sorted(read(node, topic, 2)) == ["commit 0", "commit 1"]
    assert len(read(node, topic, 2, "read_uncommitted")) == 4
    assert committed_offset(node, group, source) == 1
