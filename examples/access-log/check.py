#!/usr/bin/env python3
"""Computes the tables of pipeline.sql again, in plain Python from the log file, and compares them row for row with what arrived in
the topics (read over HTTP) and in the Parquet files. Ends with 1 and the differing rows when they are not equal.

  check.py --log access.log.gz --http http://127.0.0.1:8080 --files OUT"""
import argparse
import collections
import datetime
import gzip
import json
import sys
import urllib.request

import pyarrow.dataset

ROBOT = ("bot", "crawl", "spider", "slurp", "feed", "curl", "wget")


def words(text):
    """The words of a line after its time; one in quotes counts as one, with \" inside. One that does not end is (text, False)."""
    at = 0
    while at < len(text):
        if text[at] == " ":
            at += 1
        elif text[at] == '"':
            end = at + 1
            while end < len(text) and text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            yield text[at + 1:end], end < len(text)
            at = end + 1
        else:
            end = text.find(" ", at) if " " in text[at:] else len(text)
            yield text[at:end], True
            at = end


def parse(line):
    """The fields of a line, by hand and not by the pattern of pipeline.sql; None when it is no line of an access log."""
    ip, _, rest = line.rstrip("\n").partition(" ")
    ts, bracket, rest = rest.partition("[")[2].partition("]")
    found = list(words(rest))
    if not bracket or len(found) < 3 or not found[0][1] or not found[1][0].isdigit():
        return None
    (request, _), (status, _), (size, _) = found[:3]
    when = datetime.datetime.strptime(ts, "%d/%b/%Y:%H:%M:%S %z").astimezone(datetime.timezone.utc).replace(tzinfo=None)
    parts = request.split(" ")
    sent = len(parts) > 1 and parts[0].isascii() and parts[0].isalpha() and parts[0].isupper() and parts[1] != ""
    agent = found[4][0] if len(found) > 4 and found[3][1] else None
    agent = None if agent == "-" else agent
    visitor = "unknown" if agent is None else "robot" if any(word in agent.lower() for word in ROBOT) else "person"
    return {"ip": ip, "ts": when, "method": parts[0] if sent else None, "page": parts[1].split("?")[0] if sent else None, "status": int(status),
            "bytes": None if size == "-" else int(size), "visitor": visitor}


def read_log(path):
    """All rows, and how many lines are no lines of an access log."""
    opened = gzip.open(path, "rt", encoding="utf-8", errors="replace") if path.endswith(".gz") else open(path, encoding="utf-8", errors="replace")
    with opened as lines:
        parsed = [parse(line) for line in lines if line.strip()]
    rows = [row for row in parsed if row]
    return rows, len(parsed) - len(rows)


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


def set_aside(http):
    """Records in the quarantine of the newest job of this name."""
    with urllib.request.urlopen(f"{http}/api/v1/topics", timeout=30) as response:
        topics = json.load(response)["topics"]
    return sum(topic["records"] for topic in topics if topic["name"].startswith("__mainstem.quarantine.access-log"))


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
    rows, strange = read_log(options.log)
    want = expected(rows)
    files = pyarrow.dataset.dataset(options.files + "/top-pages", format="parquet").to_table().to_pylist()
    got = {
        "requests-per-hour": read_topic(options.http, "requests-per-hour", ["hour_start", "status", "requests", "bytes_sent"]),
        "top-pages": [(row["day_start"], row["page"], row["requests"], row["visitors"]) for row in files],
        "visitors": read_topic(options.http, "visitors", ["day_start", "visitor", "requests", "addresses", "bytes_sent"]),
    }
    aside = set_aside(options.http)
    if aside or strange:
        print(f"set aside: {strange} lines, {'equal' if aside == strange else f'NOT EQUAL: the job kept {aside}'}")
    sys.exit(0 if aside == strange and all([compare(name, want[name], got[name]) for name in want]) else 1)


if __name__ == "__main__":
    main()
