"""Amazon Data Firehose with boto3: what is put into a delivery stream comes into objects of a bucket (moto, in the full tier MinIO), named and packed
as the stream says; a delivery stream is a topic and a job."""
import gzip
import io
import json
import re
import struct
import time
import zipfile
import zlib

import boto3
import cramjam
import pytest
from botocore.config import Config

import support
from kinesis_client import client_of, refused
from test_eventbridge import events_of
from test_logs import logs_of

ROLE = "arn:aws:iam::000000000000:role/firehose"
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
SOON = {"SizeInMBs": 1, "IntervalInSeconds": 1}


def firehose_of(node):
    return boto3.client("firehose", endpoint_url=f"http://{node.aws}", region_name="eu-central-1", aws_access_key_id="any", aws_secret_access_key="thing",
                        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60, parameter_validation=False))


def bucket(prefix, name="lake1", **more):
    return {"RoleARN": ROLE, "BucketARN": f"arn:aws:s3:::{name}", "Prefix": prefix, "BufferingHints": SOON, **more}


def node_with(s3, folder):
    return support.Node(folder, {"s3.endpoint": s3.url, "s3.path-style-access": "true"}, {**s3.KEYS, "AWS_REGION": "us-east-1"})


@pytest.fixture(scope="module")
def served(s3, tmp_path_factory):
    node = node_with(s3, tmp_path_factory.mktemp("firehose")).start()
    yield node
    node.kill()


@pytest.fixture(scope="module")
def firehose(served):
    return firehose_of(served)


def make(firehose, name, **destination):
    return firehose.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=bucket(f"{name}/", **destination))


def put(firehose, name, *records):
    answer = firehose.put_record_batch(DeliveryStreamName=name, Records=[{"Data": data} for data in records])
    assert answer["FailedPutCount"] == 0
    return [response["RecordId"] for response in answer["RequestResponses"]]


def arrived(s3, prefix, size, read=lambda body: body):
    """All objects there, when they hold so many bytes together."""
    objects = {}

    def are_there():
        objects.update({key: read(s3.read(key)) for key in s3.keys(prefix) if key not in objects})
        return sum(len(body) for body in objects.values()) >= size
    support.wait_until(are_there, f"{size} bytes below {prefix}", 30)
    return objects


def test_records_are_put_together_as_they_are(firehose, s3):
    arn = make(firehose, "plain")["DeliveryStreamARN"]
    assert arn == "arn:aws:firehose:eu-central-1:000000000000:deliverystream/plain"
    ids = put(firehose, "plain", b"one", b"", bytes(range(256)))
    answer = firehose.put_record(DeliveryStreamName="plain", Record={"Data": b"last\n"})
    assert len({*ids, answer["RecordId"]}) == 4 and answer["Encrypted"] is False
    objects = arrived(s3, "plain/", 3 + 256 + 5)
    assert b"".join(objects[key] for key in sorted(objects)) == b"one" + bytes(range(256)) + b"last\n"
    for key in objects:
        match = re.fullmatch(r"plain/(\d{4})/(\d\d)/(\d\d)/(\d\d)/plain-1-(\d{4})-(\d\d)-(\d\d)-(\d\d)-\d\d-\d\d-" + UUID, key)
        assert match and match.groups()[:4] == match.groups()[4:8], key


def test_prefix_compression_and_delimiter_are_as_asked(firehose, s3):
    append = {"Enabled": True, "Processors": [{"Type": "AppendDelimiterToRecord", "Parameters": [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}]}]}
    firehose.create_delivery_stream(DeliveryStreamName="named", ExtendedS3DestinationConfiguration=bucket(
        "named/day=!{timestamp:yyyy-MM-dd}/!{firehose:random-string}/", ErrorOutputPrefix="failed/!{firehose:error-output-type}/",
        CompressionFormat="GZIP", ProcessingConfiguration=append))
    put(firehose, "named", b'{"n": 1}', b'{"n": 2}')
    objects = arrived(s3, "named/", 18, gzip.decompress)
    assert b"".join(objects.values()) == b'{"n": 1}\n{"n": 2}\n'
    for key in objects:
        assert re.fullmatch(r"named/day=\d{4}-\d\d-\d\d/[a-z0-9]{11}/named-1-[-0-9]{19}-" + UUID + r"\.gz", key), key


