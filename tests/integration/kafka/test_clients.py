"""Unmodified clients against a node: kcat, confluent-kafka (librdkafka), kafka-python, and Kafka's own Java tools."""
import os
import subprocess
import uuid

import pytest
import support
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, ResourceType

needs_java = pytest.mark.skipif(not os.path.isdir(support.KAFKA_LIBS), reason="no Kafka at KAFKA_LIBS: run scripts/setup test")


def fresh(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def admin(shared_node):
    return AdminClient({"bootstrap.servers": shared_node.kafka})


def make_topic(admin, name, partitions=1, config=None):
    admin.create_topics([NewTopic(name, partitions, 1, config=config or {})])[name].result(10)
    return name


def consume(node, topic, count, group=None, config=None):
    """The first `count` messages of a topic."""
    consumer = Consumer({"bootstrap.servers": node.kafka, "group.id": group or fresh("g"), "auto.offset.reset": "earliest",
                         "enable.auto.commit": False, **(config or {})})
    consumer.subscribe([topic])
    messages = []

    def poll():
        messages.extend(consumer.consume(count - len(messages), 0.2))
        return len(messages) >= count
    support.wait_until(poll, f"{count} messages of {topic}")
    assert not any(message.error() for message in messages)
    return consumer, messages


def produce(node, topic, values, **config):
    producer = Producer({"bootstrap.servers": node.kafka, **config})
    failures = []
    for value in values:
        producer.produce(topic, value, key=b"k", on_delivery=lambda error, message: error and failures.append(error))
        producer.poll(0)
    assert producer.flush(30) == 0
    assert failures == []


# ---- kcat

def kcat(node, *arguments, stdin=None):
    result = subprocess.run(["kcat", "-b", node.kafka, *arguments], input=stdin, capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_kcat_gets_back_what_it_sent(shared_node):
    topic = fresh("kcat")
    lines = "".join(f"line {i}\n" for i in range(1000))
    kcat(shared_node, "-P", "-t", topic, stdin=lines)
    assert kcat(shared_node, "-C", "-t", topic, "-e", "-q") == lines
    assert f'topic "{topic}" with 1 partitions' in kcat(shared_node, "-L")
    assert kcat(shared_node, "-C", "-t", topic, "-o", "-1", "-e", "-q") == "line 999\n"


# ---- librdkafka

@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_every_codec_passes_unchanged(shared_node, codec):
    topic = fresh(codec)
    values = [f"{codec} {i} ".encode() * 20 for i in range(500)]
    produce(shared_node, topic, values, **{"compression.type": codec, "enable.idempotence": True})
    consumer, messages = consume(shared_node, topic, len(values))
    assert [message.value() for message in messages] == values
    consumer.close()


def test_acks_zero_and_one_are_stored(shared_node):
    for acks in (0, 1):
        topic = fresh(f"acks{acks}")
        produce(shared_node, topic, [b"%d" % i for i in range(100)], acks=acks)
        consumer, messages = consume(shared_node, topic, 100)
        assert [int(message.value()) for message in messages] == list(range(100))
        consumer.close()


def test_keys_headers_and_timestamps_come_back(shared_node):
    topic = fresh("full")
    producer = Producer({"bootstrap.servers": shared_node.kafka})
    producer.produce(topic, value=None, key=b"tombstone", headers=[("h", b"1"), ("h", None)], timestamp=1_700_000_000_000)
    assert producer.flush(10) == 0
    consumer, [message] = consume(shared_node, topic, 1)
    assert (message.key(), message.value(), message.timestamp()[1]) == (b"tombstone", None, 1_700_000_000_000)
    assert message.headers() == [("h", b"1"), ("h", None)]
    found = consumer.offsets_for_times([TopicPartition(topic, 0, 1_600_000_000_000)], 10)
    assert found[0].offset == 0
    consumer.close()


def test_three_members_share_six_partitions_and_take_over(shared_node, admin):
    topic = make_topic(admin, fresh("shared"), 6)
    group = fresh("g")
    config = {"bootstrap.servers": shared_node.kafka, "group.id": group, "auto.offset.reset": "earliest", "session.timeout.ms": 6000}
    members = [Consumer(config) for _ in range(3)]
    for member in members:
        member.subscribe([topic])

    def balanced(expected):
        for member in members:
            member.poll(0.05)
        return sorted(len(member.assignment()) for member in members) == expected
    support.wait_until(lambda: balanced([2, 2, 2]), "an even assignment")
    described = admin.describe_consumer_groups([group])[group].result(10)
    assert described.state.name == "STABLE" and len(described.members) == 3
    members.pop().close()
    support.wait_until(lambda: balanced([3, 3]), "the others to take over")
    for member in members:
        member.close()


def test_committed_offsets_are_where_the_next_consumer_begins(shared_node, admin):
    topic, group = fresh("commit"), fresh("g")
    produce(shared_node, topic, [b"%d" % i for i in range(10)])
    consumer, messages = consume(shared_node, topic, 4, group, {"max.poll.interval.ms": 10000, "session.timeout.ms": 6000})
    consumer.commit(messages[3], asynchronous=False)
    consumer.close()
    consumer, messages = consume(shared_node, topic, 6, group)
    assert [int(message.value()) for message in messages] == [4, 5, 6, 7, 8, 9]
    consumer.close()
    admin.delete_consumer_groups([group])[group].result(10)


def test_static_member_comes_back_without_a_rebalance(shared_node):
    topic, group = fresh("static"), fresh("g")
    produce(shared_node, topic, [b"0", b"1"])
    config = {"group.instance.id": "one"}
    consumer, _ = consume(shared_node, topic, 1, group, config)
    consumer.close()
    consumer, _ = consume(shared_node, topic, 1, group, config)
    consumer.close()


def test_admin_creates_grows_configures_and_deletes(shared_node, admin):
    topic = make_topic(admin, fresh("admin"), 2, {"retention.ms": "1000"})
    resource = ConfigResource(ResourceType.TOPIC, topic)

    def setting(name):
        return admin.describe_configs([resource])[resource].result(10)[name].value
    assert setting("retention.ms") == "1000" and setting("cleanup.policy") == "delete"
    change = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[
        ConfigEntry("retention.ms", "2000", incremental_operation=AlterConfigOpType.SET)])
    admin.incremental_alter_configs([change])[change].result(10)
    assert setting("retention.ms") == "2000"
    admin.create_partitions([NewPartitions(topic, 5)])[topic].result(10)
    assert len(admin.list_topics(topic, 10).topics[topic].partitions) == 5
    produce(shared_node, topic, [b"x"] * 50)
    admin.delete_topics([topic])[topic].result(10)
    assert topic not in admin.list_topics(timeout=10).topics
    with pytest.raises(KafkaException, match="replication"):
        admin.create_topics([NewTopic("many", 1, 3)])["many"].result(10)


def test_large_messages_up_to_the_limit(shared_node):
    topic = fresh("large")
    values = [bytes([i]) * 900_000 for i in range(8)]
    produce(shared_node, topic, values)
    consumer, messages = consume(shared_node, topic, len(values), config={"fetch.message.max.bytes": 100_000})
    assert [message.value() for message in messages] == values
    consumer.close()
    with pytest.raises(AssertionError, match="MSG_SIZE_TOO_LARGE"):
        produce(shared_node, topic, [os.urandom(2_000_000)], **{"message.max.bytes": 10_000_000})


# ---- kafka-python

def test_kafka_python_produces_and_consumes_in_a_group(shared_node):
    from kafka import KafkaConsumer, KafkaProducer
    from kafka import TopicPartition as Partition
    topic, group = fresh("python"), fresh("g")
    producer = KafkaProducer(bootstrap_servers=shared_node.kafka, acks="all", compression_type="gzip")
    for i in range(200):
        producer.send(topic, b"%d" % i, key=b"k")
    producer.flush(30)
    producer.close()
    consumer = KafkaConsumer(topic, bootstrap_servers=shared_node.kafka, group_id=group, auto_offset_reset="earliest",
                             enable_auto_commit=False, consumer_timeout_ms=20000)
    values = [int(next(consumer).value) for _ in range(200)]
    assert values == list(range(200))
    consumer.commit()
    assert consumer.committed(Partition(topic, 0)) == 200
    assert consumer.end_offsets([Partition(topic, 0)]) == {Partition(topic, 0): 200}
    consumer.close()


# ---- Java

def tool(main, *arguments, stdin=None):
    result = support.java(main, *arguments, stdin=stdin)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@needs_java
def test_java_console_tools(shared_node):
    topic, group = fresh("java"), fresh("g")
    server = ("--bootstrap-server", shared_node.kafka)
    tool("org.apache.kafka.tools.TopicCommand", *server, "--create", "--topic", topic, "--partitions", "3")
    assert "PartitionCount: 3" in tool("org.apache.kafka.tools.TopicCommand", *server, "--describe", "--topic", topic)
    tool("org.apache.kafka.tools.ConsoleProducer", *server, "--topic", topic, stdin="".join(f"{i}\n" for i in range(2000)))
    lines = tool("org.apache.kafka.tools.consumer.ConsoleConsumer", *server, "--topic", topic, "--from-beginning", "--group", group,
                 "--max-messages", "2000", "--timeout-ms", "30000").split()
    assert sorted(map(int, lines)) == list(range(2000))
    described = tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", *server, "--describe", "--group", group)
    lags = [line.split()[5] for line in described.splitlines() if line.startswith(group)]
    assert lags == ["0", "0", "0"]
    tool("kafka.admin.ConfigCommand", *server, "--alter", "--topic", topic, "--add-config", "retention.ms=12345")
    assert "retention.ms=12345" in tool("kafka.admin.ConfigCommand", *server, "--describe", "--topic", topic)


@needs_java
def test_java_idempotent_producer_gets_every_record_acknowledged(shared_node):
    out = tool("org.apache.kafka.tools.VerifiableProducer", "--bootstrap-server", shared_node.kafka, "--topic", fresh("verifiable"),
               "--max-messages", "20000")
    assert '"sent":20000,"acked":20000' in out


@needs_java
def test_java_fetches_in_a_session(shared_node, admin):
    """After its first fetch the consumer names only what changes (KIP-227); it still gets every record."""
    topic = make_topic(admin, fresh("session"), 30)
    produce(shared_node, topic, [b"%d" % i for i in range(300)])
    command = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=DEBUG", "-cp", support.KAFKA_LIBS + "/*",
               "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", shared_node.kafka, "--topic", topic,
               "--from-beginning", "--max-messages", "400", "--timeout-ms", "20000"]
    consumer = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    out, values = [], []
    try:
        for line in consumer.stdout:  # ends with the consumer: at 400 records, or 20 s without one
            out.append(line)
            if line.strip().isdigit():
                values.append(int(line))
            if len(values) == 300 and line.strip().isdigit():
                produce(shared_node, topic, [b"%d" % i for i in range(300, 400)])
    finally:
        consumer.kill()
        consumer.wait()
    assert sorted(values) == list(range(400))
    assert any("created a new incremental fetch session" in line for line in out)
    assert any("Built incremental fetch" in line and "out of 30 partition(s)" in line for line in out)
    assert not any("FETCH_SESSION" in line for line in out)


@needs_java
def test_java_reads_and_writes_our_golden_messages_unchanged():
    golden = os.path.join(support.ROOT, "src/gateway/kafka/testdata/golden_messages.txt")
    check = os.path.join(os.path.dirname(__file__), "CodecCheck.java")
    with open(golden) as lines:
        result = subprocess.run(["java", "-cp", support.KAFKA_LIBS + "/*", check], stdin=lines, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 failed" in result.stdout


# ---- over a restart

def test_records_and_offsets_survive_a_restart_and_a_crash(node):
    topic, group = fresh("durable"), fresh("g")
    produce(node, topic, [b"%d" % i for i in range(100)], **{"enable.idempotence": True})
    consumer, messages = consume(node, topic, 40, group)
    consumer.commit(messages[39], asynchronous=False)
    node.stop()
    node.start()
    produce(node, topic, [b"%d" % i for i in range(100, 120)])
    node.kill()
    node.start()
    consumer.close()
    consumer, messages = consume(node, topic, 80, group)
    assert [int(message.value()) for message in messages] == list(range(40, 120))
    consumer.close()


def test_members_go_on_after_a_crash_without_a_rebalance(node):
    topic, group = fresh("crash"), fresh("g")
    produce(node, topic, [b"%d" % i for i in range(10)])
    told = []
    config = {"bootstrap.servers": node.kafka, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False,
              "reconnect.backoff.max.ms": 200, "metadata.recovery.strategy": "none", "heartbeat.interval.ms": 200}
    consumer = Consumer(config)
    consumer.subscribe([topic], on_assign=lambda *_: told.append("assigned"), on_revoke=lambda *_: told.append("revoked"),
                       on_lost=lambda *_: told.append("lost"))
    values = []

    def poll_until(count):
        while len(values) < count:
            message = consumer.poll(20)
            assert message is not None, values
            if not message.error():
                values.append(int(message.value()))
    poll_until(10)
    before = node.api(f"/groups/{group}")["members"]
    node.kill()
    node.start()
    assert node.api(f"/groups/{group}")["members"] == before
    produce(node, topic, [b"%d" % i for i in range(10, 20)])
    poll_until(20)
    consumer.commit(asynchronous=False)
    assert values == list(range(20)) and told == ["assigned"]
    consumer.close()
    assert node.api(f"/groups/{group}")["offsets"][0]["committed"] == 20


# ---- KafkaJS

CLIENTS = os.path.join(support.ROOT, ".deps/clients/node_modules")


@pytest.mark.skipif(not os.path.isdir(os.path.join(CLIENTS, "kafkajs")), reason="no KafkaJS in .deps/clients: run scripts/setup test")
def test_kafkajs_produces_and_consumes_in_a_group(shared_node):
    script = os.path.join(os.path.dirname(__file__), "kafkajs_roundtrip.js")
    result = subprocess.run(["node", script, shared_node.kafka, fresh("js")], capture_output=True, text=True, timeout=60,
                            env=dict(os.environ, NODE_PATH=CLIENTS, KAFKAJS_NO_PARTITIONER_WARNING="1"))
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "500"
