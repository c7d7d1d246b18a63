"""The opensearch sink against a real node: kills, a killed server, faults of the way between, documents that it refuses, and what is
said when it cannot go on. Afterwards the documents equal the model, and none has ever gone back."""
import json
import os
import random
import signal
import subprocess
import threading
import time

import pytest

import driver as sink
import support
from faulty_proxy import Proxy, make_certificate

SHAPE = (2, 200, 20, 60)  # partitions, records, rows in each, keys


@pytest.fixture
def search(opensearch):
    opensearch.call("/_data_stream/driver*", "DELETE")
    for index in ("driver", "driver-*", "mainstem-delivery"):
        opensearch.call(f"/{index}?expand_wildcards=all&ignore_unavailable=true", "DELETE")
    return opensearch


def make(tmp_path, url, shape=SHAPE, key="k", connector="opensearch", options=None, **more):
    options = {"connector": connector, "hosts": url, "index": "driver", **(options or {})}
    return sink.made(tmp_path, options, shape, key=key, **more)


def row_of(source):
    return source["n"], round(source["amount"] * 100), source["part"]


def content(search, index="driver"):
    return {id: row_of(source) for (_, id), source in search.documents(index).items()}


def model(shape):
    return {k: (n, cents, part) for k, (n, cents, _, part) in sink.table_model(*shape).items()}


def positions(search):
    found = search.documents("mainstem-delivery")
    return {id: (source["position"], source["attempted"]) for (_, id), source in found.items()}


def check(search, shape=SHAPE):
    assert content(search) == model(shape)
    assert positions(search) == {f"driver/sink/{partition}": (shape[1], shape[1]) for partition in range(shape[0])}


class Watch:
    """Reads documents again and again: what the sink wrote of a key never goes back, for `n` grows with each change."""

    def __init__(self, search, keys):
        self.search, self.keys = search, keys
        self.stop, self.went_back, self.looks = threading.Event(), [], 0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        seen = {}
        while not self.stop.is_set():
            try:
                answer = self.search.call("/driver/_mget", "POST", {"ids": self.keys})
            except OSError:
                continue
            for document in answer.get("docs", []):
                if not document.get("found"):
                    continue
                n = document["_source"]["n"]
                if n < seen.get(document["_id"], -1):
                    self.went_back.append((document["_id"], seen[document["_id"]], n))
                seen[document["_id"]] = n
            self.looks += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


@pytest.mark.parametrize("connector", ["opensearch", "elasticsearch-7"])
def test_upserts_and_deletes_end_as_the_model(tmp_path, search, connector):
    make(tmp_path, search.url, connector=connector).finish()
    check(search)


def test_kills_at_any_moment_and_at_the_commit_change_nothing(tmp_path, search):
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))
    kills = 100 if support.FULL else 16
    print(f"KILL_SEED={seed}")
    shape = (2, sink.RECORDS_PER_KILL * kills, 10, 60)
    driver = make(tmp_path, search.url, shape)
    with Watch(search, [f"p{partition}-{key}" for partition in range(2) for key in range(60)]) as watch:
        hits = sink.deliver_with_kills(driver, random.Random(seed), kills)
    check(search, shape)
    assert sum(hits.values()) == kills, hits
    assert not watch.went_back and watch.looks > 10


def test_appended_rows_are_there_once_after_kills(tmp_path, search):
    shape = (1, 600, 5, 60)
    driver = make(tmp_path, search.url, shape, key=None, append=True)
    sink.deliver_with_kills(driver, random.Random(7), 8)
    assert sorted(n for n, _, _ in content(search).values()) == list(range(600 * 5))