def unzipped(body):
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        return b"".join(archive.read(name) for name in archive.namelist())


def of_hadoop(body):
    text, at = b"", 0
    while at < len(body):
        size, packed = struct.unpack_from(">II", body, at)
        block = bytes(cramjam.snappy.decompress_raw(body[at + 8:at + 8 + packed]))
        assert len(block) == size
        text, at = text + block, at + 8 + packed
    return text


@pytest.mark.parametrize("compression, extension, read", [
    ("ZIP", ".zip", unzipped), ("Snappy", ".snappy", lambda body: bytes(cramjam.snappy.decompress(body))), ("HADOOP_SNAPPY", ".hsnappy", of_hadoop)])
def test_other_programs_read_what_is_compressed(firehose, s3, compression, extension, read):
    name = f"packed-{extension[1:]}"
    make(firehose, name, CompressionFormat=compression)
    records = [f"{n} {'abc' * (n % 50)}\n".encode() for n in range(20_000)]
    for begin in range(0, len(records), 500):
        put(firehose, name, *records[begin:begin + 500])
    whole = b"".join(records)
    objects = arrived(s3, name + "/", len(whole), read)
    assert all(key.endswith(extension) for key in objects)
    assert sorted(b"".join(objects.values()).splitlines()) == sorted(whole.splitlines())


def test_a_buffer_ends_when_it_is_full(firehose, s3):
    make(firehose, "full", BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900})
    for _ in range(6):
        put(firehose, "full", b"x" * 500_000)
    assert all(len(body) >= 1 << 20 for body in arrived(s3, "full/", 3_000_000).values())


def test_the_largest_records_arrive(firehose, s3):
    make(firehose, "large", BufferingHints={"SizeInMBs": 64, "IntervalInSeconds": 2})
    records = [bytes([n]) * 1_024_000 for n in range(4)]
    put(firehose, "large", *records)
    assert b"".join(arrived(s3, "large/", 4 * 1_024_000).values()) == b"".join(records)


def test_describe_tells_what_was_given_and_the_defaults(firehose):
    firehose.create_delivery_stream(DeliveryStreamName="told", DeliveryStreamType="DirectPut",
                                    S3DestinationConfiguration={"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::lake1"}, Tags=[{"Key": "a", "Value": "1"}])
    told = firehose.describe_delivery_stream(DeliveryStreamName="told")["DeliveryStreamDescription"]
    assert (told["DeliveryStreamStatus"], told["DeliveryStreamType"], told["VersionId"], told["HasMoreDestinations"]) == ("ACTIVE", "DirectPut", "1", False)
    (destination,) = told["Destinations"]
    plain = {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::lake1", "Prefix": "", "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 300},
             "CompressionFormat": "UNCOMPRESSED", "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"}, "CloudWatchLoggingOptions": {"Enabled": False}}
    assert destination == {"DestinationId": "destinationId-000000000001", "S3DestinationDescription": plain,
                           "ExtendedS3DestinationDescription": {**plain, "S3BackupMode": "Disabled"}}


def test_streams_are_listed_in_pages(firehose):
    for name in ("list-a", "list-b", "list-c"):
        make(firehose, name)
    page = firehose.list_delivery_streams(ExclusiveStartDeliveryStreamName="list-", Limit=2)
    assert page["DeliveryStreamNames"] == ["list-a", "list-b"] and page["HasMoreDeliveryStreams"]
    page = firehose.list_delivery_streams(ExclusiveStartDeliveryStreamName="list-b", Limit=1)
    assert page["DeliveryStreamNames"] == ["list-c"]
    assert firehose.list_delivery_streams(DeliveryStreamType="KinesisStreamAsSource")["DeliveryStreamNames"] == []


