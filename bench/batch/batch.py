#!/usr/bin/env python3
"""What streaming costs beside a batch engine: queries over nexmark's bids and auctions, read from the same Parquet files, by `mainstem run` (append-only
plans and updating ones, sink blackhole) and by DuckDB with one thread (hot: each query once before it counts). CPU seconds of the whole process of ours, its
start included, and of the query alone of DuckDB's. `--check` compares the final tables. Prints a Markdown table."""
import argparse
import collections
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile

import duckdb

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "bench", "nexmark"))
from make_events import make_events  # noqa: E402

BINARY = os.environ.get("MAINSTEM_BINARY", os.path.join(ROOT, "build/src/cli/mainstem"))

TABLES = """
CREATE TABLE bid (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, `ts` TIMESTAMP(3),
  WATERMARK FOR `ts` AS `ts` - INTERVAL '4' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DIR}/bid.parquet', 'format' = 'parquet');
CREATE TABLE auction (id BIGINT, category BIGINT, seller BIGINT, reserve BIGINT, `ts` TIMESTAMP(3),
  WATERMARK FOR `ts` AS `ts` - INTERVAL '4' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DIR}/auction.parquet', 'format' = 'parquet');
"""

# name, whether rows are taken back on the way, ours, DuckDB's (None: the same text)
QUERIES = [
    ("filter and compute", False, "SELECT auction, bidder, price * 908 / 1000 AS euro FROM bid WHERE MOD(auction, 123) = 0",
     "SELECT auction, bidder, price * 908 // 1000 AS euro FROM bid WHERE auction % 123 = 0"),
    ("TUMBLE 10 s, by auction", False,
     "SELECT auction, COUNT(*) AS n, MAX(price) AS best, window_start AS s FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`ts`), INTERVAL '10' SECOND)) "
     "GROUP BY auction, window_start, window_end",
     "SELECT auction, COUNT(*) AS n, MAX(price) AS best, time_bucket(INTERVAL 10 SECOND, ts) AS s FROM bid GROUP BY ALL"),
    ("TUMBLE 1 min, distinct bidders by channel", False,
     "SELECT channel, COUNT(DISTINCT bidder) AS n, window_start AS s FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`ts`), INTERVAL '1' MINUTE)) "
     "GROUP BY channel, window_start, window_end",
     "SELECT channel, COUNT(DISTINCT bidder) AS n, time_bucket(INTERVAL 1 MINUTE, ts) AS s FROM bid GROUP BY ALL"),
    ("window join of two TUMBLEs", False,
     "SELECT a.auction, a.n, b.n AS big FROM (SELECT auction, COUNT(*) AS n, window_start, window_end FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`ts`), "
     "INTERVAL '10' SECOND)) GROUP BY auction, window_start, window_end) a JOIN (SELECT auction, COUNT(*) AS n, window_start, window_end FROM "
     "TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`ts`), INTERVAL '10' SECOND)) WHERE price > 100000 GROUP BY auction, window_start, window_end) b "
     "ON a.auction = b.auction AND a.window_start = b.window_start AND a.window_end = b.window_end",
     "WITH a AS (SELECT auction, COUNT(*) AS n, time_bucket(INTERVAL 10 SECOND, ts) AS s FROM bid GROUP BY ALL), b AS (SELECT auction, COUNT(*) AS n, "
     "time_bucket(INTERVAL 10 SECOND, ts) AS s FROM bid WHERE price > 100000 GROUP BY ALL) SELECT a.auction, a.n, b.n AS big FROM a JOIN b USING (auction, s)"),
    ("join of bids and auctions", False, "SELECT b.auction, b.price, a.category FROM bid b JOIN auction a ON b.auction = a.id WHERE a.category = 10", None),
    ("GROUP BY auction", True, "SELECT auction, COUNT(*) AS n, SUM(price) AS total, MIN(price) AS least FROM bid GROUP BY auction", None),
    ("distinct bidders by channel", True, "SELECT channel, COUNT(DISTINCT bidder) AS n FROM bid GROUP BY channel", None),
    ("average of a join, by category", True,
     "SELECT a.category, COUNT(*) AS n, MAX(b.price) AS best FROM bid b JOIN auction a ON b.auction = a.id GROUP BY a.category", None),
    ("last bid of each bidder", True,
     "SELECT bidder, auction, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder ORDER BY `ts` DESC, price DESC, auction) AS r FROM bid) WHERE r = 1",
     "SELECT bidder, auction, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder ORDER BY ts DESC, price DESC, auction) AS r FROM bid) WHERE r = 1"),
    ("ten best bids of each auction", True,
     "SELECT auction, bidder, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC, bidder, `ts`) AS r FROM bid) WHERE r <= 10",
     "SELECT auction, bidder, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC, bidder, ts) AS r FROM bid) WHERE r <= 10"),
]


