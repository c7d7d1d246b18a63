#!/usr/bin/env python3
"""Computes the tables of pipeline.sql again, in plain Python from the log file, and compares them row for row with what arrived in
the topics (read over HTTP) and in the Parquet files. Ends with 1 and the differing rows when they are not equal.

  check.py --log access.log.gz --http http://127.0.0.1:8080 --files OUT"""
import argparse
import collections
import datetime
import gzip
import json
import re
import sys
import urllib.request

import pyarrow.dataset

LINE = re.compile(r'(\S+) \S+ \S+ \[([^\]]+)\] "(\S+) (\S+)[^"]*" (\d+) (\S+)(?: "[^"]*" "([^"]*)"?)?')
ROBOT = ("bot", "crawl", "spider", "slurp", "feed", "curl", "wget")


def read_log(path):
    opened = gzip.open(path, "rt", encoding="utf-8", errors="replace") if path.endswith(".gz") else open(path, encoding="utf-8", errors="replace")
    with opened as lines:
        for line in lines:
            match = LINE.match(line)
            if not match:
                sys.exit(f"not a line of an access log: {line!r}")
            ip, ts, method, path, status, size, agent = match.groups()
            when = datetime.datetime.strptime(ts, "%d/%b/%Y:%H:%M:%S %z").astimezone(datetime.timezone.utc).replace(tzinfo=None)
            agent = None if agent in (None, "-") else agent
            visitor = "unknown" if agent is None else "robot" if any(word in agent.lower() for word in ROBOT) else "person"
            yield {"ip": ip, "ts": when, "method": method, "page": path.split("?")[0], "status": int(status),
                   "bytes": None if size == "-" else int(size), "visitor": visitor}


def total(rows):
    sizes = [row["bytes"] for row in rows if row["bytes"] is not None]
    return sum(sizes) if sizes else None


def grouped(rows, key):
    groups = collections.defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def expected(rows):
    def hour(row):
        return row["ts"].replace(minute=0, second=0)

    def day(row):
        return row["ts"].replace(hour=0, minute=0, second=0)

    def addresses(group):
        return len({row["ip"] for row in group})

    pages = grouped([row for row in rows if row["method"] == "GET" and row["status"] == 200], lambda row: (day(row), row["page"]))
    return {
        "requests-per-hour": [(h, status, len(g), total(g)) for (h, status), g in grouped(rows, lambda r: (hour(r), r["status"])).items()],
        "top-pages": [(d, page, len(g), addresses(g)) for (d, page), g in pages.items() if len(g) >= 10],
        "visitors": [(d, v, len(g), addresses(g), total(g)) for (d, v), g in grouped(rows, lambda r: (day(r), r["visitor"])).items()],
    }


def read_topic(http, topic, columns):
    rows, position = [], "earliest"
    while True:
        with urllib.request.urlopen(f"{http}/v1/topics/{topic}/events?from={position}&limit=1000", timeout=30) as response:
            page = json.load(response)
        if not page["events"]:
            return rows
        for event in page["events"]:
            value = event["value"]
            rows.append((datetime.datetime.fromisoformat(value[columns[0]]), *(value[name] for name in columns[1:])))
        position = page["next"]


def compare(name, want, got):
    want, got = collections.Counter(want), collections.Counter(got)
    missing, surplus = want - got, got - want
    for row in sorted(missing, key=str)[:5]:
        print(f"{name}: missing {row}")
    for row in sorted(surplus, key=str)[:5]:
        print(f"{name}: not expected {row}")
    print(f"{name}: {sum(want.values())} rows, {'equal' if not missing and not surplus else 'NOT EQUAL'}")
    return not missing and not surplus


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--log", required=True)
    parser.add_argument("--http", required=True)
    parser.add_argument("--files", required=True)
    options = parser.parse_args()
    want = expected(list(read_log(options.log)))
    files = pyarrow.dataset.dataset(options.files + "/top-pages", format="parquet").to_table().to_pylist()
    got = {
        "requests-per-hour": read_topic(options.http, "requests-per-hour", ["hour_start", "status", "requests", "bytes_sent"]),
        "top-pages": [(row["day_start"], row["page"], row["requests"], row["visitors"]) for row in files],
        "visitors": read_topic(options.http, "visitors", ["day_start", "visitor", "requests", "addresses", "bytes_sent"]),
    }
    sys.exit(0 if all([compare(name, want[name], got[name]) for name in want]) else 1)


if __name__ == "__main__":
    main()
