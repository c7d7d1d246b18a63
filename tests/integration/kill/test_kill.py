"""Kill -9 of the node while an idempotent producer writes with acks=all and a query writes to PostgreSQL and to a topic.
Afterwards: no acknowledged record lost, none twice, order kept per partition, and both outputs equal what the input says.
Half of the kills come at random moments, the others at named ones: a flush of the journal, a segment's roll, a checkpoint's commit, a sink's
flush, right before and right after COMMIT at the database. Each is counted, and fails the test when the node does not come to it or ends in
another way. Short tier: 24 kills, 2 at each of these; full: 200, 16 at each. KILL_COUNT and KILL_SEED override."""
import collections
import json
import os
import random
import threading
import time

from confluent_kafka import Consumer, Producer, TopicPartition

import support

# And how many times it may come there before it dies.
CRASH_POINTS = {"journal.flush": 11, "segment.roll": 1, "checkpoint.commit": 11, "sink.flush": 8, "sink.commit": 5, "sink.committed": 5}
KILLS = int(os.environ.get("KILL_COUNT", "200" if support.FULL else "24"))
PARTITIONS = 3
KEYS = 50

TABLES = """
CREATE TABLE orders (k STRING, amount BIGINT, n BIGINT) WITH ('connector' = 'kafka', 'topic' = 'orders',
  'properties.bootstrap.servers' = '{kafka}', 'scan.startup.mode' = 'earliest-offset', 'format' = 'json');
CREATE TABLE totals (k STRING, c BIGINT, s BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'jdbc',
  'url' = '{url}', 'table-name' = '{totals}', 'username' = 'postgres');
CREATE TABLE doubled (k STRING, n BIGINT, d BIGINT) WITH ('connector' = 'kafka', 'topic' = 'doubled',
  'properties.bootstrap.servers' = '{kafka}', 'format' = 'json');
"""
INSERTS = """
INSERT INTO totals SELECT k, COUNT(*), SUM(amount) FROM orders GROUP BY k;
INSERT INTO doubled SELECT k, n, amount * 2 FROM orders;
"""

SCRIPT = f"""{TABLES}
SET 'execution.checkpointing.interval' = '200 ms';
EXECUTE STATEMENT SET BEGIN
{INSERTS}
END;
"""


class Load:
    """An idempotent producer that counts what was acknowledged; goes on through restarts of the node."""

    def __init__(self, bootstrap, seed):
        self.producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "acks": "all", "linger.ms": 2,
                                  "message.timeout.ms": 120000, "reconnect.backoff.max.ms": 200, "retry.backoff.ms": 50,
                                  "socket.timeout.ms": 5000})
        self.random, self.acknowledged, self.failed, self.sent = random.Random(seed), [], [], 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def on_delivery(self, error, message):
        (self.failed if error else self.acknowledged).append(int(json.loads(message.value())["n"]) if not error else str(error))

    def run(self):
        while not self.stopping.is_set():
            key = f"k{self.random.randrange(KEYS)}"
            value = json.dumps({"k": key, "amount": self.random.randrange(100), "n": self.sent, "padding": "x" * 500})
            try:
                self.producer.produce("orders", value, key, on_delivery=self.on_delivery)
                self.sent += 1
            except BufferError:
                pass
            self.producer.poll(0)
            if self.sent % 20 == 0:
                time.sleep(0.005)  # a few thousand a second: the checker reads all of it again
        self.producer.flush(120)


