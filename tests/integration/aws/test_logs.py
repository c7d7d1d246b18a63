"""CloudWatch Logs through boto3 and the AWS CLI, unmodified, and the same events through Kafka and SQL."""
import json
import os
import subprocess
import sys
import time

import boto3
import pytest
from botocore.config import Config
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic

import support
from kinesis_client import refused

DAY = 86_400_000


def logs_of(node):
    return boto3.client("logs", endpoint_url=f"http://{node.aws}", region_name="eu-central-1", aws_access_key_id="any", aws_secret_access_key="thing",
                        config=Config(retries={"total_max_attempts": 1}))


def now_ms():
    return int(time.time() * 1000)


@pytest.fixture(scope="module")
def logs(shared_node):
    return logs_of(shared_node)


@pytest.fixture
def group(logs, request):
    """A group with the streams "a" and "b" for one test."""
    name = f"/test/{request.node.name}"
    logs.create_log_group(logGroupName=name)
    for stream in "ab":
        logs.create_log_stream(logGroupName=name, logStreamName=stream)
    yield name
    logs.delete_log_group(logGroupName=name)


def put(logs, group, stream, *events):
    """Events as (time, message)."""
    return logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[{"timestamp": t, "message": m} for t, m in events])


def messages(answer):
    return [event["message"] for event in answer["events"]]


def test_groups_are_made_described_and_deleted(logs):
    for name in ("/app/web", "/app/api", "other"):
        logs.create_log_group(logGroupName=name, tags={"team": name[-3:]})
    described = logs.describe_log_groups(logGroupNamePrefix="/app/")["logGroups"]
    assert [g["logGroupName"] for g in described] == ["/app/api", "/app/web"]
    assert described[0]["logGroupArn"] == "arn:aws:logs:eu-central-1:000000000000:log-group:/app/api"
    assert described[0]["arn"] == described[0]["logGroupArn"] + ":*" and described[0]["logGroupClass"] == "STANDARD"
    assert abs(described[0]["creationTime"] - now_ms()) < 60_000 and "retentionInDays" not in described[0]
    pages = logs.get_paginator("describe_log_groups").paginate(PaginationConfig={"PageSize": 1})
    assert {"/app/api", "/app/web", "other"} <= {g["logGroupName"] for page in pages for g in page["logGroups"]}
    assert [g["logGroupName"] for g in logs.describe_log_groups(logGroupNamePattern="the")["logGroups"]] == ["other"]
    assert logs.describe_log_groups(logGroupNamePattern="THE")["logGroups"] == []  # case counts
    assert refused("ResourceAlreadyExistsException", logs.create_log_group, logGroupName="other") == "The specified log group already exists"
    assert "at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+" in refused(
        "InvalidParameterException", logs.create_log_group, logGroupName="no blanks")
    logs.put_retention_policy(logGroupName="other", retentionInDays=7)
    assert logs.describe_log_groups(logGroupNamePrefix="other")["logGroups"][0]["retentionInDays"] == 7
    assert "retentionInDays" in refused("InvalidParameterException", logs.put_retention_policy, logGroupName="other", retentionInDays=8)
    logs.delete_retention_policy(logGroupName="other")
    assert "retentionInDays" not in logs.describe_log_groups(logGroupNamePrefix="other")["logGroups"][0]
    arn = described[0]["logGroupArn"]
    logs.tag_resource(resourceArn=arn, tags={"more": "yes"})
    logs.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"more": "yes"}
    for name in ("/app/web", "/app/api", "other"):
        logs.delete_log_group(logGroupName=name)
    assert refused("ResourceNotFoundException", logs.delete_log_group, logGroupName="other") == "The specified log group does not exist."


def test_a_protected_group_is_not_deleted(logs):
    logs.create_log_group(logGroupName="guarded", deletionProtectionEnabled=True)
    logs.create_log_stream(logGroupName="guarded", logStreamName="s")
    refused("ValidationException", logs.delete_log_group, logGroupName="guarded")
    refused("ValidationException", logs.delete_log_stream, logGroupName="guarded", logStreamName="s")
    assert logs.describe_log_groups(logGroupNamePrefix="guarded")["logGroups"][0]["deletionProtectionEnabled"] is True
    logs.put_log_group_deletion_protection(logGroupIdentifier="guarded", deletionProtectionEnabled=False)
    logs.delete_log_stream(logGroupName="guarded", logStreamName="s")
    logs.delete_log_group(logGroupName="guarded")
    refused("ResourceNotFoundException", logs.put_log_group_deletion_protection, logGroupIdentifier="guarded", deletionProtectionEnabled=True)


