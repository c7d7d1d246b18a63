#!/usr/bin/env python3
"""A shop for outdoor gear: orders that people change and cancel, as change events of its table order_lines, and deliveries.

  traffic.py --bootstrap 127.0.0.1:9092 --once      a bounded input: one day
  traffic.py --bootstrap 127.0.0.1:9092             the last quarter of an hour, then by the clock, until Ctrl-C"""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from stage import player  # noqa: E402
from stage.player import COMPACTED, Record, Topic, sql_time  # noqa: E402

# What people do, and what they buy for it.
TRIPS = {
    "climbing": ["rope-60m", "harness", "chalk-bag", "carabiner", "helmet-c", "quickdraw"],
    "camping": ["tent-2p", "stove", "gas-230", "sleeping-bag", "mat", "headlamp", "cook-set"],
    "cycling": ["helmet-b", "pump", "tube-700c", "lock", "bottle", "lamp-set", "gloves"],
    "hiking": ["boots", "poles", "map-alps", "bottle", "rain-jacket", "headlamp", "socks"],
}
SKUS = sorted({sku for things in TRIPS.values() for sku in things})


class Warehouse(player.Traffic):
    topics = [Topic("deliveries", 2), Topic("shop.public.order_lines", 4), Topic("products", 1, COMPACTED), Topic("stock", 1, COMPACTED),
              Topic("low-stock", 1, COMPACTED), Topic("recommendations", 1, COMPACTED)]
    steps, span, rate, history = 8000, 86400, 20, 900

    def __init__(self, seed):
        self.random, self.next_order, self.next_delivery = random.Random(seed), 1, 1
        self.stock, self.open_orders = dict.fromkeys(SKUS, 0), {}
        self.levels = {sku: self.random.randrange(15, 40) for sku in SKUS}

    def product(self, sku):
        name = sku.replace("-", " ").capitalize()
        return Record("products", {"sku": sku}, {"sku": sku, "name": name, "reorder_level": self.levels[sku]})

    def delivery(self, sku, quantity, now_ms):
        self.stock[sku] += quantity
        self.next_delivery += 1
        return Record("deliveries", sku, {"delivery_id": f"d{self.next_delivery:05}", "sku": sku, "quantity": quantity, "ts": sql_time(now_ms)})

    def change(self, op, before, after, now_ms):
        self.stock[(after or before)["sku"]] += (before or {"quantity": 0})["quantity"] - (after or {"quantity": 0})["quantity"]
        key = {"order_id": (after or before)["order_id"], "sku": (after or before)["sku"]}
        return Record("shop.public.order_lines", key, {"before": before, "after": after, "op": op, "ts_ms": now_ms})

    def begin(self, now_ms):
        for sku in SKUS:
            yield self.product(sku)
            yield self.delivery(sku, self.random.randrange(60, 150), now_ms)

    def order(self, now_ms):
        rng, order_id = self.random, self.next_order
        self.next_order += 1
        wanted = rng.choice(list(TRIPS.values()))
        lines = []
        for sku in rng.sample(wanted, rng.choices([1, 2, 3, 4], [4, 3, 2, 1])[0]):
            line = {"order_id": order_id, "sku": sku, "quantity": rng.choices([1, 2, 3], [8, 2, 1])[0]}
            if self.stock[sku] >= line["quantity"]:
                lines.append(line)
                yield self.change("c", None, dict(line), now_ms)
        if lines:
            self.open_orders[order_id] = lines
        if len(self.open_orders) > 200:   # sent out: nobody changes it any more
            self.open_orders.pop(next(iter(self.open_orders)))

    def step(self, now_ms):
        rng = self.random
        dice = rng.random()
        if dice < 0.06 and self.open_orders:      # cancelled
            for line in self.open_orders.pop(rng.choice(list(self.open_orders))):
                yield self.change("d", dict(line), None, now_ms)
        elif dice < 0.12 and self.open_orders:    # one more, or one less
            line = rng.choice(self.open_orders[rng.choice(list(self.open_orders))])
            quantity = max(1, line["quantity"] + rng.choice([-1, 1]))
            if quantity - line["quantity"] <= self.stock[line["sku"]]:
                before = dict(line)
                line["quantity"] = quantity
                yield self.change("u", before, dict(line), now_ms)
        elif dice < 0.121:                        # a buyer decides anew
            sku = rng.choice(SKUS)
            self.levels[sku] = rng.randrange(15, 40)
            yield self.product(sku)
        else:
            yield from self.order(now_ms)
        low = [sku for sku in SKUS if self.stock[sku] < self.levels[sku]]
        if low and rng.random() < 0.02:
            yield self.delivery(rng.choice(low), rng.randrange(40, 120), now_ms)


if __name__ == "__main__":
    player.main(Warehouse, __doc__)
