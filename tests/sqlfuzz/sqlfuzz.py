#!/usr/bin/env python3
"""Random queries over small random tables: what a streaming job leaves in the end must be what DuckDB answers over the same rows.
  sqlfuzz.py [--seeds FROM:TO] [--fresh COUNT] [--jobs N] [--keep DIR]    a case a seed; a fresh one's seeds are random
  sqlfuzz.py --show SEED                                               the case: script, inputs, both queries
Exits 1 when a case differs; it is made small, printed, and left in DIR as a test for `mainstem test`. docs/testing.md."""
import argparse
import collections
import multiprocessing
import os
import random
import re
import sys
import time

from engines import Mainstem, MainstemFails, Oracle, OracleRefuses
from minimise import minimised
from nodes import decimal_parts, is_decimal
from queries import Queries
from render import duck_query, flink_query, flink_script, used_names

FAILURES_MAX = 5  # that are made small and shown
PROGRESS_EVERY = 2000
# What is refused as Flink refuses it, when a random query comes to it by chance.
REFUSED_BY_FLINK = [
    "an interval join takes new rows only, but its input updates or deletes rows",  # times are equal: an interval of zero
    "an OVER window ordered by time takes new rows only, but its input updates or deletes rows",  # over a deduplication
    "the event time of a row is NULL",  # of the side of an outer join that has no row
]


def make_case(seed):
    return Queries(random.Random(seed)).case(seed)


def ways_of(seed):
    """Every case to its end; some in other ways too."""
    chance = random.Random(seed ^ 0x5EED).random()
    return ["end"] + (["killed"] if chance < 0.12 else ["parallel"] if chance < 0.24 else ["small"] if chance < 0.36 else [])


class Outcome:
    """kind: 'same', 'oracle' (it refuses), 'refused' (Flink does too), 'unsupported', 'differs', 'error', 'ways'. `message` tells like failures apart."""

    def __init__(self, kind, message="", expected=None, got=None):
        self.kind, self.message, self.expected, self.got = kind, message, expected, got

    def failed(self):
        return self.kind in ("differs", "error", "ways")


def normalised(message):
    """Without what is of this case only."""
    message = re.sub(r"line \d+, column \d+: ", "", message)
    return re.sub(r"'[^']*'", "'..'", message.splitlines()[0])[:160]


def run(case, ways, oracle, mainstem):
    outputs = Queries.outputs(case.query)
    try:
        expected = oracle.rows(case, outputs)
    except OracleRefuses as refusal:
        return Outcome("oracle", normalised(str(refusal)))
    try:
        got = mainstem.rows(case, outputs, ways)
    except MainstemFails as failure:
        if any(text in failure.message for text in REFUSED_BY_FLINK):
            return Outcome("refused", normalised(failure.message))
        if failure.code == "Unsupported":
            return Outcome("unsupported", normalised(failure.message))
        return Outcome("error", f"{failure.way}: {failure.code}: {normalised(failure.message)}")
    for way in ways:
        if got[way] != expected:
            return Outcome("differs" if way == "end" else "ways", way, expected, got[way])
    return Outcome("same")


# ---- what is shown and kept

def text_of(value, type_name):
    """As CAST(.. AS STRING) writes it, for the values that there are here."""
    if value is None:
        return "<NULL>"
    if isinstance(value, bool):
        return str(value).upper()
    if is_decimal(type_name):
        return f"{value:.{decimal_parts(type_name)[1]}f}"
    text = str(value)
    return '"' + text + '"' if text == "" or text != text.strip() or " | " in text else text


def table_text(case, rows):
    types = [o.type for o in Queries.outputs(case.query)]
    return "".join(" | ".join(map(text_of, row, types)) + "\n" for row in rows)


def folder_of(case, outcome, keep):
    """A test for `mainstem test` that expects what DuckDB answered, with the query that DuckDB got."""
    folder = os.path.join(keep, f"seed-{case.seed}")
    os.makedirs(os.path.join(folder, "input"), exist_ok=True)
    os.makedirs(os.path.join(folder, "expect"), exist_ok=True)
    used = used_names(case)
    with open(os.path.join(folder, "pipeline.sql"), "w") as f:
        f.write(flink_script(case) + flink_query(case) + ";\n")
    for table in case.tables:
        if table.name in used:
            name, text = table.input()
            with open(os.path.join(folder, "input", name), "w") as f:
                f.write(text)
    with open(os.path.join(folder, "expect", "result.table"), "w") as f:
        f.write(" | ".join(o.name for o in Queries.outputs(case.query)) + "\n" + table_text(case, outcome.expected or []))
    with open(os.path.join(folder, "duckdb.txt"), "w") as f:
        f.write(duck_query(case) + "\n")
    return folder


