"""Kill -9 of the node while writers put records, half of the kills at a flush of the journal. Afterwards every record that was
answered is where the answer said, each writer's records are in order in every shard, and Kafka sees the same records. Short tier: 8
kills; full: 104. KILL_COUNT and KILL_SEED override."""
import os
import random
import threading
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from confluent_kafka import Consumer, TopicPartition

import support

KILLS = int(os.environ.get("KILL_COUNT", "104" if support.FULL else "8"))
SHARDS = 3
WRITERS = 2


def client_of(node):
    config = Config(retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=2, read_timeout=10)
    return boto3.client("kinesis", endpoint_url=f"http://{node.aws}", region_name="us-east-1", aws_access_key_id="any",
                        aws_secret_access_key="thing", config=config)


class Writer:
    """Puts numbered records, remembers what was answered, goes on through restarts."""

    def __init__(self, node, name, seed):
        self.client, self.name, self.random = client_of(node), name, random.Random(f"{seed}/{name}")
        self.answered, self.calls, self.refused, self.sent = [], 0, 0, 0
        self.failure, self.stopping = None, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        try:
            while not self.stopping.is_set():
                self.put()
        except Exception as failure:
            self.failure = failure

    def put(self):
        count = self.random.choice((1, 10, 200))
        records = [{"Data": f"{self.name}:{self.sent + i}:".encode() + b"x" * 200, "PartitionKey": f"k{self.random.randrange(50)}"}
                   for i in range(count)]
        self.sent += count
        try:
            answers = self.client.put_records(StreamName="killed", Records=records)["Records"]
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500, error
            self.refused += 1
            return
        except BotoCoreError:
            self.refused += 1
            time.sleep(0.02)
            return
        self.calls += 1
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
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))
    print(f"KILL_SEED={seed}")
    rng = random.Random(seed)
    node = support.Node(tmp_path, {"journal.checkpoint-interval": "300ms"}).start()
    client_of(node).create_stream(StreamName="killed", ShardCount=SHARDS)
    writers = [Writer(node, f"w{i}", seed) for i in range(WRITERS)]
    for writer in writers:
        writer.thread.start()
    at_flush = 0
    try:
        for number in range(KILLS):
            node.kill()
            if number % 2:
                node.start(crash_point=f"journal.flush:{rng.randrange(1, 40)}")
                try:
                    node.process.wait(8)
                    at_flush += 1
                except Exception:
                    pass  # so few flushes in that time
                node.kill()
            else:
                node.start()
                time.sleep(rng.uniform(0.05, 0.6))
        node.kill()
        node.start()
        for writer in writers:
            before = writer.calls
            support.wait_until(lambda: writer.calls > before or writer.failure, f"{writer.name} to write again")
            writer.stopping.set()
            writer.thread.join(30)
            assert writer.failure is None, writer.failure
        check(node, writers)
        answered = sum(len(w.answered) for w in writers)
        print(f"{KILLS} kills ({at_flush} at a flush), {answered} answered records, {sum(w.refused for w in writers)} calls refused")
        assert answered > 100 and at_flush > 0
    finally:
        for writer in writers:
            writer.stopping.set()
        node.kill()
