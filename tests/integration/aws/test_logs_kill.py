"""Kill -9 of the node while writers put log events, half of the kills at a flush of the journal. Afterwards every event that was answered is
found once, in order. Short tier: 8 kills, full: 104. KILL_COUNT and KILL_SEED override."""
import random
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from kill_loop import KILLS, PatientWriter, kill_again_and_again, seeded, stop_when_they_write
import support


def patient_client(node):
    return boto3.client("logs", endpoint_url=f"http://{node.aws}", region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="thing",
                        config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10))


class EventWriter(PatientWriter):
    """Puts numbered events into a stream of its own and remembers those that were answered."""

    def __init__(self, node, name):
        super().__init__(name)
        self.client = patient_client(node)

    def put(self):
        count = random.choice((1, 10, 300))
        numbers = range(self.sent, self.sent + count)
        self.sent += count
        self.client.put_log_events(logGroupName="killed", logStreamName=self.name,
                                   logEvents=[{"timestamp": int(time.time() * 1000), "message": f"{n} " + "x" * 100} for n in numbers])
        self.answered += numbers


def test_no_answered_event_is_lost_by_kills(tmp_path):
    _, rng = seeded()
    node = support.Node(tmp_path, {"journal.checkpoint-interval": "300ms"}).start()
    client = patient_client(node)
    client.create_log_group(logGroupName="killed")
    writers = [EventWriter(node, f"w{i}") for i in range(2)]
    for writer in writers:
        client.create_log_stream(logGroupName="killed", logStreamName=writer.name)
        writer.thread.start()
    made = []

    def make_group(number):
        try:
            patient_client(node).create_log_group(logGroupName=f"made{number}")
            made.append(number)
        except (BotoCoreError, ClientError):
            pass

    try:
        at_flush = kill_again_and_again(node, rng, 0.4, make_group)
        stop_when_they_write(writers)
        client = patient_client(node)
        for writer in writers:
            pages = client.get_paginator("filter_log_events").paginate(logGroupName="killed", logStreamNames=[writer.name])
            stored = [int(e["message"].split()[0]) for page in pages for e in page["events"]]
            assert len(set(stored)) == len(stored)
            assert not set(writer.answered) - set(stored), f"lost: {sorted(set(writer.answered) - set(stored))[:5]}"
            # Within a batch the order is that of the call; batches are ordered by time, which may be the same for two.
            assert sorted(stored) == stored or all(abs(a - b) < 400 for a, b in zip(stored, sorted(stored)))
        assert len(client.describe_log_groups(logGroupNamePrefix="made")["logGroups"]) >= min(len(made), 50)
        answered = sum(len(w.answered) for w in writers)
        print(f"{KILLS} kills ({at_flush} at a flush), {answered} answered events")
        assert answered > 100 and at_flush > 0
    finally:
        for writer in writers:
            writer.stopping.set()
        node.kill()