def test_streams_are_described_by_name_and_by_time(logs, group):
    now = now_ms()
    put(logs, group, "b", (now - 5000, "old"))
    put(logs, group, "a", (now - 1000, "new"), (now, "newest"))
    logs.create_log_stream(logGroupName=group, logStreamName="with/slash [1] $LATEST")
    streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert [s["logStreamName"] for s in streams] == ["a", "b", "with/slash [1] $LATEST"]
    assert (streams[0]["firstEventTimestamp"], streams[0]["lastEventTimestamp"]) == (now - 1000, now)
    assert streams[0]["arn"].endswith(f":log-group:{group}:log-stream:a") and abs(streams[0]["lastIngestionTime"] - now) < 60_000
    assert "lastEventTimestamp" not in streams[2]
    by_time = logs.get_paginator("describe_log_streams").paginate(logGroupName=group, orderBy="LastEventTime", descending=True, PaginationConfig={"PageSize": 1})
    assert [s["logStreamName"] for page in by_time for s in page["logStreams"]][1:] == ["a", "b"]
    assert len(logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="with")["logStreams"]) == 1
    refused("InvalidParameterException", logs.describe_log_streams, logGroupName=group, orderBy="LastEventTime", logStreamNamePrefix="a")
    refused("ResourceAlreadyExistsException", logs.create_log_stream, logGroupName=group, logStreamName="a")
    refused("InvalidParameterException", logs.create_log_stream, logGroupName=group, logStreamName="a:b")
    # A stream that is made again has nothing of the old one.
    logs.delete_log_stream(logGroupName=group, logStreamName="a")
    assert refused("ResourceNotFoundException", logs.get_log_events, logGroupName=group, logStreamName="a") == "The specified log stream does not exist."
    logs.create_log_stream(logGroupName=group, logStreamName="a")
    put(logs, group, "a", (now, "again"))
    assert messages(logs.get_log_events(logGroupName=group, logStreamName="a", startFromHead=True)) == ["again"]
    assert messages(logs.filter_log_events(logGroupName=group)) == ["old", "again"]


