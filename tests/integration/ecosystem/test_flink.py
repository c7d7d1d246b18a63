"""Apache Flink's Kafka connector, unmodified, reads and writes our topics exactly once by its checkpoints, over kill -9 of its
TaskManager and of the node. Full tier: scripts/setup full fetches Flink."""
import collections
import os
import sys
import time

import pytest
import support
from confluent_kafka import Producer
from reading import read_committed

sys.path.insert(0, os.path.join(support.ROOT, "bench/flink"))
import flink  # noqa: E402

PARTITIONS, KEYS = 3, 20
KILLS = os.environ.get("FLINK_KILLS", "ntnt")  # "n" the node, "t" Flink's TaskManager

# An hour is the connector's default of transaction.timeout.ms.
SCRIPT = """
SET 'execution.checkpointing.interval' = '500ms';
SET 'restart-strategy.type' = 'fixed-delay';
SET 'restart-strategy.fixed-delay.attempts' = '1000';
SET 'restart-strategy.fixed-delay.delay' = '500ms';
CREATE TABLE events (k STRING, n BIGINT) WITH ('connector' = 'kafka', 'topic' = 'events', 'properties.bootstrap.servers' = '{kafka}',
  'properties.group.id' = 'flink', 'scan.startup.mode' = 'earliest-offset', 'format' = 'json');
CREATE TABLE copied (k STRING, n BIGINT) WITH ('connector' = 'kafka', 'topic' = 'copied', 'properties.bootstrap.servers' = '{kafka}',
  'format' = 'json', 'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = 'flink-copied');
CREATE TABLE counts (k STRING, c BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'counts',
  'properties.bootstrap.servers' = '{kafka}', 'key.format' = 'raw', 'value.format' = 'json',
  'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = 'flink-counts');
INSERT INTO copied SELECT k, n FROM events;
INSERT INTO counts SELECT k, COUNT(*) FROM events GROUP BY k;
"""


@pytest.fixture
def cluster(tmp_path):
    if not support.FULL:
        pytest.skip("full tier: MAINSTEM_TIER=full")
    if not os.path.isdir(flink.HOME + "/dist"):
        pytest.skip("no Flink: run scripts/setup full")
    made = flink.Flink(str(tmp_path / "flink"), memory="1600m", slots=4)
    made.start()
    yield made
    made.stop()


def test_flink_copies_and_counts_exactly_once_through_kills(tmp_path, cluster):
    folder = tmp_path / "node"
    folder.mkdir()
    node = support.Node(folder, {"transactions.max-timeout": "1h"}).start()
    for topic in ("events", "copied", "counts"):
        node.cli("topic", "create", topic, "-p", str(PARTITIONS))
    sent = 0

    def send(count):
        nonlocal sent
        producer = Producer({"bootstrap.servers": node.kafka, "enable.idempotence": True})
        for i in range(sent, sent + count):
            producer.produce("events", b'{"k":"k%d","n":%d}' % (i % KEYS, i), key=f"k{i % KEYS}")
        assert producer.flush(60) == 0
        sent += count

    def copied():
        return [int(value.split(b'"n":')[1][:-1]) for _, value in read_committed(node.kafka, "copied", PARTITIONS)]

    def wait_for_all():
        deadline = time.monotonic() + 180
        while len(copied()) < sent and time.monotonic() < deadline:
            time.sleep(0.5)
        assert collections.Counter(copied()) == collections.Counter(range(sent)), cluster.work
    try:
        send(1000)
        cluster.submit(SCRIPT.format(kafka=node.kafka))
        wait_for_all()
        for kill in KILLS:
            send(500)
            if kill == "n":
                node.kill()
                node.start()
            else:
                cluster.restart_taskmanager()
            send(500)
            wait_for_all()
        # Counts begin at 1 and grow by one: a count may be told again only with a greater one after it.
        last = {}
        for key, value in read_committed(node.kafka, "counts", PARTITIONS):
            count = int(value.split(b'"c":')[1][:-1])
            assert count > last.get(key, 0)
            last[key] = count
        assert last == {b"k%d" % k: sent // KEYS for k in range(KEYS)}
        listed = node.api("/transactions")["transactions"]
        assert all(each["id"].startswith("flink-") for each in listed)
    finally:
        node.kill()
