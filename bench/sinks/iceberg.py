#!/usr/bin/env python3
"""How long a commit of the sink `iceberg` takes where the store's latency is next to nothing: a hadoop catalog on the local disk, 1,000 rows and more in each commit,
maintenance on. The time of many commits less that of few, for each of those between. Prints one JSON line. Usage: bench/sinks/iceberg.py [--flushes N] [--rounds N]"""
import argparse
import json
import os
import sys
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path[:0] = [os.path.join(ROOT, "tests/integration"), os.path.join(ROOT, "tests/integration/sink")]
import driver as sink  # noqa: E402
import lake_readers as readers  # noqa: E402
import support  # noqa: E402


def run_of(flushes):
    """(seconds, commits): those of the maintenance count, too."""
    folder = tempfile.mkdtemp(prefix="mainstem-bench-iceberg-")
    table = {"connector": "iceberg", "catalog-type": "hadoop", "warehouse": os.path.join(folder, "wh"), "sink.commit-interval": "1 ms"}
    arguments = ["--append", "--records", flushes, "--rows", 1000, "--keys", 1_000_000_000, "--flush-every", 1]
    begin = time.monotonic()
    sink.Driver(folder, table, arguments).finish(600)
    seconds = time.monotonic() - begin
    newest = readers.local_table(os.path.join(folder, "wh"))
    assert int(newest.current_snapshot().summary["total-records"]) == flushes * 1000
    commits = newest.metadata.last_sequence_number
    support.remove(folder)
    return seconds, commits


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flushes", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    short = min(run_of(20) for _ in range(options.rounds))
    long = min(run_of(options.flushes) for _ in range(options.rounds))
    commits = long[1] - short[1]
    print(json.dumps({"bench": "sink_iceberg_commit", "commits": commits, "rounds": options.rounds,
                      "milliseconds_per_commit": round((long[0] - short[0]) * 1000 / commits, 1)}))


if __name__ == "__main__":
    main()
