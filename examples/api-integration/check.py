#!/usr/bin/env python3
"""Decides on the orders again in plain Python, and compares with what a follower of the server-sent events and of the mails gets.

  check.py --bootstrap 127.0.0.1:9092 --http http://127.0.0.1:8080 --postgres 'host=.. port=.. user=postgres dbname=postgres' --show 5"""
import dataclasses
import itertools
import os
import sys
from decimal import Decimal

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from follow import follow  # noqa: E402
from stage import results  # noqa: E402


@dataclasses.dataclass
class AsFollowed:
    """What a follower gets that connects now and wants all from the beginning."""
    topic: str
    columns: list

    def rows(self, world):
        events = itertools.islice(follow(world.http, self.topic, "earliest"), len(world.messages(self.topic)))
        return [tuple(Decimal(str(event["value"][name])) if name == "amount" else event["value"][name] for name in self.columns)
                for event in events]


RESULTS = {
    "order_decisions": AsFollowed("order-decisions", ["order_id", "decision", "reason", "customer_id", "tier", "amount"]),
    "mails": results.InTopic("mails", ["recipient", "subject", "body"]),
}
SUBJECTS = {"accepted": "Your order {}", "review": "We look at your order {}", "rejected": "We cannot take your order {}"}

STANDS = {"accepted": "on its way", "review": "being looked at", "rejected": "not possible"}


def decide(order, customer):
    if customer is None:
        return "none", "rejected", "no such customer"
    if customer["blocked"]:
        return customer["tier"], "rejected", "customer is blocked"
    if order["amount"] > customer["credit_limit"] and customer["tier"] != "gold":
        return customer["tier"], "review", f"above the limit of {customer['credit_limit']}"
    return customer["tier"], "accepted", None


def expected(world):
    columns = ["id", "name", "email", "tier", "credit_limit", "blocked"]
    customers = {row[0]: dict(zip(columns, row)) for row in results.InPostgres("customers", columns).rows(world)}
    decisions, mails = [], []
    for order in world.values("orders"):
        customer, order_id = customers.get(order["customer_id"]), order["order_id"]
        order["amount"] = Decimal(order["amount"]).quantize(Decimal("0.01"))
        tier, decision, reason = decide(order, customer)
        decisions.append((order_id, decision, reason, order["customer_id"], tier, order["amount"]))
        if customer and customer["email"]:
            body = f"Dear {customer['name']}, your order of {order['amount']} EUR is {STANDS[decision]}{': ' + reason if reason else ''}."
            mails.append((customer["email"], SUBJECTS[decision].format(order_id), body))
    return {"order_decisions": decisions, "mails": mails}


if __name__ == "__main__":
    results.main(RESULTS, expected, __doc__)
