"""A compacted topic with real clients: what is left is the newest record of each key, at its offset, also after a restart; Kafka's
kafka-dump-log reads the compacted segment. Compaction looks for work each 15 s."""
import glob
import os
import re
import shutil
import subprocess

import pytest
import support
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

KEYS, ROUNDS, VALUE_BYTES = 80, 5, 12_000


@pytest.fixture
def node(tmp_path):
    server = support.Node(tmp_path, {"journal.checkpoint-interval": "200ms"})
    server.start()
    yield server
    server.kill()


def make_topic(node, name, **config):
    admin = AdminClient({"bootstrap.servers": node.kafka})
    config = {"cleanup.policy": "compact", "segment.bytes": "1048576", "min.cleanable.dirty.ratio": "0.01", **config}
    admin.create_topics([NewTopic(name, 1, 1, config=config)])[name].result(10)


def produce(node, topic, records, **config):
    """Offsets of the records, in their order."""
    producer = Producer({"bootstrap.servers": node.kafka, "enable.idempotence": True, **config})
    offsets = {}

    def delivered(index, error, message):
        assert error is None, error
        offsets[index] = message.offset()
    for index, (key, value) in enumerate(records):
        producer.produce(topic, value, key=key, on_delivery=lambda e, m, i=index: delivered(i, e, m))
        producer.poll(0)
    assert producer.flush(30) == 0
    return [offsets[i] for i in range(len(records))]


def read_all(node, topic):
    consumer = Consumer({"bootstrap.servers": node.kafka, "group.id": "none", "enable.auto.commit": False,
                         "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, 0, 0)])
    messages, ended = [], []

    def poll():
        for message in consumer.consume(1000, 0.2):
            if message.error():
                ended.append(message.error())
            else:
                messages.append(message)
        return ended
    support.wait_until(poll, f"the end of {topic}")
    consumer.close()
    return [(m.offset(), m.key(), m.value()) for m in messages]


def rounds(count):
    return [(b"key-%d" % (i % KEYS), b"%d:" % i + b"x" * VALUE_BYTES) for i in range(KEYS * count)]


def folder_of(node, topic):
    return os.path.join(node.data, "log", "topics", f"{topic}-0")


def compacted_logs(node, topic, least):
    """The closed segments, once there are no more of them than there must be."""
    logs = sorted(glob.glob(os.path.join(folder_of(node, topic), "*.log")))
    left_over = glob.glob(os.path.join(folder_of(node, topic), "*.cleaned"))
    closed = sum(os.path.getsize(log) for log in logs[:-1])
    return logs[:-1] if not left_over and len(logs) > 1 and closed <= least else None


@pytest.mark.parametrize("codec", ["none", "lz4"])
def test_the_newest_of_each_key_is_left(node, codec):
    topic = f"table-{codec}"
    make_topic(node, topic)
    # Values that a codec cannot shrink.
    records = [(key, value[:20] + os.urandom(VALUE_BYTES)) for key, value in rounds(ROUNDS)]
    offsets = produce(node, topic, records, **{"compression.type": codec})
    sent = {offset: record for offset, record in zip(offsets, records)}
    newest = {key: offset for offset, (key, _) in sorted(sent.items())}
    one_of_each = KEYS * (VALUE_BYTES + 200)
    support.wait_until(lambda: compacted_logs(node, topic, one_of_each), "the compaction", 60)

    def check():
        seen = read_all(node, topic)
        assert [offset for offset, _, _ in seen] == sorted({offset for offset, _, _ in seen})
        assert all(sent[offset] == (key, value) for offset, key, value in seen)
        assert {key: offset for offset, key, _ in seen} == newest
        assert len(seen) < 3 * KEYS
        return seen
    before = check()
    node.kill()
    node.start()
    assert check() == before
    again = produce(node, topic, [(b"key-0", b"after")])
    assert again[0] > max(sent)


# The first alone is quick enough for each run: compaction waits 15 s before it looks for work.
MOMENTS = ["replaced"] + (["written", "renamed"] if support.FULL else [])


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_in_the_midst_of_it_leaves_the_old_or_the_new(tmp_path, moment):
    node = support.Node(tmp_path, {"journal.checkpoint-interval": "200ms"})
    node.start(crash_point=f"compaction.{moment}:1")
    try:
        make_topic(node, "table")
        records = rounds(ROUNDS)
        offsets = produce(node, "table", records)
        newest = {key: offset for offset, (key, _) in sorted(zip(offsets, records))}
        node.wait_for_crash()
        assert glob.glob(os.path.join(folder_of(node, "table"), "*.cleaned")) or moment == "renamed"
        node.start()
        assert not glob.glob(os.path.join(folder_of(node, "table"), "*.cleaned"))
        sent = dict(zip(offsets, records))
        seen = read_all(node, "table")
        assert all(sent[offset] == (key, value) for offset, key, value in seen)
        assert {key: offset for offset, key, _ in seen} == newest
        least = KEYS * (VALUE_BYTES + 200)
        support.wait_until(lambda: compacted_logs(node, "table", least), "the compaction", 60)
        assert {key: offset for offset, key, _ in read_all(node, "table")} == newest
    finally:
        node.kill()


@pytest.mark.skipif(not os.path.isdir(support.KAFKA_LIBS) or not shutil.which("java"), reason="no java, or no Kafka at KAFKA_LIBS: run scripts/setup test")
def test_kafkas_tool_reads_a_compacted_segment(node):
    topic = "dumped"
    make_topic(node, topic)
    records = [(b"gone", b"soon")] + rounds(2) + [(b"gone", None)] + rounds(2)
    offsets = produce(node, topic, records, **{"compression.type": "zstd", "batch.size": 50_000})
    tombstone = offsets[1 + 2 * KEYS]
    node_logs = lambda: compacted_logs(node, topic, 200_000)  # noqa: E731: one of each key, compressed
    # zstd makes the values small: fill the active segment until it ends.
    filler = 0
    while len(glob.glob(os.path.join(folder_of(node, topic), "*.log"))) < 2 and filler < 40:
        produce(node, topic, [(b"filler", os.urandom(100_000))])
        filler += 1
    [log] = support.wait_until(node_logs, "the compaction", 60)
    command = ["java", "-cp", os.path.join(support.KAFKA_LIBS, "*"), "org.apache.kafka.tools.DumpLogSegments", "--deep-iteration",
               "--print-data-log", "--files", log]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "isvalid: true" in done.stdout and "isvalid: false" not in done.stdout
    found = re.findall(r"^\| offset: (\d+) .* key: (\S+)", done.stdout, re.M)
    kept = [int(offset) for offset, _ in found]
    assert kept == sorted(set(kept)) and len({key for _, key in found}) == len(found)
    assert (str(tombstone), "gone") in found
    assert re.search(r"deleteHorizonMs: (?:OptionalLong\[)?\d{13}", done.stdout), done.stdout[:2000]
    command[command.index("--files") + 1] = log[:-4] + ".index"
    done = subprocess.run([part for part in command if not part.startswith("--deep") and not part.startswith("--print")],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "Mismatches" not in done.stdout, done.stdout + done.stderr
