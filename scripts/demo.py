#!/usr/bin/env python3
"""What ./run shows: a node, a private PostgreSQL, the clickstream pipeline and its traffic player, started and stopped together."""
import argparse
import contextlib
import fcntl
import glob
import hashlib
import json
import os
import pwd
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
BINARY = os.environ.get("MAINSTEM_BINARY", os.path.join(ROOT, "build/src/cli/mainstem"))
EXAMPLE = os.path.join(ROOT, "examples/clickstream")
PYTHON = sys.executable


def say(text):
    print(text, file=sys.stderr, flush=True)


class Ended(SystemExit):
    """Ctrl-C or a polite kill; its code is what a shell expects."""


class Signals:
    """Ctrl-C and SIGTERM end the program at the next step, in order: what was started is stopped. No child sees our Ctrl-C."""

    def __init__(self):
        self.held, self.waiting = 0, None

    def catch(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.come)

    def come(self, number, _):
        self.waiting = number
        if not self.held:
            self.ignore()  # a second one must not cut off the stopping
            raise Ended(128 + number)

    @contextlib.contextmanager
    def hold(self):
        """What must not be cut in two, as a start and the note of who was started."""
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1
        if self.waiting and not self.held:
            self.ignore()
            raise Ended(128 + self.waiting)

    def ignore(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


signals = Signals()  # of the process
children = []


def spawn(command, **settings):
    """A child in a session of its own; one that still runs at our end is ended."""
    with signals.hold():
        child = subprocess.Popen(command, start_new_session=True, **settings)
        children.append(child)
    return child


def run(command, **settings):
    """Runs a program to its end; gives what it printed."""
    child = spawn(command, text=True, stdout=settings.pop("stdout", subprocess.PIPE), **settings)
    output, _ = child.communicate()
    if child.returncode != 0:
        sys.exit(f"{os.path.basename(command[0])} failed ({child.returncode}): {' '.join(command)}")
    return output


def end_children(but=()):
    for child in children:
        if child not in but and child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def port_is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def open_to_all(folder):
    """Whether any user may walk down to the folder."""
    while True:
        if os.path.exists(folder) and os.stat(folder).st_mode & 0o001 == 0:
            return False
        if folder == "/":
            return True
        folder = os.path.dirname(folder)


def folder_in_tmp(folder):
    """Where PostgreSQL's files lie when its user can't enter their place: named after it."""
    return "/var/tmp/mainstem-postgres-" + hashlib.sha256(folder.encode()).hexdigest()[:12]


def postgres_programs():
    """The folder of initdb and postgres: Debian's newest, else where the path leads."""
    debian = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(re.search(r"/(\d+)/bin", path)[1]))
    found = debian[-1] if debian else shutil.which("initdb")
    return os.path.dirname(found) if found else sys.exit("PostgreSQL is not installed: run scripts/setup")


