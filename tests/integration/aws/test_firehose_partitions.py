"""Delivery streams with dynamic partitioning: records go into objects whose names tell what is in them; what has no partition comes into the bucket as
Amazon's error records. The last test kills the node (short tier: 8 times, full: 104)."""
import base64
import gzip
import json
import random
import re

import pytest

import support
from kill_loop import KILLS, kill_again_and_again, seeded, stop_when_they_write
from kinesis_client import refused
from test_firehose import UUID, bucket, firehose_of, node_with, put, update, version_of
from test_firehose_kill import RecordWriter

FAILED = "metadata-extraction-failed"


@pytest.fixture(scope="module")
def served(s3, tmp_path_factory):
    node = node_with(s3, tmp_path_factory.mktemp("firehose-partitions")).start()
    yield node
    node.kill()


@pytest.fixture(scope="module")
def firehose(served):
    return firehose_of(served)


def partitioned(name, prefix, query, processors=(), **more):
    extraction = {"Type": "MetadataExtraction", "Parameters": [{"ParameterName": "MetadataExtractionQuery", "ParameterValue": query},
                                                               {"ParameterName": "JsonParsingEngine", "ParameterValue": "JQ-1.6"}]}
    more = {"BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 0}, **more}
    return bucket(f"{name}/{prefix}", ErrorOutputPrefix=f"{name}-errors/!{{firehose:error-output-type}}/",
                  DynamicPartitioningConfiguration={"Enabled": True, "RetryOptions": {"DurationInSeconds": 300}},
                  ProcessingConfiguration={"Enabled": True, "Processors": [extraction, *processors]}, **more)


def make(firehose, name, *positional, **more):
    firehose.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=partitioned(name, *positional, **more))


def plain(body):
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body


def lines_below(s3, prefix, count):
    """{key: its lines}, when there are so many lines."""
    objects = {}

    def are_there():
        objects.update({key: plain(s3.read(key)).decode().splitlines() for key in s3.keys(prefix) if key not in objects})
        return sum(map(len, objects.values())) >= count
    support.wait_until(are_there, f"{count} lines below {prefix}", 60)
    return objects


def failed(s3, prefix, count):
    """Error records; in objects that are packed as all others."""
    return [json.loads(line) for lines in lines_below(s3, prefix, count).values() for line in lines]


NEWLINE = {"Type": "AppendDelimiterToRecord", "Parameters": [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}]}
SPLIT = {"Type": "RecordDeAggregation", "Parameters": [{"ParameterName": "SubRecordType", "ParameterValue": "JSON"}]}


def test_records_go_where_they_belong_and_others_to_the_errors(served, firehose, s3):
    make(firehose, "parts", "customer=!{partitionKeyFromQuery:customer}/!{partitionKeyFromQuery:year}/", '{customer: .customer.id, year: .at | strftime("%Y")}',
         [NEWLINE], CompressionFormat="GZIP", FileExtension=".jsonl.gz")
    records = [{"customer": {"id": n % 3}, "at": 1500000000 + n % 2 * 40000000, "n": n} for n in range(30)]
    bad = [b"text", b'{"customer": {"id": null}, "at": 1}', b'{"customer": {"id": "../.."}, "at": 1}', b'{"customer": 1, "at": 1}', b'{"customer": {"id": 1}}']
    put(firehose, "parts", *(json.dumps(record).encode() for record in records[:15]), *bad, *(json.dumps(record).encode() for record in records[15:]))
    objects = lines_below(s3, "parts/", 30)
    found = []
    for key, lines in objects.items():
        match = re.fullmatch(r"parts/customer=(\d)/(\d{4})/parts-1-[-0-9]{19}-" + UUID + r"\.jsonl\.gz", key)
        assert match, key
        for record in map(json.loads, lines):
            assert record["customer"]["id"] == int(match[1]) and {2017: 0, 2018: 1}[int(match[2])] == record["n"] % 2
            found.append(record)
    assert sorted(found, key=lambda record: record["n"]) == records
    told = failed(s3, f"parts-errors/{FAILED}/", len(bad))
    assert sorted(base64.b64decode(line["rawData"]) for line in told) == sorted(bad)
    for line in told:
        assert set(line) == {"attemptsMade", "arrivalTimestamp", "errorCode", "errorMessage", "attemptEndingTimestamp", "rawData"}
        assert line["errorCode"] == "DynamicPartitioning.MetadataExtractionFailed" and line["errorMessage"]
        assert line["arrivalTimestamp"] <= line["attemptEndingTimestamp"]
    (destination,) = firehose.describe_delivery_stream(DeliveryStreamName="parts")["DeliveryStreamDescription"]["Destinations"]
    assert destination["ExtendedS3DestinationDescription"]["DynamicPartitioningConfiguration"] == {"Enabled": True, "RetryOptions": {"DurationInSeconds": 300}}
    assert "MetadataExtractionQuery" in json.dumps(destination["ExtendedS3DestinationDescription"]["ProcessingConfiguration"])


