#!/usr/bin/env python3
"""A topic of JSON rows into Parquet files, by Mainstem and by a real Apache Flink (its Kafka connector and filesystem sink) in one run: rows per CPU second. Both read
the same topic, of a node's log; ours is the CPU time of that whole node while its job runs, Flink's that of JobManager and TaskManager (what the node does for Flink's
fetches is not counted). Both write the same columns with SNAPPY, exactly once, with a checkpoint every 10 s (ours: every second). Afterwards both tables are
compared. Prints one JSON line. Usage: bench/sinks/parquet_flink.py [--rows N] [--rounds N]"""
import argparse
import json
import os
import statistics
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path[:0] = [os.path.join(ROOT, "tests/integration"), os.path.join(ROOT, "bench/flink")]
import flink as flink_peer  # noqa: E402
import pyarrow.compute  # noqa: E402
import pyarrow.dataset  # noqa: E402
import support  # noqa: E402

COLUMNS = "k STRING, n BIGINT, amount DECIMAL(10, 2), `at` TIMESTAMP(3), part STRING"


def topic(address, columns=COLUMNS, more=""):
    return f"({columns}) WITH ('connector' = 'kafka', 'topic' = 'rows', 'properties.bootstrap.servers' = '{address}', 'format' = 'json'{more})"


def make_rows(node, count):
    """`count` rows, all values a function of the number."""
    node.cli("topic", "create", "rows", "--partitions", "1")
    results, error = node.results(f"""
        CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'fields.n.kind' = 'sequence', 'fields.n.start' = '0', 'fields.n.end' = '{count - 1}',
          'rows-per-second' = '100000000');
        CREATE TABLE made {topic(node.kafka)};
        INSERT INTO made SELECT CONCAT('p0-', CAST(MOD(n * 7919, 1000003) AS STRING)), n, CAST(MOD(n * 104729, 100000) AS DECIMAL(10, 2)) / 100,
          CAST(TO_TIMESTAMP_LTZ(1767225600000 + n, 3) AS TIMESTAMP(3)), CONCAT('d/', CAST(MOD(n, 3) AS STRING)) FROM numbers;""", timeout=1800)
    assert error is None, error


def script(address, out, settings):
    """The job, the same text for both."""
    bounded = ", 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset'"
    return "".join(f"SET '{key}' = '{value}';\n" for key, value in settings.items()) + f"""
        CREATE TEMPORARY TABLE source {topic(address, more=bounded)};
        CREATE TEMPORARY TABLE target ({COLUMNS}) WITH ('connector' = 'filesystem', 'path' = 'file://{out}', 'format' = 'parquet');
        INSERT INTO target SELECT * FROM source;"""


def cpu_of(process):
    fields = open(f"/proc/{process.pid}/stat").read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / flink_peer.HZ


def content(folder):
    """What tells two tables of these rows apart."""
    table = pyarrow.dataset.dataset(folder, format="parquet", ignore_prefixes=[".", "_"]).to_table(columns=["k", "n", "amount", "at", "part"])
    number = pyarrow.compute
    return {"rows": table.num_rows, "n": number.sum(table["n"]).as_py(), "distinct": number.count_distinct(table["n"]).as_py(),
            "amount": str(number.sum(table["amount"]).as_py()), "at": str(number.max(table["at"]).as_py()).split(".")[0],
            "k": number.count_distinct(table["k"]).as_py(), "part": number.count_distinct(table["part"]).as_py()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    flink_peer.fetch_parquet()
    folder = tempfile.mkdtemp(prefix="mainstem-bench-parquet-")
    node = support.Node(folder, {"memory": "1GB"})
    node.start()
    cluster = flink_peer.Flink(folder + "/flink", jars=flink_peer.parquet_jars())
    cluster.start()
    try:
        make_rows(node, options.rows)
        ours, theirs, tables = [], [], {}
        settings = {"execution.checkpointing.interval": "10 s", "parallelism.default": "1"}
        for number in range(options.rounds + 1):  # the first is for Flink's compiler, and ours the same
            before = cpu_of(node.process)
            _, error = node.results(script(node.kafka, f"{folder}/ours-{number}", {"parallelism.default": "1"}), timeout=1800)
            assert error is None, error
            ours.append(cpu_of(node.process) - before)
            theirs.append(cluster.run(script(node.kafka, f"{folder}/theirs-{number}", settings)))
            tables = {name: content(f"{folder}/{name}-{number}") for name in ("ours", "theirs")}
            assert tables["ours"] == tables["theirs"] and tables["ours"]["rows"] == options.rows, tables
        mine, other = options.rows / statistics.median(ours[1:]), options.rows / statistics.median(theirs[1:])
        print(json.dumps({"bench": "topic_to_parquet", "rows": options.rows, "rounds": options.rounds, "mainstem_cpu_s": [round(s, 2) for s in ours],
                          "flink_cpu_s": [round(s, 2) for s in theirs], "rows_per_cpu_second": round(mine), "flink_rows_per_cpu_second": round(other),
                          "times_flink": round(mine / other, 1), "load": os.getloadavg()[0]}))
    finally:
        cluster.stop()
        node.kill()
        support.remove(folder)


if __name__ == "__main__":
    main()
