"""Kinesis streams that change: splits, merges, scaling, retention, tags; and consumers that are pushed their records. With boto3."""
import os
import threading
import time

import pytest
from botocore.exceptions import ClientError
from confluent_kafka import Producer

import kinesis_client
from kinesis_client import refused


def client_of(node):
    return kinesis_client.client_of(node, max_pool_connections=50)


@pytest.fixture(scope="module")
def kinesis(shared_node):
    return client_of(shared_node)


@pytest.fixture
def stream(kinesis, request):
    name = request.node.name.split("[")[0][:128]
    kinesis.create_stream(StreamName=name, ShardCount=2)
    yield name
    kinesis.delete_stream(StreamName=name, EnforceConsumerDeletion=True)


def cpu_seconds(node):
    fields = open(f"/proc/{node.process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def shards_of(kinesis, stream, **more):
    return {s["ShardId"]: s for s in kinesis.list_shards(StreamName=stream, **more)["Shards"]}


def drain(kinesis, stream, shard, sequence=None):
    """All records to the end of a closed shard or to the tip, and the last page."""
    start = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": sequence} if sequence else {"ShardIteratorType": "TRIM_HORIZON"}
    position = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, **start)["ShardIterator"]
    records = []
    while True:
        page = kinesis.get_records(ShardIterator=position)
        records += page["Records"]
        position = page.get("NextShardIterator")
        if not position or page["MillisBehindLatest"] == 0:
            return records, page


def consume_lineage(kinesis, stream):
    """As KCL does: a shard is read when its parents have ended. Data by partition key, in the order of reading."""
    known, done, seen = set(), set(), {}
    while True:
        shards = shards_of(kinesis, stream)
        ready = [s for s in shards.values() if s["ShardId"] not in known
                 and {s.get("ParentShardId"), s.get("AdjacentParentShardId")} - {None} <= done]
        if not ready:
            return seen
        for shard in ready:
            known.add(shard["ShardId"])
            records, page = drain(kinesis, stream, shard["ShardId"])
            for record in records:
                seen.setdefault(record["PartitionKey"], []).append(int(record["Data"]))
            if "NextShardIterator" not in page:
                assert "EndingSequenceNumber" in shard["SequenceNumberRange"]
                done.add(shard["ShardId"])