def test_a_record_of_several_objects_comes_apart(firehose, s3):
    make(firehose, "apart", "!{partitionKeyFromQuery:k}/", "{k: (.k // .other)}", [SPLIT, NEWLINE])
    put(firehose, "apart", b'{"k": "a", "n": 1}{"k": "b", "n": 2}\n{"other": "a", "n": 3}', b' {"k": "b", "s": "}{"} ', b'{"k": "a"}{"k": ', b'{"k": "a"}{}')
    objects = lines_below(s3, "apart/", 5)
    by_key = {}
    for key, lines in objects.items():
        by_key.setdefault(key.split("/")[1], []).extend(lines)
    assert {key: sorted(lines) for key, lines in by_key.items()} == {
        "a": ['{"k": "a", "n": 1}', '{"k": "a"}', '{"other": "a", "n": 3}'], "b": ['{"k": "b", "n": 2}', '{"k": "b", "s": "}{"}']}
    told = failed(s3, f"apart-errors/{FAILED}/", 2)
    assert sorted(base64.b64decode(line["rawData"]) for line in told) == [b'{"k": "a"}{"k": ', b"{}"]


def test_more_partitions_than_may_be_open_at_a_time(firehose, s3):
    make(firehose, "many", "!{partitionKeyFromQuery:n}/", "{n}", [NEWLINE], BufferingHints={"SizeInMBs": 64, "IntervalInSeconds": 900})
    put(firehose, "many", *(json.dumps({"n": n % 80}).encode() for n in range(160)))
    objects = lines_below(s3, "many/", 160)  # though the buffers are neither full nor old
    for key, lines in objects.items():
        assert {json.loads(line)["n"] for line in lines} == {int(key.split("/")[1])}
    assert sum(map(len, objects.values())) == 160


def test_what_is_wrong_is_told_when_it_is_given(firehose):
    def create(*positional, **more):
        return refused("InvalidArgumentException", make, firehose, "wrong-parts", *positional, **more)
    good = ("!{partitionKeyFromQuery:k}/", "{k}")
    assert "Prefix must contain" in create("k/", "{k}")
    assert "no query gives" in create("!{partitionKeyFromQuery:other}/", "{k}")
    assert "'map': that is not available" in create("!{partitionKeyFromQuery:k}/", "{k: map(.k)}")
    assert "at least 64" in create(*good, BufferingHints={"SizeInMBs": 63, "IntervalInSeconds": 60})
    assert "partitionKeyFromLambda" in create("!{partitionKeyFromLambda:k}/", "{k}")
    assert "Lambda" in create(*good, [{"Type": "Lambda"}])
    refused("ResourceNotFoundException", firehose.describe_delivery_stream, DeliveryStreamName="wrong-parts")
    make(firehose, "stays", *good)
    assert "turned on or off" in refused("InvalidArgumentException", update, firehose, "stays", "1", DynamicPartitioningConfiguration={"Enabled": False},
                                         Prefix="a/", ProcessingConfiguration={"Enabled": False})
    firehose.create_delivery_stream(DeliveryStreamName="stays-off", ExtendedS3DestinationConfiguration=bucket("stays-off/"))
    configuration = partitioned("stays-off", *good)
    assert "turned on or off" in refused("InvalidArgumentException", update, firehose, "stays-off", "1", **{
        name: configuration[name] for name in ("Prefix", "ErrorOutputPrefix", "BufferingHints", "DynamicPartitioningConfiguration", "ProcessingConfiguration")})


