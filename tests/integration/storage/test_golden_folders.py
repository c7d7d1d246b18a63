"""Data folders of earlier formats open for ever: each archive in `folders/` was made by the version that first wrote its formats, by
`MAINSTEM_BINARY=... python tests/integration/storage/test_golden_folders.py NAME` (journal, snapshots, segments, indexes, a compacted
segment, transactions, committed offsets), and the node was killed with records in the journal alone.
An archive is never made anew."""
import glob
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import golden  # noqa: E402
import support  # noqa: E402
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

EVER = {"retention.ms": "-1"}


def value(number):
    return f"{number} " + "x" * 30_000


def send(producer, topic, values, key=None):
    refused = []
    for one in values:
        producer.produce(topic, one, key=key(one) if key else None, partition=0, on_delivery=lambda error, _: error and refused.append(error))
    assert producer.flush(30) == 0 and not refused, refused


def read(node, topic):
    """(key, value) of the committed records."""
    consumer = Consumer({"bootstrap.servers": node.kafka, "group.id": "reader", "enable.auto.commit": False, "auto.offset.reset": "earliest",
                         "enable.partition.eof": True, "isolation.level": "read_committed", "check.crcs": True})
    consumer.assign([TopicPartition(topic, 0, 0)])
    records = []
    while True:
        message = consumer.poll(20)
        assert message is not None, f"{topic} ends after {len(records)} records"
        if message.error():
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            consumer.close()
            return records
        records.append((message.key(), message.value()))


def committed(node):
    consumer = Consumer({"bootstrap.servers": node.kafka, "group.id": "g"})
    found = consumer.committed([TopicPartition("plain", 0)], 20)[0].offset
    consumer.close()
    return found


def transactional(node):
    producer = Producer({"bootstrap.servers": node.kafka, "transactional.id": "mover", "linger.ms": 0})
    producer.init_transactions(30)
    return producer


def start_node(folder):
    return support.Node(folder).start()


def fill(node):
    admin = AdminClient({"bootstrap.servers": node.kafka})
    compact = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.bytes": "1048576"}
    topics = [NewTopic("plain", 2, 1, config={"segment.bytes": "1048576", **EVER}), NewTopic("compacted", 1, 1, config=compact),
              NewTopic("moved", 1, 1, config=EVER)]
    for made in admin.create_topics(topics).values():
        made.result(30)
    plain = Producer({"bootstrap.servers": node.kafka, "linger.ms": 0, "enable.idempotence": True, "compression.type": "none"})
    send(plain, "plain", [value(n) for n in range(80)])
    send(plain, "compacted", [value(n) for n in range(80)], key=lambda one: f"key {int(one.split()[0]) % 10}")
    consumer = Consumer({"bootstrap.servers": node.kafka, "group.id": "g"})
    consumer.commit(offsets=[TopicPartition("plain", 0, 42)], asynchronous=False)
    consumer.close()
    mover = transactional(node)
    for number in range(6):
        mover.begin_transaction()
        mover.produce("moved", f"transaction {number}", partition=0)
        (mover.abort_transaction if number % 2 else mover.commit_transaction)(30)
    node.stop()
    node.start()  # closed segments are compacted once a checkpoint has seen them
    support.wait_until(lambda: glob.glob(os.path.join(node.data, "log/topics/compacted-0/*.log")) and
                       node.api("/topics/compacted")["partitions"][0]["size_bytes"] < 1_500_000, "the compaction", 120)
    again = Producer({"bootstrap.servers": node.kafka, "linger.ms": 0, "compression.type": "lz4"})
    send(again, "plain", [f"{n} in the journal" for n in range(80, 85)])
    left = transactional(node)
    left.begin_transaction()
    left.produce("moved", "left open", partition=0)
    left.flush(30)
    node.kill()


@pytest.mark.parametrize("archive", golden.archives("folders"), ids=os.path.basename)
def test_a_folder_of_an_earlier_format_opens(tmp_path, archive):
    golden.unpack(archive, tmp_path)
    node = start_node(tmp_path)
    try:
        for _ in range(2):
            expected = [value(n).encode() for n in range(80)] + [f"{n} in the journal".encode() for n in range(80, 85)]
            assert [found for _, found in read(node, "plain")][:85] == expected
            newest = dict(read(node, "compacted"))
            assert newest == {f"key {n % 10}".encode(): value(n).encode() for n in range(70, 80)}
            assert committed(node) == 42
            node.kill()
            node.start()
        mover = transactional(node)  # ends what was left open
        mover.begin_transaction()
        mover.produce("moved", "later", partition=0)
        mover.commit_transaction(30)
        assert [found for _, found in read(node, "moved")] == [b"transaction 0", b"transaction 2", b"transaction 4", b"later"]
        more = Producer({"bootstrap.servers": node.kafka, "linger.ms": 0})
        send(more, "plain", ["now"])
        assert read(node, "plain")[-1] == (None, b"now")
        node.stop()
        node.start()
        assert read(node, "plain")[-1] == (None, b"now")
        assert "set aside" not in node.log_tail(1_000_000)
    finally:
        node.kill()


if __name__ == "__main__":
    golden.make("folders", sys.argv[1], start_node, fill)