def describe(case, outcome, folder):
    lines = [f"seed {case.seed}: {outcome.kind} {outcome.message}", f"mainstem test {folder}", flink_script(case) + flink_query(case)]
    for table in case.tables:
        if table.name in used_names(case):
            name, text = table.input()
            lines.append(f"-- {name}\n{text}")
    if outcome.expected is not None:
        lines += ["DuckDB:", table_text(case, outcome.expected), "Mainstem:", table_text(case, outcome.got)]
    return "\n".join(lines)


# ---- workers

WORKER = {}


def work(seed):
    if not WORKER:
        WORKER.update(oracle=Oracle(), mainstem=Mainstem())
    case = make_case(seed)
    outcome = run(case, ways_of(seed), WORKER["oracle"], WORKER["mainstem"])
    return seed, outcome.kind, outcome.message


def explain(seed, keep):
    """Made small."""
    oracle, mainstem = Oracle(), Mainstem()
    case, ways = make_case(seed), ways_of(seed)
    first = run(case, ways, oracle, mainstem)

    def fails(smaller):
        try:
            again = run(smaller, ways, oracle, mainstem)
        except (AttributeError, IndexError, KeyError):
            return False  # no tree that can be written
        return again.kind == first.kind and again.message == first.message
    if first.failed():
        case = minimised(case, fails)
    last = run(case, ways, oracle, mainstem)
    mainstem.close()
    folder = folder_of(case, last, keep)
    return describe(case, last, folder)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0:0", help="FROM:TO, the latter not included")
    parser.add_argument("--fresh", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", default=".deps/sqlfuzz")
    parser.add_argument("--show", type=int)
    parser.add_argument("--report", help="a file for the numbers of what is refused")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    if arguments.show is not None:
        print(explain(arguments.show, arguments.keep))
        print("-- DuckDB\n" + duck_query(make_case(arguments.show)))
        return 0
    begin, end = (int(n) for n in arguments.seeds.split(":"))
    first_fresh = random.SystemRandom().randrange(1 << 32, 1 << 52)
    seeds = list(range(begin, end)) + list(range(first_fresh, first_fresh + arguments.fresh))
    started = time.monotonic()
    kinds, messages, failures = collections.Counter(), collections.Counter(), {}
    with multiprocessing.Pool(arguments.jobs) as pool:
        for number, (seed, kind, message) in enumerate(pool.imap_unordered(work, seeds, chunksize=8), 1):
            kinds[kind] += 1
            if number % PROGRESS_EVERY == 0:
                print(f"sqlfuzz: {number} of {len(seeds)} seeds, {time.monotonic() - started:.0f} s", flush=True)
            if kind != "same":
                messages[kind, message] += 1
            if kind in ("differs", "error", "ways"):
                print(f"seed {seed}: {kind} {message}", flush=True)
                failures.setdefault((kind, message), []).append(seed)
    report(arguments, seeds, kinds, messages, failures, time.monotonic() - started)
    return 1 if failures else 0


def report(arguments, seeds, kinds, messages, failures, seconds):
    for (kind, message), of_kind in sorted(failures.items(), key=lambda f: -len(f[1]))[:FAILURES_MAX]:
        print(f"---- {len(of_kind)} times: {kind} {message}; seeds {of_kind[:12]}")
        print(explain(of_kind[0], arguments.keep), flush=True)
    if arguments.report:
        with open(arguments.report, "w") as f:
            for (kind, message), count in messages.most_common():
                f.write(f"{count}\t{kind}\t{message}\n")
    ran = kinds["same"] + kinds["differs"] + kinds["ways"]
    print(f"sqlfuzz: {len(seeds)} seeds, {seconds:.0f} s: {ran} compared, {kinds['differs'] + kinds['ways']} differ, {kinds['error']} fail, "
          f"{kinds['unsupported']} refused as not supported, {kinds['refused']} as Flink does, {kinds['oracle']} without an answer of DuckDB")


if __name__ == "__main__":
    sys.exit(main())
