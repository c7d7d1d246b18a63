"""A real Apache Flink session cluster on loopback, as the measured peer: JobManager, one TaskManager and the SQL Gateway, from the PyPI wheels
(which ship the Java distribution) and Maven's SQL Gateway, Kafka connector and protobuf format (with its version of protoc). `fetch` installs it under .deps/flink; `Flink` runs it."""
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
HOME = os.path.join(ROOT, ".deps/flink")
VERSION = "2.3.0"
KAFKA_CONNECTOR = "5.0.0-2.2"
PROTOC_VERSION = "4.32.1"  # of the library that Flink's protobuf format brings
PROTOC = os.path.join(HOME, f"protoc-{PROTOC_VERSION}")
PROTOBUF_JAR = os.path.join(HOME, f"dist/lib/flink-sql-protobuf-{VERSION}.jar")
HZ = os.sysconf("SC_CLK_TCK")


def fetch():
    """Installs the distribution once; quick when it is there."""
    fetch_distribution()
    if not os.path.exists(PROTOBUF_JAR):
        fetch_artifact(f"org.apache.flink:flink-sql-protobuf:{VERSION}", HOME + "/dist/lib")
    if not os.path.exists(PROTOC):
        machine = {"x86_64": "x86_64", "aarch64": "aarch_64"}[platform.machine()]
        fetch_artifact(f"com.google.protobuf:protoc:{PROTOC_VERSION}:exe:linux-{machine}", HOME)
        fetched = f"{HOME}/protoc-{PROTOC_VERSION}-linux-{machine}.exe"
        os.chmod(fetched, 0o755)
        os.rename(fetched, PROTOC)


# Flink's format parquet does not bring the classes of Hadoop that it needs.
PARQUET_ARTIFACTS = (f"org.apache.flink:flink-sql-parquet:{VERSION}", "org.apache.hadoop:hadoop-client-api:3.4.1", "org.apache.hadoop:hadoop-client-runtime:3.4.1",
                     "commons-logging:commons-logging:1.2", "org.slf4j:slf4j-api:1.7.36")


def parquet_jars():
    folder = os.path.join(HOME, "parquet")
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))] if os.path.isdir(folder) else []


def fetch_parquet():
    """What Flink needs to write Parquet; only benchmarks do."""
    fetch()
    if len(parquet_jars()) < len(PARQUET_ARTIFACTS):
        for artifact in PARQUET_ARTIFACTS:
            fetch_artifact(artifact, os.path.join(HOME, "parquet"))


