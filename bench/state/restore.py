#!/usr/bin/env python3
"""How long a node takes after kill -9 until a job with much state goes on: an aggregate over as many keys as rows. One JSON line a round.
Usage: bench/state/restore.py [--keys 3000000] [--bytes 100] [--parallelism 2] [--rounds 2]   (MAINSTEM_BINARY: another binary)"""
import argparse
import json
import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "integration"))
import support  # noqa: E402

SCRIPT = """
SET 'parallelism.default' = '{parallelism}';
CREATE TABLE keys (id BIGINT, payload STRING) WITH ('connector' = 'datagen', 'rows-per-second' = '400000', 'fields.id.kind' = 'sequence',
  'fields.id.start' = '0', 'fields.id.end' = '100000000000', 'fields.payload.length' = '{bytes}');
CREATE TABLE nowhere (id BIGINT, c BIGINT, payload STRING) WITH ('connector' = 'blackhole');
INSERT INTO nowhere SELECT id, COUNT(*), MAX(payload) FROM keys GROUP BY id;
"""


def rows_read(node, job):
    operators = node.api(f"/jobs/{job}")["operators"]
    return operators[0]["rows_out"] if operators else 0


def bytes_below(folder):
    """Of files, each counted once: checkpoints share them."""
    sizes = {}
    for at, _, names in os.walk(folder):
        for name in names:
            status = os.stat(os.path.join(at, name))
            sizes[status.st_ino] = status.st_size
    return sum(sizes.values())


def round_of(options):
    folder = tempfile.mkdtemp(prefix="mainstem-restore-")
    node = support.Node(folder, {"memory": "1GB"}).start()
    try:
        [job] = node.submit(SCRIPT.format(parallelism=options.parallelism, bytes=options.bytes))
        support.wait_until(lambda: rows_read(node, job) >= options.keys, "the keys", 900)
        done = node.api(f"/jobs/{job}")["checkpoint"]["id"]
        support.wait_until(lambda: node.api(f"/jobs/{job}")["checkpoint"]["id"] > done, "a checkpoint", 300)
        node.kill()
        state = bytes_below(os.path.join(node.data, "jobs"))
        begun = time.monotonic()
        node.start()
        ready = time.monotonic() - begun
        support.wait_until(lambda: rows_read(node, job) > 0, "the job to go on", 900)
        took = time.monotonic() - begun
        print(json.dumps({"keys": options.keys, "state_mb": round(state / 1e6), "node_ready_s": round(ready, 2), "job_goes_on_s": round(took, 2),
                          "parallelism": options.parallelism}), flush=True)
    finally:
        node.kill()
        shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--keys", type=int, default=3_000_000)
    parser.add_argument("--bytes", type=int, default=100)
    parser.add_argument("--parallelism", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    for _ in range(options.rounds):
        round_of(options)


main()
