"""./run (scripts/demo.py): what --reset removes and when it refuses to, and that Ctrl-C ends it at any moment, with all it started."""
import contextlib
import fcntl
import glob
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))
from support import ROOT, free_port, wait_until  # noqa: E402

PLAYED = "--events 3000001"
# A node that never becomes ready, and says that it was started.
SLOW_NODE = """#!/bin/sh
while [ $# -gt 0 ]; do [ "$1" != --data ] || data=$2; shift; done
touch "$data.started"
exec sleep 600
"""


def processes():
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with contextlib.suppress(OSError), open(path, "rb") as f:  # it may end meanwhile
            found.append(f.read().decode(errors="replace").replace("\0", " "))
    return found


class Demo:
    def __init__(self, folder):
        self.folder = os.path.join(str(folder), "data")
        self.tables = "/var/tmp/mainstem-postgres-" + hashlib.sha256(os.path.join(self.folder, "postgres").encode()).hexdigest()[:12]

    def keep(self, *names):
        """Files of an earlier run."""
        for name in names:
            path = name if os.path.isabs(name) else os.path.join(self.folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as f:
                f.write("kept")

    def has(self, name):
        return os.path.exists(os.path.join(self.folder, name))

    def start(self, *arguments, **environment):
        ports = [] if "--once" in arguments or "--kafka-port" in arguments else ["--kafka-port", str(free_port()), "--http-port", str(free_port())]
        return subprocess.Popen([sys.executable, os.path.join(ROOT, "scripts/demo.py"), "--data", self.folder, *ports, *arguments], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, env=dict(os.environ, **environment))

    def left(self):
        """Processes that name the folder, or PostgreSQL's elsewhere."""
        return [words for words in processes() if self.folder in words or self.tables in words]


@pytest.fixture
def demo(tmp_path):
    made = Demo(tmp_path)
    yield made
    for path in glob.glob("/var/tmp/mainstem-postgres-*"):
        once = hashlib.sha256(os.path.join(made.folder, "once/postgres").encode()).hexdigest()[:12]
        if path == made.tables or path.endswith(once):
            shutil.rmtree(path)


def test_reset_takes_nothing_while_a_port_is_taken(demo):
    demo.keep("node/journal", "lake/clicks", "postgres/port")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ended = demo.start("--reset", "--kafka-port", str(other.getsockname()[1]))
        output, _ = ended.communicate(timeout=30)
    assert ended.returncode == 1 and "--kafka-port N" in output, output
    assert demo.has("node/journal") and demo.has("lake/clicks") and demo.has("postgres/port")


@pytest.mark.parametrize("file", ["run.lock", "node/LOCK"])
def test_reset_takes_nothing_from_a_run_or_node_that_works_there(demo, file):
    demo.keep("node/journal", "lake/clicks", file)
    with open(os.path.join(demo.folder, file), "r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ended = demo.start("--reset")
        output, _ = ended.communicate(timeout=30)
    assert ended.returncode == 1 and "another ./run or node works in" in output and "--data" in output, output
    assert demo.has("node/journal") and demo.has("lake/clicks")


def test_reset_names_what_it_removes_and_leaves_what_is_not_its_own(demo):
    demo.keep("node/journal", "lake/clicks", "node.log", "postgres/port", demo.tables + "/port", "LOCK", "segments/0", "once/node/journal")
    running = demo.start("--reset")
    line = running.stdout.readline()
    running.send_signal(signal.SIGINT)  # PostgreSQL is about to start
    output, _ = running.communicate(timeout=30)
    for name in ("data/node", "data/lake", "data/node.log", "data/postgres", demo.tables):
        assert name in line, line
    assert not demo.has("node/journal") and not demo.has("lake")
    for port in (os.path.join(demo.folder, "postgres/port"), demo.tables + "/port"):  # there is a new one by now, or none
        assert not os.path.exists(port) or open(port).read() != "kept"
    assert demo.has("segments/0") and demo.has("LOCK") and demo.has("once/node/journal")
    assert running.returncode == 130 and "Traceback" not in output, output
    assert demo.left() == []


def test_tables_without_the_log_that_filled_them_are_not_taken_up_again(demo):
    demo.keep("postgres/data/PG_VERSION", demo.tables + "/data/PG_VERSION")
    running = demo.start()
    line = running.stdout.readline()
    running.terminate()
    output, _ = running.communicate(timeout=30)
    assert "forgotten" in line and demo.tables in line, line + output
    assert running.returncode == 143 and demo.left() == [], output


def test_ctrl_c_while_the_node_starts_ends_it_and_postgres(demo, tmp_path):
    slow = tmp_path / "slow-node"
    slow.write_text(SLOW_NODE)
    slow.chmod(0o755)
    running = demo.start(MAINSTEM_BINARY=str(slow))
    wait_until(lambda: demo.has("node.started"), "the node's start")
    assert any("postgres" in words for words in demo.left())
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=30)
    assert running.returncode == 130 and "Traceback" not in output, output
    assert demo.left() == []


def test_ctrl_c_while_once_plays_ends_all_of_it(demo):
    running = demo.start("--once", *PLAYED.split())
    while "a Kafka client plays" not in (line := running.stdout.readline()):
        assert line, "it ended"
    wait_until(lambda: any(PLAYED in words and "player.py" in words for words in processes()), "the player")
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=30)
    assert running.returncode == 130 and "Traceback" not in output, output
    assert demo.left() == [] and not any(PLAYED in words and "player.py" in words for words in processes())
