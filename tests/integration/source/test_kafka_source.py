"""Tables over topics of another cluster: where reading begins and ends, transactions, metadata, new partitions, kills of the node that reads and of
the broker. The cluster is a real Apache Kafka, or a second Mainstem node where many starts count."""
import itertools
import json
import os
import random
import time

import confluent_kafka
import pytest

import support
from kafka_topics import Topics

names = (f"in-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def other_node(tmp_path_factory):
    server = support.Node(tmp_path_factory.mktemp("other"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(params=["mainstem", "apache"])
def topics(request):
    """Of both kinds of brokers."""
    if request.param == "mainstem":
        return Topics(request.getfixturevalue("other_node").kafka)
    return Topics(request.getfixturevalue("kafka_server").address)


@pytest.fixture
def node_topics(other_node):
    return Topics(other_node.kafka)


def table(topics, topic, columns="k STRING, n BIGINT", name="t", bounded="latest-offset", start="earliest-offset", **options):
    given = {"connector": "kafka", "topic": topic, "properties.bootstrap.servers": topics.address, "format": "json",
             "scan.bounded.mode": bounded, "scan.startup.mode": start, **{key.replace("__", "-").replace("_", "."): value for key, value in options.items()}}
    settings = ", ".join(f"'{key}' = '{value}'" for key, value in given.items() if value is not None)
    return f"CREATE TABLE {name} ({columns}) WITH ({settings});\n"


def event(n, key="a"):
    return json.dumps({"k": key, "n": n}).encode()


def rows_of(node, script):
    results, error = node.results(script)
    assert error is None, error
    return [row[1:] for row in results[-1]]


def read_numbers(node, script, query="SELECT n FROM t;"):
    return sorted(int(row[0]) for row in rows_of(node, script + query))


def test_reading_begins_and_ends_where_the_table_says(shared_node, topics):
    topic = topics.make(next(names), 2)
    producer = confluent_kafka.Producer({"bootstrap.servers": topics.address})
    for n in range(20):
        producer.produce(topic, partition=n % 2, value=event(n), timestamp=1_000_000 + n)
    producer.flush(30)

    def read(**options):
        return read_numbers(shared_node, table(topics, topic, **options))
    assert read() == list(range(20))
    assert read(start="latest-offset") == []
    assert read(start="timestamp", scan_startup_timestamp__millis="1000011") == list(range(11, 20))
    assert read(bounded="timestamp", scan_bounded_timestamp__millis="1000007") == list(range(7))
    assert read(start="specific-offsets", scan_startup_specific__offsets="partition:0,offset:8;partition:1,offset:9") == [16, 18, 19]
    assert read(bounded="specific-offsets", scan_bounded_specific__offsets="partition:0,offset:2;partition:1,offset:1") == [0, 1, 2]
    group = f"group-{topic}"
    committer = confluent_kafka.Consumer({"bootstrap.servers": topics.address, "group.id": group})
    committer.commit(offsets=[confluent_kafka.TopicPartition(topic, p, 6 + p) for p in range(2)], asynchronous=False)
    committer.close()
    assert read(start="group-offsets", properties_group_id=group) == [12, 14, 15, 16, 17, 18, 19]
    assert read(bounded="group-offsets", properties_group_id=group) == [n for n in range(14) if n not in (12,)]
    assert read(start="group-offsets", properties_group_id="nobody", properties_auto_offset_reset="earliest") == list(range(20))
    _, error = shared_node.results(table(topics, topic, start="group-offsets", properties_group_id="nobody") + "SELECT n FROM t;")
    assert "group 'nobody' has no offset" in json.dumps(error), error


def test_metadata_and_keys_come_with_the_rows(shared_node, topics):
    topic = topics.make(next(names), 1)
    producer = confluent_kafka.Producer({"bootstrap.servers": topics.address})
    producer.produce(topic, key=b'{"id": 7}', value=event(1), timestamp=1767225600123, headers=[("h", b"one"), ("none", None)])
    producer.produce(topic, key=b'{"id": 8}', value=None, timestamp=1767225600124)
    producer.produce(topic, value=event(2), timestamp=1767225600125)
    producer.flush(30)
    columns = """id BIGINT, n BIGINT, topic STRING METADATA VIRTUAL, part INT METADATA FROM 'partition' VIRTUAL, at_offset BIGINT METADATA FROM 'offset' VIRTUAL,
      stamp TIMESTAMP_LTZ(3) METADATA FROM 'timestamp', kind STRING METADATA FROM 'timestamp-type' VIRTUAL, h MAP<STRING, BYTES> METADATA FROM 'headers'"""
    script = table(topics, topic, columns, key_format="json", key_fields="id", value_fields__include="EXCEPT_KEY")
    found = rows_of(shared_node, script + "SELECT id, n, topic, part, at_offset, CAST(stamp AS STRING), kind, CAST(h['h'] AS STRING), CARDINALITY(h) FROM t;")
    assert found == [["7", "1", topic, "0", "0", "2026-01-01 00:00:00.123", "CreateTime", "one", "2"],
                     [None, "2", topic, "0", "2", "2026-01-01 00:00:00.125", "CreateTime", None, "0"]]


def test_only_committed_records_are_read_when_asked(shared_node, topics):
    topic = topics.make(next(names), 1)
    topics.produce(topic, [(0, None, event(n)) for n in range(5)], f"ok-{topic}")
    topics.produce(topic, [(0, None, event(n)) for n in range(100, 105)], f"no-{topic}", commits=False)
    assert read_numbers(shared_node, table(topics, topic, properties_isolation_level="read_committed")) == list(range(5))
    assert read_numbers(shared_node, table(topics, topic)) == [*range(5), *range(100, 105)]


def test_a_keyed_topic_is_a_table(shared_node, topics):
    topic = topics.make(next(names), 2)
    changes = [(1, "Ann"), (2, "Bob"), (3, "Ann"), (1, "Bob"), (3, None), (4, "Cid"), (4, "Dan"), (9, None)]
    topics.produce(topic, [(number % 2, json.dumps({"id": number}).encode(), value and json.dumps({"id": number, "name": value}).encode())
                           for number, value in changes])
    script = table(topics, topic, "id INT, name STRING, PRIMARY KEY (id) NOT ENFORCED", connector="upsert-kafka", start=None, format=None,
                   key_format="json", value_format="json")
    results, error = shared_node.results(script + "SELECT name, COUNT(*) FROM t GROUP BY name;")
    assert error is None, error
    counts = {}
    for kind, name, count in results[-1]:
        counts[name] = count if kind in ("+I", "+U") else None
    assert {name: count for name, count in counts.items() if count} == {"Bob": "2", "Dan": "1"}


def test_watermarks_are_those_of_the_slowest_partition(shared_node, topics):
    """All that is early lies in one partition, all that is late in the other: with one watermark for both some rows would be too late."""
    topic = topics.make(next(names), 2)
    topics.produce(topic, [(n // 500, None, json.dumps({"k": "a", "n": 60000 * (999 - n)}).encode()) for n in reversed(range(1000))])
    columns = "k STRING, n BIGINT, stamp AS TO_TIMESTAMP_LTZ(n, 3), WATERMARK FOR stamp AS stamp - INTERVAL '1' SECOND"
    query = "SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(stamp), INTERVAL '1:40' HOUR TO MINUTE)) GROUP BY window_start, window_end;"
    assert [row[1] for row in rows_of(shared_node, table(topics, topic, columns) + query)] == ["100"] * 10


def test_patterns_and_missing_topics(shared_node, topics):
    first = topics.make(next(names) + "-pattern-a")
    second = topics.make(first + "b")
    topics.produce(first, [(0, None, event(1))])
    topics.produce(second, [(0, None, event(2))])
    pattern = table(topics, None, **{"topic-pattern": first + ".*"})
    assert read_numbers(shared_node, pattern) == [1, 2]
    _, error = shared_node.results(table(topics, first + "x") + "SELECT n FROM t;")
    assert f"cannot use topic '{first}x'" in json.dumps(error) and "did you mean" in json.dumps(error), error


def test_a_job_reads_new_partitions_and_commits_its_offsets(node, topics):
    topic = topics.make(next(names), 1)
    topics.produce(topic, [(0, None, event(n)) for n in range(10)])
    node.submit("SET 'execution.checkpointing.interval' = '200 ms';" + table(
        topics, topic, bounded=None, properties_group_id="g-" + topic, scan_topic__partition__discovery_interval="500 ms") + f"""
        CREATE TABLE copy (n BIGINT) WITH ('connector' = 'kafka', 'topic' = 'copy', 'format' = 'json', 'properties.bootstrap.servers' = '{node.kafka}');
        INSERT INTO copy SELECT n FROM t;""")
    own = Topics(node.kafka)

    def copied():
        return sorted(json.loads(message.value())["n"] for messages in own.read("copy").values() for message in messages)
    support.wait_until(lambda: "copy" in own.admin.list_topics(timeout=10).topics and copied() == list(range(10)), "the first rows", 60)
    support.wait_until(lambda: topics.committed("g-" + topic) == {(topic, 0): 10}, "the group's offset", 60)
    grown = topics.admin.create_partitions([confluent_kafka.admin.NewPartitions(topic, 2)])
    grown[topic].result(30)
    support.wait_until(lambda: len(topics.admin.list_topics(topic, timeout=10).topics[topic].partitions) == 2, "the new partition", 30)
    topics.produce(topic, [(1, None, event(n)) for n in range(10, 15)])
    support.wait_until(lambda: copied() == list(range(15)), "rows of the new partition", 60)


def test_kills_of_the_reading_node_change_nothing(node, node_topics):
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))
    kills, rng = 100 if support.FULL else 8, random.Random(seed)
    print(f"KILL_SEED={seed}")
    topic = node_topics.make(next(names), 3)
    node.submit("SET 'execution.checkpointing.interval' = '50 ms';" + table(node_topics, topic, bounded=None) + f"""
        CREATE TABLE copy (k STRING, n BIGINT) WITH ('connector' = 'kafka', 'topic' = 'copy', 'format' = 'json', 'properties.bootstrap.servers' = '{node.kafka}');
        INSERT INTO copy SELECT k, n FROM t;""")
    sent = 0
    for number in range(kills):
        count = rng.randrange(50, 300)
        node_topics.produce(topic, [(n % 3, None, event(n, f"p{n % 3}")) for n in range(sent, sent + count)])
        sent += count
        time.sleep(rng.uniform(0, 0.3))
        node.kill()
        point = f"checkpoint.commit:{rng.randrange(1, 4)}" if number % 3 == 1 and number + 1 < kills else None
        node.start(crash_point=point)
        if point:
            time.sleep(rng.uniform(0, 0.3))
    if not node.running():
        node.start()
    own = Topics(node.kafka)

    def copied():
        found = {}
        for messages in own.read("copy").values():
            for message in messages:
                row = json.loads(message.value())
                found.setdefault(row["k"], []).append(row["n"])
        return found
    support.wait_until(lambda: sum(map(len, copied().values())) >= sent, "all rows", 120)
    assert {k: sorted(found) for k, found in copied().items()} == {f"p{p}": list(range(p, sent, 3)) for p in range(3)}


def test_a_broker_that_is_away_is_shown_and_waited_for(node, tmp_path):
    os.mkdir(tmp_path / "broker")
    broker = support.Node(tmp_path / "broker").start()
    try:
        topics = Topics(broker.kafka)
        topic = topics.make(next(names), 2)
        topics.produce(topic, [(n % 2, None, event(n)) for n in range(20)])
        job, = node.submit("SET 'execution.checkpointing.interval' = '100 ms';" + table(topics, topic, bounded=None) + f"""
            CREATE TABLE copy (n BIGINT) WITH ('connector' = 'kafka', 'topic' = 'copy', 'format' = 'json', 'properties.bootstrap.servers' = '{node.kafka}');
            INSERT INTO copy SELECT n FROM t;""")
        own = Topics(node.kafka)

        def copied():
            return sorted(json.loads(message.value())["n"] for messages in own.read("copy").values() for message in messages)
        support.wait_until(lambda: "copy" in own.admin.list_topics(timeout=10).topics and copied() == list(range(20)), "the first rows", 60)
        broker.kill()
        support.wait_until(lambda: broker.kafka in json.dumps(node.api(f"/jobs/{job}")), "the broker's address in the job's error", 90)
        broker.start()
        topics.produce(topic, [(n % 2, None, event(n)) for n in range(20, 40)])
        support.wait_until(lambda: copied() == list(range(40)), "all rows", 120)
    finally:
        broker.kill()


def test_a_topic_of_the_node_that_is_made_again_is_noticed(node):
    """By a job that runs and by one that is stopped meanwhile, although the new topic is longer; what it would pass over is told, not lost."""
    own = Topics(node.kafka)
    own.make("again")
    own.produce("again", [(0, None, event(n)) for n in range(100)])

    def submit(copy):
        [job] = node.submit("SET 'execution.checkpointing.interval' = '100 ms';" + table(own, "again", bounded=None) + f"""
            CREATE TABLE copy (n BIGINT) WITH ('connector' = 'kafka', 'topic' = '{copy}', 'format' = 'json', 'properties.bootstrap.servers' = '{node.kafka}');
            INSERT INTO copy SELECT n FROM t;""")
        return job

    def copied(copy):
        if copy not in own.admin.list_topics(timeout=10).topics:
            return []
        return [json.loads(message.value())["n"] for messages in own.read(copy).values() for message in messages]

    def tells_it(job):
        told = node.api(f"/jobs/{job}")
        return told["state"] == "RESTARTING" and "topic 'again' was deleted and made again since it was read last" in told["error"]
    running, stopped = submit("by-running"), submit("by-stopped")
    for copy in ("by-running", "by-stopped"):
        support.wait_until(lambda: copied(copy) == list(range(100)), "the first topic's rows", 60)
    node.cli("job", "stop", stopped)
    own.admin.delete_topics(["again"])["again"].result(30)
    own.make("again")
    own.produce("again", [(0, None, event(n)) for n in range(1000, 1150)])
    support.wait_until(lambda: tells_it(running), "the running job to notice it", 60)
    node.cli("job", "resume", stopped)
    support.wait_until(lambda: tells_it(stopped), "the resumed job to notice it", 60)
    assert copied("by-running") == copied("by-stopped") == list(range(100))
    submit("by-new")
    support.wait_until(lambda: copied("by-new") == list(range(1000, 1150)), "a new job to read all of it", 60)


def test_a_script_is_checked_against_the_cluster(shared_node, tmp_path, topics):
    topic = topics.make(next(names), 3)
    topics.produce(topic, [(0, None, event(1))])
    path = tmp_path / "check.sql"
    path.write_text(table(topics, topic, name="good") + table(topics, topic + "-none", name="bad"))
    result = shared_node.cli("--json", "connector", "check", str(path), check=False)
    found = {(check["table"].rsplit(".", 1)[1], check["as"]): check for check in json.loads(result.stdout.splitlines()[0])["checks"]}
    assert found["good", "source"]["found"].startswith("3 splits") and "exactly once" in found["good", "sink"]["found"]
    assert topic + "-none" in found["bad", "source"]["problem"]
