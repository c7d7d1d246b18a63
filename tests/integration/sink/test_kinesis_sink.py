"""Rows into Kinesis streams, of another node and of moto: keys, deletions, rows that no stream takes, throttling, what `connector check` says, kills of
the node that writes and of the one that is written to."""
import json
import random
import time

import kinesis_streams
from kinesis_streams import Service, moto, other_node, service, table  # noqa: F401  (fixtures)
import support


def records_of(service, stream):
    """(key, data) of each record, shard by shard."""
    found = []
    for shard in service.client.list_shards(StreamName=stream)["Shards"]:
        iterator = service.client.get_shard_iterator(StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while iterator:
            page = service.client.get_records(ShardIterator=iterator)
            found += [(record["PartitionKey"], record["Data"]) for record in page["Records"]]
            iterator = page.get("NextShardIterator") if page["Records"] or page["MillisBehindLatest"] else None
    return found


def insert(node, service, stream, rows, columns="k STRING, n BIGINT", more="", **options):
    results, error = node.results(table(service, stream, columns, more=more, start=None, source_shard_discovery_interval=None, **options)
                                  + f"INSERT INTO t VALUES {rows};")
    assert error is None, error


def test_rows_become_records(shared_node, service):
    stream = service.make(2)
    insert(shared_node, service, stream, "('a', 1), ('b', 2)", more="PARTITIONED BY (k, n)")
    assert sorted(records_of(service, stream)) == [("a|1", b'{"k":"a","n":1}'), ("b|2", b'{"k":"b","n":2}')]
    stream = service.make()
    insert(shared_node, service, stream, "('a', 1), ('a', 2), ('b', 3)", sink_batch_max__size="2")
    found = records_of(service, stream)
    assert [json.loads(data)["n"] for _, data in found] == [1, 2, 3]
    assert len({key for key, _ in found}) == 3
    stream = service.make()
    insert(shared_node, service, stream, "('a', 1), ('b', 2)", sink_partitioner="fixed", format="csv")
    found = records_of(service, stream)
    assert sorted(data for _, data in found) == [b"a,1", b"b,2"] and len({key for key, _ in found}) == 1
    stream = service.make()
    keyed = "k STRING, n BIGINT, PRIMARY KEY (k) NOT ENFORCED"
    script = table(service, stream, keyed, start=None)
    results, error = shared_node.results(script + "INSERT INTO t SELECT k, COUNT(*) FROM (VALUES ('a'), ('a'), ('b')) AS v(k) GROUP BY k;")
    assert error is None, error
    newest = dict(records_of(service, stream))
    assert {key: json.loads(data)["n"] for key, data in newest.items()} == {"a": 2, "b": 1}


def test_rows_that_no_stream_takes_go_to_the_quarantine(node, other_node):
    service = Service(f"http://{other_node.aws}")
    stream = service.make()
    script = table(service, stream, "k STRING, v STRING", start=None, more="PARTITIONED BY (k)")
    job = node.submit(script + "INSERT INTO t SELECT k, REPEAT('x', n) FROM (VALUES ('a', 10), ('b', 1100000), ('c', 20)) AS v(k, n);")[0]
    support.wait_until(lambda: len(records_of(service, stream)) == 2, "the rows that fit")
    assert [key for key, _ in records_of(service, stream)] == ["a", "c"]
    rejected = support.wait_until(lambda: node.cli("topic", "list", "--internal", check=False).stdout, "a list of topics")
    assert f"__mainstem.quarantine.{job}" in rejected


def test_check_says_what_is_missing(shared_node, service, tmp_path):
    file = tmp_path / "t.sql"
    file.write_text(table(service, "nowhere", start=None))
    result = shared_node.cli("connector", "check", str(file), check=False)
    assert result.returncode != 0 and "create-stream --stream-name nowhere" in result.stdout + result.stderr, result
    stream = service.make()
    file.write_text(table(service, stream, start=None))
    result = shared_node.cli("connector", "check", str(file), check=False)
    assert result.returncode == 0 and "at least once" in result.stdout, result
    assert "s3cret" not in result.stdout
    shown = shared_node.cli("connector", "show", "kinesis").stdout
    assert "sink.partitioner" in shown and "source.init.position" in shown


def test_keys_come_from_profiles_and_wrong_ones_are_told(shared_node, tmp_path):
    profiles = tmp_path / "credentials"
    profiles.write_text("[writer]\naws_access_key_id = any\naws_secret_access_key = s3cret-thing\n")
    other = support.Node(tmp_path, settings={"aws.credentials": str(profiles)}).start()
    try:
        service = Service(f"http://{other.aws}")
        stream = service.make()
        file = tmp_path / "t.sql"
        file.write_text(table(service, stream, start=None, keys={"aws_access_key_id": "any", "aws_secret_access_key": "wr0ng"}))
        result = shared_node.cli("connector", "check", str(file), check=False)
        assert result.returncode != 0 and "aws.credentials.provider" in result.stdout + result.stderr, result
        assert "wr0ng" not in result.stdout + result.stderr
        file.write_text(table(service, stream, start=None, aws_credentials_provider="PROFILE", aws_credentials_profile_path=profiles,
                              aws_credentials_profile_name="writer", aws_credentials_basic_accesskeyid=None, aws_credentials_basic_secretkey=None))
        result = shared_node.cli("connector", "check", str(file), check=False)
        assert result.returncode == 0, result
    finally:
        other.kill()


def test_a_stream_that_is_full_for_a_while_gets_all(node, tmp_path):
    """The other node holds its clients to Amazon's limits: a thousand records a second for each shard."""
    (tmp_path / "other").mkdir()
    other = support.Node(tmp_path / "other", settings={"aws.limits": "true"}).start()
    try:
        service = Service(f"http://{other.aws}")
        stream = service.make()
        script = ("CREATE TABLE g (n BIGINT) WITH ('connector' = 'datagen', 'fields.n.kind' = 'sequence', 'fields.n.start' = '0', 'fields.n.end' = '2999',"
                  " 'rows-per-second' = '100000');\n" + table(service, stream, "n BIGINT", start=None))
        results, error = node.results(script + "INSERT INTO t SELECT n FROM g;")
        assert error is None, error
        assert sorted(json.loads(data)["n"] for _, data in records_of(service, stream)) == list(range(3000))
    finally:
        other.kill()


def test_kills_of_both_sides_lose_nothing(tmp_path):
    kills = 2 if not support.FULL else 40
    seed = int(time.time_ns() % 1_000_000)
    print(f"seed {seed}")
    rng = random.Random(seed)
    nodes = []
    for name in ("writes", "is-written"):
        (tmp_path / name).mkdir()
        nodes.append(support.Node(tmp_path / name).start())
    writer, written = nodes
    try:
        service = Service(f"http://{written.aws}")
        stream = service.make(2)
        count = 400 * kills
        script = ("SET 'execution.checkpointing.interval' = '200 ms';\n"
                  f"CREATE TABLE g (n BIGINT) WITH ('connector' = 'datagen', 'fields.n.kind' = 'sequence', 'fields.n.start' = '0', 'fields.n.end' = '{count - 1}',"
                  " 'rows-per-second' = '400');\n" + table(service, stream, "k STRING, n BIGINT", more="PARTITIONED BY (k)", start=None))
        writer.submit(script + "INSERT INTO t SELECT 'k' || CAST(MOD(n, 5) AS STRING), n FROM g;")
        for number in range(kills):
            time.sleep(rng.uniform(0.2, 0.8))
            victim = nodes[number % 2]
            point = rng.choice(["sink.commit", "sink.committed", "checkpoint.commit"]) if victim is writer else None
            victim.kill()
            victim.start(point and f"{point}:{rng.randrange(1, 4)}")
            if point:
                kinesis_streams.await_crash(victim)
                victim.start()
        support.wait_until(lambda: {json.loads(data)["n"] for _, data in records_of(service, stream)} == set(range(count)), f"{count} rows", 120)
        # Some come twice; the first of each in the order of its key.
        first = {}
        for key, data in records_of(service, stream):
            seen = first.setdefault(key, {})
            seen.setdefault(json.loads(data)["n"], len(seen))
        for seen in first.values():
            assert sorted(seen, key=seen.get) == sorted(seen)
    finally:
        for one in nodes:
            one.kill()
