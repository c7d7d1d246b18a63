"""Tables over Kinesis streams, of another node that speaks Kinesis and of moto: where reading begins, metadata, what the KPL packs, shards that are split
and merged under load, kills of the node that reads and of the one that is read."""
import hashlib
import itertools
import json
import random
import threading
import time

import boto3
from botocore.config import Config

import kinesis_streams
from kinesis_streams import KEYS, Service, moto, other_node, service, table  # noqa: F401  (fixtures)
import support


def topic_table(node, topic, columns="k STRING, n BIGINT", name="o", bounded=False):
    end = ", 'scan.bounded.mode' = 'latest-offset'" if bounded else ""
    return (f"CREATE TABLE {name} ({columns}) WITH ('connector' = 'kafka', 'topic' = '{topic}', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset',"
            f" 'properties.bootstrap.servers' = '{node.kafka}'{end});\n")


def rows_in(node, topic, columns="k STRING, n BIGINT"):
    results, error = node.results(topic_table(node, topic, columns, bounded=True) + "SELECT * FROM o;")
    if error is not None and "there is no topic" in json.dumps(error):
        return []
    assert error is None, error
    return [row[1:] for row in results[-1]]


def copy_job(node, service, stream, topic, select="SELECT k, n FROM t", columns="k STRING, n BIGINT", **options):
    script = "SET 'execution.checkpointing.interval' = '200 ms';\n" + table(service, stream, **options) + topic_table(node, topic, columns)
    return node.submit(script + f"INSERT INTO o {select};")[0]


def wait_for_numbers(node, topic, expected, seconds=60):
    support.wait_until(lambda: len(rows_in(node, topic)) >= len(expected), f"{len(expected)} rows in {topic}", seconds)
    found = [int(n) for _, n in rows_in(node, topic)]
    assert sorted(found) == sorted(expected)
    return found


def packed(values, key="k"):
    """As the KPL packs records."""
    def field(number, data):
        assert len(data) < 128
        return bytes([number << 3 | 2, len(data)]) + data
    message = field(1, key.encode()) + b"".join(field(3, b"\x08\x00" + field(3, value)) for value in values)
    return b"\xf3\x89\x9a\xc2" + message + hashlib.md5(message).digest()


def test_reading_begins_where_the_table_says(shared_node, service):
    stream = service.make(2)
    service.put(stream, [(str(n), {"k": "a", "n": n}) for n in range(10)])
    time.sleep(1.1)  # the times of records are the service's
    between = time.time()
    time.sleep(0.1)
    service.put(stream, [(str(n), {"k": "a", "n": n}) for n in range(10, 20)])
    jobs = [copy_job(shared_node, service, stream, stream + "-all"),
            copy_job(shared_node, service, stream, stream + "-late", start="AT_TIMESTAMP", source_init_timestamp=f"{between:.3f}"),
            copy_job(shared_node, service, stream, stream + "-new", start="LATEST")]
    wait_for_numbers(shared_node, stream + "-all", range(20))
    wait_for_numbers(shared_node, stream + "-late", range(10, 20))
    support.wait_until(lambda: shared_node.api(f"/jobs/{jobs[2]}")["checkpoint"]["id"] > 0, "the job to have begun")
    service.put(stream, [(str(n), {"k": "a", "n": n}) for n in range(20, 25)])
    wait_for_numbers(shared_node, stream + "-new", range(20, 25))
    for job in jobs:
        shared_node.api(f"/jobs/{job}/cancel", "POST")


