#!/usr/bin/env python3
"""Computes the alerts again, card by card in plain Python from the topics `payments` and `card-rules`, and compares.

  check.py --bootstrap 127.0.0.1:9092 --show 5"""
import collections
import datetime
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from decimal import Decimal  # noqa: E402

from stage import results  # noqa: E402

RESULTS = {
    "fraud_alerts": results.InTopic("fraud-alerts", ["at_time", "rule", "card", "payment_id", "amount", "reason"]),
    "suspected_cards": results.InUpsertTopic("suspected-cards", ["card", "alerts", "first_alert", "last_alert"]),
}
MINUTE = datetime.timedelta(minutes=1)


def rule_at(rules, payment):
    valid = [rule for rule in rules if rule["card_class"] == payment["card_class"] and rule["valid_from"] <= payment["ts"]]
    return max(valid, key=lambda rule: rule["valid_from"]) if valid else None


def card_testing(payments):
    """A big charge: how many tiny ones stand directly before it, none of them ten minutes old?"""
    for at, payment in enumerate(payments):
        if payment["amount"] < Decimal(payment["rule"]["big_charge_min"]):
            continue
        probes, before = 0, at - 1
        while before >= 0 and payments[before]["amount"] <= Decimal(payments[before]["rule"]["test_charge_max"]) \
                and payment["ts"] - payments[before]["ts"] < 10 * MINUTE:
            probes, before = probes + 1, before - 1
        if probes >= 3:
            yield payment, f"{probes} test charges, then a big one at {payment['merchant']}"


def impossible_travel(payments):
    present = [payment for payment in payments if payment["card_present"]]
    for here, there in zip(present, present[1:]):
        lat, lon = float(there["lat"]) - float(here["lat"]), float(there["lon"]) - float(here["lon"])
        km = 111.2 * math.hypot(lat, lon * math.cos(math.radians(float(here["lat"]))))
        seconds = int((there["ts"] - here["ts"]).total_seconds())
        if km > there["rule"]["max_speed_kmh"] * (seconds + 60) / 3600 and there["ts"] - here["ts"] < 720 * MINUTE:
            yield there, f"{math.floor(km)} km in {seconds // 60} min"


def spending_sprees(payments):
    for payment in payments:
        hour = [p for p in payments if payment["ts"] - 60 * MINUTE <= p["ts"] <= payment["ts"]]
        spent, limit = sum(p["amount"] for p in hour), Decimal(payment["rule"]["hourly_limit"])
        if spent > limit >= spent - payment["amount"]:
            yield payment, f"{spent:.2f} in an hour, in {len(hour)} payments"


def expected(world):
    rules = world.values("card-rules")
    cards = collections.defaultdict(list)
    for payment in world.values("payments"):
        payment["amount"], payment["rule"] = Decimal(payment["amount"]), rule_at(rules, payment)
        if payment["rule"]:
            cards[payment["card"]].append(payment)
    alerts, suspected = [], []
    for card, payments in cards.items():
        payments.sort(key=lambda payment: payment["ts"])
        found = [(payment["ts"], rule, card, payment["payment_id"], payment["amount"], reason)
                 for rule, search in (("card-testing", card_testing), ("impossible-travel", impossible_travel), ("spending-spree", spending_sprees))
                 for payment, reason in search(payments)]
        alerts += found
        if found:
            suspected.append((card, len(found), min(found)[0], max(found)[0]))
    return {"fraud_alerts": alerts, "suspected_cards": suspected}


if __name__ == "__main__":
    results.main(RESULTS, expected, __doc__)
