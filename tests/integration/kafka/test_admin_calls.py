"""Every call of Java's Admin client, once each: it works, or is refused as docs/kafka-admin.md says. What is refused is not advertised, or says why."""
import glob
import os
import re
import shutil

import pytest

import support

FOLDER = os.path.dirname(__file__)
PAGE = os.path.join(support.ROOT, "docs", "kafka-admin.md")


def documented():
    """{call: what the page says becomes of it}."""
    with open(PAGE) as f:
        return dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", f.read(), re.M))


@pytest.mark.skipif(not glob.glob(os.path.join(support.KAFKA_LIBS, "kafka-clients-*.jar")) or not shutil.which("java"),
                    reason="no java, or no Kafka jars in KAFKA_LIBS: run scripts/setup test")
def test_each_call_does_what_the_page_says(node):
    ran = support.java(os.path.join(FOLDER, "AdminCalls.java"), node.kafka, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    outcomes = dict(line.split("\t", 1) for line in ran.stdout.splitlines() if "\t" in line)
    assert outcomes == documented() and len(outcomes) > 60, ran.stderr
