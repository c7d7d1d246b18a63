"""EventBridge through boto3 and the AWS CLI, unmodified, and the same events through Kafka and SQL."""
import datetime
import json
import os
import subprocess
import sys
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from confluent_kafka import Consumer, TopicPartition

import support
from kill_loop import KILLS, seeded
from kinesis_client import refused


def events_of(node):
    return boto3.client("events", endpoint_url=f"http://{node.aws}", region_name="eu-central-1", aws_access_key_id="any", aws_secret_access_key="thing",
                        config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10))


@pytest.fixture(scope="module")
def events(shared_node):
    return events_of(shared_node)


def entry(source="shop", **more):
    return {"Source": source, "DetailType": "order", "Detail": json.dumps({"n": 1}), **more}


def read_bus(node, topic):
    """Key and value of every record."""
    consumer = Consumer({"bootstrap.servers": node.kafka, "group.id": "reader", "enable.auto.commit": False})
    _, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), 10)
    consumer.assign([TopicPartition(topic, 0, 0)])
    records = []
    while not records or records[-1][2] < high - 1:
        message = consumer.poll(10)
        assert message is not None and not message.error(), message and message.error()
        records.append((message.key().decode(), json.loads(message.value()), message.offset()))
    consumer.close()
    return records


def all_buses(events):
    page = events.list_event_buses()
    yield page
    while "NextToken" in page:
        page = events.list_event_buses(NextToken=page["NextToken"])
        yield page


def test_buses_are_made_described_and_deleted(events):
    made = events.create_event_bus(Name="orders", Description="of the shop", Tags=[{"Key": "team", "Value": "data"}])
    assert made["EventBusArn"] == "arn:aws:events:eu-central-1:000000000000:event-bus/orders"
    described = events.describe_event_bus(Name=made["EventBusArn"])
    assert (described["Name"], described["Arn"], described["Description"]) == ("orders", made["EventBusArn"], "of the shop")
    assert abs(described["CreationTime"].timestamp() - time.time()) < 60
    assert events.describe_event_bus()["Name"] == "default"
    assert [b["Name"] for b in events.list_event_buses()["EventBuses"]] == ["default", "orders"]
    page = events.list_event_buses(Limit=1)
    assert [b["Name"] for b in events.list_event_buses(NextToken=page["NextToken"])["EventBuses"]] == ["orders"]
    assert [b["Name"] for b in events.list_event_buses(NamePrefix="ord")["EventBuses"]] == ["orders"]
    events.tag_resource(ResourceARN=made["EventBusArn"], Tags=[{"Key": "more", "Value": "yes"}])
    events.untag_resource(ResourceARN=made["EventBusArn"], TagKeys=["team"])
    assert events.list_tags_for_resource(ResourceARN=made["EventBusArn"])["Tags"] == [{"Key": "more", "Value": "yes"}]
    assert refused("ResourceAlreadyExistsException", events.create_event_bus, Name="orders") == "Event bus orders already exists."
    assert "Member must satisfy regular expression pattern" in refused("ValidationException", events.create_event_bus, Name="no blanks")
    assert events.update_event_bus(Name="orders", Description="of all shops")["Arn"] == made["EventBusArn"]
    assert events.describe_event_bus(Name="orders")["Description"] == "of all shops"
    events.delete_event_bus(Name="orders")
    events.delete_event_bus(Name="orders")  # as often as one likes
    assert refused("ResourceNotFoundException", events.describe_event_bus, Name="orders") == "Event bus orders does not exist."
    refused("ResourceNotFoundException", events.update_event_bus, Name="orders", Description="gone")
    refused("ValidationException", events.delete_event_bus, Name="default")


def test_kafka_clients_and_sql_read_what_is_put(shared_node, events):
    events.create_event_bus(Name="read")
    at = datetime.datetime(2024, 2, 29, 12, 30, 15, tzinfo=datetime.timezone.utc)
    answer = events.put_events(Entries=[entry(EventBusName="read", Time=at, Resources=["arn:one", "two"], Detail='{"price": 1.50, "ü": ["x"]}'),
                                        entry("stock", EventBusName="arn:aws:events:eu-central-1:000000000000:event-bus/read")])
    assert answer["FailedEntryCount"] == 0
    records = read_bus(shared_node, "events.read")
    assert [key for key, _, _ in records] == ["shop", "stock"]
    assert records[0][1] == {"version": "0", "id": answer["Entries"][0]["EventId"], "detail-type": "order", "source": "shop", "account": "000000000000",
                             "time": "2024-02-29T12:30:15Z", "region": "eu-central-1", "resources": ["arn:one", "two"], "detail": {"price": 1.5, "ü": ["x"]}}
    rows, error = shared_node.results(f"""
        CREATE TEMPORARY TABLE bus (source STRING, detail ROW<price DOUBLE>) WITH ('connector' = 'kafka', 'topic' = 'events.read',
          'properties.bootstrap.servers' = '{shared_node.kafka}', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset', 'format' = 'json');
        SELECT source, detail.price FROM bus WHERE detail.price IS NOT NULL;""")
    assert error is None, error
    assert [row[1:] for row in rows[-1]] == [["shop", "1.5"]]


