"""Delivery streams to a real OpenSearch: records become documents of indexes that follow the time, once; what is no document, or what the cluster does not take
in time, comes into the bucket. The last test kills the node (short tier: 8 times, full: 104)."""
import base64
import json
import os
import random
import sys
import threading
import time

import pytest

import support
from kill_loop import KILLS, kill_again_and_again, seeded, stop_when_they_write
from kinesis_client import refused
from test_firehose import ROLE, arrived, firehose_of, node_with, put, version_of
from test_firehose_http import failed
from test_firehose_kill import RecordWriter

sys.path.append(os.path.join(os.path.dirname(__file__), "../sink"))
from faulty_proxy import Proxy  # noqa: E402

FAILED = "AmazonOpenSearchService-failed"


@pytest.fixture(scope="module")
def served(s3, tmp_path_factory):
    node = node_with(s3, tmp_path_factory.mktemp("firehose-opensearch")).start()
    yield node
    node.kill()


@pytest.fixture(scope="module")
def firehose(served):
    return firehose_of(served)


def to_cluster(name, url, **more):
    return {"ClusterEndpoint": url, "RoleARN": ROLE, "IndexName": name, "IndexRotationPeriod": "NoRotation",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
            "S3Configuration": {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::lake1", "Prefix": f"{name}/",
                                "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0}}, **more}


def make(firehose, search, name, url=None, **more):
    search.call(f"/{name}*?expand_wildcards=all", "DELETE")
    firehose.create_delivery_stream(DeliveryStreamName=name, AmazonopensearchserviceDestinationConfiguration=to_cluster(name, url or search.url, **more))


def update(firehose, name, version, **destination):
    firehose.update_destination(DeliveryStreamName=name, CurrentDeliveryStreamVersionId=version, DestinationId="destinationId-000000000001",
                                AmazonopensearchserviceDestinationUpdate=destination)


def documents(search, index, count):
    """{(index, id): source}, when there are so many."""
    found = {}

    def are_there():
        found.clear()
        there = search.call(f"/{index}")  # of a pattern that matches nothing: {}
        if there and "error" not in there:
            found.update(search.documents(index))
        return len(found) >= count
    support.wait_until(are_there, f"{count} documents in {index}", 60)
    assert len(found) == count
    return found


def test_records_become_documents_of_todays_index(served, firehose, opensearch, s3):
    make(firehose, opensearch, "fh-daily", opensearch.url.replace("http://", "http://me:s3cret@"), IndexRotationPeriod="OneDay", S3BackupMode="AllDocuments")
    records = [b'{"n": 1, "deep": {"text": "a\\nb"}}', b'{\n "n": 2\r\n}\n', b'{"n":3}']
    put(firehose, "fh-daily", *records)
    found = documents(opensearch, "fh-daily-*", 3)
    today = {f"fh-daily-{time.strftime('%Y-%m-%d', time.gmtime(time.time() - ago))}" for ago in (0, 60)}
    assert {index for index, _ in found} <= today
    assert sorted(found.values(), key=lambda one: one["n"]) == [json.loads(record) for record in records]
    assert b"".join(arrived(s3, "fh-daily/", sum(map(len, records))).values()) == b"".join(records)
    (told,) = firehose.describe_delivery_stream(DeliveryStreamName="fh-daily")["DeliveryStreamDescription"]["Destinations"]
    told = told["AmazonopensearchserviceDestinationDescription"]
    assert told.pop("S3DestinationDescription")["Prefix"] == "fh-daily/"
    assert told == {"RoleARN": ROLE, "ClusterEndpoint": opensearch.url, "IndexName": "fh-daily", "IndexRotationPeriod": "OneDay",
                    "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0}, "RetryOptions": {"DurationInSeconds": 300},
                    "S3BackupMode": "AllDocuments", "DocumentIdOptions": {"DefaultDocumentIdFormat": "FIREHOSE_DEFAULT"}}
    (job,) = [job["id"] for job in served.api("/jobs")["jobs"] if job["name"] == "firehose.fh-daily"]
    assert "s3cret" not in json.dumps(served.api(f"/jobs/{job}"))


def test_what_is_wrong_is_told_when_it_is_given(firehose, opensearch):
    def create(**more):
        destination = {**to_cluster("fh-wrong", opensearch.url), **more}
        return refused("InvalidArgumentException", firehose.create_delivery_stream, DeliveryStreamName="fh-wrong", AmazonopensearchserviceDestinationConfiguration={
            name: value for name, value in destination.items() if value is not None})
    assert create(TypeName="_doc") == "Types are deprecated in OpenSearch. TypeName must be empty."
    assert "ClusterEndpoint" in create(ClusterEndpoint=None)
    assert "not available" in create(ClusterEndpoint=None, DomainARN="arn:aws:es:r:000000000000:domain/clicks")
    assert "username" in create(ClusterEndpoint="https://me@h")
    for more in ({"IndexName": "x" * 81}, {"BufferingHints": {"SizeInMBs": 101, "IntervalInSeconds": 0}}, {"RetryOptions": {"DurationInSeconds": 7201}},
                 {"S3BackupMode": "AllData"}, {"S3Configuration": None}, {"ClusterEndpoint": "h:9200"}):
        destination = {name: value for name, value in {**to_cluster("fh-wrong", opensearch.url), **more}.items() if value is not None}
        refused("ValidationException", firehose.create_delivery_stream, DeliveryStreamName="fh-wrong", AmazonopensearchserviceDestinationConfiguration=destination)
    refused("ResourceNotFoundException", firehose.describe_delivery_stream, DeliveryStreamName="fh-wrong")


def test_what_is_no_document_goes_to_the_bucket_and_all_others_arrive(firehose, opensearch, s3):
    make(firehose, opensearch, "fh-bad")
    opensearch.call("/fh-bad", "PUT", {"mappings": {"properties": {"n": {"type": "integer"}}}})
    bad = [b"text", b"", b'{"n": 1}\n{"n": 2}', b"[1]", b'{"n": "many"}', b'{"n": 1']
    put(firehose, "fh-bad", b'{"n": 10}', *bad, b'{"n": 11}')
    found = documents(opensearch, "fh-bad", 2)
    assert sorted(source["n"] for source in found.values()) == [10, 11]
    lines = failed(s3, f"fh-bad/{FAILED}/", len(bad))
    assert sorted(base64.b64decode(line["rawData"]) for line in lines) == sorted(bad)
    for line in lines:
        assert set(line) == {"attemptsMade", "arrivalTimestamp", "errorCode", "errorMessage", "attemptEndingTimestamp", "esDocumentId", "esIndexName",
                             "esTypeName", "rawData"}
        assert line["esIndexName"] == "fh-bad" and line["attemptsMade"] == 1 and line["arrivalTimestamp"] <= line["attemptEndingTimestamp"]
        refused_by_cluster = base64.b64decode(line["rawData"]) == b'{"n": "many"}'
        assert line["errorCode"] == ("400" if refused_by_cluster else "OS.MalformedData"), line
        assert ("failed to parse field [n]" in line["errorMessage"]) == refused_by_cluster
    assert len({line["esDocumentId"] for line in lines} | {id for _, id in found}) == len(bad) + 2


def test_a_cluster_that_is_away_for_too_long_gets_what_comes_later(firehose, opensearch, s3):
    nobody = f"http://127.0.0.1:{support.free_port()}"
    make(firehose, opensearch, "fh-away", nobody, RetryOptions={"DurationInSeconds": 2})
    put(firehose, "fh-away", b'{"n": 1}', b'{"n": 2}')
    lines = failed(s3, f"fh-away/{FAILED}/", 2)
    assert {line["errorCode"] for line in lines} == {"OS.ServiceException"} and all(line["attemptsMade"] >= 2 for line in lines)
    update(firehose, "fh-away", "1", ClusterEndpoint=opensearch.url, IndexName="fh-away-2", S3Update={"Prefix": "fh-away-2/"})
    put(firehose, "fh-away", b'{"n": 3}', b"bad")
    assert [source for source in documents(opensearch, "fh-away-2", 1).values()] == [{"n": 3}]
    (line,) = failed(s3, f"fh-away-2/{FAILED}/", 1)
    assert line["rawData"] == base64.b64encode(b"bad").decode()
    refused("InvalidArgumentException", update, firehose, "fh-away", "2", DomainARN="arn:aws:es:r:000000000000:domain/clicks")
    refused("InvalidArgumentException", firehose.update_destination, DeliveryStreamName="fh-away", CurrentDeliveryStreamVersionId="2",
            DestinationId="destinationId-000000000001", ExtendedS3DestinationUpdate={"Prefix": "x/"})


def test_documents_that_are_put_off_are_sent_again_without_the_others(firehose, opensearch, s3):
    """The cluster is overloaded for each second document for a while, and for one of them for ever; once an answer is lost, once a request is too long."""
    sent, lock = [], threading.Lock()

    def decide(number, method, path, body):
        lines = body.decode().splitlines()
        ids = [json.loads(line)["index"]["_id"] for line in lines[::2]]
        numbers = [json.loads(line)["n"] for line in lines[1::2]]
        with lock:
            sent.append(numbers)
            first = len(sent) == 1
        if first:
            return 413, "too long"
        if 2 in numbers and sum(2 in part for part in sent) == 2:
            return "cut-after"
        held = [n for n in numbers if n == 5 or (n % 2 and sum(n in part for part in sent) < 3)]
        if not held:
            return None
        taken = b"".join(json.dumps(action).encode() + b"\n" for id, n in zip(ids, numbers) if n not in held
                         for action in ({"index": {"_index": "fh-part", "_id": id}}, {"n": n}))
        if taken:
            assert not opensearch.call("/_bulk", "POST", taken)["errors"]
        error = {"type": "rejected_execution_exception", "reason": "queue is full"}
        items = [{"index": {"status": 429, "error": error} if n in held else {"status": 201}} for n in numbers]
        return 200, json.dumps({"errors": True, "items": items})

    with Proxy(opensearch.port, decide) as proxy:
        make(firehose, opensearch, "fh-part", proxy.url, RetryOptions={"DurationInSeconds": 6})
        put(firehose, "fh-part", *(json.dumps({"n": n}).encode() for n in range(10)))
        found = documents(opensearch, "fh-part", 9)
        assert sorted(source["n"] for source in found.values()) == [0, 1, 2, 3, 4, 6, 7, 8, 9]
        (line,) = failed(s3, f"fh-part/{FAILED}/", 1)
    assert base64.b64decode(line["rawData"]) == b'{"n": 5}' and line["errorCode"] == "429" and "queue is full" in line["errorMessage"]
    assert sent[0] == list(range(10)) and sent[-1] == [5]


def test_without_ids_the_cluster_gives_them(firehose, opensearch):
    make(firehose, opensearch, "fh-anonymous", DocumentIdOptions={"DefaultDocumentIdFormat": "NO_DOCUMENT_ID"})
    put(firehose, "fh-anonymous", b'{"n": 1}', b'{"n": 2}')
    found = documents(opensearch, "fh-anonymous", 2)
    assert not [id for _, id in found if "firehose" in id]


def test_no_answered_record_is_lost_or_doubled_by_kills(s3, opensearch, tmp_path):
    """Also through answers that are lost on the way, and changes of the destination's hints."""
    _, rng = seeded()
    node = node_with(s3, tmp_path)
    node.settings["journal.checkpoint-interval"] = "300ms"
    node.start()
    name = f"fh-killed{rng.randrange(10**9)}"
    faults = random.Random(rng.randrange(10**9))

    class JsonWriter(RecordWriter):
        def put(self):
            numbers = range(self.sent, self.sent + random.choice((1, 10, 100)))
            self.sent = numbers.stop
            answer = self.client.put_record_batch(DeliveryStreamName=self.stream, Records=[
                {"Data": json.dumps({"writer": self.name, "n": n}).encode()} for n in numbers])
            assert answer["FailedPutCount"] == 0
            self.answered += numbers

    def while_up(number):
        try:
            update(firehose_of(node), name, version_of(firehose_of(node), name), BufferingHints={"SizeInMBs": 1 + number % 7, "IntervalInSeconds": 0})
        except Exception as error:  # of a node that is killed meanwhile
            assert getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPStatusCode", 500) >= 500, error

    with Proxy(opensearch.port, lambda *_: faults.choice(("cut-before", "cut-after")) if faults.random() < 0.1 else None) as proxy:
        make(firehose_of(node), opensearch, name, proxy.url)
        opensearch.call(f"/{name}", "PUT", {"settings": {"index.refresh_interval": "-1"}})
        writers = [JsonWriter(node, f"w{i}", name) for i in range(2)]
        for writer in writers:
            writer.thread.start()
        try:
            at_flush = kill_again_and_again(node, rng, 1.0, while_up)
            stop_when_they_write(writers)
            wanted = {(w.name, n) for w in writers for n in w.answered}
            found = {}

            def all_there():
                found.update(opensearch.documents(name))
                return wanted <= {(source["writer"], source["n"]) for source in found.values()}
            support.wait_until(all_there, f"{len(wanted)} documents", 180)
            there = sorted((source["writer"], source["n"]) for source in found.values())
            assert len(there) == len(set(there)), "doubled"
            print(f"{KILLS} kills ({at_flush} at a flush), {len(wanted)} answered records, version {version_of(firehose_of(node), name)}")
            assert len(wanted) > 100 and not s3.keys(f"{name}/{FAILED}/")
        finally:
            for writer in writers:
                writer.stopping.set()
            node.kill()
