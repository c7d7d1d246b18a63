"""EXPLAIN WATERMARK: which partition of a topic holds the windows of a running job back, in SQL, on the command line and by the admin API."""
import json

import support

SCRIPT = """
CREATE TABLE orders (id BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH ('connector' = 'kafka', 'topic' = 'orders',
  'format' = 'json', 'properties.bootstrap.servers' = '%s', 'scan.startup.mode' = 'earliest-offset'%s);
CREATE TABLE counts (window_end TIMESTAMP(3), n BIGINT) WITH ('connector' = 'kafka', 'topic' = 'counts', 'format' = 'json',
  'properties.bootstrap.servers' = '%s');
INSERT INTO counts SELECT window_end, COUNT(*) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
"""


def produce(node, partition, times):
    from confluent_kafka import Producer
    producer = Producer({"bootstrap.servers": node.kafka})
    for i, at in enumerate(times):
        producer.produce("orders", json.dumps({"id": i, "ts": f"2026-01-01 {at}"}), partition=partition)
    producer.flush()


def watermark(node, job):
    return node.api(f"/jobs/{job}/watermark")


def rows(lines):
    errors = [line["error"] for line in lines if "error" in line]
    assert not errors, errors
    return [row[1:] for line in lines for row in line.get("rows", [])]


def test_an_empty_partition_is_named_until_it_has_a_row(node):
    node.cli("topic", "create", "orders", "--partitions", "2")
    produce(node, 0, ["10:00:00", "10:05:00"])
    [job] = node.submit(SCRIPT % (node.kafka, "", node.kafka))

    def report(condition):
        return support.wait_until(lambda: next((r for r in [watermark(node, job)] if len(r["partitions"]) == 2 and condition(r)), None), "the watermark")
    support.wait_until(lambda: node.api(f"/jobs/{job}")["state"] == "RUNNING", "the job")
    said = report(lambda r: r["partitions"][1]["watermark_ms"] and r["partitions"][0]["quiet_since_ms"])
    assert said["watermark_ms"] is None
    held, other = said["partitions"]
    assert held["partition"] == "orders/1" and held["holds_back"] and held["watermark_ms"] is None and held["unread"] == 0, held
    assert "it has given no row yet; nothing has come for" in held["why"] and "'table.exec.source.idle-timeout'" in held["why"], held
    assert other["partition"] == "orders/0" and not other["holds_back"] and other["watermark_ms"] == 1767261899000, other
    assert said["summary"].startswith("orders/1 of ") and "holds the watermark back" in said["summary"]
    produce(node, 1, ["10:01:30"])
    said = report(lambda r: r["watermark_ms"])
    assert said["watermark_ms"] == 1767261689000 and said["partitions"][0]["partition"] == "orders/1"

    first, *others = rows(node.sql(f"SET 'table.local-time-zone' = 'UTC'; EXPLAIN WATERMARK FOR JOB '{job}';"))[-3:]
    assert first[2] == "2026-01-01 10:01:29.000" and "holds the watermark back" in first[7], first
    assert [row[1:5] + row[6:7] for row in others] == [["orders/1", "2026-01-01 10:01:29.000", "0", "active", "TRUE"],
                                                      ["orders/0", "2026-01-01 10:04:59.000", "0", "active", "FALSE"]]
    printed = node.cli("job", "watermark", job).stdout
    assert printed.startswith("watermark 2026-01-01 10:01:29.000 UTC\norders/1 of ") and "orders/0" in printed, printed
    node.cli("job", "cancel", job)
    refused = node.cli("job", "watermark", job, check=False)
    assert refused.returncode != 0 and f"job '{job}' is CANCELLED" in refused.stderr, refused
    assert "no job" in json.dumps(node.sql("EXPLAIN WATERMARK FOR JOB 'none';"))


def test_with_an_idle_timeout_the_quiet_partition_does_not_count(node):
    node.cli("topic", "create", "orders", "--partitions", "2")
    produce(node, 0, ["10:00:00", "10:05:00"])
    [job] = node.submit("SET 'table.exec.source.idle-timeout' = '1 s';\n" + SCRIPT % (node.kafka, "", node.kafka))
    support.wait_until(lambda: node.api(f"/jobs/{job}")["state"] == "RUNNING", "the job")
    said = support.wait_until(lambda: next((r for r in [watermark(node, job)] if r["summary"].startswith("every partition is idle")), None), "idleness")
    assert [row["state"] for row in said["partitions"]] == ["idle", "idle"]
    assert all("idle timeout of 1s" in row["why"] and not row["holds_back"] for row in said["partitions"]), said
