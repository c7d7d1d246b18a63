"""What the integration tests share: a real node as a child process, a private PostgreSQL, and the limits of the tier.
MAINSTEM_BINARY (build/src/cli/mainstem), MAINSTEM_TIER=short|full."""
import contextlib
import importlib.util
import json
import os
import pathlib
import pwd
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BINARY = os.environ.get("MAINSTEM_BINARY", os.path.join(ROOT, "build/src/cli/mainstem"))
FULL = os.environ.get("MAINSTEM_TIER", "short") == "full"
KAFKA_LIBS = os.environ.get("KAFKA_LIBS", os.path.join(ROOT, ".deps/kafka/libs"))


def wait_until(condition, what, seconds=30.0):
    """Polls `condition` until it gives something true; fails with `what` after that many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.02)


def needs_recorded(path, variable):
    """Skips a test that needs data which is no part of the project; the run names it at its end (conftest.py)."""
    if not os.path.exists(path):
        import pytest
        pytest.skip(f"{RECORDED} {os.path.basename(path)} is not there ({variable})")


RECORDED = "recorded data:"
# What programs under test take as DuckDB's library.
DUCKDB = os.path.join(ROOT, ".deps/duckdb/node_modules/@duckdb/node-bindings-linux-x64/libduckdb.so")
os.environ.setdefault("MAINSTEM_DUCKDB_LIBRARY", DUCKDB)


class Node:
    """A node with its own data folder. The first start picks free ports; restarts keep them."""

    def __init__(self, folder, settings=None, environment=None):
        self.folder, self.settings, self.environment = str(folder), dict(settings or {}), dict(environment or {})
        self.data = os.path.join(self.folder, "data")
        self.kafka = self.http = self.aws = None
        self.process = None
        self.start_count = 0

    def start(self, crash_point=None, timeout=30.0):
        self.start_count += 1
        settings = {"data": self.data, "kafka.listen": self.kafka or "127.0.0.1:0", "http.listen": self.http or "127.0.0.1:0",
                    "aws.listen": self.aws or "127.0.0.1:0", "memory": "512MB", "shards": "2", **self.settings}
        command = [BINARY, "serve", "--json"]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        env = dict(os.environ, **self.environment)
        env.pop("MAINSTEM_CRASH_POINT", None)
        if crash_point:
            env["MAINSTEM_CRASH_POINT"] = crash_point
        self.log = open(os.path.join(self.folder, "node.log"), "ab")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, env=env, cwd=self.folder)
        readable, _, _ = select.select([self.process.stdout], [], [], timeout)
        line = self.process.stdout.readline() if readable else b""
        if not line and crash_point and self.process.wait(timeout) == -signal.SIGKILL:
            return self  # it came to the crash point before it was ready
        if not line:
            self.kill()
            raise AssertionError("the node did not start:\n" + self.log_tail())
        ready = json.loads(line)
        self.kafka, self.http, self.aws = ready["kafka"], ready["http"], ready["aws"]
        return self

    def log_tail(self, count=3000):
        with open(os.path.join(self.folder, "node.log"), "rb") as f:
            return f.read()[-count:].decode(errors="replace")

    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """SIGKILL: what a crash is."""
        if self.running():
            self.process.send_signal(signal.SIGKILL)
        if self.process:
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def wait_for_crash(self, seconds=60.0):
        """Until it has killed itself at its crash point; fails when it does not, or ends in another way."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the crash point was not reached in {seconds} s:\n" + self.log_tail()) from None
        assert code == -signal.SIGKILL, f"the node ended with {code} instead of its crash point:\n" + self.log_tail()
        self.kill()

    def stop(self, seconds=10.0):
        """SIGTERM, as Ctrl-C; returns the seconds it took and fails on an unclean end."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(seconds)
        took = time.monotonic() - begin
        self.process.stdout.close()
        self.process = None
        assert code == 0, f"the node ended with {code}:\n" + self.log_tail()
        return took

    def call(self, path, method="GET", body=None, content_type="application/json", headers=None, timeout=30):
        """(status, text) of one HTTP call."""
        data = body if isinstance(body, (bytes, type(None))) else (body if isinstance(body, str) else json.dumps(body)).encode()
        request = urllib.request.Request(f"http://{self.http}{path}", data=data, method=method, headers=dict(headers or {}))
        if data is not None:
            request.add_header("Content-Type", content_type)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def api(self, path, method="GET", body=None):
        status, text = self.call("/api/v1" + path, method, body)
        assert status < 300, f"{method} {path}: {status} {text}"
        return json.loads(text) if text.strip() else None

    def sql(self, script, timeout=60):
        """Runs statements now; a list of the NDJSON objects that came."""
        status, text = self.call("/api/v1/sql", "POST", {"script": script}, timeout=timeout)
        assert status == 200, text
        return [json.loads(line) for line in text.split("\n") if line.strip()]

    def results(self, script, settings=None, timeout=90):
        """Runs statements and waits for their jobs: the rows of each query, kind first, and the error that ended the script, if one did."""
        status, text = self.call("/api/v1/sql", "POST", {"script": script, "settings": settings or {}, "wait_for_inserts": True}, timeout=timeout)
        assert status == 200, text
        results, error = [], None
        for line in map(json.loads, filter(str.strip, text.splitlines())):  # blank lines say that it still runs
            if "columns" in line:
                results.append([])
            elif "rows" in line:
                results[-1] += line["rows"]
            elif "error" in line:
                error = line["error"]
        return results, error

    def submit(self, script):
        return self.api("/jobs", "POST", {"script": script})["job_ids"]

    def cli(self, *arguments, stdin=None, check=True):
        result = subprocess.run([BINARY, "--node", f"http://{self.http}", *arguments], input=stdin, capture_output=True, text=True,
                                timeout=60)
        if check:
            assert result.returncode == 0, f"{arguments}: {result.stdout}{result.stderr}"
        return result


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A foreign server of a test, on loopback, with a folder of its own. `start` sets `process`."""

    stops_by, stops_within = signal.SIGTERM, 60  # seconds

    def __init__(self, folder):
        self.folder, self.port, self.process = str(folder), free_port(), None

    def stop(self, how=None):
        if self.process:
            self.process.send_signal(how or self.stops_by)
            self.process.wait(self.stops_within)
            self.process = None


