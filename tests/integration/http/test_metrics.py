"""/metrics is what Prometheus can read, and tells of doors, log and jobs."""
import re

from support import wait_until

SCRIPT = """SET 'pipeline.name' = 'ticks';
CREATE TABLE ticks (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '100');
CREATE TABLE o (n INT) WITH ('connector' = 'kafka', 'topic' = 'ticks', 'properties.bootstrap.servers' = '{kafka}', 'format' = 'json');
INSERT INTO o SELECT n FROM ticks;"""
SAMPLE = re.compile(r'^(\w+)(\{(?:\w+="(?:[^"\\\\]|\\\\.)*",?)*\})? (\S+)$')


def parse(text):
    """{name: {labels: value}}; fails on what Prometheus would refuse: a family in two places, a head that comes twice, a sample twice."""
    values, heads, family, seen = {}, set(), None, set()
    for line in text.split("\n"):
        if line.startswith("# TYPE "):
            family = line.split(" ")[2]
            assert family not in heads, f"a second head of {family}"
            heads.add(family)
        if not line or line.startswith("#"):
            continue
        match = SAMPLE.match(line)
        assert match, line
        assert family and match[1] in (family, family + "_bucket", family + "_sum", family + "_count"), line
        assert (match[1], match[2]) not in seen, line
        seen.add((match[1], match[2]))
        values.setdefault(match[1], {})[match[2] or ""] = float(match[3])
    return values


def test_prometheus_reads_doors_log_and_jobs(node):
    job = node.submit(SCRIPT.format(kafka=node.kafka))[0]

    def scrape():
        status, text = node.call("/metrics")
        assert status == 200
        return parse(text)

    wait_until(lambda: scrape().get("mainstem_topic_records_in_total", {}).get('{topic="ticks"}', 0) > 20, "rows in the topic")
    values = scrape()
    assert values["mainstem_job_state"] == {f'{{job="{job}",name="ticks",state="RUNNING"}}': 1}
    assert values["mainstem_job_restarts_total"] == {f'{{job="{job}",name="ticks"}}': 0}
    assert any(value > 20 for value in values["mainstem_operator_rows_out_total"].values())
    assert values["mainstem_journal_flush_seconds_count"][""] > 0 and values["mainstem_journal_flushed_bytes_total"][""] > 4096
    assert values["mainstem_memory_budget_bytes"][""] > 2**20 and values["mainstem_resident_bytes"][""] > 2**20
    node.cli("job", "cancel", job)
    node.cli("job", "delete", job)
    assert "mainstem_job_state" not in scrape()
