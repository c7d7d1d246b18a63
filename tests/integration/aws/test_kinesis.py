"""Kinesis Data Streams through boto3 and the AWS CLI, unmodified, and the same records through Kafka and SQL."""
import base64
import hashlib
import json
import os
import subprocess
import sys
import time

import boto3
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

import support
from kinesis_client import client_of, refused

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "thing", "AWS_DEFAULT_REGION": "eu-central-1"}
MAGIC = bytes.fromhex("f3899ac2")  # of records that the KPL has aggregated


@pytest.fixture(scope="module")
def kinesis(shared_node):
    return client_of(shared_node)


@pytest.fixture
def stream(kinesis, request):
    """A stream of two shards for one test."""
    name = request.node.name.split("[")[0][:128]
    kinesis.create_stream(StreamName=name, ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName=name)
    yield name
    kinesis.delete_stream(StreamName=name)
    kinesis.get_waiter("stream_not_exists").wait(StreamName=name)


def iterator(kinesis, stream, shard, kind="TRIM_HORIZON", **more):
    return kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType=kind, **more)["ShardIterator"]


def read_shard(kinesis, stream, shard, kind="TRIM_HORIZON", **more):
    """All records up to the tip."""
    records, position = [], iterator(kinesis, stream, shard, kind, **more)
    while position:
        page = kinesis.get_records(ShardIterator=position)
        records += page["Records"]
        position = page.get("NextShardIterator")
        if page["MillisBehindLatest"] == 0:
            break
    return records


def read_topic(bootstrap, topic, count):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, 10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    messages = []
    while len(messages) < count:
        message = consumer.poll(10)
        assert message is not None and not message.error(), f"{len(messages)} of {count}: {message and message.error()}"
        messages.append(message)
    consumer.close()
    return messages


