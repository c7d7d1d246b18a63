"""Kafka's own system-test programs as checkers, over kill -9 of the node and of themselves: VerifiableProducer, VerifiableConsumer
and TransactionalMessageCopier."""
import collections
import json
import os
import subprocess
import time

import pytest
import support
from confluent_kafka import Producer
from reading import read_committed

pytestmark = pytest.mark.skipif(not os.path.isdir(support.KAFKA_LIBS), reason="no Kafka at KAFKA_LIBS: run scripts/setup test")
KILLS = int(os.environ.get("CHECKER_KILLS", "15" if support.FULL else "2"))


class Tool:
    """One of the programs; each prints JSON lines of what it saw."""

    def __init__(self, folder, name, *arguments):
        self.path = folder / f"{name}-{time.monotonic_ns()}.out"
        self.out = open(self.path, "wb")
        self.process = subprocess.Popen(
            ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", support.KAFKA_LIBS + "/*", f"org.apache.kafka.tools.{name}", *arguments],
            stdout=self.out, stderr=self.out)

    def running(self):
        return self.process.poll() is None

    def events(self, name=None):
        found = []
        with open(self.path, errors="replace") as f:
            for line in f:
                if line.startswith("{") and line.endswith("}\n"):
                    event = json.loads(line)
                    if name in (None, event.get("name")):
                        found.append(event)
        return found

    def end(self, gently=False):
        if self.running():
            self.process.terminate() if gently else self.process.kill()
        code = self.process.wait(60)
        self.out.close()
        return code

    def text(self):
        return self.path.read_text(errors="replace")[-3000:]


def restart(node):
    node.kill()
    time.sleep(0.3)
    node.start()


def test_verifiable_consumers_get_what_the_verifiable_producer_got_acknowledged(node, tmp_path):
    """The group's members survive kills of the node, and a kill of one of them; the producer is idempotent."""
    node.cli("topic", "create", "checked", "-p", "4")
    total = 1000 + 1000 * KILLS
    idempotent = tmp_path / "producer.properties"
    idempotent.write_text("enable.idempotence=true\nretries=2147483647\nacks=all\n")
    server = ("--bootstrap-server", node.kafka, "--topic", "checked")

    def consumer(name):
        return Tool(tmp_path, "VerifiableConsumer", *server, "--group-id", "checkers", "--reset-policy", "earliest", "--verbose",
                    "--session-timeout", "6000", "--group-instance-id", name, "--assignment-strategy",
                    "org.apache.kafka.clients.consumer.CooperativeStickyAssignor")
    consumers = [consumer("a"), consumer("b")]
    producer = Tool(tmp_path, "VerifiableProducer", *server, "--max-messages", str(total), "--throughput", "500", "--command-config",
                    str(idempotent))
    tools = [producer, *consumers]

    def acknowledged():
        return [event["value"] for event in producer.events("producer_send_success")]

    def consumed():
        return collections.Counter(event["value"] for tool in tools for event in tool.events("record_data"))
    try:
        for kill in range(KILLS):
            before = len(acknowledged())
            support.wait_until(lambda: len(acknowledged()) > before + 200 or not producer.running(), "acknowledgements", 60)
            restart(node)
            if kill % 5 == 1:
                consumers[0].end()
                consumers[0] = consumer("a")
                tools.append(consumers[0])
        support.wait_until(lambda: not producer.running(), "the producer's end:\n" + producer.text(), 90)
        assert producer.process.returncode == 0 and not producer.events("producer_send_error"), producer.text()
        assert len(acknowledged()) == total
        in_log = [value.decode() for _, value in read_committed(node.kafka, "checked", 4)]
        assert collections.Counter(in_log) == collections.Counter(acknowledged())
        support.wait_until(lambda: len(consumed()) == total, "the consumers' records:\n" + consumers[0].text(), 60)
        # In order within a partition, for each consumer between its assignments; at least once over all of them.
        offsets = collections.defaultdict(set)
        for tool in tools[1:]:
            for event in tool.events("record_data"):
                offsets[event["partition"]].add(event["offset"])
        assert all(seen == set(range(max(seen) + 1)) for seen in offsets.values())
        for tool in consumers:
            assert tool.end(gently=True) in (0, 143), tool.text()
            assert not [event for event in tool.events("offsets_committed") if event.get("offsets") is None]
    finally:
        for tool in tools:
            tool.end()


def test_the_message_copier_copies_once_through_kills_of_itself_and_the_node(node, tmp_path):
    count = 3000 if support.FULL else 1200
    node.cli("topic", "create", "source", "-p", "2")
    node.cli("topic", "create", "target", "-p", "2")  # each record goes to the partition that it came from
    plain = Producer({"bootstrap.servers": node.kafka})
    for i in range(count):
        plain.produce("source", str(i), partition=i % 2)
    assert plain.flush(30) == 0

    def copier(partition):
        return Tool(tmp_path, "TransactionalMessageCopier", "--broker-list", node.kafka, "--input-topic", "source", "--input-partition",
                    str(partition), "--output-topic", "target", "--transactional-id", f"copier-{partition}", "--consumer-group",
                    "copiers", "--transaction-size", "20", "--transaction-timeout", "20000", "--enable-random-aborts",
                    "--use-group-metadata", "--group-mode")
    copiers = [copier(0), copier(1)]

    def copied():
        return sum(partition["high_watermark"] for partition in node.api("/topics/target")["partitions"])
    try:
        for kill in range(KILLS):
            before = copied()
            support.wait_until(lambda: copied() > before + 40, "records in the target:\n" + copiers[0].text(), 60)
            if kill % 2 == 0:
                restart(node)
            else:
                copiers[0].end()
                copiers[0] = copier(0)
        def values():
            return [int(value) for _, value in read_committed(node.kafka, "target", 2)]
        support.wait_until(lambda: len(values()) >= count, "all records:\n" + copiers[0].text() + copiers[1].text(), 120)
        assert values() == list(range(0, count, 2)) + list(range(1, count, 2))
    finally:
        for tool in copiers:
            tool.end()