def test_tags(firehose):
    make(firehose, "tagged")
    firehose.tag_delivery_stream(DeliveryStreamName="tagged", Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}, {"Key": "c"}])
    page = firehose.list_tags_for_delivery_stream(DeliveryStreamName="tagged", Limit=2)
    assert page["Tags"] == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}] and page["HasMoreTags"]
    firehose.untag_delivery_stream(DeliveryStreamName="tagged", TagKeys=["a", "b"])
    assert [tag["Key"] for tag in firehose.list_tags_for_delivery_stream(DeliveryStreamName="tagged")["Tags"]] == ["c"]
    assert refused("LimitExceededException", firehose.tag_delivery_stream, DeliveryStreamName="tagged", Tags=[{"Key": f"k{n}"} for n in range(50)])


def test_what_is_wrong_has_amazons_names(firehose):
    make(firehose, "wrong")
    assert "already exists" in refused("ResourceInUseException", make, firehose, "wrong")
    for call in (firehose.describe_delivery_stream, firehose.delete_delivery_stream, firehose.list_tags_for_delivery_stream):
        assert refused("ResourceNotFoundException", call, DeliveryStreamName="absent") == "Firehose absent under account 000000000000 not found."
    refused("ResourceNotFoundException", firehose.put_record, DeliveryStreamName="absent", Record={"Data": b"x"})
    refused("ValidationException", firehose.put_record, DeliveryStreamName="wrong", Record={"Data": b"x" * 1_024_001})
    refused("ValidationException", firehose.put_record_batch, DeliveryStreamName="wrong", Records=[{"Data": b"x"}] * 501)
    refused("ValidationException", firehose.put_record_batch, DeliveryStreamName="wrong", Records=[])
    big = [{"Data": b"x" * 900_000}] * 5
    assert refused("InvalidArgumentException", firehose.put_record_batch, DeliveryStreamName="wrong", Records=big) == "Records size exceeds 4 MB limit"
    refused("ValidationException", firehose.create_delivery_stream, DeliveryStreamName="no/name", S3DestinationConfiguration=bucket("a/"))
    refused("InvalidArgumentException", firehose.create_delivery_stream, DeliveryStreamName="nowhere")
    refused("InvalidArgumentException", firehose.create_delivery_stream, DeliveryStreamName="two", S3DestinationConfiguration=bucket("a/"),
            ExtendedS3DestinationConfiguration=bucket("a/"))
    assert "not available" in refused("InvalidArgumentException", firehose.create_delivery_stream, DeliveryStreamName="splunk",
                                      SplunkDestinationConfiguration={"HECEndpoint": "https://splunk.example"})
    # What only the sink knows is told, too, and nothing is left.
    assert "unknown letter" in refused("InvalidArgumentException", make, firehose, "letters", Prefix="!{timestamp:QQ}/", ErrorOutputPrefix="e/")
    assert "time-zone" in refused("InvalidArgumentException", make, firehose, "zone", CustomTimeZone="Mars/Base")
    for name in ("letters", "zone"):
        refused("ResourceNotFoundException", firehose.describe_delivery_stream, DeliveryStreamName=name)
        make(firehose, name)


def version_of(firehose, name):
    return firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]["VersionId"]


def update(firehose, name, version, **members):
    firehose.update_destination(DeliveryStreamName=name, CurrentDeliveryStreamVersionId=version, DestinationId="destinationId-000000000001",
                                ExtendedS3DestinationUpdate=members)


