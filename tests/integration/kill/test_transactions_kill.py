"""Kill -9 of the node while a copier moves records from one topic to another, each batch and its offsets in a transaction, some
aborted. Afterwards the target holds every record once, in order, for committed readers. KILL_COUNT and KILL_SEED override."""
import os
import random
import threading
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import support

KILLS = int(os.environ.get("KILL_COUNT", "60" if support.FULL else "8"))
PARTITIONS = 2
# librdkafka 2.16 gives up its brokers when all are down, but keeps one of them as the group's coordinator and waits for it for ever.
KEEPS_BROKERS = {"metadata.recovery.strategy": "none", "reconnect.backoff.max.ms": 200, "retry.backoff.ms": 50}


def insist(call):
    """Calls again as long as the client says that this may help."""
    while True:
        try:
            return call()
        except KafkaException as refused:
            if not refused.args[0].retriable():
                raise


class Copier:
    def __init__(self, bootstrap, seed):
        self.bootstrap, self.random = bootstrap, random.Random(seed)
        self.commits = self.aborts = self.restarts = 0
        self.failure = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        try:
            while not self.stopping.is_set():
                self.live()
                self.restarts += 1
        except Exception as error:  # handed to the test's thread
            self.failure = error

    def live(self):
        """One life of a copier: until its producer is told that it is no more, or the end."""
        producer = Producer({"bootstrap.servers": self.bootstrap, "transactional.id": "copier", "transaction.timeout.ms": 20000,
                             "linger.ms": 0, **KEEPS_BROKERS})
        insist(lambda: producer.init_transactions(30))
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "copier", "enable.auto.commit": False,
                             "isolation.level": "read_committed", "auto.offset.reset": "earliest", **KEEPS_BROKERS})
        positions = {}

        def rewind():
            wanted = [TopicPartition("source", p) for p in range(PARTITIONS)]
            for found in insist(lambda: consumer.committed(wanted, 30)):
                positions[found.partition] = max(found.offset, 0)
            consumer.assign([TopicPartition("source", p, offset) for p, offset in positions.items()])
        rewind()
        while not self.stopping.is_set():
            messages = [m for m in consumer.consume(self.random.randrange(1, 40), 0.2) if not m.error()]
            if not messages:
                continue
            try:
                producer.begin_transaction()
                for message in messages:
                    producer.produce("target", message.value(), partition=message.partition())
                    positions[message.partition()] = message.offset() + 1
                offsets = [TopicPartition("source", p, offset) for p, offset in positions.items()]
                insist(lambda: producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), 30))
                if self.random.random() < 0.2:
                    producer.flush(30)
                    insist(lambda: producer.abort_transaction(30))
                    self.aborts += 1
                    rewind()
                    continue
                insist(lambda: producer.commit_transaction(30))
                self.commits += 1
            except KafkaException as refused:
                if not refused.args[0].txn_requires_abort():
                    break  # fenced by a timeout, most likely
                insist(lambda: producer.abort_transaction(30))
                rewind()
        consumer.close()


def read(bootstrap, topic, isolation):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "check", "enable.auto.commit": False,
                         "isolation.level": isolation, "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, p, 0) for p in range(PARTITIONS)])
    values, ended = {p: [] for p in range(PARTITIONS)}, set()
    while len(ended) < PARTITIONS:
        for message in consumer.consume(500, 0.2):
            if message.error():
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                ended.add(message.partition())
            else:
                values[message.partition()].append(int(message.value()))
    consumer.close()
    return values


def test_transactions_through_kills(node):
    seed = int(os.environ.get("KILL_SEED", random.randrange(1 << 20)))
    moments = random.Random(seed)
    admin = AdminClient({"bootstrap.servers": node.kafka})
    for created in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in ("source", "target")]).values():
        created.result(10)
    copier = Copier(node.kafka, seed)
    copier.thread.start()
    source = Producer({"bootstrap.servers": node.kafka, "enable.idempotence": True, **KEEPS_BROKERS})
    sent = 0
    for _ in range(KILLS):
        before, end = copier.commits, time.monotonic() + moments.random()
        while time.monotonic() < end:
            source.produce("source", str(sent), partition=sent % PARTITIONS)
            source.poll(0)
            sent += 1
            time.sleep(0.002)
        node.kill()
        node.start()
        support.wait_until(lambda: copier.failure or copier.commits > before, f"a commit, seed {seed}", 60)
    assert source.flush(60) == 0
    copied = lambda: sum(map(len, read(node.kafka, "target", "read_committed").values())) >= sent
    support.wait_until(lambda: copier.failure or copied(), f"all records, seed {seed}", 120)
    copier.stopping.set()
    copier.thread.join(60)
    assert copier.failure is None
    expected = {p: list(range(p, sent, PARTITIONS)) for p in range(PARTITIONS)}
    assert read(node.kafka, "source", "read_committed") == expected
    assert read(node.kafka, "target", "read_committed") == expected, f"seed {seed}"
    print(f"seed {seed}: {KILLS} kills, {sent} records, {copier.commits} commits, {copier.aborts} aborts, {copier.restarts} restarts")
