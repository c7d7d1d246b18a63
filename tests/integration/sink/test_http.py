"""The http sink against a server of the test's own, which records what it takes and misbehaves: errors, slowness, cut connections.
Every row arrives at least once; what arrives again is the same request, byte for byte, with the same key."""
import base64
import collections
import hashlib
import hmac
import json
import os
import random
import subprocess
import threading
import time

import pytest

import driver as sink
import support
from faulty_proxy import Proxy, make_certificate

SHAPE = (2, 20, 10, 60)  # partitions, records, rows in each, keys


class Receiver:
    """Keeps what it has taken; `decide` as of Proxy, but what it lets through is kept."""

    def __init__(self, decide=lambda *_: None, status=200, **more):
        self.requests, self.lock = [], threading.Lock()
        self.proxy = Proxy(lambda *request: self.take(status, *request), decide, **more)

    def take(self, status, method, path, headers, body):
        with self.lock:
            self.requests.append((method, path, dict(headers), body))
        return status, '{"ok":true}'

    def __enter__(self):
        self.proxy.__enter__()
        self.url = self.proxy.url
        return self

    def __exit__(self, *_):
        self.proxy.__exit__()

    def by_key(self):
        """{idempotency key: body}; fails when one key came with two bodies."""
        found = {}
        for _, _, headers, body in self.requests:
            assert found.setdefault(headers["Idempotency-Key"], body) == body
        return found


def make(tmp_path, url, shape=SHAPE, key=None, options=None, **more):
    options = {"connector": "http", "url": url, **(options or {})}
    return sink.made(tmp_path, options, shape, key=key, append=None if key else True, **more)


def row_of(source):
    return source["k"], source["n"], round(source["amount"] * 100), source["part"]


def expected_rows(shape):
    return sorted(((k, n, cents, part) for k, n, cents, _, part, _ in sink.rows(*shape)), key=repr)


def test_each_row_is_a_request_with_a_key_of_its_own(tmp_path):
    with Receiver() as receiver:
        make(tmp_path, receiver.url + "/hook?x=1", options={"header.X-Token": "abc", "method": "PUT"}).finish()
    assert len(receiver.by_key()) == len(receiver.requests) == 400
    assert sorted((row_of(json.loads(body)) for body in receiver.by_key().values()), key=repr) == expected_rows(SHAPE)
    method, path, headers, _ = receiver.requests[0]
    assert (method, path, headers["X-Token"], headers["Content-Type"]) == ("PUT", "/hook?x=1", "abc", "application/json")


@pytest.mark.parametrize("form", ["array", "lines"])
def test_rows_go_together_in_the_order_of_the_log(tmp_path, form):
    with Receiver() as receiver:
        make(tmp_path, receiver.url, options={"sink.batch.max-rows": "4", "sink.batch.form": form}).finish()
    read = json.loads if form == "array" else lambda body: [json.loads(line) for line in body.splitlines()]
    parts = [read(body) for _, _, _, body in receiver.requests]
    assert collections.Counter(map(len, parts)) == {4: 80, 2: 40}  # 10 rows in each delivery
    order = [row_of(row)[:2] for part in parts for row in part]
    assert order == [(k, n) for k, n, *_ in sink.rows(*SHAPE)]


def test_kills_lose_nothing_and_what_comes_again_is_the_same(tmp_path):
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))
    print(f"KILL_SEED={seed}")
    rng, kills = random.Random(seed), 100 if support.FULL else 20
    with Receiver() as receiver:
        driver = make(tmp_path, receiver.url, (1, 60, 20, 60), options={"sink.batch.max-rows": "3"})
        for _ in range(kills):
            driver.start()
            driver.kill_after(rng.randrange(6), rng.uniform(0, 0.01))
        driver.finish()
    rows = {row_of(row) for body in receiver.by_key().values() for row in json.loads(body)}
    assert rows == set(expected_rows((1, 60, 20, 60)))
    assert len(receiver.requests) > len(receiver.by_key())


def test_faults_on_the_way_lose_nothing_and_keep_the_order_of_first_arrivals(tmp_path):
    rng = random.Random(5)
    verdicts = {"cut-before": 0, "cut-after": 0, "503": 0, "429": 0}

    def decide(number, *_):
        if number % 5:
            return None
        kind = rng.choice(sorted(verdicts))
        verdicts[kind] += 1
        return (int(kind), "later") if kind.isdigit() else kind

    with Receiver(decide) as receiver:
        make(tmp_path, receiver.url, max_failures=100000).finish()
    firsts = [row_of(json.loads(body))[:2] for body in receiver.by_key().values()]
    assert firsts == [(k, n) for k, n, *_ in sink.rows(*SHAPE)]
    assert all(count > 1 for count in verdicts.values()), verdicts
    # What the process knows to be sent is not sent again, whatever failed since.
    assert len(receiver.requests) == len(firsts) + verdicts["cut-after"]


