"""Kafka Connect, unmodified, with the file source and sink that come with Kafka: standalone over a restart and a crash of the
node; distributed, where its own state lies in compacted topics and the source writes in transactions."""
import json
import os
import subprocess
import urllib.error
import urllib.request

import pytest

import support
from reading import read_committed

pytestmark = pytest.mark.skipif(not os.path.isdir(support.KAFKA_LIBS), reason="no Kafka at KAFKA_LIBS: run scripts/setup test")
CONVERTERS = {f"{part}.converter": "org.apache.kafka.connect.storage.StringConverter" for part in ("key", "value")}


def write_properties(path, settings):
    path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    return str(path)


def connectors(folder, topic):
    source = {"name": "lines-in", "connector.class": "FileStreamSource", "tasks.max": "1", "file": str(folder / "in.txt"),
              "topic": topic, "batch.size": "100"}
    sink = {"name": "lines-out", "connector.class": "FileStreamSink", "tasks.max": "1", "file": str(folder / "out.txt"),
            "topics": topic, "consumer.override.auto.offset.reset": "earliest"}
    return source, sink


class Worker:
    """A worker process with its REST door on a free port."""

    def __init__(self, node, folder, kind, settings, *connector_files):
        self.folder, self.port, self.process = folder, support.free_port(), None
        worker = {"bootstrap.servers": node.kafka, "plugin.discovery": "service_load",
                  "listeners": f"http://127.0.0.1:{self.port}", "connector.client.config.override.policy": "All",
                  "offset.flush.interval.ms": "500", **CONVERTERS, **settings}
        self.command = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", support.KAFKA_LIBS + "/*",
                        f"org.apache.kafka.connect.cli.Connect{kind}", write_properties(folder / "worker.properties", worker),
                        *connector_files]

    def start(self):
        self.log = open(self.folder / "connect.log", "ab")
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)

    def end(self, gently=False):
        self.process.terminate() if gently else self.process.kill()
        self.process.wait(60)
        self.log.close()

    def running(self):
        return self.process.poll() is None

    def tail(self):
        return (self.folder / "connect.log").read_text(errors="replace")[-3000:]

    def call(self, method, path, body=None):
        """The answer, or nothing while the worker is not ready."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", json.dumps(body).encode() if body else None,
                                         {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or b"{}")
        except (urllib.error.HTTPError, OSError):
            return None


def lines_of(path):
    return path.read_text().splitlines() if path.exists() else []


def append(path, first, count):
    with open(path, "a") as f:
        f.writelines(f"line {i}\n" for i in range(first, first + count))


def wait_for_lines(worker, path, count, seconds=60):
    try:
        support.wait_until(lambda: len(lines_of(path)) >= count or not worker.running(), f"{count} lines in {path.name}", seconds)
        assert worker.running(), "the worker ended"
    except AssertionError as late:
        raise AssertionError(f"{late}; there are {len(lines_of(path))}:\n{worker.tail()}") from None


def test_standalone_connect_carries_lines_from_file_to_file(node, tmp_path):
    node.cli("topic", "create", "lines")
    files = [write_properties(tmp_path / f"{c['name']}.properties", c) for c in connectors(tmp_path, "lines")]
    worker = Worker(node, tmp_path, "Standalone", {"offset.storage.file.filename": str(tmp_path / "offsets")}, *files)
    append(tmp_path / "in.txt", 0, 1000)
    worker.start()
    try:
        wait_for_lines(worker, tmp_path / "out.txt", 1000)
        node.kill()
        append(tmp_path / "in.txt", 1000, 500)
        node.start()
        wait_for_lines(worker, tmp_path / "out.txt", 1500)
        worker.end(gently=True)  # commits the offsets of both
        append(tmp_path / "in.txt", 1500, 500)
        worker.start()
        wait_for_lines(worker, tmp_path / "out.txt", 2000)
        # The sink kept its place in the group while the node was away, and committed at its end.
        assert lines_of(tmp_path / "out.txt") == [f"line {i}" for i in range(2000)]
        assert [value for _, value in read_committed(node.kafka, "lines", 1)] == [b"line %d" % i for i in range(2000)]
    finally:
        worker.end()


def test_distributed_connect_writes_each_line_once_through_kills(node, tmp_path):
    node.cli("topic", "create", "lines")
    topics = {f"{what}.storage.topic": f"connect-{what}" for what in ("config", "offset", "status")}
    worker = Worker(node, tmp_path, "Distributed",
                    {**topics, **{f"{what}.storage.replication.factor": "1" for what in ("config", "offset", "status")},
                     "group.id": "connect", "exactly.once.source.support": "enabled", "session.timeout.ms": "6000",
                     "heartbeat.interval.ms": "1000", "scheduled.rebalance.max.delay.ms": "0"})
    append(tmp_path / "in.txt", 0, 500)
    worker.start()
    try:
        support.wait_until(lambda: worker.call("GET", "/connectors") == [], "the worker:\n" + worker.tail(), 60)
        source = connectors(tmp_path, "lines")[0]
        source["transaction.boundary"] = "poll"
        assert worker.call("POST", "/connectors", {"name": source["name"], "config": source}), worker.tail()
        written = 500

        def count():
            return len(read_committed(node.kafka, "lines", 1))
        support.wait_until(lambda: count() == written, "the first lines", 60)
        for victim in ("worker", "node") * (5 if support.FULL else 1):
            append(tmp_path / "in.txt", written, 500)
            written += 500
            if victim == "worker":
                worker.end()
                worker.start()
            else:
                node.kill()
                node.start()
            support.wait_until(lambda: count() >= written, f"the lines after a kill of the {victim}", 90)
        assert [value for _, value in read_committed(node.kafka, "lines", 1)] == [b"line %d" % i for i in range(written)]
        config = node.api("/topics/connect-offset")["config"]
        assert config["cleanup.policy"] == "compact"
    finally:
        worker.end()
