"""Batches that are small as they come and enormous when they are unpacked: whoever must look into one gets an error, and the node keeps its memory."""
import json
import re

import confluent_kafka
import confluent_kafka.admin
import pytest

CODECS = ("gzip", "zstd", "lz4")
PLAIN_BYTES = 300_000_000  # more than twice what is unpacked at most


def send(node, topic, codec):
    """The error code, if there is one."""
    errors = []
    producer = confluent_kafka.Producer({"bootstrap.servers": node.kafka, "compression.type": codec, "message.max.bytes": 1_000_000_000, "linger.ms": 0,
                                         "queue.buffering.max.kbytes": 2_000_000, "message.timeout.ms": 120_000})
    producer.produce(topic, bytes(PLAIN_BYTES), b"key", on_delivery=lambda error, _: errors.append(error and error.code()))
    assert producer.flush(120) == 0
    return errors[0]


def peak_mb(node):
    with open(f"/proc/{node.process.pid}/status") as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read())[1]) / 1024


@pytest.mark.parametrize("codec", CODECS)
def test_a_bomb_does_no_harm(node, codec):
    configs = {"plain": {"max.message.bytes": "5000000"}, "compacted": {"max.message.bytes": "5000000", "cleanup.policy": "compact"},
               "anew": {"max.message.bytes": "5000000", "compression.type": "snappy"}}
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": node.kafka})
    for made in admin.create_topics([confluent_kafka.admin.NewTopic(name, 1, 1, config=config) for name, config in configs.items()]).values():
        made.result(30)
    assert send(node, "plain", codec) is None  # nobody looks into it
    for topic in ("compacted", "anew"):
        assert send(node, topic, codec) in (confluent_kafka.KafkaError.INVALID_RECORD, confluent_kafka.KafkaError.INVALID_MSG), topic
    status, text = node.call("/v1/topics/plain/events?from=0:0&limit=1")
    assert status >= 400 and "error" in json.loads(text), text[:500]
    assert node.api("/topics/plain")["partitions"][0]["high_watermark"] == 1
    assert node.api("/topics/anew")["partitions"][0]["high_watermark"] == 0
    assert peak_mb(node) < 512
