#!/usr/bin/env python3
"""How the cost of a row grows: with the number of keys, with state larger than its memory (beside a bare loop over RocksDB), with cores, and with the windows that
a row is in. Rows come from `datagen`; sink blackhole. CPU seconds of the whole process, its start included, and wall seconds; the least of the rounds.
`--plot FILE` draws what was measured as SVG. Prints Markdown."""
import argparse
import os
import resource
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
BINARY = os.environ.get("MAINSTEM_BINARY", os.path.join(ROOT, "build/src/cli/mainstem"))
LOOP = os.path.join(ROOT, ".deps/bench/rocksdb_loop")

COUNT = """
SET 'parallelism.default' = '{parallelism}';
CREATE TABLE rows_in (k BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '{rows}', 'rows-per-second' = '1000000000',
  'scan.parallelism' = '{parallelism}', 'fields.k.min' = '0', 'fields.k.max' = '{last}');
CREATE TABLE nowhere (k BIGINT, n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO nowhere SELECT k, COUNT(*) FROM rows_in GROUP BY k;
"""

# Ten thousand rows for each second of event time, so that what is measured is their accumulation and not the results.
WINDOWS = """
CREATE TABLE rows_in (k BIGINT, n BIGINT, ts AS TO_TIMESTAMP_LTZ(n / 10, 3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen', 'number-of-rows' = '{rows}',
  'rows-per-second' = '1000000000', 'fields.k.min' = '0', 'fields.k.max' = '99', 'fields.n.kind' = 'sequence', 'fields.n.start' = '0', 'fields.n.end' = '{last}');
CREATE TABLE nowhere (k BIGINT, n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO nowhere SELECT k, COUNT(*) FROM TABLE(HOP(TABLE rows_in, DESCRIPTOR(ts), INTERVAL '{slide}' DAY TO SECOND, INTERVAL '1' HOUR))
  GROUP BY k, window_start, window_end;
"""