def test_a_server_that_is_restarted_is_waited_for(tmp_path):
    shape, stops = (1, 40, 10, 60), threading.Event()
    with Receiver(lambda *_: "cut-before" if stops.is_set() else None) as first:
        driver = make(tmp_path, first.url, shape, max_failures=100000)
        driver.start()
        support.wait_until(lambda: len(first.requests) > 20, "the first rows")
        stops.set()
        count = first.proxy.count
        support.wait_until(lambda: first.proxy.count > count, "that it ends the connection")
    with Receiver(port=first.proxy.port) as second:
        driver.join()
    found = {**first.by_key(), **second.by_key()}
    assert sorted((row_of(json.loads(body)) for body in found.values()), key=repr) == expected_rows(shape)
    assert second.requests


def test_a_slow_server_is_given_up_and_asked_again(tmp_path):
    def decide(number, *_):
        if number in (3, 4):
            time.sleep(1.5)

    with Receiver(decide) as receiver:
        make(tmp_path, receiver.url, (1, 2, 5, 9), options={"request.timeout": "500 ms"}).finish()
        support.wait_until(lambda: len(receiver.requests) == 12, "the two slow requests")
    assert len(receiver.by_key()) == 10


def test_a_pause_that_the_server_asks_for_is_kept(tmp_path):
    times = []

    def decide(number, *_):
        times.append(time.monotonic())

    with Receiver(decide) as receiver:
        handler = receiver.proxy.server.RequestHandlerClass
        plain = handler.answer

        def answer(self, status, text):
            if len(times) == 1:
                self.send_response(429)
                self.send_header("Retry-After", "2")
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                plain(self, status, text)

        handler.answer = answer
        make(tmp_path, receiver.url, (1, 1, 2, 9)).finish()
    assert times[1] - times[0] >= 2


def test_refused_rows_are_found_and_handed_over(tmp_path):
    def decide(number, method, path, body):
        return (422, "no d/1 here\n") if b'"d/1"' in body else None

    rejects = tmp_path / "rejects"
    with Receiver(decide) as receiver:
        make(tmp_path, receiver.url, options={"sink.batch.max-rows": "8"}, reject_file=rejects).finish()
    rows = sorted((row_of(row) for body in receiver.by_key().values() for row in json.loads(body)), key=repr)
    assert rows == [row for row in expected_rows(SHAPE) if row[3] != "d/1"]
    refused = [line.split("\t") for line in rejects.read_text().splitlines()]
    assert len(refused) == len([row for row in expected_rows(SHAPE) if row[3] == "d/1"])
    for origin, raw, cause in refused:
        assert origin.startswith("driver/sink/") and raw.startswith("+I[p") and "status 422" in cause and "no d/1 here" in cause


def test_what_was_sent_of_a_request_that_was_halved_is_not_sent_again(tmp_path):
    failures = []

    def decide(number, method, path, body):
        rows = json.loads(body)
        if len(rows) > 2:
            return 413, "too much"
        if rows[0]["n"] == 4 and len(failures) < 8:  # more than the tries of one delivery
            failures.append(number)
            return 503, "later"
        return None

    with Receiver(decide) as receiver:
        make(tmp_path, receiver.url, (1, 1, 8, 9), options={"sink.batch.max-rows": "8"}, max_failures=100).finish()
    assert [row["n"] for _, _, _, body in receiver.requests for row in json.loads(body)] == list(range(8))
    assert len(failures) == 8


def test_of_a_long_answer_the_status_decides(tmp_path):
    with Receiver(lambda *_: (200, b"x" * (3 << 20))) as receiver:
        make(tmp_path, receiver.url, (1, 1, 5, 9)).finish()
    assert receiver.proxy.count == 5


def test_an_address_is_told_without_its_path(tmp_path):
    message = make(tmp_path, "http://127.0.0.1:9/services/s3cret", (1, 1, 1, 9), max_failures=1).fail()
    sink.says(message, ["no answer from http://127.0.0.1:9"])


def test_changes_of_a_keyed_table_tell_what_they_are(tmp_path):
    with Receiver() as receiver:
        make(tmp_path, receiver.url + "/items/{{k}}", key="k", options={"delete-method": "DELETE"}).finish()
    table = {}
    for method, path, headers, body in receiver.requests:
        change = json.loads(body)
        assert path == "/items/" + change["row"]["k"] and headers["Idempotency-Key"] == change["id"]
        assert (method == "DELETE") == (change["op"] == "delete")
        if method == "DELETE":
            table.pop(change["row"]["k"], None)
        else:
            table[change["row"]["k"]] = row_of(change["row"])[1:]
    assert table == {k: (n, cents, part) for k, (n, cents, _, part) in sink.table_model(*SHAPE).items()}


