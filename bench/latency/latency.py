#!/usr/bin/env python3
"""From an event to the result that counts it: a keyed aggregate from a topic to a topic, at a steady rate, in Mainstem and in Apache Flink over Apache
Kafka, one after the other. Both sinks at least once, checkpoints each second, Flink's network buffers sent after 1 ms (100 by default). One JSON line a run."""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
for folder in ("bench/flink", "bench/kafka", "tests/integration"):
    sys.path.insert(0, os.path.join(ROOT, folder))
import bench as kafka_bench  # noqa: E402
import flink as flink_peer  # noqa: E402
import support  # noqa: E402

LOAD = os.path.join(ROOT, ".deps/bench/query_load")
SCRIPT = """
SET 'execution.checkpointing.interval' = '1 s';
{settings}
CREATE TABLE events (k BIGINT, v BIGINT, ts BIGINT) WITH ('connector' = 'kafka', 'topic' = 'events', 'properties.bootstrap.servers' = '{bootstrap}',
  'properties.group.id' = 'q', 'scan.startup.mode' = 'earliest-offset', 'format' = 'json');
CREATE TABLE results (k BIGINT, n BIGINT, s BIGINT, ts BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'results',
  'properties.bootstrap.servers' = '{bootstrap}', 'key.format' = 'json', 'value.format' = 'json', 'sink.delivery-guarantee' = 'at-least-once');
INSERT INTO results SELECT k, COUNT(*), SUM(v), MAX(ts) FROM events GROUP BY k;
"""


def make_topics(bootstrap):
    from confluent_kafka.admin import AdminClient, NewTopic
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic("events", 1, 1), NewTopic("results", 1, 1)]).values():
        future.result(30)


def load(bootstrap, options):
    done = subprocess.run([LOAD, bootstrap, "events", "results", str(options.rate), str(options.seconds), str(options.warm_up), str(options.keys)],
                          capture_output=True, text=True, timeout=options.seconds + options.warm_up + 120)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return json.loads(done.stdout)


def mainstem(work, options):
    node = support.Node(work, {"memory": "1GB"}).start()
    try:
        make_topics(node.kafka)
        node.submit(SCRIPT.format(bootstrap=node.kafka, settings=""))
        return load(node.kafka, options)
    finally:
        node.kill()


def flink(work, options):
    broker = kafka_bench.Kafka("kafka", work)
    cluster = flink_peer.Flink(work + "/flink")
    broker.start()
    try:
        bootstrap = f"127.0.0.1:{broker.port}"
        make_topics(bootstrap)
        cluster.start()
        cluster.submit(SCRIPT.format(bootstrap=bootstrap, settings="SET 'execution.buffer-timeout.interval' = '1 ms';"))
        time.sleep(5)
        return load(bootstrap, options)
    finally:
        cluster.stop()
        broker.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=50_000, help="events a second")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--warm-up", type=int, default=15)
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", default="mainstem,flink")
    options = parser.parse_args()
    runs = {"mainstem": mainstem, "flink": flink}
    results = {name: [] for name in runs if name in options.only}
    for _ in range(options.rounds):
        for name, measured in results.items():
            work = tempfile.mkdtemp(prefix=f"latency-{name}-")
            try:
                measured.append(runs[name](work, options))
            finally:
                shutil.rmtree(work, ignore_errors=True)
            print(json.dumps({"engine": name} | measured[-1]), flush=True)
    print("\n| from event to result, ms | p50 | p99 | p99.9 |\n| --- | --- | --- | --- |")
    for name, measured in results.items():
        cells = [f"{statistics.median(run[part] for run in measured):.2f}" for part in ("p50_ms", "p99_ms", "p999_ms")]
        print(f"| {name} | " + " | ".join(cells) + " |")


main()
