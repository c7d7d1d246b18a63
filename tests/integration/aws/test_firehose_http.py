"""Delivery streams to HTTP endpoints: requests in Amazon's form at a real server, which acknowledges them, refuses them or says nothing to the point; what it
does not take comes into the bucket. The last test kills the node (short tier: 8 times, full: 104)."""
import base64
import gzip
import json
import random
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import support
from kill_loop import KILLS, kill_again_and_again, seeded, stop_when_they_write
from kinesis_client import refused
from test_firehose import ROLE, UUID, arrived, firehose_of, node_with, put, version_of
from test_firehose_kill import RecordWriter


class Endpoint:
    """What `answer` makes of a request's JSON and path is sent: status and body."""

    def __init__(self):
        self.requests, self.lock = [], threading.Lock()
        self.answer = self.acknowledge
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                request = json.loads(body)
                status, text = endpoint.answer(request, self.path)
                with endpoint.lock:
                    endpoint.requests.append((self.path, dict(self.headers), request, status))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a killed node leaves its connections
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/into/here?a=b"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def acknowledge(request, _path):
        return 200, json.dumps({"requestId": request["requestId"], "timestamp": request["timestamp"] + 1}).encode()

    def taken(self):
        with self.lock:
            return [base64.b64decode(record["data"]) for _, _, request, status in self.requests if status == 200 for record in request["records"]]


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.server.shutdown()


@pytest.fixture(scope="module")
def served(s3, tmp_path_factory):
    node = node_with(s3, tmp_path_factory.mktemp("firehose-http")).start()
    yield node
    node.kill()


@pytest.fixture(scope="module")
def firehose(served):
    return firehose_of(served)


