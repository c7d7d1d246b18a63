#!/usr/bin/env python3
"""Runs the SQL tests. Usage: run.py [--rewrite] [name part ...]. The cases taken from Flink are looked for in
$MAINSTEM_FLINK_CASES, else beside the project in ../shared/cases/flink; they are skipped, with a message, when absent."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))


def main():
    runner = os.path.join(ROOT, "build", "tests", "sql", "sql_runner")
    if not os.path.exists(runner):
        sys.exit("tests/sql: the runner is not built: scripts/build all")
    cases = os.environ.get("MAINSTEM_FLINK_CASES", os.path.join(ROOT, "..", "shared", "cases", "flink"))
    args = [runner, "--tests", HERE]
    if os.path.isdir(cases):
        args += ["--flink-cases", cases]
    else:
        print(f"tests/sql: no Flink cases at {cases}: skipped", flush=True)
    sys.exit(subprocess.run(args + sys.argv[1:]).returncode)


main()
