"""Bad input at each door: a clear error in the protocol's own terms, bounded memory, the node unharmed."""
import json
import random
import re
import socket
import struct
import time

import support


def rss_mb(node):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{node.process.pid}/status").read())[1]) / 1024


def connect(address):
    host, port = address.rsplit(":", 1)
    s = socket.create_connection((host, int(port)), 5)
    s.settimeout(5)
    return s


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


def test_a_foreign_page_may_not_change_things(node):
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        status, _ = node.call("/api/v1/topics", "POST", {"name": "x"}, headers=headers)
        assert status == 403, headers
    assert not any(t["name"] == "x" for t in node.api("/topics")["topics"])
