#!/usr/bin/env python3
"""The sink `opensearch` beside the server's own speed: the same documents, with the same ids and versions, posted to _bulk over one
connection from bodies that were built beforehand. Prints one JSON line. Usage: bench/sinks/opensearch.py [--rows N] [--rounds N]"""
import argparse
import http.client
import json
import os
import resource
import sys
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path[:0] = [os.path.join(ROOT, "tests/integration"), os.path.join(ROOT, "tests/integration/sink")]
import driver as sink  # noqa: E402
import support  # noqa: E402

ROWS_PER_RECORD, ROWS_PER_BULK = 1000, 1000


def bodies(rows):
    lines, out = [], []
    for k, n, cents, millis, part, _ in sink.rows(1, rows // ROWS_PER_RECORD, ROWS_PER_RECORD, 1_000_000_000):
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(millis // 1000)) + f".{millis % 1000:03d}"
        action = {"index": {"_index": "driver", "_id": f"plain-{n}", "version": 1700000000000000 + n, "version_type": "external"}}
        lines += [json.dumps(action), json.dumps({"k": k, "n": n, "amount": cents / 100, "at": at, "part": part})]
        if len(lines) == 2 * ROWS_PER_BULK:
            out.append(("\n".join(lines) + "\n").encode())
            lines = []
    return out


def plain(server, prepared):
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    begin = time.monotonic()
    for body in prepared:
        connection.request("POST", "/_bulk?filter_path=errors", body, {"Content-Type": "application/x-ndjson"})
        assert json.loads(connection.getresponse().read()) == {"errors": False}
    return time.monotonic() - begin


def ours(server, rows, folder):
    arguments = ["--append", "--records", rows // ROWS_PER_RECORD, "--rows", ROWS_PER_RECORD, "--keys", 1_000_000_000, "--flush-every", 20]
    options = {"connector": "opensearch", "hosts": server.url, "index": "driver"}
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    sink.Driver(folder, options, arguments).finish(600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - begin, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def clear(server):
    for index in ("driver", "mainstem-delivery"):
        server.call(f"/{index}?expand_wildcards=all&ignore_unavailable=true", "DELETE")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="mainstem-bench-search-")
    server = support.OpenSearch(folder)
    prepared = bodies(options.rows)
    plain_seconds, our_seconds, our_cpu = [], [], []
    try:
        server.start()
        plain(server, prepared[:20])  # the server's compiler warms up
        for _ in range(options.rounds):
            clear(server)
            plain_seconds.append(plain(server, prepared))
            clear(server)
            seconds, cpu = ours(server, options.rows, folder)
            our_seconds.append(seconds)
            our_cpu.append(cpu)
            assert len(server.documents("driver")) == options.rows
    finally:
        server.stop()
        support.remove(folder)
    median = sorted(our_seconds)[len(our_seconds) // 2]
    beside = sorted(plain_seconds)[len(plain_seconds) // 2]
    print(json.dumps({"bench": "sink_opensearch", "rows": options.rows, "rounds": options.rounds, "rows_per_second": round(options.rows / median),
                      "plain_bulk_rows_per_second": round(options.rows / beside), "share_of_plain": round(beside / median, 2),
                      "rows_per_cpu_second": round(options.rows / (sum(our_cpu) / len(our_cpu)))}))


if __name__ == "__main__":
    main()
