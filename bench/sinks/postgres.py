#!/usr/bin/env python3
"""The sink `jdbc` into PostgreSQL beside the server's own bulk loader: the same changes, folded beforehand to the last one of each key in each transaction, by COPY into
a temporary table and a merge. Prints one JSON line. Usage: bench/sinks/postgres.py [--rows N] [--rounds N] [--keys N]"""
import argparse
import io
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

ROWS_PER_RECORD, RECORDS_PER_TRANSACTION = 1000, 20
TABLE = "CREATE TABLE driver (k text PRIMARY KEY, n bigint, amount numeric(10,2), at timestamp(3), part text)"


def transactions(rows, keys):
    """(text for COPY of what is kept, text of the keys that are deleted) of each transaction."""
    out, last = [], {}
    for number, (k, n, cents, millis, part, is_delete) in enumerate(sink.rows(1, rows // ROWS_PER_RECORD, ROWS_PER_RECORD, keys), 1):
        last.pop(k, None)
        last[k] = None if is_delete else (n, cents, millis, part)
        if number % (ROWS_PER_RECORD * RECORDS_PER_TRANSACTION) == 0 or number == rows:
            kept, gone = [], []
            for key, row in last.items():
                if row is None:
                    gone.append(key + "\n")
                    continue
                at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(row[2] // 1000)) + f".{row[2] % 1000:03d}"
                kept.append(f"{key}\t{row[0]}\t{row[1] / 100:.2f}\t{at}\t{row[3] or chr(92) + 'N'}\n")
            out.append(("".join(kept), "".join(gone)))
            last = {}
    return out


def bulk(server, prepared):
    import psycopg2
    connection = psycopg2.connect(host="127.0.0.1", port=server.port, user="postgres", dbname="postgres")
    cursor = connection.cursor()
    begin = time.monotonic()
    for number, (kept, gone) in enumerate(prepared):
        cursor.execute("CREATE TEMP TABLE stage (LIKE driver) ON COMMIT DROP; CREATE TEMP TABLE gone (k text) ON COMMIT DROP")
        cursor.copy_expert("COPY gone FROM STDIN", io.StringIO(gone))
        cursor.copy_expert("COPY stage FROM STDIN", io.StringIO(kept))
        cursor.execute("DELETE FROM driver USING gone WHERE driver.k = gone.k; INSERT INTO driver SELECT * FROM stage ON CONFLICT (k) DO UPDATE SET "
                       "n = EXCLUDED.n, amount = EXCLUDED.amount, at = EXCLUDED.at, part = EXCLUDED.part; "
                       f"INSERT INTO place VALUES (1, {number}) ON CONFLICT (id) DO UPDATE SET position = EXCLUDED.position")
        connection.commit()
    seconds = time.monotonic() - begin
    connection.close()
    return seconds


def ours(server, rows, keys, folder):
    arguments = ["--key", "k", "--records", rows // ROWS_PER_RECORD, "--rows", ROWS_PER_RECORD, "--keys", keys, "--flush-every", RECORDS_PER_TRANSACTION]
    options = {"connector": "jdbc", "url": server.jdbc_url, "table-name": "driver", "username": "postgres",
               "sink.buffer-flush.max-rows": ROWS_PER_RECORD * RECORDS_PER_TRANSACTION, "sink.buffer-flush.interval": "1 min"}
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    sink.Driver(folder, options, arguments).finish(600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - begin, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def clear(server):
    server.query("DROP TABLE IF EXISTS driver; DROP TABLE IF EXISTS mainstem_delivery; DROP TABLE IF EXISTS place; "
                 f"CREATE TABLE place (id int PRIMARY KEY, position bigint); {TABLE}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="mainstem-bench-postgres-")
    server = support.Postgres(folder)
    prepared = transactions(options.rows, options.keys)
    bulk_seconds, our_seconds, our_cpu = [], [], []
    try:
        server.start()
        for _ in range(options.rounds):
            clear(server)
            bulk_seconds.append(bulk(server, prepared))
            expected = server.query("SELECT count(*), sum(n) FROM driver")
            clear(server)
            seconds, cpu = ours(server, options.rows, options.keys, folder)
            our_seconds.append(seconds)
            our_cpu.append(cpu)
            assert server.query("SELECT count(*), sum(n) FROM driver") == expected
    finally:
        server.stop()
        support.remove(folder)
    print(json.dumps({"bench": "sink_postgres", "rows": options.rows, "keys": options.keys, "rounds": options.rounds,
                      "rows_per_second": round(options.rows / min(our_seconds)), "copy_and_merge_rows_per_second": round(options.rows / min(bulk_seconds)),
                      "share_of_copy_and_merge": round(min(bulk_seconds) / min(our_seconds), 2), "rows_per_cpu_second": round(options.rows / min(our_cpu))}))


if __name__ == "__main__":
    main()
