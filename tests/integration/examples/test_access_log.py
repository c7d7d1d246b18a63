"""The access-log example on a made-up log and on 10,000 real lines of a web server: its tables equal, row for row, what an
independent script computes from the file."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))
from support import BINARY, ROOT, needs_recorded  # noqa: E402

REAL_LOG = os.environ.get("ACCESS_LOG", os.path.join(ROOT, "..", "shared/data/apache-access.log.gz"))


def run(*arguments):
    command = [sys.executable, os.path.join(ROOT, "examples/access-log/run.py"), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=180, env=dict(os.environ, MAINSTEM_BINARY=BINARY))
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_a_made_up_log():
    out = run()
    assert "pages that were asked for most" in out and " /blog/ " in out
    assert out.count(" rows, equal") == 3 and "requests-per-hour: 275 rows" in out


def test_a_real_log():
    needs_recorded(REAL_LOG, "ACCESS_LOG")
    out = run(REAL_LOG)
    assert "requests-per-hour: 291 rows, equal" in out
    assert "top-pages: 119 rows, equal" in out and "visitors: 12 rows, equal" in out


def test_a_log_with_what_strangers_send(tmp_path):
    moment = "[20/May/2015:21:05:15 +0200]"
    (tmp_path / "access.log").write_text("\n".join([
        f'10.0.0.1 - - {moment} "-" 408 - "-" "-"',
        rf'10.0.0.1 - - {moment} "\x16\x03\x01" 400 226 "-" "-"',
        f'10.0.0.1 - - {moment} "" 400 0 "-" "-"',
        rf'2001:db8::1 - frank smith {moment} "GET /a\"b?x HTTP/1.1" 200 12 "http://x/\"y" "agent \"quoted\" bot"',
        f'10.0.0.2 - - {moment} "GET / HTTP/1.0" 200 44',
        f'10.0.0.3 - - {moment} "GET / HTTP/1.0" 200 44 "http://cut.off',
        f'10.0.0.3 - - {moment} "GET /" 200 44 "-" "curl/7',
        "", "this is no line of an access log", f"10.0.0.3 - - {moment} GET / 200"]) + "\n")
    out = run(str(tmp_path / "access.log"))
    assert "requests-per-hour: 3 rows, equal" in out and "visitors: 2 rows, equal" in out
    assert "set aside: 2 lines, equal" in out


def test_a_file_that_is_no_log(tmp_path):
    (tmp_path / "novel.txt").write_text("It was a dark and stormy night.\n" * 2000)
    command = [sys.executable, os.path.join(ROOT, "examples/access-log/run.py"), str(tmp_path / "novel.txt")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=180, env=dict(os.environ, MAINSTEM_BINARY=BINARY))
    assert result.returncode == 1 and "regex.pattern" in result.stderr