def fetch_artifact(artifact, folder):
    subprocess.run(["mvn", "-B", "-q", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"], check=True)


def fetch_distribution():
    done = os.path.join(HOME, f"complete-{VERSION}")
    if os.path.exists(done):
        return
    shutil.rmtree(HOME, ignore_errors=True)
    venv = os.path.join(HOME, "venv")
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    # Only the Java distribution inside the wheels is wanted, not PyFlink's Python dependencies.
    subprocess.run([venv + "/bin/pip", "install", "-q", "--no-deps", f"apache-flink=={VERSION}", f"apache-flink-libraries=={VERSION}"], check=True)
    packages = subprocess.run([venv + "/bin/python", "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
                              capture_output=True, text=True, check=True).stdout.strip()
    for folder in ("bin", "conf", "lib", "opt"):
        shutil.copytree(f"{packages}/pyflink/{folder}", f"{HOME}/dist/{folder}")
    for script in os.listdir(f"{HOME}/dist/bin"):
        os.chmod(f"{HOME}/dist/bin/{script}", 0o755)
    jars = ((f"org.apache.flink:flink-sql-connector-kafka:{KAFKA_CONNECTOR}", "lib"), (f"org.apache.flink:flink-sql-gateway:{VERSION}", "opt"))
    for artifact, folder in jars:
        fetch_artifact(artifact, f"{HOME}/dist/{folder}")
    open(done, "w").close()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def split_script(text):
    """The statements of a script: split at semicolons outside quotes, comments left out."""
    tokens = re.findall(r"--[^\n]*|'(?:[^']|'')*'|`[^`]*`|;|[^;'`-]+|-", text)
    statements, current = [], ""
    for token in tokens:
        if token.startswith("--"):
            continue
        if token == ";":
            statements.append(current.strip())
            current = ""
        else:
            current += token
    return [s for s in statements + [current.strip()] if s]


class Flink:
    """Lifecycle: make, start, run, stop. `work` is an empty folder for configuration and logs; `jars` are on the class path beside Flink's own."""

    def __init__(self, work, memory="3g", slots=2, jars=()):
        self.work, self.rest, self.gateway = work, free_port(), free_port()
        self.processes = {}
        os.makedirs(work + "/tmp", exist_ok=True)
        shutil.copytree(f"{HOME}/dist/conf", work + "/conf")
        os.makedirs(work + "/lib")
        for jar in [os.path.join(HOME, "dist/lib", name) for name in os.listdir(HOME + "/dist/lib")] + list(jars):
            os.symlink(jar, os.path.join(work, "lib", os.path.basename(jar)))
        # Of the distribution's own settings only those that open the JVM's modules are needed.
        opens = re.search(r"(?m)^ *all: (.*)$", open(work + "/conf/config.yaml").read())[1]
        with open(work + "/conf/config.yaml", "w") as f:
            f.write(f"env.java.opts.all: {opens}\njobmanager.rpc.address: localhost\njobmanager.rpc.port: {free_port()}\n"
                    f"jobmanager.memory.process.size: 1200m\ntaskmanager.host: localhost\ntaskmanager.memory.process.size: {memory}\n"
                    f"taskmanager.numberOfTaskSlots: {slots}\nparallelism.default: 1\nrest.port: {self.rest}\nrest.address: localhost\n"
                    f"sql-gateway.endpoint.rest.address: localhost\nsql-gateway.endpoint.rest.port: {self.gateway}\n"
                    f"io.tmp.dirs: {work}/tmp\nrestart-strategy.type: none\n")

    def _spawn(self, name, command):
        env = dict(os.environ, FLINK_HOME=f"{HOME}/dist", FLINK_CONF_DIR=self.work + "/conf", FLINK_LIB_DIR=self.work + "/lib", FLINK_LOG_DIR=self.work)
        with open(f"{self.work}/{name}.out", "ab") as out:
            self.processes[name] = subprocess.Popen([f"{HOME}/dist/bin/{command}", "start-foreground"], env=env, stdout=out, stderr=out, cwd=self.work)

    def restart_taskmanager(self):
        """SIGKILL, and a new one; jobs with a restart strategy go on from their last checkpoint."""
        self.processes["taskmanager"].kill()
        self.processes["taskmanager"].wait()
        self._spawn("taskmanager", "taskmanager.sh")

    def start(self):
        for name, command in (("jobmanager", "jobmanager.sh"), ("taskmanager", "taskmanager.sh"), ("gateway", "sql-gateway.sh")):
            self._spawn(name, command)
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                if self._get(self.rest, "/taskmanagers")["taskmanagers"] and self._get(self.gateway, "/v1/info"):
                    return
            except (OSError, ValueError, KeyError, RuntimeError):  # no leader yet: it says 503
                pass
            time.sleep(0.5)
        self.stop()
        sys.exit(f"Flink did not start: see {self.work}/*.out")

    def stop(self):
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            process.wait(60)
        self.processes = {}

    def cpu(self):
        """CPU seconds of JobManager and TaskManager so far."""
        total = 0
        for name in ("jobmanager", "taskmanager"):
            fields = open(f"/proc/{self.processes[name].pid}/stat").read().rsplit(") ", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / HZ
        return total

    def run(self, script, timeout=1800):
        """Runs a script whose INSERTs end. Returns the CPU seconds of the INSERTs; raises RuntimeError with Flink's message."""
        session = self._post("/v2/sessions", {"properties": {"table.dml-sync": "true"}})["sessionHandle"]
        spent = 0
        for statement in split_script(script):
            before = self.cpu()
            operation = self._post(f"/v2/sessions/{session}/statements", {"statement": statement})["operationHandle"]
            self._wait(session, operation, timeout)
            if statement.upper().startswith(("INSERT", "EXECUTE")):
                spent += self.cpu() - before
        return spent

    def submit(self, script, timeout=120):
        """Runs a script; its INSERTs run on as jobs."""
        session = self._post("/v2/sessions", {"properties": {"table.dml-sync": "false"}})["sessionHandle"]
        for statement in split_script(script):
            operation = self._post(f"/v2/sessions/{session}/statements", {"statement": statement})["operationHandle"]
            self._wait(session, operation, timeout)

    def _wait(self, session, operation, timeout):
        end, path = time.monotonic() + timeout, f"/v2/sessions/{session}/operations/{operation}/result/0?rowFormat=JSON"
        while path:
            if time.monotonic() > end:
                raise RuntimeError("Flink: timed out")
            page = self._get(self.gateway, path)
            path = page.get("nextResultUri") if page["resultType"] != "EOS" else None
            if page["resultType"] == "NOT_READY" or not page.get("results", {}).get("data"):
                time.sleep(0.1)

    def _get(self, port, path):
        return self._call(urllib.request.Request(f"http://localhost:{port}{path}"))

    def _post(self, path, body):
        return self._call(urllib.request.Request(f"http://localhost:{self.gateway}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}))

    @staticmethod
    def _call(request):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            causes = re.findall(r"Caused by: ([^\\\n]+)", text)
            raise RuntimeError(causes[-1] if causes else text[:500]) from None


if __name__ == "__main__":
    fetch()
