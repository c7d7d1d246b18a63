"""Bad input at each door: a clear error in the protocol's own terms, bounded memory, the node unharmed. docs/bad-input.md says which test is about
which door and which kind of bad input."""
import base64
import contextlib
import gzip
import json
import os
import random
import re
import socket
import struct
import time

import pyarrow
import pyarrow.parquet
import pytest
from confluent_kafka import Producer

import support


def rss_mb(node):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{node.process.pid}/status").read())[1]) / 1024


def connect(address):
    host, port = address.rsplit(":", 1)
    s = socket.create_connection((host, int(port)), 5)
    s.settimeout(5)
    return s


def cut_off(address, whole):
    """Sends the beginnings of a request, each over a connection of its own, and waits for its end."""
    for length in range(1, len(whole), 3):
        with connect(address) as s:
            s.sendall(whole[:length])
            s.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while s.recv(65536):
                    pass


def closed(s):
    """True when the other side has ended the connection."""
    try:
        return s.recv(65536) == b""
    except ConnectionError:
        return True


def still_works(node):
    with connect(node.kafka) as s:
        body = struct.pack(">hhih", 18, 0, 7, -1)
        s.sendall(struct.pack(">i", len(body)) + body)
        assert len(s.recv(4)) == 4
    assert node.call("/healthz")[0] == 200
    assert node.running()


def test_kafka_frames_with_wrong_lengths(node):
    for frame in (struct.pack(">i", -1), struct.pack(">i", 0x7FFFFFF0) + b"x", struct.pack(">i", 2) + b"ab",
                  struct.pack(">ihhih", 10, 999, 0, 1, -1), struct.pack(">ihhih", 10, 3, 99, 1, -1)):
        with connect(node.kafka) as s:
            s.sendall(frame)
            assert closed(s), frame
    still_works(node)


def test_kafka_noise_and_cut_off_frames(node):
    before, rng = rss_mb(node), random.Random(5)
    for number in range(200):
        with connect(node.kafka) as s:
            key = rng.choice([0, 1, 2, 3, 8, 9, 10, 11, 12, 14, 18, 19, 22])
            size = rng.randrange(8, 3000)
            body = struct.pack(">hhi", key, rng.randrange(0, 14), number) + rng.randbytes(size)
            claimed = len(body) if number % 3 else len(body) + rng.randrange(1, 100000)
            s.sendall(struct.pack(">i", claimed) + body)
            s.shutdown(socket.SHUT_WR)
            try:
                while s.recv(65536):
                    pass
            except (ConnectionError, socket.timeout):
                pass
    still_works(node)
    assert rss_mb(node) - before < 100


def test_many_half_open_frames_cost_little(node):
    before = rss_mb(node)
    sockets = [connect(node.kafka) for _ in range(200)]
    for s in sockets:
        s.sendall(struct.pack(">i", 100_000_000) + b"abc")  # claims 100 MB each, sends three bytes
    time.sleep(0.3)
    assert rss_mb(node) - before < 100
    still_works(node)
    for s in sockets:
        s.close()


def test_http_refuses_with_reasons(node):
    node.api("/topics", "POST", {"name": "a"})
    cases = [("/v1/topics/nope-nope/events?partition=0", "GET", None, 404),
             ("/v1/topics/a/events", "POST", '{"x": ', 400), ("/v1/topics/a/events", "POST", '[{"x": 1}, 2,, 3]', 400),
             ("/v1/topics/bad name!/events".replace(" ", "%20"), "POST", '{"x": 1}', 400), ("/api/v1/nothing", "GET", None, 404),
             ("/api/v1/topics", "PUT", "{}", 405), ("/api/v1/topics", "POST", "{", 400), ("/api/v1/topics", "POST", '{"name": "a"}', 409),
             ("/api/v1/jobs", "POST", '{"script": "INSERT INTO nowhere SELECT 1"}', 400), ("/api/v1/jobs/none", "GET", None, 404)]
    for path, method, body, status in cases:
        got, text = node.call(path, method, body)
        assert got == status, (path, method, got, text)
        assert json.loads(text)["error"]["message"], path
    assert node.api("/topics/a")["partitions"][0]["high_watermark"] == 0  # nothing of a bad request was written
    still_works(node)


