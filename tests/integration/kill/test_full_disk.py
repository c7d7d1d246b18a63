"""A disk that is full: the node says so, keeps what it acknowledged, and goes on by itself when there is room again. On a
small file system of memory, which only root can mount."""
import pytest
import support
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition


@pytest.fixture
def small_disk():
    with support.small_disk("200m") as folder:
        yield folder


def produce(producer, numbers, acknowledged):
    """Produces the numbers, 10 KB each; the errors. What is acknowledged is added to the list."""
    errors = []

    def on_delivery(error, message):
        if error is None:
            acknowledged.append(int(message.key()))
        else:
            errors.append(error)

    for number in numbers:
        producer.produce("t", b"x" * 10_000, str(number).encode(), on_delivery=on_delivery)
        producer.poll(0)
    producer.flush(60)
    return errors


def read_all(address):
    consumer = Consumer({"bootstrap.servers": address, "group.id": "g", "enable.auto.commit": False})
    consumer.assign([TopicPartition("t", 0, 0)])
    end = consumer.get_watermark_offsets(TopicPartition("t", 0), 10)[1]
    keys = []
    while not keys or len(keys) < end:
        for message in consumer.consume(1000, 1):
            assert message.error() is None, message.error()
            keys.append(int(message.key()))
    consumer.close()
    return keys


def test_a_full_disk_is_told_and_passes(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * (70 << 20))
    node = support.Node(small_disk, {"memory": "256MB"})
    node.start()
    try:
        producer = Producer({"bootstrap.servers": node.kafka, "acks": "all", "enable.idempotence": True, "message.timeout.ms": 6000,
                             "queue.buffering.max.kbytes": 400_000})
        acknowledged = []
        errors = produce(producer, range(15_000), acknowledged)  # 150 MB into what is left of 200
        assert errors and acknowledged
        assert {error.code() for error in errors} <= {KafkaError._MSG_TIMED_OUT, KafkaError.KAFKA_STORAGE_ERROR, KafkaError._PURGE_QUEUE}
        events = "".join('"' + "x" * 900_000 + '"\n' for _ in range(15))  # more than the journal's rest takes
        status, text = node.call("/v1/topics/t/events", "POST", events, "application/x-ndjson", timeout=60)
        assert status == 507 and "No space left on device" in text, text
        assert node.call("/healthz")[0] == 200 and node.running()
        assert set(acknowledged) <= set(read_all(node.kafka))

        ballast.unlink()
        more = []
        fresh = Producer({"bootstrap.servers": node.kafka, "acks": "all", "message.timeout.ms": 20_000})
        assert produce(fresh, range(100_000, 100_100), more) == []
        node.stop()
        node.start()
        keys = read_all(node.kafka)
        assert set(acknowledged) | set(more) <= set(keys)
        kept = [key for key in keys if key in set(acknowledged)]
        assert kept == sorted(kept) and len(kept) == len(set(kept))
    finally:
        node.kill()