class Postgres:
    """A private server in its own folder; PostgreSQL refuses to run as root, so it runs as user postgres there."""

    def __init__(self, folder):
        self.bin, self.folder, self.process = postgres_programs(), folder, None
        self.user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        if self.user and not open_to_all(os.path.dirname(folder)):
            # User postgres can't enter this place: its files lie elsewhere.
            self.folder = folder_in_tmp(folder)
            say(f"  PostgreSQL's files lie in {self.folder}: its user can't enter {os.path.dirname(folder)}")

    def kept_port(self):
        """The same port at every start: the jobs that resume know it."""
        path = os.path.join(self.folder, "port")
        if os.path.exists(path):
            port = int(open(path).read())
            if not port_is_free(port):
                sys.exit(f"port {port}, where the example's PostgreSQL was, is taken by another program: stop that, or ./run --reset")
            return port
        port = free_port()
        with open(path, "w") as f:
            f.write(str(port))
        return port

    def become(self):
        if self.user:
            os.setgid(self.user.pw_gid)
            os.setuid(self.user.pw_uid)

    def start(self):
        os.makedirs(self.folder, exist_ok=True)
        self.port = self.kept_port()
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        data, made = os.path.join(self.folder, "data"), os.path.join(self.folder, "data.new")
        if not os.path.exists(data):  # made beside it, so that one that was cut off is never taken for whole
            shutil.rmtree(made, ignore_errors=True)
            run([self.bin + "/initdb", "-D", made, "-A", "trust", "-U", "postgres", "--no-sync"], stdout=subprocess.DEVNULL,
                preexec_fn=self.become, cwd="/")
            os.rename(made, data)
        self.process = spawn(
            [self.bin + "/postgres", "-D", data, "-c", "listen_addresses=127.0.0.1", "-c", f"port={self.port}", "-c",
             "unix_socket_directories=", "-c", "shared_buffers=32MB", "-c", "logging_collector=off"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=self.become, cwd="/")
        for _ in range(300):
            if subprocess.run([self.bin + "/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode == 0:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        sys.exit("PostgreSQL did not start in " + self.folder)

    def psql(self, *arguments):
        return run(["psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-v", "ON_ERROR_STOP=1", *arguments],
                   env=dict(os.environ, PGOPTIONS="-c client_min_messages=warning"))

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):  # it is crash-safe, as the node is
                self.process.wait(5)


class Node:
    def __init__(self, folder, kafka, http):
        self.process = None
        self.command = [BINARY, "serve", "--json", "--data", folder, "--kafka-listen", kafka, "--http-listen", http, "--aws-listen", "127.0.0.1:0",
                        "--log-file", os.path.join(os.path.dirname(folder), "node.log")]

    def start(self):
        begin = time.monotonic()
        self.process = spawn(self.command, stdout=subprocess.PIPE, cwd=ROOT)
        readable, _, _ = select.select([self.process.stdout], [], [], 60)
        line = self.process.stdout.readline() if readable else b""
        if not line:
            sys.exit("the node did not start (see above, and node.log in the data folder)")
        ready = json.loads(line)
        self.kafka, self.http, self.seconds = ready["kafka"], "http://" + ready["http"], time.monotonic() - begin

    def api(self, path, method="GET", body=None):
        request = urllib.request.Request(self.http + "/api/v1" + path, method=method,
                                         data=None if body is None else json.dumps(body).encode(), headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            answer = json.loads(error.read() or b"{}").get("error", {})
            sys.exit(f"{method} {path}: {answer.get('message')}\n{answer.get('detail', '')}\n{answer.get('hint', '')}")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)


def pipeline(node, postgres, files, bounded):
    text = open(os.path.join(EXAMPLE, "pipeline.sql")).read()
    values = {"KAFKA": node.kafka, "BOUNDED": bounded, "OUT": files, "JDBC_URL": f"jdbc:postgresql://127.0.0.1:{postgres.port}/postgres"}
    return re.sub(r"\$\{([A-Z_]+)\}", lambda m: values[m[1]], text)


def make_topics(node):
    existing = {topic["name"] for topic in node.api("/topics")["topics"]}
    for name, partitions in (("clicks", 4), ("funnel", 1), ("error-bursts", 1)):
        if name not in existing:
            node.api("/topics", "POST", {"name": name, "partitions": partitions})


def player(node, *arguments):
    return [PYTHON, os.path.join(EXAMPLE, "player.py"), "--bootstrap", node.kafka, *arguments]


def table(title, text):
    print(f"\n{title}\n{text.rstrip()}")


def once(options, node, postgres, files):
    say(f"  … a Kafka client plays {options.events} clicks of ten minutes")
    run(player(node, "--events", str(options.events), "--start", "2026-03-01 10:00:00", "--seed", str(options.seed)), stdout=subprocess.DEVNULL)
    begin = time.monotonic()
    ids = node.api("/jobs", "POST", {"script": pipeline(node, postgres, files, "latest-offset")})["job_ids"]
    while True:
        jobs = [node.api("/jobs/" + job) for job in ids]
        if all(job["state"].upper() in ("FINISHED", "FAILED", "CANCELLED") for job in jobs):
            break
        if time.monotonic() - begin > 300:
            sys.exit("the job did not finish in 300 s: " + json.dumps(jobs)[:2000])
        time.sleep(0.05)
    for job in jobs:
        if job["state"].upper() != "FINISHED":
            sys.exit(f"job {job['id']} {job['state']}: {job['error']}")
    say(f"  ok the pipeline finished ({time.monotonic() - begin:.1f}s)")
    table("page views per minute (PostgreSQL, table page_views, the first rows)", postgres.psql(
        "-c", "SELECT at_minute, page, view_count, visitors FROM page_views ORDER BY at_minute, view_count DESC, page LIMIT 8"))
    table("clicks of each kind (PostgreSQL, table click_totals)", postgres.psql("-c", "SELECT * FROM click_totals ORDER BY type"))
    table("funnel per ten seconds (topic funnel, the last five)", run([BINARY, "--node", node.http, "consume", "funnel", "-n", "5"]))
    print("\nthe same, recomputed from the events by examples/clickstream/check.py:", flush=True)
    return spawn([PYTHON, os.path.join(EXAMPLE, "check.py"), "--bootstrap", node.kafka, "--postgres",
                  f"host=127.0.0.1 port={postgres.port} user=postgres dbname=postgres", "--files", files]).wait()


def live(options, node, postgres, files):
    running = [job for job in node.api("/jobs")["jobs"] if job["name"] == "clickstream" and job["state"].upper() not in ("FAILED", "CANCELLED")]
    if not running:
        node.api("/jobs", "POST", {"script": pipeline(node, postgres, files, "unbounded")})
    traffic = spawn(player(node, "--rate", str(options.rate), "--seed", str(time.time_ns() % 100000)), stdout=subprocess.DEVNULL)
    say(f"""
Mainstem is at work (the node started in {node.seconds:.2f} s).

  Console     {node.http}
  Shop        {node.http}/examples/clickstream/     click around: your clicks join the traffic
  Kafka       {node.kafka}                    kcat -b {node.kafka} -C -t funnel
  PostgreSQL  psql -h 127.0.0.1 -p {postgres.port} -U postgres -c 'TABLE click_totals'
  Parquet     {os.path.relpath(files)}/clicks

  Data lies in {os.path.relpath(options.data)}; ./run --reset forgets it. Ctrl-C ends; the next ./run goes on where this one stopped.
""")
    with contextlib.suppress(Ended):
        while True:
            time.sleep(0.2)
            if node.process.poll() is not None:
                say("the node ended by itself: see node.log in the data folder")
                return 1
            if traffic.poll() is not None:
                say("the traffic player ended by itself")
                return 1
    return 0


def lock(folder):
    """Held until we end: two ./run in one folder would take each other's data away. A node there counts as well."""
    os.makedirs(folder, exist_ok=True)
    held = open(os.path.join(folder, "run.lock"), "w")
    for file in (held, *(open(path) for path in [os.path.join(folder, "node/LOCK")] if os.path.exists(path))):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit(f"another ./run or node works in {os.path.relpath(folder)}: stop it, or choose another folder with --data DIR")
        if file is not held:
            file.close()  # free for our own node
    return held


def forget(folder):
    """Removes what ./run keeps in a folder, and nothing else: `mainstem serve` may have its own things there."""
    postgres = os.path.join(folder, "postgres")
    gone = [path for path in (*(os.path.join(folder, name) for name in ("node", "lake", "node.log")), postgres, folder_in_tmp(postgres)) if os.path.exists(path)]
    for path in gone:
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    return gone


def main():
    signals.catch()
    parser = argparse.ArgumentParser(prog="./run", description="Shows Mainstem at work on a shop's clicks.")
    parser.add_argument("--once", action="store_true", help="play a bounded input on ports of its own, print and check the results, end")
    parser.add_argument("--reset", action="store_true", help="forget the data of earlier runs first")
    parser.add_argument("--events", type=int, default=20000, help="clicks that --once plays")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=150, help="clicks a second of the live traffic")
    parser.add_argument("--data", default=os.path.join(ROOT, ".data"), help="folder for everything durable")
    parser.add_argument("--kafka-port", type=int, default=9092)
    parser.add_argument("--http-port", type=int, default=8080)
    options = parser.parse_args()
    options.data = os.path.abspath(os.path.join(options.data, "once") if options.once else options.data)
    files = os.path.join(options.data, "lake")
    kafka, http = ("127.0.0.1:0", "127.0.0.1:0") if options.once else (f"127.0.0.1:{options.kafka_port}", f"127.0.0.1:{options.http_port}")
    held = lock(options.data)
    if not options.once:
        for port, flag in ((options.kafka_port, "--kafka-port"), (options.http_port, "--http-port")):
            if not port_is_free(port):
                sys.exit(f"port {port} is taken by another program: choose one with {flag} N")
    # Tables without the log that filled them, as when somebody removed the data by hand, are of no use.
    if options.reset or options.once or not os.path.exists(os.path.join(options.data, "node")):
        gone = forget(options.data)
        if gone and not options.once:
            say("  forgotten: " + ", ".join(os.path.relpath(path) if path.startswith(options.data) else path for path in gone))
    postgres, node = Postgres(os.path.join(options.data, "postgres")), Node(os.path.join(options.data, "node"), kafka, http)
    try:
        postgres.start()
        node.start()
        postgres.psql("-f", os.path.join(EXAMPLE, "schema.sql"))
        make_topics(node)
        code = once(options, node, postgres, files) if options.once else live(options, node, postgres, files)
    finally:
        signals.ignore()
        end_children(but=(node.process, postgres.process))  # who uses them, first
        node.stop()
        postgres.stop()
        end_children()
        if options.once:
            shutil.rmtree(postgres.folder, ignore_errors=True)
        held.close()
    sys.exit(code)


if __name__ == "__main__":
    main()
