#!/usr/bin/env python3
"""Mainstem and Apache Kafka, started by this script one after the other on the same machine, under the same loads:
librdkafka (bench/kafka/rdkafka_load.cc) and the Java perf tools of Kafka itself. 1 KiB records, acks=all. Kafka runs at
its default, which does not fsync; Mainstem answers after the flush. Prints one JSON line a measurement and, at the end,
a Markdown table for docs/benchmarks.md. Rounds alternate between the brokers, the median of the rounds counts."""
import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
LIBS = os.path.join(ROOT, ".deps/kafka/libs")
BINARY = os.path.join(ROOT, "build/src/cli/mainstem")
LOAD = os.path.join(ROOT, ".deps/bench/rdkafka_load")
HZ = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    """True when the broker at the port answers an ApiVersions request."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as s:
            s.settimeout(2)
            body = struct.pack(">hhih", 18, 0, 1, -1)
            s.sendall(struct.pack(">i", len(body)) + body)
            return len(s.recv(4)) == 4
    except OSError:
        return False


class Broker:
    def __init__(self, name, work):
        self.name, self.work, self.port, self.process = name, os.path.join(work, name), free_port(), None
        os.makedirs(self.work, exist_ok=True)

    def start(self):
        begin = time.monotonic()
        self.process = subprocess.Popen(self.command(), stdout=open(self.work + "/out.log", "ab"), stderr=subprocess.STDOUT, cwd=self.work)
        while not answers(self.port):
            if self.process.poll() is not None or time.monotonic() - begin > 60:
                sys.exit(f"{self.name} did not start: see {self.work}/out.log\n" + open(self.work + "/out.log").read()[-2000:])
            time.sleep(0.005)
        return time.monotonic() - begin

    def stop(self):
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        return time.monotonic() - begin

    def cpu(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / HZ

    def rss_mb(self):
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{self.process.pid}/status").read())[1]) / 1024


class Mainstem(Broker):
    def command(self):
        return [BINARY, "serve", "--data", self.work + "/data", "--kafka-listen", f"127.0.0.1:{self.port}",
                "--http-listen", f"127.0.0.1:{free_port()}", "--aws-listen", "none", "--memory", "1GB"]


class Kafka(Broker):
    def command(self):
        data = self.work + "/logs"
        controller = free_port()
        conf = self.work + "/server.properties"
        with open(conf, "w") as f:
            f.write(f"process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n"
                    f"listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}\n"
                    f"advertised.listeners=PLAINTEXT://127.0.0.1:{self.port}\ncontroller.listener.names=CONTROLLER\n"
                    "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n"
                    f"log.dirs={data}\noffsets.topic.replication.factor=1\noffsets.topic.num.partitions=10\n"
                    "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n"
                    "group.initial.rebalance.delay.ms=0\nauto.create.topics.enable=true\n")
        java = ["java", "-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
                "-Djava.awt.headless=true", "-cp", LIBS + "/*"]
        if not os.path.exists(data + "/meta.properties"):
            tool = ["java", "-cp", LIBS + "/*", "kafka.tools.StorageTool"]
            cluster = subprocess.run(tool + ["random-uuid"], capture_output=True, text=True, check=True).stdout.strip().split("\n")[-1]
            subprocess.run(tool + ["format", "-t", cluster, "-c", conf], check=True, capture_output=True)
        return java + ["kafka.Kafka", conf]


def accepts(port):
    """Whether the broker takes a record, acks=all, into a topic that it makes itself."""
    from confluent_kafka import Producer
    errors = []
    producer = Producer({"bootstrap.servers": f"127.0.0.1:{port}", "acks": "all", "linger.ms": 0})
    producer.produce("first", b"record", on_delivery=lambda error, _: errors.append(error))
    producer.flush(30)
    return errors == [None]


def first_starts(names, count):
    """Starts each broker `count` times in an empty folder, in turn: seconds to the first answer and to the first acknowledged record."""
    print("| start | " + " | ".join(f"{name}: first answer s | {name}: first record s" for name in names) + " |")
    print("| --- |" + " --- | --- |" * len(names))
    for number in range(count):
        cells = []
        for name in names:
            work = tempfile.mkdtemp(prefix="mainstem-bench-")
            broker = {"mainstem": Mainstem, "kafka": Kafka}[name](name, work)
            try:
                begin = time.monotonic()
                answered = broker.start()
                record = time.monotonic() - begin if accepts(broker.port) else None
                cells += [f"{answered:.3f}", f"{record:.3f}" if record else "failed"]
            finally:
                broker.stop()
                shutil.rmtree(work, ignore_errors=True)
        print(f"| {number + 1} | " + " | ".join(cells) + " |", flush=True)


def java_tool(main, heap="512m"):
    return ["java", "-Xmx" + heap, "-cp", LIBS + "/*", "-Dlog4j2.level=ERROR", main]


def run(command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if result.returncode != 0:
        sys.exit(f"{command[:4]}... failed ({result.returncode}): {result.stdout[-500:]} {result.stderr[-1500:]}")
    return result.stdout


def librdkafka(what, broker, topic, n, size):
    return json.loads(run([LOAD, what, f"127.0.0.1:{broker.port}", topic, str(n), str(size)]).strip().split("\n")[-1])["mib_per_s"]


def java_produce(broker, topic, n, size):
    out = run(java_tool("org.apache.kafka.tools.ProducerPerformance") + [
        "--topic", topic, "--num-records", str(n), "--record-size", str(size), "--throughput", "-1", "--producer-props",
        f"bootstrap.servers=127.0.0.1:{broker.port}", "acks=all", "linger.ms=5", "batch.size=262144",
        "enable.idempotence=true", "buffer.memory=67108864"])
    return float(re.findall(r"\(([0-9.]+) MB/sec\)", out)[-1])


def java_consume(broker, topic, n, size):
    out = run(java_tool("org.apache.kafka.tools.ConsumerPerformance") + [
        "--bootstrap-server", f"127.0.0.1:{broker.port}", "--topic", topic, "--num-records", str(n),
        "--group", f"bench-{time.monotonic_ns()}", "--timeout", "60000", "--hide-header"])
    fields = [line for line in out.split("\n") if re.match(r"^\d{4}-", line)][-1].split(", ")
    return float(fields[3])  # MB/s over all, the time to join the group included


def e2e(broker, topic, n, size):
    out = run(java_tool("org.apache.kafka.tools.EndToEndLatency", "256m") + [
        "--bootstrap-server", f"127.0.0.1:{broker.port}", "--topic", topic, "--num-records", str(n),
        "--producer-acks", "all", "--record-size", str(size)])
    average = float(re.search(r"Avg latency: ([0-9.]+)", out)[1])
    p = re.search(r"50th = (\d+), 99th = (\d+), 99.9th = (\d+)", out)
    return average, p.groups() if p else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="mainstem,kafka")
    parser.add_argument("--first-starts", type=int, default=0, help="only so many starts in an empty folder")
    options = parser.parse_args()
    if options.first_starts:
        first_starts(options.only.split(","), options.first_starts)
        return
    work = tempfile.mkdtemp(prefix="mainstem-bench-")
    names = options.only.split(",")
    brokers = [kind(name, work) for name, kind in (("mainstem", Mainstem), ("kafka", Kafka)) if name in names]
    gb = options.records * options.size / 1e9
    results = {b.name: {} for b in brokers}

    def note(broker, what, value, cpu=None):
        results[broker.name].setdefault(what, []).append((value, cpu))
        line = {"broker": broker.name, "what": what, "value": value}
        if cpu is not None:
            line["cpu_s_per_gb"] = round(cpu / gb, 3)
        print(json.dumps(line), flush=True)

    loads = [("librdkafka produce MiB/s", lambda b, t: librdkafka("produce", b, t, options.records, options.size)),
             ("librdkafka consume MiB/s", lambda b, t: librdkafka("consume", b, t, options.records, options.size)),
             ("Java produce MiB/s", lambda b, t: java_produce(b, t, options.records, options.size)),
             ("Java consume MiB/s", lambda b, t: java_consume(b, t, options.records, options.size))]
    try:
        for broker in brokers:
            note(broker, "start s", round(broker.start(), 3))
            time.sleep(3)
            before = broker.cpu()
            time.sleep(5)
            note(broker, "idle CPU %", round((broker.cpu() - before) * 20, 1))
            note(broker, "idle RSS MB", round(broker.rss_mb()))
            librdkafka("produce", broker, "warm-up", options.records // 4, options.size)
        for number in range(options.rounds):
            for broker in brokers:
                topic = None
                for what, load in loads:
                    if "produce" in what:
                        topic = f"bench-{number}-{what.split()[0]}"
                    before = broker.cpu()
                    value = load(broker, topic)
                    note(broker, what, round(value, 1), broker.cpu() - before)
        for broker in brokers:
            average, percentiles = e2e(broker, "e2e", 10000, options.size)
            note(broker, "end to end avg ms", average)
            if percentiles:
                for name, value in zip(("p50", "p99", "p99.9"), percentiles):
                    note(broker, f"end to end {name} ms", int(value))
            note(broker, "RSS after load MB", round(broker.rss_mb()))
            note(broker, "stop s", round(broker.stop(), 2))
            note(broker, "restart s", round(broker.start(), 3))
    finally:
        for broker in brokers:
            if broker.process and broker.process.poll() is None:
                broker.stop()
        shutil.rmtree(work, ignore_errors=True)

    whats = list(next(iter(results.values())))
    print("\n| what | " + " | ".join(b.name for b in brokers) + " | ratio |\n| --- |" + " --- |" * (len(brokers) + 1))
    for what in whats:
        cells, medians = [], []
        for broker in brokers:
            values = results[broker.name].get(what, [])
            if not values:
                cells.append("")
                continue
            medians.append(statistics.median(v for v, _ in values))
            cpus = [c / gb for _, c in values if c is not None]
            cells.append(f"{medians[-1]:g}" + (f" ({statistics.median(cpus):.2f} CPU s/GB)" if cpus else ""))
        ratio = f"{medians[0] / medians[1]:.2f}" if len(medians) == 2 and medians[1] else ""
        print(f"| {what} | " + " | ".join(cells) + f" | {ratio} |")


if __name__ == "__main__":
    main()
