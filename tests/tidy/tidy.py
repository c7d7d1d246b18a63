#!/usr/bin/env python3
"""Style as a test: include directions, file sizes (a ratchet that may only shrink), banned calls, format, headers that
compile alone. Usage: tidy.py [--no-headers]. Exits 1 and names each offence as file:line: what."""
import concurrent.futures
import hashlib
import os
import re
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SRC = os.path.join(ROOT, "src")
RATCHET = os.path.join(os.path.dirname(__file__), "ratchet.txt")
PYTHON = os.path.join(ROOT, ".deps/venv/bin/python")

# Which folder may include which (docs/architecture.md); a folder may always include itself.
ALLOWED = {
    "core": set(),
    "storage": {"core"},
    "format": {"core"},
    "connector": {"core", "storage", "format"},
    "gateway": {"core", "storage", "format", "connector"},
    "source": {"core", "storage", "format", "connector"},
    "sink": {"core", "storage", "format", "connector"},
    "process": {"core", "storage", "format", "connector"},
    "sqltest": {"core", "storage", "format", "connector", "process"},
    "simulation": {"core", "storage", "gateway"},
    "server": {"core", "storage", "format", "connector", "gateway", "source", "sink", "process"},
    "cli": {"core", "storage", "format", "connector", "gateway", "source", "sink", "process", "sqltest", "server"},
    "pch": set(),
}
# What may touch the outside directly (rule 29 of docs/style.md).
OUTSIDE = ("src/core/", "src/cli/")
# SQL's RAND and UUID without a seed of the job's.
RANDOM = OUTSIDE + ("src/process/expr/functions_clock.cc", "src/process/expr/functions_math.cc")
BANNED = [
    (re.compile(r"\basio::detached\b"), "asio::detached drops errors: use a TaskScope", ()),
    (re.compile(r"\bsystem_clock::now|\bsteady_clock::now|\bgettimeofday\b"), "time only through Env", OUTSIDE),
    (re.compile(r"\bstd::this_thread::sleep|\busleep\(|[^_\w]sleep\("), "no sleeping: wait through Env", ()),
    (re.compile(r"\bstd::random_device\b|[^_\w]rand\(\)"), "random only through Env", RANDOM),
    (re.compile(r"[?:] co_await"), "g++ 12 mislays what a co_await in a conditional expression gives: choose the task first", ()),
    (re.compile(r"\bthrow\s+\w"), "no throw in our code: return a Status", ()),
    (re.compile(r"\b(FIXME|XXX|TODO)\b"), "finish it or open an issue", ()),
]
MAX_LINE = 100
MAX_SOURCE = 600
MAX_HEADER = 300
MAX_README = 80
MAX_SCRIPT = 600  # Python and shell

offences = []


def offend(path, line, what):
    offences.append(f"{path}:{line}: {what}")


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *patterns], cwd=ROOT, capture_output=True,
                         text=True, check=True).stdout.split()
    return [p for p in out if os.path.exists(os.path.join(ROOT, p))]


def is_shell(path):
    if "." in os.path.basename(path):
        return False
    with open(os.path.join(ROOT, path), "rb") as f:
        return re.match(rb"#!.*\b(ba)?sh\b", f.readline(100)) is not None


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        return f.read().split("\n")


def check_text(path):
    lines = read(path)
    folder = path.split("/")[1]
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE and "http" not in line and not path.endswith(".def"):
            offend(path, number, f"{len(line)} columns, more than {MAX_LINE}")
        match = re.match(r'#include "([a-z_]+)/', line)
        if match and folder in ALLOWED:
            other = match[1]
            if other in ALLOWED and other != folder and other != "pch" and other not in ALLOWED[folder]:
                offend(path, number, f"{folder}/ must not include {other}/ (docs/architecture.md)")
            if folder == "process" and other in ("source", "sink"):
                offend(path, number, "process/ meets sources and sinks only through the registry")
        code = line.split("//")[0]
        for pattern, why, exempt in BANNED:
            if path.startswith(exempt) if exempt else False:
                continue
            if pattern.search(code if "finish" not in why else line):
                offend(path, number, why)
    if path.endswith(".h") and "#pragma once" not in lines:
        offend(path, 1, "header without #pragma once")
    return len(lines)


def check_sizes(sizes):
    allowed = {}
    if os.path.exists(RATCHET):
        for line in open(RATCHET):
            if line.strip() and not line.startswith("#"):
                path, count = line.split()
                allowed[path] = int(count)
    for path, count in sorted(sizes.items()):
        limit = MAX_HEADER if path.endswith(".h") else MAX_SOURCE
        if path.endswith("README.md"):
            limit = MAX_README
        if "_test.cc" in path:
            limit = 1000
        if path.endswith((".py", ".sh")) or "." not in os.path.basename(path):
            limit = MAX_SCRIPT
        check_ratchet(path, count, limit, allowed.get(path))
        limit = max(limit, allowed.get(path, 0))
        if count > limit:
            offend(path, 1, f"{count} lines, at most {limit}: split it along a concept")
    for path in allowed:
        if path not in sizes:
            offend("tests/tidy/ratchet.txt", 1, f"{path} is gone: remove its line")


def check_ratchet(path, count, limit, allowed):
    """What has shrunk does not grow again."""
    if allowed is None:
        return
    if count <= limit:
        offend("tests/tidy/ratchet.txt", 1, f"{path} has {count} lines, no more than any may: remove its line")
    elif count < allowed:
        offend("tests/tidy/ratchet.txt", 1, f"{path} has {count} lines: lower its number {allowed}")


