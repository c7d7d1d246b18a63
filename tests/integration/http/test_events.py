"""The HTTP door of a real node, with clients people have: urllib, kafka clients beside it, a WebSocket library, raw sockets."""
import json
import os
import socket
import subprocess
import sys
import urllib.request

import pytest
import websocket
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))
from support import BINARY, wait_until  # noqa: E402


def post(node, topic, body, kind="application/json", query=""):
    status, text = node.call(f"/v1/topics/{topic}/events{query}", "POST", body.encode() if isinstance(body, str) else body, kind)
    return status, json.loads(text)


def read(node, topic, query="from=earliest&limit=10000"):
    status, text = node.call(f"/v1/topics/{topic}/events?{query}")
    assert status == 200, text
    return json.loads(text)


def lines_of(response, count):
    """`count` data lines of a stream of server-sent events, with the id before each."""
    found, last = [], None
    while len(found) < count:
        line = response.readline().decode().rstrip("\n")
        if line.startswith("id: "):
            last = line[4:]
        if line.startswith("data: "):
            found.append((last, json.loads(line[6:])))
    return found


def test_what_http_writes_a_kafka_consumer_reads(shared_node):
    lines = "".join(json.dumps({"user": f"u{i % 5}", "n": i}) + "\n" for i in range(500))
    status, answer = post(shared_node, "to-kafka", lines, "application/x-ndjson", "?key-field=user")
    assert status == 200 and answer["count"] == 500
    consumer = Consumer({"bootstrap.servers": shared_node.kafka, "group.id": "g", "enable.auto.commit": False})
    consumer.assign([TopicPartition("to-kafka", 0, 0)])
    got = []
    while len(got) < 500:
        message = consumer.poll(10)
        assert message is not None and not message.error(), message and message.error()
        got.append((message.key().decode(), json.loads(message.value())))
    consumer.close()
    assert [value["n"] for _, value in got] == list(range(500))
    assert all(key == value["user"] for key, value in got)


def test_a_key_goes_where_a_kafka_producer_puts_it(shared_node):
    shared_node.api("/topics", "POST", {"name": "keys", "partitions": 5})
    placed = {}
    producer = Producer({"bootstrap.servers": shared_node.kafka, "partitioner": "murmur2_random"})
    for i in range(40):
        producer.produce("keys", key=f"key-{i}", value=b"k", on_delivery=lambda e, m: placed.__setitem__(m.key().decode(), m.partition()))
    producer.flush(30)
    for key, partition in placed.items():
        _, answer = post(shared_node, "keys", "1", query=f"?key={key}")
        assert answer["written"][0]["partition"] == partition, key


def test_records_survive_a_kill(node):
    for i in range(50):
        status, _ = post(node, "durable", json.dumps({"n": i}))
        assert status == 200
    node.kill()
    node.start()
    assert [event["value"]["n"] for event in read(node, "durable")["events"]] == list(range(50))


def test_server_sent_events_resume_where_they_stopped(shared_node):
    post(shared_node, "follow", json.dumps(list(range(10))))
    url = f"http://{shared_node.http}/v1/topics/follow/events"
    headers = {"Accept": "text/event-stream"}
    with urllib.request.urlopen(urllib.request.Request(url + "?from=earliest", headers=headers), timeout=10) as response:
        first = lines_of(response, 4)
    with urllib.request.urlopen(urllib.request.Request(url, headers={**headers, "Last-Event-ID": first[-1][0]}), timeout=10) as response:
        rest = lines_of(response, 6)
        post(shared_node, "follow", '"new"')
        rest += lines_of(response, 1)
    assert [event["value"] for _, event in first + rest] == [*range(10), "new"]


def test_a_follower_gets_partitions_that_are_added_and_misses_nothing_before_its_first_event(shared_node):
    shared_node.api("/topics", "POST", {"name": "growing", "partitions": 1})
    request = urllib.request.Request(f"http://{shared_node.http}/v1/topics/growing/events", headers={"Accept": "text/event-stream"})
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.readline() == b"id: 0:0\n"
        shared_node.api("/topics/growing", "PATCH", {"partitions": 2})
        post(shared_node, "growing", '"new"', query="?partition=1")
        assert [event["value"] for _, event in lines_of(response, 1)] == ["new"]


def test_what_was_deleted_is_told(shared_node):
    post(shared_node, "passed", "[0,1,2,3]")
    admin = AdminClient({"bootstrap.servers": shared_node.kafka})
    list(admin.delete_records([TopicPartition("passed", 0, 3)]).values())[0].result()
    page = read(shared_node, "passed", "from=0:1")
    assert page["gaps"] == [{"partition": 0, "from": 1, "to": 3}] and [event["value"] for event in page["events"]] == [3]
    page = read(shared_node, "passed", "from=0:99")
    assert page["gaps"] == [{"partition": 0, "from": 99, "to": 3}] and page["next"] == "0:4"
    consumed = subprocess.run([BINARY, "--node", f"http://{shared_node.http}", "consume", "passed", "-f", "-n", "1", "--from", "0:1"],
                              capture_output=True, text=True, timeout=30)
    assert consumed.returncode == 0 and consumed.stdout.count("\n") == 1 and "no records at offset 1 any more" in consumed.stderr


