#!/usr/bin/env python3
"""Start and stop of the example, as a person sees them. Each round, in a folder of its own: the first ./run (without set-up and
compiling), Ctrl-C while its traffic flows, the second ./run, which resumes; then its console in the time that the second start took
to show its addresses and the job running. Prints one JSON line: medians and the worst, in seconds."""
import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Run:
    """One ./run, from its start until it says that it is at work."""

    def __init__(self, folder, kafka, http):
        self.http, begin = f"http://127.0.0.1:{http}", time.monotonic()
        self.process = subprocess.Popen([sys.executable, os.path.join(ROOT, "scripts/demo.py"), "--data", folder, "--kafka-port", str(kafka),
                                         "--http-port", str(http)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.node_seconds = None
        while self.node_seconds is None:
            line = self.process.stderr.readline()
            if not line:
                sys.exit("./run did not start")
            found = re.search(r"the node started in ([\d.]+) s", line)
            self.node_seconds = float(found[1]) if found else None
        self.seconds = time.monotonic() - begin
        self.job_seconds = self.wait_for_job() - begin

    def wait_for_job(self):
        """Until the page is served and the job's source has read a row."""
        while True:
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(self.http + "/") as page:
                    page.read()
                with urllib.request.urlopen(self.http + "/api/v1/jobs") as answer:
                    jobs = json.load(answer)["jobs"]
                for job in jobs:
                    with urllib.request.urlopen(f"{self.http}/api/v1/jobs/{job['id']}") as answer:
                        operators = json.load(answer)["operators"]
                    if job["state"] == "RUNNING" and any(op["rows_out"] > 0 for op in operators):
                        return time.monotonic()
            time.sleep(0.01)

    def stop(self):
        begin = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.process.stderr.read()
        code = self.process.wait()
        if code != 0:
            sys.exit(f"./run ended with {code}")
        return time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--traffic-seconds", type=float, default=5)
    options = parser.parse_args()
    found = {name: [] for name in ("first_run", "second_run", "second_run_job", "node_again", "ctrl_c")}
    for _ in range(options.rounds):
        folder = tempfile.mkdtemp(prefix="mainstem-start-")
        os.chmod(folder, 0o755)
        ports = free_port(), free_port()
        try:
            first = Run(folder, *ports)
            time.sleep(options.traffic_seconds)
            found["ctrl_c"].append(first.stop())
            second = Run(folder, *ports)
            time.sleep(options.traffic_seconds)
            found["ctrl_c"].append(second.stop())
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        found["first_run"].append(first.seconds)
        found["second_run"].append(second.seconds)
        found["second_run_job"].append(second.job_seconds)
        found["node_again"].append(second.node_seconds)
    print(json.dumps({name: {"median": round(statistics.median(values), 2), "worst": round(max(values), 2)} for name, values in found.items()}))


if __name__ == "__main__":
    main()
