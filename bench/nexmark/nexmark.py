#!/usr/bin/env python3
"""The nexmark queries on Mainstem and on a real Apache Flink, one after the other in the same run, over the same files: events per CPU second.
`--check` compares the results instead (final tables, over few events). Prints one JSON line a measurement and a Markdown table at the end."""
import argparse
import collections
import glob
import json
import math
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "bench", "flink"))
import flink as flink_peer  # noqa: E402
from make_events import make_events  # noqa: E402

BINARY = os.environ.get("MAINSTEM_BINARY", os.path.join(ROOT, "build/src/cli/mainstem"))


# Their results depend on the clock: measured, not compared.
BY_THE_CLOCK = {"q12"}
# Measured into files, not into nothing: writing them is what the query is about.
WRITES_FILES = {"q10"}


def query_names():
    names = [os.path.basename(p)[:-4] for p in glob.glob(HERE + "/queries/q*.sql")]
    return sorted(names, key=lambda name: int(name[1:]))


def script(name, source, sink, settings):
    text = "".join(f"SET '{key}' = '{value}';\n" for key, value in settings.items())
    text += open(HERE + "/source.sql").read() + open(f"{HERE}/queries/{name}.sql").read()
    return text.replace("${SOURCE}", source).replace("${SINK}", sink)


class Mainstem:
    name = "mainstem"

    def __init__(self, work, durable):
        self.work, self.durable = work, durable
        os.makedirs(work, exist_ok=True)

    def run(self, text):
        """CPU seconds of the whole process, its start included."""
        path = self.work + "/query.sql"
        with open(path, "w") as f:
            f.write(text)
        data = self.work + "/data"
        shutil.rmtree(data, ignore_errors=True)
        command = [BINARY, "run", path, "--memory", "3GB"] + (["--data", data] if self.durable else [])
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.work)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            raise RuntimeError((done.stderr + done.stdout).strip().split("\n")[0])
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def stop(self):
        pass


def key_of(name):
    """The primary key of the query's table, or nothing."""
    found = re.search(r"PRIMARY KEY \(([^)]*)\)", open(f"{HERE}/queries/{name}.sql").read())
    return [column.strip(" `") for column in found[1].split(",")] if found else []


def final_table(folder, key):
    """The rows that a changelog in Debezium's JSON leaves, with how often and, of a partitioned table, in which folder. With a key the last row of it
    counts: an engine may leave out old rows."""
    rows, last = collections.Counter(), {}
    files = glob.glob(folder + "/**/*", recursive=True)
    hidden = [f for f in files if any(part.startswith((".", "_")) for part in os.path.relpath(f, folder).split(os.sep))]
    for path in sorted(f for f in files if os.path.isfile(f) and f not in hidden):
        partition = os.path.dirname(os.path.relpath(path, folder))
        for line in open(path):
            change = json.loads(line)
            if key:
                row = change["after"] if change["op"] == "c" else change["before"]
                last[json.dumps([row[column] for column in key])] = json.dumps(row, sort_keys=True) if change["op"] == "c" else None
            elif change["op"] == "c":
                rows[partition + json.dumps(change["after"], sort_keys=True)] += 1
            else:
                rows[partition + json.dumps(change["before"], sort_keys=True)] -= 1
    return {row: 1 for row in last.values() if row} | {row: count for row, count in rows.items() if count}


def check(engines, names, source, settings, work):
    failed = 0
    for name in names:
        if name in BY_THE_CLOCK:
            continue
        tables = {}
        for engine in engines:
            out = f"{work}/out-{engine.name}-{name}"
            sink = f"'connector' = 'filesystem', 'path' = '{out}', 'format' = 'debezium-json'"
            try:
                engine.run(script(name, source, sink, settings))
                tables[engine.name] = final_table(out, key_of(name))
            except RuntimeError as error:
                tables[engine.name] = str(error)
        values = list(tables.values())
        same = all(isinstance(v, dict) and v == values[0] for v in values)
        failed += not same
        line = {"query": name, "equal": same}
        for engine, table in tables.items():
            line[engine] = len(table) if isinstance(table, dict) else table
        print(json.dumps(line), flush=True)
    sys.exit(1 if failed else 0)