class Postgres(Server):
    """A private PostgreSQL on loopback with its own folder; runs as user postgres when we are root. `settings`: further ones of
    the server; `access`: the lines of its pg_hba.conf instead of trust."""

    stops_by, stops_within = signal.SIGINT, 30

    def __init__(self, folder, settings=None, access=None):
        super().__init__(folder)
        self.settings, self.access = dict(settings or {}), access
        versions = sorted(os.listdir("/usr/lib/postgresql")) if os.path.isdir("/usr/lib/postgresql") else []
        self.bin = f"/usr/lib/postgresql/{versions[-1]}/bin" if versions else None

    @property
    def available(self):
        return self.bin is not None

    def _as_user(self):
        if os.getuid() != 0:
            return None
        entry = pwd.getpwnam("postgres")

        def become():
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
        return become

    def start(self):
        if os.getuid() == 0:
            entry = pwd.getpwnam("postgres")
            path = self.folder
            os.makedirs(path, exist_ok=True)
            os.chown(path, entry.pw_uid, entry.pw_gid)
        data = os.path.join(self.folder, "d")
        if not os.path.exists(data):
            subprocess.run([f"{self.bin}/initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync"], check=True,
                           capture_output=True, preexec_fn=self._as_user(), cwd="/")
        if self.access:
            with open(os.path.join(data, "pg_hba.conf"), "w") as f:
                f.write(self.access)
        more = [part for key, value in self.settings.items() for part in ("-c", f"{key}={value}")]
        self.process = subprocess.Popen(
            [f"{self.bin}/postgres", "-D", data, "-c", "listen_addresses=127.0.0.1", "-c", f"port={self.port}", "-c",
             f"unix_socket_directories={self.folder}", "-c", "shared_buffers=32MB", *more],
            stdout=subprocess.DEVNULL, stderr=open(os.path.join(self.folder, "server.log"), "ab") if os.getuid() != 0 else
            subprocess.DEVNULL, preexec_fn=self._as_user(), cwd="/")
        wait_until(lambda: self.ready(), "PostgreSQL", 30)
        return self

    def ready(self):
        return subprocess.run([f"{self.bin}/pg_isready", "-h", "127.0.0.1", "-p", str(self.port)], capture_output=True).returncode == 0

    def query(self, sql, *arguments):
        import psycopg2
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user="postgres", dbname="postgres")
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql, arguments or None)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    @property
    def jdbc_url(self):
        return f"jdbc:postgresql://127.0.0.1:{self.port}/postgres"


