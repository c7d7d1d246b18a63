#!/usr/bin/env python3
"""Events of the nexmark benchmark's schema as JSON lines, the same for the same count: of 50 events one is a person, three are auctions, the rest
bids; ten events a millisecond. Usage: make_events.py COUNT FILE"""
import datetime
import random
import sys

START_MS = 1767225600000  # 2026-01-01
CHANNELS = ["Google", "Facebook", "Baidu", "Apple"]
CITIES = ["Phoenix", "Portland", "Seattle", "Boise"]
STATES = ["OR", "ID", "CA", "AZ"]


def timestamp(ms):
    at = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=ms)
    return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{ms % 1000:03d}"


def make_events(count, path):
    rng = random.Random(7)

    def word(length):
        return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=length))

    extras = [word(rng.randint(60, 140)) for _ in range(5000)]
    person = auction = 1000
    with open(path, "w") as out:
        for i in range(count):
            ms = START_MS + i // 10
            kind = i % 50
            extra = rng.choice(extras)
            if kind == 0:
                person += 1
                out.write(f'{{"event_type":0,"person":{{"id":{person},"name":"{word(8)}","emailAddress":"{word(7)}@{word(5)}.com",'
                          f'"creditCard":"1234 5678 9012 3456","city":"{rng.choice(CITIES)}","state":"{rng.choice(STATES)}",'
                          f'"dateTime":"{timestamp(ms)}","extra":"{extra}"}},"auction":null,"bid":null}}\n')
            elif kind < 4:
                auction += 1
                out.write(f'{{"event_type":1,"person":null,"auction":{{"id":{auction},"itemName":"{word(12)}","description":"{word(50)}",'
                          f'"initialBid":{rng.randint(1, 100)},"reserve":{rng.randint(100, 1000)},"dateTime":"{timestamp(ms)}",'
                          f'"expires":"{timestamp(ms + rng.randint(1000, 20000))}","seller":{rng.randint(max(1000, person - 1000), person)},'
                          f'"category":{rng.randint(10, 14)},"extra":"{extra}"}},"bid":null}}\n')
            else:
                out.write(f'{{"event_type":2,"person":null,"auction":null,"bid":{{"auction":{rng.randint(max(1000, auction - 100), auction)},'
                          f'"bidder":{rng.randint(max(1000, person - 1000), person)},"price":{int(100 * 10 ** (rng.random() * 6))},'
                          f'"channel":"{rng.choice(CHANNELS)}","url":"https://www.nexmark.com/{word(3)}/{word(4)}/item.htm?query=1&channel_id='
                          f'{rng.randint(0, 9999999)}","dateTime":"{timestamp(ms)}","extra":"{extra}"}}}}\n')


if __name__ == "__main__":
    make_events(int(sys.argv[1]), sys.argv[2])