def read_topic(bootstrap, topic):
    """All records of a topic, by partition, as (offset, value)."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "checker", "enable.auto.commit": False})
    result = {}
    partitions = consumer.list_topics(topic, 10).topics[topic].partitions
    for partition in partitions:
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), 10)
        consumer.assign([TopicPartition(topic, partition, 0)])
        records = []
        while not records or records[-1][0] < end - 1:
            if end == 0:
                break
            message = consumer.poll(10)
            assert message is not None and not message.error(), f"{topic}/{partition}: {message and message.error()}"
            records.append((message.offset(), json.loads(message.value())))
        result[partition] = records
    consumer.close()
    return result


def check(node, postgres, load):
    assert not load.failed, load.failed[:3]
    orders = read_topic(node.kafka, "orders")
    seen = collections.Counter(value["n"] for records in orders.values() for _, value in records)
    assert all(count == 1 for count in seen.values()), f"twice: {[n for n, c in seen.items() if c > 1][:5]}"
    missing = set(load.acknowledged) - set(seen)
    assert not missing, f"{len(missing)} acknowledged records lost: {sorted(missing)[:5]}"
    for partition, records in orders.items():
        offsets = [offset for offset, _ in records]
        assert offsets == list(range(len(offsets))), f"partition {partition}: gaps in the offsets"
        numbers = [value["n"] for _, value in records]
        assert numbers == sorted(numbers), f"partition {partition}: order not kept"

    count, total = collections.Counter(), collections.Counter()
    for records in orders.values():
        for _, value in records:
            count[value["k"]] += 1
            total[value["k"]] += value["amount"]
    expected = sorted((k, count[k], total[k]) for k in count)

    def delivered():
        return sorted(postgres.query("SELECT k, c, s FROM totals")) == expected
    try:
        support.wait_until(delivered, "PostgreSQL to hold every order once", 60)
    except AssertionError:
        got = sorted(postgres.query("SELECT k, c, s FROM totals"))
        raise AssertionError(f"PostgreSQL differs: {[pair for pair in zip(got, expected) if pair[0] != pair[1]][:3]} "
                             f"{len(got)} of {len(expected)} keys\n" + node.log_tail())

    def copied():
        return sum(len(r) for r in read_topic(node.kafka, "doubled").values()) >= len(seen)
    support.wait_until(copied, "the output topic to hold every order", 60)
    doubled = collections.Counter(value["n"] for records in read_topic(node.kafka, "doubled").values() for _, value in records)
    assert doubled == seen, "the output topic differs from the input"
    for partition, records in read_topic(node.kafka, "doubled").items():
        newest = {}
        for offset, value in records:
            assert newest.get(value["k"], -1) < value["n"], f"doubled/{partition}, offset {offset}: the order of {value['k']} is not kept"
            newest[value["k"]] = value["n"]


def test_nothing_is_lost_or_doubled_by_kills(tmp_path, postgres):
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))
    print(f"KILL_SEED={seed}")
    rng = random.Random(seed)
    postgres.query("DROP TABLE IF EXISTS totals")
    postgres.query("DROP TABLE IF EXISTS mainstem_delivery")
    postgres.query("CREATE TABLE totals (k TEXT PRIMARY KEY, c BIGINT, s BIGINT)")
    node = support.Node(tmp_path, {"sql.parallelism": "2", "journal.checkpoint-interval": "300ms"})
    node.start()
    # Small segments, so that rolls happen often.
    node.api("/topics", "POST", {"name": "orders", "partitions": PARTITIONS, "config": {"segment.bytes": "1048576"}})
    node.api("/topics", "POST", {"name": "doubled", "partitions": PARTITIONS, "config": {"segment.bytes": "1048576"}})
    node.submit(SCRIPT.format(kafka=node.kafka, url=postgres.jdbc_url, totals="totals"))
    load = Load(node.kafka, seed)
    load.thread.start()
    hits = collections.Counter()
    try:
        for number in range(KILLS):
            point = list(CRASH_POINTS)[number // 2 % len(CRASH_POINTS)] if number % 2 else None
            node.kill()
            if point:
                node.start(crash_point=f"{point}:{rng.randint(1, CRASH_POINTS[point])}")
                node.wait_for_crash()
                hits[point] += 1
            else:
                node.start()
                time.sleep(rng.uniform(0.05, 0.8))
                node.kill()
                hits["random"] += 1
            node.start()
        progress = len(load.acknowledged)
        support.wait_until(lambda: len(load.acknowledged) > progress, "the producer to go on", 60)
    finally:
        load.stopping.set()
        load.thread.join(150)
    print(f"kills: {dict(hits)}; {len(load.acknowledged)} acknowledged of {load.sent} sent")
    check(node, postgres, load)
    assert load.acknowledged, "nothing was acknowledged at all"
    due = 10 if support.FULL else 1
    for point in CRASH_POINTS:
        assert hits[point] >= due or "KILL_COUNT" in os.environ, f"{point} was hit {hits[point]} times, at least {due} were due"
    node.kill()


def test_a_clean_stop_ends_soon_and_the_next_start_resumes(node):
    node.api("/topics", "POST", {"name": "a"})
    node.call("/v1/topics/a/events", "POST", '{"x": 1}')
    node.stop()
    node.start()
    assert node.api("/topics/a")["partitions"][0]["high_watermark"] == 1