class S3Server(Server):
    """A server of S3's protocol with one bucket, `lake1`. `kind`: "minio" (scripts/setup full builds it), or "moto", which keeps
    everything in memory and believes any key."""

    stops_by = signal.SIGKILL
    KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "s3cret-testing"}

    def __init__(self, folder, kind="moto"):
        super().__init__(folder)
        self.kind = kind
        self.minio = os.path.join(ROOT, ".deps/minio/minio")
        self.command, self.ready = {
            "moto": ([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)], "/moto-api/"),
            "minio": ([self.minio, "server", "--address", f"127.0.0.1:{self.port}", "--quiet", os.path.join(self.folder, "d")],
                      "/minio/health/live")}[kind]
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def available(self):
        return os.path.exists(self.minio) if self.kind == "minio" else importlib.util.find_spec("moto") is not None

    def start(self):
        environment = dict(os.environ, MINIO_ROOT_USER=self.KEYS["AWS_ACCESS_KEY_ID"], MINIO_BROWSER="off", MINIO_UPDATE="off",
                           MINIO_ROOT_PASSWORD=self.KEYS["AWS_SECRET_ACCESS_KEY"])
        self.process = subprocess.Popen(self.command, env=environment, stdout=subprocess.DEVNULL,
                                        stderr=open(os.path.join(self.folder, "server.log"), "ab"))

        def answers():
            try:
                return urllib.request.urlopen(self.url + self.ready, timeout=5).status == 200
            except OSError:
                return False
        wait_until(answers, self.kind, 60)
        if "lake1" not in [bucket["Name"] for bucket in self.client().list_buckets()["Buckets"]]:
            self.client().create_bucket(Bucket="lake1")
        return self

    def client(self):
        import boto3
        return boto3.client("s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=self.KEYS["AWS_ACCESS_KEY_ID"],
                            aws_secret_access_key=self.KEYS["AWS_SECRET_ACCESS_KEY"])

    def keys(self, prefix):
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket="lake1", Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def read(self, key):
        return self.client().get_object(Bucket="lake1", Key=key)["Body"].read()


class IcebergCatalog(Server):
    """Apache Iceberg's reference REST catalog (scripts/setup full fetches it) over SQLite, its tables in a folder or in the bucket of an S3Server."""

    stops_by = signal.SIGKILL

    def __init__(self, folder, s3=None):
        super().__init__(folder)
        self.libs, self.url = os.path.join(ROOT, ".deps/iceberg/libs"), f"http://127.0.0.1:{self.port}"
        self.properties = {"catalog-impl": "org.apache.iceberg.jdbc.JdbcCatalog", "uri": f"jdbc:sqlite:{self.folder}/catalog.db",
                           "jdbc.schema-version": "V1", "warehouse": f"file://{self.folder}/wh"}
        if s3:
            keys = list(s3.KEYS.values())
            self.properties.update({"warehouse": "s3://lake1/rest", "io-impl": "org.apache.iceberg.aws.s3.S3FileIO", "s3.endpoint": s3.url,
                                    "s3.path-style-access": "true", "s3.access-key-id": keys[0], "s3.secret-access-key": keys[1],
                                    "client.region": "us-east-1"})

    @property
    def available(self):
        return os.path.isdir(self.libs) and shutil.which("java") is not None

    def start(self):
        main = os.path.join(ROOT, "tests/integration/sink/IcebergCatalog.java")
        self.process = subprocess.Popen(
            ["java", "-Xmx256m", "-XX:+UseSerialGC", "-cp", self.libs + "/*", main, str(self.port),
             *(f"{key}={value}" for key, value in self.properties.items())],
            stdout=open(os.path.join(self.folder, "server.log"), "ab"), stderr=subprocess.STDOUT, cwd=self.folder)

        def answers():
            assert self.process.poll() is None, "Iceberg's catalog has ended"
            try:
                return urllib.request.urlopen(self.url + "/v1/config", timeout=5).status == 200
            except OSError:
                return False
        wait_until(answers, "Iceberg's catalog", 120)
        return self


