"""Subscription filters of CloudWatch Logs: what they take is put into a Kinesis stream of the same node, once, as Amazon's messages."""
import gzip
import json
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError

import support
from kill_loop import KILLS, seeded
from kinesis_client import client_of, refused
from test_logs import logs_of, now_ms, put


def arn(stream):
    return f"arn:aws:kinesis:eu-central-1:000000000000:stream/{stream}"


def records_of(kinesis, stream):
    records = []
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        position = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while position:
            page = kinesis.get_records(ShardIterator=position)
            records += page["Records"]
            position = page.get("NextShardIterator") if page["MillisBehindLatest"] else None
    return records


def delivered(kinesis, stream, kind="DATA_MESSAGE"):
    """The messages in a stream, by arrival within each shard."""
    return [m for m in (json.loads(gzip.decompress(r["Data"])) for r in records_of(kinesis, stream)) if m["messageType"] == kind]


def texts(messages):
    return [event["message"] for message in messages for event in message["logEvents"]]


@pytest.fixture(scope="module")
def doors(shared_node):
    return logs_of(shared_node), client_of(shared_node)


def test_what_a_filter_takes_comes_into_the_stream(doors):
    logs, kinesis = doors
    kinesis.create_stream(StreamName="taken", ShardCount=2)
    logs.create_log_group(logGroupName="/app")
    for stream in "ab":
        logs.create_log_stream(logGroupName="/app", logStreamName=stream)
    now = now_ms()
    put(logs, "/app", "a", (now, "404 before the filter"))
    logs.put_subscription_filter(logGroupName="/app", filterName="errors", filterPattern="[code = 4*, ...]", destinationArn=arn("taken"))
    control = delivered(kinesis, "taken", "CONTROL_MESSAGE")
    assert len(control) == 1 and control[0]["logEvents"][0]["message"].startswith("CWL CONTROL MESSAGE: Checking health of destination")
    put(logs, "/app", "a", (now, "404 one"), (now + 1, "200 two"), (now + 2, "403 three"))
    put(logs, "/app", "b", (now, "400 four"))
    support.wait_until(lambda: len(texts(delivered(kinesis, "taken"))) == 3, "three events in the stream")
    messages = {m["logStream"]: m for m in delivered(kinesis, "taken")}
    assert set(messages["a"]) == {"messageType", "owner", "logGroup", "logStream", "subscriptionFilters", "logEvents"}
    assert (messages["a"]["owner"], messages["a"]["logGroup"], messages["a"]["subscriptionFilters"]) == ("000000000000", "/app", ["errors"])
    events = messages["a"]["logEvents"]
    assert [(e["timestamp"], e["message"]) for e in events] == [(now, "404 one"), (now + 2, "403 three")]
    assert events[0]["extractedFields"] == {"code": "404", "2": "one"}
    found = logs.filter_log_events(logGroupName="/app", filterPattern="one")["events"]
    assert events[0]["id"] == found[0]["eventId"]
    # The filter is changed: it goes on where it was, behind what it did not take.
    put(logs, "/app", "a", (now + 3, "200 two, passed over"))
    time.sleep(1)
    logs.put_subscription_filter(logGroupName="/app", filterName="errors", filterPattern="two", destinationArn=arn("taken"), distribution="Random")
    described = logs.describe_subscription_filters(logGroupName="/app")["subscriptionFilters"]
    assert [(f["filterName"], f["filterPattern"], f["distribution"], f["destinationArn"]) for f in described] == [("errors", "two", "Random", arn("taken"))]
    put(logs, "/app", "a", (now + 5, "404 again"), (now + 6, "two again"))
    support.wait_until(lambda: "two again" in texts(delivered(kinesis, "taken")), "the changed filter")
    assert sorted(texts(delivered(kinesis, "taken"))) == ["400 four", "403 three", "404 one", "two again"]
    logs.delete_subscription_filter(logGroupName="/app", filterName="errors")
    assert logs.describe_subscription_filters(logGroupName="/app")["subscriptionFilters"] == []
    refused("ResourceNotFoundException", logs.delete_subscription_filter, logGroupName="/app", filterName="errors")


