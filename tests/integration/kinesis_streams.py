"""Streams of other Kinesis services, as tests of the connector need them: of a second node, and of moto. Import the fixtures that a test uses."""
import itertools
import json

import boto3
import pytest
from botocore.config import Config

import support

names = (f"in-{number}" for number in itertools.count())
KEYS = {"aws_access_key_id": "any", "aws_secret_access_key": "s3cret-thing"}


class Service:
    def __init__(self, url):
        self.url = url
        self.client = boto3.client("kinesis", endpoint_url=url, region_name="eu-central-1", config=Config(retries={"total_max_attempts": 8}), **KEYS)

    def make(self, shards=1):
        name = next(names)
        self.client.create_stream(StreamName=name, ShardCount=shards)
        self.client.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
        return name

    def put(self, stream, events):
        """(key, event) each, in their order."""
        for key, event in events:
            data = event if isinstance(event, bytes) else json.dumps(event).encode()
            self.client.put_record(StreamName=stream, PartitionKey=key, Data=data)


@pytest.fixture(scope="module")
def other_node(tmp_path_factory):
    server = support.Node(tmp_path_factory.mktemp("other"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    server = support.S3Server(tmp_path_factory.mktemp("moto"), "moto")
    if not server.available:
        pytest.skip("moto is not installed: run scripts/setup test")
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["mainstem", "moto"])
def service(request):
    """Of two kinds of services."""
    if request.param == "mainstem":
        return Service(f"http://{request.getfixturevalue('other_node').aws}")
    return Service(request.getfixturevalue("moto").url)


def table(service, stream, columns="k STRING, n BIGINT", name="t", start="TRIM_HORIZON", keys=KEYS, more="", **options):
    given = {"connector": "kinesis", "stream.arn": f"arn:aws:kinesis:eu-central-1:123456789012:stream/{stream}", "aws.region": "eu-central-1",
             "aws.endpoint": service.url, "aws.credentials.basic.accesskeyid": keys["aws_access_key_id"],
             "aws.credentials.basic.secretkey": keys["aws_secret_access_key"], "format": "json", "source.init.position": start,
             "source.shard.discovery.interval": "300 ms", "source.reader.empty-records-fetch-interval": "50 ms",
             **{key.replace("__", "-").replace("_", "."): value for key, value in options.items()}}
    settings = ", ".join(f"'{key}' = '{value}'" for key, value in given.items() if value is not None)
    return f"CREATE TABLE {name} ({columns}) {more} WITH ({settings});\n"


def await_crash(node):
    """Kills a node that does not come to its crash point soon: it may have nothing left to do."""
    try:
        node.wait_for_crash(5)
    except AssertionError:
        node.kill()
