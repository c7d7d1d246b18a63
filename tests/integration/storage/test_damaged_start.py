"""Files of a data folder that are damaged by hand between a kill and the next start: the node starts, clients get Kafka's own error for
what is broken and everything else, the node's log names the file, and what was damaged is set aside, never deleted. All kinds of files and
ways to harm them are in src/storage/damaged_start_test.cc; here is one of each, seen by real clients."""
import glob
import json
import os
import subprocess

import confluent_kafka
import confluent_kafka.admin
import pytest

import support

FLUSHED, ALL = 60, 64  # records in segments, and with those that only the journal has
CORRUPT_MESSAGE = 2


def value(offset):
    return f"{offset} " + "x" * (30_000 if offset < FLUSHED else 500)


def produce(node, topic, begin, end):
    """Each record is a batch."""
    refused = []
    producer = confluent_kafka.Producer({"bootstrap.servers": node.kafka, "linger.ms": 0, "acks": "all", "message.timeout.ms": 20_000})
    for offset in range(begin, end):
        producer.produce(topic, value(offset), partition=0, on_delivery=lambda error, _: error and refused.append(error))
        assert producer.flush(20) == 0
    assert not refused


def read(node, topic, begin, config=None):
    """(offsets of the records, whose values are the right ones, up to the end or the first error; that error)."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": node.kafka, "group.id": "reader", "enable.auto.commit": False,
                                         "enable.partition.eof": True, "check.crcs": False, "fetch.error.backoff.ms": 50, **(config or {})})
    offsets = []
    try:
        consumer.assign([confluent_kafka.TopicPartition(topic, 0, begin)])
        while True:
            message = consumer.poll(20)
            assert message is not None, f"nothing comes after {offsets[-1:]}"
            if message.error() and message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                return offsets, None
            if message.error():
                return offsets, message.error().code()
            assert message.value().decode() == value(message.offset())
            offsets.append(message.offset())
    finally:
        consumer.close()


def commit(node, offset):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": node.kafka, "group.id": "g"})
    consumer.commit(offsets=[confluent_kafka.TopicPartition("t", 0, offset)], asynchronous=False)
    consumer.close()


def committed(node):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": node.kafka, "group.id": "g"})
    (found,) = consumer.committed([confluent_kafka.TopicPartition("t", 0)], 20)
    consumer.close()
    return found.offset


@pytest.fixture
def filled(node):
    """A node that was killed: topics t and other; t has two segments, and its last records in the journal only."""
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": node.kafka})
    topics = [confluent_kafka.admin.NewTopic(name, 1, 1, config={"segment.bytes": "1048576"}) for name in ("t", "other")]
    for made in admin.create_topics(topics).values():
        made.result(20)
    produce(node, "t", 0, FLUSHED)
    produce(node, "other", 0, 5)
    commit(node, 42)
    node.stop()
    node.start()
    produce(node, "t", FLUSHED, ALL)
    node.kill()
    return node


def files(node, pattern):
    return sorted(glob.glob(os.path.join(node.data, "log", pattern)))


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1]))


def contents(path):
    with open(path, "rb") as f:
        return f.read()


def said(node):
    return node.log_tail(100_000)


def start_again(node):
    """What is damaged stops no start, and its neighbours and new records do not suffer; neither at the start after that."""
    node.start()
    assert read(node, "other", 0) == (list(range(5)), None)
    return node


def batch_begins(path):
    """(base offset, position, bytes) of each batch of a segment file."""
    data, at = contents(path), 0
    found = []
    while at + 12 <= len(data) and data[at + 16] == 2:
        length = 12 + int.from_bytes(data[at + 8:at + 12], "big")
        found.append((int.from_bytes(data[at:at + 8], "big"), at, length))
        at += length
    return found


def test_a_broken_batch_is_an_error_of_its_own_and_the_rest_is_read(filled):
    segment = files(filled, "topics/t-0/*.log")[1]
    base, position, length = batch_begins(segment)[3]
    flip(segment, position + length // 2)
    damaged = contents(segment)
    node = start_again(filled)
    assert read(node, "t", 0) == (list(range(base)), CORRUPT_MESSAGE)
    assert read(node, "t", base + 1) == (list(range(base + 1, ALL)), None)
    assert segment in said(node) and f"the record batch of offsets {base} to {base} does not match its checksum" in said(node), said(node)
    kcat = subprocess.run(["kcat", "-b", node.kafka, "-C", "-t", "t", "-p", "0", "-o", str(base + 1), "-e", "-q", "-f", "%o\n"],
                          capture_output=True, text=True, timeout=60)
    assert kcat.stdout.split() == [str(offset) for offset in range(base + 1, ALL)], kcat.stderr
    status, text = node.call(f"/v1/topics/t/events?from=0:{base}")
    assert status == 500 and "does not match its checksum" in json.loads(text)["error"]["message"], text
    produce(node, "t", ALL, ALL + 1)
    assert contents(segment)[:len(damaged)] == damaged
    node.kill()
    assert read(start_again(node), "t", base + 1) == (list(range(base + 1, ALL + 1)), None)


def test_kafkas_own_consumer_says_where_it_stopped(filled):
    segment = files(filled, "topics/t-0/*.log")[0]
    base, position, length = batch_begins(segment)[2]
    flip(segment, position + length - 1)
    node = start_again(filled)
    tool = support.java("org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", node.kafka, "--topic", "t", "--partition", "0",
                        "--offset", "earliest", "--timeout-ms", "20000")
    assert f"Processed a total of {base} messages" in tool.stderr, tool.stderr
    assert f"corrupt message when fetching offset {base}" in tool.stdout, tool.stdout


@pytest.mark.parametrize("ending", ["index", "timeindex"])
def test_an_index_that_is_gone_costs_nothing(filled, ending):
    index = files(filled, f"topics/t-0/*.{ending}")[0]
    os.remove(index)
    node = start_again(filled)
    for begin in (0, 7, 33, 59):
        assert read(node, "t", begin) == (list(range(begin, ALL)), None)
    assert os.path.getsize(index) > 0
    assert "an index is missing; it is built again" in said(node), said(node)


@pytest.mark.parametrize("snapshots", ["kept", "lost"])
def test_a_broken_header_without_index_costs_its_own_batch(filled, snapshots):
    segment = files(filled, "topics/t-0/*.log")[0]
    base, position, _ = batch_begins(segment)[3]
    flip(segment, position + 16)  # its magic byte: nothing tells how long it is
    for path in files(filled, "topics/t-0/*index") + (files(filled, "snapshot*") if snapshots == "lost" else []):
        os.remove(path)
    node = start_again(filled)
    assert read(node, "t", 0) == (list(range(base)), CORRUPT_MESSAGE)
    for begin in (base + 1, base + 2, ALL - 1):
        assert read(node, "t", begin) == (list(range(begin, ALL)), None)
    assert segment in said(node) and f"no record batch at byte {position}" in said(node), said(node)
    produce(node, "t", ALL, ALL + 1)
    node.kill()
    assert read(start_again(node), "t", base + 1) == (list(range(base + 1, ALL + 1)), None)


def test_a_segment_that_is_cut_costs_its_own_records(filled):
    segment = files(filled, "topics/t-0/*.log")[0]
    begins = batch_begins(segment)
    (base, position, _), (end, _, _) = begins[4], batch_begins(files(filled, "topics/t-0/*.log")[1])[0]
    os.truncate(segment, position + 100)
    node = start_again(filled)
    expected = [*range(base), *range(end, ALL)]
    assert read(node, "t", 0) == (expected, None)
    assert segment in said(node), said(node)
    assert len(contents(segment + ".set-aside-1")) == 100
    node.kill()
    assert read(start_again(node), "t", 0) == (expected, None)


def test_a_journal_that_is_cut_costs_what_only_it_had_and_no_offset_is_given_twice(filled):
    newest = max(files(filled, "journal/journal-*"), key=lambda path: int.from_bytes(contents(path)[16:24], "little"))  # its incarnation
    os.truncate(newest, 4096)
    node = start_again(filled)
    offsets, error = read(node, "t", 0)
    assert error is None and offsets[:FLUSHED] == list(range(FLUSHED)), offsets
    assert newest in said(node), said(node)
    low, high = confluent_kafka.Consumer({"bootstrap.servers": node.kafka, "group.id": "x"}).get_watermark_offsets(
        confluent_kafka.TopicPartition("t", 0), 20)
    assert low == 0 and high >= ALL
    produce(node, "t", high, high + 1)
    assert read(node, "t", 0)[0] == [*offsets, high]
    node.kill()
    assert read(start_again(node), "t", 0)[0] == [*offsets, high]


@pytest.mark.parametrize("kept", ["copy", "nothing"])
def test_a_broken_snapshot_is_set_aside(filled, kept):
    snapshot = os.path.join(filled.data, "log", "snapshot")
    flip(snapshot, os.path.getsize(snapshot) // 2)
    damaged = contents(snapshot)
    if kept == "nothing":
        os.remove(snapshot + ".copy")
    node = start_again(filled)
    assert read(node, "t", 0) == (list(range(ALL)), None)
    if kept == "copy":
        assert committed(node) == 42
    assert f"{snapshot}" in said(node) and "damaged" in said(node), said(node)
    assert contents(snapshot + ".set-aside-1") == damaged
    produce(node, "t", ALL, ALL + 1)
    node.kill()
    assert read(start_again(node), "t", 0) == (list(range(ALL + 1)), None)