def test_a_template_shapes_the_body(tmp_path):
    body = '{"text":"{{k|text}} has {{n|text}}","part":{{part}},"id":"{{$id}}"}'
    with Receiver() as receiver:
        make(tmp_path, receiver.url, (1, 1, 5, 9), options={"body": body}).finish()
    got = [json.loads(text) for _, _, _, text in receiver.requests]
    assert [(m["text"], m["part"]) for m in got] == [(f"{k} has {n}", part) for k, n, _, _, part, _ in sink.rows(1, 1, 5, 9)]
    assert [m["id"] for m in got] == [f"driver/sink-0-1-{row}" for row in range(5)]


def test_requests_are_signed_with_a_secret_from_a_file(tmp_path):
    key = b"0123456789abcdef"
    (tmp_path / "secret").write_text("whsec_" + base64.b64encode(key).decode() + "\n")
    options = {"signature.scheme": "standard", "signature.secret-file": str(tmp_path / "secret")}
    with Receiver() as receiver:
        make(tmp_path, receiver.url, (1, 1, 3, 9), options=options).finish()
    for _, _, headers, body in receiver.requests:
        text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
        assert headers["webhook-id"] == headers["Idempotency-Key"]


def test_rows_arrive_over_tls_with_a_password(tmp_path):
    tls = make_certificate(tmp_path)
    (tmp_path / "password").write_text("right\n")
    with Receiver(tls=tls, user="loader:right") as receiver:
        trusted = {"connection.ca-file": tls[0], "username": "loader", "password-file": str(tmp_path / "password")}
        make(tmp_path, receiver.url, options=trusted).finish()
        assert len(receiver.requests) == 400
        message = make(tmp_path, receiver.url, options={**trusted, "connection.ca-file": ""}).fail()
        assert "certificate" in message
        (tmp_path / "password").write_text("wr0ng")
        message = make(tmp_path, receiver.url, options=trusted).fail()
        assert "status 401" in message and "check the credentials" in message and "wr0ng" not in message


@pytest.mark.parametrize("status,text", [(404, "check the options 'url'"), (302, "status 302"), (403, "check the credentials")])
def test_an_answer_that_no_row_is_to_blame_for_stops(tmp_path, status, text):
    with Receiver(lambda *_: (status, "no")) as receiver:
        message = make(tmp_path, receiver.url).fail()
    assert text in message and "table 'driver'" in message


REFUSALS = [
    ({"url": "ftp://x"}, ["option 'url'", "http://host:port"]),
    ({"url": "http://me:s3cret@x"}, ["must not hold a user or password"]),
    ({"body": "{{what}}"}, ["option 'body'", "asks for the column 'what'"]),
    ({"method": "GET"}, ["option 'method'", "'POST', 'PUT', 'PATCH', 'DELETE'"]),
    ({"success-codes": "ok"}, ["option 'success-codes'", "must be a list"]),
    ({"header.X-Key": "a\nb: s3cret"}, ["option 'header.X-Key' makes no header line"]),
    ({"signature.secret": "s3cret"}, ["option 'signature.scheme'", "goes together"]),
    ({"signature.scheme": "standard", "signature.secret": "whsec_s3cret!"}, ["option 'signature.secret'", "base64"]),
    ({"url": "http://x/{{k}}", "sink.batch.max-rows": "5"}, ["must be the same for all rows"]),
    ({"sink.batch.maxrows": "5"}, ["has no option", "did you mean 'sink.batch.max-rows'"]),
    ({"password": "s3cret"}, ["goes together with 'password'"]),
]


@pytest.mark.parametrize("options,expected", REFUSALS)
def test_says_what_is_wrong_with_an_option(tmp_path, options, expected):
    sink.says(make(tmp_path, "http://127.0.0.1:9", options=options).fail(), expected)


def test_sql_posts_to_a_webhook(tmp_path):
    with Receiver() as receiver:
        (tmp_path / "q.sql").write_text(f"""
          CREATE TABLE hook (who STRING, n INT) WITH ('connector' = 'http', 'url' = '{receiver.url}/in',
            'header.Authorization' = 'Bearer abc', 'body' = '{{"text": "{{{{who|text}}}} has {{{{n}}}}"}}');
          INSERT INTO hook VALUES ('ann', 1), ('bob', 2);""")
        result = subprocess.run([support.BINARY, "run", str(tmp_path / "q.sql")], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert sorted(json.loads(body)["text"] for *_, body in receiver.requests) == ["ann has 1", "bob has 2"]
    assert all(headers["Authorization"] == "Bearer abc" for _, _, headers, _ in receiver.requests)
