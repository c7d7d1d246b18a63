"""Each example plays a bounded input on a node and equals what an independent script computes; its SQL passes its own tests."""
import json
import os
import subprocess
import sys
import urllib.request

import pytest

import support

PYTHON = sys.executable
RESULTS = {
    "activity-tracking": ["visits (2333 rows)", "activations (243 rows)", "last_seen (795 rows)", "active_users (74 rows)"],
    "api-integration": ["order_decisions (293 rows)", "mails (244 rows)"],
    "fraud-detection": ["fraud_alerts (67 rows)", "suspected_cards (47 rows)"],
    "iot-devices": ["temperature_alarms (32 rows)", "silent_devices (157 rows)", "gaps (37 rows)", "minutes (4475 rows)"],
    "live-inventory": ["stock (25 rows)", "low_stock (12 rows)", "recommendations (75 rows)"],
    "real-time-analytics": ["kpi_today (361 rows)", "sales_cube (1127 rows)", "best_sellers (362 rows)", "trends (141 rows)"],
    "streaming-etl": ["order_facts (2565 rows)", "revenue_by_country (6 rows)", "payment_archive (2164 rows)", "quarantine (2 rows)"],
}


@pytest.mark.parametrize("example", RESULTS)
def test_an_example_makes_the_right_tables(example):
    seeds = ["1", "2", "3"] if support.FULL else ["1"]
    for seed in seeds:
        result = subprocess.run([PYTHON, os.path.join(support.ROOT, "examples/run.py"), example, "--seed", seed], capture_output=True,
                                text=True, timeout=180, env=dict(os.environ, MAINSTEM_BINARY=support.BINARY))
        assert result.returncode == 0 and "WRONG" not in result.stdout, result.stdout[-3000:] + result.stderr[-3000:]
        for expected in RESULTS[example]:
            assert f"right: {expected if seed == '1' else expected.split()[0]}" in result.stdout, result.stdout[-3000:]


def test_a_service_is_told_what_became_of_its_order(node, postgres):
    folder = os.path.join(support.ROOT, "examples/api-integration")
    sys.path.insert(0, folder)
    import service
    with open(os.path.join(folder, "schema.sql"), encoding="utf-8") as f:
        postgres.query(f.read())
    for topic in ("orders", "order-decisions", "mails"):
        node.api("/topics", "POST", {"name": topic})
    with open(os.path.join(folder, "pipeline.sql"), encoding="utf-8") as f:
        script = f.read()
    for name, value in {"KAFKA": node.kafka, "BOUNDED": "unbounded", "JDBC_URL": postgres.jdbc_url}.items():
        script = script.replace("${" + name + "}", value)
    node.submit(script)
    address = service.start("http://" + node.http)

    def post(order):
        request = urllib.request.Request(address + "/orders", data=json.dumps(order).encode())
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)["follow"]

    def decision(path):
        with urllib.request.urlopen(address + path, timeout=30) as response:
            answer = json.load(response)
        return answer if answer["decision"] != "pending" else None

    accepted, rejected = post({"customer_id": 18, "amount": 30.5}), post({"customer_id": 9999, "amount": 1})
    assert support.wait_until(lambda: decision(accepted), "a decision")["decision"] == "accepted"
    assert support.wait_until(lambda: decision(rejected), "a decision")["reason"] == "no such customer"
    postgres.query("INSERT INTO customers VALUES (9999, 'Ida Moreau', NULL, 'standard', 50, FALSE)")
    later = post({"customer_id": 9999, "amount": 1})
    assert support.wait_until(lambda: decision(later), "a decision")["decision"] == "accepted"   # who was missing is asked for again


def test_the_shop_plays_once(tmp_path):
    result = subprocess.run([PYTHON, os.path.join(support.ROOT, "scripts/demo.py"), "--once", "--events", "20000" if support.FULL else "6000",
                             "--data", str(tmp_path)], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    for name in ("page_views", "click_totals", "funnel", "error_bursts", "archive"):
        assert f"right: {name}" in result.stdout


def test_the_pipelines_pass_their_own_tests():
    result = subprocess.run([support.BINARY, "test", os.path.join(support.ROOT, "examples")], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    folders = [name for name in os.listdir(os.path.join(support.ROOT, "examples")) if name != "stage" and "." not in name]
    for name in folders:
        assert f"{name}/test/" in result.stdout, f"{name} has no test"
