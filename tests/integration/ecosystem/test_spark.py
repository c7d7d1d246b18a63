"""Spark Structured Streaming's Kafka connector, unmodified, over kill -9 of the application and of the node: its file sink promises
each record once by its checkpoint, its Kafka sink each at least once. Full tier: scripts/setup full fetches Spark."""
import json
import os
import subprocess
import time

import pyarrow.parquet
import pytest
import support
from confluent_kafka import Producer
from reading import read_committed

FOLDER = os.path.dirname(__file__)
SPARK = os.path.join(support.ROOT, ".deps/spark")
PARTITIONS = 3
KILLS = os.environ.get("SPARK_KILLS", "anan")  # "a" the application, "n" the node


class Application:
    def __init__(self, node, folder):
        self.node, self.folder, self.process = node, str(folder), None
        self.log_path = os.path.join(self.folder, "spark.log")

    def start(self):
        jars = os.path.join(SPARK, "jars")
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [os.path.join(SPARK, "venv/bin/spark-submit"), "--jars", ",".join(os.path.join(jars, jar) for jar in sorted(os.listdir(jars))),
             os.path.join(FOLDER, "spark_app.py"), self.node.kafka, self.folder],
            stdout=self.log, stderr=self.log, start_new_session=True,
            env=dict(os.environ, PYSPARK_PYTHON=os.path.join(SPARK, "venv/bin/python"), SPARK_LOCAL_IP="127.0.0.1"))

    def kill(self):
        os.killpg(self.process.pid, 9)  # Python and its JVM
        self.process.wait()
        self.log.close()

    def tail(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()[-3000:]


def committed_files(folder):
    """Rows of the files that Spark's own log names, which is what a reader of the sink sees. The log has a file for each batch;
    every tenth ("9.compact") stands for all before it as well."""
    log = os.path.join(folder, "files/_spark_metadata")
    names = [name for name in (os.listdir(log) if os.path.isdir(log) else []) if name.split(".")[0].isdigit()]
    whole = max((int(name.split(".")[0]) for name in names if name.endswith(".compact")), default=-1)
    rows = []
    for name in names:
        number = int(name.split(".")[0])
        if number < whole or (number == whole and not name.endswith(".compact")):
            continue
        with open(os.path.join(log, name)) as f:
            paths = [json.loads(line)["path"] for line in f if line.startswith("{")]
        for path in paths:
            rows += pyarrow.parquet.read_table(path.removeprefix("file://"), columns=["value"]).column("value").to_pylist()
    return rows


def test_spark_copies_to_files_once_and_to_a_topic_through_kills(tmp_path):
    if not support.FULL:
        pytest.skip("full tier: MAINSTEM_TIER=full")
    if not os.path.isdir(SPARK + "/jars"):
        pytest.skip("no Spark: run scripts/setup full")
    folder = tmp_path / "node"
    folder.mkdir()
    node = support.Node(folder).start()
    for topic in ("events", "copied"):
        node.cli("topic", "create", topic, "-p", str(PARTITIONS))
    application = Application(node, tmp_path)
    producer_number, sent = 0, []

    def send(first, count):
        """In transactions, every third of which is aborted: Spark must not see it, nor stop at its markers."""
        nonlocal producer_number
        producer_number += 1
        producer = Producer({"bootstrap.servers": node.kafka, "transactional.id": f"sender-{producer_number}"})
        producer.init_transactions(30)
        for begin in range(first, first + count, 50):
            producer.begin_transaction()
            for i in range(begin, begin + 50):
                producer.produce("events", str(i), key=str(i))
            if begin // 50 % 3 == 2:
                producer.abort_transaction(30)
            else:
                producer.commit_transaction(30)
                sent.extend(str(i) for i in range(begin, begin + 50))

    def wait_for_all():
        deadline = time.monotonic() + 150
        while time.monotonic() < deadline and application.process.poll() is None:
            copied = {value.decode() for _, value in read_committed(node.kafka, "copied", PARTITIONS)}
            if copied == set(sent) and len(committed_files(application.folder)) >= len(sent):
                return
            time.sleep(0.5)
        raise AssertionError(f"{len(sent)} sent, {len(committed_files(application.folder))} in files:\n" + application.tail())
    try:
        application.start()
        send(0, 900)
        wait_for_all()
        for turn, kill in enumerate(KILLS, 1):
            send(turn * 1000, 450)
            if kill == "n":
                node.kill()
                node.start()
            else:
                time.sleep(1)
                application.kill()
                application.start()
            send(turn * 1000 + 450, 450)
            wait_for_all()
        assert sorted(committed_files(application.folder)) == sorted(sent)
    finally:
        application.kill()
        node.kill()
