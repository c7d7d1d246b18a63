"""Plays the traffic of an example into topics with a real Kafka client (confluent-kafka). The same seed gives the same records.

  traffic.py --bootstrap 127.0.0.1:9092 --topics        make the topics, write nothing
  traffic.py --bootstrap 127.0.0.1:9092 --once          a bounded input with times of its own, as fast as possible
  traffic.py --bootstrap 127.0.0.1:9092                 the last while as fast as possible, then by the clock, until Ctrl-C"""
import argparse
import dataclasses
import datetime
import json
import sys
import time

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

UTC = datetime.timezone.utc


@dataclasses.dataclass
class Record:
    """One record of a topic: key and value are text or None, or something that becomes JSON."""
    topic: str
    key: object
    value: object


@dataclasses.dataclass
class Topic:
    name: str
    partitions: int = 1
    config: dict = dataclasses.field(default_factory=dict)


COMPACTED = {"cleanup.policy": "compact"}


class Traffic:
    """What an example plays. `begin` writes what is there beforehand, `step` what happens at a moment; both yield Records."""
    topics = []
    steps = 10000                     # of a bounded input
    start = "2026-03-01 10:00:00"     # its time
    span = 3600                       # seconds that it covers
    rate = 100                        # steps a second, live
    history = 1800                    # seconds before now with which live traffic begins

    def __init__(self, seed):
        raise NotImplementedError

    def begin(self, now_ms):
        return ()

    def step(self, now_ms):
        raise NotImplementedError

    def end(self, now_ms):
        """What is still held back when a bounded input ends."""
        return ()


def sql_time(ms):
    """A TIMESTAMP(3) as Flink's JSON format reads it."""
    when = datetime.datetime.fromtimestamp(ms / 1000, UTC)
    return when.strftime("%Y-%m-%d %H:%M:%S.") + f"{int(ms) % 1000:03}"


class Writer:
    """Sends records and fails when one was not delivered."""

    def __init__(self, bootstrap):
        self.failures, self.sent = [], 0
        self.producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5, "compression.type": "lz4",
                                  "client.id": "example-traffic"})

    def write(self, records):
        for record in records:
            key, value = (text if text is None or isinstance(text, str) else json.dumps(text) for text in (record.key, record.value))
            while True:
                try:
                    self.producer.produce(record.topic, value, key, on_delivery=lambda e, m: self.failures.append(e) if e else None)
                    break
                except BufferError:
                    self.producer.poll(0.1)
            self.sent += 1
        self.producer.poll(0)

    def close(self):
        left = self.producer.flush(60)
        if self.failures or left:
            sys.exit(f"{len(self.failures) + left} of {self.sent} records were not delivered: {self.failures[:1]}")
        print(f"{self.sent} records delivered")


def make_topics(bootstrap, topics):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    there = admin.list_topics(timeout=10).topics
    wanted = [NewTopic(t.name, num_partitions=t.partitions, replication_factor=1, config=t.config) for t in topics if t.name not in there]
    for name, made in (admin.create_topics(wanted) if wanted else {}).items():
        try:
            made.result(30)
        except KafkaException as error:
            sys.exit(f"topic {name}: {error}")


def play_once(traffic, writer):
    start_ms = int(datetime.datetime.fromisoformat(traffic.start).replace(tzinfo=UTC).timestamp() * 1000)
    writer.write(traffic.begin(start_ms))
    for step in range(traffic.steps):
        writer.write(traffic.step(start_ms + step * traffic.span * 1000 // traffic.steps))
    writer.write(traffic.end(start_ms + traffic.span * 1000))


def play_live(traffic, writer):
    start = time.time() - traffic.history
    writer.write(traffic.begin(int(start * 1000)))
    step = 0
    while True:
        moment = start + step / traffic.rate
        pause = moment - time.time()
        if pause > 0:
            time.sleep(pause)
        writer.write(traffic.step(int(moment * 1000)))
        step += 1


def main(kind, description):
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--bootstrap", default="127.0.0.1:9092")
    parser.add_argument("--http", default="http://127.0.0.1:8080", help="for examples that write by HTTP")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--once", action="store_true", help="a bounded input, with times of its own")
    parser.add_argument("--topics", action="store_true", help="only make the topics")
    options = parser.parse_args()
    make_topics(options.bootstrap, kind.topics)
    if options.topics:
        return
    traffic, writer = kind(options.seed), Writer(options.bootstrap)
    try:
        (play_once if options.once else play_live)(traffic, writer)
    except KeyboardInterrupt:
        pass
    writer.close()
