"""Kill -9 of the node under three loads together: an idempotent producer fills a topic, a copier moves its records to another one,
each batch and its offsets in a transaction, some aborted, and the members of a group read it, commit, come and go. Afterwards both
topics hold every record once, in order, for committed readers; the group has seen every record, and what it committed never went
back. Short tier: 8 kills; full: 500. KILL_COUNT and KILL_SEED override."""
import collections
import os
import random
import threading
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import support

KILLS = int(os.environ.get("KILL_COUNT", "500" if support.FULL else "8"))
PARTITIONS = 2
MEMBERS = 3  # one more than partitions, so that there is always one without any
# librdkafka 2.16 gives up its brokers when all are down, but keeps one of them as the group's coordinator and waits for it for ever.
KEEPS_BROKERS = {"metadata.recovery.strategy": "none", "reconnect.backoff.max.ms": 200, "retry.backoff.ms": 50}

# Of a commit: its member was too late, a rebalance goes on, or the node was killed meanwhile.
REFUSALS = {KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS, KafkaError.UNKNOWN_MEMBER_ID, KafkaError._TIMED_OUT,
            KafkaError._TRANSPORT, KafkaError._WAIT_COORD, KafkaError._ASSIGNMENT_LOST, KafkaError._STATE}


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


class Group:
    """Members that read `source`, each in a thread of its own, and what they know together."""

    def __init__(self, bootstrap, seed):
        self.bootstrap, self.failure, self.counts = bootstrap, None, collections.Counter()
        self.seen = {p: set() for p in range(PARTITIONS)}  # offsets
        self.committed = collections.Counter()  # the greatest acknowledged, by partition
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(random.Random(seed + i),), daemon=True) for i in range(MEMBERS)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)

    def run(self, rng):
        try:
            while not self.stopping.is_set():
                self.live(rng)
        except Exception as error:  # handed to the test's thread
            self.failure = error

    def live(self, rng):
        """One life of a member: until it leaves."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "members", "enable.auto.commit": False,
                             "session.timeout.ms": 6000, "heartbeat.interval.ms": 500, "auto.offset.reset": "earliest",
                             "isolation.level": "read_committed", **KEEPS_BROKERS})
        due, from_least = {}, {}  # the next offset; where a new assignment must begin, at least

        def on_assign(_, partitions):
            self.counts["assignments"] += 1
            due.clear()
            from_least.update({p.partition: self.committed[p.partition] for p in partitions})
        consumer.subscribe(["source"], on_assign=on_assign)
        turns = rng.randrange(20, 200)
        while turns > 0 and not self.stopping.is_set():
            turns -= 1
            messages = [m for m in consumer.consume(rng.randrange(1, 100), 0.2) if not m.error()]
            for message in messages:
                partition, offset = message.partition(), message.offset()
                assert offset == due.get(partition, offset), f"partition {partition}: {offset} instead of {due[partition]}"
                assert offset >= from_least[partition], f"partition {partition}: {offset}, {from_least[partition]} was committed"
                due[partition] = offset + 1
                self.seen[partition].add(offset)
            if messages and rng.random() < 0.5:
                self.commit(consumer, {m.partition(): due[m.partition()] for m in messages})
        consumer.close()
        self.counts["lives"] += 1

    def commit(self, consumer, offsets):
        """What is refused is read again, by this member or another one."""
        try:
            wanted = [TopicPartition("source", p, offset) for p, offset in offsets.items()]
            for kept in consumer.commit(offsets=wanted, asynchronous=False):
                assert not kept.error, kept.error
                self.committed[kept.partition] = max(self.committed[kept.partition], kept.offset)
                self.counts["commits"] += 1
        except KafkaException as refused:
            self.counts["commits refused"] += 1
            assert refused.args[0].code() in REFUSALS or refused.args[0].retriable(), refused


def committed_of_group(bootstrap):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "members", **KEEPS_BROKERS})
    wanted = [TopicPartition("source", p) for p in range(PARTITIONS)]
    found = {one.partition: one.offset for one in insist(lambda: consumer.committed(wanted, 30))}
    consumer.close()
    return found


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


def test_clients_through_kills(node):
    seed = int(os.environ.get("KILL_SEED", random.randrange(1 << 20)))
    moments = random.Random(seed)
    admin = AdminClient({"bootstrap.servers": node.kafka})
    for created in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in ("source", "target")]).values():
        created.result(10)
    copier, group = Copier(node.kafka, seed), Group(node.kafka, seed)
    copier.thread.start()
    group.start()
    source = Producer({"bootstrap.servers": node.kafka, "enable.idempotence": True, "linger.ms": 0, **KEEPS_BROKERS})
    sent = 0

    def failure():
        return copier.failure or group.failure
    for _ in range(KILLS):
        before, end = copier.commits, time.monotonic() + moments.random()
        while time.monotonic() < end:
            source.produce("source", str(sent), partition=sent % PARTITIONS)
            source.poll(0)
            sent += 1
            time.sleep(0.002)
        node.kill()
        node.start()
        support.wait_until(lambda: failure() or copier.commits > before, f"a commit, seed {seed}", 60)
        assert not failure(), f"seed {seed}: {failure()!r}"
    assert source.flush(60) == 0
    expected = {p: list(range(p, sent, PARTITIONS)) for p in range(PARTITIONS)}
    support.wait_until(lambda: failure() or read(node.kafka, "target", "read_committed") == expected, f"all copies, seed {seed}", 120)
    offsets = {p: set(range(len(expected[p]))) for p in range(PARTITIONS)}
    support.wait_until(lambda: failure() or group.seen == offsets, f"the group to see all records, seed {seed}", 60)
    copier.stopping.set()
    copier.thread.join(60)
    group.stop()
    assert failure() is None, f"seed {seed}: {failure()!r}"
    assert read(node.kafka, "source", "read_committed") == expected
    assert read(node.kafka, "target", "read_committed") == expected, f"seed {seed}"
    committed = committed_of_group(node.kafka)
    for p in range(PARTITIONS):
        assert group.committed[p] <= committed[p] <= len(expected[p]), f"seed {seed}: partition {p} is committed up to {committed[p]}"
    assert group.counts["commits"] > 0
    print(f"seed {seed}: {KILLS} kills, {sent} records, {copier.commits} commits, {copier.aborts} aborts, {copier.restarts} restarts; "
          f"group: {dict(group.counts)}")
