"""Ctrl-C does not wait for a destination that has taken a request and never answers (the http sink would, for 30 s); the next start
delivers the rows."""
import socket
import threading

from support import wait_until

SQL = """
CREATE TABLE orders (id INT) WITH ('connector' = 'kafka', 'topic' = 'orders', 'properties.bootstrap.servers' = '{kafka}',
  'scan.startup.mode' = 'earliest-offset', 'format' = 'json');
CREATE TABLE told (id INT) WITH ('connector' = 'http', 'url' = 'http://127.0.0.1:{port}/told');
INSERT INTO told SELECT id FROM orders;
"""


class Receiver:
    """Takes requests; answers them only once `answers` is set."""

    def __init__(self, port=0):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.answers, self.taken, self.connections = False, b"", []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        waiting = b""
        while data := connection.recv(65536):
            waiting += data
            head, end, body = waiting.partition(b"\r\n\r\n")
            length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
            if not end or len(body) < length:
                continue
            self.taken, waiting = self.taken + body[:length] + b"\n", body[length:]
            if self.answers:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def test_a_destination_that_never_answers_does_not_hold_the_stop(node):
    receiver = Receiver()
    node.api("/topics", "POST", {"name": "orders"})
    status, text = node.call("/v1/topics/orders/events", "POST", b'{"id":4711}\n{"id":4712}\n', "application/x-ndjson")
    assert status == 200, text
    node.submit(SQL.format(kafka=node.kafka, port=receiver.port))
    wait_until(lambda: b"4711" in receiver.taken, "a request")
    node.stop(seconds=20)  # fails on an unclean end
    assert "without waiting for a call that hangs" in node.log_tail()
    receiver.answers, receiver.taken = True, b""
    node.start()
    wait_until(lambda: b"4711" in receiver.taken and b"4712" in receiver.taken, "the rows, after the next start")
    job = node.api("/jobs")["jobs"][0]["id"]
    wait_until(lambda: node.api("/jobs/" + job)["sinks"][0]["rows_delivered"] == 2, "their acknowledgement")
    receiver.listener.close()
