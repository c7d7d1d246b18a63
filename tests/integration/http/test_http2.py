"""HTTP/2 and TLS on the HTTP and AWS ports, with clients people have: curl, httpx, Python's ssl, boto3, a browser's way of asking."""
import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
import time

import boto3
import httpx
import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))
import support  # noqa: E402


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A node that has a certificate from `mainstem certificate create`; `secure.ca` is what clients must trust."""
    folder = tmp_path_factory.mktemp("tls")
    made = subprocess.run([support.BINARY, "--json", "certificate", "create", "--out", str(folder / "tls")], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    files = json.loads(made.stdout)
    assert os.stat(files["key"]).st_mode & 0o077 == 0
    node = support.Node(folder, {"tls.certificate": files["certificate"], "tls.key": files["key"]}).start()
    node.ca = files["certificate"]
    yield node
    node.kill()


def curl(*arguments, data=None):
    """(HTTP version, status, body)"""
    result = subprocess.run(["curl", "-sS", "-m", "20", "-w", "\n%{http_version} %{http_code}", *arguments], input=data, capture_output=True)
    assert result.returncode == 0, result.stderr.decode()
    body, _, end = result.stdout.rpartition(b"\n")
    version, status = end.decode().split()
    return version, int(status), body


def test_curl_speaks_every_version(secure):
    port = secure.http.rsplit(":", 1)[1]
    assert curl("--http2-prior-knowledge", f"http://{secure.http}/api/v1/topics")[:2] == ("2", 200)
    assert curl("--http2", f"http://{secure.http}/api/v1/topics")[:2] == ("1.1", 200)
    assert curl("--cacert", secure.ca, f"https://localhost:{port}/api/v1/topics")[:2] == ("2", 200)
    assert curl("--cacert", secure.ca, "--http1.1", f"https://127.0.0.1:{port}/api/v1/topics")[:2] == ("1.1", 200)
    version, status, body = curl("--cacert", secure.ca, f"https://localhost:{port}/")  # the console
    assert (version, status) == ("2", 200) and b"<html" in body.lower()
    declared = ("-H", "Content-Length: 99999999999", "-H", "Content-Type: application/json", "--data-binary", "@-")
    assert curl("--cacert", secure.ca, *declared, f"https://localhost:{port}/v1/topics/t/events", data=b"x" * 100_000)[:2] == ("2", 413)
    assert curl("--cacert", secure.ca, "-X", "DELETE", f"https://localhost:{port}/nowhere")[:2] == ("2", 404)


def test_events_are_posted_and_followed_over_http2(secure):
    with httpx.Client(http1=False, http2=True, base_url=f"http://{secure.http}") as client:
        lines = "".join(json.dumps({"n": i}) + "\n" for i in range(20_000))
        answer = client.post("/v1/topics/over-h2/events", content=lines, headers={"Content-Type": "application/x-ndjson"})
        assert answer.http_version == "HTTP/2" and answer.json()["count"] == 20_000
        got = client.get("/v1/topics/over-h2/events?from=earliest&limit=10000").json()["events"]
        assert [event["value"]["n"] for event in got] == list(range(10_000))
        with client.stream("GET", "/v1/topics/over-h2/events?from=earliest", headers={"Accept": "text/event-stream"}) as stream:
            data = (json.loads(line[6:])["value"]["n"] for line in stream.iter_lines() if line.startswith("data: "))
            assert [next(data) for _ in range(5000)] == list(range(5000))
        assert client.get("/v1/topics/nope-nope/events").status_code == 404  # the connection outlives a stream that was broken off
        assert client.post("/nowhere", content=b"x" * (3 << 20)).status_code == 404  # answered before its body has come


def test_many_streams_share_one_connection(secure):
    port = secure.http.rsplit(":", 1)[1]

    async def post_all():
        context = ssl.create_default_context(cafile=secure.ca)
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(http1=False, http2=True, verify=context, limits=limits, base_url=f"https://localhost:{port}", timeout=60) as client:
            answers = await asyncio.gather(*(client.post("/v1/topics/shared-h2/events", json={"i": i, "pad": "x" * 10_000}) for i in range(400)))
            assert {answer.status_code for answer in answers} == {200}
            got = (await client.get("/v1/topics/shared-h2/events?from=earliest&limit=10000")).json()["events"]
            assert sorted(event["value"]["i"] for event in got) == list(range(400))
    asyncio.run(post_all())


def test_aws_clients_speak_tls(secure):
    port = secure.aws.rsplit(":", 1)[1]
    kinesis = boto3.client("kinesis", endpoint_url=f"https://localhost:{port}", region_name="eu-central-1", aws_access_key_id="any",
                           aws_secret_access_key="thing", verify=secure.ca)
    kinesis.create_stream(StreamName="over-tls", ShardCount=1)
    put = kinesis.put_record(StreamName="over-tls", Data=b"secret", PartitionKey="k")
    shard = kinesis.get_shard_iterator(StreamName="over-tls", ShardId=put["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    assert kinesis.get_records(ShardIterator=shard)["Records"][0]["Data"] == b"secret"
    stranger = boto3.client("kinesis", endpoint_url=f"https://localhost:{port}", region_name="eu-central-1", aws_access_key_id="any",
                            aws_secret_access_key="thing")
    with pytest.raises(Exception, match="certificate"):
        stranger.list_streams()


def test_the_cli_speaks_tls(secure):
    port = secure.http.rsplit(":", 1)[1]
    command = [support.BINARY, "--node", f"https://localhost:{port}", "topic", "list"]
    trusted = subprocess.run(command, env=dict(os.environ, SSL_CERT_FILE=secure.ca), capture_output=True, text=True)
    assert trusted.returncode == 0, trusted.stderr
    refused = subprocess.run(command, env={k: v for k, v in os.environ.items() if k != "SSL_CERT_FILE"}, capture_output=True, text=True)
    assert refused.returncode == 1 and "not trusted" in refused.stderr and "SSL_CERT_FILE" in refused.stderr
    again = subprocess.run([support.BINARY, "certificate", "create", "--out", os.path.dirname(secure.ca)], capture_output=True, text=True)
    assert again.returncode == 1 and "is there already" in again.stderr


def handshake(address, ca, **options):
    context = ssl.create_default_context(cafile=ca)
    for name, value in options.items():
        setattr(context, name, value)
    host, port = address.rsplit(":", 1)
    return context.wrap_socket(socket.create_connection((host, int(port)), 10), server_hostname=host)


def test_old_and_broken_tls_is_refused(secure):
    for address in (secure.http, secure.aws):
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            handshake(address, secure.ca, minimum_version=ssl.TLSVersion.TLSv1_1, maximum_version=ssl.TLSVersion.TLSv1_1)
        assert support.raw_http(address, b"\x16\x03\x01\x00\x04\x01\x00\x00\x00").startswith(b"\x15\x03")  # an alert, and the end
        silent = socket.create_connection(address.rsplit(":", 1), 10)
        silent.sendall(b"\x16\x03\x01")  # and nothing more
        with handshake(address, secure.ca) as other:
            other.sendall(b"GET /nope HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert other.recv(100).startswith(b"HTTP/1.1 4")
        silent.close()
    for settings in ({"tls.certificate": secure.ca}, {"tls.certificate": secure.ca, "tls.key": secure.ca}):
        flags = [part for key, value in {"data": os.path.join(secure.folder, "other"), **settings}.items() for part in ("--set", f"{key}={value}")]
        result = subprocess.run([support.BINARY, "serve", *flags], capture_output=True, text=True, timeout=20)
        assert result.returncode == 1 and "key" in result.stderr, result.stderr


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags=0, stream=0, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def test_hostile_sessions_end_and_cost_little(secure):
    head = b"\x82\x86\x84\x41\x09localhost"  # GET / at localhost
    attacks = {
        "pings that nobody answers to": PREFACE + frame(4) + frame(6, payload=b"12345678") * 1_000_000,
        "rapid resets": PREFACE + frame(4) + b"".join(frame(1, 5, 2 * i + 1, head) + frame(3, 0, 2 * i + 1, b"\0\0\0\x08") for i in range(5000)),
        "endless continuations": PREFACE + frame(4) + frame(1, 0, 1, head) + frame(9, 0, 1, b"\x00\x01a\x01b" * 100) * 2000,
        "a head that unpacks to gigabytes": PREFACE + frame(4) + frame(1, 5, 1, head + b"\x40\x01a\x7f\xa1\x1e" + b"v" * 4000 + b"\xbe" * 12000),
        "a frame too long": PREFACE + frame(4) + frame(0, 0, 1, b"x" * 20_000),
        "nonsense": PREFACE + os.urandom(4000),
        "even streams": PREFACE + frame(4) + frame(1, 5, 2, head),
        "windows that overflow": PREFACE + frame(4) + frame(8, 0, 0, b"\x7f\xff\xff\xff") * 3,
    }
    memory = lambda: int(next(l for l in open(f"/proc/{secure.process.pid}/status") if l.startswith("VmRSS")).split()[1])
    before = memory()
    for what, sent in attacks.items():
        for address in (secure.http, secure.aws):
            host, port = address.rsplit(":", 1)
            begin = time.monotonic()
            with socket.create_connection((host, int(port)), 10) as connection:
                connection.settimeout(3)
                received = b""
                try:
                    connection.sendall(sent)
                    while piece := connection.recv(65536):
                        received += piece
                except (ConnectionResetError, BrokenPipeError):
                    pass
                except TimeoutError:
                    assert what == "a head that unpacks to gigabytes", what
            if what == "a head that unpacks to gigabytes":
                assert b"431" in received or b"\x07" in received
            assert time.monotonic() - begin < 6, what
    assert memory() - before < 64 << 10, "KiB more"
    assert curl("--http2-prior-knowledge", f"http://{secure.http}/api/v1/topics")[:2] == ("2", 200)


def test_a_stop_says_goodbye(tmp_path):
    node = support.Node(tmp_path).start()
    host, port = node.http.rsplit(":", 1)
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.settimeout(10)
        connection.sendall(PREFACE + frame(4))
        assert connection.recv(9)[3] == 4  # its SETTINGS
        assert node.stop() < 3
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert frame(7, payload=bytes(8))[:9] in received  # GOAWAY, without an error
