"""Topics that Mainstem keeps for itself: no door lets a client make, change, write or delete one; what was refused on its way is the user's."""
import json
import os
import sys

import confluent_kafka
import pytest
from confluent_kafka import KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, ResourceType

sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))
import support  # noqa: E402

OWN = "__mainstem_event_buses"


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    node = support.Node(tmp_path_factory.mktemp("own")).start()
    yield node
    node.kill()


@pytest.fixture(scope="module")
def own(node):
    import boto3
    events = boto3.client("events", endpoint_url=f"http://{node.aws}", region_name="eu-central-1", aws_access_key_id="any", aws_secret_access_key="thing")
    events.create_event_bus(Name="shop")
    [topic] = [t for t in node.api("/topics")["topics"] if t["name"] == OWN]
    return topic


def code_of(futures):
    [future] = futures.values()
    with pytest.raises(confluent_kafka.KafkaException) as caught:
        future.result(30)
    return caught.value.args[0].code()


def test_kafka_clients_leave_them_alone(node, own):
    admin = AdminClient({"bootstrap.servers": node.kafka})
    alter = ConfigResource(ResourceType.TOPIC, OWN, incremental_configs=[
        ConfigEntry("cleanup.policy", "delete", incremental_operation=AlterConfigOpType.SET)])
    refused = KafkaError.TOPIC_EXCEPTION
    assert code_of(admin.create_topics([NewTopic("__mainstem_new", 1)])) == refused
    assert code_of(admin.create_partitions([NewPartitions(OWN, 2)])) == refused
    assert code_of(admin.incremental_alter_configs([alter])) == refused
    assert code_of(admin.alter_configs([ConfigResource(ResourceType.TOPIC, OWN, set_config={"cleanup.policy": "delete"})])) == refused
    assert code_of(admin.delete_records([TopicPartition(OWN, 0, 1)])) == refused
    assert code_of(admin.delete_topics([OWN])) == refused
    producer = confluent_kafka.Producer({"bootstrap.servers": node.kafka, "allow.auto.create.topics": True, "message.timeout.ms": 3000})
    errors = []
    producer.produce("__mainstem_new", b"x", on_delivery=lambda error, _: errors.append(error and error.code()))
    producer.flush(30)
    assert errors and errors[0], errors
    in_transaction = confluent_kafka.Producer({"bootstrap.servers": node.kafka, "transactional.id": "t"})
    in_transaction.init_transactions(30)
    in_transaction.begin_transaction()
    in_transaction.produce(OWN, b"x")
    with pytest.raises(confluent_kafka.KafkaException):
        in_transaction.commit_transaction(30)
    check_unchanged(node, own)


def test_http_and_sql_leave_them_alone(node, own):
    for method, path, body in [("POST", "/topics", {"name": "__mainstem_new"}), ("PATCH", f"/topics/{OWN}", {"config": {"cleanup.policy": "delete"}}),
                               ("PATCH", f"/topics/{OWN}", {"partitions": 2}), ("DELETE", f"/topics/{OWN}", None)]:
        status, text = node.call("/api/v1" + path, method, json.dumps(body).encode() if body else None)
        assert status == 400 and "InvalidTopic" in text, (method, path, text)
    for topic in ("__mainstem_new", OWN):
        status, text = node.call(f"/v1/topics/{topic}/events", "POST", b"{}", "application/json")
        assert status == 400 and "InvalidTopic" in text
    script = f"""CREATE TABLE o (v STRING) WITH ('connector' = 'kafka', 'topic' = '{OWN}', 'properties.bootstrap.servers' = '{node.kafka}', 'format' = 'raw');
                 INSERT INTO o VALUES ('x');"""
    status, text = node.call("/api/v1/jobs", "POST", {"script": script})
    assert status == 400 and "clients only read it" in text, text
    check_unchanged(node, own)


def check_unchanged(node, own):
    names = {t["name"]: t for t in node.api("/topics")["topics"]}
    assert "__mainstem_new" not in names
    assert (names[OWN]["id"], names[OWN]["config"], names[OWN]["partition_count"]) == (own["id"], own["config"], own["partition_count"])
    assert names[OWN]["records"] == own["records"]


def test_what_was_refused_is_the_users_to_delete(node):
    node.cli("produce", "in", stdin='"1"\n"x"\n')
    job = node.submit(f"""CREATE TABLE t (v INT) WITH ('connector' = 'kafka', 'topic' = 'in', 'properties.bootstrap.servers' = '{node.kafka}',
        'scan.startup.mode' = 'earliest-offset', 'format' = 'json', 'scan.bad-records' = 'quarantine');
      CREATE TABLE o (v INT) WITH ('connector' = 'blackhole');
      INSERT INTO o SELECT v FROM t;""")[0]
    name = f"__mainstem.quarantine.{job}"
    support.wait_until(lambda: any(t["name"] == name and t["records"] for t in node.api("/topics")["topics"]), "a record in the quarantine")
    admin = AdminClient({"bootstrap.servers": node.kafka})
    [deleted] = admin.delete_records([TopicPartition(name, 0, 1)]).values()
    assert deleted.result(30).low_watermark == 1
    node.api(f"/jobs/{job}/cancel", "POST")
    node.api(f"/topics/{name}", "DELETE")
    assert name not in {t["name"] for t in node.api("/topics")["topics"]}
