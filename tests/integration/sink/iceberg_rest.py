"""A small REST catalog of the test's own: the protocol's requests in front of pyiceberg's SqlCatalog over SQLite, which checks requirements and applies
updates. Not a real server: that is Iceberg's own reference server, in the full tier. Runs in this process, in threads."""
import http.server
import json
import threading
import urllib.parse

from pyiceberg.catalog.rest import CreateTableRequest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import (CommitFailedException, NamespaceAlreadyExistsError, NoSuchNamespaceError, NoSuchTableError,
                                  TableAlreadyExistsError)
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.table import CommitTableRequest

STATUS = {NoSuchTableError: (404, "NoSuchTableException"), NoSuchNamespaceError: (404, "NoSuchNamespaceException"),
          TableAlreadyExistsError: (409, "AlreadyExistsException"), NamespaceAlreadyExistsError: (409, "AlreadyExistsException"),
          CommitFailedException: (409, "CommitFailedException")}


class RestCatalog:
    """`token`: what requests must bear; `credential`: (id, secret) for which /v1/oauth/tokens gives it. `decide(number, method, path)` may return
    (status, body) instead of an answer, or "lost": the request is done, its answer is 500."""

    def __init__(self, folder, warehouse, token=None, credential=None, prefix="", config=None, decide=None, **properties):
        self.catalog = SqlCatalog("test", uri=f"sqlite:///{folder}/catalog.db", warehouse=warehouse, **properties)
        self.token, self.credential, self.prefix, self.config = token, credential, prefix, config or {}
        self.decide, self.count, self.lock = decide or (lambda *_: None), 0, threading.Lock()
        self.requests = []
        catalog = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                catalog.answer(self)

            do_POST = do_GET

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        with self.lock:  # one at a time: SQLite
            self.count += 1
            self.requests.append((handler.command, handler.path, dict(handler.headers), body))
            decision = self.decide(self.count, handler.command, handler.path)
            if isinstance(decision, tuple):
                status, answer = decision
            else:
                try:
                    status, answer = self.handle(handler.command, handler.path, handler.headers, body)
                except tuple(STATUS) as error:
                    status, kind = next(found for type_, found in STATUS.items() if isinstance(error, type_))
                    answer = {"error": {"message": str(error), "type": kind, "code": status}}
                except ValueError as error:  # pydantic's too: the request is none
                    status, answer = 400, {"error": {"message": str(error), "type": "BadRequestException", "code": 400}}
                if decision == "lost":
                    status, answer = 500, {"error": {"message": "it is so", "type": "InternalServerError", "code": 500}}
        data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def handle(self, method, path, headers, body):
        path, _, _ = path.partition("?")
        if path == "/v1/oauth/tokens":
            form = dict(urllib.parse.parse_qsl(body.decode()))
            if (form.get("client_id"), form.get("client_secret")) != self.credential:
                return 401, {"error": "invalid_client"}
            return 200, {"access_token": self.token, "token_type": "bearer", "expires_in": 3600}
        if self.token and headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {"error": {"message": "no token, or an old one", "type": "NotAuthorizedException", "code": 401}}
        if path == "/v1/config":
            return 200, {"defaults": self.config, "overrides": {"prefix": self.prefix} if self.prefix else {}}
        parts = [urllib.parse.unquote(part) for part in path.removeprefix("/v1/").split("/")]
        if self.prefix and parts.pop(0) != self.prefix:
            return 404, {"error": {"message": "no such prefix", "type": "NoSuchCatalogException", "code": 404}}
        if parts == ["namespaces"]:
            self.catalog.create_namespace(tuple(json.loads(body)["namespace"]))
            return 200, json.loads(body)
        namespace = tuple(parts[1].split("\x1f"))
        if method == "POST" and parts[2:] == ["tables"]:
            request = CreateTableRequest.model_validate({"location": None, "partition-spec": None, "write-order": None, **json.loads(body)})
            return 200, self.loaded(self.catalog.create_table(namespace + (request.name,), request.table_schema, request.location,
                                                              request.partition_spec or UNPARTITIONED_PARTITION_SPEC,
                                                              properties=request.properties))
        table = self.catalog.load_table(namespace + (parts[3],))
        if method == "GET":
            return 200, self.loaded(table)
        named = {"identifier": {"namespace": list(namespace), "name": parts[3]}}  # the path says it, too: Java's client leaves it out
        request = CommitTableRequest.model_validate({**named, **json.loads(body)})
        self.catalog.commit_table(table, request.requirements, request.updates)
        return 200, self.loaded(self.catalog.load_table(namespace + (parts[3],)))

    def loaded(self, table):
        return {"metadata-location": table.metadata_location, "metadata": json.loads(table.metadata.model_dump_json(by_alias=True)),
                "config": self.config}
