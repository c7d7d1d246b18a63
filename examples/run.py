#!/usr/bin/env python3
"""Runs one of the examples on a node of its own, which is gone afterwards.

  examples/run.py fraud-detection            plays a bounded input, shows the results, computes them again without SQL, ends
  examples/run.py fraud-detection --live     traffic by the clock and a console to look at, until Ctrl-C"""
import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "scripts"))
import demo  # noqa: E402  (the node and PostgreSQL of ./run)

PYTHON = sys.executable


def examples():
    return sorted(name for name in os.listdir(HERE) if os.path.exists(os.path.join(HERE, name, "traffic.py")))


class Stage:
    """A node, a PostgreSQL if the example has tables there, and the example's files, all in one folder."""

    def __init__(self, name, folder, kafka, http):
        self.example, self.files = os.path.join(HERE, name), os.path.join(folder, "out")
        self.postgres = demo.Postgres(os.path.join(folder, "postgres")) if os.path.exists(self.path("schema.sql")) else None
        self.node = demo.Node(os.path.join(folder, "node"), kafka, http)

    def path(self, name):
        return os.path.join(self.example, name)

    def start(self):
        if self.postgres:
            self.postgres.start()
            self.postgres.psql("-f", self.path("schema.sql"))
        self.node.start()

    def stop(self):
        demo.signals.ignore()
        demo.end_children(but=(self.node.process, self.postgres and self.postgres.process))
        self.node.stop()
        if self.postgres:
            self.postgres.stop()
        demo.end_children()
        if self.postgres:
            shutil.rmtree(self.postgres.folder, ignore_errors=True)

    def traffic(self, *arguments):
        return [PYTHON, self.path("traffic.py"), "--bootstrap", self.node.kafka, "--http", self.node.http, *arguments]

    def submit(self, bounded):
        values = {"KAFKA": self.node.kafka, "BOUNDED": bounded, "OUT": self.files,
                  "JDBC_URL": f"jdbc:postgresql://127.0.0.1:{self.postgres.port}/postgres" if self.postgres else ""}
        with open(self.path("pipeline.sql"), encoding="utf-8") as f:
            script = re.sub(r"\$\{([A-Z_]+)\}", lambda m: values[m[1]], f.read())
        return self.node.api("/jobs", "POST", {"script": script})["job_ids"]

    def wait_for(self, jobs):
        while True:
            described = [self.node.api("/jobs/" + job) for job in jobs]
            for job in described:
                if job["state"] in ("FAILED", "CANCELLED"):
                    sys.exit(f"job {job['name']} {job['state']}: {job['error']}")
            if all(job["state"] == "FINISHED" for job in described):
                return
            time.sleep(0.05)

    def check(self, show):
        command = [PYTHON, self.path("check.py"), "--bootstrap", self.node.kafka, "--http", self.node.http, "--files", self.files, "--show", str(show)]
        if self.postgres:
            command += ["--postgres", f"host=127.0.0.1 port={self.postgres.port} user=postgres dbname=postgres"]
        return demo.spawn(command).wait()


def once(stage, options):
    demo.run(stage.traffic("--once", "--seed", str(options.seed)), stdout=sys.stderr)
    begin = time.monotonic()
    stage.wait_for(stage.submit("latest-offset"))
    demo.say(f"the pipeline finished in {time.monotonic() - begin:.1f} s")
    return stage.check(options.show)


def live(stage, options):
    demo.run(stage.traffic("--topics"), stdout=sys.stderr)
    jobs = stage.submit("unbounded")
    player = demo.spawn(stage.traffic("--seed", str(options.seed)), stdout=subprocess.DEVNULL)
    demo.say(f"\n  Console     {stage.node.http}/#/jobs/{jobs[0]}\n  Kafka       {stage.node.kafka}\n  Files       {stage.files}")
    if stage.postgres:
        demo.say(f"  PostgreSQL  psql -h 127.0.0.1 -p {stage.postgres.port} -U postgres")
    demo.say("\nCtrl-C ends and forgets everything.")
    with contextlib.suppress(demo.Ended):
        while stage.node.process.poll() is None and player.poll() is None:
            time.sleep(0.2)
        return 1  # ended by itself
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("example", choices=examples())
    parser.add_argument("--live", action="store_true", help="endless traffic by the clock")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=5, help="rows of each result that are printed")
    parser.add_argument("--kafka-port", type=int, default=0, help="default: a free one")
    parser.add_argument("--http-port", type=int, default=0)
    options = parser.parse_args()
    demo.signals.catch()
    folder = tempfile.mkdtemp(prefix="mainstem-example-")
    os.chmod(folder, 0o755)  # PostgreSQL runs as a user of its own when we are root
    stage = Stage(options.example, folder, f"127.0.0.1:{options.kafka_port}", f"127.0.0.1:{options.http_port}")
    try:
        stage.start()
        code = live(stage, options) if options.live else once(stage, options)
    finally:
        stage.stop()
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
