"""Checkpoints and savepoints of earlier formats can be restored for ever: each archive in `jobs/` was made by the version that first
wrote its formats, by `MAINSTEM_BINARY=... python tests/integration/storage/test_golden_jobs.py NAME`: a data folder with two jobs of
the same queries in the middle of their input, `running`, whose node was killed, and `kept`, which was stopped with a savepoint. Both
must go on to the tables that a third one makes of the whole input. An archive is never made anew."""
import glob
import json
import os
import shutil
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import golden  # noqa: E402
import support  # noqa: E402

# The jobs' scripts name the node by an address that is its own whatever port it has.
ADDRESS = "golden.example:9092"
CUSTOMERS = ["ann", "bob", "cleo", "dan"]
HALF, WHOLE, MORE = 120, 200, 230

TABLES = f"""
CREATE TABLE orders (id BIGINT, customer STRING, product STRING, amount DECIMAL(10, 2), ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
  WITH ('connector' = 'kafka', 'topic' = 'orders', 'properties.bootstrap.servers' = '{ADDRESS}', 'scan.startup.mode' = 'earliest-offset',
  'format' = 'json');
CREATE TABLE payments (id BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
  WITH ('connector' = 'kafka', 'topic' = 'payments', 'properties.bootstrap.servers' = '{ADDRESS}', 'scan.startup.mode' = 'earliest-offset',
  'format' = 'json');
CREATE TABLE names (customer STRING, name STRING, PRIMARY KEY (customer) NOT ENFORCED)
  WITH ('connector' = 'upsert-kafka', 'topic' = 'names', 'properties.bootstrap.servers' = '{ADDRESS}', 'key.format' = 'json',
  'value.format' = 'json');
"""

# Table, its columns, what makes it. With a key: the last row of it counts; else every row does.
QUERIES = {
    "totals": ("customer STRING, orders BIGINT, amount DECIMAL(38, 2), least DECIMAL(10, 2), most DECIMAL(10, 2), mean DECIMAL(38, 6), "
               "products BIGINT, PRIMARY KEY (customer) NOT ENFORCED",
               "SELECT customer, COUNT(*), SUM(amount), MIN(amount), MAX(amount), AVG(amount), COUNT(DISTINCT product) FROM orders "
               "GROUP BY customer"),
    "by_count": ("orders BIGINT, customers BIGINT, most DECIMAL(38, 2), PRIMARY KEY (orders) NOT ENFORCED",  # takes rows back
                 "SELECT orders, COUNT(*), MAX(amount) FROM (SELECT customer, COUNT(*) AS orders, SUM(amount) AS amount FROM orders "
                 "GROUP BY customer) GROUP BY orders"),
    "named": ("id BIGINT, name STRING, amount DECIMAL(10, 2), PRIMARY KEY (id) NOT ENFORCED",
              "SELECT o.id, n.name, o.amount FROM orders AS o LEFT JOIN names AS n ON o.customer = n.customer "
              "ON CONFLICT DO DEDUPLICATE"),
    "top": ("customer STRING, place BIGINT, id BIGINT, amount DECIMAL(10, 2), PRIMARY KEY (customer, place) NOT ENFORCED",
            "SELECT customer, place, id, amount FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY customer ORDER BY amount DESC, id) AS place "
            "FROM orders) WHERE place <= 3"),
    "latest": ("product STRING, id BIGINT, PRIMARY KEY (product) NOT ENFORCED",
               "SELECT product, id FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY product ORDER BY ts DESC) AS place FROM orders) "
               "WHERE place = 1"),
    "minutes": ("customer STRING, begins TIMESTAMP(3), orders BIGINT, amount DECIMAL(38, 2)",
                "SELECT customer, window_start, COUNT(*), SUM(amount) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) "
                "GROUP BY customer, window_start, window_end"),
    "sliding": ("begins TIMESTAMP(3), products BIGINT",
                "SELECT window_start, COUNT(DISTINCT product) FROM TABLE(HOP(TABLE orders, DESCRIPTOR(ts), INTERVAL '30' SECOND, "
                "INTERVAL '2' MINUTE)) GROUP BY window_start, window_end"),
    "sessions": ("customer STRING, begins TIMESTAMP(3), ends TIMESTAMP(3), orders BIGINT",
                 "SELECT customer, window_start, window_end, COUNT(*) FROM TABLE(SESSION(TABLE orders PARTITION BY customer, DESCRIPTOR(ts), "
                 "INTERVAL '10' SECOND)) GROUP BY customer, window_start, window_end"),
    "paid": ("id BIGINT, customer STRING, after_seconds BIGINT",
             "SELECT o.id, o.customer, TIMESTAMPDIFF(SECOND, o.ts, p.ts) FROM orders AS o JOIN payments AS p ON o.id = p.id AND p.ts "
             "BETWEEN o.ts AND o.ts + INTERVAL '1' MINUTE"),
    "sliding_sums": ("id BIGINT, amount DECIMAL(38, 2)",
                     "SELECT id, SUM(amount) OVER (PARTITION BY customer ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM orders"),
    "rises": ("customer STRING, low BIGINT, high BIGINT",
              "SELECT customer, low, high FROM orders MATCH_RECOGNIZE (PARTITION BY customer ORDER BY ts MEASURES FIRST(a.id) AS low, b.id AS high "
              "AFTER MATCH SKIP PAST LAST ROW PATTERN (a+ b) DEFINE a AS a.amount < 50, b AS b.amount >= 50)"),
}