@pytest.mark.parametrize("order", ["LogStreamName", "LastEventTime"])
@pytest.mark.parametrize("descending", [False, True])
def test_a_listing_of_streams_goes_on_when_its_last_one_is_deleted(logs, order, descending):
    name = f"/test/listing-{order}-{descending}"
    logs.create_log_group(logGroupName=name)
    now = now_ms()
    for i in range(5):
        logs.create_log_stream(logGroupName=name, logStreamName=f"s{i}")
        put(logs, name, f"s{i}", (now - 1000 + i // 2, "m"))  # some have the same time
    listing = {"logGroupName": name, "orderBy": order, "descending": descending, "limit": 2}
    page = logs.describe_log_streams(**listing)
    seen = [s["logStreamName"] for s in page["logStreams"]]
    logs.delete_log_stream(logGroupName=name, logStreamName=seen[-1])
    while "nextToken" in page:
        page = logs.describe_log_streams(nextToken=page["nextToken"], **listing)
        seen += [s["logStreamName"] for s in page["logStreams"]]
    assert seen == sorted((f"s{i}" for i in range(5)), reverse=descending)
    logs.delete_log_group(logGroupName=name)


def test_events_are_paged_in_both_directions(logs, group):
    now = now_ms()
    put(logs, group, "a", *[(now + i // 2, f"a{i:03}") for i in range(100)])
    put(logs, group, "b", *[(now, f"b{i}") for i in range(10)])
    wanted = [f"a{i:03}" for i in range(100)]
    last = logs.get_log_events(logGroupName=group, logStreamName="a", limit=7)
    assert messages(last) == wanted[-7:] and last["events"][0]["timestamp"] == now + 46
    assert abs(last["events"][0]["ingestionTime"] - now) < 60_000
    seen, token = messages(last), last["nextBackwardToken"]
    while True:
        page = logs.get_log_events(logGroupName=group, logStreamName="a", limit=7, nextToken=token)
        if page["nextBackwardToken"] == token:
            assert not page["events"]
            break
        seen, token = messages(page) + seen, page["nextBackwardToken"]
    assert seen == wanted
    seen, token = [], None
    while True:
        page = logs.get_log_events(logGroupName=group, logStreamName="a", limit=9, startFromHead=True, **({"nextToken": token} if token else {}))
        seen += messages(page)
        if page["nextForwardToken"] == token:
            break
        token = page["nextForwardToken"]
    assert seen == wanted
    # What comes later is found with the last token; going back from there finds the end again.
    put(logs, group, "a", (now + 60, "later"))
    page = logs.get_log_events(logGroupName=group, logStreamName="a", nextToken=token)
    assert messages(page) == ["later"]
    assert messages(logs.get_log_events(logGroupName=group, logStreamName="a", nextToken=page["nextBackwardToken"], limit=2)) == wanted[-2:]
    between = logs.get_log_events(logGroupName=group, logStreamName="a", startTime=now + 1, endTime=now + 2, startFromHead=True)
    assert messages(between) == ["a002", "a003"]
    for token in ("f/123/s", "nonsense", page["nextForwardToken"][:-3] + "x/s"):
        assert refused("InvalidParameterException", logs.get_log_events, logGroupName=group, logStreamName="a", nextToken=token) == "The specified nextToken is invalid."
    refused("InvalidParameterException", logs.get_log_events, logGroupName=group, logStreamName="b", nextToken=page["nextForwardToken"])


def test_events_that_come_out_of_order_are_found_in_order_of_time(logs, group):
    now = now_ms()
    for hour in (3, 1, 2, 0):
        put(logs, group, "a", *[(now - hour * 3_600_000 + i, f"{hour}:{i}") for i in range(50)])
    wanted = [f"{hour}:{i}" for hour in (3, 2, 1, 0) for i in range(50)]
    seen = [m for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, PaginationConfig={"PageSize": 30}) for m in messages(page)]
    assert seen == wanted
    assert messages(logs.get_log_events(logGroupName=group, logStreamName="a", startFromHead=True)) == wanted


def test_a_batch_has_amazons_limits(logs, group):
    now = now_ms()
    with pytest.raises(logs.exceptions.InvalidParameterException, match="chronological order"):
        put(logs, group, "a", (now, "x"), (now - 1, "y"))
    with pytest.raises(logs.exceptions.InvalidParameterException, match="cannot span more than 24 hours"):
        put(logs, group, "a", (now - DAY - 1, "x"), (now, "y"))
    with pytest.raises(logs.exceptions.InvalidParameterException, match="Upload too large: 1048577 bytes exceeds limit of 1048576"):
        put(logs, group, "a", (now, "x" * (1024 * 1024 - 25)))
    put(logs, group, "a", (now, "x" * (1024 * 1024 - 26)))
    with pytest.raises(logs.exceptions.InvalidParameterException, match="less than or equal to 10000"):
        put(logs, group, "a", *[(now, "x")] * 10_001)
    put(logs, group, "b", *[(now, str(i)) for i in range(10_000)])
    assert len(logs.get_log_events(logGroupName=group, logStreamName="b")["events"]) == 10_000
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="log stream"):
        put(logs, group, "c", (now, "x"))
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="log group"):
        put(logs, "absent", "c", (now, "x"))
    # A large message fills an answer.
    page = logs.filter_log_events(logGroupName=group, logStreamNames=["a"])
    assert len(page["events"]) == 1


def test_events_outside_amazons_window_are_told_and_dropped(logs, group):
    now = now_ms()
    answer = put(logs, group, "a", (now - 14 * DAY - 5000, "too old"), (now - 14 * DAY + 60_000, "just so"))
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1} and len(answer["nextSequenceToken"]) == 56
    answer = put(logs, group, "a", (now + 3_600_000, "ahead"), (now + 2 * 3_600_000 + 60_000, "too new"))
    assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    logs.put_retention_policy(logGroupName=group, retentionInDays=3)
    answer = put(logs, group, "a", (now - 3 * DAY - 5000, "expired"), (now - 3 * DAY + 60_000, "kept"))
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    # What has expired is not found, either.
    assert messages(logs.filter_log_events(logGroupName=group)) == ["kept", "ahead"]
    # Tokens have been ignored since 2023.
    logs.put_log_events(logGroupName=group, logStreamName="a", logEvents=[{"timestamp": now, "message": "m"}], sequenceToken="whatever")


def test_a_time_may_be_written_as_a_decimal_number(logs, group, shared_node):
    now = now_ms()
    body = f'{{"logGroupName":"{group}","logStreamName":"a","logEvents":[{{"timestamp":{now / 1e12!r}e12,"message":"m"}}]}}'
    head = f"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: Logs_20140328.PutLogEvents\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    assert support.raw_http(shared_node.aws, (head + body).encode()).startswith(b"HTTP/1.1 200 ")
    assert [e["timestamp"] for e in logs.filter_log_events(logGroupName=group)["events"]] == [now]


def test_events_are_filtered_by_patterns_streams_and_time(logs, group):
    now = now_ms()
    put(logs, group, "a", (now, "ERROR one"), (now + 2, json.dumps({"code": 500, "user": None})), (now + 4, '10.0.0.1 - [now] "GET /x" 404'))
    put(logs, group, "b", (now + 1, "WARN two"), (now + 3, json.dumps({"code": 200, "user": "me"})))

    def found(pattern, **more):
        return messages(logs.filter_log_events(logGroupName=group, filterPattern=pattern, **more))
    assert found("?ERROR ?WARN") == ["ERROR one", "WARN two"]
    assert len(found("-ERROR")) == 4
    assert found("{ $.code >= 500 && $.user IS NULL }") == [json.dumps({"code": 500, "user": None})]
    assert found("[ip, ..., status = 4*]") == ['10.0.0.1 - [now] "GET /x" 404']
    assert found("%^[EW]%", logStreamNames=["b"]) == ["WARN two"]
    assert len(found("", logStreamNamePrefix="a")) == 3
    assert found("", startTime=now + 1, endTime=now + 2) == ["WARN two", json.dumps({"code": 500, "user": None})]
    ids = [e["eventId"] for e in logs.filter_log_events(logGroupName=group)["events"]]
    assert len(set(ids)) == 5 and all(len(i) == 56 and i.isdigit() for i in ids)
    page = logs.filter_log_events(logGroupName=group, limit=2)
    assert messages(page) == ["ERROR one", "WARN two"]
    rest = logs.filter_log_events(logGroupName=group, nextToken=page["nextToken"])
    assert len(rest["events"]) == 3 and "nextToken" not in rest
    # The latest first; tokens keep the direction.
    page = logs.filter_log_events(logGroupName=group, startFromHead=False, startTime=now, limit=2)
    assert [e["timestamp"] for e in page["events"]] == [now + 4, now + 3]
    rest = logs.filter_log_events(logGroupName=group, startTime=now, nextToken=page["nextToken"])
    assert [e["timestamp"] for e in rest["events"]] == [now + 2, now + 1, now] and "nextToken" not in rest
    assert "Jan 1, 2024" in refused("InvalidParameterException", logs.filter_log_events, logGroupName=group, startFromHead=False)
    assert "too complex" in refused("InvalidParameterException", logs.filter_log_events, logGroupName=group, filterPattern="%a[ab]{1000}[ab]{1000}c%")
    assert "Invalid filter pattern" in refused("InvalidParameterException", logs.filter_log_events, logGroupName=group, filterPattern="{ $.a")
    assert "nextToken" in refused("InvalidParameterException", logs.filter_log_events, logGroupName=group, filterPattern="x", nextToken=page["nextToken"])
    refused("ResourceNotFoundException", logs.filter_log_events, logGroupName=group, logStreamNames=["absent"])
    refused("InvalidParameterException", logs.filter_log_events, logGroupName=group, logStreamNames=["a"], logStreamNamePrefix="a")


def test_patterns_are_tried_without_a_log(logs):
    matches = logs.test_metric_filter(filterPattern="[..., request=*.html*, status_code=4*,]", logEventMessages=[
        "nothing", '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'])["matches"]
    assert [m["eventNumber"] for m in matches] == [2]
    assert matches[0]["extractedValues"] == {"$1": "127.0.0.1", "$2": "-", "$3": "frank", "$4": "10/Oct/2000:13:25:15 -0700",
                                             "$request": "GET /index.html HTTP/1.0", "$status_code": "404", "$7": "1534"}


def test_tried_messages_are_bounded(logs):
    assert "Log event too large" in refused("InvalidParameterException", logs.test_metric_filter, filterPattern="[...]", logEventMessages=["x" * (1024 * 1024 + 1)])
    matches = logs.test_metric_filter(filterPattern="[..., last]", logEventMessages=["[ " * 500_000, "a " * 500_000])["matches"]
    assert [len(m["extractedValues"]) for m in matches] == [1001, 1001] and matches[0]["extractedValues"]["$last"] == "["


def test_kafka_clients_and_sql_see_the_events(shared_node, logs, group):
    now = now_ms()
    put(logs, group, "a", (now, "hello"), (now + 1, "wörld"))
    topic = "logs" + group.replace("/", ".")
    consumer = Consumer({"bootstrap.servers": shared_node.kafka, "group.id": "reader", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    got = [consumer.poll(10) for _ in range(2)]
    assert [(m.key().decode(), m.value().decode(), m.timestamp()[1]) for m in got] == [("a", "hello", now), ("a", "wörld", now + 1)]
    assert got[0].headers()[0][0] == "ingestionTime" and abs(int(got[0].headers()[0][1]) - now) < 60_000
    consumer.close()
    rows, error = shared_node.results(f"""
        CREATE TEMPORARY TABLE events (log_stream STRING, message STRING, event_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp') WITH ('connector' = 'kafka',
          'topic' = '{topic}', 'properties.bootstrap.servers' = '{shared_node.kafka}', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset',
          'key.format' = 'raw', 'key.fields' = 'log_stream', 'value.format' = 'raw', 'value.fields-include' = 'EXCEPT_KEY');
        SELECT log_stream, message FROM events;""")
    assert error is None, error
    assert [row[1:] for row in rows[-1]] == [["a", "hello"], ["a", "wörld"]]


def test_everything_is_there_after_a_restart(tmp_path):
    node = support.Node(tmp_path).start()
    try:
        logs, now = logs_of(node), now_ms()
        for name in ("kept", "gone"):
            logs.create_log_group(logGroupName=name, tags={"a": "b"})
            logs.create_log_stream(logGroupName=name, logStreamName="s/1")
        put(logs, "kept", "s/1", *[(now + i, str(i)) for i in range(20)])
        logs.put_retention_policy(logGroupName="kept", retentionInDays=30)
        logs.delete_log_group(logGroupName="gone")
        first = logs.filter_log_events(logGroupName="kept", limit=15)
        forward = logs.get_log_events(logGroupName="kept", logStreamName="s/1", limit=5, startFromHead=True)["nextForwardToken"]
        node.kill()
        node.start()
        logs = logs_of(node)
        assert [(g["logGroupName"], g["retentionInDays"]) for g in logs.describe_log_groups()["logGroups"]] == [("kept", 30)]
        assert logs.list_tags_log_group(logGroupName="kept")["tags"] == {"a": "b"}
        # Tokens of before go on.
        assert messages(logs.filter_log_events(logGroupName="kept", nextToken=first["nextToken"])) == [str(i) for i in range(15, 20)]
        assert messages(logs.get_log_events(logGroupName="kept", logStreamName="s/1", limit=2, nextToken=forward)) == ["5", "6"]
        assert logs.describe_log_streams(logGroupName="kept")["logStreams"][0]["lastEventTimestamp"] == now + 19
        # A group whose topic somebody deletes through Kafka is gone, and can be made again.
        admin = AdminClient({"bootstrap.servers": node.kafka})
        admin.delete_topics(["logs.kept"])["logs.kept"].result(10)
        assert logs.describe_log_groups()["logGroups"] == []
        logs.create_log_group(logGroupName="kept")
        assert logs.describe_log_streams(logGroupName="kept")["logStreams"] == []
    finally:
        node.kill()


def test_a_group_is_whole_or_not_there_after_a_crash(tmp_path):
    node = support.Node(tmp_path).start()
    try:
        logs_of(node).create_log_group(logGroupName="whole")
        node.kill()
        for point, call, left in (("log_group.create:1", "create_log_group", ["whole"]), ("log_group.topic:1", "create_log_group", ["new", "whole"]),
                                  ("log_group.delete:1", "delete_log_group", [])):
            node.start(crash_point=point)
            with pytest.raises(Exception):
                getattr(logs_of(node), call)(logGroupName="new" if call.startswith("create") else "whole")
            node.wait_for_crash()
            node.start()
            logs = logs_of(node)
            names = [g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]]
            assert names == left, (point, names)
            if "new" not in names:
                logs.create_log_group(logGroupName="new")
            logs.create_log_stream(logGroupName="new", logStreamName="s")
            put(logs, "new", "s", (now_ms(), "event"))
            assert messages(logs.filter_log_events(logGroupName="new")) == ["event"]
            logs.delete_log_group(logGroupName="new")
            node.kill()
    finally:
        node.kill()


def retention_of(node, topic):
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    admin = AdminClient({"bootstrap.servers": node.kafka})
    return int(admin.describe_configs([resource])[resource].result(10)["retention.ms"].value)


def test_a_retention_that_was_not_answered_deletes_nothing(tmp_path):
    """Between the group's record and its topic: the topic never keeps less than the record says, and has the record's retention after a restart."""
    node = support.Node(tmp_path).start()
    try:
        logs = logs_of(node)
        logs.create_log_group(logGroupName="kept")
        logs.put_retention_policy(logGroupName="kept", retentionInDays=7)
        node.kill()
        for point, days, after in (("log_group.longer:1", 30, 7), ("log_group.shorter:1", 3, 3)):
            node.start(crash_point=point)
            with pytest.raises(Exception):
                logs_of(node).put_retention_policy(logGroupName="kept", retentionInDays=days)
            node.wait_for_crash()
            node.start()
            assert logs_of(node).describe_log_groups()["logGroups"][0]["retentionInDays"] == after
            assert retention_of(node, "logs.kept") == after * DAY
            node.kill()
        node.start()
        # The call sets the topic right even where the group has that retention already.
        entry = ConfigEntry("retention.ms", str(DAY), incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ConfigResource.Type.TOPIC, "logs.kept", incremental_configs=[entry])
        admin = AdminClient({"bootstrap.servers": node.kafka})
        admin.incremental_alter_configs([resource])[resource].result(10)
        assert retention_of(node, "logs.kept") == DAY
        logs_of(node).put_retention_policy(logGroupName="kept", retentionInDays=3)
        assert retention_of(node, "logs.kept") == 3 * DAY
        logs_of(node).delete_retention_policy(logGroupName="kept")
        assert retention_of(node, "logs.kept") == -1
    finally:
        node.kill()


def test_a_topic_of_the_same_name_is_not_the_groups(tmp_path):
    node = support.Node(tmp_path).start()
    try:
        logs, now = logs_of(node), now_ms()
        for name in ("alive", "stale"):
            logs.create_log_group(logGroupName=name)
            logs.create_log_stream(logGroupName=name, logStreamName="s")
            put(logs, name, "s", (now, "old"))
        admin = AdminClient({"bootstrap.servers": node.kafka})
        for name in ("logs.alive", "logs.stale"):
            admin.delete_topics([name])[name].result(10)
            admin.create_topics([NewTopic(name, 1)])[name].result(10)
        assert logs.describe_log_groups()["logGroups"] == []
        refused("ResourceNotFoundException", logs.get_log_events, logGroupName="alive", logStreamName="s")
        logs.create_log_group(logGroupName="alive")
        logs.create_log_stream(logGroupName="alive", logStreamName="s")
        put(logs, "alive", "s", (now, "new"))
        node.kill()
        node.start()
        logs = logs_of(node)
        assert [g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]] == ["alive"]
        assert messages(logs.filter_log_events(logGroupName="alive")) == ["new"]
    finally:
        node.kill()


def test_the_cli_searches_a_group(shared_node, logs, group):
    now = now_ms()
    put(logs, group, "a", (now - 2000, "first line"), (now - 1000, "ERROR second"))
    environment = {**os.environ, "AWS_ENDPOINT_URL": f"http://{shared_node.aws}", "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "thing",
                   "AWS_DEFAULT_REGION": "eu-central-1"}

    def aws(*arguments):
        return subprocess.run([os.path.join(os.path.dirname(sys.executable), "aws"), *arguments], env=environment, capture_output=True, text=True, timeout=60)
    found = aws("logs", "filter-log-events", "--log-group-name", group, "--filter-pattern", "ERROR")
    assert found.returncode == 0 and [e["message"] for e in json.loads(found.stdout)["events"]] == ["ERROR second"], found.stderr
    got = aws("logs", "get-log-events", "--log-group-name", group, "--log-stream-name", "a", "--output", "text")
    assert "first line" in got.stdout, got.stderr
    described = aws("logs", "describe-log-streams", "--log-group-name", group, "--order-by", "LastEventTime")
    assert described.returncode == 0, described.stderr
