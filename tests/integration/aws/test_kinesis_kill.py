"""Kill -9 of the node while writers put records, half of the kills at a flush of the journal. Afterwards every record that was
answered is where the answer said, each writer's records are in order in every shard, and Kafka sees the same records. The same while
the stream is scaled up and down and a subscriber is pushed its records: then the lineage of shards gives every record in order.
Short tier: 8 kills each; full: 104. KILL_COUNT and KILL_SEED override."""
import random
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError
from confluent_kafka import Consumer, TopicPartition

import kinesis_client
from kill_loop import KILLS, PatientWriter, kill_again_and_again, seeded, stop_when_they_write
import support

SHARDS = 3
WRITERS = 2


def client_of(node):
    return kinesis_client.client_of(node, region="us-east-1", retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=2,
                                    read_timeout=10)


class Writer(PatientWriter):
    """Puts numbered records, remembers where they went as far as that was answered."""

    def __init__(self, node, name, seed, keys=50):
        super().__init__(name)
        self.client, self.random, self.keys = client_of(node), random.Random(f"{seed}/{name}"), keys

    def key(self):
        return f"k{self.random.randrange(self.keys)}" if self.keys else self.name

    def put(self):
        count = self.random.choice((1, 10, 200))
        records = [{"Data": f"{self.name}:{self.sent + i}:".encode() + b"x" * 200, "PartitionKey": self.key()}
                   for i in range(count)]
        self.sent += count
        answers = self.client.put_records(StreamName="killed", Records=records)["Records"]
        self.answered += [(answer["ShardId"], answer["SequenceNumber"], record["Data"])
                          for record, answer in zip(records, answers) if "SequenceNumber" in answer]


def read_all(client, shard):
    records = []
    position = client.get_shard_iterator(StreamName="killed", ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    while position:
        page = client.get_records(ShardIterator=position)
        records += page["Records"]
        if page["MillisBehindLatest"] == 0:
            return records
        position = page.get("NextShardIterator")
    return records


def kafka_values(bootstrap, partition, count):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "checker", "enable.auto.commit": False})
    consumer.assign([TopicPartition("killed", partition, 0)])
    values = []
    while len(values) < count:
        message = consumer.poll(10)
        assert message is not None and not message.error(), f"{len(values)} of {count}: {message and message.error()}"
        values.append(message.value())
    consumer.close()
    return values


def check(node, writers):
    client = client_of(node)
    shards = [s["ShardId"] for s in client.list_shards(StreamName="killed")["Shards"]]
    stored = {}
    for shard in shards:
        records = read_all(client, shard)
        numbers = [int(r["SequenceNumber"]) for r in records]
        assert numbers == sorted(set(numbers)), f"{shard}: numbers do not grow"
        for record in records:
            stored[shard, record["SequenceNumber"]] = record["Data"]
        for writer in writers:
            own = [int(r["Data"].split(b":")[1]) for r in records if r["Data"].startswith(writer.name.encode() + b":")]
            assert own == sorted(set(own)), f"{shard}: records of {writer.name} are not in order"
        assert kafka_values(node.kafka, int(shard[-12:]), len(records)) == [r["Data"] for r in records]
    for writer in writers:
        lost = [n for shard, n, data in writer.answered if stored.get((shard, n)) != data]
        assert not lost, f"{len(lost)} of {len(writer.answered)} answered records of {writer.name} lost: {lost[:5]}"


def test_no_answered_record_is_lost_by_kills(tmp_path):
    seed, rng = seeded()
    node = support.Node(tmp_path, {"journal.checkpoint-interval": "300ms"}).start()
    client_of(node).create_stream(StreamName="killed", ShardCount=SHARDS)
    writers = [Writer(node, f"w{i}", seed) for i in range(WRITERS)]
    for writer in writers:
        writer.thread.start()
    try:
        at_flush = kill_again_and_again(node, rng, 0.6)
        stop_when_they_write(writers)
        check(node, writers)
        answered = sum(len(w.answered) for w in writers)
        print(f"{KILLS} kills ({at_flush} at a flush), {answered} answered records, {sum(w.refused for w in writers)} calls refused")
        assert answered > 100 and at_flush > 0
    finally:
        for writer in writers:
            writer.stopping.set()
        node.kill()