def measure(engines, names, source, settings, options):
    results = collections.defaultdict(dict)
    for name in names:
        for engine in engines:
            out = f"{engine.work}/out-{name}"
            sink = f"'connector' = 'filesystem', 'path' = '{out}', 'format' = 'csv'" if name in WRITES_FILES else "'connector' = 'blackhole'"
            text = script(name, source, sink, settings)
            try:
                cpu = statistics.median(engine.run(text) for _ in range(options.rounds))
            except RuntimeError as error:
                print(json.dumps({"query": name, "engine": engine.name, "error": str(error)}), flush=True)
                continue
            results[name][engine.name] = options.events / cpu
            print(json.dumps({"query": name, "engine": engine.name, "cpu_s": round(cpu, 2), "events_per_cpu_s": round(options.events / cpu)}), flush=True)
    names_of = [e.name for e in engines]
    print("\n| query | " + " | ".join(names_of) + (" | ratio |" if len(engines) == 2 else " |"))
    print("| --- |" + " --- |" * (len(engines) + (len(engines) == 2)))
    ratios = []
    for name in names:
        cells = [f"{results[name][e] / 1000:,.0f} k" if e in results[name] else "-" for e in names_of]
        if len(engines) == 2 and all(e in results[name] for e in names_of):
            ratios.append(results[name][names_of[0]] / results[name][names_of[1]])
            cells.append(f"{ratios[-1]:.1f}")
        elif len(engines) == 2:
            cells.append("")
        print(f"| {name} | " + " | ".join(cells) + " |")
    if options.generator:
        rates = [results[name]["mainstem"] for name in names if name != "ceiling" and results[name]]
        print(f"| geometric mean of {len(rates)} | {math.exp(statistics.mean(map(math.log, rates))) / 1000:,.0f} k |")
    if ratios:
        print(f"| geometric mean of {len(ratios)} | | | {math.exp(statistics.mean(map(math.log, ratios))):.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--queries", default="", help="q0,q5 ...; default: all")
    parser.add_argument("--only", default="mainstem,flink")
    parser.add_argument("--generator", action="store_true",
                        help="the engine's own generator as source: Mainstem only, with its ceiling (the events read, and nothing else)")
    parser.add_argument("--input", default="", help="a file of events instead of newly generated ones (--events says how many)")
    parser.add_argument("--mini-batch", action="store_true", help="SET table.exec.mini-batch.* for both")
    parser.add_argument("--checkpoints", default="", help="'1 s': durable checkpoints so often, for both; default: none")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    work = tempfile.mkdtemp(prefix="mainstem-nexmark-")
    settings = {"table.local-time-zone": "UTC"}
    if options.mini_batch:
        settings |= {"table.exec.mini-batch.enabled": "true", "table.exec.mini-batch.allow-latency": "2 s", "table.exec.mini-batch.size": "50000"}
    if options.checkpoints:
        settings["execution.checkpointing.interval"] = options.checkpoints
    mainstem = Mainstem(work + "/mainstem", bool(options.checkpoints))
    engines = [mainstem] if "mainstem" in options.only else []
    try:
        path = options.input
        if options.generator:
            if "flink" in options.only or options.check:
                parser.error("--generator goes with --only mainstem, without --check")
            source = f"'connector' = 'nexmark', 'events.num' = '{options.events}', 'max-emit-speed' = 'true'"
            names = options.queries.split(",") if options.queries else ["ceiling", *query_names()]
            measure(engines, names, source, settings, options)
            return
        if not path:
            path = work + "/events.jsonl"
            make_events(options.events, path)
        source = f"'connector' = 'filesystem', 'path' = '{path}', 'format' = 'json'"
        names = options.queries.split(",") if options.queries else query_names()
        if "flink" in options.only:
            peer = flink_peer.Flink(work + "/flink")
            peer.name = "flink"
            peer.start()
            engines.append(peer)
            # The JVM's compiler has seen the work before anything is measured.
            peer.run(script("q0", source, "'connector' = 'blackhole'", settings))
        if options.check:
            check(engines, names, source, settings, work)
        measure(engines, names, source, settings, options)
    finally:
        for engine in engines:
            engine.stop()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