def check_format(paths):
    tool = "clang-format-14"
    run = subprocess.run([tool, "--dry-run", "-Werror", *paths], cwd=ROOT, capture_output=True, text=True)
    if run.returncode != 0:
        bad = sorted(set(re.findall(r"^([^:\n]+):\d+:\d+: (?:error|warning)", run.stderr, re.M)))
        for path in bad:
            offend(path, 1, "not formatted: run ./dev fix")


def header_flags():
    include = subprocess.run([PYTHON, "-c", "import pyarrow;print(pyarrow.get_include())"], capture_output=True, text=True)
    flags = ["-std=c++20", "-DBOOST_ASIO_NO_DEPRECATED", "-I" + SRC]
    if include.returncode == 0:
        flags += ["-isystem", include.stdout.strip()]
    build = os.path.join(ROOT, "build", "src")
    return flags + ["-I" + build]


class Headers:
    """What each header includes, directly or not."""

    def __init__(self):
        self.texts = {}

    def text(self, path):
        if path not in self.texts:
            self.texts[path] = open(os.path.join(ROOT, path), encoding="utf-8").read()
        return self.texts[path]

    def included(self, path):
        return ["src/" + m for m in re.findall(r'#include "([^"]+)"', self.text(path))]

    def closure(self, path):
        seen, queue = set(), [path]
        while queue:
            p = queue.pop()
            if p not in seen and os.path.exists(os.path.join(ROOT, p)):
                seen.add(p)
                queue += self.included(p)
        return sorted(seen)

    def hash(self, path):
        """Unchanged means still self-contained."""
        return hashlib.sha256("".join(p + self.text(p) for p in self.closure(path)).encode()).hexdigest()

    def uses_arrow(self, path):
        return any(re.search(r"#include <arrow/(?!type_fwd|result|status)", self.text(p)) for p in self.closure(path))


def check_headers(paths):
    """The short tier has what comes from outside the project parsed once (clang's precompiled headers), and takes a header for checked that another
    includes before any of ours; the full tier compiles each alone, with the compiler that builds it: a quarter of an hour."""
    full = os.environ.get("MAINSTEM_TIER") == "full"
    stamps = os.path.join(ROOT, ".deps", "tidy-headers")
    os.makedirs(stamps, exist_ok=True)
    flags, headers = header_flags(), Headers()
    if not full:
        included_first = {headers.included(path)[0] for path in paths if headers.included(path)}
        paths = [path for path in paths if path not in included_first and not path.startswith("src/pch/")]

    def stamp(path):
        return os.path.join(stamps, ("full-" if full else "") + headers.hash(path))

    paths = [path for path in paths if not os.path.exists(stamp(path))]
    if not paths:
        return
    parsed = {}  # by whether Arrow's headers are among them
    if not full:
        flags += ["-w", "-fpch-instantiate-templates"]
        for arrow, name in ((False, "pch_core"), (True, "pch_arrow")):
            parsed[arrow] = os.path.join(stamps, name + ".pch")
            subprocess.run(["clang++-14", *flags, "-x", "c++-header", f"src/pch/{name}.h", "-o", parsed[arrow]], cwd=ROOT, check=True)

    def one(path):
        compiler = ["g++"] if full else ["clang++-14", "-include-pch", parsed[headers.uses_arrow(path)]]
        run = subprocess.run([*compiler, *flags, "-fsyntax-only", "-x", "c++", "-"], input=f'#include "{path[4:]}"\n', cwd=ROOT, text=True,
                             capture_output=True)
        if run.returncode != 0:
            first = next((line for line in run.stderr.split("\n") if "error" in line), run.stderr[:200])
            offend(path, 1, f"does not compile alone: {first}")
        else:
            open(stamp(path), "w").close()

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, paths))


def check_dead(sources):
    """Every header is included by somebody."""
    included = set()
    for path in sources:
        included.update(re.findall(r'#include "([^"]+)"', "\n".join(read(path))))
    for path in sources:
        if path.endswith(".h") and path[4:] not in included and "/pch/" not in path:
            offend(path, 1, "nobody includes this header")


def check_machine_paths():
    home = re.compile(r"(/home/[a-z]+/|/root/|/work/)")
    for path in tracked():
        if path.endswith((".png", ".gz", ".ico", ".lock")) or path == "tests/tidy/tidy.py":
            continue
        for number, line in enumerate(read(path), 1):
            if home.search(line):
                offend(path, number, "a path of one machine")
            if path.endswith("package-lock.json") and '"resolved"' in line:
                offend(path, number, "a lock file without registry addresses: set omit-lockfile-registry-resolved")


def check_test_names():
    """pytest imports test modules by their bare names."""
    seen = {}
    for path in tracked("tests/integration/*.py"):
        other = seen.setdefault(os.path.basename(path), path)
        if other != path:
            offend(path, 1, f"a test module of the same name as {other}")


def main():
    sources = tracked("src/*.cc", "src/*.h", "src/*.def")
    sizes = {path: check_text(path) for path in sources}
    scripts = [path for path in tracked() if path.endswith((".py", ".sh")) or is_shell(path)]
    more = tracked("src/*README.md", "console/README.md", "bench/*.cc", "bench/*.h", "tests/*.cc", "tests/*.h")
    sizes.update({path: len(read(path)) for path in [*more, *scripts]})
    check_sizes(sizes)
    check_dead(sources)
    check_machine_paths()
    check_test_names()
    beside = tracked("bench/*.cc", "bench/*.h", "tests/*.cc", "tests/*.h")
    check_format([p for p in sources if not p.endswith(".def")] + beside)
    if "--no-headers" not in sys.argv:
        check_headers([p for p in sources if p.endswith(".h")])
    for line in offences:
        print(line)
    print(f"tidy: {len(sources)} files, {len(offences)} offences")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