def open_ranges(shards):
    ranges = sorted((int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"])) for s in shards.values()
                    if "EndingSequenceNumber" not in s["SequenceNumberRange"])
    assert ranges[0][0] == 0 and ranges[-1][1] == 2**128 - 1
    assert all(before[1] + 1 == after[0] for before, after in zip(ranges, ranges[1:]))
    return ranges


def test_a_split_gives_two_children_that_go_on(kinesis, stream):
    before = [kinesis.put_record(StreamName=stream, Data=b"%d" % i, PartitionKey="p", ExplicitHashKey="5") for i in range(3)]
    kinesis.split_shard(StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey="1000")
    assert kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["OpenShardCount"] == 3
    shards = shards_of(kinesis, stream)
    assert len(shards) == 4
    children = [shards["shardId-000000000002"], shards["shardId-000000000003"]]
    assert [c["ParentShardId"] for c in children] == ["shardId-000000000000"] * 2
    assert [c["HashKeyRange"]["StartingHashKey"] for c in children] == ["0", "1000"]
    open_ranges(shards)
    parent = shards["shardId-000000000000"]["SequenceNumberRange"]
    assert int(before[-1]["SequenceNumber"]) < int(parent["EndingSequenceNumber"]) < int(children[0]["SequenceNumberRange"]["StartingSequenceNumber"])
    after = kinesis.put_record(StreamName=stream, Data=b"3", PartitionKey="p", ExplicitHashKey="5")
    assert after["ShardId"] == "shardId-000000000002" and int(after["SequenceNumber"]) > int(parent["EndingSequenceNumber"])
    records, page = drain(kinesis, stream, "shardId-000000000000")
    assert [r["Data"] for r in records] == [b"0", b"1", b"2"] and "NextShardIterator" not in page
    assert [(c["ShardId"], c["ParentShards"]) for c in page["ChildShards"]] == [
        ("shardId-000000000002", ["shardId-000000000000"]), ("shardId-000000000003", ["shardId-000000000000"])]
    assert shards_of(kinesis, stream, ShardFilter={"Type": "AT_LATEST"}).keys() == {f"shardId-{i:012}" for i in (1, 2, 3)}
    assert shards_of(kinesis, stream, ShardFilter={"Type": "AT_TRIM_HORIZON"}).keys() == {f"shardId-{i:012}" for i in (0, 1)}
    message = refused("InvalidArgumentException", kinesis.split_shard, StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey="10")
    assert "already been merged or split" in message
    for key in ("0", "1", "999", str(2**127)):
        assert "NewStartingHashKey" in refused("InvalidArgumentException", kinesis.split_shard, StreamName=stream,
                                               ShardToSplit="shardId-000000000002", NewStartingHashKey=key)


def test_a_merge_gives_one_child_of_both(kinesis, stream):
    for hash_key in ("0", str(2**128 - 1)):
        kinesis.put_record(StreamName=stream, Data=b"x", PartitionKey="p", ExplicitHashKey=hash_key)
    kinesis.merge_shards(StreamName=stream, ShardToMerge="shardId-000000000000", AdjacentShardToMerge="shardId-000000000001")
    child = shards_of(kinesis, stream)["shardId-000000000002"]
    assert (child["ParentShardId"], child["AdjacentParentShardId"]) == ("shardId-000000000000", "shardId-000000000001")
    for parent in ("shardId-000000000000", "shardId-000000000001"):
        records, page = drain(kinesis, stream, parent)
        assert len(records) == 1 and page["ChildShards"][0]["ParentShards"] == ["shardId-000000000000", "shardId-000000000001"]
    assert "not an adjacent pair" in refused("InvalidArgumentException", kinesis.merge_shards, StreamName=stream,
                                             ShardToMerge="shardId-000000000002", AdjacentShardToMerge="shardId-000000000002")


def test_scaling_ends_in_equal_ranges(kinesis, stream):
    for target in (4, 3, 6, 5, 10, 5, 3, 2):
        answer = kinesis.update_shard_count(StreamName=stream, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
        assert answer["TargetShardCount"] == target
        ranges = open_ranges(shards_of(kinesis, stream))
        assert len(ranges) == target and max(b - a for a, b in ranges) - min(b - a for a, b in ranges) <= target
    assert "over double" in refused("InvalidArgumentException", kinesis.update_shard_count, StreamName=stream, TargetShardCount=5,
                                    ScalingType="UNIFORM_SCALING")
    kinesis.update_shard_count(StreamName=stream, TargetShardCount=1, ScalingType="UNIFORM_SCALING")


def test_writers_never_stop_and_consumers_miss_nothing_while_shards_change(kinesis, stream, shared_node):
    stopping, counts = threading.Event(), {}

    def write(key):
        client, n = client_of(shared_node), 0
        while not stopping.is_set():
            records = [{"Data": b"%d" % (n + i), "PartitionKey": key} for i in range(20)]
            answer = client.put_records(StreamName=stream, Records=records)
            assert answer["FailedRecordCount"] == 0
            n += 20
            counts[key] = n
    threads = [threading.Thread(target=write, args=(f"k{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for target in (4, 8, 5, 3, 2):
        time.sleep(0.15)
        kinesis.update_shard_count(StreamName=stream, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
    time.sleep(0.15)
    stopping.set()
    for thread in threads:
        thread.join()
    assert len(counts) == 4
    assert consume_lineage(kinesis, stream) == {key: list(range(count)) for key, count in counts.items()}


def test_lineage_survives_a_restart_and_goes_with_its_topic(node):
    kinesis = client_of(node)
    kinesis.create_stream(StreamName="kept", ShardCount=1, Tags={"team": "a"})
    kinesis.update_shard_count(StreamName="kept", TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    arn = kinesis.describe_stream(StreamName="kept")["StreamDescription"]["StreamARN"]
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]
    before = kinesis.describe_stream(StreamName="kept")["StreamDescription"]
    node.kill()
    node.start()
    assert kinesis.describe_stream(StreamName="kept")["StreamDescription"] == before
    assert kinesis.list_tags_for_stream(StreamName="kept")["Tags"] == [{"Key": "team", "Value": "a"}]
    assert kinesis.list_stream_consumers(StreamARN=arn)["Consumers"] == [consumer]
    node.cli("topic", "delete", "kept", "--yes") if "--yes" in node.cli("topic", "delete", "--help").stdout else node.api("/topics/kept", "DELETE")
    refused("ResourceNotFoundException", kinesis.describe_stream, StreamName="kept")
    kinesis.create_stream(StreamName="kept", ShardCount=1)
    anew = kinesis.describe_stream(StreamName="kept")["StreamDescription"]
    assert len(anew["Shards"]) == 1 and kinesis.list_tags_for_stream(StreamName="kept")["Tags"] == []
    assert kinesis.list_stream_consumers(StreamARN=arn)["Consumers"] == []


def test_kafka_adds_partitions(kinesis, stream, shared_node):
    shared_node.api(f"/topics/{stream}", "PATCH", {"partitions": 3})
    shards = shards_of(kinesis, stream)
    assert len(shards) == 3 and len(open_ranges(shards)) == 3
    kinesis.split_shard(StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey="1000")
    shared_node.api(f"/topics/{stream}", "PATCH", {"partitions": 6})
    producer = Producer({"bootstrap.servers": shared_node.kafka})
    producer.produce(stream, b"from kafka", b"key", partition=5)
    assert producer.flush(10) == 0
    records, page = drain(kinesis, stream, "shardId-000000000005")
    assert [r["Data"] for r in records] == [b"from kafka"] and page["NextShardIterator"]
    last = kinesis.put_record(StreamName=stream, Data=b"", PartitionKey="p", ExplicitHashKey=str(2**128 - 1))
    assert last["ShardId"] == "shardId-000000000002"
    kinesis.split_shard(StreamName=stream, ShardToSplit="shardId-000000000002", NewStartingHashKey=str(2**128 - 1000))
    assert {"shardId-000000000006", "shardId-000000000007"} <= shards_of(kinesis, stream).keys()


def test_retention(kinesis, stream, shared_node):
    kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=48)
    assert kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["RetentionPeriodHours"] == 48
    assert "172800000" in str(shared_node.api(f"/topics/{stream}"))
    assert "Use DecreaseRetentionPeriod API." in refused("InvalidArgumentException", kinesis.increase_stream_retention_period,
                                                         StreamName=stream, RetentionPeriodHours=25)
    kinesis.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=24)
    assert "too short" in refused("InvalidArgumentException", kinesis.decrease_stream_retention_period, StreamName=stream, RetentionPeriodHours=23)


def test_tags_by_name_and_by_arn(kinesis, stream):
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    kinesis.add_tags_to_stream(StreamName=stream, Tags={"a": "1", "b": "2"})
    kinesis.tag_resource(ResourceARN=arn, Tags={"b": "3", "straße": ""})
    assert kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"] == [
        {"Key": "a", "Value": "1"}, {"Key": "b", "Value": "3"}, {"Key": "straße", "Value": ""}]
    page = kinesis.list_tags_for_stream(StreamName=stream, ExclusiveStartTagKey="a", Limit=1)
    assert page["Tags"] == [{"Key": "b", "Value": "3"}] and page["HasMoreTags"]
    kinesis.remove_tags_from_stream(StreamName=stream, TagKeys=["a", "unknown"])
    kinesis.untag_resource(ResourceARN=arn, TagKeys=["b"])
    assert [t["Key"] for t in kinesis.list_tags_for_stream(StreamName=stream)["Tags"]] == ["straße"]
    assert "invalid characters" in refused("InvalidArgumentException", kinesis.add_tags_to_stream, StreamName=stream, Tags={"a": "!"})


def test_a_consumer_has_tags_of_its_own(kinesis, stream):
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    kinesis.add_tags_to_stream(StreamName=stream, Tags={"of": "stream"})
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c", Tags={"a": "1"})["Consumer"]["ConsumerARN"]
    kinesis.tag_resource(ResourceARN=consumer, Tags={"b": "2"})
    assert kinesis.list_tags_for_resource(ResourceARN=consumer)["Tags"] == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    kinesis.untag_resource(ResourceARN=consumer, TagKeys=["a"])
    assert kinesis.list_tags_for_resource(ResourceARN=consumer)["Tags"] == [{"Key": "b", "Value": "2"}]
    assert kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "of", "Value": "stream"}]
    refused("ResourceNotFoundException", kinesis.list_tags_for_resource, ResourceARN=consumer.replace("/c:", "/d:"))
    kinesis.deregister_stream_consumer(ConsumerARN=consumer)


def test_mode_and_the_greatest_record_can_be_changed(kinesis, stream):
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=2048)
    kinesis.put_record(StreamName=stream, Data=bytes((2 << 20) - 1), PartitionKey="p")
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    summary = kinesis.describe_stream_summary(StreamARN=arn)["StreamDescriptionSummary"]
    assert summary["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"} and summary["MaxRecordSizeInKiB"] == 2048
    refused("ValidationException", kinesis.split_shard, StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey="10")
    limits = kinesis.describe_limits()
    assert limits["OnDemandStreamCount"] >= 1 and limits["OpenShardCount"] >= 2