def measure(command, limit_s):
    """CPU seconds and wall seconds of a process; None when it did not end in time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    try:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=limit_s)
    except subprocess.TimeoutExpired:
        return None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, "wall": time.monotonic() - begun}


def least(rounds, command_in, limit_s):
    best = None
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="mainstem-growth-") as folder:
            took = measure(command_in(folder), limit_s)
        if took is None:
            return None
        best = took if best is None else {name: min(best[name], took[name]) for name in took}
    return best


def ours(script, memory):
    def command_in(folder):
        path = os.path.join(folder, "growth.sql")
        with open(path, "w", encoding="utf-8") as file:
            file.write(script)
        return [BINARY, "run", path, "--memory", memory]
    return command_in


def count_script(rows, keys, parallelism=1):
    return COUNT.format(rows=rows, last=keys - 1, parallelism=parallelism)


def per_row_us(took, rows):
    return None if took is None else took["cpu"] / rows * 1e6


def shown(value, digits=2):
    return "did not end" if value is None else f"{value:.{digits}f}"


def measure_keys(options):
    points = []
    print("| keys | rows, millions | CPU us a row | of a thousand keys' |\n| --- | --- | --- | --- |")
    for power in options.powers:
        keys = 10**power
        rows = max(options.rows, 2 * keys)
        took = least(options.rounds, ours(count_script(rows, keys), options.memory), options.limit)
        cost = per_row_us(took, rows)
        points.append((keys, cost))
        ratio = None if cost is None or points[0][1] is None else cost / points[0][1]
        print(f"| {keys:,} | {rows / 1e6:.0f} | {shown(cost, 3)} | {shown(ratio)} |", flush=True)
    return points


def measure_spilled(options):
    points = []
    print(f"\n`--memory {options.spill_memory}`, the loop with as much:\n\n| keys | rows, millions | us a row: wall | CPU | bare RocksDB: wall | CPU | rows/s, of the loop's |\n"
          "| --- | --- | --- | --- | --- | --- | --- |")
    memory_bytes = int(float(options.spill_memory.removesuffix("MB")) * 1e6)
    for keys in options.spill_keys:
        rows = 2 * keys
        took = least(1, ours(count_script(rows, keys), options.spill_memory), options.limit)
        bare = least(1, lambda folder, rows=rows, keys=keys: [LOOP, str(rows), str(keys), str(memory_bytes), folder], options.limit)
        share = None if took is None or bare is None else bare["wall"] / took["wall"]
        points.append((keys, took and took["wall"] / rows * 1e6, bare and bare["wall"] / rows * 1e6))
        print(f"| {keys:,} | {rows / 1e6:.0f} | {shown(took and took['wall'] / rows * 1e6)} | {shown(per_row_us(took, rows))} | {shown(bare and bare['wall'] / rows * 1e6)} | "
              f"{shown(per_row_us(bare, rows))} | {shown(share)} |", flush=True)
    return points


def measure_cores(options):
    points = []
    print("\n| parallelism | wall s | rows/s, of one |\n| --- | --- | --- |")
    for parallelism in (1, 2):
        took = least(options.rounds, ours(count_script(options.rows, 100_000, parallelism), options.memory), options.limit)
        points.append((parallelism, took["wall"]))
        print(f"| {parallelism} | {took['wall']:.2f} | {points[0][1] / took['wall']:.2f} |", flush=True)
    return points


def measure_windows(options):
    points = []
    print("\n| windows a row is in | CPU us a row | of one window's |\n| --- | --- | --- |")
    for windows in (1, 10, 100, 3600):
        script = WINDOWS.format(rows=options.rows, last=options.rows - 1, slide=f"0 {3600 // windows // 3600:02}:{3600 // windows % 3600 // 60:02}:{3600 // windows % 60:02}")
        cost = per_row_us(least(options.rounds, ours(script, options.memory), options.limit), options.rows)
        points.append((windows, cost))
        print(f"| {windows:,} | {shown(cost, 3)} | {cost / points[0][1]:.2f} |", flush=True)
    return points


def draw(measured, path):
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "mainstem", "svg.fonttype": "none"})
    import matplotlib.pyplot as plt
    titles = {"keys": ("Keys, all in memory", "keys", "CPU us a row"), "spilled": ("State larger than its memory", "keys", "wall us a row"),
              "windows": ("Windows a row is in", "windows", "CPU us a row")}
    measured = {name: points for name, points in measured.items() if name in titles}
    figure, axes = plt.subplots(1, len(measured), figsize=(4.2 * len(measured), 3.2), layout="constrained")
    for axis, (name, points) in zip([axes] if len(measured) == 1 else axes, measured.items()):
        title, x_label, y_label = titles[name]
        axis.plot([point[0] for point in points], [point[1] for point in points], marker="o", label="Mainstem")
        if name == "spilled":
            axis.plot([point[0] for point in points], [point[2] for point in points], marker="s", linestyle="--", label="bare RocksDB loop")
            axis.legend()
        axis.set_xscale("log")
        axis.set_ylim(bottom=0)
        axis.set(title=title, xlabel=x_label, ylabel=y_label)
        axis.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--powers", type=lambda text: [int(power) for power in text.split(",")], default=[3, 4, 5, 6, 7])
    parser.add_argument("--memory", default="8000MB")
    parser.add_argument("--spill-memory", default="1000MB")
    parser.add_argument("--spill-keys", type=lambda text: [int(float(keys)) for keys in text.split(",")], default=[1_000_000, 5_000_000, 20_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, default=900, help="seconds for each process")
    parser.add_argument("--only", default="keys,spilled,cores,windows")
    parser.add_argument("--plot")
    options = parser.parse_args()
    parts = {"keys": measure_keys, "spilled": measure_spilled, "cores": measure_cores, "windows": measure_windows}
    measured = {name: parts[name](options) for name in options.only.split(",")}
    if options.plot:
        draw(measured, options.plot)


main()
