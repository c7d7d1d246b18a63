"""Delivery streams when things go wrong around them: a bucket that takes calls and does not answer."""
import socket
import threading

import pytest

import support
from test_firehose import arrived, bucket, firehose_of, make, node_with, put, update


class Gate:
    """A way to S3 on which calls for the bucket `hung` are taken and never answered, while it is shut."""

    def __init__(self, s3):
        self.to = s3.url.removeprefix("http://").rsplit(":", 1)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.KEYS, self.held, self.shut = s3.KEYS, 0, True
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        first = connection.recv(65536)
        if self.shut and b" /hung" in first.split(b"\r\n", 1)[0]:
            self.held += 1
            while connection.recv(65536):
                pass
            self.held -= 1
            return
        with socket.create_connection((self.to[0], int(self.to[1]))) as server:
            server.sendall(first)
            threading.Thread(target=self.pump, args=(server, connection), daemon=True).start()
            self.pump(connection, server)

    @staticmethod
    def pump(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@pytest.fixture
def gate(s3):
    if "hung" not in [b["Name"] for b in s3.client().list_buckets()["Buckets"]]:
        s3.client().create_bucket(Bucket="hung")
    gate = Gate(s3)
    yield gate
    gate.listener.close()


def test_a_bucket_that_does_not_answer_holds_up_nobody_else(s3, gate, tmp_path):
    node = node_with(gate, tmp_path).start()
    firehose = firehose_of(node)
    for name in ("hung-a", "hung-b", "hung-c", "hung-d"):
        firehose.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=bucket(f"{name}/", name="hung"))
        put(firehose, name, b"waits ")
    support.wait_until(lambda: gate.held >= 4, "calls that nobody answers")
    # Meanwhile others come, change, deliver and go.
    for n in range(3):
        make(firehose, f"well{n}")
        put(firehose, f"well{n}", b"arrives")
        update(firehose, f"well{n}", "1", Prefix=f"well{n}/")
    for n in range(3):
        arrived(s3, f"well{n}/", 7)
        firehose.delete_delivery_stream(DeliveryStreamName=f"well{n}")
    assert gate.held >= 2
    # So do those whose bucket hangs.
    firehose.delete_delivery_stream(DeliveryStreamName="hung-c")
    gate.shut = False
    support.wait_until(lambda: gate.held <= 3, "calls that were given up")
    node.stop()
    node.start()
    firehose = firehose_of(node)
    assert firehose.list_delivery_streams()["DeliveryStreamNames"] == ["hung-a", "hung-b", "hung-d"]

    def delivered():
        pages = s3.client().list_objects_v2(Bucket="hung", Prefix="hung-").get("Contents", [])
        return [s3.client().get_object(Bucket="hung", Key=item["Key"])["Body"].read() for item in pages]
    support.wait_until(lambda: delivered() == [b"waits "] * 3, "what waited for the bucket", 60)
    node.kill()
