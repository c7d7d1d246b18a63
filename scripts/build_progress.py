#!/usr/bin/env python3
"""Builds the binary and shows how far it is and how long it will take. Ninja's log goes to .deps/logs/build.log."""
import os
import re
import subprocess
import sys
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))


def main():
    os.makedirs(os.path.join(ROOT, ".deps/logs"), exist_ok=True)
    path = os.path.join(ROOT, ".deps/logs/build.log")
    begin, shown = time.monotonic(), -1
    terminal = sys.stderr.isatty()
    with open(path, "w") as log:
        process = subprocess.Popen([os.path.join(ROOT, "scripts/build"), *sys.argv[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True, env=dict(os.environ, NINJA_STATUS="[%f/%t] "))
        for line in process.stdout:
            log.write(line)
            match = re.match(r"\[(\d+)/(\d+)\]", line)
            if not match:
                continue
            done, total = int(match[1]), int(match[2])
            elapsed = time.monotonic() - begin
            percent = 100 * done // max(total, 1)
            if not terminal and percent // 10 == shown // 10:
                continue
            shown = percent
            eta = elapsed / max(done, 1) * (total - done)
            text = f"  … build: {done} of {total} steps, {percent}%, {elapsed:.0f}s, about {eta:.0f}s to go"
            sys.stderr.write(("\r\033[K" if terminal else "") + text + ("" if terminal else "\n"))
            sys.stderr.flush()
        code = process.wait()
    elapsed = time.monotonic() - begin
    if terminal:
        sys.stderr.write("\r\033[K")
    if code != 0:
        sys.stderr.write("  FAILED build; the end of .deps/logs/build.log:\n" + "".join(open(path).readlines()[-40:]))
        sys.exit(code)
    sys.stderr.write(f"  ok build ({elapsed:.0f}s)\n")


if __name__ == "__main__":
    main()
