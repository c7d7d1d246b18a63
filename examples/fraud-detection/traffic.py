#!/usr/bin/env python3
"""Card payments of two thousand people in eight cities, rules for them, and three kinds of thieves.

  traffic.py --bootstrap 127.0.0.1:9092 --once      a bounded input: six hours, in which a rule changes
  traffic.py --bootstrap 127.0.0.1:9092             the last hour, then by the clock, until Ctrl-C"""
import heapq
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from stage import player  # noqa: E402
from stage.player import COMPACTED, Record, Topic, sql_time  # noqa: E402

CITIES = {"Berlin": (52.52, 13.40), "Paris": (48.86, 2.35), "Madrid": (40.42, -3.70), "Roma": (41.90, 12.50),
          "Warszawa": (52.23, 21.01), "Lisboa": (38.72, -9.14), "Stockholm": (59.33, 18.07), "Athina": (37.98, 23.73)}
SHOPS = ["Bakery", "Grocer", "Filling station", "Pharmacy", "Bookshop", "Restaurant", "Tram tickets"]
ONLINE = ["streamflix.example", "bookworld.example", "cloudhost.example", "shoes.example"]
PRICEY = ["phones.example", "giftcards.example", "watches.example", "Jeweller"]
RULES = {"debit": ("2.00", "200.00", "800.00", 900), "credit": ("3.00", "300.00", "2000.00", 900), "business": ("3.00", "900.00", "6000.00", 900)}


class Cards(player.Traffic):
    topics = [Topic("payments", 4), Topic("card-rules", 1, COMPACTED), Topic("fraud-alerts"), Topic("suspected-cards", 1, COMPACTED)]
    steps, span, rate = 20000, 6 * 3600, 10
    history = 3600

    def __init__(self, seed):
        self.random, self.count, self.rules_changed = random.Random(seed), 0, False
        self.waiting = []   # thieves' payments of later: (time, order, card, payment)
        rng = self.random
        self.cards = [{"card": f"4{rng.randrange(10**15):015}", "card_class": rng.choices(["debit", "credit", "business"], [5, 4, 1])[0],
                       "city": rng.choice(list(CITIES))} for _ in range(2000)]
        self.last_ms = {}   # of a card: no two payments at the same moment

    def rule(self, card_class, values, now_ms):
        test_charge_max, big_charge_min, hourly_limit, speed = values
        return Record("card-rules", {"card_class": card_class}, {
            "card_class": card_class, "test_charge_max": test_charge_max, "big_charge_min": big_charge_min, "hourly_limit": hourly_limit,
            "max_speed_kmh": speed, "valid_from": sql_time(now_ms)})

    def begin(self, now_ms):
        self.begun_ms = now_ms
        for card_class, values in RULES.items():
            yield self.rule(card_class, values, now_ms - 86_400_000)

    def payment(self, card, now_ms, amount, merchant, city=None):
        """Terminals send up to 20 s late; `city` None is online."""
        rng = self.random
        late = rng.randrange(20_000) if rng.random() < 0.1 else 0
        ts = max(now_ms - late, self.last_ms.get(card["card"], 0) + 1)
        self.last_ms[card["card"]] = ts
        self.count += 1
        lat, lon = (round(place + rng.uniform(-0.05, 0.05), 4) for place in CITIES[city]) if city else (None, None)
        return Record("payments", card["card"], {
            "payment_id": f"p{self.count:06}", "card": card["card"], "card_class": card["card_class"], "amount": f"{amount:.2f}",
            "merchant": merchant if city is None else f"{merchant} {city}", "card_present": city is not None, "lat": lat, "lon": lon,
            "ts": sql_time(ts)})

    def later(self, now_ms, *payment):
        heapq.heappush(self.waiting, (now_ms, self.random.random(), payment))

    def thieves(self, now_ms):
        """Now and then somebody plans something."""
        rng, card = self.random, self.random.choice(self.cards)
        dice = rng.random()
        if dice < 0.0015:      # tries a stolen number out, with gaps that are sometimes too long
            for _ in range(rng.randrange(2, 6)):
                self.later(now_ms, card, rng.uniform(0.5, 2.9), rng.choice(ONLINE))
                now_ms += rng.randrange(10_000, 150_000)
            self.later(now_ms, card, rng.uniform(250, 950), rng.choice(PRICEY[:3]))
        elif dice < 0.003:     # pays with a copy in another city
            self.later(now_ms, card, rng.uniform(20, 90), rng.choice(SHOPS), card["city"])
            away = rng.choice([city for city in CITIES if city != card["city"]])
            self.later(now_ms + rng.randrange(600_000, 7_200_000), card, rng.uniform(50, 400), "Jeweller", away)
        elif dice < 0.004:     # empties a card
            for _ in range(rng.randrange(4, 9)):
                self.later(now_ms, card, rng.uniform(100, 450), rng.choice(PRICEY))
                now_ms += rng.randrange(60_000, 500_000)

    def step(self, now_ms):
        rng = self.random
        if not self.rules_changed and now_ms - self.begun_ms > self.span * 500:
            self.rules_changed = True   # half way: smaller charges count as tests, and the limit of credit cards goes down
            yield self.rule("credit", ("1.50", "300.00", "1200.00", 900), now_ms)
        self.thieves(now_ms)
        while self.waiting and self.waiting[0][0] <= now_ms:
            at, _, payment = heapq.heappop(self.waiting)
            card, *rest = payment
            yield self.payment(card, at, *rest)
        card = rng.choice(self.cards)
        if rng.random() < 0.3:
            yield self.payment(card, now_ms, rng.lognormvariate(3.0, 0.7), rng.choice(ONLINE))
        else:
            yield self.payment(card, now_ms, rng.lognormvariate(2.8, 0.8), rng.choice(SHOPS), card["city"])


if __name__ == "__main__":
    player.main(Cards, __doc__)