def test_filters_are_checked(doors):
    logs, kinesis = doors
    kinesis.create_stream(StreamName="there", ShardCount=1)
    logs.create_log_group(logGroupName="checked")

    def put_filter(name="f", pattern="", stream=arn("there")):
        return logs.put_subscription_filter(logGroupName="checked", filterName=name, filterPattern=pattern, destinationArn=stream)
    with pytest.raises(logs.exceptions.InvalidParameterException, match="Could not deliver test message to specified Kinesis stream"):
        put_filter(stream=arn("absent"))
    with pytest.raises(logs.exceptions.InvalidParameterException, match="destinationArn"):
        put_filter(stream="arn:aws:lambda:eu-central-1:000000000000:function:f")
    with pytest.raises(logs.exceptions.InvalidParameterException, match="Invalid filter pattern"):
        put_filter(pattern="{ $.a")
    put_filter("one")
    put_filter("two")
    with pytest.raises(logs.exceptions.LimitExceededException):
        put_filter("three")
    page = logs.describe_subscription_filters(logGroupName="checked", limit=1)
    rest = logs.describe_subscription_filters(logGroupName="checked", nextToken=page["nextToken"])
    assert [f["filterName"] for f in page["subscriptionFilters"] + rest["subscriptionFilters"]] == ["one", "two"]
    logs.delete_log_group(logGroupName="checked")


def test_a_filter_waits_for_its_stream(doors):
    logs, kinesis = doors
    kinesis.create_stream(StreamName="comes-back", ShardCount=1)
    logs.create_log_group(logGroupName="waiting")
    logs.create_log_stream(logGroupName="waiting", logStreamName="s")
    logs.put_subscription_filter(logGroupName="waiting", filterName="f", filterPattern="", destinationArn=arn("comes-back"))
    kinesis.delete_stream(StreamName="comes-back")
    put(logs, "waiting", "s", (now_ms(), "kept"))
    time.sleep(0.3)
    kinesis.create_stream(StreamName="comes-back", ShardCount=1)
    support.wait_until(lambda: texts(delivered(kinesis, "comes-back")) == ["kept"], "the event that waited")
    logs.delete_log_group(logGroupName="waiting")


def test_each_event_is_delivered_once_through_kills(tmp_path):
    _, rng = seeded()
    node = support.Node(tmp_path, {"journal.checkpoint-interval": "300ms"}).start()
    try:
        logs, kinesis = logs_of(node), client_of(node)
        kinesis.create_stream(StreamName="once", ShardCount=2)
        logs.create_log_group(logGroupName="killed")
        for stream in "abc":
            logs.create_log_stream(logGroupName="killed", logStreamName=stream)
        logs.put_subscription_filter(logGroupName="killed", filterName="f", filterPattern="-skip", destinationArn=arn("once"))
        number, answered = 0, []
        for kill in range(KILLS):
            point = rng.choice([None, f"journal.flush:{rng.randrange(1, 30)}", f"subscription.commit:{rng.randrange(1, 6)}"])
            node.kill()
            node.start(crash_point=point)
            end = time.monotonic() + rng.uniform(0.1, 0.4)
            while time.monotonic() < end:
                events = [(now_ms(), f"{n}{' skip' if n % 3 == 0 else ''}") for n in range(number, number + 20)]
                number += 20
                try:
                    put(logs_of(node), "killed", rng.choice("abc"), *events)
                    answered += [m for _, m in events if "skip" not in m]
                except (BotoCoreError, ClientError):
                    break
        node.kill()
        node.start()
        kinesis = client_of(node)
        support.wait_until(lambda: set(answered) <= set(texts(delivered(kinesis, "once"))), "all answered events", 60)
        got = texts(delivered(kinesis, "once"))
        assert len(set(got)) == len(got), "an event came twice"
        assert not [m for m in got if "skip" in m]
        stored = {e["message"] for page in logs_of(node).get_paginator("filter_log_events").paginate(logGroupName="killed", filterPattern="-skip") for e in page["events"]}
        assert set(got) == stored
        print(f"{KILLS} kills, {len(got)} events delivered once")
    finally:
        node.kill()
