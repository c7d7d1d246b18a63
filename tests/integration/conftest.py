"""Fixtures: `node` (fresh for a test), `shared_node` (one for a file), `postgres`, `mariadb`, `mysql` and `opensearch` (one for the session)."""
import os
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(__file__))
import support  # noqa: E402


@pytest.fixture
def node(tmp_path):
    server = support.Node(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def shared_node():
    folder = tempfile.mkdtemp(prefix="mainstem-node-")
    server = support.Node(folder)
    server.start()
    yield server
    server.kill()
    support.remove(folder)


@pytest.fixture(scope="session")
def postgres():
    folder = tempfile.mkdtemp(prefix="mainstem-pg-")
    server = support.Postgres(folder)
    if not server.available:
        pytest.skip("PostgreSQL is not installed: run scripts/setup test")
    server.start()
    yield server
    server.stop()
    support.remove(folder)


@pytest.fixture(scope="session")
def opensearch():
    folder = tempfile.mkdtemp(prefix="mainstem-opensearch-")
    server = support.OpenSearch(folder)
    if not server.available:
        pytest.skip("OpenSearch is not installed: run scripts/setup test")
    server.start()
    yield server
    server.stop()
    support.remove(folder)


def database(kind):
    folder = tempfile.mkdtemp(prefix="mainstem-db-")
    server = kind(folder)
    if not server.available:
        pytest.skip(f"{kind.__name__} is not installed: run scripts/setup test")
    server.start()
    yield server
    server.stop()
    support.remove(folder)


@pytest.fixture(scope="session")
def mariadb():
    yield from database(support.Mariadb)


@pytest.fixture(scope="session")
def mysql():
    yield from database(support.Mysql)