def test_rows_of_a_data_stream_are_there_once_even_when_it_rolls_over(tmp_path, search):
    template = tmp_path / "template.json"
    template.write_text(json.dumps({"index_patterns": ["driver-stream"], "data_stream": {"timestamp_field": {"name": "at"}}, "template": {
        "mappings": {"properties": {"at": {"type": "date", "format": "yyyy-MM-dd HH:mm:ss[.SSS][.SS][.S]"}}}}}))
    shape = (1, 400, 5, 60)
    driver = make(tmp_path, search.url, shape, key=None, append=True, options={
        "index": "driver-stream", "sink.data-stream": "true", "sink.index-template-file": str(template)})
    rng, kills = random.Random(8), 0
    for number in range(8):
        driver.start(crash=f"sink.commit:{rng.randrange(2, 10)}")  # after a group was written, before that is noted
        kills += driver.kill_after(1000, 0)
        search.call("/driver-stream/_rollover", "POST")
    driver.finish()
    found = search.documents("driver-stream")
    assert kills == 8 and len({index for index, _ in found}) > 3
    assert sorted(source["n"] for source in found.values()) == list(range(400 * 5))


def test_a_killed_server_is_waited_for(tmp_path, search):
    shape = (1, 3000, 10, 60)
    driver = make(tmp_path, search.url, shape, max_failures=100000)
    driver.start()
    for _ in range(3):
        driver.line()
    search.stop(signal.SIGKILL)
    search.start()
    driver.join(180)
    check(search, shape)
    assert "retrying" in driver.error_text()


def test_faults_on_the_way_change_nothing(tmp_path, search):
    """Every fifth request is answered with an error, put off document by document, or cut before or after the server has seen it."""
    rng = random.Random(3)
    verdicts = {"cut-before": 0, "cut-after": 0, "503": 0, "429": 0, "items": 0}

    def decide(number, method, path, body):
        if number % 5:
            return None
        kind = rng.choice(sorted(verdicts))
        if kind == "items" and "_bulk" not in path:
            return None
        verdicts[kind] += 1
        if kind == "items":
            actions = [line for line in body.decode().splitlines() if line.startswith(('{"index":', '{"delete":'))]
            error = {"type": "rejected_execution_exception", "reason": "queue is full"}
            return 200, json.dumps({"errors": True, "items": [{"index": {"status": 429, "error": error}} for _ in actions]})
        return (int(kind), '{"error":{"type":"overload","reason":"later"}}') if kind.isdigit() else kind

    with Proxy(search.port, decide) as proxy:
        make(tmp_path, proxy.url, max_failures=100000, options={"sink.bulk-flush.backoff.delay": "1 ms"}).finish()
    check(search)
    assert all(count > 1 for count in verdicts.values()), verdicts


def test_a_request_that_is_too_long_is_sent_in_parts(tmp_path, search):
    with Proxy(search.port, lambda number, method, path, body: (413, "too long") if len(body) > 3000 else None) as proxy:
        make(tmp_path, proxy.url, (1, 20, 50, 60)).finish()
    check(search, (1, 20, 50, 60))


def test_another_host_takes_over(tmp_path, search):
    make(tmp_path, f"http://127.0.0.1:{support.free_port()};{search.url}/").finish()
    check(search)


def test_refused_documents_are_handed_over_and_all_others_arrive(tmp_path, search):
    search.call("/driver", "PUT", {"mappings": {"properties": {"part": {"type": "integer", "ignore_malformed": False}}}})
    rejects = tmp_path / "rejects"
    shape = (1, 40, 50, 5000)
    make(tmp_path, search.url, shape, reject_file=rejects).finish()
    refused = [line.split("\t") for line in rejects.read_text().splitlines()]
    final, got = model(shape), content(search)
    assert refused and {k: row for k, row in got.items() if row[2] is not None} == {}
    # Of a key whose last row is refused, an earlier row may be there or not.
    assert {k: row for k, row in final.items() if row[2] is None} == {k: row for k, row in got.items() if final[k][2] is None}
    for origin, raw, cause in refused:
        assert origin.startswith("driver/sink/0@<") and " k=p0-" in origin and raw.startswith("+I[p0-")
        assert "table 'driver' refused the row with k=p0-" in cause and "failed to parse field [part] of type [integer]" in cause


def test_without_a_handler_a_refused_document_stops(tmp_path, search):
    search.call("/driver", "PUT", {"mappings": {"properties": {"part": {"type": "integer", "ignore_malformed": False}}}})
    message = make(tmp_path, search.url).fail()
    assert "refused the row with k=p0-" in message and "failed to parse field [part] of type [integer]" in message


