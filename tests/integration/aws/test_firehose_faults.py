"""Delivery streams when things go wrong around them: a bucket that takes calls and does not answer, a job that stands, records that others removed."""
import socket
import threading

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, OffsetSpec

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


def job_of(node, name):
    (job,) = [job for job in node.api("/jobs")["jobs"] if job["name"] == f"firehose.{name}"]
    return node.api(f"/jobs/{job['id']}")


def command(node, name, what):
    node.api(f"/jobs/{job_of(node, name)['id']}/{what}", "POST")


def admin_of(node):
    return AdminClient({"bootstrap.servers": node.kafka})


def keep_for_a_second(admin, topic):
    entry = ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(10)


def begin_of(admin, topic):
    partition = TopicPartition(topic, 0)
    return admin.list_offsets({partition: OffsetSpec.earliest()})[partition].result(10).offset


@pytest.mark.skipif(not support.FULL, reason="waits for retention, which is looked at twice a minute")
def test_what_a_stopped_job_has_not_read_is_kept(s3, tmp_path):
    node = node_with(s3, tmp_path)
    node.settings["journal.checkpoint-interval"] = "300ms"
    node.start()
    firehose, admin = firehose_of(node), admin_of(node)
    for name in ("held", "free"):
        make(firehose, name)
        put(firehose, name, b"1 ")
        arrived(s3, f"{name}/", 2)
    command(node, "held", "stop")
    for name in ("held", "free"):
        put(firehose, name, b"2 ")
        keep_for_a_second(admin, f"firehose.{name}")
    arrived(s3, "free/", 4)
    support.wait_until(lambda: begin_of(admin, "firehose.free") > 1, "what has been read to be dropped", 120)
    assert begin_of(admin, "firehose.held") <= 1
    node.stop()
    node.start()
    command(node, "held", "resume")
    assert sorted(b"".join(arrived(s3, "held/", 4).values()).split()) == [b"1", b"2"]
    node.kill()


def test_others_cannot_remove_what_waits_and_another_topic_is_noticed(s3, tmp_path):
    node = node_with(s3, tmp_path).start()
    firehose, admin = firehose_of(node), admin_of(node)
    make(firehose, "cut")
    put(firehose, "cut", b"1 ")
    arrived(s3, "cut/", 2)
    command(node, "cut", "stop")
    put(firehose, "cut", b"2 ", b"3 ", b"4 ")
    partition = TopicPartition("firehose.cut", 0, 3)
    assert admin.delete_records([partition])[partition].result(10).low_watermark <= 1
    command(node, "cut", "resume")
    assert sorted(b"".join(arrived(s3, "cut/", 8).values()).split()) == [b"1", b"2", b"3", b"4"]
    # What has been read is held no longer, although nothing more comes.
    end = TopicPartition("firehose.cut", 0, -1)
    support.wait_until(lambda: admin.delete_records([end])[end].result(10).low_watermark == 4, "what has been read to be let go of")
    # A topic of the same name is not the same: it is read from its beginning.
    admin.delete_topics(["firehose.cut"])["firehose.cut"].result(10)
    admin.create_topics([NewTopic("firehose.cut", 1)])["firehose.cut"].result(10)
    put(firehose, "cut", *[b"%d " % n for n in range(10, 20)])
    assert sorted(b"".join(arrived(s3, "cut/", 8 + 30).values()).split()) == sorted([b"1", b"2", b"3", b"4", *[b"%d" % n for n in range(10, 20)]])
    assert "topic 'firehose.cut' was deleted and made again" in job_of(node, "cut")["error"]
    node.kill()
