"""EventBridge's API destinations: rules that call HTTP endpoints, with retries, dead letters and an id that is the same for every try."""
import base64
import http.server
import json
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError

import support
from kill_loop import KILLS, seeded
from kinesis_client import client_of, refused
from test_event_rules import data, dead_letters, put, rule_with
from test_eventbridge import events_of
from test_logs_subscriptions import arn


class Endpoint(http.server.ThreadingHTTPServer):
    """Keeps what it was asked; answers as `statuses` says for a path, the last one for ever: 0 is no answer before `released`."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests, self.statuses, self.lock = [], {}, threading.Lock()
        self.released = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"

    def asked(self, path):
        with self.lock:
            return [r for r in self.requests if r["path"].split("?")[0] == path]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.lock:
            statuses = self.server.statuses.get(self.path.split("?")[0], [200])
            status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
            self.server.requests.append({"method": self.command, "path": self.path, "headers": dict(self.headers.items()), "body": body, "status": status, "at": time.monotonic()})
        if status == 0:
            self.server.released.wait(60)
        self.send_response(status or 200)
        if status == 503 and self.path.startswith("/busy"):
            self.send_header("Retry-After", "3")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET = do_PUT = answer

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def endpoint():
    server = Endpoint()
    yield server
    server.released.set()
    server.shutdown()


@pytest.fixture(scope="module")
def events(shared_node):
    return events_of(shared_node)


def destination(events, endpoint, name, path, auth=None, **more):
    auth = auth or {"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "secret"}}
    kind = "BASIC" if "BasicAuthParameters" in auth else "API_KEY"
    connection = events.create_connection(Name=name, AuthorizationType=kind, AuthParameters=auth)["ConnectionArn"]
    made = events.create_api_destination(Name=name, ConnectionArn=connection, InvocationEndpoint=endpoint.url(path), **{"HttpMethod": "POST", **more})
    return made["ApiDestinationArn"]


def test_connections_and_destinations_are_made_described_and_deleted(events, endpoint):
    auth = {"BasicAuthParameters": {"Username": "u", "Password": "p"},
            "InvocationHttpParameters": {"HeaderParameters": [{"Key": "X-Open", "Value": "1", "IsValueSecret": False}, {"Key": "X-Hidden", "Value": "2", "IsValueSecret": True}]}}
    made = events.create_connection(Name="c", AuthorizationType="BASIC", AuthParameters=auth, Description="of the shop")
    assert made["ConnectionArn"].startswith("arn:aws:events:eu-central-1:000000000000:connection/c/") and made["ConnectionState"] == "AUTHORIZED"
    described = events.describe_connection(Name="c")
    assert described["AuthParameters"] == {"BasicAuthParameters": {"Username": "u"}, "InvocationHttpParameters": {
        "HeaderParameters": [{"Key": "X-Open", "Value": "1", "IsValueSecret": False}, {"Key": "X-Hidden", "IsValueSecret": True}]}}
    assert (described["AuthorizationType"], described["Description"]) == ("BASIC", "of the shop")
    refused("ResourceAlreadyExistsException", events.create_connection, Name="c", AuthorizationType="BASIC", AuthParameters=auth)
    assert "OAUTH" in refused("ValidationException", events.create_connection, Name="o", AuthorizationType="OAUTH_CLIENT_CREDENTIALS", AuthParameters={})
    assert "is required" in refused("ValidationException", events.create_connection, Name="o", AuthorizationType="API_KEY", AuthParameters=auth)
    api = {"ConnectionArn": made["ConnectionArn"], "InvocationEndpoint": "https://shop.example/*/orders", "HttpMethod": "PUT", "InvocationRateLimitPerSecond": 5}
    first = events.create_api_destination(Name="d", **api)
    assert first["ApiDestinationState"] == "ACTIVE"
    shown = events.describe_api_destination(Name="d")
    assert {k: shown[k] for k in api} == api and shown["ApiDestinationArn"] == first["ApiDestinationArn"]
    assert "http" in refused("ValidationException", events.create_api_destination, Name="e", **{**api, "InvocationEndpoint": "ftp://x"})
    assert "does not exist" in refused("ResourceNotFoundException", events.create_api_destination, Name="e", **{**api, "ConnectionArn": made["ConnectionArn"] + "x"})
    events.update_api_destination(Name="d", HttpMethod="POST")
    assert events.describe_api_destination(Name="d")["HttpMethod"] == "POST"
    events.create_api_destination(Name="d2", **api)
    page = events.list_api_destinations(Limit=1, ConnectionArn=made["ConnectionArn"])
    assert [d["Name"] for d in page["ApiDestinations"] + events.list_api_destinations(NextToken=page["NextToken"])["ApiDestinations"]] == ["d", "d2"]
    assert [c["Name"] for c in events.list_connections(NamePrefix="c")["Connections"]] == ["c"]
    # What an update does not name stays, but with another kind of authorization.
    more = {"InvocationHttpParameters": {"HeaderParameters": [{"Key": "X-More", "Value": "v"}]}}
    events.update_connection(Name="c", AuthParameters=more)
    auth = events.describe_connection(Name="c")["AuthParameters"]
    assert auth["BasicAuthParameters"] == {"Username": "u"} and auth["InvocationHttpParameters"]["HeaderParameters"][0]["Key"] == "X-More"
    assert "ApiKeyAuthParameters is required" in refused("ValidationException", events.update_connection, Name="c", AuthorizationType="API_KEY")
    half = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key"}}
    assert "ApiKeyValue of ApiKeyAuthParameters is required" in refused("ValidationException", events.update_connection, Name="c", AuthorizationType="API_KEY",
                                                                       AuthParameters=half)
    events.delete_connection(Name="c")
    assert events.describe_api_destination(Name="d")["ApiDestinationState"] == "INACTIVE"
    events.delete_api_destination(Name="d")
    assert refused("ResourceNotFoundException", events.describe_api_destination, Name="d") == "An api-destination 'd' does not exist."
    assert refused("ResourceNotFoundException", events.delete_connection, Name="c") == "Connection 'c' does not exist."


def test_an_endpoint_gets_what_a_rule_takes(events, endpoint):
    auth = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "secret"},
            "InvocationHttpParameters": {"HeaderParameters": [{"Key": "X-Both", "Value": "of the connection"}], "QueryStringParameters": [{"Key": "q", "Value": "a b"}],
                                         "BodyParameters": [{"Key": "added", "Value": "yes"}]}}
    target = {"Id": "t", "Arn": destination(events, endpoint, "shop", "/*/orders", auth), "InputPath": "$.detail",
              "HttpParameters": {"PathParameterValues": ["$.detail.who"], "HeaderParameters": {"X-Both": "of the target", "X-Source": "$.source"}, "QueryStringParameters": {"n": "$.detail.n"}}}
    rule_with(events, "default", "call", target, {"source": ["calls"]})
    ids = put(events, "default", {"who": "a/b", "n": 1}, Source="calls")
    support.wait_until(lambda: endpoint.asked("/a%2Fb/orders"), "the call")
    [request] = endpoint.asked("/a%2Fb/orders")
    headers = {k.lower(): v for k, v in request["headers"].items()}
    assert request["method"] == "POST" and request["path"] == "/a%2Fb/orders?n=1&q=a%20b"
    assert json.loads(request["body"]) == {"who": "a/b", "n": 1, "added": "yes"}
    assert (headers["x-key"], headers["x-both"], headers["x-source"], headers["content-type"]) == ("secret", "of the connection", "calls", "application/json; charset=utf-8")
    assert headers["idempotency-key"].startswith(ids[0] + "/")
    basic = {"Id": "b", "Arn": destination(events, endpoint, "basic", "/basic", {"BasicAuthParameters": {"Username": "u", "Password": "p:q"}}, HttpMethod="GET")}
    rule_with(events, "default", "get", basic, {"source": ["gets"]})
    put(events, "default", {}, Source="gets")
    support.wait_until(lambda: endpoint.asked("/basic"), "the call")
    [request] = endpoint.asked("/basic")
    assert request["method"] == "GET" and request["body"] == b"" and request["headers"]["authorization"] == "Basic " + base64.b64encode(b"u:p:q").decode()
    assert "no name of a header" in refused("ValidationException", events.put_targets, Rule="get", Targets=[{**basic, "HttpParameters": {"HeaderParameters": {"a b": "c"}}}])


def test_what_fails_is_tried_again_and_holds_back_nobody(shared_node, events, endpoint):
    kinesis = client_of(shared_node)
    kinesis.create_stream(StreamName="beside", ShardCount=1)
    events.create_event_bus(Name="calls")
    endpoint.statuses["/flaky"] = [503, 429, 200]
    endpoint.statuses["/gone"] = [404]
    endpoint.statuses["/broken"] = [500]
    letters = {"DeadLetterConfig": {"Arn": "arn:aws:sqs:eu-central-1:000000000000:call-letters"}}
    rule_with(events, "calls", "r", [
        {"Id": "flaky", "Arn": destination(events, endpoint, "flaky", "/flaky"), "InputPath": "$.detail.n"},
        {"Id": "gone", "Arn": destination(events, endpoint, "gone", "/gone"), **letters},
        {"Id": "broken", "Arn": destination(events, endpoint, "broken", "/broken"), "RetryPolicy": {"MaximumRetryAttempts": 1}, **letters},
        {"Id": "closed", "Arn": destination(events, endpoint, "closed", "/x", HttpMethod="PUT")},
        {"Id": "stream", "Arn": arn("beside"), "InputPath": "$.detail.n"}])
    events.update_api_destination(Name="closed", InvocationEndpoint="http://127.0.0.1:9/")
    ids = put(events, "calls", {"n": 1}, {"n": 2})
    support.wait_until(lambda: data(kinesis, "beside") == [1, 2], "the target beside them")
    support.wait_until(lambda: len(endpoint.asked("/flaky")) == 4, "the tries")
    flaky = endpoint.asked("/flaky")
    assert {r["headers"]["idempotency-key"].split("/")[0] for r in flaky} == set(ids)
    assert [sum(r["body"] == n for r in flaky) for n in (b"1", b"2")] in ([2, 2], [3, 1])
    support.wait_until(lambda: len(dead_letters(shared_node, "call-letters")) == 4, "the dead letters")
    found = {(event["id"], headers["TARGET_ARN"].split("/")[1]): headers for event, headers in dead_letters(shared_node, "call-letters")}
    assert set(found) == {(i, name) for i in ids for name in ("gone", "broken")}
    assert (found[ids[0], "gone"]["ERROR_CODE"], found[ids[0], "gone"]["ERROR_MESSAGE"]) == ("ERROR_FROM_TARGET", "the endpoint answered 404")
    assert (found[ids[0], "broken"]["RETRY_ATTEMPTS"], found[ids[0], "broken"]["EXHAUSTED_RETRY_CONDITION"]) == ("1", "MaximumRetryAttempts")
    assert (len(endpoint.asked("/gone")), len(endpoint.asked("/broken"))) == (2, 4)
    # Its endpoint is there now.
    events.update_api_destination(Name="closed", InvocationEndpoint=endpoint.url("/opened"))
    support.wait_until(lambda: len(endpoint.asked("/opened")) == 2, "what waited", 60)
    assert [r["method"] for r in endpoint.asked("/opened")] == ["PUT", "PUT"]


def test_a_changed_target_waits_for_one_call_alone(shared_node, events, endpoint):
    endpoint.statuses["/hanging"] = [200, 0]
    api = destination(events, endpoint, "hanging", "/hanging")
    rule_with(events, "default", "hanging", {"Id": "t", "Arn": api, "InputPath": "$.detail.n"}, pattern={"source": ["hanging"]})
    put(events, "default", *({"n": n} for n in range(6)), Source="hanging")
    support.wait_until(lambda: len(endpoint.asked("/hanging")) == 2, "an answer, and a call without one")
    kinesis = client_of(shared_node)
    kinesis.create_stream(StreamName="hanging", ShardCount=1)
    events.put_targets(Rule="hanging", Targets=[{"Id": "t", "Arn": arn("hanging"), "InputPath": "$.detail.n"}])
    assert len(endpoint.asked("/hanging")) == 2
    # What was answered is done; the rest comes to what the target is now.
    support.wait_until(lambda: sorted(data(kinesis, "hanging")) == [1, 2, 3, 4, 5], "the events that were not taken")
    events.remove_targets(Rule="hanging", Ids=["t"])
    events.delete_rule(Name="hanging")


def test_calls_begin_as_often_as_the_destination_says(events, endpoint):
    rule_with(events, "default", "slow", {"Id": "t", "Arn": destination(events, endpoint, "slow", "/slow", InvocationRateLimitPerSecond=10)}, {"source": ["slow"]})
    put(events, "default", *[{"n": n} for n in range(8)], Source="slow")
    support.wait_until(lambda: len(endpoint.asked("/slow")) == 8, "the calls")
    assert len({r["headers"]["idempotency-key"] for r in endpoint.asked("/slow")}) == 8
    begun = [r["at"] for r in endpoint.asked("/slow")]
    assert max(begun) - min(begun) > 0.3  # 0.7 s, less what the first one took to arrive


def test_an_endpoint_says_when_to_come_again(events, endpoint):
    endpoint.statuses["/busy"] = [503, 200]
    rule_with(events, "default", "busy", {"Id": "t", "Arn": destination(events, endpoint, "busy", "/busy")}, {"source": ["busy"]})
    put(events, "default", {"n": 1}, Source="busy")
    support.wait_until(lambda: len(endpoint.asked("/busy")) == 2, "the second try")
    first, second = endpoint.asked("/busy")
    assert second["at"] - first["at"] >= 2.9  # by itself the first pause is at most a second


def test_each_event_comes_at_least_once_through_kills(tmp_path, endpoint):
    _, rng = seeded()
    node = support.Node(tmp_path, {"journal.checkpoint-interval": "300ms"}).start()
    try:
        events = events_of(node)
        endpoint.statuses["/killed"] = [rng.choice([200, 200, 503]) for _ in range(KILLS * 20)] + [200]
        rule_with(events, "default", "r", {"Id": "t", "Arn": destination(events, endpoint, "killed", "/killed"), "InputPath": "$.detail.n"})
        number, answered = 0, set()
        for _ in range(KILLS):
            node.kill()
            node.start(crash_point=rng.choice([None, f"journal.flush:{rng.randrange(1, 30)}", f"event_target.called:{rng.randrange(1, 4)}", f"event_target.commit:{rng.randrange(1, 4)}"]))
            for _ in range(6):
                details = [{"n": n} for n in range(number, number + 5)]
                number += 5
                time.sleep(rng.uniform(0.01, 0.06))
                try:
                    put(events_of(node), "default", *details)
                    answered |= {d["n"] for d in details}
                except (BotoCoreError, ClientError):
                    break
        node.kill()
        node.start()
        support.wait_until(lambda: answered <= {int(r["body"]) for r in endpoint.asked("/killed") if r["status"] == 200}, "all answered events", 300)
        keys = {}
        for request in endpoint.asked("/killed"):
            keys.setdefault(request["body"], set()).add(request["headers"]["idempotency-key"])
        assert all(len(k) == 1 for k in keys.values()), "a try of an event had another id"
        print(f"{KILLS} kills, {len(answered)} events, {len(endpoint.asked('/killed'))} calls")
    finally:
        node.kill()
