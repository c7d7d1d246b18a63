"""Reads what an example has made, wherever it was delivered, and compares it row for row with what its check.py expects.

  check.py --bootstrap 127.0.0.1:9092 [--postgres 'host=.. port=..'] [--files OUT] [--show 5]"""
import argparse
import collections
import dataclasses
import datetime
import decimal
import json
import re
import sys

from confluent_kafka import Consumer, TopicPartition

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?$")


def decode(text):
    """A JSON value with exact numbers and with timestamps as such."""
    def revive(value):
        if isinstance(value, str) and TIMESTAMP.match(value):
            return datetime.datetime.fromisoformat(value)
        if isinstance(value, dict):
            return {name: revive(field) for name, field in value.items()}
        return [revive(item) for item in value] if isinstance(value, list) else value
    return revive(json.loads(text, parse_float=decimal.Decimal))


class World:
    """The places that an example reads and writes."""

    def __init__(self, bootstrap, http, postgres, files):
        self.bootstrap, self.http, self.postgres, self.files = bootstrap, http, postgres, files

    def raw_messages(self, topic):
        """All records, in the order of each partition; committed ones only."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "check", "enable.auto.commit": False,
                             "isolation.level": "read_committed"})
        found = []
        for partition in consumer.list_topics(topic, 10).topics[topic].partitions:
            low, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), 10)
            consumer.assign([TopicPartition(topic, partition, low)])
            position = low
            while position < end:
                message = consumer.poll(10)
                if message is None or message.error():
                    sys.exit(f"cannot read {topic}/{partition}: {message and message.error()}")
                found.append(message)
                position = message.offset() + 1
        consumer.close()
        return found

    def messages(self, topic):
        return [(message.key(), message.value()) for message in self.raw_messages(topic)]

    def values(self, topic):
        return [decode(value) for _, value in self.messages(topic) if value is not None]

    def newest(self, topic):
        """The rows that are left in a topic of upserts: the last value of each key, without those that were deleted."""
        rows = {}
        for key, value in self.messages(topic):
            rows.pop(key, None)
            if value is not None:
                rows[key] = decode(value)
        return list(rows.values())


@dataclasses.dataclass
class InTopic:
    topic: str
    columns: list

    def rows(self, world):
        return [tuple(row[name] for name in self.columns) for row in world.values(self.topic)]


@dataclasses.dataclass
class InUpsertTopic:
    topic: str
    columns: list

    def rows(self, world):
        return [tuple(row[name] for name in self.columns) for row in world.newest(self.topic)]


@dataclasses.dataclass
class InPostgres:
    table: str
    columns: list

    def rows(self, world):
        import psycopg2
        with psycopg2.connect(world.postgres) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(self.columns)} FROM {self.table}")
            return cursor.fetchall()


@dataclasses.dataclass
class InParquet:
    folder: str
    columns: list

    def rows(self, world):
        import pyarrow.dataset
        # Hive's partitioning: folders name=value are columns.
        files = pyarrow.dataset.dataset(f"{world.files}/{self.folder}", format="parquet", partitioning="hive")
        return [tuple(row[name] for name in self.columns) for row in files.to_table(columns=self.columns).to_pylist()]


@dataclasses.dataclass
class InQuarantine:
    """What a job set aside: how many different records at each stage. (A row that changes is refused again and again.)"""
    job: str
    columns: list

    def rows(self, world):
        consumer = Consumer({"bootstrap.servers": world.bootstrap, "group.id": "check"})
        topics = [name for name in consumer.list_topics(timeout=10).topics if name.startswith("__mainstem.quarantine." + self.job)]
        consumer.close()
        kept = collections.defaultdict(set)
        for topic in topics:
            for message in world.raw_messages(topic):
                headers = {name: value.decode() for name, value in message.headers() or []}
                kept[headers["stage"]].add(headers["origin"] if headers["stage"] == "decode" else message.value().split(b",")[0])
        return [(stage, len(records)) for stage, records in kept.items()]


def text_of(value):
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ", "milliseconds" if value.microsecond else "seconds")
    return "" if value is None else str(value)


def show(name, columns, rows, count):
    """The first rows as a table."""
    lines = [list(map(text_of, row)) for row in sorted(rows, key=lambda row: tuple(map(text_of, row)))[:count]]
    widths = [max(len(line[i]) for line in [columns, *lines]) for i in range(len(columns))]
    print(f"\n{name}, {f'the first {count} of ' if len(rows) > count else ''}{len(rows)} rows")
    for line in [columns, *lines]:
        print("  " + "  ".join(field.ljust(width) for field, width in zip(line, widths)).rstrip())


def compare(name, want, got):
    missing, surplus = collections.Counter(want) - collections.Counter(got), collections.Counter(got) - collections.Counter(want)
    if not missing and not surplus:
        print(f"  right: {name} ({len(got)} rows)")
        return True
    print(f"  WRONG: {name}: {len(got)} rows, {len(want)} expected")
    for title, rows in (("missing", missing), ("too many", surplus)):
        for row in sorted(rows, key=str)[:3]:
            print(f"    {title}: {' | '.join(map(text_of, row))}")
    return False


def main(results, expected, description):
    """`results`: name → where it is; `expected(world)`: name → rows."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--bootstrap", default="127.0.0.1:9092")
    parser.add_argument("--http", default="http://127.0.0.1:8080")
    parser.add_argument("--postgres", default="", help="as libpq takes it: host=.. port=.. user=.. dbname=..")
    parser.add_argument("--files", default="", help="the folder ${OUT} of the pipeline")
    parser.add_argument("--show", type=int, default=0, help="print so many rows of each result")
    options = parser.parse_args()
    world = World(options.bootstrap, options.http, options.postgres, options.files)
    want = expected(world)
    got = {name: place.rows(world) for name, place in results.items()}
    if options.show:
        for name, place in results.items():
            show(name, place.columns, got[name], options.show)
        print("\nthe same, computed again from the events without SQL:")
    right = [compare(name, want[name], got[name]) for name in results]
    sys.exit(0 if all(right) else 1)
