#!/usr/bin/env python3
"""Replays the change events in plain Python, joins the rows that are left, and compares with PostgreSQL, Parquet and the quarantine.

  check.py --bootstrap 127.0.0.1:9092 --postgres 'host=.. port=.. user=postgres dbname=postgres' --files OUT --show 5"""
import collections
import datetime
import json
import os
import re
import sys
from decimal import Decimal

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from stage import results  # noqa: E402

KNOWN = ("placed", "paid", "shipped", "returned")
RESULTS = {
    "order_facts": results.InPostgres("order_facts", ["order_id", "ordered_at", "status", "customer", "email", "country", "amount", "paid", "payments"]),
    "revenue_by_country": results.InPostgres("revenue_by_country", ["country", "orders", "revenue"]),
    "payment_archive": results.InParquet("payments", ["payment_id", "order_id", "amount", "paid_at", "paid_on"]),
    "quarantine": results.InQuarantine("streaming-etl", ["stage", "records"]),
}


def replay(world, table):
    """The rows of a table after all its change events, and how many records are none."""
    rows, broken = {}, 0
    for _, value in world.messages("shop.public." + table):
        try:
            event = json.loads(value, parse_float=Decimal)
            if event["op"] == "d":
                rows.pop(event["before"]["id"], None)
            else:
                rows[event["after"]["id"]] = event["after"]
        except (ValueError, KeyError):
            broken += 1
    return rows, broken


def clean(customer):
    country = customer["country"].strip().upper()
    email = customer["email"]
    return {"name": " ".join(customer["name"].split()),
            "email": email.strip().lower() if re.fullmatch(r".*.@.*.\..*.", email) else None,
            "country": {"GERMANY": "DE", "FRANCE": "FR", "": None}.get(country, country)}


def expected(world):
    customers, _ = replay(world, "customers")
    customers = {key: clean(row) for key, row in customers.items()}
    orders, broken = replay(world, "orders")
    payments = {row["payment_id"]: row for row in world.values("payments")}
    paid = collections.defaultdict(list)
    for payment in payments.values():
        paid[payment["order_id"]].append(Decimal(payment["amount"]))
    nobody = {"name": None, "email": None, "country": None}
    facts, revenue, refused = [], collections.defaultdict(list), 0
    for order in orders.values():
        customer, amount = customers.get(order["customer_id"], nobody), Decimal(order["amount"])
        ordered_at = datetime.datetime.fromtimestamp(order["ordered_at"] / 1e6, datetime.timezone.utc)
        if order["status"] in ("paid", "shipped"):
            revenue[customer["country"] or "unknown"].append(amount)
        if order["status"] in KNOWN:
            facts.append((order["id"], ordered_at, order["status"], customer["name"], customer["email"], customer["country"], amount,
                          sum(paid[order["id"]]), len(paid[order["id"]])))
        else:
            refused += 1
    return {
        "order_facts": facts,
        "revenue_by_country": [(country, len(amounts), sum(amounts)) for country, amounts in revenue.items()],
        "payment_archive": [(p["payment_id"], p["order_id"], Decimal(p["amount"]), p["paid_at"], f"{p['paid_at']:%Y-%m-%d}")
                            for p in payments.values()],
        "quarantine": [("decode", broken), ("deliver", refused)],
    }


if __name__ == "__main__":
    results.main(RESULTS, expected, __doc__)
