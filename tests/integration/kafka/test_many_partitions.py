"""10,000 partitions: made, written, read and listed by ordinary clients, through a kill and a clean stop in the midst of the load."""
import collections
import threading

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

COUNT = 10_000


def produce(node, text):
    """A record into each partition; those that were acknowledged."""
    acknowledged = []
    producer = Producer({"bootstrap.servers": node.kafka, "acks": "all", "linger.ms": 50, "message.timeout.ms": 300_000})
    for number in range(COUNT):
        producer.produce("wide", f"{text} {number}", partition=number, on_delivery=lambda error, m: error or acknowledged.append(m.partition()))
        producer.poll(0)
    producer.flush(300)
    return acknowledged


def ends(node):
    admin = AdminClient({"bootstrap.servers": node.kafka})
    asked = {TopicPartition("wide", number): OffsetSpec.latest() for number in range(COUNT)}
    return collections.Counter(found.result().offset for found in admin.list_offsets(asked, request_timeout=60).values())


def resident_bytes(node):
    with open(f"/proc/{node.process.pid}/statm") as f:
        return int(f.read().split()[1]) * 4096


def read_some(node):
    consumer = Consumer({"bootstrap.servers": node.kafka, "group.id": "g", "enable.auto.commit": False})
    chosen = range(7, COUNT, 997)
    consumer.assign([TopicPartition("wide", number, 0) for number in chosen])
    found = set()
    while len(found) < 2 * len(chosen):
        message = consumer.poll(60)
        assert message is not None and message.error() is None, (message, sorted(found))
        found.add((message.partition(), message.offset(), message.value().decode()))
    consumer.close()
    assert found == {(number, offset, f"{text} {number}") for number in chosen for offset, text in enumerate(("first", "second"))}


def test_ten_thousand_partitions(node):
    admin = AdminClient({"bootstrap.servers": node.kafka})
    admin.create_topics([NewTopic("wide", COUNT, 1)], operation_timeout=60, request_timeout=60)["wide"].result()
    assert len(admin.list_topics("wide", timeout=60).topics["wide"].partitions) == COUNT
    assert len(produce(node, "first")) == COUNT
    node.kill()
    node.start(timeout=60)
    assert ends(node) == {1: COUNT}
    assert len(produce(node, "second")) == COUNT
    assert resident_bytes(node) < 512 << 20
    print("stopped within", node.stop(60), "s")
    node.start(timeout=60)
    assert ends(node) == {2: COUNT}
    read_some(node)


def test_a_stop_under_load_is_clean(node):
    admin = AdminClient({"bootstrap.servers": node.kafka})
    admin.create_topics([NewTopic("wide", COUNT // 100, 1)])["wide"].result(30)
    acknowledged, wants_more = [], threading.Event()
    wants_more.set()

    def load():
        producer = Producer({"bootstrap.servers": node.kafka, "acks": "all", "linger.ms": 2, "enable.idempotence": True, "message.timeout.ms": 120_000,
                             "reconnect.backoff.max.ms": 100})
        number = 0
        while wants_more.is_set() or number % 1000:
            producer.produce("wide", str(number) + "x" * 1000, partition=number % (COUNT // 100),
                             on_delivery=lambda error, m: error or acknowledged.append((m.partition(), m.offset())))
            number += 1
            while len(producer) > 20_000:
                producer.poll(0.1)
            producer.poll(0)
        assert producer.flush(120) == 0
        acknowledged.append(number)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for round in range(3):
            reached = len(acknowledged) + 5000
            while len(acknowledged) < reached and thread.is_alive():
                thread.join(0.05)
            print("stopped within", node.stop(60), "s")
            node.start(timeout=60)
    finally:
        wants_more.clear()
        thread.join(150)
    count = acknowledged.pop()
    assert len(acknowledged) == count == len(set(acknowledged))
    asked = {TopicPartition("wide", number): OffsetSpec.latest() for number in range(COUNT // 100)}
    assert sum(found.result().offset for found in admin.list_offsets(asked, request_timeout=60).values()) == count
