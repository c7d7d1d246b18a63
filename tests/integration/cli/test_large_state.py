"""State of a million keys: its memory is in huge pages where the kernel gives them, and the node stays within its budget."""
import re

import pytest

import support

SCRIPT = """
CREATE TABLE keys (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '400000', 'fields.id.min' = '0', 'fields.id.max' = '999999');
CREATE TABLE nowhere (id BIGINT, n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO nowhere SELECT id, COUNT(*) FROM keys GROUP BY id;
"""


def kilobytes(pid, name):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return int(re.search(rf"^{name}:\s+(\d+) kB", file.read(), re.MULTILINE)[1])


def test_large_state_is_in_huge_pages_and_within_the_budget(tmp_path):
    with open("/sys/kernel/mm/transparent_hugepage/enabled", encoding="ascii") as file:
        if "[never]" in file.read():
            pytest.skip("this kernel gives no huge pages")
    node = support.Node(str(tmp_path), {"memory": "500MB"}).start()
    try:
        [job] = node.submit(SCRIPT)
        pid = node.process.pid
        support.wait_until(lambda: kilobytes(pid, "AnonHugePages") > 40 << 10, "huge pages", 60)
        support.wait_until(lambda: node.api(f"/jobs/{job}")["operators"][0]["rows_out"] > 3_000_000, "three million rows", 120)
        assert kilobytes(pid, "Rss") < 500 << 10
    finally:
        node.stop()
