#!/usr/bin/env python3
"""Recomputes what pipeline.sql should have made, in plain Python from the events in the topic `clicks`, and compares it, row for
row, with what arrived in PostgreSQL, in the topics and in the Parquet files. For a bounded run (./run --once).

  check.py --bootstrap 127.0.0.1:9092 --postgres 'host=127.0.0.1 port=5432 user=postgres dbname=postgres' --files OUT"""
import argparse
import collections
import datetime
import decimal
import json
import os
import sys

import psycopg2
import pyarrow.dataset

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from stage.results import World  # noqa: E402


def read_topic(bootstrap, topic):
    world = World(bootstrap, http=None, postgres=None, files=None)
    return [json.loads(message.value()) for message in world.raw_messages(topic)]


def floor(ts, seconds):
    base = datetime.datetime(1970, 1, 1)
    return base + datetime.timedelta(seconds=(ts - base) // datetime.timedelta(seconds=seconds) * seconds)


def text(ts):
    """As Flink's JSON format writes a TIMESTAMP(3): without zeros at the end."""
    out = ts.strftime("%Y-%m-%d %H:%M:%S")
    return out + (f".{ts.microsecond // 1000:03}".rstrip("0") if ts.microsecond else "")


def expected(clicks):
    views, visitors = collections.Counter(), collections.defaultdict(set)
    totals, revenue = collections.Counter(), collections.Counter()
    funnel = collections.defaultdict(lambda: {"view": set(), "cart": set(), "order": set(), "revenue": decimal.Decimal(0)})
    requests, errors = collections.Counter(), collections.Counter()
    for click in clicks:
        ts = datetime.datetime.fromisoformat(click["ts"])
        minute, ten = floor(ts, 60), floor(ts, 10)
        amount = decimal.Decimal(click["amount"]) if click["amount"] is not None else None
        if click["type"] == "view":
            views[minute, click["page"]] += 1
            visitors[minute, click["page"]].add(click["session"])
        totals[click["type"]] += 1
        funnel[ten][click["type"]].add(click["session"])
        if amount is not None:
            revenue[click["type"]] += amount
            funnel[ten]["revenue"] += amount
        requests[ten, click["page"]] += 1
        errors[ten, click["page"]] += click["status"] >= 500
    return {
        "page_views": sorted((minute, page, count, len(visitors[minute, page])) for (minute, page), count in views.items()),
        "click_totals": sorted((kind, count, revenue.get(kind)) for kind, count in totals.items()),
        "funnel": sorted((text(ten), len(f["view"]), len(f["cart"]), len(f["order"]), float(f["revenue"])) for ten, f in funnel.items()),
        "error_bursts": sorted((text(ten), page, count, requests[ten, page]) for (ten, page), count in errors.items() if count >= 5),
        "archive": sorted(click["event_id"] for click in clicks),
    }


def actual(options):
    with psycopg2.connect(options.postgres) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT at_minute, page, view_count, visitors FROM page_views")
        page_views = sorted(cursor.fetchall())
        cursor.execute("SELECT type, clicks, revenue FROM click_totals")
        click_totals = sorted(cursor.fetchall())
    files = pyarrow.dataset.dataset(options.files + "/clicks", format="parquet").to_table(columns=["event_id"])
    return {
        "page_views": page_views,
        "click_totals": click_totals,
        "funnel": sorted((r["window_start"], r["viewers"], r["carts"], r["orders"], float(r["revenue"]))
                         for r in read_topic(options.bootstrap, "funnel")),
        "error_bursts": sorted((r["window_start"], r["page"], r["errors"], r["requests"]) for r in read_topic(options.bootstrap, "error-bursts")),
        "archive": sorted(files.column("event_id").to_pylist()),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--postgres", required=True)
    parser.add_argument("--files", required=True)
    options = parser.parse_args()
    want, got = expected(read_topic(options.bootstrap, "clicks")), actual(options)
    wrong = 0
    for name in want:
        if want[name] == got[name]:
            print(f"  right: {name} ({len(got[name])} rows)")
            continue
        wrong += 1
        missing = [row for row in want[name] if row not in set(got[name])][:3]
        extra = [row for row in got[name] if row not in set(want[name])][:3]
        print(f"  WRONG: {name}: {len(got[name])} rows, {len(want[name])} expected; missing {missing}, too many {extra}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