def test_a_mapping_that_takes_no_document_is_an_error_of_the_table_or_evolves(tmp_path, search):
    search.call("/driver", "PUT", {"mappings": {"dynamic": "strict", "properties": {"k": {"type": "keyword"}, "n": {"type": "long"}}}})
    sink.says(make(tmp_path, search.url).fail(), ["index 'driver' has no field 'amount' and is strict", "also: ", "field 'part'"])
    make(tmp_path, search.url, options={"drift": "evolve"}).finish()
    check(search)
    fields = search.call("/driver/_mapping")["driver"]["mappings"]["properties"]
    assert {name: field["type"] for name, field in fields.items()} == {
        "k": "keyword", "n": "long", "amount": "double", "at": "keyword", "part": "keyword"}


def test_a_document_of_somebody_else_is_not_lost_in_silence(tmp_path, search):
    search.call("/driver/_doc/p0-3?version=9000000000000000000&version_type=external", "PUT", {"n": 1, "amount": 1, "part": "theirs"})
    rejects = tmp_path / "rejects"
    make(tmp_path, search.url, reject_file=rejects).finish()
    assert "another job or program has written this document" in rejects.read_text()
    expected = {**model(SHAPE), "p0-3": (1, 100, "theirs")}
    assert content(search) == expected


def test_a_job_that_begins_anew_covers_what_an_earlier_one_wrote(tmp_path, search):
    make(tmp_path, search.url, (1, 300, 20, 60)).finish()
    search.call("/mainstem-delivery", "DELETE")
    shape = (1, 40, 20, 30)
    make(tmp_path, search.url, shape).finish()
    got = content(search)
    expected = model(shape)
    touched = {k for k, *_ in sink.rows(*shape)}
    assert {k: row for k, row in got.items() if k in touched} == expected


