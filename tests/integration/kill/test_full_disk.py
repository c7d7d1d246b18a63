"""A disk that is full: the node says so, keeps what it acknowledged, gives room back when it is told to, and goes on by itself when
there is room again. On a small file system of memory, which only root can mount."""
import pytest
import support
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic


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
        assert {error.code() for error in errors} <= {KafkaError._MSG_TIMED_OUT, KafkaError.KAFKA_STORAGE_ERROR, KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT}
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


def fill(node, topic):
    """Until records are refused; how many were taken."""
    producer = Producer({"bootstrap.servers": node.kafka, "acks": "all", "message.timeout.ms": 6000, "queue.buffering.max.kbytes": 400_000})
    taken, errors = [], []
    for _ in range(30_000):
        producer.produce(topic, b"x" * 10_000, on_delivery=lambda error, _: (errors if error else taken).append(error))
        producer.poll(0.01 if len(producer) > 2000 else 0)
        if errors:
            break
    producer.purge()
    producer.flush(60)
    assert errors and {error.code() for error in errors} <= {KafkaError._MSG_TIMED_OUT, KafkaError.KAFKA_STORAGE_ERROR, KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT}
    return len(taken)


def delete_records(admin):
    admin.delete_records([TopicPartition("old", 0, -1)])[TopicPartition("old", 0)].result(20)


def delete_topic(admin):
    admin.delete_topics(["old"])["old"].result(20)


def shorten_retention(admin):
    change = ConfigEntry("retention.bytes", "1", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, "old", incremental_configs=[change])
    admin.incremental_alter_configs([resource])[resource].result(20)


@pytest.mark.parametrize("is_restarted, free", [(False, delete_records), (True, delete_topic)] + support.FULL * [(False, shorten_retention)])
def test_what_frees_a_full_disk_works(is_restarted, free):
    with support.small_disk("300m") as folder:
        ballast = folder / "ballast"
        ballast.write_bytes(b"\0" * (20 << 20))
        node = support.Node(folder, {"memory": "256MB", "journal.checkpoint-interval": "1s", "journal.limit": "64MB"})
        node.start()
        try:
            admin = AdminClient({"bootstrap.servers": node.kafka})
            config = {"segment.bytes": str(10 << 20)}
            for future in admin.create_topics([NewTopic(name, 1, config=config) for name in ("old", "t")]).values():
                future.result(20)
            producer = Producer({"bootstrap.servers": node.kafka, "acks": "all", "queue.buffering.max.kbytes": 400_000})
            for _ in range(10_000):
                producer.produce("old", b"x" * 10_000)
                producer.poll(0)
            assert producer.flush(60) == 0
            assert fill(node, "t") > 0
            if is_restarted:
                node.kill()
                ballast.unlink()  # a start may need 16 MiB for the first file of its journal
                node.start()
            free(admin)

            def takes_more():
                refused = []
                fresh = Producer({"bootstrap.servers": node.kafka, "acks": "all", "message.timeout.ms": 3000})
                fresh.produce("t", b"x", on_delivery=lambda error, _: error and refused.append(error))
                return fresh.flush(10) == 0 and not refused

            support.wait_until(takes_more, "room on the disk", 60)
        finally:
            node.kill()
