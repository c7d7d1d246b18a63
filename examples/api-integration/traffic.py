#!/usr/bin/env python3
"""Starts the web service and the people who use it: they post orders, some of them nonsense, and ask what became of them.

  traffic.py --bootstrap 127.0.0.1:9092 --http http://127.0.0.1:8080 --once     three hundred orders
  traffic.py --bootstrap 127.0.0.1:9092 --http http://127.0.0.1:8080            a few a second, until Ctrl-C"""
import argparse
import concurrent.futures
import itertools
import json
import os
import random
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import service  # noqa: E402
from stage import player  # noqa: E402

NOTES = [None, None, None, "as a present", "please ring twice", "für Grégoire 🎁"]


def orders(seed):
    rng = random.Random(seed)
    for i in itertools.count(1):
        if rng.random() < 0.03:   # what a service must refuse by itself
            yield {"customer_id": "me", "amount": 12}
        yield {"order_id": f"o{seed}-{i:05}", "customer_id": rng.randrange(1, 212), "amount": round(rng.lognormvariate(4.8, 0.8), 2),
               "note": rng.choice(NOTES)}


def post(address, order):
    request = urllib.request.Request(address + "/orders", data=json.dumps(order).encode(), headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bootstrap", default="127.0.0.1:9092")
    parser.add_argument("--http", default="http://127.0.0.1:8080")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--topics", action="store_true")
    options = parser.parse_args()
    player.make_topics(options.bootstrap, [player.Topic("orders", 2), player.Topic("order-decisions"), player.Topic("mails")])
    if options.topics:
        return
    address = service.start(options.http)
    if options.once:
        with concurrent.futures.ThreadPoolExecutor(8) as people:
            answers = list(people.map(lambda order: post(address, order), itertools.islice(orders(options.seed), 300)))
        if set(answers) - {202, 400}:
            sys.exit(f"the service answered {sorted(set(answers))}")
        print(f"{answers.count(202)} orders taken, {answers.count(400)} refused by the service")
        return
    print(f"  Service     curl -d '{{\"customer_id\": 18, \"amount\": 30.5}}' {address}/orders", file=sys.stderr, flush=True)
    try:
        for order in orders(options.seed):
            post(address, order)
            time.sleep(0.25)
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