def test_entries_fail_one_by_one(shared_node, events):
    answer = events.put_events(Entries=[
        entry(), entry(Source=""), entry(DetailType=""), {"Source": "s", "DetailType": "t"}, entry(Detail="[1]"), entry(Detail='{}, "detail": {}'),
        entry("aws.ec2"), entry(EventBusName="absent"), entry("last")])
    assert answer["FailedEntryCount"] == 7
    assert [e.get("ErrorCode") for e in answer["Entries"]] == [None, "InvalidArgument", "InvalidArgument", "InvalidArgument", "MalformedDetail", "MalformedDetail",
                                                              "NotAuthorizedForSourceException", "ResourceNotFoundException", None]
    assert answer["Entries"][1]["ErrorMessage"] == "Parameter Source is not valid. Reason: Source is a required argument."
    assert answer["Entries"][4]["ErrorMessage"] == "Detail is malformed."
    assert [key for key, _, _ in read_bus(shared_node, "events.default")] == ["shop", "last"]
    assert "less than or equal to 10" in refused("ValidationException", events.put_events, Entries=[entry()] * 11)
    large = json.dumps({"x": "y" * (600 << 10)})
    assert "over the limit" in refused("ValidationException", events.put_events, Entries=[entry(Detail=large)] * 2)
    assert events.put_events(Entries=[entry(Detail=large)])["FailedEntryCount"] == 0


def test_patterns_are_tried_without_a_bus(events):
    event = json.dumps({"id": "1", "account": "2", "source": "shop", "time": "2024-01-01T00:00:00Z", "region": "r", "resources": [], "detail-type": "t",
                        "detail": {"price": 12, "state": "paid"}})

    def takes(pattern, event=event):
        return events.test_event_pattern(EventPattern=json.dumps(pattern), Event=event)["Result"]
    assert takes({"source": ["shop"], "detail": {"price": [{"numeric": [">", 10, "<=", 12]}]}})
    assert not takes({"detail": {"state": [{"anything-but": "paid"}]}})
    assert takes({"detail": {"$or": [{"state": ["sent"]}, {"price": [12]}]}})
    assert "Event pattern is not valid. Reason: \"source\" must be an object or an array" in refused(
        "InvalidEventPatternException", events.test_event_pattern, EventPattern='{"source": "shop"}', Event=event)
    refused("InvalidEventPatternException", events.test_event_pattern, EventPattern='{"source": ["shop"]}', Event='{"source": "shop"}')


def test_the_cli_puts_events(shared_node):
    environment = {**os.environ, "AWS_ENDPOINT_URL": f"http://{shared_node.aws}", "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "thing",
                   "AWS_DEFAULT_REGION": "eu-central-1"}
    command = [os.path.join(os.path.dirname(sys.executable), "aws"), "events", "put-events", "--entries", json.dumps([entry("cli")])]
    put = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert put.returncode == 0 and json.loads(put.stdout)["FailedEntryCount"] == 0, put.stderr


def test_no_answered_event_is_lost_by_kills(tmp_path):
    _, rng = seeded()
    node = support.Node(tmp_path, {"journal.checkpoint-interval": "300ms"}).start()
    try:
        events_of(node).create_event_bus(Name="killed")
        number, answered, made = 0, set(), set()
        for _ in range(KILLS):
            node.kill()
            node.start(crash_point=rng.choice([None, f"journal.flush:{rng.randrange(1, 30)}"]))
            end = time.monotonic() + rng.uniform(0.1, 0.4)
            while time.monotonic() < end:
                entries = [entry(str(n), EventBusName="killed") for n in range(number, number + 10)]
                number += 10
                try:
                    answer = events_of(node).put_events(Entries=entries)
                    assert answer["FailedEntryCount"] == 0
                    answered |= {e["EventId"] for e in answer["Entries"]}
                    events_of(node).create_event_bus(Name=f"b{number}")
                    made.add(f"b{number}")
                except (BotoCoreError, ClientError):
                    break
        node.kill()
        # In the middle of a deletion: the bus is there or not, and can be made and used.
        node.start(crash_point="event_bus.delete:1")
        with pytest.raises(Exception):
            events_of(node).create_event_bus(Name="half")
            events_of(node).put_events(Entries=[entry(EventBusName="half")])
            events_of(node).delete_event_bus(Name="half")
        node.kill()
        node.start()
        events = events_of(node)
        events.delete_event_bus(Name="half")
        events.create_event_bus(Name="half")
        assert events.put_events(Entries=[entry("anew", EventBusName="half")])["FailedEntryCount"] == 0
        assert [key for key, _, _ in read_bus(node, "events.half")] == ["anew"]
        stored = {value["id"] for _, value, _ in read_bus(node, "events.killed")}
        assert answered and not answered - stored, len(answered - stored)
        buses = {b["Name"] for page in all_buses(events) for b in page["EventBuses"]}
        assert made <= buses
        print(f"{KILLS} kills, {len(answered)} answered events, {len(made)} buses")
    finally:
        node.kill()