def test_a_changed_destination_gets_what_comes_and_what_waits(firehose, s3):
    """There and back again: each record once, whatever earlier versions left in the bucket."""
    if "lake2" not in [b["Name"] for b in s3.client().list_buckets()["Buckets"]]:
        s3.client().create_bucket(Bucket="lake2")
    make(firehose, "moved")
    put(firehose, "moved", b"1 ")
    arrived(s3, "moved/", 2)
    assert "do not match" in refused("ConcurrentModificationException", update, firehose, "moved", "2", Prefix="other/")
    refused("InvalidArgumentException", firehose.update_destination, DeliveryStreamName="moved", CurrentDeliveryStreamVersionId="1",
            DestinationId="destinationId-000000000002", ExtendedS3DestinationUpdate={"Prefix": "x/"})
    refused("InvalidArgumentException", update, firehose, "moved", "1", CustomTimeZone="Mars/Base")
    # A bucket that is not there takes nothing; what waits for it goes to the next one.
    update(firehose, "moved", "1", BucketARN="arn:aws:s3:::absent-bucket")
    put(firehose, "moved", b"2 ")
    assert version_of(firehose, "moved") == "2"
    update(firehose, "moved", "2", BucketARN="arn:aws:s3:::lake2", BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 0})
    put(firehose, "moved", b"3 ")

    def bodies(name):
        pages = s3.client().list_objects_v2(Bucket=name, Prefix="moved/").get("Contents", [])
        return b"".join(s3.client().get_object(Bucket=name, Key=item["Key"])["Body"].read() for item in pages)
    support.wait_until(lambda: len(bodies("lake2")) >= 4, "two records in the second bucket", 60)
    update(firehose, "moved", "3", BucketARN="arn:aws:s3:::lake1")
    put(firehose, "moved", b"4 ")
    support.wait_until(lambda: len(bodies("lake1")) >= 4, "the last record in the first bucket", 60)
    assert sorted(bodies("lake1").split()) == [b"1", b"4"] and sorted(bodies("lake2").split()) == [b"2", b"3"]
    assert any("/moved-4-" in key for key in s3.keys("moved/"))


def test_a_stream_is_a_topic_and_a_job(served, firehose, s3):
    make(firehose, "seen")
    put(firehose, "seen", b'{"n": 1}', b'{"n": 2}')
    (job,) = [job for job in served.api("/jobs")["jobs"] if job["name"] == "firehose.seen"]
    assert job["state"] == "RUNNING"
    assert "seen" in [name for name in served.api(f"/jobs/{job['id']}")["statement"].split() if name] or job["id"].startswith("firehose-seen-")
    support.wait_until(lambda: served.api(f"/jobs/{job['id']}")["sinks"][0]["rows_delivered"] == 2, "two rows delivered")
    rows = served.sql(f"""CREATE TABLE t (n INT) WITH ('connector' = 'kafka', 'topic' = 'firehose.seen', 'properties.bootstrap.servers' = 'this-node',
                          'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset', 'format' = 'json'); SELECT SUM(n) FROM t;""")
    assert "3" in str(rows)
    firehose.delete_delivery_stream(DeliveryStreamName="seen")
    assert "firehose.seen" not in [job["name"] for job in served.api("/jobs")["jobs"]]
    assert "firehose.seen" not in [topic["name"] for topic in served.api("/topics")["topics"]]
    make(firehose, "seen")  # another one of that name
    put(firehose, "seen", b"again")
    support.wait_until(lambda: any(b"again" in s3.read(key) for key in s3.keys("seen/")), "the new stream's record")


def test_a_kinesis_stream_is_a_source(served, firehose, s3):
    kinesis = client_of(served)
    kinesis.create_stream(StreamName="river", ShardCount=2)
    kinesis.put_record(StreamName="river", PartitionKey="k", Data=b"before\n")
    source = {"KinesisStreamARN": "arn:aws:kinesis:eu-central-1:000000000000:stream/river", "RoleARN": ROLE}
    firehose.create_delivery_stream(DeliveryStreamName="from-river", DeliveryStreamType="KinesisStreamAsSource", KinesisStreamSourceConfiguration=source,
                                    ExtendedS3DestinationConfiguration=bucket("from-river/"))
    told = firehose.describe_delivery_stream(DeliveryStreamName="from-river")["DeliveryStreamDescription"]
    assert told["DeliveryStreamType"] == "KinesisStreamAsSource" and told["Source"]["KinesisStreamSourceDescription"]["KinesisStreamARN"] == source["KinesisStreamARN"]
    for n in range(20):
        kinesis.put_record(StreamName="river", PartitionKey=f"k{n}", Data=f"{n}\n".encode())
    kinesis.split_shard(StreamName="river", ShardToSplit="shardId-000000000000", NewStartingHashKey="1000000")
    for n in range(20, 40):
        kinesis.put_record(StreamName="river", PartitionKey=f"k{n}", Data=f"{n}\n".encode())
    whole = sum(len(f"{n}\n") for n in range(40))
    objects = arrived(s3, "from-river/", whole)
    assert sorted(b"".join(objects.values()).split()) == sorted(str(n).encode() for n in range(40))
    assert "not permitted" in refused("InvalidArgumentException", firehose.put_record, DeliveryStreamName="from-river", Record={"Data": b"x"})
    refused("ResourceNotFoundException", firehose.create_delivery_stream, DeliveryStreamName="from-absent", DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={**source, "KinesisStreamARN": source["KinesisStreamARN"] + "-absent"},
            ExtendedS3DestinationConfiguration=bucket("x/"))
    refused("ResourceNotFoundException", firehose.create_delivery_stream, DeliveryStreamName="from-inside", DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={**source, "KinesisStreamARN": source["KinesisStreamARN"].replace("river", "__mainstem_log_groups")},
            ExtendedS3DestinationConfiguration=bucket("x/"))
    refused("InvalidArgumentException", firehose.create_delivery_stream, DeliveryStreamName="from-none", DeliveryStreamType="KinesisStreamAsSource",
            ExtendedS3DestinationConfiguration=bucket("x/"))