def test_web_socket_follows_and_closes(shared_node):
    post(shared_node, "sockets", "[1,2]")
    client = websocket.create_connection(f"ws://{shared_node.http}/v1/topics/sockets/events?from=0:1", timeout=10)
    assert json.loads(client.recv()) == {"next": "0:1"}
    event = json.loads(client.recv())
    assert event["value"] == 2 and event["next"] == "0:2"
    client.ping("x")
    post(shared_node, "sockets", '"live"')
    assert json.loads(client.recv())["value"] == "live"
    client.close()
    wait_until(lambda: shared_node.call("/healthz")[0] == 200, "the node after a closed WebSocket")


@pytest.mark.parametrize("body,kind,status,says", [
    ('{"a":1}\n{"a":}\n', "application/x-ndjson", 400, "line 2, column 6"),
    ("[1,2", "application/json", 400, "broken JSON"),
    ("", "application/json", 400, "no JSON value"),
    (b'"\xff"', "application/json", 400, "not UTF-8"),
    (b"x" * (17 << 20), "text/plain", 413, "limit of this path"),
])
def test_bad_bodies_are_refused_whole(shared_node, body, kind, status, says):
    got, answer = post(shared_node, "refused", body, kind)
    assert got == status and says in json.dumps(answer)
    assert shared_node.call("/v1/topics/refused/events")[0] == 404  # not even the topic was made


def raw(node, request, want=b"HTTP/1.1 "):
    host, port = node.http.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := client.recv(65536):
            answer += chunk
    return answer


@pytest.mark.parametrize("request_bytes,status", [
    (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70000, b"431"),
    (b"GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400"),
    (b"POST /v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999\r\n\r\n", b"413"),
    (b"POST /v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
    (b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"405"),
    (b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"403"),
    (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n", b"403"),
])
def test_bad_requests_get_a_clear_answer_and_harm_nobody(shared_node, request_bytes, status):
    answer = raw(shared_node, request_bytes)
    assert answer.split(b" ")[1] == status, answer[:300]
    assert shared_node.call("/healthz") == (200, "ok\n")


def test_cut_off_requests_leave_nothing_behind(shared_node):
    whole = b"POST /v1/topics/cut/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{\"a\": 12}"
    for length in range(1, len(whole)):
        raw(shared_node, whole[:length])
    assert raw(shared_node, whole).startswith(b"HTTP/1.1 200 ")
    assert [event["value"] for event in read(shared_node, "cut")["events"]] == [{"a": 12}]


def test_stop_ends_followers_at_once(node):
    post(node, "t", "1")
    request = urllib.request.Request(f"http://{node.http}/v1/topics/t/events", headers={"Accept": "text/event-stream"})
    with urllib.request.urlopen(request, timeout=10):
        assert node.stop() < 2


def metric(node, name):
    """The value of one series, as it stands in the text: 'name{label="x"}'."""
    status, text = node.call("/metrics")
    assert status == 200
    found = [line.rsplit(" ", 1)[1] for line in text.split("\n") if line.rsplit(" ", 1)[0] == name]
    return float(found[0]) if found else None


def test_both_doors_count_what_they_serve_and_the_node_tells_what_goes_out(shared_node):
    node = shared_node
    post(node, "counted", '{"n": 1}')
    assert node.call("/v1/topics/counted/events?from=nonsense")[0] == 400
    route = 'method="GET",route="/v1/topics/{topic}/events"'
    assert metric(node, f'mainstem_http_requests_total{{{route},status="400"}}') >= 1
    assert metric(node, f"mainstem_http_request_seconds_count{{{route}}}") >= 1
    assert metric(node, "mainstem_http_connections") >= 1 and metric(node, "mainstem_http_events_in_total") >= 1
    producer = Producer({"bootstrap.servers": node.kafka})
    for i in range(2000):
        producer.produce("counted", b"x" * 1000)
    producer.flush()
    assert metric(node, 'mainstem_kafka_requests_total{api="Produce",outcome="ok"}') >= 1
    assert metric(node, "mainstem_kafka_received_bytes_total") > 2_000_000
    node.api("/node")  # the rate is the change since the look before
    consumer = Consumer({"bootstrap.servers": node.kafka, "group.id": "counted", "auto.offset.reset": "earliest"})
    consumer.subscribe(["counted"])
    assert len(consumer.consume(2001, 30)) == 2001
    consumer.close()
    assert metric(node, "mainstem_kafka_fetched_bytes_total") > 2_000_000
    assert metric(node, 'mainstem_kafka_request_seconds_count{api="Fetch"}') >= 1
    assert metric(node, "mainstem_kafka_sent_bytes_total") > 2_000_000
    wait_until(lambda: node.api("/node")["rates"]["bytes_out"] > 0, "a rate of what goes out", 10)
    assert metric(node, "mainstem_memory_budget_bytes") > 0
