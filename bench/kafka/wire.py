#!/usr/bin/env python3
"""The log under a load that costs little itself: prebuilt batches over raw sockets (bench/kafka/wire_load.cc), the same bytes for Mainstem, for Apache
Kafka at its default (no fsync), for Kafka with an fsync for each append, and for a broker that only answers. Prints one JSON line a measurement and
Markdown tables for docs/benchmarks.md. CPU is the broker's, from /proc.
  bench/kafka/run wire [--parts produce,consume,tail,cold,latency,many,restart] [--only mainstem,kafka,kafka-fsync,null] [--mib N] [--rounds N] [--limit MIB]"""
import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from bench import LIBS, ROOT, Broker, Kafka, Mainstem

LOAD = os.path.join(ROOT, ".deps/bench/wire_load")


class MainstemSmall(Mainstem):
    memory = "512MB"

    def command(self):
        return super().command()[:-1] + [self.memory]


class KafkaHere(Kafka):
    heap = "1g"

    def command(self):
        return [a.replace("-Xms1g", f"-Xms{self.heap}").replace("-Xmx1g", f"-Xmx{self.heap}") for a in super().command()]


class KafkaFsync(KafkaHere):
    def command(self):
        made = super().command()
        with open(made[-1], "a") as f:
            f.write("log.flush.interval.messages=1\n")
        return made


class Null(Broker):
    """Reads and answers."""

    def command(self):
        return [LOAD, "null", str(self.port)]

    def start(self):
        self.process = subprocess.Popen(self.command())
        time.sleep(0.3)
        return 0.0


KINDS = {"mainstem": MainstemSmall, "kafka": KafkaHere, "kafka-fsync": KafkaFsync, "null": Null}


class MemoryLimit:
    """A memory cgroup for each broker: its memory and its page cache together. Kafka's heap gets half of it, as Mainstem's --memory does."""

    def __init__(self, mib):
        self.mib, self.folders = mib, []
        KafkaHere.heap = f"{mib // 2}m"
        MainstemSmall.memory = f"{mib // 2}MB"

    def hold(self, broker):
        old = os.path.isdir("/sys/fs/cgroup/memory")
        folder = os.path.join("/sys/fs/cgroup/memory" if old else "/sys/fs/cgroup", f"mainstem-bench-{broker.process.pid}")
        os.mkdir(folder)
        self.folders.append(folder)
        with open(os.path.join(folder, "memory.limit_in_bytes" if old else "memory.max"), "w") as f:
            f.write(str(self.mib << 20))
        with open(os.path.join(folder, "cgroup.procs"), "w") as f:
            f.write(str(broker.process.pid))

    def end(self):
        for folder in self.folders:
            for _ in range(50):
                try:
                    os.rmdir(folder)
                    break
                except OSError:  # its process is still ending
                    time.sleep(0.1)


def make_topic(broker, topic, partitions):
    if isinstance(broker, Null):
        return
    from confluent_kafka.admin import AdminClient, NewTopic
    admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{broker.port}"})
    for made in admin.create_topics([NewTopic(topic, partitions, 1)], operation_timeout=60, request_timeout=60).values():
        made.result()
    for _ in range(600):
        found = admin.list_topics(topic, timeout=30).topics[topic]
        led = len(found.partitions) == partitions and all(p.leader >= 0 for p in found.partitions.values())
        if led and subprocess.run([LOAD, "consume", f"127.0.0.1:{broker.port}", topic, f"partitions={partitions}", "seconds=0.1"],
                                  capture_output=True).returncode == 0:
            return
        time.sleep(0.1)
    sys.exit(f"{broker.name}: topic {topic} has no leaders")


