"""Kafka's own kafka-dump-log reads our segments: the .log with all its records, .index and .timeindex without a mismatch.
Needs java and KAFKA_LIBS (a folder of Kafka's jars); skipped, saying so, without them."""
import glob
import os
import re
import shutil
import subprocess
import sys

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
LIBS = os.environ.get("KAFKA_LIBS", os.path.join(ROOT, ".deps/kafka/libs"))
BENCH = os.environ.get("MAINSTEM_STORAGE_BENCH", os.path.join(ROOT, "build/src/storage/storage_bench"))


def dump(path, *more):
    command = ["java", "-cp", os.path.join(LIBS, "*"), "org.apache.kafka.tools.DumpLogSegments", "--files", path, *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not glob.glob(os.path.join(LIBS, "kafka-tools-*.jar")) or not shutil.which("java"),
                    reason="no java, or no Kafka jars in KAFKA_LIBS: run scripts/setup test")
@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_kafkas_tool_reads_our_segments(tmp_path, codec):
    subprocess.run([BENCH, "--folder", str(tmp_path), "--gb", "0.004", "--batch-kb", "16", "--record-bytes", "100",
                    "--partitions", "2", "--writers", "2", "--codec", codec], check=True, timeout=120)
    logs = sorted(glob.glob(str(tmp_path / "topics" / "*" / "*.log")))
    assert len(logs) == 2
    for log in logs:
        text = dump(log, "--deep-iteration")
        offsets = [int(found) for found in re.findall(r"^\| offset: (\d+)", text, re.M)]
        assert offsets == list(range(len(offsets))) and len(offsets) > 500
        assert "isvalid: false" not in text and f"compresscodec: {codec}" in text
        for index in (log[:-4] + ".index", log[:-4] + ".timeindex"):
            assert os.path.getsize(index) > 0
            said = dump(index)
            assert "Mismatches" not in said and "out of order" not in said.lower(), said


@pytest.mark.skipif(not glob.glob(os.path.join(LIBS, "kafka-tools-*.jar")) or not shutil.which("java"),
                    reason="no java, or no Kafka jars in KAFKA_LIBS: run scripts/setup test")
def test_kafkas_tool_reads_what_clients_wrote_to_a_node(node):
    """Transactions, two of them aborted, in several segments: markers, producers and indexes are as Kafka's tool knows them."""
    from confluent_kafka import Producer
    node.api("/topics", "POST", {"name": "t", "config": {"segment.bytes": "1048576"}})
    producer = Producer({"bootstrap.servers": node.kafka, "transactional.id": "dump", "compression.type": "lz4", "linger.ms": 5})
    producer.init_transactions(30)
    for number in range(12):
        producer.begin_transaction()
        for i in range(400):
            producer.produce("t", key=f"k{i}", value=os.urandom(400), partition=0)
        if number in (3, 7):
            producer.flush(30)
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)
    end = node.api("/topics/t")["partitions"][0]["high_watermark"]
    assert end == 12 * 400 + 12
    node.stop()
    node.start()  # what the journal held is in segments then
    node.stop()
    logs = sorted(glob.glob(os.path.join(node.folder, "data", "log", "topics", "*", "*.log")))
    whole = dump(",".join(logs), "--deep-iteration")
    offsets = [int(found) for found in re.findall(r"^\| offset: (\d+)", whole, re.M)]
    assert len(logs) > 1 and offsets == list(range(len(offsets))) and len(offsets) > 4000, (len(logs), len(offsets))
    assert "isvalid: false" not in whole and "endTxnMarker: COMMIT" in whole and whole.count("endTxnMarker: ABORT") == 2
    indexes = [log[:-4] + kind for log in logs for kind in (".index", ".timeindex")]
    said = dump(",".join(indexes))
    assert "Mismatches" not in said and "out of order" not in said.lower(), said
    assert sum(os.path.getsize(index) > 0 for index in indexes) > 2


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-v"]))