def test_consumers_are_registered_listed_and_removed(kinesis, stream):
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    consumers = [kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=f"c{i:02}")["Consumer"] for i in range(20)]
    assert consumers[0]["ConsumerARN"].startswith(arn + "/consumer/c00:") and consumers[0]["ConsumerStatus"] == "ACTIVE"
    refused("LimitExceededException", kinesis.register_stream_consumer, StreamARN=arn, ConsumerName="more")
    refused("ResourceInUseException", kinesis.register_stream_consumer, StreamARN=arn, ConsumerName="c00")
    described = kinesis.describe_stream_consumer(ConsumerARN=consumers[3]["ConsumerARN"])["ConsumerDescription"]
    assert described == kinesis.describe_stream_consumer(StreamARN=arn, ConsumerName="c03")["ConsumerDescription"]
    assert described["StreamARN"] == arn and described["ConsumerName"] == "c03"
    first = kinesis.list_stream_consumers(StreamARN=arn, MaxResults=15)
    second = kinesis.list_stream_consumers(StreamARN=arn, NextToken=first["NextToken"])
    assert [c["ConsumerName"] for c in first["Consumers"] + second["Consumers"]] == [f"c{i:02}" for i in range(20)]
    kinesis.deregister_stream_consumer(StreamARN=arn, ConsumerName="c05")
    refused("ResourceNotFoundException", kinesis.describe_stream_consumer, StreamARN=arn, ConsumerName="c05")
    assert kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["ConsumerCount"] == 19
    refused("ResourceInUseException", kinesis.delete_stream, StreamName=stream)


