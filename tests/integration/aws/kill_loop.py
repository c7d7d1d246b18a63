"""Kills of the node in a loop, and clients that write through them."""
import os
import random
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError

import support

KILLS = int(os.environ.get("KILL_COUNT", "104" if support.FULL else "8"))


def seeded():
    """The choices of a run; KILL_SEED makes them again."""
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))
    print(f"KILL_SEED={seed}")
    return seed, random.Random(seed)


class PatientWriter:
    """Calls `put` again and again in a thread of its own, through restarts of the node. A subclass sends what it numbers, and notes in
    `answered` what was answered."""

    def __init__(self, name):
        self.name, self.answered, self.calls, self.refused, self.sent = name, [], 0, 0, 0
        self.failure, self.stopping = None, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        try:
            while not self.stopping.is_set():
                self.put_once()
        except Exception as failure:
            self.failure = failure

    def put_once(self):
        try:
            self.put()
            self.calls += 1
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500, error
            self.refused += 1
        except BotoCoreError:
            self.refused += 1
            time.sleep(0.02)


def stop_when_they_write(writers):
    """After the last start each must have written again."""
    for writer in writers:
        before = writer.calls
        support.wait_until(lambda: writer.calls > before or writer.failure, f"{writer.name} to write again")
        writer.stopping.set()
        writer.thread.join(30)
        assert writer.failure is None, writer.failure


def kill_again_and_again(node, rng, longest, while_up=lambda number: None):
    """KILLS kills, each other one at a flush of the journal, the others up to `longest` seconds after `while_up`; then a last start.
    How many came at a flush."""
    at_flush = 0
    for number in range(KILLS):
        node.kill()
        if number % 2:
            node.start(crash_point=f"journal.flush:{rng.randrange(1, 40)}")
            node.wait_for_crash()
            at_flush += 1
        else:
            node.start()
            while_up(number)
            time.sleep(rng.uniform(0.05, longest))
    node.kill()
    node.start()
    return at_flush
