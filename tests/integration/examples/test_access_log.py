"""The access-log example on a made-up log and on 10,000 real lines of a web server: its tables equal, row for row, what an
independent script computes from the file."""
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))
from support import BINARY, ROOT  # noqa: E402

REAL_LOG = os.environ.get("ACCESS_LOG", os.path.join(ROOT, "..", "shared/data/apache-access.log.gz"))


def run(*arguments):
    command = [sys.executable, os.path.join(ROOT, "examples/access-log/run.py"), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=180, env=dict(os.environ, MAINSTEM_BINARY=BINARY))
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_a_made_up_log():
    out = run()
    assert out.count(" rows, equal") == 3 and "requests-per-hour: 255 rows" in out


def test_a_real_log():
    if not os.path.exists(REAL_LOG):
        pytest.skip("the real log is not there (ACCESS_LOG)")
    out = run(REAL_LOG)
    assert "requests-per-hour: 291 rows, equal" in out
    assert "top-pages: 119 rows, equal" in out and "visitors: 12 rows, equal" in out
