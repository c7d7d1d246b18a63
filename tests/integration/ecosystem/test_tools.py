"""Kafka's command-line tools, unmodified: each does what it says. One JVM a call: all of it in the full tier, see
tests/integration/kafka for those of the short one."""
import json
import os
import re

import pytest
import support

pytestmark = pytest.mark.skipif(not os.path.isdir(support.KAFKA_LIBS), reason="no Kafka at KAFKA_LIBS: run scripts/setup test")
GROUPS = "consumer.group.ConsumerGroupCommand"


@pytest.fixture(scope="module")
def tool(shared_node):
    if not support.FULL:
        pytest.skip("full tier: MAINSTEM_TIER=full")
    shared_node.cli("topic", "create", "a", "-p", "2")
    shared_node.cli("produce", "a", "--key-field", "v", stdin='{"v": 1}\n' * 20)  # all to one partition

    def run(name, *arguments, code=0, server=True):
        main = name if name.startswith("kafka.") else "org.apache.kafka.tools." + name
        result = support.java(main, *(("--bootstrap-server", shared_node.kafka) if server else ()), *arguments)
        assert result.returncode == code, result.stdout + result.stderr
        return result.stdout + result.stderr
    return run


def test_consumer_groups(tool):
    """A group from its first record to its end."""
    tool("consumer.ConsoleConsumer", "--topic", "a", "--group", "g", "--from-beginning", "--max-messages", "20")
    assert re.search(r"g\s+Empty", tool(GROUPS, "--list", "--state"))
    described = tool(GROUPS, "--describe", "--group", "g")
    assert sum(int(committed) for committed in re.findall(r"g\s+a\s+\d\s+(\d+)\s+\d+\s+0\s", described)) == 20
    assert "no active members" in tool(GROUPS, "--describe", "--group", "g", "--members", "--verbose")
    reset = tool(GROUPS, "--group", "g", "--topic", "a", "--reset-offsets", "--to-earliest", "--execute")
    assert re.findall(r"g\s+a\s+(\d)\s+(\d+)", reset) in ([("0", "0"), ("1", "0")], [("1", "0"), ("0", "0")])
    shifted = tool(GROUPS, "--group", "g", "--topic", "a", "--reset-offsets", "--shift-by", "5", "--dry-run")
    assert sum(int(offset) for _, offset in re.findall(r"g\s+a\s+(\d)\s+(\d+)", shifted)) == 5
    by_time = tool(GROUPS, "--group", "g", "--topic", "a", "--reset-offsets", "--by-duration", "PT1H", "--execute")
    assert sum(int(offset) for _, offset in re.findall(r"g\s+a\s+(\d)\s+(\d+)", by_time)) == 0
    assert tool(GROUPS, "--group", "g", "--topic", "a", "--delete-offsets").count("Successful") == 2
    assert "successful" in tool(GROUPS, "--group", "g", "--delete")
    assert "g" not in tool(GROUPS, "--list").split()


def test_topics_configs_and_offsets(tool):
    described = tool("TopicCommand", "--describe", "--topic", "a")
    assert "PartitionCount: 2" in described and described.count("Leader: 1") == 2
    assert tool("TopicCommand", "--describe", "--under-replicated-partitions").strip() == ""
    ends = dict(re.findall(r"a:(\d):(\d+)", tool("GetOffsetShell", "--topic", "a", "--time", "-1")))
    assert sum(map(int, ends.values())) == 20
    tool("kafka.admin.ConfigCommand", "--entity-type", "topics", "--entity-name", "a", "--alter", "--add-config", "retention.ms=86400000")
    assert "retention.ms=86400000" in tool("kafka.admin.ConfigCommand", "--entity-type", "topics", "--entity-name", "a", "--describe")
    broker = tool("kafka.admin.ConfigCommand", "--entity-type", "brokers", "--entity-name", "1", "--describe", "--all")
    assert "transaction.max.timeout.ms=900000" in broker
    dirs = tool("LogDirsCommand", "--describe")
    assert {p["partition"] for p in json.loads(dirs[dirs.index("{"):])["brokers"][0]["logDirs"][0]["partitions"]} >= {"a-0", "a-1"}


def test_records_are_deleted_up_to_an_offset(tool, tmp_path, shared_node):
    shared_node.cli("topic", "create", "cut")
    shared_node.cli("produce", "cut", stdin='{"v": 1}\n' * 10)
    offsets = tmp_path / "offsets.json"
    offsets.write_text(json.dumps({"partitions": [{"topic": "cut", "partition": 0, "offset": 3}], "version": 1}))
    assert re.search(r"cut-0\s+low_watermark: 3", tool("DeleteRecordsCommand", "--offset-json-file", str(offsets)))
    assert "cut:0:3" in tool("GetOffsetShell", "--topic", "cut", "--time", "-2")


def test_the_cluster_describes_itself(tool, shared_node):
    assert re.search(r"Cluster ID: [\w-]{22}", tool("ClusterTool", "cluster-id", "--bootstrap-server", shared_node.kafka, server=False))
    assert "unfenced" in tool("ClusterTool", "list-endpoints", "--bootstrap-server", shared_node.kafka, server=False)
    assert re.search(r"transaction.version.*FinalizedVersionLevel: 2", tool("FeatureCommand", "describe"))
    versions = tool("BrokerApiVersionsCommand")
    assert "Fetch(1): 4 to 18" in versions and "ConsumerGroupHeartbeat(68): UNSUPPORTED" in versions
    assert len(tool("TransactionsCommand", "find-hanging", "--broker-id", "1").strip().splitlines()) == 1  # its heading
    # What is not offered is told so, not tried and failed.
    assert "does not support DESCRIBE_QUORUM" in tool("MetadataQuorumCommand", "describe", "--status", code=1)
    assert "Valid replica already elected" in tool("LeaderElectionCommand", "--election-type", "preferred", "--topic", "a", "--partition", "0")


def test_load_generators(tool):
    sent = tool("ProducerPerformance", "--topic", "load", "--num-records", "1000", "--record-size", "100", "--throughput", "-1",
                "--transactional-id", "load", "--transaction-duration-ms", "50")
    assert "1000 records sent" in sent
    assert re.search(r", 1000, ", tool("ConsumerPerformance", "--topic", "load", "--num-records", "1000"))
    assert "Percentiles" in tool("EndToEndLatency", "--topic", "latency", "--num-records", "100", "--producer-acks", "all",
                                 "--record-size", "100")


def test_the_resetter_of_streams(tool):
    assert "Done" in tool("StreamsResetter", "--application-id", "app", "--input-topics", "a")
    assert "app" in tool(GROUPS, "--list").split()
