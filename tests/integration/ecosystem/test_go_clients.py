"""franz-go and Sarama, unmodified: transactions, groups, admin; and the AWS SDK for Go."""
import os
import subprocess
import uuid

import pytest
import support
from reading import read_committed

PROGRAMS = os.path.join(support.ROOT, ".deps/clients/go")


def run(program, node, *arguments):
    path = os.path.join(PROGRAMS, program)
    if not os.path.exists(path):
        pytest.skip(f"no {program} in .deps/clients/go: run scripts/setup test")
    result = subprocess.run([path, node.kafka, *arguments], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.splitlines()


def fresh(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def values(node, topic, partitions):
    return sorted(int(value) for _, value in read_committed(node.kafka, topic, partitions))


def test_franz_go_copies_in_transactions_with_a_cooperative_group(shared_node):
    source, target, group = fresh("source"), fresh("target"), fresh("g")
    shared_node.cli("topic", "create", source, "-p", "4")
    shared_node.cli("topic", "create", target, "-p", "2")
    assert run("franz", shared_node, source, target, group) == ["committed: 700", "copied: 700"]
    expected = [i for i in range(1000) if i // 50 % 3 != 2]
    assert values(shared_node, source, 4) == expected
    assert values(shared_node, target, 2) == expected
    offsets = shared_node.api(f"/groups/{group}")["offsets"]
    assert {o["topic"] for o in offsets} == {source} and sum(o["lag"] for o in offsets) <= 4 * 7  # markers and what was aborted at the end


def test_sarama_copies_in_transactions_and_administers(shared_node):
    source, target, group = fresh("source"), fresh("target"), fresh("g")
    assert run("sarama", shared_node, source, target, group) == [
        "group: Stable sticky 2", "written: 500", "copied: 500", "offsets: 500", "retention: 3600000"]
    assert values(shared_node, source, 4) == list(range(500))
    assert values(shared_node, target, 1) == list(range(500))
    assert all(g["id"] != group for g in shared_node.api("/groups")["groups"])


def test_the_aws_sdk_for_go_writes_reads_and_is_pushed(shared_node):
    path = os.path.join(PROGRAMS, "kinesis")
    if not os.path.exists(path):
        pytest.skip("no kinesis in .deps/clients/go: run scripts/setup test")
    result = subprocess.run([path, f"http://{shared_node.aws}", fresh("go")], capture_output=True, text=True, timeout=120)
    assert result.stdout.splitlines() == ["read: 500", "pushed: 300", "after the split: 900", "missing: true"], result.stdout + result.stderr
