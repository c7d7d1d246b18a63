"""A bounded table that was read to its end has ended, after a restart too: what is behind it may have acted on that."""
import json
import os

import support

SCRIPT = """
SET 'execution.checkpointing.interval' = '50 ms';
CREATE TABLE people (id BIGINT, name STRING) WITH ('connector' = 'filesystem', 'path' = '{folder}', 'format' = 'json');
CREATE TABLE clicks (id BIGINT) WITH ('connector' = 'kafka', 'topic' = 'clicks', 'properties.bootstrap.servers' = '{kafka}', 'format' = 'json',
  'scan.startup.mode' = 'earliest-offset');
CREATE TABLE named (id BIGINT, name STRING) WITH ('connector' = 'kafka', 'topic' = 'named', 'properties.bootstrap.servers' = '{kafka}', 'format' = 'json');
INSERT INTO named SELECT c.id, p.name FROM clicks c JOIN people p ON c.id = p.id;
"""


def write(folder, name, rows):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.writelines(json.dumps({"id": id, "name": text}) + "\n" for id, text in rows)


def test_files_that_come_later_are_not_read_after_a_restart(node, tmp_path):
    from confluent_kafka import Consumer, Producer, TopicPartition
    folder = str(tmp_path / "people")
    os.makedirs(folder)
    write(folder, "a.json", [(1, "Ada"), (2, "Bob")])
    for topic in ("clicks", "named"):
        node.cli("topic", "create", topic, "--partitions", "1")
    node.submit(SCRIPT.format(folder=folder, kafka=node.kafka))

    def click(*ids):
        producer = Producer({"bootstrap.servers": node.kafka})
        for id in ids:
            producer.produce("clicks", json.dumps({"id": id}), partition=0)
        assert producer.flush(30) == 0

    def named():
        consumer = Consumer({"bootstrap.servers": node.kafka, "group.id": "reader", "isolation.level": "read_committed"})
        consumer.assign([TopicPartition("named", 0, 0)])
        rows = []
        while (message := consumer.poll(1.0)) is not None:
            rows.append(json.loads(message.value())["name"])
        consumer.close()
        return rows

    click(1)
    support.wait_until(lambda: named() == ["Ada"], "the first row", 60)
    node.kill()
    write(folder, "b.json", [(3, "Cleo")])
    node.start()
    click(3, 2)
    support.wait_until(lambda: named() == ["Ada", "Bob"], "the second row", 60)
