#!/usr/bin/env python3
"""What a job does while it takes a checkpoint of much state, beside what it does between two: an aggregate over random keys, each with a text.
Rows a second from the job's own counter, asked for again and again; when checkpoints ran, from what the job says of them. One JSON line.
Usage: bench/state/checkpoints.py [--keys 22000000] [--bytes 200] [--interval 30] [--checkpoints 4] [--memory 16GB]   (MAINSTEM_BINARY: another binary)"""
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
SET 'execution.checkpointing.interval' = '{interval} s';
CREATE TABLE keys (id BIGINT, payload STRING) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000000', 'fields.id.min' = '0',
  'fields.id.max' = '{last}', 'fields.payload.length' = '{bytes}');
CREATE TABLE nowhere (id BIGINT, c BIGINT, payload STRING) WITH ('connector' = 'blackhole');
INSERT INTO nowhere SELECT id, COUNT(*), MAX(payload) FROM keys GROUP BY id;
"""


def sample(node, job):
    found = node.api(f"/jobs/{job}")
    operators = found["operators"]
    return time.time() * 1000, operators[0]["rows_out"], found["checkpoint"], sum(o.get("state_entries", 0) for o in operators), \
        sum(o.get("state_bytes", 0) for o in operators)


def rate(samples, within):
    """Rows a second over the pieces between two samples for which `within` holds."""
    rows = seconds = 0
    for before, after in zip(samples, samples[1:]):
        if within(before[0], after[0]):
            rows += after[1] - before[1]
            seconds += (after[0] - before[0]) / 1000
    return rows / seconds if seconds else 0


def longest_pause(samples):
    """Of the rows, in ms: the time between two samples that differ."""
    longest, since = 0, samples[0]
    for now in samples[1:]:
        if now[1] != since[1]:
            longest, since = max(longest, now[0] - since[0]), now
    return round(longest)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--keys", type=int, default=22_000_000)
    parser.add_argument("--bytes", type=int, default=200)
    parser.add_argument("--interval", type=int, default=30, help="seconds between checkpoints")
    parser.add_argument("--checkpoints", type=int, default=4)
    parser.add_argument("--memory", default="16GB")
    parser.add_argument("--parallelism", type=int, default=1)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="mainstem-checkpoints-")
    node = support.Node(folder, {"memory": options.memory}).start()
    try:
        [job] = node.submit(SCRIPT.format(parallelism=options.parallelism, interval=options.interval, last=options.keys - 1, bytes=options.bytes))
        # Nineteen keys of twenty are there.
        support.wait_until(lambda: sample(node, job)[1] >= 3 * options.keys, "the keys", 1800)
        first = sample(node, job)[2]["id"]
        samples, spans = [], {}
        while len(spans) <= options.checkpoints:
            samples.append(sample(node, job))
            done = samples[-1][2]
            if done["id"] > first:
                spans[done["id"]] = (done["completed_at_ms"] - done["duration_ms"], done["completed_at_ms"])
            time.sleep(0.01)
        cut = list(spans.values())
        begin, end = cut[0][1], cut[-1][1]
        inside = [s for s in samples if begin <= s[0] <= end]
        during = rate(inside, lambda a, b: any(a < to and b > from_ for from_, to in cut[1:]))
        between = rate(inside, lambda a, b: all(b <= from_ or a >= to for from_, to in cut))
        print(json.dumps({"state_entries": inside[-1][3], "state_mb": round(inside[-1][4] / 1e6), "checkpoint_s": [round((to - from_) / 1000, 2) for from_, to in cut[1:]],
                          "rows_per_s_between": round(between), "rows_per_s_during": round(during), "ratio": round(during / between, 3),
                          "longest_pause_ms": longest_pause(inside)}), flush=True)
    finally:
        node.kill()
        shutil.rmtree(folder)


main()