def has_key(table):
    return "PRIMARY KEY" in QUERIES[table][0]


def script(suffix, settings=""):
    """The queries, with topics `<table>_<suffix>`."""
    made = TABLES + "SET 'execution.checkpointing.interval' = '200 ms';\nSET 'parallelism.default' = '2';\n" + settings
    for table, (columns, _) in QUERIES.items():
        how = "'upsert-kafka', 'key.format' = 'json', 'value.format' = 'json'" if has_key(table) else "'kafka', 'format' = 'json'"
        made += f"CREATE TABLE {table} ({columns}) WITH ('connector' = {how}, 'topic' = '{table}_{suffix}', " \
                f"'properties.bootstrap.servers' = '{ADDRESS}');\n"
    inserts = "".join(f"INSERT INTO {table} {query};\n" for table, (_, query) in QUERIES.items())
    return f"{made}SET 'pipeline.name' = '{suffix}';\nEXECUTE STATEMENT SET BEGIN\n{inserts}END;\n"


def order(number):
    """(customer, product, cents, time) of an order: times ascend, and customers pause now and then."""
    seconds = number * 4 + number // 15 * 12
    return CUSTOMERS[(number * 5 + number // 7) % 4], f"p{number * 31 % 17}", number * 7919 % 10_000, f"2026-01-01 10:{seconds // 60:02}:{seconds % 60:02}"


def insert(node, begin, end):
    orders, payments = [], []
    for number in range(begin, end):
        customer, product, cents, time = order(number)
        orders.append(f"({number}, '{customer}', '{product}', {cents / 100:.2f}, TIMESTAMP '{time}')")
        if number >= 5 and number % 3:  # paid when a later order comes
            payments.append(f"({number - 5}, TIMESTAMP '{time}')")
    names = [f"('{customer}', '{customer} at {end}')" for customer in CUSTOMERS if customer != "dan"]
    rows = {"orders": orders, "payments": payments, "names": names}
    statements = "".join(f"INSERT INTO {table} VALUES {', '.join(values)}{' ON CONFLICT DO DEDUPLICATE' if table == 'names' else ''};\n"
                         for table, values in rows.items())
    _, error = node.results(TABLES + statements)
    assert error is None, error


def table(node, name, suffix):
    """What the topic holds: a row for each key, or all rows in an order that does not depend on how they came."""
    found, position = [], "earliest"
    while True:
        page = node.api(f"/topics/{name}_{suffix}/records?partition=0&from={position}&limit=500")
        if not page["records"]:
            break
        found += page["records"]
        position = page["records"][-1]["offset"] + 1
    if not has_key(name):
        return sorted(json.dumps(one["value"], sort_keys=True) for one in found)
    rows = {}
    for one in found:
        rows[json.dumps(one["key"], sort_keys=True)] = one["value"]
    return {key: value for key, value in rows.items() if value is not None}


def tables(node, suffix):
    return {name: table(node, name, suffix) for name in QUERIES}


def await_rows(node, suffix, count):
    """The totals count every order, and what takes longest has come."""
    support.wait_until(lambda: sum(row["orders"] for row in table(node, "totals", suffix).values()) == count, f"{count} orders in {suffix}", 60)


def make_topics(node, suffix):
    for name in QUERIES:
        node.api("/topics", "POST", {"name": f"{name}_{suffix}", "partitions": 1, "config": {"retention.ms": "-1"}})


def start_node(folder):
    return support.Node(folder, {"kafka.advertised": ADDRESS}).start()


def fill(node):
    for topic in ("orders", "payments", "names"):
        node.api("/topics", "POST", {"name": topic, "partitions": 1, "config": {"retention.ms": "-1"}})
    for suffix in ("running", "kept"):
        make_topics(node, suffix)
        node.submit(script(suffix))
    insert(node, 0, HALF)
    for suffix in ("running", "kept"):
        await_rows(node, suffix, HALF)
    kept, = [job["id"] for job in node.api("/jobs")["jobs"] if job["name"] == "kept"]
    node.api(f"/jobs/{kept}/stop", "POST", {"savepoint": True})
    insert(node, HALF, HALF + 10)  # in one of the two
    await_rows(node, "running", HALF + 10)  # so its checkpoint is behind all of it
    node.kill()


def is_equal(node, suffix, expected):
    found = tables(node, suffix)
    return all(found[name] == expected[name] for name in QUERIES)


def check_all(node):
    """The three jobs come to the same tables, and those are of the whole input."""
    for suffix in ("running", "kept"):
        try:
            support.wait_until(lambda: is_equal(node, suffix, tables(node, "fresh")), "equal tables", 90)
        except AssertionError:
            expected, found = tables(node, "fresh"), tables(node, suffix)
            for name in QUERIES:
                assert found[name] == expected[name], f"{name} of {suffix}"
            raise


@pytest.mark.parametrize("archive", golden.archives("jobs"), ids=os.path.basename)
def test_jobs_of_an_earlier_format_go_on(tmp_path, archive):
    golden.unpack(archive, tmp_path)
    node = start_node(tmp_path)
    try:
        running, = [job for job in node.api("/jobs")["jobs"] if job["name"] == "running"]
        assert running["state"] == "RUNNING" and glob.glob(os.path.join(node.data, "jobs", running["id"], "chk-*/manifest")), running
        savepoint, = glob.glob(os.path.join(node.data, "savepoints/savepoint-*"))
        moved = str(tmp_path / "elsewhere")
        shutil.move(savepoint, moved)
        node.submit(script("kept", f"SET 'execution.state-recovery.path' = '{moved}';\nSET 'parallelism.default' = '3';\n"))
        insert(node, HALF + 10, WHOLE)
        make_topics(node, "fresh")
        node.submit(script("fresh"))
        await_rows(node, "fresh", WHOLE)
        check_all(node)
        node.kill()
        node.start()
        insert(node, WHOLE, MORE)
        await_rows(node, "fresh", MORE)
        check_all(node)
        fresh = tables(node, "fresh")
        for customer in CUSTOMERS:
            own = [(number, *order(number)) for number in range(MORE) if order(number)[0] == customer]
            row, = [row for row in fresh["totals"].values() if row["customer"] == customer]
            assert (row["orders"], row["products"]) == (len(own), len({one[2] for one in own}))
            assert round(float(row["amount"]) * 100) == sum(one[3] for one in own)
        assert all(len(fresh[name]) > 2 for name in QUERIES), {name: len(rows) for name, rows in fresh.items()}
    except BaseException:
        print(node.log_tail(6000))
        raise
    finally:
        node.kill()


if __name__ == "__main__":
    golden.make("jobs", sys.argv[1], start_node, fill)