def test_a_changed_query_is_followed(firehose, s3):
    make(firehose, "follow", "!{partitionKeyFromQuery:k}/", "{k}", [NEWLINE])
    put(firehose, "follow", b'{"k": "a", "l": "b"}')
    assert [key.split("/")[1] for key in lines_below(s3, "follow/", 1)] == ["a"]
    update(firehose, "follow", "1", **{name: value for name, value in partitioned("follow", "l/!{partitionKeyFromQuery:l}/", "{l}", [NEWLINE]).items()
                                       if name in ("Prefix", "ProcessingConfiguration")})
    put(firehose, "follow", b'{"k": "a", "l": "b"}')
    assert [key.split("/")[1:3] for key in lines_below(s3, "follow/l/", 1)] == [["l", "b"]]


def test_no_answered_record_is_lost_or_doubled_by_kills(s3, tmp_path):
    """What has a partition is there once; of what has none an error record, at least."""
    _, rng = seeded()
    node = node_with(s3, tmp_path)
    node.settings["journal.checkpoint-interval"] = "300ms"
    node.start()
    name = f"parts-killed{rng.randrange(10**9)}"
    make(firehose_of(node), name, "!{partitionKeyFromQuery:part}/", "{part: .part}", [NEWLINE])

    class JsonWriter(RecordWriter):
        def put(self):
            numbers = range(self.sent, self.sent + random.choice((1, 10, 100)))
            self.sent = numbers.stop
            answer = self.client.put_record_batch(DeliveryStreamName=self.stream, Records=[
                {"Data": json.dumps({"writer": self.name, "n": n, **({} if n % 50 == 7 else {"part": n % 5})}).encode()} for n in numbers])
            assert answer["FailedPutCount"] == 0
            self.answered += numbers
    writers = [JsonWriter(node, f"w{i}", name) for i in range(2)]
    for writer in writers:
        writer.thread.start()
    try:
        at_flush = kill_again_and_again(node, rng, 1.0)
        stop_when_they_write(writers)
        good = {(w.name, n) for w in writers for n in w.answered if n % 50 != 7}
        bad = {(w.name, n) for w in writers for n in w.answered if n % 50 == 7}
        objects, errors = {}, {}

        def missing():
            objects.update({key: s3.read(key) for key in s3.keys(f"{name}/") if key not in objects})
            errors.update({key: s3.read(key) for key in s3.keys(f"{name}-errors/{FAILED}/") if key not in errors})
            there = {(record["writer"], record["n"]) for body in objects.values() for record in map(json.loads, body.splitlines())}
            told = [json.loads(base64.b64decode(json.loads(line)["rawData"])) for body in errors.values() for line in body.splitlines()]
            return (good - there) | (bad - {(record["writer"], record["n"]) for record in told})
        while left := len(missing()):
            support.wait_until(lambda before=left: len(missing()) < before, f"the next of {left} records that are not in the bucket", 60)
        stored = [(record["writer"], record["n"]) for body in objects.values() for record in map(json.loads, body.splitlines())]
        assert len(stored) == len(set(stored)) and not [n for _, n in stored if n % 50 == 7]
        for key, body in objects.items():
            assert {record["part"] for record in map(json.loads, body.splitlines())} == {int(key.split("/")[1])}
        print(f"{KILLS} kills ({at_flush} at a flush), {len(good)} answered records in {len(objects)} objects, {len(bad)} without a partition")
        assert len(good) > 100 and bad and version_of(firehose_of(node), name) == "1"
    finally:
        for writer in writers:
            writer.stopping.set()
        node.kill()
