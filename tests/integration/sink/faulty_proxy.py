"""An HTTP server of the test's own between a sink and its server, or alone: it may ask for TLS and a password, answer with errors,
be slow, or cut connections, as `decide` says for each request."""
import base64
import http.client
import http.server
import os
import ssl
import subprocess
import threading


def make_certificate(folder, name="server"):
    """(certificate, key) of 127.0.0.1, signed by itself."""
    certificate, key = os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


class Proxy:
    """`decide(number, method, path, body)`: None lets it through; "cut-before" and "cut-after" end the connection without an answer,
    before or after the server has seen the request; (status, text) is the answer. `upstream`: port, or a function
    (method, path, headers, body) -> (status, text). `whole`: all header fields pass in both directions, and `decide` gets those of the
    request instead of its body. `port`: 0: a free one."""

    def __init__(self, upstream, decide=lambda *_: None, tls=None, user=None, whole=False, port=0):
        outer = self
        self.count, self.requests = 0, []
        self.lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def answer(self, status, text, headers=(("Content-Type", "application/json"),)):
                data = text if isinstance(text, bytes) else text.encode()
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                if not any(name.lower() == "content-length" for name, _ in headers):
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            def forward(self, body):
                if callable(upstream):
                    return upstream(self.command, self.path, self.headers, body)
                connection = http.client.HTTPConnection("127.0.0.1", upstream, timeout=60)
                try:
                    headers = {"Content-Type": self.headers["Content-Type"]} if body else {}
                    if whole:
                        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
                    connection.request(self.command, self.path, body=body or None, headers=headers)
                    response = connection.getresponse()
                    if whole:
                        passed = [field for field in response.getheaders() if field[0].lower() not in ("connection", "transfer-encoding")]
                        return response.status, response.read(), passed
                    return response.status, response.read()
                finally:
                    connection.close()

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with outer.lock:
                    outer.count += 1
                    number = outer.count
                if user and self.headers.get("Authorization") != "Basic " + base64.b64encode(user.encode()).decode():
                    return self.answer(401, '{"error":"who are you"}')
                verdict = decide(number, self.command, self.path, self.headers if whole else body)
                if isinstance(verdict, tuple):
                    return self.answer(*verdict)
                if verdict != "cut-before":
                    try:
                        answer = self.forward(body)
                    except (OSError, http.client.HTTPException):
                        verdict = "cut-before"
                if verdict in ("cut-before", "cut-after"):
                    self.close_connection = True
                    return self.connection.close()
                return self.answer(*answer)

            do_GET = do_PUT = do_POST = do_HEAD = do_PATCH = do_DELETE = handle_any

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a cut connection is what the test wants
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
