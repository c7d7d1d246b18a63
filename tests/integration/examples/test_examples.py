"""The shop of ./run plays a bounded input and equals what an independent script computes."""
import os
import subprocess
import sys

import support

PYTHON = sys.executable


def test_the_shop_plays_once(tmp_path):
    result = subprocess.run([PYTHON, os.path.join(support.ROOT, "scripts/demo.py"), "--once", "--events", "20000" if support.FULL else "6000",
                             "--data", str(tmp_path)], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    for name in ("page_views", "click_totals", "funnel", "error_bursts", "archive"):
        assert f"right: {name}" in result.stdout


def test_the_pipelines_pass_their_own_tests():
    result = subprocess.run([support.BINARY, "test", os.path.join(support.ROOT, "examples")], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "clickstream/test/late-clicks" in result.stdout and "access-log/test/robots-and-people" in result.stdout
