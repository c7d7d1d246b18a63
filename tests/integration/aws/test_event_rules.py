"""EventBridge's rules: what they take of a bus comes to streams, log groups and other buses of the same node, once, as Amazon's targets get it."""
import json
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from confluent_kafka import Consumer, Producer, TopicPartition

import support
from kill_loop import KILLS, seeded
from kinesis_client import client_of, refused
from test_eventbridge import entry, events_of
from test_kinesis_shards import cpu_seconds
from test_logs import logs_of
from test_logs_subscriptions import arn, records_of


def bus_arn(name):
    return f"arn:aws:events:eu-central-1:000000000000:event-bus/{name}"


def group_arn(name):
    return f"arn:aws:logs:eu-central-1:000000000000:log-group:{name}"


def put(events, bus, *details, **more):
    answer = events.put_events(Entries=[entry(EventBusName=bus, Detail=json.dumps(d), **more) for d in details])
    assert answer["FailedEntryCount"] == 0, answer
    return [e["EventId"] for e in answer["Entries"]]


def data(kinesis, stream):
    return [json.loads(r["Data"]) for r in records_of(kinesis, stream)]


def rule_with(events, bus, name, target, pattern={"source": ["shop"]}, **more):
    events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern), **more)
    answer = events.put_targets(Rule=name, EventBusName=bus, Targets=target if isinstance(target, list) else [target])
    assert answer["FailedEntryCount"] == 0


def dead_letters(node, topic):
    """Value and headers of every record."""
    consumer = Consumer({"bootstrap.servers": node.kafka, "group.id": "reader", "enable.auto.commit": False})
    try:
        if topic not in consumer.list_topics(timeout=10).topics:
            return []
        _, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), 10)
        consumer.assign([TopicPartition(topic, 0, 0)])
        messages = [consumer.poll(10) for _ in range(high)]
        return [(json.loads(m.value()), {k: v.decode() for k, v in m.headers() or []}) for m in messages]
    finally:
        consumer.close()


@pytest.fixture(scope="module")
def doors(shared_node):
    return events_of(shared_node), client_of(shared_node), logs_of(shared_node)


def test_rules_are_made_described_and_deleted(doors):
    events, _, _ = doors
    events.create_event_bus(Name="made")
    pattern = json.dumps({"source": ["shop"]})
    made = events.put_rule(Name="one", EventBusName="made", EventPattern=pattern, Description="first", RoleArn="arn:aws:iam::1:role/r", Tags=[{"Key": "k", "Value": "v"}])
    assert made["RuleArn"] == "arn:aws:events:eu-central-1:000000000000:rule/made/one"
    assert events.put_rule(Name="short", EventPattern=pattern)["RuleArn"] == "arn:aws:events:eu-central-1:000000000000:rule/short"
    described = events.describe_rule(Name="one", EventBusName=bus_arn("made"))
    described.pop("ResponseMetadata")
    assert described == {"Name": "one", "Arn": made["RuleArn"], "EventPattern": pattern, "State": "ENABLED", "Description": "first", "RoleArn": "arn:aws:iam::1:role/r",
                         "EventBusName": "made", "CreatedBy": "000000000000"}
    events.put_rule(Name="one", EventBusName="made", EventPattern=pattern, State="DISABLED")  # what is not given is not kept
    assert "Description" not in events.describe_rule(Name="one", EventBusName="made")
    assert events.list_tags_for_resource(ResourceARN=made["RuleArn"])["Tags"] == [{"Key": "k", "Value": "v"}]
    events.tag_resource(ResourceARN=made["RuleArn"], Tags=[{"Key": "l", "Value": "w"}])
    events.untag_resource(ResourceARN=made["RuleArn"], TagKeys=["k"])
    assert events.list_tags_for_resource(ResourceARN=made["RuleArn"])["Tags"] == [{"Key": "l", "Value": "w"}]
    events.enable_rule(Name="one", EventBusName="made")
    assert events.describe_rule(Name="one", EventBusName="made")["State"] == "ENABLED"
    for n in range(3):
        events.put_rule(Name=f"two-{n}", EventBusName="made", EventPattern=pattern)
        events.put_targets(Rule=f"two-{n}", EventBusName="made", Targets=[{"Id": "t", "Arn": arn("nowhere")}, {"Id": "u", "Arn": bus_arn("default")}])
    assert [r["Name"] for r in events.list_rules(EventBusName="made", NamePrefix="two")["Rules"]] == ["two-0", "two-1", "two-2"]
    page = events.list_rules(EventBusName="made", Limit=3)
    assert [r["Name"] for r in page["Rules"]] == ["one", "two-0", "two-1"]
    assert [r["Name"] for r in events.list_rules(EventBusName="made", NextToken=page["NextToken"])["Rules"]] == ["two-2"]
    page = events.list_rule_names_by_target(EventBusName="made", TargetArn=arn("nowhere"), Limit=2)
    assert page["RuleNames"] == ["two-0", "two-1"]
    assert events.list_rule_names_by_target(EventBusName="made", TargetArn=arn("nowhere"), NextToken=page["NextToken"])["RuleNames"] == ["two-2"]
    assert refused("ValidationException", events.delete_rule, Name="two-0", EventBusName="made") == "Rule can't be deleted since it has targets."
    assert "has rules" in refused("ValidationException", events.delete_event_bus, Name="made")
    events.remove_targets(Rule="two-0", EventBusName="made", Ids=["t", "u"])
    for name in ("one", "two-0", "two-0"):  # as often as one likes
        events.delete_rule(Name=name, EventBusName="made")
    assert refused("ResourceNotFoundException", events.describe_rule, Name="one", EventBusName="made") == "Rule one does not exist on EventBus made."