def test_metadata_and_packed_records(shared_node, service):
    stream = service.make()
    service.put(stream, [("k", {"k": "a", "n": 1}), ("k", packed([b'{"k": "b", "n": 2}', b'{"k": "c", "n": 3}']))])
    shard = service.client.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    iterator = service.client.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    records = service.client.get_records(ShardIterator=iterator)["Records"]
    columns = """k STRING, n BIGINT, at_time TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL,
      shard VARCHAR(128) NOT NULL METADATA FROM 'shard-id' VIRTUAL, number VARCHAR(128) NOT NULL METADATA FROM 'sequence-number' VIRTUAL"""
    out = "k STRING, n BIGINT, ms BIGINT, shard STRING, number STRING"
    script = table(service, stream, columns) + topic_table(shared_node, stream + "-out", out)
    job = shared_node.submit(script + "INSERT INTO o SELECT k, n, UNIX_TIMESTAMP(CAST(at_time AS STRING)), shard, number FROM t;")[0]
    support.wait_until(lambda: len(rows_in(shared_node, stream + "-out", out)) == 3, "three rows")
    rows = rows_in(shared_node, stream + "-out", out)
    assert [row[:2] for row in rows] == [["a", "1"], ["b", "2"], ["c", "3"]]
    assert {row[3] for row in rows} == {shard}
    numbers = [record["SequenceNumber"] for record in records]
    assert rows[0][4] == numbers[0] and rows[2][4] == numbers[-1]
    assert int(rows[0][2]) == int(records[0]["ApproximateArrivalTimestamp"].timestamp())
    shared_node.api(f"/jobs/{job}/cancel", "POST")


def test_what_is_wrong_is_said(shared_node, service):
    _, error = shared_node.results(table(service, "nowhere") + "SELECT n FROM t;")
    assert "create-stream --stream-name nowhere" in json.dumps(error), error
    _, error = shared_node.results(table(service, "x", source_init_positon="LATEST") + "SELECT n FROM t;")
    assert "source.init.position" in json.dumps(error), error
    _, error = shared_node.results(table(service, "x", source_reader_type="EFO") + "SELECT n FROM t;")
    assert "POLLING" in json.dumps(error), error
    stream = service.make()
    service.put(stream, [("k", b"{broken"), ("k", {"k": "a", "n": 1})])
    job = copy_job(shared_node, service, stream, stream + "-out", scan_bad__records="quarantine")
    wait_for_numbers(shared_node, stream + "-out", [1])
    shared_node.api(f"/jobs/{job}/cancel", "POST")


def test_a_shard_without_records_holds_up_no_window(shared_node, service):
    stream = service.make(2)
    service.put(stream, [("a", {"k": "a", "n": n}) for n in (0, 500, 1000, 5000)])
    columns = "k STRING, n BIGINT, stamp AS TO_TIMESTAMP_LTZ(n, 3), WATERMARK FOR stamp AS stamp"
    script = ("SET 'table.exec.source.idle-timeout' = '300 ms';\n" + table(service, stream, columns) + topic_table(shared_node, stream + "-out")
              + "INSERT INTO o SELECT 'w', COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(stamp), INTERVAL '1' SECOND)) GROUP BY window_start, window_end;")
    job = shared_node.submit(script)[0]
    later = itertools.count(6000)

    def windows():
        service.put(stream, [("a", {"k": "a", "n": next(later)})])  # so that not both shards are idle
        return len(rows_in(shared_node, stream + "-out")) >= 2
    support.wait_until(windows, "two windows", 60)
    assert [n for _, n in rows_in(shared_node, stream + "-out")[:2]] == ["2", "1"]
    shared_node.api(f"/jobs/{job}/cancel", "POST")


