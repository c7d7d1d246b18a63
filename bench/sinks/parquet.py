#!/usr/bin/env python3
"""The sink `filesystem` into Parquet beside Arrow's own writer (pyarrow, one thread) with the same rows, compression and files: CPU seconds, of ours without those that
making the rows takes. Prints one JSON line. Usage: bench/sinks/parquet.py [--rows N] [--rounds N]"""
import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path[:0] = [os.path.join(ROOT, "tests/integration"), os.path.join(ROOT, "tests/integration/sink")]
import driver as sink  # noqa: E402
import support  # noqa: E402

ROWS_PER_RECORD = 1000
ARROW = """
import glob, resource, sys
import pyarrow as pa, pyarrow.parquet as pq
pa.set_cpu_count(1)
tables = [pq.read_table(name, use_threads=False) for name in sorted(glob.glob(sys.argv[1] + "/part-*.parquet"))]
before = resource.getrusage(resource.RUSAGE_SELF)
for number, table in enumerate(tables):
    pq.write_table(table, f"{sys.argv[2]}/{number}.parquet", compression="snappy")
after = resource.getrusage(resource.RUSAGE_SELF)
print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
"""


def cpu_of(run):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    arguments = ["--append", "--records", options.rows // ROWS_PER_RECORD, "--rows", ROWS_PER_RECORD, "--keys", 1_000_000_000, "--flush-every", 100]
    ours, making, arrow = [], [], []
    for _ in range(options.rounds):
        folder = tempfile.mkdtemp(prefix="mainstem-bench-parquet-")
        out, beside = os.path.join(folder, "t"), os.path.join(folder, "arrow")
        os.mkdir(beside)
        table = {"connector": "filesystem", "path": out, "format": "parquet"}
        making.append(cpu_of(lambda: sink.Driver(folder, table, ["--make-only", *arguments]).finish(600)))
        ours.append(cpu_of(lambda: sink.Driver(folder, table, arguments).finish(600)))
        run = subprocess.run([sys.executable, "-c", ARROW, out, beside], capture_output=True, text=True, check=True)
        arrow.append(float(run.stdout))
        support.remove(folder)
    mine = min(ours) - min(making)
    print(json.dumps({"bench": "sink_parquet", "rows": options.rows, "rounds": options.rounds, "cpu_seconds": round(mine, 2), "making_the_rows": round(min(making), 2),
                      "arrow_cpu_seconds": round(min(arrow), 2), "times_arrow": round(mine / min(arrow), 2), "rows_per_cpu_second": round(options.rows / mine)}))


if __name__ == "__main__":
    main()
