"""The two that answer: DuckDB in this process, Mainstem in another one (runner/main.cc), and their answers in one form: a sorted list
of rows of Python values."""
import datetime
import decimal
import json
import os
import selectors
import subprocess

import duckdb

from dialects import MACROS, POW10, duck_type, literal_text
from nodes import is_decimal
from render import duck_query, flink_query, flink_script, used_names

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
RUNNER = os.path.join(ROOT, "build/tests/sqlfuzz/sqlfuzz_runner")
CASES_PER_PROCESS = 400  # a power cut leaks what the jobs held
TIMEOUT_S = 60


class OracleRefuses(Exception):
    """DuckDB has no answer: the case says nothing."""


class Oracle:
    def __init__(self):
        self.connection = duckdb.connect(config={"threads": 1})
        self.connection.execute(POW10 + MACROS)

    def rows(self, case, outputs):
        used = used_names(case)
        try:
            for table in case.tables:
                if table.name in used:
                    self.fill(table)
            rows = self.connection.execute(duck_query(case)).fetchall()
        except duckdb.Error as error:
            raise OracleRefuses(f"{type(error).__name__}: {str(error).splitlines()[0]}") from error
        return sorted_rows([tuple(canonical(o.type, v) for o, v in zip(outputs, row)) for row in rows])

    def fill(self, table):
        columns = ", ".join(f"{c.name} {duck_type(c.type)}" for c in table.columns)
        self.connection.execute(f"CREATE OR REPLACE TABLE {table.name} ({columns})")
        rows = table.final_rows()
        if rows:
            texts = ["(" + ", ".join(literal_text(c.type, v, True) for c, v in zip(table.columns, row)) + ")" for row in rows]
            self.connection.execute(f"INSERT INTO {table.name} VALUES " + ", ".join(texts))


def canonical(type_name, value):
    """Of DuckDB's values and of Mainstem's texts alike."""
    if value is None:
        return None
    if type_name in ("INT", "BIGINT"):
        return int(value)
    if type_name == "DOUBLE":
        return float(value)
    if is_decimal(type_name):
        return decimal.Decimal(value).normalize() + 0
    if type_name == "BOOLEAN":
        return value if isinstance(value, bool) else {"TRUE": True, "FALSE": False}[value]
    if type_name == "DATE":
        return value.isoformat() if isinstance(value, datetime.date) else value
    if type_name == "TIMESTAMP(3)":
        return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}" if isinstance(value, datetime.datetime) else value
    return value


def sorted_rows(rows):
    return sorted(rows, key=lambda row: [(v is not None, str(v)) for v in row])


class MainstemFails(Exception):
    """`way` of going, error `code` and message; code 'crash': the process died."""

    def __init__(self, way, code, message):
        super().__init__(f"{way}: {code}: {message}")
        self.way, self.code, self.message = way, code, message


class Mainstem:
    def __init__(self):
        self.process = None
        self.count = 0

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def start(self):
        self.stderr = open(os.path.join("/tmp", f"sqlfuzz-{os.getpid()}.stderr"), "w+b")
        self.process = subprocess.Popen([RUNNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.count = 0

    def ask(self, request):
        if self.process is not None and self.count >= CASES_PER_PROCESS:
            self.close()
        if self.process is None:
            self.start()
        self.count += 1
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # said below
        line = b""
        while not line.endswith(b"\n"):
            if not self.selector.select(TIMEOUT_S):
                self.close()
                raise MainstemFails("?", "crash", f"no answer within {TIMEOUT_S} s")
            part = os.read(self.process.stdout.fileno(), 1 << 20)
            if not part:
                self.process.wait()
                self.stderr.seek(0)
                last = self.stderr.read().decode(errors="replace").strip().splitlines()[:1]
                status = self.process.returncode
                self.process = None
                raise MainstemFails("?", "crash", f"the process died ({status}): {' '.join(last)}")
            line += part
        return json.loads(line)

    def rows(self, case, outputs, ways):
        """By way."""
        used = used_names(case)
        script = flink_script(case) + f"CREATE TABLE `result` WITH ('connector' = 'mainstem-result') AS {flink_query(case)};"
        inputs = dict(t.input() for t in case.tables if t.name in used)
        answer = self.ask({"seed": case.seed, "script": script, "inputs": inputs, "ways": ways})
        by_way = {}
        for way in answer["ways"]:
            if "error" in way:
                raise MainstemFails(way["way"], way["code"], way["error"])
            by_way[way["way"]] = sorted_rows([tuple(canonical(o.type, v) for o, v in zip(outputs, row)) for row in way["rows"]])
        return by_way
