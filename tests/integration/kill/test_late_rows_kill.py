"""Late rows kept in a topic ('mainstem.late-rows.topic'): read as a table, each once, whatever kills the node."""
import json
import os
import random
import time

import support

KILLS = int(os.environ.get("KILL_COUNT", "30" if support.FULL else "5"))
ROWS = 40_000
KAFKA = "'connector' = 'kafka', 'topic' = '%s', 'format' = 'json', 'properties.bootstrap.servers' = '%s', 'scan.startup.mode' = 'earliest-offset'"
SCRIPT = """
SET 'parallelism.default' = '1';
SET 'pipeline.auto-watermark-interval' = '0';
SET 'mainstem.late-rows.topic' = 'late-clicks';
SET 'execution.checkpointing.interval' = '50 ms';
CREATE TABLE clicks (id BIGINT, page STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH (%s);
CREATE TABLE counts (window_end TIMESTAMP(3), page STRING, n BIGINT) WITH (%s);
INSERT INTO counts SELECT window_end, page, COUNT(*) FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' SECOND)) GROUP BY window_start, window_end, page;
"""
LATE = """
CREATE TABLE late_clicks (job STRING, dropped_by STRING, late_by_ms BIGINT, current_watermark TIMESTAMP(3), kind STRING,
  late_row ROW<id BIGINT, page STRING, ts TIMESTAMP(3)>) WITH (%s, 'scan.bounded.mode' = 'latest-offset');
SELECT late_row.page, late_by_ms, CAST(late_row.ts AS STRING), CAST(current_watermark AS STRING), dropped_by, kind, job FROM late_clicks;
"""


def text_of(millis):
    return time.strftime("2026-01-01 %H:%M:%S", time.gmtime(millis // 1000)) + f".{millis % 1000:03}"


def clicks(seed):
    """(page, ts in ms of the day) by time, some of them far behind; and those that are late, with how late."""
    chance = random.Random(seed)
    rows, late, watermark, now = [], [], -1, 0
    for i in range(ROWS):
        now += chance.randrange(40)
        at = now - (chance.randrange(1, 5000) if chance.random() < 0.05 else 0)
        if at < 0:
            continue
        last = at // 1000 * 1000 + 999
        if last <= watermark:
            late.append([f"p{i % 3}", str(watermark - last), text_of(at), text_of(watermark)])
        watermark = max(watermark, at)
        rows.append((f"p{i % 3}", at))
    return rows, late


def test_late_rows_are_a_table_with_each_of_them_once_through_kills(node):
    from confluent_kafka import Producer
    seed = random.randrange(1_000_000)
    print("seed", seed)
    rows, late = clicks(seed)
    assert len(late) > 500
    node.cli("topic", "create", "clicks", "--partitions", "1")
    [job] = node.submit(SCRIPT % (KAFKA % ("clicks", node.kafka), KAFKA % ("counts", node.kafka)))
    begun = 0
    for part in range(KILLS + 1):
        end = len(rows) * (part + 1) // (KILLS + 1)
        producer = Producer({"bootstrap.servers": node.kafka})
        for i in range(begun, end):
            producer.produce("clicks", json.dumps({"id": i, "page": rows[i][0], "ts": text_of(rows[i][1])}), partition=0)
            producer.poll(0)
        assert producer.flush(30) == 0
        begun = end
        if part < KILLS:
            time.sleep(random.random() * 0.3)
            node.kill()
            node.start()

    def read_all():
        description = node.api(f"/jobs/{job}")
        return description["state"] == "RUNNING" and description["operators"] and description["operators"][0]["lag_records"] == 0
    support.wait_until(read_all, "the job to read everything", 60)

    def kept():
        lines = node.sql(LATE % (KAFKA % ("late-clicks", node.kafka)))
        assert not any("error" in line for line in lines), lines
        return [row[1:] for line in lines for row in line.get("rows", [])]
    support.wait_until(lambda: len(kept()) >= len(late), "the late rows", 30)
    got = kept()
    assert [row[:4] for row in got] == late
    assert {tuple(row[4:]) for row in got} == {(got[0][4], "+I", job)} and "Window" in got[0][4]