def make(firehose, name, endpoint, **more):
    configuration = {"EndpointConfiguration": {"Url": endpoint.url, "Name": "mine", "AccessKey": "s3cret"}, "RoleARN": ROLE,
                     "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 1}, "RetryOptions": {"DurationInSeconds": 1},
                     "S3Configuration": {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::lake1", "Prefix": f"{name}/",
                                         "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0}}, **more}
    return firehose.create_delivery_stream(DeliveryStreamName=name, HttpEndpointDestinationConfiguration=configuration)["DeliveryStreamARN"]


def test_records_are_sent_as_amazon_sends_them(served, firehose, endpoint):
    arn = make(firehose, "sent", endpoint, RequestConfiguration={"ContentEncoding": "GZIP", "CommonAttributes": [
        {"AttributeName": "team", "AttributeValue": "a \"b\""}]})
    records = [b"one", bytes(range(256)), b"x" * 1_024_000, b"last"]
    put(firehose, "sent", *records)
    support.wait_until(lambda: len(endpoint.taken()) == 4, "four records at the endpoint")
    assert endpoint.taken() == records
    for path, headers, request, _ in endpoint.requests:
        assert path == "/into/here?a=b" and re.fullmatch(UUID, request["requestId"]) and isinstance(request["timestamp"], int)
        assert (headers["Content-Type"], headers["Content-Encoding"], headers["X-Amz-Firehose-Protocol-Version"]) == ("application/json", "gzip", "1.0")
        assert headers["X-Amz-Firehose-Request-Id"] == request["requestId"] and headers["X-Amz-Firehose-Source-Arn"] == arn
        assert headers["X-Amz-Firehose-Access-Key"] == "s3cret"
        assert json.loads(headers["X-Amz-Firehose-Common-Attributes"]) == {"commonAttributes": {"team": "a \"b\""}}
    (told,) = firehose.describe_delivery_stream(DeliveryStreamName="sent")["DeliveryStreamDescription"]["Destinations"]
    told = told["HttpEndpointDestinationDescription"]
    assert told["EndpointConfiguration"] == {"Url": endpoint.url, "Name": "mine"}  # and no key
    (job,) = [job["id"] for job in served.api("/jobs")["jobs"] if job["name"] == "firehose.sent"]
    assert "s3cret" not in json.dumps(served.api(f"/jobs/{job}"))
    assert told["S3BackupMode"] == "FailedDataOnly" and told["RetryOptions"] == {"DurationInSeconds": 1}
    assert told["S3DestinationDescription"]["Prefix"] == "sent/"
    refused("InvalidArgumentException", firehose.update_destination, DeliveryStreamName="sent", CurrentDeliveryStreamVersionId="1",
            DestinationId="destinationId-000000000001", ExtendedS3DestinationUpdate={"Prefix": "x/"})


def test_a_buffer_is_sent_when_it_is_full_or_old(firehose, endpoint):
    make(firehose, "gathered", endpoint, BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900})
    for _ in range(5):
        put(firehose, "gathered", b"x" * 500_000)
    support.wait_until(lambda: len(endpoint.taken()) >= 3, "a full buffer")
    assert all(len(request["records"]) >= 3 for _, _, request, _ in endpoint.requests)
    firehose.update_destination(DeliveryStreamName="gathered", CurrentDeliveryStreamVersionId="1", DestinationId="destinationId-000000000001",
                                HttpEndpointDestinationUpdate={"BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0}})
    support.wait_until(lambda: len(endpoint.taken()) >= 5, "the rest")


def failed(s3, prefix, count):
    lines = []

    def are_there():
        lines[:] = [json.loads(line) for key in s3.keys(prefix) for line in s3.read(key).splitlines()]
        return len(lines) >= count
    support.wait_until(are_there, f"{count} failed records below {prefix}", 60)
    return lines


def test_what_is_not_acknowledged_goes_to_the_bucket(firehose, endpoint, s3):
    answers = {"/down": (500, b"{\"errorMessage\": \"not today\"}"), "/dumb": (200, b"thanks"), "/large": (413, b"{}")}
    endpoint.answer = lambda _, path: answers[path]
    for path in answers:
        name, retry = f"fail-{path[1:]}", 7200 if path == "/large" else 5  # time for a second try on a busy machine
        make(firehose, name, endpoint, RetryOptions={"DurationInSeconds": retry}, EndpointConfiguration={"Url": endpoint.url.replace("/into/here?a=b", path)})
        put(firehose, name, b"a", b"b\n")
    for path in answers:
        lines = failed(s3, f"fail-{path[1:]}/http-endpoint-failed/", 2)
        assert sorted(base64.b64decode(line["rawData"]) for line in lines) == [b"a", b"b\n"]
        for line in lines:
            assert set(line) == {"attemptsMade", "arrivalTimestamp", "errorCode", "errorMessage", "attemptEndingTimestamp", "rawData"}
            assert line["errorCode"] == "HttpEndpoint.DestinationException" and line["arrivalTimestamp"] <= line["attemptEndingTimestamp"]
        # Again and again the same request; one that is too large is not tried again.
        ids = [request["requestId"] for to, _, request, _ in endpoint.requests if to == path]
        records = [len(request["records"]) for to, _, request, _ in endpoint.requests if to == path]
        assert len(set(ids)) == (1 if max(records) == 2 else 2)
        assert len(ids) == len(set(ids)) if path == "/large" else len(ids) >= 2
    endpoint.requests.clear()
    endpoint.answer = endpoint.acknowledge
    for path in answers:
        put(firehose, f"fail-{path[1:]}", path.encode())
    support.wait_until(lambda: sorted(endpoint.taken()) == sorted(path.encode() for path in answers), "the next records at the endpoint")


def test_an_endpoint_that_is_down_is_shown_until_it_takes_the_request(served, firehose, endpoint):
    endpoint.answer = lambda *_: (503, b"not today")
    make(firehose, "shown", endpoint, RetryOptions={"DurationInSeconds": 7200})
    put(firehose, "shown", b"a")
    (job,) = [job["id"] for job in served.api("/jobs")["jobs"] if job["name"] == "firehose.shown"]

    def of_endpoint():
        (sink,) = [sink for sink in served.api(f"/jobs/{job}")["sinks"] if sink["connector"] == "firehose-endpoint"]
        return sink
    support.wait_until(lambda: of_endpoint()["state"] == "retrying", "the error")
    tried = len(endpoint.requests)

    def is_tried_again():
        told = of_endpoint()
        assert told["state"] == "retrying" and "503" in json.dumps(told) and "not today" in json.dumps(told)
        return len(endpoint.requests) >= tried + 3
    support.wait_until(is_tried_again, "three more tries")
    endpoint.answer = endpoint.acknowledge
    support.wait_until(lambda: endpoint.taken() == [b"a"] and of_endpoint()["state"] == "running", "the end of the error", 60)
    assert len({request["requestId"] for _, _, request, _ in endpoint.requests}) == 1


def test_all_data_goes_to_the_bucket_too_when_that_is_wanted(firehose, endpoint, s3):
    make(firehose, "both", endpoint, S3BackupMode="AllData")
    put(firehose, "both", b"1 ", b"2 ")
    assert b"".join(arrived(s3, "both/", 4).values()) == b"1 2 "
    support.wait_until(lambda: endpoint.taken() == [b"1 ", b"2 "], "two records at the endpoint")


def test_nothing_is_left_of_a_stream_that_is_deleted_while_its_endpoint_hangs(served, firehose, endpoint):
    asked, goes_on = threading.Event(), threading.Event()

    def hang(request, path):
        asked.set()
        goes_on.wait(120)
        return endpoint.acknowledge(request, path)
    endpoint.answer = hang
    make(firehose, "gone", endpoint)
    put(firehose, "gone", b"1")
    assert asked.wait(30)

    def topics():
        return [topic["name"] for topic in served.api("/topics")["topics"] if "gone" in topic["name"]]
    assert len(topics()) >= 4 and not [n for n in topics() if not n.startswith("__mainstem.") and n != "firehose.gone"]
    firehose.delete_delivery_stream(DeliveryStreamName="gone")
    assert not topics() and not goes_on.is_set()
    goes_on.set()


def test_no_answered_record_is_lost_by_kills(s3, endpoint, tmp_path):
    """At least once: each comes to the endpoint or into the bucket, though the endpoint refuses some requests."""
    _, rng = seeded()
    node = node_with(s3, tmp_path)
    node.settings["journal.checkpoint-interval"] = "300ms"
    node.start()
    name = f"killed{rng.randrange(10**9)}"
    endpoint.answer = lambda request, path: (503, b"{}") if random.random() < 0.3 else endpoint.acknowledge(request, path)
    make(firehose_of(node), name, endpoint, BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 0}, RetryOptions={"DurationInSeconds": 0})
    writers = [RecordWriter(node, f"w{i}", name) for i in range(2)]
    for writer in writers:
        writer.thread.start()
    try:
        at_flush = kill_again_and_again(node, rng, 2.0)
        stop_when_they_write(writers)
        wanted = {f"{w.name} {n}" for w in writers for n in w.answered}
        seen = {}

        def all_there():
            for key in s3.keys(f"{name}/"):
                if key not in seen:
                    seen[key] = {" ".join(base64.b64decode(json.loads(line)["rawData"]).decode().split()[:2]) for line in s3.read(key).splitlines()}
            there = {" ".join(data.decode().split()[:2]) for data in endpoint.taken()}
            return wanted <= there.union(*seen.values())
        support.wait_until(all_there, f"{len(wanted)} records at the endpoint or in the bucket", 90)
        print(f"{KILLS} kills ({at_flush} at a flush), {len(wanted)} answered records, {len(seen)} objects of failed ones")
        assert len(wanted) > 100 and version_of(firehose_of(node), name) == "1"
    finally:
        for writer in writers:
            writer.stopping.set()
        node.kill()
