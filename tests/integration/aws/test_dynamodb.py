"""The part of DynamoDB that the AWS port has, with boto3: what KCL uses and what an application beside it would."""
import os
import random
import sys
import threading
from decimal import Decimal

import boto3
import confluent_kafka
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))
import support  # noqa: E402


def client_of(node, service="dynamodb", **config):
    return boto3.client(service, endpoint_url=f"http://{node.aws}", region_name="eu-west-1", aws_access_key_id="any", aws_secret_access_key="thing",
                        config=Config(**{"retries": {"total_max_attempts": 1}, "parameter_validation": False, **config}))


@pytest.fixture(scope="module")
def tables(shared_node):
    return client_of(shared_node)


def make(tables, name, range_type=None, **more):
    attributes = [("id", "S")] + ([("at", range_type)] if range_type else [])
    indexed = more.pop("indexed", [])
    tables.create_table(TableName=name, BillingMode="PAY_PER_REQUEST",
                        AttributeDefinitions=[{"AttributeName": a, "AttributeType": t} for a, t in attributes + indexed],
                        KeySchema=[{"AttributeName": a, "KeyType": k} for (a, _), k in zip(attributes, ("HASH", "RANGE"))], **more)
    return name


@pytest.fixture
def table(tables, request):
    name = make(tables, request.node.name[:100])
    yield name
    tables.delete_table(TableName=name)


@pytest.fixture
def log(tables, request):
    """A table with a range key of numbers, and an index by owner."""
    index = {"IndexName": "by-owner", "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
             "Projection": {"ProjectionType": "KEYS_ONLY"}}
    name = make(tables, request.node.name[:100] + "-log", "N", indexed=[("owner", "S")], GlobalSecondaryIndexes=[index])
    yield name
    tables.delete_table(TableName=name)


