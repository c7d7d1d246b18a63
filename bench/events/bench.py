#!/usr/bin/env python3
"""Events of 400 bytes on EventBridge's default bus, put through Kafka, and rules that match them against a pattern; some rules take them to a Kinesis
stream each. Prints a JSON line: seconds until all is delivered, and deliveries and matches per CPU second of the node, the events' own way in
left out. Usage: .deps/venv/bin/python bench/events/bench.py [events] [rules] [rules that take the events]"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid

import boto3
from confluent_kafka import Consumer, Producer, TopicPartition

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BINARY = os.environ.get("MAINSTEM_BINARY", os.path.join(ROOT, "build/src/cli/mainstem"))
EVENTS, RULES, TAKING = (int(a) for a in (sys.argv[1:] + ["50000", "50", "5"][len(sys.argv) - 1:]))
EVENT = {"version": "0", "detail-type": "order", "source": "shop", "account": "000000000000", "time": "2026-01-01T00:00:00Z", "region": "us-east-1",
         "resources": [], "detail": {"price": 12.5, "items": [{"sku": "abc", "n": n} for n in range(6)], "who": "somebody"}}


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def settled(process):
    """CPU seconds when the node has nothing more to do."""
    last = -1.0
    while cpu_seconds(process) - last > 0.05:
        last = cpu_seconds(process)
        time.sleep(1)
    return last


folder = tempfile.mkdtemp(prefix="events-bench-")
node = subprocess.Popen([BINARY, "serve", "--json", "--data", folder, "--kafka-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--aws-listen", "127.0.0.1:0"],
                        stdout=subprocess.PIPE)
try:
    ready = json.loads(node.stdout.readline())
    client = {"endpoint_url": f"http://{ready['aws']}", "region_name": "us-east-1", "aws_access_key_id": "any", "aws_secret_access_key": "thing"}
    events, kinesis = boto3.client("events", **client), boto3.client("kinesis", **client)
    events.put_events(Entries=[{"Source": "nobody", "DetailType": "first", "Detail": "{}"}])  # makes the topic
    producer = Producer({"bootstrap.servers": ready["kafka"], "linger.ms": 20})

    def fill():
        for n in range(EVENTS):
            producer.produce("events.default", json.dumps({**EVENT, "id": str(uuid.UUID(int=n))}), "shop")
            if n % 5000 == 0:
                producer.poll(0)
        producer.flush()
    before = settled(node)
    fill()
    way_in = settled(node) - before
    for n in range(RULES):
        kinesis.create_stream(StreamName=f"stream-{n}", ShardCount=1)
        events.put_rule(Name=f"rule-{n}", EventPattern=json.dumps({"source": ["shop" if n < TAKING else "nobody"], "detail": {"price": [{"numeric": [">", 10]}]}}))
        events.put_targets(Rule=f"rule-{n}", Targets=[{"Id": "t", "Arn": f"arn:aws:kinesis:us-east-1:000000000000:stream/stream-{n}"}])
    before, began = settled(node), time.monotonic()
    fill()
    consumer = Consumer({"bootstrap.servers": ready["kafka"], "group.id": "bench"})
    while any(consumer.get_watermark_offsets(TopicPartition(f"stream-{n}", 0), 10)[1] < EVENTS for n in range(TAKING)):
        time.sleep(0.05)
    seconds = time.monotonic() - began
    spent = settled(node) - before - way_in
    print(json.dumps({"events": EVENTS, "rules": RULES, "taking": TAKING, "seconds": round(seconds, 1), "cpu_seconds": round(spent, 2),
                      "matches_per_cpu_second": round(EVENTS * RULES / spent), "deliveries_per_cpu_second": round(EVENTS * TAKING / spent)}))
finally:
    node.terminate()
    node.wait(10)
    shutil.rmtree(folder)
