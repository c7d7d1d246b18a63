"""The cases recorded from a real Flink that need files or a database to write to: run on a node, against a real PostgreSQL. The others run on virtual
time (tests/sql). Skipped where the cases are absent: they are not a part of the project."""
import collections
import json
import os
import re
import shutil

import pytest
import support

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
CASES = os.environ.get("MAINSTEM_FLINK_CASES", os.path.join(ROOT, "..", "shared", "cases", "flink"))


def statements(text):
    text = "\n".join(line for line in text.split("\n") if not line.startswith("--"))
    return [statement.strip() for statement in text.split(";") if statement.strip()]


def execute(node, script):
    return node.results(script, {"table.local-time-zone": "UTC", "parallelism.default": "1"})


def fold(changelog):
    rows = collections.Counter()
    for kind, *fields in changelog:
        rows[json.dumps(fields)] += 1 if kind in ("+I", "+U") else -1
    return [json.loads(row) for row in sorted(rows.elements())]


@pytest.mark.parametrize("name", ["075-file-sink-with-key", "079-like-table-hints", "081-jdbc-upsert-sink"])
def test_a_case_ends_as_in_flink(name, node, tmp_path, request):
    support.needs_recorded(os.path.join(CASES, name), "MAINSTEM_FLINK_CASES")
    folder = str(tmp_path / name)
    shutil.copytree(os.path.join(CASES, name), folder)
    script = open(folder + "/query.sql").read().replace("${CASE}", folder)
    if os.path.exists(folder + "/setup.sql"):
        postgres = request.getfixturevalue("postgres")
        postgres.query(open(folder + "/setup.sql").read())
        script = script.replace("${JDBC_URL}", postgres.jdbc_url + "?user=postgres")
    expected = json.load(open(folder + "/expected.json"))
    wrong = [entry["statement"] for entry in expected if "statement" in entry]
    tables = [s for s in statements(script) if re.match(r"CREATE TABLE \w+ \(", s)]
    for statement in wrong:
        _, error = execute(node, ";\n".join(tables + [statement]) + ";")
        assert error is not None, f"Flink refuses {statement}"
    results, error = execute(node, ";\n".join(s for s in statements(script) if s not in wrong) + ";")
    assert error is None, error
    queries = [entry for entry in expected if "q" in entry]
    assert len(results) == len(queries)
    for entry, rows in zip(queries, results):
        assert fold(rows) == sorted(entry["final"], key=json.dumps), entry["q"]
        # A database gives its rows in an order of its own.
        if entry["compare"] == "changelog" and "jdbc" not in name:
            assert rows == entry["changelog"], entry["q"]