def test_a_stream_is_made_described_listed_and_deleted(kinesis):
    kinesis.create_stream(StreamName="described", ShardCount=3, Tags={"team": "data"})
    described = kinesis.describe_stream(StreamName="described")["StreamDescription"]
    assert described["StreamARN"] == "arn:aws:kinesis:eu-central-1:000000000000:stream/described"
    assert (described["StreamStatus"], described["RetentionPeriodHours"], described["HasMoreShards"]) == ("ACTIVE", 24, False)
    assert described["StreamModeDetails"] == {"StreamMode": "PROVISIONED"} and described["EnhancedMonitoring"] == [{"ShardLevelMetrics": []}]
    assert abs(described["StreamCreationTimestamp"].timestamp() - time.time()) < 60
    ranges = [(int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"])) for s in described["Shards"]]
    assert ranges[0][0] == 0 and ranges[-1][1] == 2**128 - 1
    assert all(before[1] + 1 == after[0] for before, after in zip(ranges, ranges[1:]))
    assert [s["ShardId"] for s in described["Shards"]] == [f"shardId-{i:012}" for i in range(3)]
    page = kinesis.describe_stream(StreamName="described", Limit=1, ExclusiveStartShardId="shardId-000000000000")["StreamDescription"]
    assert [s["ShardId"] for s in page["Shards"]] == ["shardId-000000000001"] and page["HasMoreShards"]
    by_arn = kinesis.describe_stream_summary(StreamARN=described["StreamARN"])["StreamDescriptionSummary"]
    assert (by_arn["StreamName"], by_arn["OpenShardCount"], by_arn["ConsumerCount"]) == ("described", 3, 0)
    assert "described" in kinesis.list_streams()["StreamNames"]
    assert "already exists" in refused("ResourceInUseException", kinesis.create_stream, StreamName="described", ShardCount=1)
    kinesis.delete_stream(StreamName="described")
    message = refused("ResourceNotFoundException", kinesis.describe_stream, StreamName="described")
    assert message == "Stream described under account 000000000000 not found."


def test_an_on_demand_stream_begins_with_four_shards(kinesis):
    kinesis.create_stream(StreamName="on-demand", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    summary = kinesis.describe_stream_summary(StreamName="on-demand")["StreamDescriptionSummary"]
    assert summary["OpenShardCount"] == 4 and summary["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    refused("ValidationException", kinesis.create_stream, StreamName="x", ShardCount=1, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    kinesis.delete_stream(StreamName="on-demand")


def test_streams_are_listed_page_by_page(kinesis):
    names = [f"page-{i}" for i in range(5)]
    for name in names:
        kinesis.create_stream(StreamName=name, ShardCount=1)
    pages = list(kinesis.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 2}))
    listed = [name for page in pages for name in page["StreamNames"]]
    assert [name for name in listed if name.startswith("page-")] == names and len(pages) >= 3
    assert all(s["StreamStatus"] == "ACTIVE" for page in pages for s in page["StreamSummaries"])
    first = kinesis.list_streams(Limit=2, ExclusiveStartStreamName="page-1")
    assert first["StreamNames"] == ["page-2", "page-3"] and first["HasMoreStreams"]
    for name in names:
        kinesis.delete_stream(StreamName=name)


def test_records_come_back_in_order_with_everything(kinesis, stream):
    sent = [{"Data": bytes([i]) * i, "PartitionKey": f"k{i % 7}"} for i in range(200)]
    answer = kinesis.put_records(StreamName=stream, Records=sent)
    assert answer["FailedRecordCount"] == 0 and len(answer["Records"]) == 200
    single = kinesis.put_record(StreamName=stream, Data=b"one", PartitionKey="k1")
    by_shard = {}
    for record, result in zip(sent + [{"Data": b"one", "PartitionKey": "k1"}], answer["Records"] + [single]):
        by_shard.setdefault(result["ShardId"], []).append((record["Data"], record["PartitionKey"], result["SequenceNumber"]))
    assert len(by_shard) == 2
    for shard, expected in by_shard.items():
        got = read_shard(kinesis, stream, shard)
        assert [(r["Data"], r["PartitionKey"], r["SequenceNumber"]) for r in got] == expected
        numbers = [int(r["SequenceNumber"]) for r in got]
        assert numbers == sorted(set(numbers))
        assert all(abs(r["ApproximateArrivalTimestamp"].timestamp() - time.time()) < 60 for r in got)


def test_keys_go_where_amazon_sends_them(kinesis, stream):
    half = 2**127
    for key in ("a", "b", "ключ", "x" * 256):
        expected = int(hashlib.md5(key.encode()).hexdigest(), 16) // half
        assert kinesis.put_record(StreamName=stream, Data=b"", PartitionKey=key)["ShardId"] == f"shardId-{expected:012}"
    for hash_key, shard in ((0, 0), (half - 1, 0), (half, 1), (2**128 - 1, 1)):
        answer = kinesis.put_record(StreamName=stream, Data=b"", PartitionKey="a", ExplicitHashKey=str(hash_key))
        assert answer["ShardId"] == f"shardId-{shard:012}"
    message = refused("InvalidArgumentException", kinesis.put_record, StreamName=stream, Data=b"", PartitionKey="a", ExplicitHashKey=str(2**128))
    assert message.endswith("Specified value was 340282366920938463463374607431768211456")


def test_every_kind_of_iterator_begins_where_it_says(kinesis, stream):
    shard = "shardId-000000000000"

    def put(data):
        return kinesis.put_record(StreamName=stream, Data=data, PartitionKey="p", ExplicitHashKey="0")["SequenceNumber"]
    numbers = [put(b"0"), put(b"1")]
    time.sleep(0.02)
    middle = time.time()
    time.sleep(0.02)
    latest = iterator(kinesis, stream, shard, "LATEST")
    numbers.append(put(b"2"))

    def data(kind, **more):
        return [r["Data"] for r in read_shard(kinesis, stream, shard, kind, **more)]
    assert data("TRIM_HORIZON") == [b"0", b"1", b"2"]
    assert data("AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]) == [b"1", b"2"]
    assert data("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]) == [b"2"]
    assert data("AT_TIMESTAMP", Timestamp=middle) == [b"2"]
    assert data("AT_TIMESTAMP", Timestamp=middle - 86400) == [b"0", b"1", b"2"]
    start = kinesis.list_shards(StreamName=stream)["Shards"][0]["SequenceNumberRange"]["StartingSequenceNumber"]
    assert data("AT_SEQUENCE_NUMBER", StartingSequenceNumber=start) == data("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=start)
    page = kinesis.get_records(ShardIterator=latest)
    assert [r["Data"] for r in page["Records"]] == [b"2"] and page["MillisBehindLatest"] == 0
    again = kinesis.get_records(ShardIterator=latest)  # an iterator may be used again
    assert [r["Data"] for r in again["Records"]] == [b"2"]
    empty = kinesis.get_records(ShardIterator=page["NextShardIterator"])
    assert empty["Records"] == [] and empty["NextShardIterator"]


def test_wrong_positions_are_refused_as_amazon_does(kinesis, stream):
    shard = "shardId-000000000000"
    number = kinesis.put_record(StreamName=stream, Data=b"", PartitionKey="p", ExplicitHashKey="0")["SequenceNumber"]
    get = kinesis.get_shard_iterator
    message = refused("InvalidArgumentException", get, StreamName=stream, ShardId="shardId-000000000001",
                      ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber=number)
    assert message == "Invalid StartingSequenceNumber. It encodes shardId-000000000000, while it was used in a call to a shard with shardId-000000000001"
    assert "is invalid." in refused("InvalidArgumentException", get, StreamName=stream, ShardId=shard,
                                    ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber="123")
    assert "no StartingSequenceNumber." in refused("InvalidArgumentException", get, StreamName=stream, ShardId=shard,
                                                   ShardIteratorType="AFTER_SEQUENCE_NUMBER")
    assert "timestampInMillis" in refused("InvalidArgumentException", get, StreamName=stream, ShardId=shard,
                                          ShardIteratorType="AT_TIMESTAMP", Timestamp=time.time() + 3600)
    refused("ResourceNotFoundException", get, StreamName=stream, ShardId="shardId-000000000009", ShardIteratorType="LATEST")
    refused("ResourceNotFoundException", get, StreamName="nowhere", ShardId=shard, ShardIteratorType="LATEST")
    for garbage in ("garbage", "AAAA", base64.b64encode(bytes(80)).decode()):
        assert refused("InvalidArgumentException", kinesis.get_records, ShardIterator=garbage) == "Invalid ShardIterator."


def test_limits_and_lag(kinesis, stream):
    kinesis.put_records(StreamName=stream, Records=[{"Data": b"x" * 1000, "PartitionKey": "p", "ExplicitHashKey": "0"} for _ in range(500)])
    page = kinesis.get_records(ShardIterator=iterator(kinesis, stream, "shardId-000000000000"), Limit=10)
    assert len(page["Records"]) == 10 and page["MillisBehindLatest"] > 0
    seen = list(page["Records"])
    while page["MillisBehindLatest"]:
        page = kinesis.get_records(ShardIterator=page["NextShardIterator"], Limit=400)
        seen += page["Records"]
    numbers = [int(r["SequenceNumber"]) for r in seen]
    assert len(numbers) == 500 and numbers == sorted(set(numbers))


def test_shards_are_listed_with_filters_and_tokens(kinesis):
    kinesis.create_stream(StreamName="listed", ShardCount=5)
    first = kinesis.list_shards(StreamName="listed", MaxResults=2)
    second = kinesis.list_shards(NextToken=first["NextToken"], MaxResults=2)
    third = kinesis.list_shards(NextToken=second["NextToken"])
    assert [len(p["Shards"]) for p in (first, second, third)] == [2, 2, 1] and "NextToken" not in third
    assert len({s["ShardId"] for p in (first, second, third) for s in p["Shards"]}) == 5
    after = kinesis.list_shards(StreamName="listed", ExclusiveStartShardId="shardId-000000000003")["Shards"]
    assert [s["ShardId"] for s in after] == ["shardId-000000000004"]
    for kind in ("AT_LATEST", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON"):
        assert len(kinesis.list_shards(StreamName="listed", ShardFilter={"Type": kind})["Shards"]) == 5
    by_id = kinesis.list_shards(StreamName="listed", ShardFilter={"Type": "AFTER_SHARD_ID", "ShardId": "shardId-000000000002"})["Shards"]
    assert [s["ShardId"] for s in by_id] == ["shardId-000000000003", "shardId-000000000004"]
    message = refused("InvalidArgumentException", kinesis.list_shards, StreamName="listed", NextToken=first["NextToken"])
    assert message == "NextToken and StreamName cannot be provided together."
    refused("InvalidArgumentException", kinesis.list_shards, NextToken="garbage")
    kinesis.delete_stream(StreamName="listed")
    refused("ResourceNotFoundException", kinesis.list_shards, NextToken=first["NextToken"])


def test_what_boto3_puts_is_read_by_kafka_and_sql(kinesis, stream, shared_node):
    begin = int(time.time() * 1000)
    rows = [{"n": i, "name": f"ключ {i}"} for i in range(50)]
    answer = kinesis.put_records(StreamName=stream, Records=[{"Data": json.dumps(row).encode(), "PartitionKey": f"k{row['n']}"} for row in rows])
    messages = read_topic(shared_node.kafka, stream, 50)
    placed = {f"k{i}": int(result["ShardId"][-12:]) for i, result in enumerate(answer["Records"])}
    for message in messages:
        assert placed[message.key().decode()] == message.partition()
        assert json.loads(message.value())["n"] == int(message.key().decode()[1:])
        kind, timestamp = message.timestamp()
        assert begin - 1000 <= timestamp <= time.time() * 1000 + 1000
    lines = shared_node.sql(f"""CREATE TABLE boto (n BIGINT, name STRING) WITH ('connector' = 'kafka', 'topic' = '{stream}',
      'properties.bootstrap.servers' = '{shared_node.kafka}', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset',
      'format' = 'json'); SELECT COUNT(*) AS c, SUM(n) AS s FROM boto;""")
    assert "1225" in json.dumps(lines[-3:]) and "50" in json.dumps(lines[-3:]), lines[-3:]


def test_what_a_kafka_producer_writes_is_read_by_boto3(kinesis, shared_node):
    shared_node.api("/topics", "POST", {"name": "from-kafka", "partitions": 2})
    producer = Producer({"bootstrap.servers": shared_node.kafka, "compression.type": "zstd", "linger.ms": 50})
    for i in range(100):
        producer.produce("from-kafka", f"v{i}", f"k{i}", partition=i % 2, timestamp=1_700_000_000_000 + i)
    producer.produce("from-kafka", None, None, partition=0)
    assert producer.flush(30) == 0
    summary = kinesis.describe_stream_summary(StreamName="from-kafka")["StreamDescriptionSummary"]
    assert summary["OpenShardCount"] == 2 and summary["RetentionPeriodHours"] == 168  # Kafka's default of 7 days
    for partition in (0, 1):
        records = read_shard(kinesis, "from-kafka", f"shardId-{partition:012}")
        expected = [(f"v{i}".encode(), f"k{i}", 1_700_000_000 + i / 1000) for i in range(partition, 100, 2)]
        assert [(r["Data"], r["PartitionKey"], round(r["ApproximateArrivalTimestamp"].timestamp(), 3)) for r in records[:50]] == expected
        assert [(r["Data"], r["PartitionKey"]) for r in records[50:]] == ([(b"", "")] if partition == 0 else [])
    kinesis.delete_stream(StreamName="from-kafka")
    assert "from-kafka" not in [topic["name"] for topic in shared_node.api("/topics")["topics"]]


def test_topics_of_other_services_are_read_here_and_changed_there(kinesis, shared_node):
    def other(service):
        return boto3.client(service, endpoint_url=f"http://{shared_node.aws}", region_name="eu-central-1", aws_access_key_id="any", aws_secret_access_key="thing")
    logs, events, firehose = other("logs"), other("events"), other("firehose")
    logs.create_log_group(logGroupName="/app/own")
    events.put_events(Entries=[{"Source": "shop", "DetailType": "order", "Detail": "{}"}])
    firehose.create_delivery_stream(DeliveryStreamName="own", S3DestinationConfiguration={"RoleARN": "arn:aws:iam::000000000000:role/r", "BucketARN": "arn:aws:s3:::none"})
    for stream, owner in (("logs.app.own", "log group /app/own"), ("events.default", "event bus default"), ("firehose.own", "delivery stream own")):
        assert f"belongs to {owner}:" in refused("ResourceInUseException", kinesis.delete_stream, StreamName=stream)
        refused("ResourceInUseException", kinesis.split_shard, StreamName=stream, ShardToSplit="0", NewStartingHashKey="1000")
        refused("ResourceInUseException", kinesis.increase_stream_retention_period, StreamName=stream, RetentionPeriodHours=8000)
        assert kinesis.get_shard_iterator(StreamName=stream, ShardId="0", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    firehose.delete_delivery_stream(DeliveryStreamName="own")
    logs.delete_log_group(logGroupName="/app/own")
    # Of that name, and nobody's in particular.
    kinesis.create_stream(StreamName="logs.app.own", ShardCount=1)
    kinesis.delete_stream(StreamName="logs.app.own")


def test_an_aggregated_record_is_its_single_records_to_everybody(kinesis, stream, shared_node):
    # AggregatedRecord{partition_key_table=["a", "b"], records=[{index 0, data "x"}, {index 1, data "y"}]}
    message = b"\x0a\x01a\x0a\x01b" + b"\x1a\x05\x08\x00\x1a\x01x" + b"\x1a\x05\x08\x01\x1a\x01y"
    data = MAGIC + message + hashlib.md5(message).digest()
    told = kinesis.put_record(StreamName=stream, Data=data, PartitionKey="a")
    broken = data[:-1] + b"?"
    kinesis.put_record(StreamName=stream, Data=broken, PartitionKey="a")
    records = read_shard(kinesis, stream, told["ShardId"])
    assert [(r["PartitionKey"], r["Data"]) for r in records] == [("a", b"x"), ("b", b"y"), ("a", broken)]
    assert records[0]["SequenceNumber"] == told["SequenceNumber"]
    assert [(m.key(), m.value()) for m in read_topic(shared_node.kafka, stream, 3)] == [(b"a", b"x"), (b"b", b"y"), (b"a", broken)]


def test_positions_survive_a_restart(node):
    kinesis = client_of(node)
    kinesis.create_stream(StreamName="kept", ShardCount=2, Tags={"a": "b"})
    before = kinesis.describe_stream(StreamName="kept")["StreamDescription"]
    numbers = [kinesis.put_record(StreamName="kept", Data=b"%d" % i, PartitionKey="p", ExplicitHashKey="0")["SequenceNumber"] for i in range(4)]
    position = iterator(kinesis, "kept", "shardId-000000000000", "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1])
    token = kinesis.list_shards(StreamName="kept", MaxResults=1)["NextToken"]
    node.kill()
    node.start()
    assert kinesis.describe_stream(StreamName="kept")["StreamDescription"] == before
    assert [r["SequenceNumber"] for r in kinesis.get_records(ShardIterator=position)["Records"]] == numbers[2:]
    assert len(kinesis.list_shards(NextToken=token)["Shards"]) == 1
    later = kinesis.put_record(StreamName="kept", Data=b"4", PartitionKey="p", ExplicitHashKey="0")["SequenceNumber"]
    assert int(later) > int(numbers[-1])


def test_a_stream_that_is_made_anew_does_not_know_old_numbers(kinesis):
    for _ in range(2):
        kinesis.create_stream(StreamName="anew", ShardCount=1)
        number = kinesis.put_record(StreamName="anew", Data=b"", PartitionKey="p")["SequenceNumber"]
        position = iterator(kinesis, "anew", "shardId-000000000000")
        kinesis.delete_stream(StreamName="anew")
        time.sleep(1.1)  # the time of creation, in seconds, tells them apart
    kinesis.create_stream(StreamName="anew", ShardCount=1)
    message = refused("InvalidArgumentException", kinesis.get_shard_iterator, StreamName="anew", ShardId="shardId-000000000000",
                      ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber=number)
    assert message.endswith("because it did not come from this stream.")
    refused("ResourceNotFoundException", kinesis.get_records, ShardIterator=position)
    kinesis.delete_stream(StreamName="anew")


def test_what_is_too_much_is_refused_at_the_door(kinesis, stream, shared_node):
    loose = client_of(shared_node, parameter_validation=False)
    message = refused("ValidationException", loose.put_record, StreamName=stream, Data=bytes(1048577), PartitionKey="p")
    assert message.endswith("'data' failed to satisfy constraint: Member must have length less than or equal to 1048576")
    key = "ä" * 256
    assert kinesis.put_record(StreamName=stream, Data=bytes(1048576 - 512), PartitionKey=key)["SequenceNumber"]
    assert "together" in refused("InvalidArgumentException", kinesis.put_record, StreamName=stream, Data=bytes(1048576 - 511), PartitionKey=key)
    message = refused("ValidationException", loose.put_records, StreamName=stream, Records=[{"Data": b"", "PartitionKey": "p"}] * 501)
    assert "Member must have length less than or equal to 500" in message
    refused("ValidationException", loose.put_record, StreamName=stream, Data=b"", PartitionKey="p" * 257)
    big = [{"Data": bytes(1048575), "PartitionKey": "p"}] * 11
    refused("InvalidArgumentException", kinesis.put_records, StreamName=stream, Records=big)
    answer = kinesis.put_records(StreamName=stream, Records=big[:9])
    assert answer["FailedRecordCount"] == 0
    status, _ = shared_node.call("/", "GET")
    shared_node.cli("topic", "list")  # and the node is well
    assert status in (200, 404)
    huge = support.raw_http(shared_node.aws, b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: Kinesis_20131202.PutRecord\r\n"
                            b"Content-Type: application/x-amz-json-1.1\r\nContent-Length: 99999999999\r\n\r\n")
    assert huge.startswith(b"HTTP/1.1 413 ")


def test_ten_mebibyte_records_where_the_stream_allows_them(kinesis):
    kinesis.create_stream(StreamName="large", ShardCount=1, MaxRecordSizeInKiB=10240)
    data = os.urandom(5 << 20)
    shard = kinesis.put_record(StreamName="large", Data=data, PartitionKey="p")["ShardId"]
    assert [r["Data"] for r in read_shard(kinesis, "large", shard)] == [data]
    kinesis.delete_stream(StreamName="large")


def test_keys_are_checked_when_there_are_any(tmp_path):
    (tmp_path / "keys").write_text("[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = s3cret/+=\n"
                                   "[other]\naws_access_key_id=AKIDOTHER\naws_secret_access_key=another\n")
    node = support.Node(tmp_path, {"aws.credentials": str(tmp_path / "keys")}).start()
    try:
        for key, secret in (("AKIDEXAMPLE", "s3cret/+="), ("AKIDOTHER", "another")):
            assert client_of(node, key, secret).list_streams()["StreamNames"] == []
        assert "does not match" in refused("InvalidSignatureException", client_of(node, "AKIDEXAMPLE", "wrong").list_streams)
        assert refused("UnrecognizedClientException", client_of(node, "AKIDNOBODY", "another").list_streams) == \
            "The security token included in the request is invalid."
        answer = support.raw_http(node.aws, b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: Kinesis_20131202.ListStreams\r\n"
                                  b"Content-Type: application/x-amz-json-1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        assert answer.startswith(b"HTTP/1.1 400 ") and b"MissingAuthenticationTokenException" in answer
        log = node.log_tail(100_000)
        assert "AKIDEXAMPLE" not in log and "s3cret" not in log
    finally:
        node.kill()


def test_broken_bodies_are_refused_and_cost_little(kinesis, stream, shared_node):
    def send(body, kind="json", operation="PutRecord"):
        head = (f"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: Kinesis_20131202.{operation}\r\nContent-Type: application/x-amz-{kind}-1.1\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n")
        return support.raw_http(shared_node.aws, head.encode() + body)

    def rss_mb():
        with open(f"/proc/{shared_node.process.pid}/status") as status:
            return int(status.read().split("VmRSS:")[1].split()[0]) / 1024
    before = rss_mb()
    broken = [b"[" * 100_000, b"{" * 100_000, b'{"a":' * 50_000, b"[" + b"1," * 8_000_000 + b"1]", b'{"a":"' + b"\\u0041" * 2_000_000 + b'"', b"\xff\xfe", b"null\x0c"]
    for body in broken:
        answer = send(body)
        assert answer.startswith(b"HTTP/1.1 400 ") and b"SerializationException" in answer, answer[:300]
    nested = [b"\xbf" * 100_000, b"\x9f" * 100_000, b"\x81" * 100_000 + b"\x01", b"\x9f" + b"\x01" * 8_000_000 + b"\xff", b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
              b"\xbb\x00\x00\x00\x00\xff\xff\xff\xff", b"\x7f" * 100_000, os.urandom(1000), b"\xc1" * 100_000, b""]
    for body in nested:
        answer = send(body, "cbor")
        assert answer.startswith(b"HTTP/1.1 400 ") and b"SerializationException" in answer, answer[:300]
    for _ in range(30):
        assert send(os.urandom(200), "cbor").startswith(b"HTTP/1.1 400 ")
    assert not support.raw_http(shared_node.aws, os.urandom(4000) + b"\r\n\r\n").startswith(b"HTTP/1.1 2")
    assert rss_mb() - before < 200, f"from {before} to {rss_mb()} MB"
    assert kinesis.put_record(StreamName=stream, Data=b"well", PartitionKey="p")["SequenceNumber"]


def test_shards_have_amazons_limits_where_that_is_set(tmp_path):
    node = support.Node(tmp_path, {"aws.limits": "true"}).start()
    try:
        kinesis = client_of(node)
        kinesis.create_stream(StreamName="limited", ShardCount=2)
        records = [{"Data": b"", "PartitionKey": "p", "ExplicitHashKey": "0"}] * 500
        answers = []
        while len(answers) < 20 and not (answers and answers[-1]["FailedRecordCount"]):
            answers.append(kinesis.put_records(StreamName="limited", Records=records))
        refusals = [r for answer in answers for r in answer["Records"] if "ErrorCode" in r]
        assert len(answers) > 2 and len(refusals) == answers[-1]["FailedRecordCount"] > 0
        assert {(r["ErrorCode"], r["ErrorMessage"]) for r in refusals} == {
            ("ProvisionedThroughputExceededException", "Rate exceeded for shard shardId-000000000000 in stream limited under account 000000000000.")}
        taken = [r["SequenceNumber"] for answer in answers for r in answer["Records"] if "SequenceNumber" in r]
        kinesis.put_record(StreamName="limited", Data=b"other shard", PartitionKey="p", ExplicitHashKey=str(2**127))
        assert [r["SequenceNumber"] for r in read_shard(kinesis, "limited", "shardId-000000000000")] == taken
        position = iterator(kinesis, "limited", "shardId-000000000001")

        def read_without_pause():
            for _ in range(100):
                kinesis.get_records(ShardIterator=position)
        refused("ProvisionedThroughputExceededException", read_without_pause)
        # An SDK that tries again, as they do by default, gets everything in.
        patient = client_of(node, retries={"total_max_attempts": 10, "mode": "standard"})
        for _ in range(12):
            patient.put_record(StreamName="limited", Data=bytes(200_000), PartitionKey="p", ExplicitHashKey="0")
    finally:
        node.kill()


def test_the_aws_cli_works_by_its_endpoint_variable(shared_node, tmp_path):
    environment = dict(os.environ, **ENVIRONMENT, AWS_ENDPOINT_URL=f"http://{shared_node.aws}", HOME=str(tmp_path))

    def aws(*arguments):
        result = subprocess.run([sys.executable, "-m", "awscli", "kinesis", *arguments], env=environment, capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout) if result.stdout.strip() else None
    aws("create-stream", "--stream-name", "by-cli", "--shard-count", "1")
    put = aws("put-record", "--stream-name", "by-cli", "--partition-key", "k", "--data", "hello")
    assert put["ShardId"] == "shardId-000000000000"
    position = aws("get-shard-iterator", "--stream-name", "by-cli", "--shard-id", put["ShardId"], "--shard-iterator-type", "TRIM_HORIZON")
    records = aws("get-records", "--shard-iterator", position["ShardIterator"])["Records"]
    assert [(base64.b64decode(r["Data"]), r["SequenceNumber"]) for r in records] == [(b"hello", put["SequenceNumber"])]
    assert "by-cli" in aws("list-streams")["StreamNames"]
    aws("delete-stream", "--stream-name", "by-cli")
