#!/usr/bin/env python3
"""Counts stock, low stock and pairs again from the rows that are left after all changes, and compares.

  check.py --bootstrap 127.0.0.1:9092 --show 5"""
import collections
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from stage import results  # noqa: E402

RESULTS = {
    "stock": results.InUpsertTopic("stock", ["sku", "delivered", "ordered", "available"]),
    "low_stock": results.InUpsertTopic("low-stock", ["sku", "name", "available", "reorder_level"]),
    "recommendations": results.InUpsertTopic("recommendations", ["sku", "place", "other_sku", "orders"]),
}


def expected(world):
    lines = {}
    for event in world.values("shop.public.order_lines"):
        row = event["after"] or event["before"]
        lines.pop((row["order_id"], row["sku"]), None)
        if event["op"] != "d":
            lines[row["order_id"], row["sku"]] = row["quantity"]
    delivered, ordered, orders = collections.Counter(), collections.Counter(), collections.defaultdict(set)
    for delivery in world.values("deliveries"):
        delivered[delivery["sku"]] += delivery["quantity"]
    for (order_id, sku), quantity in lines.items():
        ordered[sku] += quantity
        orders[order_id].add(sku)
    together = collections.defaultdict(collections.Counter)
    for skus in orders.values():
        for sku in skus:
            together[sku].update(skus - {sku})
    products = {product["sku"]: product for product in world.newest("products")}
    stock = {sku: delivered[sku] - ordered[sku] for sku in delivered.keys() | ordered.keys()}
    return {
        "stock": [(sku, delivered[sku], ordered[sku], available) for sku, available in stock.items()],
        "low_stock": [(sku, products[sku]["name"], available, products[sku]["reorder_level"]) for sku, available in stock.items()
                      if available < products[sku]["reorder_level"]],
        "recommendations": [(sku, place, other, count) for sku, others in together.items()
                            for place, (other, count) in enumerate(sorted(others.items(), key=lambda pair: (-pair[1], pair[0]))[:3], 1)],
    }


if __name__ == "__main__":
    results.main(RESULTS, expected, __doc__)
