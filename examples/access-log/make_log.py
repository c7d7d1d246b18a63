#!/usr/bin/env python3
"""Writes an access log in the combined format: people who walk through a small site, robots that read it, errors, noise that
strangers send to the port, and lines that are a little out of order, as a real server writes them. The same seed gives the same file.

  make_log.py --lines 20000 --seed 1 access.log"""
import argparse
import datetime
import random

PAGES = ["/", "/blog/", "/blog/why-logs", "/blog/on-rivers", "/images/logo.png", "/style.css", "/about", "/search", "/feed.xml", "/robots.txt"]
PEOPLE = ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
          "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
          "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"]
ROBOTS = ["Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Mozilla/5.0 (compatible; bingbot/2.0)", "curl/8.9.1", "FeedFetcher/1.0"]


NOISE = ['"-" 408 -', '"" 400 226', '"\\x16\\x03\\x01\\x02" 400 226', '"GET /\\"><script> HTTP/1.1" 404 312']


def line(rng, when):
    if rng.random() < 0.002:
        return f'203.0.113.{rng.randrange(250)} - - [{when.strftime("%d/%b/%Y:%H:%M:%S +0000")}] {rng.choice(NOISE)} "-" "-"'
    robot = rng.random() < 0.3
    ip = f"66.249.{rng.randrange(64, 67)}.{rng.randrange(1, 30)}" if robot else f"10.0.{rng.randrange(8)}.{rng.randrange(1, 250)}"
    agent = "-" if rng.random() < 0.01 else rng.choice(ROBOTS if robot else PEOPLE)
    path = rng.choices(PAGES, weights=[30, 20, 14, 9, 25, 25, 5, 6, 8 if robot else 1, 6 if robot else 0.1])[0]
    if path == "/search":
        path += f"?q={rng.choice(['river', 'log', 'stream', 'kafka'])}"
    method = rng.choices(["GET", "HEAD", "POST"], weights=[96, 3, 1])[0]
    status = rng.choices([200, 304, 404, 301, 500], weights=[84, 9, 4, 2, 1])[0]
    size = "-" if status in (304, 301) or method == "HEAD" else rng.randrange(200, 90000)
    referrer = "-" if robot or rng.random() < 0.4 else "https://example.org" + rng.choice(PAGES)
    # A slow request is written when it ends but bears the time of its beginning.
    begun = when - datetime.timedelta(seconds=rng.randrange(30) if rng.random() < 0.05 else 0)
    return f'{ip} - - [{begun.strftime("%d/%b/%Y:%H:%M:%S +0000")}] "{method} {path} HTTP/1.1" {status} {size} "{referrer}" "{agent}"'


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file")
    parser.add_argument("--lines", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=float, default=50, help="time that the lines cover")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    start = datetime.datetime(2026, 3, 1, 7, 30, tzinfo=datetime.timezone.utc)
    with open(options.file, "w", encoding="utf-8") as out:
        for i in range(options.lines):
            out.write(line(rng, start + datetime.timedelta(hours=options.hours * i / options.lines)) + "\n")


if __name__ == "__main__":
    main()
