#!/usr/bin/env python3
"""Change events of a shop's tables customers and orders, as Debezium writes them, and callbacks of its payment provider. Both come
twice now and then; some records are broken, and a new version of the shop uses a status that nobody announced.

  traffic.py --bootstrap 127.0.0.1:9092 --once      a bounded input: three days
  traffic.py --bootstrap 127.0.0.1:9092             the last half hour, then by the clock, until Ctrl-C"""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from stage import player  # noqa: E402
from stage.player import Record, Topic, sql_time  # noqa: E402

FIRST = ["Ada", "Bruno", "Chloé", "Dilara", "Emil", "Fatima", "Grégoire", "Hanna", "Ivo", "Jana"]
LAST = ["Novak", "Schmidt", "Moreau", "Silva", "Kowalska", "Rossi", "Jensen", "Weber"]
COUNTRIES = ["DE", "de", "Germany", "FR", " fr", "France", "PT", "PL", "IT", ""]


class Shop(player.Traffic):
    topics = [Topic("shop.public.customers", 2), Topic("shop.public.orders", 4), Topic("payments", 4)]
    steps, span = 7000, 3 * 86400
    rate = 3

    def __init__(self, seed):
        self.random, self.customers, self.orders, self.recent = random.Random(seed), [], [], []
        self.next_order, self.next_payment = 1000, 1

    def change(self, table, op, before, after, now_ms):
        row = after or before
        event = {"before": before, "after": after, "op": op, "ts_ms": now_ms,
                 "source": {"connector": "postgresql", "db": "shop", "schema": "public", "table": table}}
        return Record("shop.public." + table, {"id": row["id"]}, event)

    def new_customer(self, now_ms):
        rng = self.random
        name = f"{rng.choice(FIRST)}{rng.choice([' ', ' ', '  '])}{rng.choice(LAST)}{rng.choice(['', '', ' '])}"
        email = f"{name.split()[0]}.{rng.randrange(1000)}@Example.org" if rng.random() < 0.95 else "none"
        row = {"id": len(self.customers) + 1, "name": name, "email": email, "country": rng.choice(COUNTRIES)}
        self.customers.append(row)
        return self.change("customers", "c", None, dict(row), now_ms)

    def new_order(self, now_ms):
        rng = self.random
        row = {"id": self.next_order, "customer_id": rng.randrange(1, len(self.customers) + 2),   # a few before their customer
               "status": "on-hold" if rng.random() < 0.003 else "placed", "amount": f"{rng.uniform(5, 300):.2f}", "ordered_at": now_ms * 1000}
        self.next_order += 1
        if row["status"] == "placed":
            self.orders.append(row)
        return self.change("orders", "c", None, dict(row), now_ms)

    def next_status(self, now_ms):
        """An order that goes on: paid, shipped, returned, or deleted because nobody paid."""
        rng = self.random
        order = rng.choice(self.orders)
        before = dict(order)
        if order["status"] == "placed" and rng.random() < 0.08:
            self.orders.remove(order)
            yield self.change("orders", "d", before, None, now_ms)
            return
        if order["status"] == "placed":
            for amount in ([order["amount"]] if rng.random() < 0.9 else [order["amount"], "5.00"]):
                payment = {"payment_id": f"pay_{self.next_payment:06}", "order_id": order["id"], "amount": amount, "paid_at": sql_time(now_ms)}
                self.next_payment += 1
                for _ in range(2 if rng.random() < 0.1 else 1):   # the provider did not get our answer and calls again
                    yield Record("payments", str(order["id"]), payment)
        order["status"] = {"placed": "paid", "paid": "shipped", "shipped": "returned"}[order["status"]]
        yield self.change("orders", "u", before, dict(order), now_ms)
        if order["status"] == "returned" or rng.random() < 0.3:
            self.orders.remove(order)

    def begin(self, now_ms):
        for _ in range(150):
            yield self.new_customer(now_ms)

    def step(self, now_ms):
        rng = self.random
        dice = rng.random()
        if dice < 0.02:
            yield self.new_customer(now_ms)
        elif dice < 0.05:
            customer = rng.choice(self.customers)
            before = dict(customer)
            customer["country"] = rng.choice(COUNTRIES)
            yield self.change("customers", "u", before, dict(customer), now_ms)
        elif dice < 0.45 or len(self.orders) < 20:
            yield self.order_event(self.new_order(now_ms))
        else:
            for record in self.next_status(now_ms):
                yield self.order_event(record)
        if rng.random() < 0.001:
            yield Record("shop.public.orders", None, rng.choice(['{"before": null, "after": {"id": 17, "amo', '{"op": "c"}', "\u0000\u0001 not JSON"]))
        if rng.random() < 0.001:   # the connector was restarted and reads a part of the log again
            yield from self.recent

    def order_event(self, record):
        if record.topic == "shop.public.orders":
            self.recent = [*self.recent[-19:], record]
        return record


if __name__ == "__main__":
    player.main(Shop, __doc__)
