"""Each example plays a bounded input on a node and equals what an independent script computes; its SQL passes its own tests."""
import os
import subprocess
import sys

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