def load(what, broker, topic, **options):
    """The load's results, one for each line, with the broker's CPU seconds for a GB in the first."""
    before = broker.cpu()
    done = subprocess.run([LOAD, what, f"127.0.0.1:{broker.port}", topic] + [f"{k}={v}" for k, v in options.items()], capture_output=True, text=True,
                          timeout=900)
    if done.returncode != 0:
        sys.exit(f"{what} against {broker.name}: {done.stderr[-500:]}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    lines[0]["cpu_s_per_gb"] = round((broker.cpu() - before) / (lines[0]["bytes"] / 1e9), 3)
    for line in lines:
        print(json.dumps({"broker": broker.name, **line}), flush=True)
    return lines


def median(values):
    return statistics.median(values) if values else None


def table(title, names, rows):
    print(f"\n**{title}**\n\n| what | " + " | ".join(names) + " |\n| --- |" + " --- |" * len(names))
    for what, cells in rows:
        print(f"| {what} | " + " | ".join(cells.get(name, "") for name in names) + " |")
    print(flush=True)


def show(values, keys):
    return " / ".join(f"{median([v[k] for v in values]):.2f}" for k in keys)


def throughput(options, brokers, parts):
    """One partition, 1 KiB records in batches of 500, five requests unanswered."""
    produced, consumed, cold = {}, {}, {}
    for number in range(options.rounds):
        for broker in brokers:
            topic = f"one-{number}"
            make_topic(broker, topic, 1)
            produced.setdefault(broker.name, []).append(load("produce", broker, topic, mib=options.mib)[0])
            if "consume" in parts:
                load("consume", broker, topic, mib=options.mib)
                consumed.setdefault(broker.name, []).append(load("consume", broker, topic, mib=options.mib)[0])
            if "cold" in parts and not isinstance(broker, Null):
                time.sleep(2)
                os.sync()
                with open("/proc/sys/vm/drop_caches", "w") as f:
                    f.write("3\n")
                cold.setdefault(broker.name, []).append(load("consume", broker, topic, mib=options.mib)[0])
    names = [b.name for b in brokers]
    rows = []
    for what, results in (("produce 1 KiB, acks=all", produced), ("consume again", consumed), ("consume, page cache dropped", cold)):
        if results:
            rows.append((what + ", MiB/s", {n: show(results[n], ["mib_per_s"]) for n in results}))
            rows.append((what + ", broker CPU s per GB", {n: show(results[n], ["cpu_s_per_gb"]) for n in results}))
    rows.append(("memory after it, MB", {b.name: f"{b.rss_mb():.0f}" for b in brokers}))
    table(f"Throughput, one partition, {options.mib} MiB, medians of {options.rounds}", names, rows)


def tail(options, brokers):
    """What came last, again and again: ours lies in the tail cache, Kafka's in the page cache."""
    window, results = 48, {}
    for number in range(options.rounds):
        for broker in brokers:
            topic = f"tail-{number}"
            make_topic(broker, topic, 1)
            load("produce", broker, topic, mib=window + 8)
            load("consume", broker, topic, mib=window * 4, window=window)
            results.setdefault(broker.name, []).append(load("consume", broker, topic, mib=options.mib * 2, window=window)[0])
    rows = [("consume, MiB/s", {n: show(results[n], ["mib_per_s"]) for n in results}),
            ("broker CPU s per GB", {n: show(results[n], ["cpu_s_per_gb"]) for n in results})]
    table(f"Consume the newest {window} MiB, medians of {options.rounds}", [b.name for b in brokers], rows)


def latency(options, brokers):
    """Batches of 20 records at a rate that all reach with ease."""
    names, rows = [b.name for b in brokers], []
    ends, acks = {}, {}
    for number in range(options.rounds):
        for broker in brokers:
            topic = f"latency-{number}"
            make_topic(broker, topic, 1)
            load("latency", broker, topic, records=20, rate=options.rate, seconds=2)
            make_topic(broker, topic + "b", 1)
            lines = load("latency", broker, topic + "b", records=20, rate=options.rate, seconds=options.seconds)
            acks.setdefault(broker.name, []).append(lines[0])
            ends.setdefault(broker.name, []).append(lines[1])
    keys = ["p50_ms", "p99_ms", "p999_ms", "max_ms"]
    rows.append(("acknowledged: p50 / p99 / p99.9 / max, ms", {n: show(acks[n], keys) for n in acks}))
    rows.append(("produce to consume: p50 / p99 / p99.9 / max, ms", {n: show(ends[n], keys) for n in ends}))
    rows.append(("broker CPU s per GB", {n: show(acks[n], ["cpu_s_per_gb"]) for n in acks}))
    table(f"Latency at {options.rate:g} MiB/s of 1 KiB records", names, rows)


def many(options, brokers):
    """1,000 partitions, records of 100 B, ten in a batch, fifty partitions in a request."""
    names = [b.name for b in brokers]
    common = {"partitions": 1000, "record": 100, "records": 10, "batches": 50, "connections": 2}
    full, half = {}, {}
    for number in range(options.rounds):
        for broker in brokers:
            topic = f"many-{number}"
            make_topic(broker, topic, 1000)
            load("produce", broker, topic, mib=30, **common)
            full.setdefault(broker.name, []).append(load("produce", broker, topic, mib=options.mib / 4, **common)[0])
    for broker in brokers:
        best = median([r["mib_per_s"] for r in full[broker.name]])
        half[broker.name] = [load("produce", broker, "many-0", mib=1e6, seconds=options.seconds, rate=best / 2, **common)[0]]
    table("1,000 partitions, 100 B records in batches of ten", names, [
        ("records/s", {n: f"{median([r['records_per_s'] for r in full[n]]):,.0f}" for n in full}),
        ("broker CPU s per million records", {n: f"{median([r['cpu_s_per_gb'] * r['bytes'] / 1e9 / (r['records_per_s'] * r['seconds']) * 1e6 for r in full[n]]):.2f}" for n in full}),
        ("ack at half of its own most: p50 / p99 / p99.9, ms", {n: show(half[n], ["p50_ms", "p99_ms", "p999_ms"]) for n in half})])


def restart(options, brokers):
    """10 GB in 1,000 partitions, kill -9, start until a record is acknowledged; then what it takes while nobody asks."""
    names, cells, memory, cpu = [b.name for b in brokers], {}, {}, {}
    for broker in brokers:
        make_topic(broker, "big", 1000)
        load("produce", broker, "big", partitions=1000, record=1024, records=100, batches=10, mib=options.big_mib, seconds=600)
        broker.process.send_signal(signal.SIGKILL)
        broker.process.wait()
        begin = time.monotonic()
        broker.start()
        answered = time.monotonic() - begin
        while subprocess.run([LOAD, "produce", f"127.0.0.1:{broker.port}", "big", "mib=0.01", "records=1"], capture_output=True).returncode != 0:
            time.sleep(0.02)
        cells[broker.name] = f"{answered:.2f} / {time.monotonic() - begin:.2f}"
        print(json.dumps({"broker": broker.name, "restart": cells[broker.name]}), flush=True)
        memory[broker.name], cpu[broker.name] = after_a_minute([broker])[broker.name]
        broker.stop()  # so that the next one has the machine for itself
    table(f"Start after kill -9 with {options.big_mib} MiB in 1,000 partitions", names, [
        ("first answer / first record acknowledged, s", cells), ("idle a minute after that start: memory, MB", memory), ("CPU, %", cpu)])


def after_a_minute(brokers):
    """Memory and CPU of each that nobody asks anything."""
    time.sleep(60)
    before = {b.name: b.cpu() for b in brokers}
    time.sleep(20)
    return {b.name: (f"{b.rss_mb():.0f}", f"{(b.cpu() - before[b.name]) * 5:.2f}") for b in brokers}


def idle(brokers):
    found = after_a_minute(brokers)
    table("Idle, a minute after the start", list(found), [("memory, MB", {name: one[0] for name, one in found.items()}),
                                                          ("CPU, %", {name: one[1] for name, one in found.items()})])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--parts", default="idle,produce,consume,tail,cold,latency,many,restart")
    parser.add_argument("--only", default="mainstem,kafka,kafka-fsync,null")
    parser.add_argument("--mib", type=int, default=4096)
    parser.add_argument("--big-mib", type=int, default=10000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=40)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--limit", type=int, help="memory of each broker with its page cache, MiB (a cgroup; needs root)")
    options = parser.parse_args()
    parts = options.parts.split(",")
    limit = MemoryLimit(options.limit) if options.limit else None
    work = tempfile.mkdtemp(prefix="mainstem-bench-")
    brokers = [KINDS[name](name, work) for name in options.only.split(",")]
    real = [b for b in brokers if not isinstance(b, Null)]
    try:
        for broker in brokers:
            broker.start()
        if limit:
            for broker in real:
                limit.hold(broker)
        if "idle" in parts:
            idle(real)
        if real and any(p in parts for p in ("produce", "consume", "cold")):
            for broker in real:
                make_topic(broker, "warm-up", 1)
                load("produce", broker, "warm-up", mib=options.mib / 4)
            throughput(options, brokers, parts)
        if "tail" in parts:
            tail(options, brokers)
        if "latency" in parts:
            latency(options, real)
        if "many" in parts:
            many(options, brokers)
        if "restart" in parts:
            restart(options, [b for b in real if b.name != "kafka-fsync"])
    finally:
        for broker in brokers:
            if broker.process and broker.process.poll() is None:
                broker.process.kill() if isinstance(broker, Null) else broker.stop()
        if limit:
            limit.end()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    assert os.path.isdir(LIBS), "scripts/setup bench"
    main()
