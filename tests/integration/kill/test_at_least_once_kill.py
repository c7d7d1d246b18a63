"""'sink.delivery-guarantee' = 'at-least-once': rows are seen at once, not with the checkpoint, and none is lost when the node is killed."""
import json
import os
import random
import time

import support

KILLS = int(os.environ.get("KILL_COUNT", "20" if support.FULL else "4"))
KAFKA = "'connector' = 'kafka', 'topic' = '%s', 'format' = 'json', 'properties.bootstrap.servers' = '%s', 'scan.startup.mode' = 'earliest-offset'"
SCRIPT = """
SET 'parallelism.default' = '2';
SET 'execution.checkpointing.interval' = '%s';
CREATE TABLE clicks (id BIGINT) WITH (%s);
CREATE TABLE doubled (id BIGINT, twice BIGINT) WITH (%s, 'sink.delivery-guarantee' = 'at-least-once');
INSERT INTO doubled SELECT id, id * 2 FROM clicks;
"""


def produce(node, ids):
    from confluent_kafka import Producer
    producer = Producer({"bootstrap.servers": node.kafka, "enable.idempotence": True})
    for i in ids:
        producer.produce("clicks", json.dumps({"id": i}), key=str(i))
    assert producer.flush(30) == 0


def consume(node):
    """Everything that is in the topic now."""
    from confluent_kafka import Consumer, TopicPartition
    consumer = Consumer({"bootstrap.servers": node.kafka, "group.id": "reader", "enable.auto.commit": False})
    rows = []
    try:
        known = consumer.list_topics("doubled", timeout=10).topics["doubled"].partitions
        for number in known:
            first, end = consumer.get_watermark_offsets(TopicPartition("doubled", number), timeout=10)
            consumer.assign([TopicPartition("doubled", number, first)])
            while end > first:
                message = consumer.poll(10)
                assert message is not None and not message.error(), message
                rows.append(json.loads(message.value()))
                if message.offset() + 1 >= end:
                    break
    finally:
        consumer.close()
    return rows


def submit(node, interval):
    node.cli("topic", "create", "clicks", "--partitions", "2")
    return node.submit(SCRIPT % (interval, KAFKA % ("clicks", node.kafka), KAFKA % ("doubled", node.kafka)))[0]


def test_rows_are_seen_long_before_the_checkpoint(node):
    job = submit(node, "1 h")
    produce(node, range(100))
    support.wait_until(lambda: len(consume(node)) >= 100, "the rows", 20)
    assert sorted(row["id"] for row in consume(node)) == list(range(100))
    described = node.api(f"/jobs/{job}")
    assert described["sinks"][0]["guarantee"].startswith("at least once"), described["sinks"]


def test_kills_lose_nothing(node):
    chance = random.Random(seed := time.time_ns() % 1_000_000)
    print(f"KILL_SEED={seed}")
    submit(node, "100 ms")
    sent = 0
    for _ in range(KILLS):
        produce(node, range(sent, sent + 500))
        sent += 500
        time.sleep(chance.uniform(0, 0.5))
        node.kill()
        node.start()
    support.wait_until(lambda: len({row["id"] for row in consume(node)}) == sent, "every row", 40)
    rows = consume(node)
    assert all(row["twice"] == 2 * row["id"] for row in rows)
    print(f"{sent} rows, {len(rows) - sent} of them again")
