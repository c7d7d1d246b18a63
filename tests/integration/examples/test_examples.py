"""The examples run as their READMEs say and equal what an independent script computes."""
import gzip
import os
import shutil
import subprocess
import sys

import pytest

import support

PYTHON = sys.executable


def test_the_shop_plays_once(tmp_path):
    result = subprocess.run([PYTHON, os.path.join(support.ROOT, "scripts/demo.py"), "--once", "--events", "20000" if support.FULL else "6000",
                             "--data", str(tmp_path)], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    for name in ("page_views", "click_totals", "funnel", "error_bursts", "archive"):
        assert f"right: {name}" in result.stdout


def access_log(log, folder):
    example = os.path.join(support.ROOT, "examples/access-log")
    result = subprocess.run([support.BINARY, "run", example + "/pipeline.sql", "-D", f"LOG={log}", "-D", f"OUT={folder}/out"],
                            capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr[-3000:]
    check = subprocess.run([PYTHON, example + "/check.py", str(log), f"{folder}/out"], capture_output=True, text=True, timeout=120)
    assert check.returncode == 0, check.stdout + check.stderr
    return check.stdout


def test_a_made_up_access_log(tmp_path):
    log = tmp_path / "access.log.gz"
    subprocess.run([PYTHON, os.path.join(support.ROOT, "examples/access-log/make_log.py"), str(log), "5000"], check=True)
    assert "right: hourly" in access_log(log, tmp_path)


def test_a_real_access_log(tmp_path):
    shared = os.path.join(support.ROOT, "..", "shared", "data", "apache-access.log.gz")
    if not os.path.exists(shared):
        pytest.skip("the real access log (shared/data) is not here")
    log = tmp_path / "apache.log"
    with gzip.open(shared) as source, open(log, "wb") as target:
        shutil.copyfileobj(source, target)
    assert "right: audience" in access_log(log, tmp_path)