class Mariadb(Server):
    """A private MariaDB on loopback; runs as user mysql when we are root. `settings`: further ones of the server."""

    def __init__(self, folder, settings=None):
        super().__init__(folder)
        self.settings = dict(settings or {})
        self.socket, self.environment = os.path.join(self.folder, "s"), dict(os.environ)
        self.install = ["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]
        self.serve = ["mariadbd", "--no-defaults"]

    @property
    def available(self):
        return shutil.which("mariadbd") is not None

    def start(self):
        data, user = os.path.join(self.folder, "d"), []
        if os.getuid() == 0:
            user = ["--user=mysql"]
            os.chmod(self.folder, 0o755)
            shutil.chown(self.folder, "mysql", "mysql")
        if not os.path.exists(data):
            subprocess.run([*self.install, *user, f"--datadir={data}"], env=self.environment, check=True, capture_output=True)
        more = [f"--{key}={value}" for key, value in self.settings.items()]
        self.process = subprocess.Popen(
            [*self.serve, *user, f"--datadir={data}", f"--socket={self.socket}", f"--pid-file={self.folder}/p",
             f"--port={self.port}", "--bind-address=127.0.0.1", "--innodb-buffer-pool-size=64M", "--performance-schema=OFF", *more],
            env=self.environment, stdout=subprocess.DEVNULL, stderr=open(os.path.join(self.folder, "server.log"), "ab"))
        wait_until(lambda: self.client("SELECT 1").returncode == 0, "MariaDB or MySQL", 60)
        self.query("CREATE DATABASE IF NOT EXISTS shop; CREATE USER IF NOT EXISTS loader@'127.0.0.1' IDENTIFIED BY 'right'; "
                   "GRANT ALL ON shop.* TO loader@'127.0.0.1'")
        return self

    def client(self, sql):
        return subprocess.run(["mariadb", "--no-defaults", "-S", self.socket, "-uroot", "--batch", "--skip-column-names", "-e", sql],
                              capture_output=True, text=True)

    def query(self, sql):
        """Rows of texts; None for NULL."""
        result = self.client("USE shop; " + sql if "CREATE DATABASE" not in sql else sql)
        assert result.returncode == 0, result.stderr
        return [tuple(None if v == "NULL" else v for v in line.split("\t")) for line in result.stdout.splitlines()]

    @property
    def jdbc_url(self):
        return f"jdbc:mysql://127.0.0.1:{self.port}/shop"


class Mysql(Mariadb):
    """A private MySQL 8.0.15, asked by MariaDB's client: there is none of its own."""

    def __init__(self, folder, settings=None):
        super().__init__(folder, settings)
        home = os.path.join(ROOT, ".deps/mysql")
        self.program = os.path.join(home, "bin/mysqld")
        self.environment["LD_LIBRARY_PATH"] = os.path.join(home, "lib")
        self.serve = [self.program, "--no-defaults", f"--basedir={home}", f"--lc-messages-dir={home}/share"]
        self.install = [*self.serve, "--initialize-insecure"]
        self.serve = [*self.serve, "--mysqlx=OFF"]

    @property
    def available(self):
        return os.path.exists(self.program) and super().available


class Redis(Server):
    """A private Redis on loopback that syncs each command: what was answered survives a kill. `settings`: further ones."""

    def __init__(self, folder, settings=None):
        super().__init__(folder)
        self.settings = dict(settings or {})

    @property
    def available(self):
        return shutil.which("redis-server") is not None

    def start(self):
        more = [word for key, value in self.settings.items() for word in ("--" + key, *value.split(" "))]
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always",
             "--dir", self.folder, *more], stdout=open(os.path.join(self.folder, "server.log"), "ab"), stderr=subprocess.STDOUT)
        wait_until(self.ready, "Redis", 30)
        return self

    def ready(self):
        import redis
        try:
            self.client().ping()
            return True
        except redis.exceptions.AuthenticationError:
            return True
        except (redis.exceptions.ConnectionError, redis.exceptions.BusyLoadingError):
            return False

    def client(self, **more):
        import redis
        return redis.Redis(host="127.0.0.1", port=self.port, decode_responses=True, socket_timeout=20, **more)

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"


