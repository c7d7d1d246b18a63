"""Reads whole topics as a committed reader sees them."""
import time
import uuid

from confluent_kafka import Consumer, KafkaError, TopicPartition


def read_committed(bootstrap, topic, partitions, seconds=30):
    """(key, value) of every record from the start to the last stable offset, partition by partition in order."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": uuid.uuid4().hex, "enable.auto.commit": False,
                         "isolation.level": "read_committed", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
    found, ended, end = [[] for _ in range(partitions)], set(), time.monotonic() + seconds
    try:
        while len(ended) < partitions:
            assert time.monotonic() < end, f"no end of {topic} after {seconds} s"
            message = consumer.poll(0.2)
            if message is None:
                continue
            if not message.error():
                found[message.partition()].append((message.key(), message.value()))
                continue
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            ended.add(message.partition())
    finally:
        consumer.close()
    return [record for partition in found for record in partition]
