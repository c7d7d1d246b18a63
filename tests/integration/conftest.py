"""Fixtures: `node` (fresh for a test), `shared_node` (one for a file), `postgres`, `mariadb`, `mysql`, `opensearch`, `redis_server`, `kafka_server`, `clickhouse` and `s3` (one for the session)."""
import os
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(__file__))
import support  # noqa: E402


def pytest_collection_modifyitems(items):
    """What hangs fails by its name, after ten minutes in the short tier, with the stacks of its threads, and the run goes on."""
    for item in items:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(4 * 3600 if support.FULL else 600))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    """Under ./test, which has called scripts/setup, a test must not be left out for want of what that installs."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and "run scripts/setup test" in str(report.longrepr) and "MAINSTEM_UNCHECKED" in os.environ:
        report.outcome, report.longrepr = "failed", f"scripts/setup test was run, and yet: {report.longrepr}"


def pytest_terminal_summary(terminalreporter):
    """Tests that were skipped for want of recorded data, by name; ./test collects them."""
    skipped = [report.nodeid for report in terminalreporter.stats.get("skipped", []) if support.RECORDED in str(report.longrepr)]
    if skipped:
        terminalreporter.line(f"not checked, for want of recorded data that is no part of the project: {len(skipped)}")
    for name in skipped:
        terminalreporter.line("  " + name)
    if "MAINSTEM_UNCHECKED" in os.environ and "PYTEST_XDIST_WORKER" not in os.environ:
        with open(os.environ["MAINSTEM_UNCHECKED"], "a") as file:
            file.writelines(name + "\n" for name in skipped)


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


def serving(kind, *arguments, setup="test"):
    """A real server for the whole session."""
    name = "-".join([kind.__name__, *arguments]).lower()
    folder = tempfile.mkdtemp(prefix=f"mainstem-{name}-")
    server = kind(folder, *arguments)
    if not server.available:
        pytest.skip(f"{name} is not installed: run scripts/setup {setup}")
    server.start()
    yield server
    server.stop()
    support.remove(folder)


@pytest.fixture(scope="session")
def postgres():
    yield from serving(support.Postgres)


@pytest.fixture(scope="session")
def opensearch():
    yield from serving(support.OpenSearch)


@pytest.fixture(scope="session", params=["moto", "minio"])
def s3(request):
    """Both servers; MinIO, which takes minutes to build, only in the full tier."""
    yield from serving(support.S3Server, request.param, setup="full" if request.param == "minio" else "test")


@pytest.fixture(scope="session")
def redis_server():
    yield from serving(support.Redis)


@pytest.fixture(scope="session")
def kafka_server():
    yield from serving(support.Kafka)


@pytest.fixture(scope="session")
def clickhouse():
    yield from serving(support.Clickhouse)


@pytest.fixture(scope="session")
def mariadb():
    yield from serving(support.Mariadb)


@pytest.fixture(scope="session")
def mysql():
    yield from serving(support.Mysql)
