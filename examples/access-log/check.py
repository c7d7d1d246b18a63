#!/usr/bin/env python3
"""Recounts an access log in plain Python and compares, row for row, with what pipeline.sql wrote. Usage: check.py LOG OUT"""
import collections
import datetime
import glob
import gzip
import json
import re
import sys

import pyarrow.dataset

LINE = re.compile(r'^(\S+) \S+ \S+ \[([^\]]+)\] "(\S+) (\S+)[^"]*" (\d{3}) (\d+|-)(?: "([^"]*)" "(.*?)"?)?\s*$')
ROBOT = re.compile("bot|crawl|spider|slurp|feed|monitor")


def read(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8", errors="surrogateescape") as f:
        for line in f:
            match = LINE.match(line.rstrip("\n"))
            if match:
                host, time, method, page, status, size, _, agent = match.groups()
                yield (host, datetime.datetime.strptime(time, "%d/%b/%Y:%H:%M:%S %z").astimezone(datetime.timezone.utc), method, page,
                       int(status), None if size == "-" else int(size), agent)


def folded(folder):
    """A changelog of Debezium's JSON, folded to the rows that are left."""
    rows = collections.Counter()
    for path in sorted(glob.glob(folder + "/[!._]*")):
        for line in open(path):
            change = json.loads(line)
            for side, sign in (("before", -1), ("after", 1)):
                if change.get(side):
                    rows[tuple(change[side].values())] += sign
    return sorted(row for row, count in rows.items() for _ in range(count))


def add(total, value):
    return total if value is None else (total or 0) + value


def main():
    log, out = sys.argv[1:3]
    hourly, hourly_bytes = collections.Counter(), {}
    pages, visitors = collections.Counter(), collections.defaultdict(set)
    audience, audience_bytes = collections.Counter(), {}
    for host, time, method, page, status, size, agent in read(log):
        hour = time.replace(minute=0, second=0, microsecond=0, tzinfo=None)
        hourly[hour, status] += 1
        hourly_bytes[hour, status] = add(hourly_bytes.get((hour, status)), size)
        if status == 200 and method == "GET":
            pages[page] += 1
            visitors[page].add(host)
        who = "robots" if agent is not None and ROBOT.search(agent.lower()) else "people"
        audience[who] += 1
        audience_bytes[who] = add(audience_bytes.get(who), size)
    table = pyarrow.dataset.dataset(out + "/hourly", format="parquet").to_table().to_pylist()
    comparisons = {
        "hourly": (sorted((h, s, n, hourly_bytes[h, s] or -1) for (h, s), n in hourly.items()),
                   sorted((r["hour_start"], r["status"], r["requests"], r["bytes"] or -1) for r in table)),
        "pages": (sorted((p, n, len(visitors[p])) for p, n in pages.items()), folded(out + "/pages")),
        "audience": (sorted((w, n, audience_bytes[w]) for w, n in audience.items()), folded(out + "/audience")),
    }
    wrong = 0
    for name, (want, got) in comparisons.items():
        if want == got:
            print(f"  right: {name} ({len(got)} rows)")
        else:
            wrong += 1
            print(f"  WRONG: {name}: {len(got)} rows, {len(want)} expected; missing {[r for r in want if r not in got][:3]}, "
                  f"too many {[r for r in got if r not in want][:3]}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
