#!/usr/bin/env python3
"""Runs the example: starts a node of its own, submits pipeline.sql over a log, waits, shows the results and checks them.

  run.py                      a log that is made up
  run.py access.log.gz        yours
  run.py --node http://127.0.0.1:8080 --keep OUT ...    on a node that runs already; keeps the files in OUT"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import pyarrow.dataset

HERE = os.path.dirname(os.path.abspath(__file__))
BINARY = os.environ.get("MAINSTEM_BINARY", os.path.join(HERE, "..", "..", "build/src/cli/mainstem"))


def call(http, path, body=None):
    request = urllib.request.Request(http + path, data=None if body is None else json.dumps(body).encode(),
                                     headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        answer = json.loads(error.read() or b"{}").get("error", {})
        sys.exit("\n".join(filter(None, [answer.get("message"), answer.get("detail"), answer.get("hint")])))


def wait_for(http, jobs):
    while True:
        described = [call(http, f"/api/v1/jobs/{job}") for job in jobs]
        for job in described:
            if job["state"] in ("FAILED", "CANCELLED") or job["restart_count"] > 2:  # what does not pass by itself
                sys.exit(f"job {job['id']} {job['state']}: {job['error']}")
        if all(job["state"] == "FINISHED" for job in described):
            return
        time.sleep(0.1)


def show(http, files):
    print("\nrequests and bytes per hour and status (the first ten)")
    for event in call(http, "/v1/topics/requests-per-hour/events?from=earliest&limit=10")["events"]:
        row = event["value"]
        print(f"  {row['hour_start'][:16]}  {row['status']}  {row['requests']:>6}  {row['bytes_sent'] or 0:>12,} B")
    print("\npages that were asked for most in a day (the first ten)")
    pages = pyarrow.dataset.dataset(files + "/top-pages", format="parquet").to_table().to_pylist()
    for row in sorted(pages, key=lambda row: (-row["requests"], row["page"]))[:10]:
        print(f"  {row['day_start']:%Y-%m-%d}  {row['page']:<40} {row['requests']:>6} requests from {row['visitors']:>5} addresses")
    print("\nrobots against people")
    for event in call(http, "/v1/topics/visitors/events?from=earliest&limit=100")["events"]:
        row = event["value"]
        print(f"  {row['day_start'][:10]}  {row['visitor']:<8}{row['requests']:>7} requests from {row['addresses']:>5} addresses")
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", nargs="?", help="an access log in the combined format, plain or .gz")
    parser.add_argument("--node", help="base URL of a node that runs already")
    parser.add_argument("--keep", help="folder for the Parquet files (default: a temporary one)")
    options = parser.parse_args()
    if options.log and not os.access(options.log, os.R_OK):
        sys.exit(f"cannot read {options.log}: give an access log in the combined format, plain or .gz")
    folder, process = tempfile.mkdtemp(prefix="mainstem-access-log-"), None
    try:
        http = options.node
        if not http:
            process = subprocess.Popen([BINARY, "serve", "--json", "--set", f"data={folder}/data", "--set", "kafka.listen=127.0.0.1:0",
                                        "--set", "http.listen=127.0.0.1:0", "--set", "aws.listen=none"], stdout=subprocess.PIPE, stderr=open(folder + "/node.log", "w"))
            line = process.stdout.readline()
            if not line:
                sys.exit("the node did not start:\n" + open(folder + "/node.log").read())
            http = "http://" + json.loads(line)["http"]
        log = os.path.abspath(options.log) if options.log else folder + "/access.log"
        if not options.log:
            subprocess.run([sys.executable, HERE + "/make_log.py", log], check=True)
        files = os.path.abspath(options.keep) if options.keep else folder + "/out"
        script = open(HERE + "/pipeline.sql").read()
        kafka = call(http, "/api/v1/node")["kafka_address"]
        for name, value in {"LOG": log, "KAFKA": kafka, "OUT": files}.items():
            script = script.replace("${" + name + "}", value)
        begin = time.monotonic()
        wait_for(http, call(http, "/api/v1/jobs", {"script": script})["job_ids"])
        print(f"done in {time.monotonic() - begin:.1f} s; console: {http}/", file=sys.stderr)
        show(http, files)
        sys.exit(subprocess.run([sys.executable, HERE + "/check.py", "--log", log, "--http", http, "--files", files]).returncode)
    finally:
        if process:
            process.terminate()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
