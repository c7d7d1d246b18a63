#!/usr/bin/env python3
"""Follows a topic by server-sent events, with nothing but the standard library: what a service does that wants to be told. When the
connection is lost it comes back with the id of the last event, so it misses nothing and gets nothing twice.

  follow.py --http http://127.0.0.1:8080 mails"""
import argparse
import json
import time
import urllib.error
import urllib.request


def follow(http, topic, position="latest"):
    """Yields the events of a topic for ever: objects with topic, partition, offset, key and value."""
    last_id = None
    while True:
        request = urllib.request.Request(f"{http}/v1/topics/{topic}/events?from={position}", headers={"Accept": "text/event-stream"})
        if last_id is not None:
            request.add_header("Last-Event-ID", last_id)
        try:
            with urllib.request.urlopen(request, timeout=60) as stream:
                fields = {}
                for line in stream:
                    name, _, text = line.decode().rstrip("\n").partition(":")
                    if name:
                        fields[name] = text.removeprefix(" ")
                        continue
                    if "data" in fields and fields.get("event", "message") == "message":   # an empty line ends an event
                        last_id = fields.get("id", last_id)
                        yield json.loads(fields["data"])
                    fields = {}
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)   # the node restarts: it comes back where it was


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("topic")
    parser.add_argument("--http", default="http://127.0.0.1:8080")
    parser.add_argument("--from", dest="position", default="latest", help="earliest, latest or a time")
    options = parser.parse_args()
    for event in follow(options.http, options.topic, options.position):
        print(json.dumps(event["value"], ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
