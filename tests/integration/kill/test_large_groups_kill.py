"""Groups of thousands of values, thousands of rows under one key of a join (each with the time it was last written, as they have a time to live)
and thousands of rows in one Top-N are stored by what has changed in them: right through kills."""
import json
import os
import random
import time

import support

KILLS = int(os.environ.get("KILL_COUNT", "100" if support.FULL else "6"))
CHANGES = 30_000
REGIONS = ["north", "south"]
UPSERT = "'connector' = 'upsert-kafka', 'topic' = '%s', 'key.format' = 'json', 'value.format' = 'json', 'properties.bootstrap.servers' = '%s'"
SCRIPT = """
SET 'parallelism.default' = '1';
SET 'execution.checkpointing.interval' = '50 ms';
SET 'table.exec.state.ttl' = '1 d';
CREATE TABLE orders (id BIGINT, region STRING, customer BIGINT, amount BIGINT, PRIMARY KEY (id) NOT ENFORCED) WITH (%s);
CREATE TABLE rates (region STRING, rate BIGINT, PRIMARY KEY (region) NOT ENFORCED) WITH (%s);
CREATE TABLE totals (region STRING, orders BIGINT, customers BIGINT, total BIGINT, PRIMARY KEY (region) NOT ENFORCED) WITH (%s);
CREATE TABLE leaders (place BIGINT, customer BIGINT, total BIGINT, PRIMARY KEY (place) NOT ENFORCED) WITH (%s);
INSERT INTO totals SELECT o.region, COUNT(*), COUNT(DISTINCT customer), SUM(amount * rate) FROM orders o JOIN rates r ON o.region = r.region GROUP BY o.region;
INSERT INTO leaders SELECT place, customer, total FROM (
    SELECT customer, total, ROW_NUMBER() OVER (ORDER BY total DESC, customer) AS place FROM (SELECT customer, SUM(amount) AS total FROM orders GROUP BY customer)
) WHERE place <= 20;
"""
TOPICS = ("orders", "rates", "totals", "leaders")


def changes(chance):
    """(topic, key, value or None) one after the other: orders come, change and go; seldom a rate changes. And the tables that they leave."""
    made, orders, rates = [], {}, {}
    for region in REGIONS:
        rates[region] = 1
        made.append(("rates", {"region": region}, {"region": region, "rate": 1}))
    for i in range(CHANGES):
        if i % (CHANGES // 4) == CHANGES // 8:
            region = chance.choice(REGIONS)
            rates[region] += 1
            made.append(("rates", {"region": region}, {"region": region, "rate": rates[region]}))
        order = chance.randrange(CHANGES // 2)
        if order in orders and chance.random() < 0.3:
            del orders[order]
            made.append(("orders", {"id": order}, None))
        else:
            row = {"id": order, "region": chance.choice(REGIONS), "customer": chance.randrange(CHANGES // 4), "amount": chance.randrange(1000)}
            orders[order] = row
            made.append(("orders", {"id": order}, row))
    return made, orders, rates


def newest(bootstrap, topic, key):
    """The newest committed value of each value of a key."""
    from confluent_kafka import Consumer, TopicPartition
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "isolation.level": "read_committed", "auto.offset.reset": "earliest"})
    _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
    consumer.assign([TopicPartition(topic, 0, 0)])
    values, deadline = {}, time.monotonic() + 30
    while time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is None:
            position = consumer.position([TopicPartition(topic, 0)])[0].offset
            if position >= end:
                break
            continue
        assert not message.error(), message.error()
        values[json.loads(message.key())[key]] = message.value() and json.loads(message.value())
    consumer.close()
    return {name: value for name, value in values.items() if value}


def test_large_groups_are_right_through_kills(node):
    from confluent_kafka import Producer
    seed = int(os.environ.get("KILL_SEED", random.randrange(1_000_000)))
    print("seed", seed)
    made, orders, rates = changes(random.Random(seed))
    for topic in TOPICS:
        node.cli("topic", "create", topic, "--partitions", "1")
    jobs = node.submit(SCRIPT % tuple(UPSERT % (topic, node.kafka) for topic in TOPICS))
    begun = 0
    for part in range(KILLS + 1):
        end = len(made) * (part + 1) // (KILLS + 1)
        producer = Producer({"bootstrap.servers": node.kafka})
        for topic, key, value in made[begun:end]:
            producer.produce(topic, key=json.dumps(key), value=value and json.dumps(value), partition=0)
            producer.poll(0)
        assert producer.flush(30) == 0
        begun = end
        if part < KILLS:
            time.sleep(random.random() * 0.4)
            node.kill()
            node.start()

    expected = {}
    for region in REGIONS:
        own = [row for row in orders.values() if row["region"] == region]
        expected[region] = {"region": region, "orders": len(own), "customers": len({row["customer"] for row in own}),
                            "total": sum(row["amount"] for row in own) * rates[region]}
    assert all(row["orders"] > 2000 for row in expected.values())
    sums = {}
    for row in orders.values():
        sums[row["customer"]] = sums.get(row["customer"], 0) + row["amount"]
    assert len(sums) > 2000
    best = sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:20]
    leaders = {place: {"place": place, "customer": customer, "total": total} for place, (customer, total) in enumerate(best, 1)}
    try:
        support.wait_until(lambda: newest(node.kafka, "totals", "region") == expected, "the totals", 90)
        support.wait_until(lambda: newest(node.kafka, "leaders", "place") == leaders, "the leaders", 90)
    finally:
        print(expected, newest(node.kafka, "totals", "region"), newest(node.kafka, "leaders", "place"), [node.api(f"/jobs/{job}")["state"] for job in jobs])