def test_schedules_are_checked_and_described(doors):
    events, _, _ = doors
    events.create_event_bus(Name="no-schedules")
    events.put_rule(Name="timer", ScheduleExpression="cron(0 12 ? * MON#1 *)", State="DISABLED")
    described = events.describe_rule(Name="timer")
    assert (described["ScheduleExpression"], described["State"]) == ("cron(0 12 ? * MON#1 *)", "DISABLED") and "EventPattern" not in described
    for expression in ("rate(1 minutes)", "cron(0 12 * * * *)", "at(2024-01-01T00:00:00)"):
        assert refused("ValidationException", events.put_rule, Name="wrong", ScheduleExpression=expression) == "Parameter ScheduleExpression is not valid."
    assert "only on the default event bus" in refused("ValidationException", events.put_rule, Name="t", EventBusName="no-schedules", ScheduleExpression="rate(1 minute)")
    events.delete_rule(Name="timer")


@pytest.mark.skipif(not support.FULL, reason="takes two minutes: a schedule's least unit is one")
def test_a_rule_is_due_once_through_kills(tmp_path):
    node = support.Node(tmp_path, {"journal.checkpoint-interval": "300ms"}).start(crash_point="event_schedule.commit:1")
    try:
        client_of(node).create_stream(StreamName="due", ShardCount=1)
        events_of(node).put_rule(Name="timer", ScheduleExpression="rate(1 minute)")
        events_of(node).put_targets(Rule="timer", Targets=[{"Id": "t", "Arn": arn("due")}])
        node.wait_for_crash(90)
        node.start()
        kinesis = client_of(node)
        support.wait_until(lambda: len(data(kinesis, "due")) == 2, "the event of the commit, and the next one", 90)
        first, second = data(kinesis, "due")
        assert first["detail-type"] == "Scheduled Event" and first["resources"] == ["arn:aws:events:eu-central-1:000000000000:rule/timer"]
        assert first["time"] < second["time"]
    finally:
        node.kill()