def test_indexes_follow_the_time_of_the_row(tmp_path, search):
    shape = (1, 20, 50, 60)
    make(tmp_path, search.url, shape, key=None, append=True, options={"index": "driver-{at|yyyy.MM.dd-HH-mm-ss}"}).finish()
    seconds = {n: time.strftime("driver-%Y.%m.%d-%H-%M-%S", time.gmtime(millis // 1000)) for _, n, _, millis, _, _ in sink.rows(*shape)}
    got = {source["n"]: index for (index, _), source in search.documents("driver-*").items()}
    assert got == seconds and len(set(seconds.values())) == 1


def test_rows_without_a_name_are_handed_over(tmp_path, search):
    rejects = tmp_path / "rejects"
    make(tmp_path, search.url, (1, 5, 20, 60), key=None, append=True, reject_file=rejects, options={"index": "driver-{part}"}).finish()
    text = rejects.read_text()
    assert "a column of the option 'index' is NULL" in text
    assert "invalid_index_name_exception" in text  # d/1 has a slash


REFUSALS = [
    ({"hosts": "search:9200"}, ["option 'hosts'", "http://host:port"]),
    ({"hosts": "http://me:s3cret@search:9200"}, ["option 'hosts'", "must not hold a user or password"]),
    ({"index": "driver-{day}"}, ["option 'index'", "asks for the column 'day'"]),
    ({"index": "driver-{now()|yyyy}"}, ["option 'index'", "not from now()"]),
    ({"index": "driver-{k|yyyy}"}, ["has a date pattern for the column 'k'"]),
    ({"index": "driver-{at|QQ}"}, ["unknown letter 'Q'"]),
    ({"password": "s3cret"}, ["goes together with 'password'"]),
    ({"sink.bulk-flush.max-acions": "1"}, ["has no option", "did you mean 'sink.bulk-flush.max-actions'"]),
    ({"sink.data-stream": "true"}, ["must not have a PRIMARY KEY"]),
    ({"format": "csv"}, ["can only be 'json'"]),
]


@pytest.mark.parametrize("options,expected", REFUSALS)
def test_says_what_is_wrong_with_an_option(tmp_path, options, expected):
    sink.says(make(tmp_path, "http://127.0.0.1:9", options=options).fail(), expected)


def test_rows_arrive_over_tls_with_a_password_and_nothing_without(tmp_path, search):
    tls = make_certificate(tmp_path)
    other, _ = make_certificate(tmp_path, "other")
    with Proxy(search.port, tls=tls, user="loader:right") as proxy:
        trusted = {"connection.ca-file": tls[0], "username": "loader", "password": "right"}
        message = make(tmp_path, proxy.url, options={**trusted, "password": "wr0ng"}).fail()
        assert "status 401" in message and "check the options 'username' and 'password'" in message and "wr0ng" not in message
        message = make(tmp_path, proxy.url, options={**trusted, "connection.ca-file": other}).fail()
        assert "certificate" in message and proxy.url in message
        make(tmp_path, proxy.url, options=trusted).finish()
        check(search)
        insecure = {"allow-insecure": "true", "username": "loader", "password": "right"}
        make(tmp_path, proxy.url, options=insecure).finish()


def test_a_server_that_is_not_there_is_retriable(tmp_path):
    message = make(tmp_path, f"http://127.0.0.1:{support.free_port()}", max_failures=2).fail()
    assert message.count("retrying: ") == 2 and "no answer from http://127.0.0.1" in message


def test_sql_delivers_a_changelog(tmp_path, search):
    (tmp_path / "q.sql").write_text(f"""
      CREATE TABLE o (region STRING, placed DATE, orders BIGINT, PRIMARY KEY (region, placed) NOT ENFORCED) WITH (
        'connector' = 'opensearch-2', 'hosts' = '{search.url}', 'index' = 'driver-{{placed|yyyy-MM}}', 'document-id.key-delimiter' = '$');
      INSERT INTO o SELECT region, placed, COUNT(*) FROM (SELECT CAST(r AS STRING) AS region, placed FROM (VALUES
        ('eu', DATE '2026-01-31'), ('us', DATE '2026-02-01'),
        ('eu', DATE '2026-01-31')) AS v(r, placed)) GROUP BY region, placed;""")
    result = subprocess.run([support.BINARY, "run", str(tmp_path / "q.sql")], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert search.documents("driver-*") == {
        ("driver-2026-01", "eu$2026-01-31"): {"region": "eu", "placed": "2026-01-31", "orders": 2},
        ("driver-2026-02", "us$2026-02-01"): {"region": "us", "placed": "2026-02-01", "orders": 1}}


def test_a_job_of_a_node_that_is_killed_leaves_the_documents_of_its_topic(tmp_path, search, node):
    """Counts and greatest values by key, from a topic that grows while the node is killed at random moments."""
    from confluent_kafka import Producer
    rng, kills, keys = random.Random(12), 20 if support.FULL else 5, 40
    node.cli("topic", "create", "o")
    job, = node.submit(f"""
      CREATE TABLE o (k STRING, n BIGINT) WITH ('connector' = 'kafka', 'properties.bootstrap.servers' = '{node.kafka}', 'format' = 'json',
        'topic' = 'o', 'scan.startup.mode' = 'earliest-offset');
      CREATE TABLE d (k STRING, c BIGINT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'opensearch', 'hosts' = '{search.url}',
        'index' = 'driver');
      INSERT INTO d SELECT k, COUNT(*), MAX(n) FROM o GROUP BY k;""")
    expected = {}
    for part in range(kills + 1):
        producer = Producer({"bootstrap.servers": node.kafka})
        for n in range(part * 500, part * 500 + 500):
            k = f"k{rng.randrange(keys)}"
            count, _ = expected.get(k, (0, 0))
            expected[k] = (count + 1, n)
            producer.produce("o", json.dumps({"k": k, "n": n}))
        assert producer.flush(30) == 0
        if part < kills:
            time.sleep(rng.uniform(0, 1.5))
            node.kill()
            node.start()

    def found():
        documents = {id: (source["c"], source["n"]) for (_, id), source in search.documents("driver").items()}
        return documents == expected
    support.wait_until(lambda: search.call("/driver").get("driver") and found(), f"the documents of job {job}", 60)
