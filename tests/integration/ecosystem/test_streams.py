"""A Kafka Streams application with exactly_once_v2, unmodified, over kill -9 of the application and of the node: what
committed readers see is each record once, and each count once, in order."""
import collections
import os
import subprocess
import time

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

import support
from reading import read_committed

FOLDER = os.path.dirname(__file__)
PARTITIONS, KEYS = 4, 37
# Kills, each followed by records: "a" the application, "n" the node.
KILLS = os.environ.get("STREAMS_KILLS", "annaananaanananna" if support.FULL else "an")


class Application:
    def __init__(self, node, folder):
        self.node, self.folder, self.log_path = node, folder, str(folder / "streams.log")
        self.process, self.starts = None, 0

    def start(self):
        """As on another machine: the state comes from the changelog topic. (Streams 4.3 may fail for ever on a store that it
        was killed in the midst of removing.)"""
        self.starts += 1
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", support.KAFKA_LIBS + "/*", os.path.join(FOLDER, "CountAndCopy.java"),
             self.node.kafka, str(self.folder / f"state-{self.starts}")], stdout=self.log, stderr=self.log)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def tail(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()[-3000:]


@pytest.mark.skipif(not os.path.isdir(support.KAFKA_LIBS), reason="no Kafka at KAFKA_LIBS: run scripts/setup test")
def test_a_streams_application_counts_each_record_once_through_kills(node, tmp_path):
    admin = AdminClient({"bootstrap.servers": node.kafka})
    for future in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in ("events", "copied", "counts")]).values():
        future.result(10)
    application = Application(node, tmp_path)
    application.start()
    sent = 0

    def send(count):
        nonlocal sent
        producer = Producer({"bootstrap.servers": node.kafka, "enable.idempotence": True})
        for i in range(sent, sent + count):
            producer.produce("events", str(i), key=f"k{i % KEYS}")
        assert producer.flush(30) == 0
        sent += count

    def copied():
        """How far the application has come, as records and markers beyond the last restart."""
        return sum(p["high_watermark"] for p in node.api("/topics/copied")["partitions"])

    try:
        send(2000)
        for kill in KILLS:
            before = copied()
            support.wait_until(lambda: copied() > before, "the application to go on:\n" + application.tail(), 60)
            send(500)
            if kill == "a":
                application.kill()
                application.start()
            else:
                node.kill()
                time.sleep(0.5)
                node.start()
            send(500)
        deadline = time.monotonic() + 90
        while True:
            values = [value.decode() for _, value in read_committed(node.kafka, "copied", PARTITIONS)]
            if len(values) >= sent or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        assert collections.Counter(values) == collections.Counter(str(i) for i in range(sent)), application.tail()
        counts = collections.defaultdict(list)
        for key, value in read_committed(node.kafka, "counts", PARTITIONS):
            counts[key.decode()].append(int.from_bytes(value, "big"))
        expected = {f"k{k}": list(range(1, len(range(k, sent, KEYS)) + 1)) for k in range(KEYS)}
        assert counts == expected
    finally:
        application.kill()