def test_http_refuses_too_much(node):
    node.api("/topics", "POST", {"name": "a"})
    before = rss_mb(node)
    with connect(node.http) as s:
        s.sendall(b"POST /v1/topics/a/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n")
        assert b" 413 " in s.recv(4096)
    with connect(node.http) as s:
        try:
            s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 300_000 + b"\r\n\r\n")
        except ConnectionError:
            pass
        answer = b""
        try:
            answer = s.recv(4096)
        except ConnectionError:
            pass
        assert b" 431 " in answer or answer == b""
    with connect(node.http) as s:
        s.sendall(b"\x16\x03\x01 no http at all \r\n\r\n")
        assert b" 400 " in s.recv(4096)
    assert rss_mb(node) - before < 100
    still_works(node)


def open_socket(node, topic="a", query="?from=earliest"):
    """A WebSocket after its handshake."""
    s = connect(node.http)
    key = base64.b64encode(os.urandom(16)).decode()
    s.sendall(f"GET /v1/topics/{topic}/events{query} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
              f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = s.recv(1)
        assert piece, answer
        answer += piece
    return s, answer


def close_code(s):
    """Of the close frame that comes, after which the other side ends the connection; None when it ends without one."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while piece := s.recv(65536):
            received += piece
    while received:
        size = received[1]
        assert size < 126, received[:20]
        if received[0] == 0x88:
            return struct.unpack(">H", received[2:4])[0]
        received = received[2 + size:]
    return None


def masked(first, length, payload=b"", key=b"\1\2\3\4"):
    """A frame of a client, whose length may be any that is said."""
    if length < 126:
        head = struct.pack(">BB", first, 0x80 | length)
    elif length < 1 << 16:
        head = struct.pack(">BBH", first, 0x80 | 126, length)
    else:
        head = struct.pack(">BBQ", first, 0x80 | 127, length)
    return head + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


PROTOCOL_ERROR, TOO_BIG = 1002, 1009


@pytest.mark.parametrize("frames,code", [
    pytest.param(masked(0x81, (1 << 63) + 5, b"x"), TOO_BIG, id="a length beyond all numbers"),
    pytest.param(masked(0x81, 1 << 40, b"x"), TOO_BIG, id="a terabyte is claimed"),
    pytest.param(masked(0x81, 100_000, b"x" * 100_000), TOO_BIG, id="a long message"),
    pytest.param(masked(0x01, 4000, b"x" * 4000) + masked(0x80, 4000, b"x" * 4000), TOO_BIG, id="a message too long in fragments"),
    pytest.param(masked(0x89, 126, b"x" * 126), PROTOCOL_ERROR, id="a long ping"),
    pytest.param(masked(0x09, 2, b"xx"), PROTOCOL_ERROR, id="a ping in fragments"),
    pytest.param(b"\x81\x02hi", PROTOCOL_ERROR, id="no mask"),
    pytest.param(masked(0xC1, 2, b"hi"), PROTOCOL_ERROR, id="a reserved bit"),
    pytest.param(masked(0x83, 2, b"hi"), PROTOCOL_ERROR, id="an unknown opcode"),
    pytest.param(masked(0x80, 2, b"hi"), PROTOCOL_ERROR, id="a continuation of nothing"),
    pytest.param(masked(0x01, 2, b"hi") + masked(0x81, 2, b"hi"), PROTOCOL_ERROR, id="a message within a message"),
])
def test_a_web_socket_is_told_what_is_wrong_with_its_frames(shared_node, frames, code):
    node = shared_node
    if not any(t["name"] == "a" for t in node.api("/topics")["topics"]):
        node.api("/topics", "POST", {"name": "a"})
    before = rss_mb(node)
    s, answer = open_socket(node)
    with s:
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        with contextlib.suppress(ConnectionError):  # it may end while we still send
            s.sendall(frames)
        assert close_code(s) == code
    assert rss_mb(node) - before < 50
    still_works(node)


def test_cut_off_web_socket_frames_leave_nothing_behind(node):
    node.api("/topics", "POST", {"name": "a"})
    before, rng = rss_mb(node), random.Random(6)
    whole = masked(0x81, 300, rng.randbytes(300))
    for length in range(0, len(whole), 5):
        s, _ = open_socket(node)
        with s:
            s.sendall(whole[:length])
            s.shutdown(socket.SHUT_WR)
            assert close_code(s) is None
    claimed = []  # they send no more, and stay
    for _ in range(100):
        s, _ = open_socket(node)
        s.sendall(masked(0x81, 4096, b"x"))
        claimed.append(s)
    assert rss_mb(node) - before < 50
    still_works(node)
    for s in claimed:
        s.close()
    s, answer = open_socket(node, topic="nowhere")
    with s:
        assert answer.startswith(b"HTTP/1.1 404 ")
    # None of them is still served, and a good one is.
    node.call("/v1/topics/a/events", "POST", '{"x": 1}')
    s, _ = open_socket(node)
    with s:
        received = b""
        while b'"x"' not in received:  # behind the message with the position
            received += s.recv(65536) or pytest.fail(f"only {received} came")
        assert received[0] == 0x81
    support.wait_until(lambda: len(os.listdir(f"/proc/{node.process.pid}/fd")) < 100, "the connections to be closed")


def test_an_event_longer_than_its_topic_takes_is_refused_with_all_of_its_request(node):
    node.api("/topics", "POST", {"name": "short", "config": {"max.message.bytes": "1000"}})
    high_watermark = lambda: node.api("/topics/short")["partitions"][0]["high_watermark"]
    for body, kind in ((json.dumps({"x": "y" * 2000}), "application/json"),
                       (json.dumps([{"x": 1}, {"x": "y" * 2000}, {"x": 3}]), "application/json"),
                       ('{"x": 1}\n' + json.dumps({"x": "y" * 2000}) + "\n", "application/x-ndjson"), ("z" * 2000, "text/plain")):
        status, text = node.call("/v1/topics/short/events", "POST", body, kind)
        error = json.loads(text)["error"]
        assert status == 413 and error["code"] == "MessageTooLarge" and "at most 1000" in error["message"], (status, text)
        assert high_watermark() == 0
    assert node.call("/v1/topics/short/events", "POST", json.dumps({"x": "y" * 500}))[0] == 200
    assert high_watermark() == 1
    still_works(node)


def test_broken_and_deep_json_costs_little(node):
    node.api("/topics", "POST", {"name": "a"})
    size = (15 if support.FULL else 3) << 20  # the greatest body is 16 MiB
    bodies = [b"[" * 100_000, b"[" * size, b"{" * size, b'{"a":' * (size // 5), b"[" + b"1," * (size // 2) + b"]", b"[" + b"{}," * 200_000 + b"{]",
              b'{"a":"' + b"\\u0041" * (size // 6), b'"' + b"x" * size, b'{"a":"' + b"\xff" * size + b'"}', b"\xff\xfe" + b"\0" * size,
              b"\n" * size + b"{", b'{"n":1}\n' * 100_000 + b'{"n":']
    for kind in ("application/json", "application/x-ndjson"):
        node.call("/v1/topics/a/events", "POST", bodies[3], kind)  # buffers have their size
    before = rss_mb(node)
    for body in bodies:
        for kind in ("application/json", "application/x-ndjson"):
            for _ in range(2):
                status, text = node.call("/v1/topics/a/events", "POST", body, kind)
                assert status in (400, 413) and json.loads(text)["error"]["message"], (status, text[:200], body[:20])
                assert len(text) < 10_000
    assert rss_mb(node) - before < 100
    assert node.api("/topics/a")["partitions"][0]["high_watermark"] == 0
    still_works(node)


def test_huge_and_wrong_sql_costs_little(node):
    many, length = (200_000, 1_000_000) if support.FULL else (50_000, 300_000)
    scripts = ["x" * length, "SELECT " * (many // 2), "SELECT " + "(" * many + "1", "SELECT " + "1+" * many + "1", "SELECT " + "NOT " * many + "TRUE", "SELECT " + "-" * many + "1",
               "SELECT '" + "x" * length, "SELECT 1 -- " + "x" * length + "\n FROM", "/*" * (2 * many), "SELECT " + "a," * many + "b FROM t",
               "SELECT " + "CASE WHEN TRUE THEN " * (many // 5), "SELECT * FROM " + "(SELECT * FROM " * (many // 4), "SELECT * FROM " + "((SELECT * FROM " * (many // 4),
               "CREATE TABLE t (a " + "ARRAY<" * (many // 2) + "INT",
               "CREATE TABLE t (" + ",".join(f"c{i} INT" for i in range(many // 3)), "WITH " + ",".join(f"a{i} AS (SELECT 1)" for i in range(many // 5)), "\0" * (length // 7),
               "SELECT " + "CONCAT(" * (many // 2), "SELECT 1 IN (" + "1," * many + "'x'"]

    def refused(path, script):
        status, text = node.call(path, "POST", {"script": script}, timeout=60)
        errors = [line["error"] for line in map(json.loads, filter(str.strip, text.splitlines())) if "error" in line]
        assert errors and errors[-1]["message"], (script[:40], status, text[:300])
        assert len(text) < len(script) + 10_000, script[:40]  # it may be said which statement that was
        return status

    for script in scripts:  # the first time its buffers and the allocator's arenas grow
        refused("/api/v1/sql", script)
    before = rss_mb(node)
    for script in scripts:
        refused("/api/v1/sql", script)
        assert refused("/api/v1/jobs", script) in (400, 413), script[:40]
    assert rss_mb(node) - before < 100 and rss_mb(node) < 512
    for path in ("/api/v1/sql", "/api/v1/jobs"):
        status, text = node.call(path, "POST", {"script": "SELECT 1 -- " + "x" * (2 << 20)})
        assert status == 413 and json.loads(text)["error"]["message"]
    assert node.results("SELECT 1")[0] == [[["+I", "1"]]]
    still_works(node)


def test_the_admin_api_refuses_what_it_does_not_know_and_too_much(node):
    whole = b'POST /api/v1/topics HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"name": "x"}'
    cut_off(node.http, whole)
    assert node.api("/topics")["topics"] == []
    before = rss_mb(node)
    for path, method, body, status in (
            ("/api/v1/topics/nope", "GET", None, 404), ("/api/v1/topics/nope", "DELETE", None, 404), ("/api/v1/topics/nope/records", "GET", None, 404),
            ("/api/v1/topics", "POST", '{"name": "' + "x" * 300 + '"}', 400), ("/api/v1/topics", "POST", '{"name": "a", "partitions": -1}', 400),
            ("/api/v1/topics", "POST", '{"name": "a", "partitions": 1e99}', 400), ("/api/v1/topics", "POST", '{"name": "a", "config": {"no.such": "1"}}', 400),
            ("/api/v1/topics", "POST", '{"name": ["a"]}', 400), ("/api/v1/topics", "POST", "[" * 60_000, 400), ("/api/v1/topics", "POST", "", 400),
            ("/api/v1/topics", "POST", " " * (20 << 20), 413), ("/api/v1/jobs", "POST", "[" * 500_000, 400), ("/api/v1/sql", "POST", "{", 400)):
        got, text = node.call(path, method, body)
        assert got == status and json.loads(text)["error"]["message"], (path, method, (body or "")[:40], got, text[:300])
    assert rss_mb(node) - before < 100
    assert node.api("/topics")["topics"] == []
    still_works(node)


def test_the_aws_door_takes_no_cut_off_call_and_no_wrong_length(node):
    def call(body, length=None, target="Kinesis_20131202.CreateStream"):
        return (f"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.1\r\n"
                f"Content-Length: {len(body) if length is None else length}\r\n\r\n").encode() + body
    before, whole = rss_mb(node), call(b'{"StreamName": "x", "ShardCount": 1}')
    cut_off(node.aws, whole)
    for length, status in ((-1, b"400"), ("x", b"400"), (10**30, b"400"), (10**12, b"413")):
        assert support.raw_http(node.aws, call(b"{}", length)).split(b" ")[1] == status, length
    for target in ("Kinesis_20131202.ListStreams", "Logs_20140328.DescribeLogGroups", "AWSEvents.ListEventBuses", "DynamoDB_20120810.ListTables", "Firehose_20150804.ListDeliveryStreams"):
        for body in (b"{", b"[" * 100_000, b'{"a":' * 20_000, b"\xff\xfe", b""):
            answer = support.raw_http(node.aws, call(body, target=target).replace(b"Host:", b"Connection: close\r\nHost:", 1))
            assert answer.split(b" ")[1] == b"400" and b"__type" in answer, (target, body[:20], answer[:300])
    assert rss_mb(node) - before < 100
    assert node.api("/topics")["topics"] == []
    still_works(node)


def test_a_record_longer_than_its_topic_takes_is_told_to_a_kafka_client(node):
    node.api("/topics", "POST", {"name": "short", "config": {"max.message.bytes": "1000"}})
    producer, errors = Producer({"bootstrap.servers": node.kafka, "enable.idempotence": True}), []
    for size in (2000, 10, 900_000):
        producer.produce("short", b"x" * size, on_delivery=lambda error, _: errors.append(error and error.name()))
        producer.flush(30)
    assert errors == ["MSG_SIZE_TOO_LARGE", None, "MSG_SIZE_TOO_LARGE"]
    still_works(node)


def test_files_that_are_cut_off_broken_or_not_there_are_told_by_name(node, tmp_path):
    lines = b"".join(json.dumps({"n": n}).encode() + b"\n" for n in range(100_000))
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table({"n": list(range(100_000))}), sink)
    parquet = sink.getvalue().to_pybytes()
    packed = gzip.compress(lines)
    bad = {"cut.json.gz": packed[:len(packed) // 2], "broken.json.gz": packed[:50] + bytes(1000) + packed[1050:], "cut.parquet": parquet[:-100],
           "length.parquet": parquet[:-8] + struct.pack("<I", 0x7FFFFFF0) + b"PAR1", "broken.json": b'{"n": 1}\n{"n": \n', "long.json": b'{"n": 1, "x": "' + b"x" * (20 << 20) + b'"}\n'}
    table = "CREATE TABLE t (n BIGINT) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = '%s', 'scan.bad-records' = '%s');"

    def read(name, bad_records="fail"):
        results, error = node.results(table % (tmp_path / name, "parquet" if name.endswith("parquet") else "json", bad_records) + "SELECT COUNT(n) FROM t;")
        return results, json.dumps(error or "")

    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
        read(name)
    before = rss_mb(node)
    for name in [*bad, "nowhere.json"]:
        assert name in read(name)[1], (name, read(name))
    (tmp_path / "good.json").write_bytes(lines)
    assert read("*.json", "skip")[0][-1][-1][1] == "100001"  # all but the bad lines
    topics = (f"CREATE TABLE t (n BIGINT) WITH ('connector' = 'kafka', 'topic' = 'nowhere', 'properties.bootstrap.servers' = '{node.kafka}', "
              "'format' = 'json', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');")
    assert "nowhere" in json.dumps(node.results(topics + "SELECT * FROM t;")[1])
    assert rss_mb(node) - before < 150
    still_works(node)


def test_a_foreign_page_may_not_change_things(node):
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        status, _ = node.call("/api/v1/topics", "POST", {"name": "x"}, headers=headers)
        assert status == 403, headers
    assert not any(t["name"] == "x" for t in node.api("/topics")["topics"])
