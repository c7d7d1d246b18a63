#!/usr/bin/env python3
"""Runs the SQL tests. Usage: run.py [--rewrite] [name part ...]. The .slt files go through `mainstem test`, as a user's would. The cases
taken from Flink are looked for in $MAINSTEM_FLINK_CASES, else beside the project in ../shared/cases/flink; they are skipped when
absent, which is said; ./test names them at its end ($MAINSTEM_UNCHECKED)."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
MAINSTEM = os.environ.get("MAINSTEM_BINARY", os.path.join(ROOT, "build/src/cli/mainstem"))
CASES_RUNNER = os.path.join(ROOT, "build/tests/sql/flink_cases")


def slt_files():
    return [os.path.join(folder, name) for folder, _, names in os.walk(HERE) for name in names if name.endswith(".slt")]


def main():
    for program in (MAINSTEM, CASES_RUNNER):
        if not os.path.exists(program):
            sys.exit(f"tests/sql: {os.path.basename(program)} is not built: scripts/build all")
    rewrite = "--rewrite" in sys.argv[1:]
    parts = [word for word in sys.argv[1:] if word != "--rewrite"]
    failed = False
    if not parts or any(part in os.path.relpath(path, HERE) for part in parts for path in slt_files()):
        filters = [word for part in parts for word in ("--filter", part)]
        failed |= subprocess.run([MAINSTEM, "test", HERE, *filters, *(["--update"] if rewrite else [])]).returncode != 0
    if not parts or "errors" in parts:
        failed |= subprocess.run([CASES_RUNNER, "errors", os.path.join(HERE, "errors"), *(["rewrite"] if rewrite else [])]).returncode != 0
    if not rewrite:
        own = os.path.join(HERE, "flink")
        failed |= subprocess.run([CASES_RUNNER, own, os.path.join(own, "cases.txt"), *parts]).returncode != 0
    cases = os.environ.get("MAINSTEM_FLINK_CASES", os.path.join(ROOT, "..", "shared", "cases", "flink"))
    if not os.path.isdir(cases):
        numbers = [line.split()[0] for line in open(os.path.join(HERE, "flink_cases.txt")) if line[0].isdigit()]
        print(f"tests/sql: no recorded cases at {cases}: {len(numbers)} skipped", flush=True)
        if "MAINSTEM_UNCHECKED" in os.environ:
            with open(os.environ["MAINSTEM_UNCHECKED"], "a") as file:
                file.writelines(f"sql/flink/{number}\n" for number in numbers)
    elif not rewrite:
        failed |= subprocess.run([CASES_RUNNER, cases, os.path.join(HERE, "flink_cases.txt"), *parts]).returncode != 0
    sys.exit(1 if failed else 0)


main()