class Subscriber:
    """Is pushed one shard's records, and goes on where it was after each break, until the shard has ended."""

    def __init__(self, node, shard):
        self.client, self.shard, self.data, self.place, self.ended, self.breaks = client_of(node), shard, [], None, False, 0
        self.failure, self.stopping = None, threading.Event()
        self.arn = self.client.describe_stream_summary(StreamName="killed")["StreamDescriptionSummary"]["StreamARN"]
        self.consumer = self.client.register_stream_consumer(StreamARN=self.arn, ConsumerName="pushed")["Consumer"]["ConsumerARN"]
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.stopping.is_set() and not self.ended:
            start = {"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self.place} if self.place else {"Type": "TRIM_HORIZON"}
            try:
                for event in self.client.subscribe_to_shard(ConsumerARN=self.consumer, ShardId=self.shard, StartingPosition=start)["EventStream"]:
                    records = event["SubscribeToShardEvent"]
                    self.data += [r["Data"] for r in records["Records"]]
                    self.place = records.get("ContinuationSequenceNumber")
                    if self.place is None:
                        self.ended = True
                    if self.stopping.is_set() or self.ended:
                        break
            except (BotoCoreError, ClientError, OSError):
                self.breaks += 1
                time.sleep(0.05)
            except Exception as failure:
                if "IncompleteRead" not in repr(failure) and "Protocol" not in repr(failure) and "Connection" not in repr(failure):
                    self.failure = failure
                    return
                self.breaks += 1


def check_lineage(node, writers):
    """Shards in order of their parents give each writer's records in order, all answered ones among them."""
    client = client_of(node)
    shards = {s["ShardId"]: s for page in client.get_paginator("list_shards").paginate(StreamName="killed") for s in page["Shards"]}
    open_ones = [s for s in shards.values() if "EndingSequenceNumber" not in s["SequenceNumberRange"]]
    ranges = sorted((int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"])) for s in open_ones)
    assert ranges[0][0] == 0 and ranges[-1][1] == 2**128 - 1 and all(a[1] + 1 == b[0] for a, b in zip(ranges, ranges[1:])), ranges
    seen, stored = {}, {}
    for shard in sorted(shards):  # a child's number is greater than its parents'
        for record in read_all(client, shard):
            seen.setdefault(record["PartitionKey"], []).append(int(record["Data"].split(b":")[1]))
            stored[shard, record["SequenceNumber"]] = record["Data"]
    for writer in writers:
        assert seen[writer.name] == sorted(set(seen[writer.name])), f"records of {writer.name} are not in order along the lineage"
        lost = [n for shard, n, data in writer.answered if stored.get((shard, n)) != data]
        assert not lost, f"{len(lost)} of {len(writer.answered)} answered records of {writer.name} lost"
    return len(shards)


def test_no_record_and_no_shard_is_lost_by_kills_while_the_stream_is_scaled(tmp_path):
    seed, rng = seeded()
    node = support.Node(tmp_path, {"journal.checkpoint-interval": "300ms"}).start()
    client = client_of(node)
    client.create_stream(StreamName="killed", ShardCount=2)
    subscriber = Subscriber(node, "shardId-000000000001")
    writers = [Writer(node, f"w{i}", seed, keys=0) for i in range(3)]
    for part in [*writers, subscriber]:
        part.thread.start()
    scaled = cut = 0
    try:
        for _ in range(KILLS):
            node.kill()
            # So that the shard of the subscriber lives for a while.
            point = f"journal.flush:{rng.randrange(1, 60)}" if rng.random() < 0.5 else None
            node.start(crash_point=point)
            time.sleep(rng.uniform(0.02, 0.2))
            try:
                summary = client.describe_stream_summary(StreamName="killed")["StreamDescriptionSummary"]
                target = rng.choice([n for n in (1, 2, 3, 4) if summary["OpenShardCount"] <= 2 * n <= 4 * summary["OpenShardCount"]])
                client.update_shard_count(StreamName="killed", TargetShardCount=target, ScalingType="UNIFORM_SCALING")
                scaled += 1
            except (BotoCoreError, ClientError):
                cut += 1
            time.sleep(rng.uniform(0, 0.1))
        node.kill()
        node.start()
        client.update_shard_count(StreamName="killed", TargetShardCount=client.describe_stream_summary(StreamName="killed")[
            "StreamDescriptionSummary"]["OpenShardCount"] + 1, ScalingType="UNIFORM_SCALING")
        stop_when_they_write(writers)
        shard_count = check_lineage(node, writers)
        support.wait_until(lambda: subscriber.ended or subscriber.failure, "the subscriber to reach the end of its shard", 60)
        assert subscriber.failure is None, subscriber.failure
        assert subscriber.data == [r["Data"] for r in read_all(client, subscriber.shard)]
        print(f"{KILLS} kills, {scaled} scalings, {cut} cut off, {shard_count} shards, {sum(len(w.answered) for w in writers)} answered records, "
              f"{len(subscriber.data)} pushed over {subscriber.breaks} breaks")
    finally:
        for part in [*writers, subscriber]:
            part.stopping.set()
        node.kill()