def test_rules_and_targets_are_checked(doors):
    events, _, _ = doors
    pattern = json.dumps({"source": ["shop"]})
    assert "must be specified" in refused("ValidationException", events.put_rule, Name="r")
    assert refused("ResourceNotFoundException", events.put_rule, Name="r", EventBusName="absent", EventPattern=pattern) == "Event bus absent does not exist."
    assert "Event pattern is not valid. Reason:" in refused("InvalidEventPatternException", events.put_rule, Name="r", EventPattern='{"source": "shop"}')
    refused("ValidationException", events.put_rule, Name="no blanks", EventPattern=pattern)
    refused("ResourceNotFoundException", events.put_targets, Rule="absent", Targets=[{"Id": "t", "Arn": arn("s")}])
    refused("ResourceNotFoundException", events.enable_rule, Name="absent")
    events.put_rule(Name="checked", EventPattern=pattern)

    def put_target(**target):
        return refused("ValidationException", events.put_targets, Rule="checked", Targets=[{"Id": "t", "Arn": arn("s"), **target}])
    assert "Provided Arn is not in correct format." in put_target(Arn="stream")
    assert "targets here are" in put_target(Arn="arn:aws:lambda:eu-central-1:000000000000:function:f")
    assert "Only one of Input, InputPath, or InputTransformer must be provided for target t." == put_target(Input="1", InputPath="$")
    assert "Invalid InputPath" in put_target(InputPath="detail")
    assert "PartitionKeyPath" in put_target(KinesisParameters={"PartitionKeyPath": "id"})
    assert "dead letters" in put_target(DeadLetterConfig={"Arn": "arn:aws:sns:eu-central-1:000000000000:topic"})
    assert "no name of a queue" in put_target(DeadLetterConfig={"Arn": "arn:aws:sqs:eu-central-1:000000000000:dead letters"})
    assert put_target(InputTransformer={"InputPathsMap": {"customer": "$.detail.c"}, "InputTemplate": '{"a": <custmer>}'}) == "InputTemplate for target t contains invalid placeholder custmer."
    assert "event bus" in put_target(Arn=bus_arn("default"), InputPath="$.detail")
    assert "the stream is an event bus" in put_target(Arn=arn("events.default"))
    assert "the stream is an event bus" in put_target(DeadLetterConfig={"Arn": arn("events.default")})
    assert "less than or equal to 185" in put_target(RetryPolicy={"MaximumRetryAttempts": 186})
    full = [{"Id": f"t{n}", "Arn": arn("s")} for n in range(6)]
    refused("LimitExceededException", events.put_targets, Rule="checked", Targets=full)
    assert events.list_targets_by_rule(Rule="checked")["Targets"] == []
    whole = {"Id": "t", "Arn": arn("s"), "RoleArn": "arn:aws:iam::1:role/r", "KinesisParameters": {"PartitionKeyPath": "$.detail.k"},
             "InputTransformer": {"InputPathsMap": {"a": "$.detail"}, "InputTemplate": '{"a": <a>}'},
             "DeadLetterConfig": {"Arn": "arn:aws:sqs:eu-central-1:000000000000:letters"}, "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 60}}
    events.put_targets(Rule="checked", Targets=[whole] + full[:4])
    page = events.list_targets_by_rule(Rule="checked", Limit=1)
    assert page["Targets"] == [whole]
    assert events.list_targets_by_rule(Rule="checked", NextToken=page["NextToken"])["Targets"] == full[:4]


def test_targets_get_what_a_rule_takes(shared_node, doors):
    events, kinesis, logs = doors
    for bus in ("orders", "onwards", "third"):
        events.create_event_bus(Name=bus)
    kinesis.create_stream(StreamName="taken", ShardCount=2)
    logs.create_log_group(logGroupName="/events/taken")
    put(events, "orders", {"n": 0, "price": 99})
    rule_with(events, "orders", "dear", [
        {"Id": "stream", "Arn": arn("taken"), "KinesisParameters": {"PartitionKeyPath": "$.detail.k"}},
        {"Id": "log", "Arn": group_arn("/events/taken") + ":*",
         "InputTransformer": {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"timestamp": 1700000000000, "message": "event <n> by <aws.events.rule-name>"}'}},
        {"Id": "bus", "Arn": bus_arn("onwards")}], {"source": ["shop"], "detail": {"price": [{"numeric": [">", 10]}]}})
    rule_with(events, "onwards", "all", [{"Id": "log", "Arn": group_arn("/events/taken")}, {"Id": "bus", "Arn": bus_arn("third")}])
    ids = put(events, "orders", {"n": 1, "price": 11, "k": "key-1"}, {"n": 2, "price": 10}, {"n": 3, "price": 12})
    put(events, "orders", {"n": 4, "price": 50}, Source="other")
    support.wait_until(lambda: len(data(kinesis, "taken")) == 2, "two events in the stream")
    records = {json.loads(r["Data"])["detail"]["n"]: r for r in records_of(kinesis, "taken")}
    assert set(records) == {1, 3}
    assert records[1]["PartitionKey"] == "key-1" and records[3]["PartitionKey"] == ids[2]
    event = json.loads(records[1]["Data"])
    assert (event["id"], event["source"], event["detail"]) == (ids[0], "shop", {"n": 1, "price": 11, "k": "key-1"})

    def lines(stream):
        return [e["message"] for e in logs.filter_log_events(logGroupName="/events/taken", logStreamNames=[stream])["events"]] if stream in {
            s["logStreamName"] for s in logs.describe_log_streams(logGroupName="/events/taken")["logStreams"]} else []
    support.wait_until(lambda: len(lines("events/orders/dear/log")) == 2, "two lines in the log group")
    assert lines("events/orders/dear/log") == ["event 1 by dear", "event 3 by dear"]
    support.wait_until(lambda: len(lines("events/onwards/all/log")) == 2, "what another bus has sent on")
    assert [json.loads(line)["id"] for line in lines("events/onwards/all/log")] == [ids[0], ids[2]]
    # Not to a third bus, as at Amazon's.
    assert put(events, "third", {}) and [m["source"] for m, _ in dead_letters(shared_node, "events.third")] == ["shop"]


def test_a_disabled_rule_takes_nothing_and_a_changed_one_goes_on(doors):
    events, kinesis, _ = doors
    events.create_event_bus(Name="switched")
    kinesis.create_stream(StreamName="switched", ShardCount=1)
    rule_with(events, "switched", "r", {"Id": "t", "Arn": arn("switched"), "InputPath": "$.detail.n"})
    put(events, "switched", {"n": 1})
    support.wait_until(lambda: data(kinesis, "switched") == [1], "the first event")
    events.disable_rule(Name="r", EventBusName="switched")
    put(events, "switched", {"n": 2})
    events.enable_rule(Name="r", EventBusName="switched")
    put(events, "switched", {"n": 3})
    support.wait_until(lambda: data(kinesis, "switched") == [1, 3], "the third event")
    events.put_rule(Name="r", EventBusName="switched", EventPattern=json.dumps({"detail": {"n": [5]}}))
    put(events, "switched", {"n": 4}, {"n": 5})
    events.put_targets(Rule="r", EventBusName="switched", Targets=[{"Id": "t", "Arn": arn("switched"), "Input": '"constant"'}])
    put(events, "switched", {"n": 5}, {"n": 6})
    support.wait_until(lambda: len(data(kinesis, "switched")) == 4, "the changed rule")
    assert data(kinesis, "switched")[2:] in ([5, "constant"], ["constant", "constant"])  # the fifth may have waited for the change


def test_a_target_that_is_away_holds_back_nobody_else(shared_node, doors):
    events, kinesis, _ = doors
    events.create_event_bus(Name="away")
    kinesis.create_stream(StreamName="there", ShardCount=1)
    target = {"InputPath": "$.detail.n"}
    rule_with(events, "away", "r", [{"Id": "a", "Arn": arn("comes-later"), **target}, {"Id": "b", "Arn": arn("there"), **target},
                                    {"Id": "c", "Arn": arn("never"), "DeadLetterConfig": {"Arn": "arn:aws:sqs:eu-central-1:000000000000:letters-of-away"}},
                                    {"Id": "d", "Arn": arn("never"), "RetryPolicy": {"MaximumRetryAttempts": 0}}])
    ids = put(events, "away", {"n": 1}, {"n": 2})
    support.wait_until(lambda: data(kinesis, "there") == [1, 2], "the events of the target that is there")
    support.wait_until(lambda: len(dead_letters(shared_node, "letters-of-away")) == 2, "dead letters")
    letters = dead_letters(shared_node, "letters-of-away")
    assert [event["id"] for event, _ in letters] == ids
    assert letters[0][1] == {"RULE_ARN": "arn:aws:events:eu-central-1:000000000000:rule/away/r", "TARGET_ARN": arn("never"), "ERROR_CODE": "NO_RESOURCE",
                             "ERROR_MESSAGE": f"there is no target {arn('never')}", "RETRY_ATTEMPTS": "0"}
    kinesis.create_stream(StreamName="comes-later", ShardCount=1)
    support.wait_until(lambda: data(kinesis, "comes-later") == [1, 2], "the events that waited")
    kinesis.create_stream(StreamName="never", ShardCount=1)
    put(events, "away", {"n": 3})
    support.wait_until(lambda: len(data(kinesis, "never")) == 2, "only what came since then")
    assert [e["detail"]["n"] for e in data(kinesis, "never")] == [3, 3]


def test_each_event_that_is_accepted_can_be_taken(doors):
    events, kinesis, _ = doors
    events.create_event_bus(Name="deep")
    kinesis.create_stream(StreamName="deep", ShardCount=1)
    rule_with(events, "deep", "r", {"Id": "t", "Arn": arn("deep"), "InputPath": "$.detail-type"})
    depths = [entry(EventBusName="deep", Source="shop", DetailType=str(n), Detail='{"a":' * n + "1" + "}" * n) for n in range(66, 76)]
    accepted = [int(e["DetailType"]) for e, a in zip(depths, events.put_events(Entries=depths)["Entries"]) if "EventId" in a]
    assert 66 in accepted and 75 not in accepted
    put(events, "deep", {}, DetailType="0")
    support.wait_until(lambda: "0" in data(kinesis, "deep"), "the last event")
    assert [int(n) for n in data(kinesis, "deep")] == accepted + [0]


def test_many_targets_get_each_event(doors):
    events, kinesis, _ = doors
    events.create_event_bus(Name="many")
    kinesis.create_stream(StreamName="many", ShardCount=1)
    for n in range(20):
        rule_with(events, "many", f"r{n}", [{"Id": f"t{m}", "Arn": arn("many"), "Input": json.dumps([n, m])} for m in range(5)])
    put(events, "many", {"n": 1}, {"n": 2})
    support.wait_until(lambda: len(data(kinesis, "many")) == 200, "two events for each of a hundred targets")
    assert sorted(data(kinesis, "many")) == sorted([[n, m] for n in range(20) for m in range(5)] * 2)


def test_open_transactions_are_waited_for_without_haste(shared_node, doors):
    events, kinesis, logs = doors
    kinesis.create_stream(StreamName="patient", ShardCount=1)
    events.create_event_bus(Name="open")
    rule_with(events, "open", "r", {"Id": "t", "Arn": arn("patient"), "InputPath": "$.detail.n"})
    put(events, "open", {"n": 1})
    logs.create_log_group(logGroupName="open")
    logs.create_log_stream(logGroupName="open", logStreamName="s")
    logs.put_subscription_filter(logGroupName="open", filterName="f", filterPattern="", destinationArn=arn("patient"))
    logs.put_log_events(logGroupName="open", logStreamName="s", logEvents=[{"timestamp": int(time.time() * 1000), "message": "first"}])
    support.wait_until(lambda: len(records_of(kinesis, "patient")) == 3, "the event, the log's, and its control message")
    producer = Producer({"bootstrap.servers": shared_node.kafka, "transactional.id": "events"})
    producer.init_transactions(10)
    producer.begin_transaction()
    for topic in ("events.open", "logs.open"):
        producer.produce(topic, json.dumps({"source": "shop", "detail": {"n": 2}}), b"s", partition=0)
    producer.flush(10)
    before = cpu_seconds(shared_node)
    time.sleep(1)
    assert cpu_seconds(shared_node) - before < 0.5, "the node turns in circles"
    producer.commit_transaction(10)
    support.wait_until(lambda: len(records_of(kinesis, "patient")) == 5, "what the transaction has put")


def test_what_is_too_large_for_a_stream_is_a_dead_letter(shared_node, doors):
    events, kinesis, _ = doors
    events.create_event_bus(Name="large")
    kinesis.create_stream(StreamName="small", ShardCount=1)
    rule_with(events, "large", "r", {"Id": "t", "Arn": arn("small"), "DeadLetterConfig": {"Arn": "arn:aws:sqs:eu-central-1:000000000000:large-letters"},
                                     "InputTransformer": {"InputPathsMap": {"x": "$.detail.x"}, "InputTemplate": '{"all": [<x>, <x>]}'}})
    ids = put(events, "large", {"x": "y" * (600 << 10)})
    put(events, "large", {"x": "z"})
    support.wait_until(lambda: data(kinesis, "small") == [{"all": ["z", "z"]}], "the small one")
    [(event, headers)] = dead_letters(shared_node, "large-letters")
    assert event["id"] == ids[0] and headers["ERROR_CODE"] == "INVALID_PARAMETER"


def test_each_event_is_delivered_once_through_kills(tmp_path):
    _, rng = seeded()
    node = support.Node(tmp_path, {"journal.checkpoint-interval": "300ms"}).start()
    try:
        events, kinesis, logs = events_of(node), client_of(node), logs_of(node)
        for bus in ("killed", "beyond"):
            events.create_event_bus(Name=bus)
        kinesis.create_stream(StreamName="once", ShardCount=2)
        logs.create_log_group(logGroupName="once")
        rule_with(events, "killed", "r", [{"Id": "s", "Arn": arn("once")}, {"Id": "l", "Arn": group_arn("once")}, {"Id": "b", "Arn": bus_arn("beyond")},
                                          {"Id": "d", "Arn": arn("absent"), "DeadLetterConfig": {"Arn": "arn:aws:sqs:eu-central-1:000000000000:once-letters"}}],
                  {"detail": {"skip": [False]}})
        number, answered, rules = 0, set(), set()
        for kill in range(KILLS):
            point = rng.choice([None, f"journal.flush:{rng.randrange(1, 30)}", f"event_target.commit:{rng.randrange(1, 12)}", "event_rule.update:1"])
            node.kill()
            node.start(crash_point=point)
            end = time.monotonic() + rng.uniform(0.1, 0.4)
            while time.monotonic() < end:
                details = [{"n": n, "skip": n % 3 == 0} for n in range(number, number + 10)]
                number += 10
                try:
                    put(events_of(node), "killed", *details)
                    answered |= {d["n"] for d in details if not d["skip"]}
                    if point == "event_rule.update:1":
                        events_of(node).put_rule(Name=f"r{kill}", EventBusName="killed", EventPattern='{"source": ["nobody"]}')
                        rules.add(f"r{kill}")
                except (BotoCoreError, ClientError):
                    break
        node.kill()
        node.start()
        events, kinesis, logs = events_of(node), client_of(node), logs_of(node)

        def got(target):
            if target == "s":
                return [e["detail"]["n"] for e in data(kinesis, "once")]
            if target == "l":
                pages = logs.get_paginator("filter_log_events").paginate(logGroupName="once")
                return [json.loads(e["message"])["detail"]["n"] for page in pages for e in page["events"]]
            topic = "events.beyond" if target == "b" else "once-letters"
            return [e["detail"]["n"] for e, _ in dead_letters(node, topic)]
        stored = [e["detail"]["n"] for e, _ in dead_letters(node, "events.killed") if not e["detail"]["skip"]]
        assert answered <= set(stored)
        for target in "slbd":
            support.wait_until(lambda: set(stored) <= set(got(target)), f"all events of target {target}", 60)
            assert sorted(got(target)) == sorted(stored), f"target {target} got an event twice, or one that the rule does not take"
        assert rules <= {r["Name"] for page in events.get_paginator("list_rules").paginate(EventBusName="killed") for r in page["Rules"]}
        print(f"{KILLS} kills, {len(stored)} events delivered once to each of 4 targets")
    finally:
        node.kill()
