"""EventBridge's archives and replays: what an archive has taken is put on its bus again, once, with the replay's name, to all rules or to some."""
import concurrent.futures
import datetime
import json
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError

import support
from kill_loop import KILLS, seeded
from kinesis_client import client_of, refused
from test_event_rules import bus_arn, data, dead_letters, put, rule_with
from test_eventbridge import events_of
from test_logs_subscriptions import arn


def archive_arn(name):
    return f"arn:aws:events:eu-central-1:000000000000:archive/{name}"


def rule_arn(bus, name):
    return f"arn:aws:events:eu-central-1:000000000000:rule/{bus}/{name}"


def moment(seconds=0):
    return datetime.datetime.fromtimestamp(time.time() + seconds, datetime.timezone.utc)


def replay_of(name, archive, bus, begin=None, end=None, **destination):
    return {"ReplayName": name, "EventSourceArn": archive_arn(archive), "EventStartTime": begin or moment(-3600), "EventEndTime": end or moment(3600),
            "Destination": {"Arn": bus_arn(bus), **destination}}


def replay(events, *args, **more):
    return events.start_replay(**replay_of(*args, **more))


def wait_for(events, name, state="COMPLETED"):
    support.wait_until(lambda: events.describe_replay(ReplayName=name)["State"] == state, f"replay {name} to be {state}", 60)
    return events.describe_replay(ReplayName=name)


@pytest.fixture(scope="module")
def doors(shared_node):
    return events_of(shared_node), client_of(shared_node)


def count(events, archive):
    return events.describe_archive(ArchiveName=archive)["EventCount"]


def test_archives_are_made_changed_described_and_deleted(shared_node, doors):
    events, _ = doors
    events.create_event_bus(Name="kept")
    put(events, "kept", {"n": 0})
    pattern = json.dumps({"detail": {"keep": [True]}})
    made = events.create_archive(ArchiveName="a", EventSourceArn=bus_arn("kept"), EventPattern=pattern, RetentionDays=7, Description="of orders")
    assert (made["ArchiveArn"], made["State"]) == (archive_arn("a"), "ENABLED")
    ids = put(events, "kept", {"keep": True}, {"keep": False}, {"keep": True})
    support.wait_until(lambda: count(events, "a") == 2, "two events in the archive")
    assert [event["id"] for event, _ in dead_letters(shared_node, "archives.a")] == [ids[0], ids[2]]
    described = events.describe_archive(ArchiveName="a")
    assert {k: described[k] for k in ("ArchiveName", "EventSourceArn", "EventPattern", "Description", "RetentionDays", "State", "EventCount")} == {
        "ArchiveName": "a", "EventSourceArn": bus_arn("kept"), "EventPattern": pattern, "Description": "of orders", "RetentionDays": 7, "State": "ENABLED", "EventCount": 2}
    assert described["SizeBytes"] > 0
    events.update_archive(ArchiveName="a", EventPattern=json.dumps({"detail": {"keep": [False]}}), RetentionDays=0)
    put(events, "kept", {"keep": True}, {"keep": False})
    support.wait_until(lambda: count(events, "a") == 3, "the changed archive")
    assert events.describe_archive(ArchiveName="a")["RetentionDays"] == 0
    events.create_archive(ArchiveName="b", EventSourceArn=bus_arn("default"))
    page = events.list_archives(Limit=1)
    assert [a["ArchiveName"] for a in page["Archives"] + events.list_archives(NextToken=page["NextToken"])["Archives"]] == ["a", "b"]
    assert [a["ArchiveName"] for a in events.list_archives(EventSourceArn=bus_arn("kept"))["Archives"]] == ["a"]
    assert refused("ResourceAlreadyExistsException", events.create_archive, ArchiveName="a", EventSourceArn=bus_arn("kept")) == "Archive a already exists."
    refused("ResourceNotFoundException", events.create_archive, ArchiveName="c", EventSourceArn=bus_arn("absent"))
    refused("InvalidEventPatternException", events.create_archive, ArchiveName="c", EventSourceArn=bus_arn("kept"), EventPattern='{"a": 1}')
    assert "no target" in refused("ValidationException", events.put_targets, Rule=events.put_rule(Name="x", EventPattern='{"source": ["x"]}') and "x",
                                  Targets=[{"Id": "t", "Arn": archive_arn("a")}])
    # Changes at the same time come one after the other.
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda days: events.update_archive(ArchiveName="a", RetentionDays=days), range(1, 33)))
    events.delete_archive(ArchiveName="a")
    assert refused("ResourceNotFoundException", events.describe_archive, ArchiveName="a") == "Archive a does not exist."
    events.delete_archive(ArchiveName="b")