class Writing:
    """Puts numbered records of some keys, each key's in order, until it is stopped."""

    def __init__(self, service, stream, keys=12, pause=0.01):
        self.service, self.stream, self.keys, self.pause = service, stream, keys, pause
        self.sent, self.failure, self.stopping = 0, None, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        client = boto3.client("kinesis", endpoint_url=self.service.url, region_name="eu-central-1",
                              config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10), **KEYS)
        try:
            while not self.stopping.is_set():
                n, key = self.sent, f"k{self.sent % self.keys}"
                try:
                    client.put_record(StreamName=self.stream, PartitionKey=key, Data=json.dumps({"k": key, "n": n}).encode())
                    self.sent += 1
                except Exception as error:  # the service was killed: what was not answered may be there, and comes again
                    if not self.may_fail(error):
                        raise
                    time.sleep(0.05)
                time.sleep(self.pause)
        except Exception as failure:
            self.failure = failure

    def may_fail(self, error):
        return "Connection" in type(error).__name__ or "Timeout" in type(error).__name__ or getattr(error, "response", {}).get(
            "ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500

    def stop(self):
        self.stopping.set()
        self.thread.join(30)
        assert self.failure is None, self.failure
        return self.sent


def check_order(rows, sent):
    """All numbers once, and each key's in the order in which they were put."""
    assert sorted(int(n) for _, n in rows) == list(range(sent))
    by_key = {}
    for key, n in rows:
        by_key.setdefault(key, []).append(int(n))
    for key, seen in by_key.items():
        assert seen == sorted(seen), (key, seen)


def reshard(client, stream, rng):
    """Splits or merges something, and waits until it is done."""
    shards = [shard for shard in client.list_shards(StreamName=stream)["Shards"] if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]
    shards.sort(key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
    if len(shards) > 1 and (len(shards) > 3 or rng.random() < 0.5):
        at = rng.randrange(len(shards) - 1)
        client.merge_shards(StreamName=stream, ShardToMerge=shards[at]["ShardId"], AdjacentShardToMerge=shards[at + 1]["ShardId"])
    else:
        shard = rng.choice(shards)
        begin, end = (int(shard["HashKeyRange"][name]) for name in ("StartingHashKey", "EndingHashKey"))
        client.split_shard(StreamName=stream, ShardToSplit=shard["ShardId"], NewStartingHashKey=str((begin + end) // 2))
    client.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1})


def test_splits_and_merges_under_load_keep_the_order_of_keys(shared_node, other_node):
    rng = random.Random(7)
    service = Service(f"http://{other_node.aws}")
    stream = service.make(2)
    job = copy_job(shared_node, service, stream, stream + "-out")
    writing = Writing(service, stream)
    for _ in range(6 if not support.FULL else 40):
        reshard(service.client, stream, rng)
        time.sleep(0.3)
    sent = writing.stop()
    support.wait_until(lambda: len(rows_in(shared_node, stream + "-out")) >= sent, f"{sent} rows", 120)
    check_order(rows_in(shared_node, stream + "-out"), sent)
    shared_node.api(f"/jobs/{job}/cancel", "POST")


def test_kills_of_both_sides_lose_and_double_nothing(tmp_path):
    """The node that reads and the one that is read die again and again, while shards are split and merged."""
    kills = 4 if not support.FULL else 40
    seed = int(time.time_ns() % 1_000_000)
    print(f"seed {seed}")
    rng = random.Random(seed)
    nodes = []
    for name in ("reads", "is-read"):
        (tmp_path / name).mkdir()
        nodes.append(support.Node(tmp_path / name).start())
    reader, read = nodes
    try:
        service = Service(f"http://{read.aws}")
        stream = service.make(2)
        copy_job(reader, service, stream, "out")
        writing = Writing(service, stream)
        for number in range(kills):
            reshard(service.client, stream, rng)
            time.sleep(rng.uniform(0.2, 1.0))
            victim = nodes[number % 2]
            point = rng.choice([None, f"checkpoint.commit:{rng.randrange(1, 4)}"]) if victim is reader else None
            victim.kill()
            victim.start(point)
            if point:
                kinesis_streams.await_crash(victim)
                victim.start()
        sent = writing.stop()
        support.wait_until(lambda: {int(n) for _, n in rows_in(reader, "out")} >= set(range(sent)), f"{sent} rows", 120)
        time.sleep(1)
        rows = rows_in(reader, "out")
        # What the stream has, the topic has, as often and in the same order of each key.
        held = {}
        for shard in service.client.list_shards(StreamName=stream)["Shards"]:
            iterator = service.client.get_shard_iterator(StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
            while iterator:
                page = service.client.get_records(ShardIterator=iterator)
                for record in page["Records"]:
                    held.setdefault(record["PartitionKey"], []).append((int(record["SequenceNumber"]), json.loads(record["Data"])["n"]))
                iterator = page.get("NextShardIterator") if page["MillisBehindLatest"] else None
        for key, records in held.items():
            assert [int(n) for k, n in rows if k == key] == [n for _, n in sorted(records)], key
    finally:
        for node in nodes:
            node.kill()
