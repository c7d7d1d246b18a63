"""The same calls to kinesalite and to us: status, error name and message must be the same. Kinesalite (npm) knows the API of 2020 and
checked its texts against Amazon's. Left out: what Amazon has changed since (limits, optional names), sequence numbers of older layouts, and
numbers like 01, which its patterns, anchored at one end only, let through; and the text for an operation that is not there, which is empty there."""
import http.client
import json
import os
import subprocess

import pytest

import support

MODULES = os.path.join(support.ROOT, ".deps/clients/node_modules")
HEADERS = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Date": "20260101T000000Z",
           "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=b"}
SHARD = "shardId-000000000000"
LONG = "a" * 129
# Of each type that is wrong for nearly every member.
WRONG = [True, 12, "text", [], {}, [1], {"a": 1}, 1.5, None]

NAMES = [{}, {"StreamName": ""}, {"StreamName": "a;b"}, {"StreamName": LONG}, {"StreamName": ";" * 200}]


def members(base, name, *values):
    return [dict(base, **{name: value}) for value in values]


CASES = {
    "CreateStream": [dict(body, ShardCount=1) for body in NAMES] + members({"StreamName": "x"}, "ShardCount", 0, -1, 100001, "a", True, [], {})
    + members({"ShardCount": 1}, "StreamName", *WRONG) + [{"StreamName": "", "ShardCount": 0}, {"StreamName": "known", "ShardCount": 1}],
    "DeleteStream": members({}, "StreamName", *WRONG[:-1]) + [{"StreamName": "unknown"}] + NAMES[1:],
    "DescribeStream": members({"StreamName": "unknown"}, "Limit", 0, 10001, "a", [], {}, True) + members({"StreamName": "x"}, "ExclusiveStartShardId", "", LONG, ";", 1)
    + [{"StreamName": "unknown"}] + NAMES[1:],
    "DescribeStreamSummary": [{"StreamName": "unknown"}] + NAMES[1:],
    "ListStreams": members({}, "Limit", 0, 10001, "a", [], {}, True) + members({}, "ExclusiveStartStreamName", "", LONG, ";", 1, [], {}),
    "ListShards": members({"StreamName": "unknown"}, "MaxResults", 0, 10001, "a") + [{}, {"StreamName": "unknown"}, {"StreamName": "known", "NextToken": "a"},
                                                                                   {"NextToken": ""}] + NAMES[1:],
    "PutRecord": members({"StreamName": "unknown", "PartitionKey": "k"}, "Data", True, 1, [], {}, "a", "====", "A===", "AB==", "a b=", None)
    + members({"StreamName": "x", "Data": ""}, "PartitionKey", "", "a" * 257, 1, True, [], {}, None)
    + members({"StreamName": "x", "Data": "", "PartitionKey": "k"}, "ExplicitHashKey", "", "a", 1, [])
    + members({"StreamName": "x", "Data": "", "PartitionKey": "k"}, "SequenceNumberForOrdering", "", "a", 1)
    + [{"StreamName": "unknown", "Data": "", "PartitionKey": "k"}, {"StreamName": "known", "Data": "", "PartitionKey": "k", "ExplicitHashKey": str(2**128)}],
    "PutRecords": members({"StreamName": "x"}, "Records", True, 1, "a", {}, [], [1], [[]], [{}], [{"Data": "", "PartitionKey": "k"}] * 501,
                          [{"Data": "", "PartitionKey": ""}], [{"Data": "", "PartitionKey": "k", "ExplicitHashKey": "x"}] * 3, [{"Data": 1}], [{}] * 20)
    + [{"StreamName": "unknown", "Records": [{"Data": "", "PartitionKey": "k"}]},
       {"StreamName": "known", "Records": [{"Data": "", "PartitionKey": "k", "ExplicitHashKey": str(2**128)}]}],
    "GetShardIterator": members({"StreamName": "known", "ShardIteratorType": "LATEST"}, "ShardId", "", LONG, ";", "unknown", "shardId-", "5", "shardId-000000000009",
                                "shardId-2147483648", 1, [], {}, None)
    + members({"StreamName": "known", "ShardId": SHARD}, "ShardIteratorType", "", "latest", 1, None, "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "AT_TIMESTAMP")
    + members({"StreamName": "known", "ShardId": SHARD, "ShardIteratorType": "AT_SEQUENCE_NUMBER"}, "StartingSequenceNumber", "", "a", "9" * 57, 1)
    + members({"StreamName": "known", "ShardId": SHARD}, "Timestamp", "a", True, [], {})
    + [{"StreamName": "known", "ShardId": SHARD, "ShardIteratorType": kind, "StartingSequenceNumber": "5"} for kind in ("LATEST", "TRIM_HORIZON")]
    + [{"StreamName": "unknown", "ShardId": SHARD, "ShardIteratorType": "LATEST"}] + [dict(body, ShardId=SHARD, ShardIteratorType="LATEST") for body in NAMES[1:]],
    "GetRecords": members({}, "ShardIterator", "", "a" * 513, "garbage", "AAAA", 1, [], {}, None) + members({"ShardIterator": "a"}, "Limit", 0, 10001, "a", True),
    "SplitShard": members({"StreamName": "known", "ShardToSplit": SHARD}, "NewStartingHashKey", "", "a", "0", "1", str(2**128 - 1), 1, None)
    + members({"StreamName": "known", "NewStartingHashKey": "5"}, "ShardToSplit", "", LONG, ";", "unknown", "shardId-000000000009", 1, None)
    + [{"StreamName": "unknown", "ShardToSplit": SHARD, "NewStartingHashKey": "5"}],
    "MergeShards": members({"StreamName": "known", "ShardToMerge": SHARD}, "AdjacentShardToMerge", "", LONG, ";", "unknown", "shardId-000000000009", SHARD, 1, None)
    + [{"StreamName": "unknown", "ShardToMerge": SHARD, "AdjacentShardToMerge": "shardId-000000000001"},
       {"StreamName": "known", "ShardToMerge": "shardId-000000000001", "AdjacentShardToMerge": SHARD}],
    "IncreaseStreamRetentionPeriod": members({"StreamName": "known"}, "RetentionPeriodHours", 0, 1, 23, "a", True, None) + [{"StreamName": "unknown", "RetentionPeriodHours": 48}],
    "DecreaseStreamRetentionPeriod": members({"StreamName": "known"}, "RetentionPeriodHours", 0, 1, 23, 48, "a", None) + [{"StreamName": "unknown", "RetentionPeriodHours": 48}],
    "AddTagsToStream": members({"StreamName": "known"}, "Tags", {}, "a", 1, [], {"a": 1}, {"": "b"}, {"a" * 129: ""}, {"a": "b" * 257}, {"a;": "b"}, {"a%": "b"}, None)
    + [{"StreamName": "unknown", "Tags": {"a": "b"}}],
    "RemoveTagsFromStream": members({"StreamName": "known"}, "TagKeys", [], "a", 1, {}, [""], ["a" * 129], ["a;"], ["a%"], None) + [{"StreamName": "unknown", "TagKeys": ["a"]}],
    "ListTagsForStream": members({"StreamName": "unknown"}, "Limit", 0, "a") + members({"StreamName": "unknown"}, "ExclusiveStartTagKey", "", LONG, 1)
    + [{"StreamName": "unknown"}],
}


@pytest.fixture(scope="module")
def kinesalite():
    if not os.path.isdir(os.path.join(MODULES, "kinesalite")):
        pytest.skip("kinesalite is not installed: run scripts/setup test")
    process = subprocess.Popen(["node", os.path.join(os.path.dirname(__file__), "kinesalite.js")], stdout=subprocess.PIPE,
                               env=dict(os.environ, NODE_PATH=MODULES, AWS_REGION="us-east-1"))
    yield f"127.0.0.1:{int(process.stdout.readline())}"
    process.kill()
    process.wait()
    process.stdout.close()


def call(address, operation, body, headers=HEADERS, method="POST"):
    """(status, name of the error, message) of one call; a body that is no text is sent as JSON."""
    connection = http.client.HTTPConnection(address, timeout=20)
    data = body if isinstance(body, str) else json.dumps(body)
    connection.request(method, "/", data, dict(headers, **({"X-Amz-Target": "Kinesis_20131202." + operation} if operation else {})))
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    try:
        answer = json.loads(text) if text else {}
    except ValueError:
        return response.status, text
    return response.status, answer.get("__type"), answer.get("message", answer.get("Message"))


def test_errors_are_told_as_kinesalite_tells_them(kinesalite, shared_node):
    for address in (kinesalite, shared_node.aws):
        assert call(address, "CreateStream", {"StreamName": "known", "ShardCount": 3})[0] == 200
    different, compared = [], 0
    for operation, bodies in CASES.items():
        for body in bodies:
            theirs, ours = call(kinesalite, operation, body), call(shared_node.aws, operation, body)
            compared += 1
            if theirs != ours:
                different.append(f"{operation} {json.dumps(body)[:200]}\n  kinesalite: {theirs}\n  ours:       {ours}")
    print(f"{compared} calls compared")
    assert not different, f"{len(different)} of {compared} differ:\n" + "\n".join(different)


def test_what_is_no_call_is_refused_in_the_same_way(kinesalite, shared_node):
    plain = {key: value for key, value in HEADERS.items() if key != "Content-Type"}
    cases = [("ListStreams", "", HEADERS, "POST"), ("ListStreams", "{", HEADERS, "POST"), ("ListStreams", "[", HEADERS, "POST"), ("ListStreams", "null", HEADERS, "POST"),
             ("ListStreams", "1", HEADERS, "POST"), ("Unknown", "", HEADERS, "POST"), ("Unknown", "{", HEADERS, "POST"), ("Unknown", "{}", HEADERS, "POST"),
             ("", "{}", HEADERS, "POST"), ("", "{}", plain, "POST"), ("ListStreams", "{}", plain, "POST"), ("", "", HEADERS, "POST"), ("", "", HEADERS, "GET"),
             ("ListStreams", "{}", HEADERS, "PUT"), ("ListStreams", "{}", dict(plain, **{"Content-Type": "text/plain"}), "POST")]
    different = []
    for operation, body, headers, method in cases:
        theirs, ours = (call(address, operation, body, headers, method) for address in (kinesalite, shared_node.aws))
        if operation == "Unknown":  # named in our text
            theirs, ours = theirs[:2], ours[:2]
        if theirs != ours:
            different.append(f"{method} {operation!r} {body!r} {headers.get('Content-Type')}\n  kinesalite: {theirs}\n  ours:       {ours}")
    assert not different, "\n".join(different)