class Clickhouse(Server):
    """A private ClickHouse server (Debian's, of 2018) on loopback: user loader may do everything, reader only read, both with PASSWORD."""

    PASSWORD = "clicks-s3cret"
    stops_by = signal.SIGKILL  # asked nicely, it ends its merges first

    @property
    def available(self):
        return shutil.which("clickhouse-server") is not None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        config = os.path.join(self.folder, "config.xml")
        if not os.path.exists(config):
            with open(config, "w") as f:
                f.write(f"""<yandex><logger><level>warning</level><log>{self.folder}/log</log><errorlog>{self.folder}/err</errorlog></logger>
                  <http_port>{self.port}</http_port><listen_host>127.0.0.1</listen_host><path>{self.folder}/d/</path><tmp_path>{self.folder}/tmp/</tmp_path>
                  <users_config>{self.folder}/users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database>
                  <mark_cache_size>67108864</mark_cache_size><uncompressed_cache_size>0</uncompressed_cache_size></yandex>""")

            def user(name, password, profile):
                return (f"<{name}><password>{password}</password><networks><ip>127.0.0.1</ip></networks><profile>{profile}</profile>"
                        f"<quota>default</quota></{name}>")
            with open(os.path.join(self.folder, "users.xml"), "w") as f:
                f.write("<yandex><profiles><default/><readonly><readonly>1</readonly></readonly></profiles><users>"
                        + user("default", "", "default") + user("loader", self.PASSWORD, "default") + user("reader", self.PASSWORD, "readonly")
                        + "</users><quotas><default/></quotas></yandex>")
        self.process = subprocess.Popen(["clickhouse-server", f"--config-file={config}"], stdout=subprocess.DEVNULL,
                                        stderr=open(os.path.join(self.folder, "server.log"), "ab"), cwd=self.folder)
        wait_until(self.ready, "ClickHouse", 60)
        return self

    def ready(self):
        assert self.process.poll() is None, "ClickHouse has ended"
        try:
            return self.query("SELECT 1") == "1\n"
        except OSError:
            return False

    def query(self, sql):
        """The answer as text; OSError with the server's message."""
        request = urllib.request.Request(self.url, data=sql.encode(), method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.read().decode()
        except urllib.error.HTTPError as error:
            raise OSError(error.read().decode()) from None

    def rows(self, sql):
        return [json.loads(line) for line in self.query(sql + " FORMAT JSONEachRow").splitlines()]


class OpenSearch(Server):
    """One real node of OpenSearch on loopback, without TLS and users. It takes half a minute to start."""

    def __init__(self, folder):
        super().__init__(folder)
        self.libs = os.path.join(ROOT, ".deps/opensearch/libs")

    @property
    def available(self):
        return os.path.isdir(self.libs) and shutil.which("java") is not None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        main = os.path.join(ROOT, "tests/integration/sink/OpenSearchNode.java")
        self.process = subprocess.Popen(
            ["java", "-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-cp", self.libs + "/*", main, os.path.join(self.folder, "d"),
             str(self.port)], stdout=open(os.path.join(self.folder, "server.log"), "ab"), stderr=subprocess.STDOUT, cwd=self.folder)
        wait_until(self.ready, "OpenSearch", 300)  # half a minute on an idle machine
        return self

    def ready(self):
        assert self.process.poll() is None, "OpenSearch has ended"
        try:
            return self.call("/_cluster/health")["status"] in ("green", "yellow")
        except (OSError, KeyError):
            return False

    def call(self, path, method="GET", body=None):
        """The answer, whatever its status."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.loads(response.read() or b"{}")
        except urllib.error.HTTPError as error:
            return json.loads(error.read() or b"{}")

    def documents(self, index):
        """{(index, id): source} of all documents, as of now."""
        self.call(f"/{index}/_refresh", "POST")
        found, after = {}, None
        while True:
            if after is None:
                page = self.call(f"/{index}/_search?scroll=1m", "POST", {"size": 5000, "query": {"match_all": {}}})
            else:
                page = self.call("/_search/scroll", "POST", {"scroll": "1m", "scroll_id": after})
            hits = page["hits"]["hits"]
            if not hits:
                return found
            for hit in hits:
                found[hit["_index"], hit["_id"]] = hit["_source"]
            after = page["_scroll_id"]


class Kafka(Server):
    """One real Apache Kafka, broker and controller, on loopback; `sasl_port` is its second door, where SASL PLAIN and ACLs count (user
    admin may do everything, alice what she is given). Half a minute to start on a busy machine."""

    PASSWORDS = {"admin": "admin-s3cret", "alice": "alice-s3cret"}

    def __init__(self, folder):
        super().__init__(folder)
        self.sasl_port, self.controller_port = free_port(), free_port()
        self.settings = os.path.join(self.folder, "server.properties")

    @property
    def available(self):
        return os.path.isdir(KAFKA_LIBS) and shutil.which("java") is not None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def sasl_address(self):
        return f"127.0.0.1:{self.sasl_port}"

    def write_settings(self):
        listeners = f"PLAINTEXT://{self.address},USERS://{self.sasl_address}"
        users = "".join(f' user_{name}="{password}"' for name, password in self.PASSWORDS.items())
        lines = {
            "process.roles": "broker,controller", "node.id": 1, "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{self.controller_port}", "advertised.listeners": listeners,
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,USERS:SASL_PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT", "controller.listener.names": "CONTROLLER", "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.users.plain.sasl.jaas.config":
                f"org.apache.kafka.common.security.plain.PlainLoginModule required{users};",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users": "User:ANONYMOUS;User:admin",
            "log.dirs": os.path.join(self.folder, "logs"), "offsets.topic.replication.factor": 1, "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1, "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": 1, "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0, "auto.create.topics.enable": "false"}
        with open(self.settings, "w") as f:
            f.writelines(f"{key}={value}\n" for key, value in lines.items())

    def start(self):
        if not os.path.exists(self.settings):
            self.write_settings()
            formatted = java("kafka.tools.StorageTool", "format", "-t", "bWFpbnN0ZW0tdGVzdC0wMQ", "-c", self.settings)
            assert formatted.returncode == 0, formatted.stdout + formatted.stderr
        self.process = subprocess.Popen(
            ["java", "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", KAFKA_LIBS + "/*", "kafka.Kafka", self.settings],
            stdout=open(os.path.join(self.folder, "server.log"), "ab"), stderr=subprocess.STDOUT, cwd=self.folder)
        wait_until(self.ready, "Apache Kafka", 300)
        return self

    def ready(self):
        assert self.process.poll() is None, "Apache Kafka has ended"
        import confluent_kafka
        import confluent_kafka.admin
        try:
            admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.address, "log_level": 0})
            return bool(admin.list_topics(timeout=2).brokers)
        except confluent_kafka.KafkaException:
            return False


def java(main, *arguments, stdin=None, timeout=120, heap="256m"):
    """One of Kafka's own tools; the completed process."""
    return subprocess.run(["java", f"-Xmx{heap}", "-XX:TieredStopAtLevel=1", "-cp", KAFKA_LIBS + "/*", main, *arguments], input=stdin,
                          capture_output=True, text=True, timeout=timeout)


@contextlib.contextmanager
def small_disk(size):
    """A file system of memory with so much room ("32m"), which only root can mount; its folder."""
    import pytest
    folder = tempfile.mkdtemp(prefix="mainstem-disk-")
    os.chmod(folder, 0o755)
    mounted = os.getuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none", folder], capture_output=True).returncode == 0
    if not mounted:
        os.rmdir(folder)
        pytest.skip("only root can mount a small file system")
    try:
        yield pathlib.Path(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        os.rmdir(folder)


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)


def raw_http(address, request, timeout=10):
    """What comes back for bytes sent as they are, until the other side closes or falls silent."""
    host, port = address.rsplit(":", 1)
    answer = b""
    with socket.create_connection((host, int(port)), timeout) as connection:
        connection.sendall(request)
        connection.settimeout(timeout)
        while True:
            try:
                piece = connection.recv(65536)
            except (TimeoutError, ConnectionResetError):
                return answer
            if not piece:
                return answer
            answer += piece
