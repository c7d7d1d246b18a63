"""Kafka's own tools for ACLs, quotas, elections and reassignments, unmodified: on one node without security they say what there is to say."""
import glob
import json
import os
import shutil

import confluent_kafka.admin
import pytest

import support

pytestmark = pytest.mark.skipif(not glob.glob(os.path.join(support.KAFKA_LIBS, "kafka-tools-*.jar")) or not shutil.which("java"),
                                reason="no java, or no Kafka jars in KAFKA_LIBS: run scripts/setup test")
ACLS, ELECTIONS = "org.apache.kafka.tools.AclCommand", "org.apache.kafka.tools.LeaderElectionCommand"
REASSIGN, CONFIGS = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand", "kafka.admin.ConfigCommand"


@pytest.fixture(scope="module")
def broker(shared_node):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": shared_node.kafka})
    admin.create_topics([confluent_kafka.admin.NewTopic("t", 2, 1)])["t"].result(20)
    return shared_node


def tool(broker, main, *arguments, code=0):
    """What it says, on either stream."""
    result = support.java(main, "--bootstrap-server", broker.kafka, *arguments)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout + result.stderr


@pytest.mark.parametrize("arguments", [("--list",), ("--add", "--allow-principal", "User:a", "--operation", "read", "--topic", "t"),
                                       ("--remove", "--force", "--allow-principal", "User:a", "--operation", "read", "--topic", "t")])
def test_acls_are_off(broker, arguments):
    assert "SecurityDisabledException: No Authorizer is configured" in tool(broker, ACLS, *arguments, code=1)


def test_the_only_replica_leads_already(broker):
    said = tool(broker, ELECTIONS, "--election-type", "preferred", "--topic", "t", "--partition", "1")
    assert "Valid replica already elected for partitions t-1" in said
    tool(broker, ELECTIONS, "--election-type", "preferred", "--all-topic-partitions")
    assert "t-7" in tool(broker, ELECTIONS, "--election-type", "unclean", "--topic", "t", "--partition", "7", code=1)


def test_partitions_stay_where_they_are(broker, tmp_path):
    plan = tmp_path / "plan.json"

    def write(replicas):
        plan.write_text(json.dumps({"version": 1, "partitions": [{"topic": "t", "partition": 0, "replicas": replicas}]}))
        return ("--reassignment-json-file", str(plan))
    topics = tmp_path / "topics.json"
    topics.write_text(json.dumps({"version": 1, "topics": [{"topic": "t"}]}))
    proposed = tool(broker, REASSIGN, "--generate", "--topics-to-move-json-file", str(topics), "--broker-list", "1")
    assert proposed.count('"replicas":[1]') == 4  # two partitions, now and then
    assert "Successfully started partition reassignment for t-0" in tool(broker, REASSIGN, "--execute", *write([1]))
    assert "Reassignment of partition t-0 is completed" in tool(broker, REASSIGN, "--verify", *write([1]))
    assert "No partition reassignments found" in tool(broker, REASSIGN, "--list")
    assert "7" in tool(broker, REASSIGN, "--execute", *write([7]), code=1)


def test_there_are_no_quotas_and_no_users(broker):
    for kind in ("clients", "users", "ips"):
        assert "byte_rate" not in tool(broker, CONFIGS, "--describe", "--entity-type", kind)
    said = tool(broker, CONFIGS, "--alter", "--entity-type", "clients", "--entity-name", "c", "--add-config", "producer_byte_rate=100", code=1)
    assert "quotas are not supported" in said
    assert "quotas are not supported" in tool(broker, CONFIGS, "--alter", "--entity-type", "clients", "--entity-default", "--add-config",
                                              "request_percentage=50", code=1)


def test_topics_have_the_configurations_of_kafkas_broker(broker):
    program = os.path.join(os.path.dirname(__file__), "TopicConfigs.java")
    listed = support.java(program)
    assert listed.returncode == 0, listed.stderr
    of_kafka = dict(line.split("=", 1) for line in listed.stdout.splitlines())
    said = tool(broker, CONFIGS, "--describe", "--all", "--entity-type", "topics", "--entity-name", "t")
    ours = dict(line.strip().split(" sensitive=")[0].split("=", 1) for line in said.splitlines() if " sensitive=" in line)
    assert ours == of_kafka and len(ours) > 30
    for refused, why in (("min.insync.replicas=2", "there is one node"), ("remote.storage.enable=true", "no tiered storage"),
                         ("compression.zstd.level=19", "one level of zstd"), ("flush.messages=0", "a number of records")):
        assert why in tool(broker, CONFIGS, "--alter", "--entity-type", "topics", "--entity-name", "t", "--add-config", refused, code=1)