def test_a_subscriber_is_pushed_what_comes(kinesis, stream, shared_node):
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="pushed")["Consumer"]["ConsumerARN"]
    first = kinesis.put_record(StreamName=stream, Data=b"0", PartitionKey="p", ExplicitHashKey="0")
    subscribed = kinesis.subscribe_to_shard(ConsumerARN=consumer, ShardId="shardId-000000000000", StartingPosition={"Type": "TRIM_HORIZON"})
    events, records, last = iter(subscribed["EventStream"]), [], None

    def until(count):
        nonlocal last
        while len(records) < count:
            last = next(events)["SubscribeToShardEvent"]
            records.extend(last["Records"])
    until(1)
    assert records[0]["SequenceNumber"] == first["SequenceNumber"] and records[0]["Data"] == b"0"
    kinesis.tag_resource(ResourceARN=consumer, Tags={"team": "data"})  # it stays the same consumer
    lags = []
    for i in range(1, 30):
        begin = time.monotonic()
        client_of(shared_node).put_record(StreamName=stream, Data=b"%d" % i, PartitionKey="p", ExplicitHashKey="0") if i == 1 else \
            kinesis.put_record(StreamName=stream, Data=b"%d" % i, PartitionKey="p", ExplicitHashKey="0")
        until(i + 1)
        lags.append(time.monotonic() - begin)
    assert [r["Data"] for r in records] == [b"%d" % i for i in range(30)]
    print(f"put to event: median {sorted(lags)[len(lags) // 2] * 1000:.1f} ms, most {max(lags) * 1000:.1f} ms")
    assert last["MillisBehindLatest"] == 0
    # The place goes on from one subscription to the next.
    assert "5 seconds" in refused("ResourceInUseException", kinesis.subscribe_to_shard, ConsumerARN=consumer, ShardId="shardId-000000000000",
                                  StartingPosition={"Type": "LATEST"})
    subscribed["EventStream"].close()
    kinesis.split_shard(StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey="1000")
    other = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="other")["Consumer"]["ConsumerARN"]
    again = kinesis.subscribe_to_shard(ConsumerARN=other, ShardId="shardId-000000000000", StartingPosition={
        "Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": records[27]["SequenceNumber"]})
    rest = [event["SubscribeToShardEvent"] for event in again["EventStream"]]  # the stream ends with its shard
    assert [r["Data"] for event in rest for r in event["Records"]] == [b"28", b"29"]
    assert [c["ShardId"] for c in rest[-1]["ChildShards"]] == ["shardId-000000000002", "shardId-000000000003"]


