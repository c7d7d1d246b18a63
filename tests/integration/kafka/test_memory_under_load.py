"""A node stays within its --memory while everything is asked of it at once: many producers over many partitions, large batches, transactions,
consumers that read all from the start in the largest fetches there are, and clients that ask for as much and then do not read it. What counts
is the greatest resident size that the kernel saw, of the whole process."""
import re
import socket
import struct
import threading
import time

import confluent_kafka
import confluent_kafka.admin
import pytest

import support

MEMORY_MB = 512
SCALE = 4 if support.FULL else 1
PRODUCED_MIB = 80 * SCALE  # by each of four producers
LARGE_BYTES = 8 << 20


def peak_mb(node):
    with open(f"/proc/{node.process.pid}/status") as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read())[1]) / 1024


@pytest.fixture
def node(tmp_path):
    server = support.Node(tmp_path, {"memory": f"{MEMORY_MB}MB"})
    server.start()
    yield server
    server.kill()


class Load:
    """Runs functions in threads of their own; what fails in one fails the test."""

    def __init__(self):
        self.threads, self.errors = [], []

    def start(self, function, *arguments):
        def run():
            try:
                function(*arguments)
            except BaseException as error:  # noqa: BLE001
                self.errors.append(error)
        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def join(self, seconds):
        end = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0.0, end - time.monotonic()))
        assert not any(thread.is_alive() for thread in self.threads), "a load does not end"
        if self.errors:
            raise self.errors[0]


def make_topics(node):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": node.kafka})
    new = confluent_kafka.admin.NewTopic
    for made in admin.create_topics([new("data", 8, 1), new("many", 1000, 1), new("once", 4, 1),
                                     new("large", 2, 1, config={"max.message.bytes": str(2 * LARGE_BYTES)})]).values():
        made.result(60)


def produce(node, topic, value_bytes, count, config=None):
    refused = []
    producer = confluent_kafka.Producer({"bootstrap.servers": node.kafka, "acks": "all", "linger.ms": 5, "message.timeout.ms": 300_000,
                                         "queue.buffering.max.kbytes": 32 << 10, "message.max.bytes": 2 * LARGE_BYTES, **(config or {})})
    value = b"x" * value_bytes
    for number in range(count):
        while True:
            try:
                producer.produce(topic, value, key=b"%d" % number, on_delivery=lambda error, _: error and refused.append(error))
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    assert producer.flush(300) == 0
    assert not refused, refused[0]


def commit_transactions(node, name, count):
    producer = confluent_kafka.Producer({"bootstrap.servers": node.kafka, "transactional.id": name})
    producer.init_transactions(60)
    for _ in range(count):
        producer.begin_transaction()
        for number in range(50):
            producer.produce("once", b"x" * 1000, key=b"%d" % number)
        producer.commit_transaction(60)


def consume(node, topic, partition, count):
    """As many records from the partition's start as are there, in fetches without a small limit."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": node.kafka, "group.id": "g", "enable.auto.commit": False, "check.crcs": True,
                                         "fetch.max.bytes": 64 << 20, "max.partition.fetch.bytes": 64 << 20, "receive.message.max.bytes": 1 << 27,
                                         "queued.max.messages.kbytes": 16 << 10})
    consumer.assign([confluent_kafka.TopicPartition(topic, partition, confluent_kafka.OFFSET_BEGINNING)])
    try:
        for _ in range(count):
            message = consumer.poll(120)
            assert message is not None and not message.error(), message and message.error()
    finally:
        consumer.close()


def ask_and_not_read(node, partition):
    """A fetch (version 4) of all that a partition has; the connection is left to the caller."""
    host, port = node.kafka.rsplit(":", 1)
    connection = socket.create_connection((host, int(port)), 10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    name = b"data"
    body = struct.pack(">iiiib", -1, 100, 1, 64 << 20, 0) + struct.pack(">ih", 1, len(name)) + name
    body += struct.pack(">iiqi", 1, partition, 0, 64 << 20)
    frame = struct.pack(">hhih", 1, 4, 1, -1) + body
    connection.sendall(struct.pack(">i", len(frame)) + frame)
    return connection


def test_the_whole_process_stays_within_its_memory(node):
    make_topics(node)
    load = Load()
    for _ in range(4):
        load.start(produce, node, "data", 1024, PRODUCED_MIB * 1024)
    load.start(produce, node, "many", 100, 100_000 * SCALE)
    load.start(produce, node, "large", LARGE_BYTES, 15 * SCALE)
    load.start(commit_transactions, node, "t1", 40 * SCALE)
    load.start(commit_transactions, node, "t2", 40 * SCALE)
    support.wait_until(lambda: node.api("/topics/data")["partitions"][0]["high_watermark"] > 10_000, "the first records", 120)
    silent = [ask_and_not_read(node, number % 8) for number in range(100)]
    for number in range(16):
        load.start(consume, node, "data", number % 8, 10_000)
    load.start(consume, node, "large", 0, 1)
    load.join(900)
    used = peak_mb(node)
    print(f"at most {used:.0f} MB of {MEMORY_MB}")
    assert used <= MEMORY_MB
    for connection in silent:
        connection.close()
    produce(node, "data", 1024, 10)  # it still works
    assert node.stop() < 10