def make_files(folder, events):
    make_events(events, folder + "/events.jsonl")
    con = duckdb.connect()
    con.execute(f"CREATE TABLE e AS SELECT * FROM read_json('{folder}/events.jsonl', format = 'newline_delimited')")
    con.execute(f"""COPY (SELECT bid.auction, bid.bidder, bid.price, bid.channel, bid.url, CAST(bid."dateTime" AS TIMESTAMP_MS) AS ts FROM e
                    WHERE event_type = 2) TO '{folder}/bid.parquet' (FORMAT parquet)""")
    con.execute(f"""COPY (SELECT auction.id, auction.category, auction.seller, auction.reserve, CAST(auction."dateTime" AS TIMESTAMP_MS) AS ts FROM e
                    WHERE event_type = 1) TO '{folder}/auction.parquet' (FORMAT parquet)""")
    os.remove(folder + "/events.jsonl")


def cpu(who):
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def run_ours(folder, query, sink):
    path = folder + "/query.sql"
    with open(path, "w") as file:
        file.write(TABLES.replace("${DIR}", folder) + f"CREATE TABLE outcome WITH ({sink}) AS {query};\n")
    before = cpu(resource.RUSAGE_CHILDREN)
    done = subprocess.run([BINARY, "run", path, "-p", "1", "--memory", "3GB"], capture_output=True, text=True, cwd=folder)
    if done.returncode:
        raise RuntimeError(done.stderr or done.stdout)
    return cpu(resource.RUSAGE_CHILDREN) - before


def duckdb_over(folder):
    con = duckdb.connect(config={"threads": 1})
    for name in ("bid", "auction"):
        con.execute(f"CREATE VIEW {name} AS SELECT * FROM '{folder}/{name}.parquet'")
    return con


def final_rows(folder):
    rows = collections.Counter()
    for base, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        for name in names:
            if name.startswith((".", "_")):
                continue
            for line in open(os.path.join(base, name)):
                change = json.loads(line)
                row = change["after"] if change["op"] == "c" else change["before"]
                rows[tuple(str(value).replace("T", " ") for value in row.values())] += 1 if change["op"] == "c" else -1
    return {row: count for row, count in rows.items() if count}


def text_of(value):
    text = str(value)
    return text[:-3] if "." in text and text.endswith("000") and "-" in text else text


def check(folder):
    con, failed = duckdb_over(folder), 0
    for number, (name, _, ours, theirs) in enumerate(QUERIES):
        out = f"{folder}/out-{number}"
        run_ours(folder, ours, f"'connector' = 'filesystem', 'path' = '{out}', 'format' = 'debezium-json'")
        expected = collections.Counter(tuple(text_of(value) for value in row) for row in con.execute(theirs or ours.replace("`", '"')).fetchall())
        found = final_rows(out)
        same = found == dict(expected)
        failed += not same
        print(f"{'equal' if same else 'DIFFERENT'}: {name}, {len(expected)} rows", flush=True)
        if not same:
            print("  ours only:", list(found.items() - expected.items())[:3], "theirs only:", list(expected.items() - found.items())[:3])
    sys.exit(1 if failed else 0)


def measure(folder, events, rounds):
    con = duckdb_over(folder)
    print(f"| query over {events:,} events | Mainstem, CPU s | DuckDB, CPU s | ratio |\n| --- | --- | --- | --- |")
    for wanted in (False, True):
        for name, retracts, ours, theirs in QUERIES:
            if retracts != wanted:
                continue
            text = theirs or ours.replace("`", '"')
            con.execute(f"CREATE OR REPLACE TEMP TABLE r AS {text}")
            mine, other = [], []
            for _ in range(rounds):
                mine.append(run_ours(folder, ours, "'connector' = 'blackhole'"))
                before = cpu(resource.RUSAGE_SELF)
                con.execute(f"CREATE OR REPLACE TEMP TABLE r AS {text}")
                other.append(cpu(resource.RUSAGE_SELF) - before)
            a, b = statistics.median(mine), statistics.median(other)
            print(f"| {name}{' (updates)' if retracts else ''} | {a:.2f} | {b:.2f} | {a / b:.1f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mainstem-bench-") as folder:
        make_files(folder, options.events)
        if options.check:
            check(folder)
        measure(folder, options.events, options.rounds)


if __name__ == "__main__":
    main()