def test_a_replay_puts_events_on_the_bus_again(doors):
    events, kinesis = doors
    events.create_event_bus(Name="again")
    for stream in ("first", "second", "replayed"):
        kinesis.create_stream(StreamName=stream, ShardCount=1)
        rule_with(events, "again", stream, {"Id": "t", "Arn": arn(stream)}, {"source": ["shop"], **({"replay-name": ["one"]} if stream == "replayed" else {})})
    events.create_archive(ArchiveName="again", EventSourceArn=bus_arn("again"))
    ids = put(events, "again", {"n": 1}, {"n": 2})
    support.wait_until(lambda: count(events, "again") == 2, "both events in the archive")
    time.sleep(0.05)
    between = moment()
    time.sleep(0.05)
    ids += put(events, "again", {"n": 3})
    support.wait_until(lambda: count(events, "again") == 3 and len(data(kinesis, "first")) == 3, "the third one")
    started = replay(events, "one", "again", "again", end=between)
    assert (started["ReplayArn"], started["State"]) == ("arn:aws:events:eu-central-1:000000000000:replay/one", "STARTING")
    ended = wait_for(events, "one")
    assert ended["Destination"] == {"Arn": bus_arn("again")} and ended["ReplayEndTime"] >= ended["ReplayStartTime"] and ended["EventLastReplayedTime"] < between
    for stream in ("first", "second"):
        support.wait_until(lambda: len(data(kinesis, stream)) == 5, "two events again")
        assert [(e["id"], e.get("replay-name")) for e in data(kinesis, stream)] == [(i, None) for i in ids] + [(ids[0], "one"), (ids[1], "one")]
    assert [e["id"] for e in data(kinesis, "replayed")] == ids[:2]
    replay(events, "two", "again", "again", begin=between, FilterArns=[rule_arn("again", "second")])
    wait_for(events, "two")
    support.wait_until(lambda: len(data(kinesis, "second")) == 6, "the third event for one rule")
    assert data(kinesis, "second")[-1]["replay-name"] == "two"
    put(events, "again", {"n": 4})
    support.wait_until(lambda: len(data(kinesis, "first")) == 6, "an event after the replay")
    assert data(kinesis, "first")[-1]["detail"] == {"n": 4}
    assert count(events, "again") == 4  # no replayed event
    assert [r["ReplayName"] for r in events.list_replays(State="COMPLETED", EventSourceArn=archive_arn("again"))["Replays"]] == ["one", "two"]


def test_replays_are_checked(doors):
    events, _ = doors
    events.create_event_bus(Name="checked")
    events.create_archive(ArchiveName="checked", EventSourceArn=bus_arn("checked"))
    assert "Archive absent does not exist" in refused("ValidationException", events.start_replay, **replay_of("r", "absent", "checked"))
    assert "Cross event bus replay is not permitted" in refused("ValidationException", events.start_replay, **replay_of("r", "checked", "default"))
    assert "must be after EventStartTime" in refused("ValidationException", events.start_replay, **replay_of("r", "checked", "checked", begin=moment(10), end=moment(5)))
    assert "is no rule of the event bus" in refused("ValidationException", events.start_replay, **replay_of("r", "checked", "checked", FilterArns=[rule_arn("other", "r")]))
    replay(events, "empty", "checked", "checked")
    wait_for(events, "empty")
    assert refused("ResourceAlreadyExistsException", events.start_replay, **replay_of("empty", "checked", "checked")) == "Replay empty already exists."
    assert "is not in a valid state" in refused("IllegalStatusException", events.cancel_replay, ReplayName="empty")
    assert refused("ResourceNotFoundException", events.cancel_replay, ReplayName="absent") == "Replay absent does not exist."


def test_archives_and_replays_go_on_through_kills(tmp_path):
    _, rng = seeded()
    node = support.Node(tmp_path, {"journal.checkpoint-interval": "300ms"}).start()
    try:
        events = events_of(node)
        events.create_event_bus(Name="killed")
        events.create_archive(ArchiveName="killed", EventSourceArn=bus_arn("killed"))
        number, answered, replays = 0, set(), []
        for kill in range(KILLS):
            node.kill()
            node.start(crash_point=rng.choice([None, f"journal.flush:{rng.randrange(1, 30)}", f"event_target.commit:{rng.randrange(1, 4)}", "event_replay.commit:1"]))
            try:
                for _ in range(4):
                    details = [{"n": n} for n in range(number, number + 5)]
                    number += 5
                    put(events_of(node), "killed", *details)
                    answered |= {d["n"] for d in details}
                if kill % 8 == 7:
                    name = f"r{kill}"
                    replay(events_of(node), name, "killed", "killed", end=moment())
                    replays.append(name)
                time.sleep(rng.uniform(0, 0.2))
            except (BotoCoreError, ClientError):
                pass
        node.kill()
        node.start()
        events = events_of(node)
        for name in replays:
            wait_for(events, name)
        stored = [e for e, _ in dead_letters(node, "events.killed")]
        fresh = [e["id"] for e in stored if "replay-name" not in e]
        assert answered <= {e["detail"]["n"] for e in stored if "replay-name" not in e}
        support.wait_until(lambda: count(events, "killed") == len(fresh), "all events in the archive", 60)
        archived = [e["id"] for e, _ in dead_letters(node, "archives.killed")]
        assert archived == fresh, "an event is in the archive twice, or not at all"
        for name in replays:
            again = [e["id"] for e in stored if e.get("replay-name") == name]
            assert again and again == fresh[:len(again)], f"replay {name} put an event twice, or left one out"
        print(f"{KILLS} kills, {len(archived)} events archived once, {len(replays)} replays")
    finally:
        node.kill()
