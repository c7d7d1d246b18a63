#!/usr/bin/env python3
"""Writes a made-up access log in the combined format: seeded, so the same every time. Usage: make_log.py FILE[.gz] [lines] [seed]"""
import datetime
import gzip
import random
import sys

PAGES = ["/", "/about", "/blog/", "/blog/streams", "/blog/watermarks", "/docs/start", "/docs/sql", "/img/logo.png", "/style.css", "/search?q=log"]
PEOPLE = ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
          "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0 Safari/537.36",
          "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"]
ROBOTS = ["ExampleBot/2.1 (+http://bot.example/)", "Mozilla/5.0 (compatible; WebCrawler/1.0)", "FeedReader/3", "uptime-monitor/1.4"]


def lines(count, seed):
    rng = random.Random(seed)
    time = datetime.datetime(2026, 3, 1, 8, 0, 0, tzinfo=datetime.timezone.utc)
    for _ in range(count):
        time += datetime.timedelta(milliseconds=rng.randrange(1, 2 * 36_000_000 // count + 2))
        host = f"192.0.2.{rng.randrange(1, 200)}"
        agent = rng.choice(ROBOTS) if rng.random() < 0.2 else rng.choice(PEOPLE)
        status = rng.choices([200, 304, 404, 500, 301], [80, 9, 6, 1, 4])[0]
        size = "-" if status == 304 else str(rng.randrange(200, 90000))
        method = "POST" if rng.random() < 0.03 else "GET"
        yield (f'{host} - - [{time:%d/%b/%Y:%H:%M:%S} +0000] "{method} {rng.choice(PAGES)} HTTP/1.1" {status} {size} '
               f'"{rng.choice(["-", "https://example.org/"])}" "{agent}"\n')


def main():
    path = sys.argv[1]
    count, seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20000, int(sys.argv[3]) if len(sys.argv) > 3 else 1
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "wt") as out:
        out.writelines(lines(count, seed))


if __name__ == "__main__":
    main()
