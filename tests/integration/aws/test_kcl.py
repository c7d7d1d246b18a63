"""Amazon's Kinesis Client Library 3, unmodified, with one node for everything: streams, leases, checkpoints, and who it is. Two workers
share the shards, follow a resharding, and go on through kill -9 of the node; every record comes, in order along its shard.
Full tier: a worker waits by its own clocks, most of a minute in all."""
import os
import queue
import subprocess
import sys
import threading

import pytest

import kinesis_client

sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))
import support  # noqa: E402
from support import wait_until  # noqa: E402

LIBS = os.path.join(support.ROOT, ".deps/kcl/libs")
LOG = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"


class Worker:
    """A process of KclWorker.java; what it said, by kind."""

    def __init__(self, node, folder, name, retrieval, classes):
        self.name, self.records, self.started, self.ended, self.lost, self.lines = name, [], [], [], [], queue.Queue()
        self.log = open(os.path.join(folder, f"{name}.log"), "ab")
        self.process = subprocess.Popen(["java", "-Xmx384m", "-XX:TieredStopAtLevel=1", LOG, "-cp", f"{classes}:{LIBS}/*", "KclWorker", f"http://{node.aws}", "orders", "app",
                                         name, retrieval], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            kind, *rest = line.rstrip("\n").split(" ", 3)
            if kind == "record":
                self.records.append((rest[0], int(rest[1]), rest[2]))
            elif kind in ("start", "end", "lost"):
                {"start": self.started, "end": self.ended, "lost": self.lost}[kind].append(rest[0])
            self.lines.put(line)

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(60) == 0
        self.thread.join(10)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    if not os.path.isdir(LIBS):
        pytest.skip("KCL is not here: run scripts/setup full")
    folder = tmp_path_factory.mktemp("kcl")
    source = os.path.join(os.path.dirname(__file__), "KclWorker.java")
    subprocess.run(["javac", "-nowarn", "-cp", LIBS + "/*", "-d", str(folder), source], check=True)
    return str(folder)


@pytest.mark.skipif(not support.FULL, reason="takes a minute: MAINSTEM_TIER=full")
@pytest.mark.parametrize("retrieval", ["polling", "fan-out"])
def test_kcl_consumes_with_one_binary(tmp_path, classes, retrieval):
    node = support.Node(tmp_path).start()
    kinesis = kinesis_client.client_of(node, region="eu-west-1", retries={"total_max_attempts": 5})
    kinesis.create_stream(StreamName="orders", ShardCount=4)
    sent, pause = [], threading.Event()

    def put(count):
        texts = [f"r{len(sent) + i}" for i in range(count)]
        answer = kinesis.put_records(StreamName="orders", Records=[{"Data": t.encode(), "PartitionKey": t} for t in texts])
        assert answer["FailedRecordCount"] == 0
        sent.extend(texts)

    workers = []

    def seen():
        return {data for worker in workers for _, _, data in worker.records}

    try:
        put(200)
        workers.append(Worker(node, tmp_path, "first", retrieval, classes))
        wait_until(lambda: seen() == set(sent), "the first worker to read everything", 120)
        assert set(workers[0].started) == {f"shardId-{i:012}" for i in range(4)}

        workers.append(Worker(node, tmp_path, "second", retrieval, classes))
        # How many leases go over is KCL's business: it weighs their load, so there must be some.
        wait_until(lambda: put(20) or pause.wait(0.3) or workers[1].started, "the second worker to get a lease", 240)
        for _ in range(20):
            put(20)
        wait_until(lambda: seen() == set(sent), "both to read on", 60)
        assert workers[1].records

        kinesis.split_shard(StreamName="orders", ShardToSplit="shardId-000000000000", NewStartingHashKey="1000000")
        shards = {s["ShardId"]: s for s in kinesis.list_shards(StreamName="orders")["Shards"]}
        children = {name for name, shard in shards.items() if shard.get("ParentShardId")}
        put(200)
        wait_until(lambda: seen() == set(sent) and children <= {s for w in workers for s in w.started}, "the children to be read", 180)
        assert any("shardId-000000000000" in worker.ended for worker in workers)

        for _ in range(2):
            put(100)
            node.kill()
            node.start()
            put(100)
            wait_until(lambda: seen() == set(sent), "both to go on after kill -9 of the node", 180)
        for worker in workers:
            # A worker that lost a lease, or could not save its place, begins again from the last checkpoint; it never jumps forth.
            for shard in set(worker.started):
                numbers = [number for name, number, _ in worker.records if name == shard]
                first_seen = list(dict.fromkeys(numbers))
                assert first_seen == sorted(first_seen), (worker.name, shard)
        before = {worker.name: len(worker.records) for worker in workers}
        for worker in workers:
            worker.stop()
        again = Worker(node, tmp_path, "third", retrieval, classes)
        workers.append(again)
        put(50)
        wait_until(lambda: seen() == set(sent), "a third worker to go on where they stopped", 120)
        assert {data for _, _, data in again.records} == set(sent[-50:]), before
    except AssertionError as failure:
        for worker in workers:
            with open(worker.log.name, encoding="utf-8", errors="replace") as log:
                print(worker.name, worker.started, worker.ended, worker.lost, log.read()[-3000:])
        raise AssertionError(str(failure) + node.log_tail()) from failure
    finally:
        for worker in workers:
            worker.kill()
        node.kill()