def test_log_subscriptions_and_event_rules_deliver_into_it(served, firehose, s3):
    arn = make(firehose, "fed")["DeliveryStreamARN"]
    logs, events = logs_of(served), events_of(served)
    logs.create_log_group(logGroupName="/fed")
    logs.create_log_stream(logGroupName="/fed", logStreamName="a")
    refused("InvalidParameterException", logs.put_subscription_filter, logGroupName="/fed", filterName="f", filterPattern="",
            destinationArn=arn.replace("fed", "absent"))
    logs.put_subscription_filter(logGroupName="/fed", filterName="f", filterPattern="kept", destinationArn=arn)
    logs.put_log_events(logGroupName="/fed", logStreamName="a", logEvents=[{"timestamp": int(time.time() * 1000), "message": m} for m in ("kept 1", "left", "kept 2")])
    events.put_rule(Name="fed", EventPattern='{"source": ["shop"]}')
    assert events.put_targets(Rule="fed", Targets=[{"Id": "t", "Arn": arn, "InputPath": "$.detail"}])["FailedEntryCount"] == 0
    events.put_events(Entries=[{"Source": "shop", "DetailType": "d", "Detail": '{"n": 7}'}, {"Source": "other", "DetailType": "d", "Detail": "{}"}])
    objects = {}

    def all_there():
        objects.update({key: s3.read(key) for key in s3.keys("fed/") if key not in objects})
        return b'{"n":7}' in b"".join(objects.values()).replace(b" ", b"") and len(messages_in(objects)) >= 2
    support.wait_until(all_there, "a message and an event in the bucket")
    messages = messages_in(objects)
    assert [e["message"] for m in messages for e in m["logEvents"] if m["messageType"] == "DATA_MESSAGE"] == ["kept 1", "kept 2"]
    assert sum(m["messageType"] == "CONTROL_MESSAGE" for m in messages) == 1


def messages_in(objects):
    """Of subscriptions: gzip members, among records of others."""
    found = []
    for key in sorted(objects):
        body = objects[key]
        at = body.find(b"\x1f\x8b\x08")
        while at >= 0:
            unpacker = zlib.decompressobj(31)
            found.append(json.loads(unpacker.decompress(body[at:])))
            at = body.find(b"\x1f\x8b\x08", len(body) - len(unpacker.unused_data))
    return found


def test_streams_and_what_waits_survive_a_restart(s3, tmp_path):
    node = node_with(s3, tmp_path).start()
    firehose = firehose_of(node)
    make(firehose, "kept", BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 3})
    put(firehose, "kept", b"1 ")
    node.stop()
    node.kafka = None  # at another port
    node.start()
    firehose = firehose_of(node)
    put(firehose, "kept", b"2 ")
    objects = arrived(s3, "kept/", 4)
    assert sorted(b"".join(objects.values()).split()) == [b"1", b"2"]
    node.kill()