def refused(code, call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code, caught.value.response
    return caught.value.response["Error"]["Message"]


def key(text):
    return {"id": {"S": text}}


def test_tables_come_and_go(tables):
    name = make(tables, "comes-and-goes", "N", Tags=[{"Key": "a", "Value": "b"}])
    tables.get_waiter("table_exists").wait(TableName=name)
    told = tables.describe_table(TableName=name)["Table"]
    assert told["TableStatus"] == "ACTIVE" and told["TableArn"] == f"arn:aws:dynamodb:eu-west-1:000000000000:table/{name}"
    assert told["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}]
    assert tables.describe_table(TableName=told["TableArn"])["Table"]["TableId"] == told["TableId"]
    assert name in tables.list_tables()["TableNames"]
    assert tables.list_tags_of_resource(ResourceArn=told["TableArn"])["Tags"] == [{"Key": "a", "Value": "b"}]
    tables.tag_resource(ResourceArn=told["TableArn"], Tags=[{"Key": "c", "Value": "d"}])
    tables.untag_resource(ResourceArn=told["TableArn"], TagKeys=["a"])
    assert tables.list_tags_of_resource(ResourceArn=told["TableArn"])["Tags"] == [{"Key": "c", "Value": "d"}]
    assert "Table already exists" in refused("ResourceInUseException", make, tables=tables, name=name)
    tables.update_table(TableName=name, DeletionProtectionEnabled=True)
    assert "protected against deletion" in refused("ValidationException", tables.delete_table, TableName=name)
    tables.update_table(TableName=name, DeletionProtectionEnabled=False)
    tables.delete_table(TableName=name)
    tables.get_waiter("table_not_exists").wait(TableName=name)
    assert refused("ResourceNotFoundException", tables.describe_table, TableName=name) == f"Requested resource not found: Table: {name} not found"
    assert refused("ResourceNotFoundException", tables.get_item, TableName=name, Key=key("a")) == "Requested resource not found"


def test_an_index_that_comes_later_has_what_is_there(tables, table):
    for i in range(10):
        tables.put_item(TableName=table, Item={**key(f"shard-{i}"), "leaseOwner": {"S": f"worker-{i % 2}"}, "counter": {"N": str(i)}})
    tables.put_item(TableName=table, Item=key("unowned"))
    told = tables.update_table(TableName=table, AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "leaseOwner", "AttributeType": "S"}],
                               GlobalSecondaryIndexUpdates=[{"Create": {"IndexName": "owners", "KeySchema": [
                                   {"AttributeName": "leaseOwner", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
                                   "Projection": {"ProjectionType": "KEYS_ONLY"}}}])["TableDescription"]
    assert told["GlobalSecondaryIndexes"][0]["IndexStatus"] == "ACTIVE"
    ask = {"TableName": table, "IndexName": "owners", "KeyConditionExpression": "leaseOwner = :o", "ExpressionAttributeValues": {":o": {"S": "worker-1"}}}
    assert [item["id"]["S"] for item in tables.query(**ask)["Items"]] == [f"shard-{i}" for i in range(1, 10, 2)]
    assert set(tables.query(**ask)["Items"][0]) == {"id", "leaseOwner"}  # keys only
    tables.update_item(TableName=table, Key=key("shard-1"), AttributeUpdates={"leaseOwner": {"Action": "DELETE"}})
    tables.update_item(TableName=table, Key=key("shard-2"), UpdateExpression="SET leaseOwner = :o", ExpressionAttributeValues={":o": {"S": "worker-1"}})
    assert [item["id"]["S"] for item in tables.query(**ask)["Items"]] == ["shard-2", "shard-3", "shard-5", "shard-7", "shard-9"]
    assert "Type mismatch for Index Key leaseOwner" in refused("ValidationException", tables.put_item, TableName=table, Item={**key("x"), "leaseOwner": {"N": "1"}})
    assert "Consistent reads are not supported" in refused("ValidationException", tables.query, **ask, ConsistentRead=True)


def test_every_type_comes_back(shared_node, table):
    resource = boto3.resource("dynamodb", endpoint_url=f"http://{shared_node.aws}", region_name="eu-west-1", aws_access_key_id="any", aws_secret_access_key="thing")
    item = {"id": "all", "text": "Grüße \U0001f600", "number": Decimal("-1234567890.0000000000000000000000000012"), "bytes": bytes(range(256)), "yes": True, "nothing": None,
            "list": [1, "two", [3], {"four": 4}], "map": {"a": {"b": {"c": set(["x", "y"])}}}, "texts": {"a", "b"}, "numbers": {Decimal(1), Decimal("2.5")},
            "binaries": {b"1", b"2"}, "empty": "", "tiny": Decimal("1E-130"), "huge": Decimal("9.9E125"), "empties": [[], {}]}
    where = resource.Table(table)
    where.put_item(Item=item)
    got = where.get_item(Key={"id": "all"}, ConsistentRead=True)["Item"]
    assert got["bytes"].value == item["bytes"] and {b.value for b in got.pop("binaries")} == item.pop("binaries")
    got.pop("bytes"), item.pop("bytes")
    assert got == item
    assert where.get_item(Key={"id": "all"}, ProjectionExpression="#l[3].four, #m.a.b", ExpressionAttributeNames={"#l": "list", "#m": "map"})["Item"] == {
        "list": [{"four": 4}], "map": {"a": {"b": {"c": {"x", "y"}}}}}
    assert "Item" not in where.get_item(Key={"id": "none"})


def test_conditions_guard_writes(tables, table):
    lease = {**key("shard"), "counter": {"N": "1"}, "owner": {"S": "a"}}
    tables.put_item(TableName=table, Item=lease, ConditionExpression="attribute_not_exists(id)")
    assert refused("ConditionalCheckFailedException", tables.put_item, TableName=table, Item=lease, ConditionExpression="attribute_not_exists(id)") == "The conditional request failed"
    assert refused("ConditionalCheckFailedException", tables.put_item, TableName=table, Item=lease, Expected={"id": {"Exists": False}})
    with pytest.raises(ClientError) as caught:
        tables.update_item(TableName=table, Key=key("shard"), AttributeUpdates={"counter": {"Action": "PUT", "Value": {"N": "9"}}}, Expected={"counter": {"Value": {"N": "7"}}},
                           ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert caught.value.response["Item"] == lease
    told = tables.update_item(TableName=table, Key=key("shard"), AttributeUpdates={"counter": {"Action": "ADD", "Value": {"N": "1"}}, "owner": {"Action": "DELETE"}},
                              Expected={"counter": {"Value": {"N": "1.0"}}, "owner": {"Value": {"S": "a"}}}, ReturnValues="ALL_NEW")
    assert told["Attributes"] == {**key("shard"), "counter": {"N": "2"}}
    assert "invalid for update" in refused("ValidationException", tables.update_item, TableName=table, Key=key("shard"), UpdateExpression="SET seen.x = :one",
                                           ExpressionAttributeValues={":one": {"N": "1"}})
    told = tables.update_item(TableName=table, Key=key("new"), UpdateExpression="SET a = if_not_exists(a, :one) ADD b :one", ExpressionAttributeValues={":one": {"N": "1"}},
                              ReturnValues="UPDATED_NEW", ReturnConsumedCapacity="TOTAL")
    assert told["Attributes"] == {"a": {"N": "1"}, "b": {"N": "1"}} and told["ConsumedCapacity"] == {"TableName": table, "CapacityUnits": 1.0}
    assert refused("ConditionalCheckFailedException", tables.delete_item, TableName=table, Key=key("new"), ConditionExpression="a > :one", ExpressionAttributeValues={":one": {"N": "1"}})
    assert tables.delete_item(TableName=table, Key=key("new"), ReturnValues="ALL_OLD")["Attributes"]["a"] == {"N": "1"}
    assert "Attributes" not in tables.delete_item(TableName=table, Key=key("new"), ReturnValues="ALL_OLD")
    assert "part of the key" in refused("ValidationException", tables.update_item, TableName=table, Key=key("shard"), UpdateExpression="SET id = :a", ExpressionAttributeValues={":a": {"S": "x"}})


def test_only_one_of_many_gets_a_lease(shared_node, tables, table):
    """Eight clients count up one item by compare and set, and fight for one lease."""
    tables.put_item(TableName=table, Item={**key("count"), "n": {"N": "0"}})
    won, failures = [], []

    def fight(worker):
        try:
            mine = client_of(shared_node)
            done = 0
            while done < 25:
                n = mine.get_item(TableName=table, Key=key("count"), ConsistentRead=True)["Item"]["n"]["N"]
                try:
                    mine.update_item(TableName=table, Key=key("count"), UpdateExpression="SET n = :new", ConditionExpression="n = :old",
                                     ExpressionAttributeValues={":new": {"N": str(int(n) + 1)}, ":old": {"N": n}})
                    done += 1
                except mine.exceptions.ConditionalCheckFailedException:
                    pass
            try:
                mine.put_item(TableName=table, Item={**key("lease"), "owner": {"S": str(worker)}}, ConditionExpression="attribute_not_exists(id)")
                won.append(worker)
            except mine.exceptions.ConditionalCheckFailedException:
                pass
        except Exception as failure:
            failures.append(failure)
    threads = [threading.Thread(target=fight, args=(worker,)) for worker in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not failures, failures[0]
    assert tables.get_item(TableName=table, Key=key("count"), ConsistentRead=True)["Item"]["n"]["N"] == "200" and len(won) == 1


def test_queries_go_by_range_and_page(tables, log):
    for owner in ("a", "b"):
        for at in (-10, -2.5, 0, 1, 3, 20, 100):
            tables.put_item(TableName=log, Item={**key(f"part-{owner}"), "at": {"N": str(at)}, "owner": {"S": owner}, "even": {"BOOL": at % 2 == 0}})

    def query(condition, values, **more):
        answer = tables.query(TableName=log, KeyConditionExpression=condition, ExpressionAttributeNames={"#t": "at"} if "#t" in condition else {"#i": "id"},
                              ExpressionAttributeValues={":p": {"S": "part-a"}, **values}, **more)
        return [float(item["at"]["N"]) for item in answer["Items"]], answer

    assert query("id = :p AND #t >= :x", {":x": {"N": "0"}})[0] == [0, 1, 3, 20, 100]
    assert query("id = :p AND #t BETWEEN :x AND :y", {":x": {"N": "-3"}, ":y": {"N": "1"}})[0] == [-2.5, 0, 1]
    assert query("#i = :p", {}, ScanIndexForward=False)[0] == [100, 20, 3, 1, 0, -2.5, -10]
    found, answer = query("#i = :p", {":t": {"BOOL": True}}, FilterExpression="even = :t")
    assert found == [-10, 0, 20, 100] and answer["ScannedCount"] == 7
    for forward in (True, False):
        everything, start = [], {}
        while True:
            found, answer = query("#i = :p", {}, Limit=3, ScanIndexForward=forward, **start)
            everything += found
            if "LastEvaluatedKey" not in answer:
                break
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        assert everything == sorted([-10, -2.5, 0, 1, 3, 20, 100], reverse=not forward)
    index = {"TableName": log, "IndexName": "by-owner", "KeyConditionExpression": "#o = :o", "ExpressionAttributeNames": {"#o": "owner"},
             "ExpressionAttributeValues": {":o": {"S": "b"}}}
    pages = list(tables.get_paginator("query").paginate(**index, PaginationConfig={"PageSize": 2}))
    assert [item["at"]["N"] for page in pages for item in page["Items"]] == ["-10", "-2.5", "0", "1", "3", "20", "100"]
    for condition, values, message in (("#t = :x", {":x": {"N": "1"}}, "Query condition missed key schema element: id"), ("id = :p OR #t = :x", {":x": {"N": "1"}}, "OR"),
                                       ("id = :p AND #t = :x", {":x": {"S": "1"}}, "does not match schema type"), ("id > :p AND #t > :x", {":x": {"N": "1"}}, "not supported")):
        assert message in refused("ValidationException", query, condition=condition, values=values)


def test_scans_see_everything_once(tables, table):
    everything = {f"item-{i}" for i in range(300)}
    for begin in range(0, 300, 25):
        told = tables.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": {**key(f"item-{i}"), "n": {"N": str(i)}}}} for i in range(begin, begin + 25)]})
        assert told["UnprocessedItems"] == {}
    pages = list(tables.get_paginator("scan").paginate(TableName=table, PaginationConfig={"PageSize": 7}))
    found = [item["id"]["S"] for page in pages for item in page["Items"]]
    assert len(found) == 300 and set(found) == everything
    for total in (1, 3, 10):
        parts = [{item["id"]["S"] for page in tables.get_paginator("scan").paginate(TableName=table, Segment=segment, TotalSegments=total, PaginationConfig={"PageSize": 50})
                  for item in page["Items"]} for segment in range(total)]
        assert sum(map(len, parts)) == 300 and set.union(*parts) == everything
        assert total == 1 or min(map(len, parts)) > 300 / total / 3
    answer = tables.scan(TableName=table, FilterExpression="n < :n", ExpressionAttributeValues={":n": {"N": "10"}}, ReturnConsumedCapacity="TOTAL")
    assert answer["Count"] == 10 and answer["ScannedCount"] == 300 and answer["ConsumedCapacity"]["CapacityUnits"] > 0
    assert tables.scan(TableName=table, ScanFilter={"n": {"ComparisonOperator": "GE", "AttributeValueList": [{"N": "290"}]}}, Select="COUNT")["Count"] == 10
    got = tables.batch_get_item(RequestItems={table: {"Keys": [key(f"item-{i}") for i in range(100)], "ProjectionExpression": "n"}})
    assert sorted(int(item["n"]["N"]) for item in got["Responses"][table]) == list(range(100)) and got["UnprocessedKeys"] == {}
    assert "less than parameter TotalSegments" in refused("ValidationException", tables.scan, TableName=table, Segment=3, TotalSegments=3)


def test_transactions_are_whole(tables, table, log):
    tables.put_item(TableName=table, Item={**key("a"), "n": {"N": "1"}})
    both = [{"Update": {"TableName": table, "Key": key("a"), "UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}},
            {"Put": {"TableName": log, "Item": {**key("entry"), "at": {"N": "1"}}, "ConditionExpression": "attribute_not_exists(id)"}}]
    tables.transact_write_items(TransactItems=both, ClientRequestToken="once")
    tables.transact_write_items(TransactItems=both, ClientRequestToken="once")  # it was written
    with pytest.raises(ClientError) as caught:
        tables.transact_write_items(TransactItems=both)
    assert caught.value.response["Error"]["Code"] == "TransactionCanceledException"
    assert [reason["Code"] for reason in caught.value.response["CancellationReasons"]] == ["None", "ConditionalCheckFailed"]
    got = tables.transact_get_items(TransactItems=[{"Get": {"TableName": table, "Key": key("a")}}, {"Get": {"TableName": log, "Key": {**key("entry"), "at": {"N": "1.0"}}}}])
    assert got["Responses"][0]["Item"]["n"] == {"N": "2"} and got["Responses"][1]["Item"]["at"] == {"N": "1"}
    twice = [{"Put": {"TableName": table, "Item": key("x")}}, {"Delete": {"TableName": table, "Key": key("x")}}]
    assert "multiple operations on one item" in refused("ValidationException", tables.transact_write_items, TransactItems=twice)


def test_bad_input_gets_amazons_errors(shared_node, tables, table):
    put = lambda item: refused("ValidationException", tables.put_item, TableName=table, Item=item)
    assert "Missing the key id in the item" in put({"x": {"S": "a"}})
    assert "Type mismatch for key id expected: S actual: N" in put({"id": {"N": "1"}})
    assert "empty string value. Key: id" in put(key(""))
    assert "must contain exactly one" in put({**key("a"), "x": {}}) and "more than one datatypes" in put({**key("a"), "x": {"S": "a", "N": "1"}})
    assert "contains duplicates" in put({**key("a"), "x": {"SS": ["a", "a"]}}) and "may not be empty" in put({**key("a"), "x": {"SS": []}})
    assert "cannot be converted to a numeric value" in put({**key("a"), "x": {"N": "abc"}}) and "Number overflow" in put({**key("a"), "x": {"N": "1E200"}})
    assert "Item size has exceeded" in put({**key("a"), "x": {"S": "x" * 410_000}})
    tables.put_item(TableName=table, Item={**key("large"), "x": {"S": "x" * 409_000}})
    assert len(tables.get_item(TableName=table, Key=key("large"))["Item"]["x"]["S"]) == 409_000
    assert "does not match the schema" in refused("ValidationException", tables.get_item, TableName=table, Key={**key("a"), "more": {"S": "x"}})
    assert "Value null at 'key'" in refused("ValidationException", tables.get_item, TableName=table)
    assert "Can not use both" in refused("ValidationException", tables.put_item, TableName=table, Item=key("a"), ConditionExpression="attribute_exists(id)", Expected={})
    assert "unused in expressions" in refused("ValidationException", tables.put_item, TableName=table, Item=key("a"), ConditionExpression="attribute_exists(id)",
                                              ExpressionAttributeValues={":a": {"S": "x"}})
    assert "Syntax error; token:" in refused("ValidationException", tables.scan, TableName=table, FilterExpression="a = = b")
    assert "reserved keyword: status" in refused("ValidationException", tables.scan, TableName=table, FilterExpression="attribute_exists(status)")
    refused("UnknownOperationException", client_of(shared_node).describe_endpoints)
    deep = {"S": "x"}
    for _ in range(31):
        deep = {"L": [deep]}
    tables.put_item(TableName=table, Item={**key("deep"), "x": deep})
    assert "Nesting" in put({**key("deep"), "x": {"L": [{"L": [deep]}]}})
    many = [{"PutRequest": {"Item": key(str(i))}} for i in range(26)]
    assert "less than or equal to 25" in refused("ValidationException", tables.batch_write_item, RequestItems={table: many})
    identity = client_of(shared_node, "sts").get_caller_identity()
    assert identity["Account"] == "000000000000" and identity["Arn"].startswith("arn:aws:iam::000000000000:")


def test_kill_loses_nothing_that_was_answered(tmp_path):
    """Kill -9 under conditional counters and transactions that move between two items: the sum stays, no count goes back."""
    kills = int(os.environ.get("KILL_COUNT", "100" if support.FULL else "8"))
    seed = int(os.environ.get("KILL_SEED", random.randrange(1_000_000)))
    node = support.Node(tmp_path).start()
    client = client_of(node)
    make(client, "counts")
    for name in ("left", "right"):
        client.put_item(TableName="counts", Item={**key(name), "n": {"N": "1000"}})
    stop, failures, answered = threading.Event(), [], {}

    def count(worker):
        mine, done = client_of(node, connect_timeout=2, read_timeout=10), 0
        chance = random.Random(f"{seed}/{worker}")
        while not stop.is_set():
            try:
                told = mine.update_item(TableName="counts", Key=key(f"w{worker}"), UpdateExpression="ADD n :one", ExpressionAttributeValues={":one": {"N": "1"}},
                                        ReturnValues="UPDATED_NEW")
                now = int(told["Attributes"]["n"]["N"])
                if now <= done:
                    failures.append(f"worker {worker}: {now} after {done} was answered (seed {seed})")
                done = answered[worker] = now
                moved = {"N": str(chance.randrange(1, 5))}
                mine.transact_write_items(TransactItems=[
                    {"Update": {"TableName": "counts", "Key": key(a), "UpdateExpression": f"SET n = n {sign} :m", "ExpressionAttributeValues": {":m": moved}}}
                    for a, sign in zip(chance.sample(["left", "right"], 2), "+-")])
            except Exception as error:
                if isinstance(error, ClientError) and error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                    failures.append(error)
                stop.wait(0.02)
    threads = [threading.Thread(target=count, args=(worker,), daemon=True) for worker in range(4)]
    [thread.start() for thread in threads]
    chance = random.Random(seed)
    try:
        for i in range(kills):
            stop.wait(chance.uniform(0.05, 0.4))
            node.kill()
            crash = f"journal.flush:{chance.randrange(1, 60)}" if i % 2 else None
            node.start(crash_point=crash)
            if crash and node.process is not None:
                stop.wait(chance.uniform(0.05, 0.4))
                if not node.running():
                    node.kill()
                    node.start()
        if not node.running():
            node.kill()
            node.start()
        stop.wait(0.3)
        stop.set()
        [thread.join(30) for thread in threads]
        node.kill()
        node.start()
        items = {item["id"]["S"]: int(item["n"]["N"]) for item in client.scan(TableName="counts", ConsistentRead=True)["Items"]}
        assert not failures, failures[:3]
        assert items["left"] + items["right"] == 2000, (items, seed)
        for worker, done in answered.items():
            assert items[f"w{worker}"] >= done, (worker, items, answered, seed)
        assert sum(answered.values()) > 10 * kills / 2, answered
    finally:
        stop.set()
        node.kill()


def test_no_client_writes_into_the_topic_of_the_tables(node):
    """Neither by Kafka nor by HTTP: a record that is none would keep the node from starting."""
    tables = client_of(node)
    make(tables, "kept")
    tables.put_item(TableName="kept", Item={"id": {"S": "a"}})
    errors = []
    producer = confluent_kafka.Producer({"bootstrap.servers": node.kafka})
    producer.produce("__mainstem_dynamodb", key="zz", value="garbage", on_delivery=lambda error, _: errors.append(error and error.code()))
    assert producer.flush(30) == 0 and errors == [confluent_kafka.KafkaError.TOPIC_EXCEPTION]
    status, text = node.call("/v1/topics/__mainstem_dynamodb/events?key=zz", "POST", b"garbage", "text/plain")
    assert status == 400 and "clients only read it" in text
    node.stop()
    node.start()
    assert client_of(node).scan(TableName="kept")["Count"] == 1