def test_an_open_transaction_is_waited_for_without_haste(kinesis, stream, shared_node):
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="committed")["Consumer"]["ConsumerARN"]
    subscribed = kinesis.subscribe_to_shard(ConsumerARN=consumer, ShardId="shardId-000000000000", StartingPosition={"Type": "TRIM_HORIZON"})
    events = iter(subscribed["EventStream"])
    assert next(events)["SubscribeToShardEvent"]["Records"] == []
    producer = Producer({"bootstrap.servers": shared_node.kafka, "transactional.id": "kinesis"})
    producer.init_transactions(10)
    for data, end in ((b"aborted", producer.abort_transaction), (b"committed", producer.commit_transaction)):
        producer.begin_transaction()
        producer.produce(stream, data, b"k", partition=0)
        producer.flush(10)
        latest = kinesis.get_shard_iterator(StreamName=stream, ShardId="shardId-000000000000", ShardIteratorType="LATEST")["ShardIterator"]
        before = cpu_seconds(shared_node)
        time.sleep(1)
        assert cpu_seconds(shared_node) - before < 0.5, "the node turns in circles"
        records, page = drain(kinesis, stream, "shardId-000000000000")
        assert records == [] and page["MillisBehindLatest"] == 0 and page["NextShardIterator"]
        end(10)
    records = []
    while not records:
        records = next(events)["SubscribeToShardEvent"]["Records"]
    assert [r["Data"] for r in records] == [b"committed"]
    # To committed readers it came behind what was the latest then.
    assert [r["Data"] for r in kinesis.get_records(ShardIterator=latest)["Records"]] == [b"committed"]
    subscribed["EventStream"].close()


def test_a_later_subscription_takes_over_and_a_removed_consumer_ends(kinesis, stream):
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="twice")["Consumer"]["ConsumerARN"]
    position = {"ConsumerARN": consumer, "ShardId": "shardId-000000000001", "StartingPosition": {"Type": "LATEST"}}
    old = kinesis.subscribe_to_shard(**position)
    assert next(iter(old["EventStream"]))["SubscribeToShardEvent"]["Records"] == []
    time.sleep(5.1)
    new = kinesis.subscribe_to_shard(**position)
    with pytest.raises(ClientError) as caught:
        list(old["EventStream"])
    assert caught.value.response["Error"]["Code"] == "ResourceInUseException"
    kinesis.deregister_stream_consumer(ConsumerARN=consumer)
    with pytest.raises(ClientError) as caught:
        list(new["EventStream"])
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
