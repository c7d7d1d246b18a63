#!/usr/bin/env python3
"""Sales of a bookshop in six countries: more in the evening, some buyers come again, one title becomes a hit, and sales come up to
fifteen seconds late.

  traffic.py --bootstrap 127.0.0.1:9092 --once      a bounded input: one evening
  traffic.py --bootstrap 127.0.0.1:9092             the last half hour, then by the clock, until Ctrl-C"""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from stage import player  # noqa: E402
from stage.player import Record, Topic, sql_time  # noqa: E402

COUNTRIES = {"DE": 30, "FR": 22, "IT": 16, "ES": 14, "PL": 10, "PT": 8, None: 1}
TITLES = {
    "novels": ["The Salt Road", "Nine Bridges", "A House in Porto", "Winter Orchard", "The Cartographer"],
    "crime": ["Cold Harbour", "The Ninth Witness", "Low Tide", "A Quiet Poison"],
    "cooking": ["Bread at Home", "Forty Soups", "The Olive Book"],
    "children": ["Where Foxes Sleep", "The Moon Bus", "Ten Small Whales", "Captain Sock"],
    "travel": ["Slow Trains", "The Alps on Foot", "Islands"],
}


class Sales(player.Traffic):
    topics = [Topic("sales", 4), Topic("sales-cube"), Topic("best-sellers"), Topic("trends")]
    steps, span, rate = 20000, 2 * 3600, 40
    start = "2026-03-01 18:00:00"

    def __init__(self, seed):
        self.random, self.count, self.hit, self.hit_until = random.Random(seed), 0, None, 0
        self.prices = {title: self.random.randrange(7, 35) + 0.99 for titles in TITLES.values() for title in titles}

    def step(self, now_ms):
        rng = self.random
        if rng.random() < 0.25 * (1 + (now_ms // 600_000) % 3) / 3:   # some ten minutes are quieter than others
            return
        self.count += 1
        if now_ms > self.hit_until and rng.random() < 0.001:   # somebody famous praises a book
            self.hit, self.hit_until = rng.choice(list(self.prices)), now_ms + rng.randrange(300_000, 900_000)
        title = self.hit if now_ms < self.hit_until and rng.random() < 0.3 else rng.choice(list(self.prices))
        category = next(name for name, titles in TITLES.items() if title in titles)
        late = rng.randrange(15_000) if rng.random() < 0.1 else 0
        buyer = f"b{int(rng.paretovariate(1.1) * 40) % 6000:04}"   # a few come often, most once
        yield Record("sales", buyer, {
            "order_id": f"o{self.count:06}", "buyer": buyer, "country": rng.choices(list(COUNTRIES), COUNTRIES.values())[0],
            "category": category, "product": title, "channel": rng.choices(["mobile", "web"], [6, 4])[0],
            "amount": f"{self.prices[title]:.2f}", "ts": sql_time(now_ms - late)})


if __name__ == "__main__":
    player.main(Sales, __doc__)
