"""Configurations of topics whose effect is seen from outside only, and the address that a node tells its clients."""
import os
import socket
import time

import confluent_kafka
from confluent_kafka.admin import AdminClient, NewTopic

import support

HOUR_MS = 3_600_000


def make(node, **configs):
    admin = AdminClient({"bootstrap.servers": node.kafka})
    for made in admin.create_topics([NewTopic(name, 1, 1, config=config) for name, config in configs.items()]).values():
        made.result(30)


def send(node, topic, timestamps, size=10):
    """The error codes, none where it was taken. Each record is a batch."""
    outcomes = []
    producer = confluent_kafka.Producer({"bootstrap.servers": node.kafka, "linger.ms": 0})
    for timestamp in timestamps:
        producer.produce(topic, b"x" * size, timestamp=timestamp, on_delivery=lambda error, _: outcomes.append(error and error.code()))
        assert producer.flush(60) == 0
    return outcomes


def test_timestamps_out_of_bounds_are_refused(node):
    make(node, bounded={"message.timestamp.before.max.ms": str(2 * HOUR_MS), "message.timestamp.after.max.ms": str(3 * HOUR_MS)}, usual={})
    now = int(time.time() * 1000)
    refused = confluent_kafka.KafkaError.INVALID_TIMESTAMP
    at = [now, now - HOUR_MS, now - 3 * HOUR_MS, now + 2 * HOUR_MS, now + 4 * HOUR_MS]
    assert send(node, "bounded", at) == [None, None, refused, None, refused]
    assert send(node, "usual", at) == [None, None, None, refused, refused]  # an hour after, as in Kafka


def test_segments_end_at_their_age_and_indexes_have_their_interval(node):
    make(node, dense={"index.interval.bytes": "0"}, sparse={"index.interval.bytes": "1000000000"}, short={"segment.ms": "1"}, long={})
    now = int(time.time() * 1000)
    for topic in ("dense", "sparse"):
        assert send(node, topic, [now] * 20, 3000) == [None] * 20
    for _ in range(3):
        for topic in ("short", "long"):
            assert send(node, topic, [now]) == [None]
        node.stop()
        node.start()

    def sizes(topic, ending):
        folder = os.path.join(node.data, f"log/topics/{topic}-0")
        return [os.path.getsize(os.path.join(folder, name)) for name in sorted(os.listdir(folder)) if name.endswith(ending)]
    assert sizes("dense", ".index") == [8 * 19] and sizes("sparse", ".index") == [0]  # none for the first batch
    assert len(sizes("short", ".log")) == 3 and len(sizes("long", ".log")) == 1


def brokers(address):
    found = AdminClient({"bootstrap.servers": address, "broker.address.family": "v4"}).list_topics(timeout=30).brokers
    return {f"{broker.host}:{broker.port}" for broker in found.values()}


def test_a_client_is_told_the_address_that_it_used(node, tmp_path):
    assert brokers(node.kafka) == {node.kafka}
    port = node.kafka.split(":")[1]
    assert brokers(f"localhost:{port}") <= {f"localhost:{port}", f"127.0.0.1:{port}"}
    node.stop()
    folder = tmp_path / "everywhere"
    folder.mkdir()
    other = support.Node(folder, {"kafka.listen": "0.0.0.0:0"}).start()
    try:
        port = other.kafka.rsplit(":", 1)[1]
        own = [socket.gethostbyname(socket.gethostname()), "127.0.0.1", "127.0.0.2"]
        for host in own:
            assert brokers(f"{host}:{port}") == {f"{host}:{port}"}
        other.stop()
        other.settings["kafka.advertised"] = "127.0.0.3:" + port
        other.settings["kafka.listen"] = f"0.0.0.0:{port}"
        other.start()
        assert brokers(f"127.0.0.1:{port}") == {f"127.0.0.3:{port}"}
    finally:
        other.kill()
