"""A stand-in for Amazon Redshift, of which no copy can be had: a real PostgreSQL behind a small proxy that answers

    COPY table (columns) FROM 's3://bucket/x.manifest' IAM_ROLE .. MANIFEST FORMAT AS CSV ..

by fetching the manifest and its files from a server of S3 and loading them with PostgreSQL's own COPY FROM STDIN, and that refuses what Redshift has not.
A row that does not load is told as Redshift tells it: one error for the whole COPY, SQLSTATE XX000, without the row."""
import json
import re
import socket
import struct
import threading

# Not in Redshift's SQL (Database Developer Guide, "Unsupported PostgreSQL features"), or not at a session's start.
REFUSED = re.compile(r"ON CONFLICT|\bSAVEPOINT\b|unnest\s*\(|SET CONSTRAINTS|advisory|RETURNING|lock_timeout|MODIFY COLUMN|ALTER COLUMN", re.I)
COPY = re.compile(r"COPY (\w+) \((.*?)\) FROM '(s3://[^']+)' IAM_ROLE (default|'[^']+') MANIFEST FORMAT AS CSV DATEFORMAT 'auto' TIMEFORMAT 'auto' "
                  r"COMPUPDATE OFF STATUPDATE OFF$")


def message(kind, body=b""):
    return kind + struct.pack("!I", len(body) + 4) + body


def error(text, state="XX000", detail=""):
    fields = [b"SERROR", b"VERROR", b"C" + state.encode(), b"M" + text.encode()] + ([b"D" + detail.encode()] if detail else [])
    return message(b"E", b"\0".join(fields) + b"\0\0")


class Redshift:
    """`decide`: number of the COPY -> None, or "cut": the connection ends in the middle of it, or "denied", or "full"."""

    def __init__(self, postgres_port, s3, decide=lambda number: None):
        self.port, self.s3, self.decide = postgres_port, s3, decide
        self.copies, self.refused = [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"jdbc:redshift://127.0.0.1:{self.listener.getsockname()[1]}/postgres"
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.port))
        except ConnectionRefusedError:
            return client.close()  # it is being restarted
        try:
            Session(self, client, server).run()
        except (ConnectionError, OSError, struct.error):
            pass  # either side has gone
        finally:
            client.close()
            server.close()


class Session:
    def __init__(self, redshift, client, server):
        self.redshift, self.client, self.server = redshift, client, server

    @staticmethod
    def exactly(sock, count):
        data = b""
        while len(data) < count:
            more = sock.recv(count - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def read(self, sock):
        kind = self.exactly(sock, 1)
        size, = struct.unpack("!I", self.exactly(sock, 4))
        return kind, self.exactly(sock, size - 4)

    def run(self):
        while True:  # the start: SSL is not offered
            size, = struct.unpack("!I", self.exactly(self.client, 4))
            body = self.exactly(self.client, size - 4)
            if struct.unpack("!I", body[:4])[0] in (80877103, 80877104):
                self.client.sendall(b"N")
                continue
            break
        assert b"options" not in body, body
        self.server.sendall(struct.pack("!I", size) + body)
        self.pass_answers()
        while True:
            kind, body = self.read(self.client)
            if kind == b"X":
                return
            if kind == b"Q":
                self.query(body.rstrip(b"\0").decode())
            else:  # the extended protocol: until Sync
                self.extended(kind, body)

    def pass_answers(self):
        """Up to ReadyForQuery, with the client's answers to questions about a password."""
        while True:
            kind, body = self.read(self.server)
            self.client.sendall(message(kind, body))
            if kind == b"R" and struct.unpack("!I", body[:4])[0] not in (0, 12):
                self.server.sendall(message(*self.read(self.client)))
            if kind == b"Z":
                return

    def refuse(self, text):
        """As an error of a statement: PostgreSQL makes it, so that its transaction has failed, too."""
        self.redshift.refused.append(text)
        self.answer_with(error(f"syntax error: {text[:80]}", "42601"))

    def answer_with(self, told):
        self.server.sendall(message(b"Q", b"SELECT 1 / 0\0"))
        while True:
            kind, body = self.read(self.server)
            if kind == b"E":
                self.client.sendall(told)
            elif kind == b"Z":
                self.client.sendall(message(kind, body))
                return

    def query(self, text):
        if REFUSED.search(text):
            return self.refuse(text)
        if text.startswith("COPY "):
            return self.copy(text)
        self.server.sendall(message(b"Q", text.encode() + b"\0"))
        self.pass_answers()

    def extended(self, kind, body):
        messages = [(kind, body)]
        while messages[-1][0] != b"S":
            messages.append(self.read(self.client))
        for one, content in messages:
            if one == b"P" and REFUSED.search(content.split(b"\0")[1].decode()):
                return self.refuse(content.split(b"\0")[1].decode())
        self.server.sendall(b"".join(message(*one) for one in messages))
        self.pass_answers()

    def fetch(self, url):
        bucket, key = url.removeprefix("s3://").split("/", 1)
        return self.redshift.s3.client().get_object(Bucket=bucket, Key=key)["Body"].read()

    def copy(self, text):
        match = COPY.match(text)
        if not match:
            return self.refuse(text)
        table, columns, manifest, role = match.groups()
        self.redshift.copies.append({"manifest": manifest, "role": role})
        verdict = self.redshift.decide(len(self.redshift.copies))
        if verdict == "cut":
            raise ConnectionError
        if verdict == "full":
            return self.answer_with(error("Disk Full"))
        if verdict == "denied":
            return self.answer_with(error("S3ServiceException:Access Denied,Status 403,Error AccessDenied"))
        try:
            entries = json.loads(self.fetch(manifest))["entries"]
            data = b"".join(self.fetch(entry["url"]) for entry in entries)
        except self.redshift.s3.client().exceptions.NoSuchKey:
            return self.answer_with(error("S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey"))
        self.server.sendall(message(b"Q", f"COPY {table} ({columns}) FROM STDIN WITH (FORMAT csv, NULL '\\N')".encode() + b"\0"))
        while True:
            kind, body = self.read(self.server)
            if kind == b"G":
                self.server.sendall(message(b"d", data) + message(b"c"))
                continue
            if kind == b"E":
                self.client.sendall(error(f"Load into table '{table}' failed.  Check 'sys_load_error_detail' system table for details."))
                continue
            self.client.sendall(message(kind, body))
            if kind == b"Z":
                return
