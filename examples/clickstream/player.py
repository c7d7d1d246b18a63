#!/usr/bin/env python3
"""Traffic of the shop: a real Kafka client (confluent-kafka) that writes clicks to the topic `clicks`. Sessions walk from page to
page, some put things into the cart, some order; now and then a page fails for a while. Events come up to 4 s out of order.
The same seed gives the same events.

  player.py --bootstrap 127.0.0.1:9092 --events 20000 --start '2026-03-01 10:00:00'    # bounded, as fast as possible
  player.py --bootstrap 127.0.0.1:9092 --rate 200                                      # now, until Ctrl-C"""
import argparse
import datetime
import json
import random
import sys
import time

from confluent_kafka import Producer

PRODUCTS = ["kettle", "teapot", "cup", "saucer", "tray", "spoon", "tin", "strainer"]
PRICES = dict(zip(PRODUCTS, ["39.90", "54.00", "7.50", "4.20", "22.00", "3.10", "9.95", "6.40"]))
UTC = datetime.timezone.utc


class Shop:
    """Endless clicks; `next_click` takes the time of the click in ms."""

    def __init__(self, seed):
        self.random, self.sessions, self.count, self.failing, self.failing_until = random.Random(seed), [], 0, None, 0

    def next_click(self, now_ms):
        rng = self.random
        if not self.sessions or rng.random() < 0.12:
            self.sessions.append({"id": f"s{rng.randrange(16**8):08x}", "left": rng.randrange(2, 14), "cart": None})
        session = rng.choice(self.sessions)
        session["left"] -= 1
        if session["left"] <= 0:
            self.sessions.remove(session)
        if now_ms > self.failing_until and rng.random() < 0.002:
            self.failing, self.failing_until = "/product/" + rng.choice(PRODUCTS), now_ms + rng.randrange(3000, 12000)
        product, kind, page, amount = None, "view", "/", None
        dice = rng.random()
        if session["cart"] and dice < 0.25:
            kind, page, product, amount = "order", "/checkout", session["cart"], PRICES[session["cart"]]
            session["cart"] = None
        elif dice < 0.75:
            product = rng.choice(PRODUCTS)
            page = "/product/" + product
            if rng.random() < 0.3:
                kind, session["cart"] = "cart", product
        elif dice < 0.85:
            page = "/search"
        failed = page == self.failing and now_ms <= self.failing_until and rng.random() < 0.8
        status = 503 if failed else (404 if rng.random() < 0.005 else 200)
        late = rng.randrange(4000) if rng.random() < 0.1 else 0
        self.count += 1
        ts = datetime.datetime.fromtimestamp((now_ms - late) / 1000, UTC)
        return session["id"], {"event_id": f"e{self.count}", "session": session["id"], "type": kind, "page": page, "product": product,
                               "amount": amount, "status": status, "ts": ts.strftime("%Y-%m-%d %H:%M:%S.") + f"{ts.microsecond // 1000:03}"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bootstrap", default="127.0.0.1:9092")
    parser.add_argument("--topic", default="clicks")
    parser.add_argument("--events", type=int, default=0, help="stop after so many (0: go on until Ctrl-C)")
    parser.add_argument("--rate", type=float, default=0, help="events a second (0: as fast as possible)")
    parser.add_argument("--start", help="time of the first event; default: now, and then the clock")
    parser.add_argument("--span", type=float, default=600, help="seconds that --events cover when --start is given")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    failures = []
    producer = Producer({"bootstrap.servers": options.bootstrap, "enable.idempotence": True, "linger.ms": 5, "compression.type": "lz4",
                         "client.id": "clickstream-player"})
    shop, sent, begin = Shop(options.seed), 0, time.monotonic()
    start_ms = None
    if options.start:
        start_ms = datetime.datetime.fromisoformat(options.start).replace(tzinfo=UTC).timestamp() * 1000
    try:
        while not options.events or sent < options.events:
            now_ms = start_ms + sent * options.span * 1000 / options.events if start_ms and options.events else time.time() * 1000
            key, click = shop.next_click(int(now_ms))
            while True:
                try:
                    producer.produce(options.topic, json.dumps(click), key, on_delivery=lambda e, m: failures.append(e) if e else None)
                    break
                except BufferError:
                    producer.poll(0.1)
            sent += 1
            producer.poll(0)
            if options.rate:
                pause = begin + sent / options.rate - time.monotonic()
                if pause > 0:
                    time.sleep(pause)
    except KeyboardInterrupt:
        pass
    left = producer.flush(60)
    if failures or left:
        sys.exit(f"{len(failures) + left} of {sent} events were not delivered: {failures[:1]}")
    print(f"{sent} events delivered")


if __name__ == "__main__":
    main()
