#!/usr/bin/env python3
"""Scripts to begin from when planning is fuzzed (src/process/plan/binder_fuzz.cc): corpus.py DIR writes there each query of tests/sql
with its tables, the .sql files of examples and benchmarks, and some queries of our own generator."""
import os
import re
import sys

from render import flink_query, flink_script
from sqlfuzz import make_case

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
GENERATED = 300
BYTES_MAX = 4096  # of what is fuzzed quickly


def slt_scripts(text):
    """Of a .slt file: each query with the sections of set-up before it."""
    setup = ""
    for section in re.split(r"^-- ", text, flags=re.M)[1:]:
        kind, _, body = section.partition("\n")
        if kind == "setup":
            setup += body
        elif kind == "query":
            yield setup + body


def scripts():
    for top in ("tests/sql", "examples", "bench"):
        for folder, _, names in sorted(os.walk(os.path.join(ROOT, top))):
            for name in sorted(names):
                if name.endswith((".slt", ".sql")):
                    with open(os.path.join(folder, name), encoding="utf-8") as f:
                        text = f.read()
                    yield from slt_scripts(text) if name.endswith(".slt") else [text]
    for seed in range(GENERATED):
        case = make_case(seed)
        yield flink_script(case) + flink_query(case) + ";\n"


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for number, text in enumerate(s for s in scripts() if len(s.encode()) <= BYTES_MAX):
        with open(os.path.join(folder, f"{number:04d}.sql"), "w", encoding="utf-8") as f:
            f.write(text)


main()
