"""aiokafka, unmodified: transactions that copy with their offsets, and a group whose members come and go."""
import asyncio
import uuid

from reading import read_committed
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import ProducerFenced


def fresh(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


async def copy_in_transactions(node, source, target, group):
    plain = AIOKafkaProducer(bootstrap_servers=node.kafka, enable_idempotence=True, compression_type="gzip")
    await plain.start()
    for i in range(300):
        await plain.send(source, str(i).encode(), partition=i % 2)
    await plain.stop()
    consumer = AIOKafkaConsumer(source, bootstrap_servers=node.kafka, group_id=group, enable_auto_commit=False,
                                isolation_level="read_committed", auto_offset_reset="earliest", max_poll_records=40)
    producer = AIOKafkaProducer(bootstrap_servers=node.kafka, transactional_id=fresh("id"))
    await consumer.start()
    await producer.start()
    copied, turn = 0, 0
    while copied < 300:
        batches = await consumer.getmany(timeout_ms=500)
        if not batches:
            continue
        turn += 1
        await producer.begin_transaction()
        for partition, messages in batches.items():
            for message in messages:
                await producer.send(target, message.value)
        offsets = {partition: messages[-1].offset + 1 for partition, messages in batches.items()}
        await producer.send_offsets_to_transaction(offsets, group)
        if turn % 3 == 0:
            await producer.abort_transaction()
            for partition in batches:
                committed = await consumer.committed(partition)
                consumer.seek(partition, committed or 0)
            continue
        await producer.commit_transaction()
        copied += sum(len(messages) for messages in batches.values())
    committed = [await consumer.committed(TopicPartition(source, p)) for p in (0, 1)]
    await consumer.stop()
    await producer.stop()
    return turn, committed


def test_aiokafka_copies_in_transactions(shared_node):
    source, target, group = fresh("source"), fresh("target"), fresh("g")
    shared_node.cli("topic", "create", source, "-p", "2")
    shared_node.cli("topic", "create", target)
    turns, committed = asyncio.run(copy_in_transactions(shared_node, source, target, group))
    assert turns > 3 and committed == [150, 150]
    assert sorted(int(value) for _, value in read_committed(shared_node.kafka, target, 1)) == list(range(300))


async def fence(node, topic):
    name = fresh("id")
    first, second = (AIOKafkaProducer(bootstrap_servers=node.kafka, transactional_id=name) for _ in range(2))
    await first.start()
    await first.begin_transaction()
    await first.send_and_wait(topic, b"first")
    await second.start()
    async with second.transaction():
        await second.send(topic, b"second")
    fenced = False
    try:
        await first.commit_transaction()
    except ProducerFenced:
        fenced = True
    await first.stop()
    await second.stop()
    return fenced


def test_aiokafka_fences_a_zombie(shared_node):
    topic = fresh("t")
    shared_node.cli("topic", "create", topic)
    assert asyncio.run(fence(shared_node, topic))
    assert [value for _, value in read_committed(shared_node.kafka, topic, 1)] == [b"second"]


class Listener(ConsumerRebalanceListener):
    def __init__(self):
        self.assigned = []

    async def on_partitions_revoked(self, revoked):
        pass

    async def on_partitions_assigned(self, assigned):
        self.assigned = sorted(p.partition for p in assigned)


async def share(node, topic, group):
    """Members come one by one, then one leaves: who has how much each time."""
    consumers, listeners, shares = [], [], []

    async def settle(sizes):
        async def settled():
            while sorted(len(each.assigned) for each in listeners) != sizes:
                await asyncio.sleep(0.05)
        await asyncio.wait_for(settled(), 30)
        shares.append(sorted(partition for each in listeners for partition in each.assigned))
    for sizes in ([6], [3, 3], [2, 2, 2]):
        consumer, listener = AIOKafkaConsumer(bootstrap_servers=node.kafka, group_id=group, heartbeat_interval_ms=300), Listener()
        consumer.subscribe([topic], listener=listener)
        await consumer.start()
        consumers.append(consumer)
        listeners.append(listener)
        await settle(sizes)
    await consumers.pop(0).stop()
    listeners.pop(0)
    await settle([3, 3])
    for consumer in consumers:
        await consumer.stop()
    return shares


def test_aiokafka_members_share_the_partitions(shared_node):
    topic = fresh("t")
    shared_node.cli("topic", "create", topic, "-p", "6")
    assert asyncio.run(share(shared_node, topic, fresh("g"))) == 4 * [list(range(6))]
