"""The console in real Chromium against a real node; and that the committed bundle is made of the committed sources."""
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading

import pytest
from confluent_kafka import Consumer, Producer

sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))
from support import ROOT, wait_until  # noqa: E402

CONSOLE = os.path.join(ROOT, "console")


def source_hash():
    """The same as console/dev/source-hash.mjs."""
    digest = hashlib.sha256()

    def add(path):
        if os.path.isdir(path):
            for name in sorted(os.listdir(path)):
                add(os.path.join(path, name))
            return
        digest.update(os.path.relpath(path, CONSOLE).encode() + b"\0")
        with open(path, "rb") as f:
            digest.update(f.read() + b"\0")

    for top in ["index.html", "package-lock.json", "public", "src", "tsconfig.json", "vite.config.ts"]:
        add(os.path.join(CONSOLE, top))
    return digest.hexdigest()


def test_the_bundle_is_made_of_these_sources():
    with open(os.path.join(CONSOLE, "dist.sha256")) as f:
        assert f.read().strip() == source_hash(), "run: cd console && npm install && npm run build"


def test_the_lock_file_names_no_host():
    with open(os.path.join(CONSOLE, "package-lock.json")) as f:
        assert "resolved" not in f.read()


def test_the_bundle_loads_nothing_from_elsewhere():
    for name in ["index.html", "console.css"]:
        with open(os.path.join(CONSOLE, "dist", name)) as f:
            text = f.read()
        assert "http://" not in text and "https://" not in text, name


def consumer(node, group):
    made = Consumer({"bootstrap.servers": node.kafka, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False})
    made.subscribe(["clicks"])
    return made


def read_and_commit(group, count):
    """Commits behind that many records, of both partitions if they came from both."""
    for _ in range(count):
        message = wait_until(lambda: group.poll(0.1), "a record")
        assert not message.error(), message.error()
        group.commit(message, asynchronous=False)


@contextlib.contextmanager
def reading(group):
    """Keeps the member alive, as a consumer's loop does."""
    ended = threading.Event()

    def loop():
        while not ended.is_set():
            group.poll(0.1)
    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        group.close()


def test_pages_work_in_a_browser(node, tmp_path):
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not chromium or not shutil.which("node"):
        pytest.skip("no Chromium or node: run scripts/setup test")
    if not os.path.isdir(os.path.join(CONSOLE, "node_modules/playwright-core")):
        subprocess.run(["npm", "install", "--no-save", "--no-fund", "--no-audit", "--ignore-scripts"], cwd=CONSOLE, check=True, capture_output=True, timeout=300)
    node.api("/topics", "POST", {"name": "clicks", "partitions": 2})
    events = "".join(json.dumps({"user": f"user-{i}", "page": "/", "n": 12345678901234567890}) + "\n" for i in range(120))
    status, text = node.call("/v1/topics/clicks/events?key-field=user", "POST", events.encode(), "application/x-ndjson")
    assert status == 200, text
    node.api("/topics", "POST", {"name": "orders"})
    producer = Producer({"bootstrap.servers": node.kafka, "transactional.id": "shop/billing", "transaction.timeout.ms": 600000})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce("orders", "open")
    producer.flush(30)
    left = consumer(node, "search-index")
    read_and_commit(left, 7)
    left.close()
    billing = consumer(node, "billing")
    read_and_commit(billing, 120)
    with reading(billing):
        walk(chromium, node, tmp_path)


def walk(chromium, node, tmp_path):
    result = subprocess.run(["node", os.path.join(CONSOLE, "dev/walk.mjs"), f"http://{node.http}", str(tmp_path)], capture_output=True, text=True,
                            timeout=240, env=dict(os.environ, CHROMIUM=chromium))
    assert result.returncode == 0, result.stdout + result.stderr
