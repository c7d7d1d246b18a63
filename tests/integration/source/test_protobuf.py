"""Format protobuf as tables of a node and in `mainstem test`: messages of Google's own Python library and protoc, in both directions."""
import base64
import json
import subprocess

import support

PROTO = """
syntax = "proto3";
package shop.v1;
import "google/protobuf/timestamp.proto";
option java_package = "com.shop";
option java_multiple_files = true;
enum State { NEW = 0; PAID = 1; SENT = 5; }
message Item { string sku = 1; int32 count = 2; }
message Order {
  sint64 id = 1; string customer = 2; State state = 3; repeated Item items = 4; map<string, double> prices = 5;
  oneof pay { string card = 6; int32 voucher = 7; }
  google.protobuf.Timestamp at = 8; bytes raw = 9; repeated uint32 numbers = 10;
}
"""
COLUMNS = """id BIGINT, customer STRING, state STRING, items ARRAY<ROW<sku STRING, `count` INT>>, prices MAP<STRING, DOUBLE>, card STRING, voucher INT,
  `at` ROW<seconds BIGINT, nanos INT>, `raw` BYTES, numbers ARRAY<INT>"""
KAFKA = "'connector' = 'kafka', 'topic' = '%s', 'properties.bootstrap.servers' = '%s', 'scan.startup.mode' = 'earliest-offset', " \
        "'scan.bounded.mode' = 'latest-offset', 'format' = 'protobuf', 'protobuf.message-class-name' = 'com.shop.Order'"


def schema(folder):
    """Writes orders.proto and orders.desc; gives Python's class of Order."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    (folder / "orders.proto").write_text(PROTO)
    subprocess.run(["protoc", "--include_imports", "--descriptor_set_out=orders.desc", "orders.proto"], cwd=folder, check=True)
    files = descriptor_pb2.FileDescriptorSet.FromString((folder / "orders.desc").read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.v1.Order"))


def orders(kind, count):
    made = []
    for i in range(count):
        order = kind(id=-i, customer=f"Zoë {i}", state=[0, 1, 5][i % 3], prices={f"p{k}": k / 4 for k in range(i % 3)}, raw=bytes([0, i, 255]),
                     numbers=[4294967295, i] if i % 2 else [])
        for k in range(i % 3):
            order.items.add(sku=f"s{k}", count=k)
        if i % 4 == 1:
            order.card = "4000"
        if i % 2:
            order.at.FromMilliseconds(1767225600123 + i)
        made.append(order)
    return made


def produce(node, topic, values):
    from confluent_kafka import Producer
    node.cli("topic", "create", topic)
    producer = Producer({"bootstrap.servers": node.kafka})
    for value in values:
        producer.produce(topic, value=value, partition=0)
    producer.flush()


def consume(node, topic, count):
    from confluent_kafka import Consumer
    consumer = Consumer({"bootstrap.servers": node.kafka, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    values = []
    while len(values) < count:
        message = consumer.poll(30)
        assert message is not None and message.error() is None
        values.append(message.value())
    consumer.close()
    return values


def rows(lines):
    errors = [line["error"] for line in lines if "error" in line]
    assert not errors, errors
    return [row for line in lines for row in line.get("rows", [])]


def insert(node, script):
    status, text = node.call("/api/v1/sql", "POST", {"script": script, "wait_for_inserts": True}, timeout=60)
    assert status == 200 and '"error"' not in text, text


def test_messages_of_python_are_read_and_those_written_are_the_same_messages(node, tmp_path):
    kind = schema(tmp_path)
    sent = orders(kind, 50)
    # Else the entries of a map come in any order.
    produce(node, "orders", [order.SerializeToString(deterministic=True) for order in sent])
    schemas = [f"'protobuf.proto' = '{PROTO}'", f"'protobuf.proto-file' = '{tmp_path}/orders.proto'", f"'protobuf.descriptor-file' = '{tmp_path}/orders.desc'"]
    for number, option in enumerate(schemas):
        source = f"CREATE TABLE orders ({COLUMNS}) WITH ({KAFKA % ('orders', node.kafka)}, {option});\n"
        got = rows(node.sql(source + "SELECT id, customer, state, items, prices, card, voucher, `at`, numbers FROM orders;"))
        assert len(got) == 50
        assert got[0][1:] == ["0", "Zoë 0", "NEW", None, None, "", "0", None, None], got[0]
        assert got[5][1:] == ["-5", "Zoë 5", "SENT", "[(s0, 0), (s1, 1)]", "{p0=0.0, p1=0.25}", "4000", "0", "(1767225600, 128000000)", "[-1, 5]"], got[5]
        topic = f"copy-{number}"
        sink = f"CREATE TABLE copy ({COLUMNS}) WITH ({KAFKA % (topic, node.kafka)}, {option});\n"
        # Of the members of a oneof all have a value when they are read, so the one that is meant must be said.
        insert(node, source + sink + """INSERT INTO copy SELECT id, customer, state, items, prices, NULLIF(card, ''),
          CAST(NULL AS INT), `at`, `raw`, numbers FROM orders;""")
        assert [kind.FromString(value) for value in consume(node, topic, 50)] == sent


def test_a_message_that_is_none_goes_to_quarantine_and_wrong_schemas_are_told(node, tmp_path):
    kind = schema(tmp_path)
    good = [order.SerializeToString() for order in orders(kind, 3)]
    produce(node, "bad", [good[0], good[1][:-1], good[2], b"\x12\x01\xff"])
    option = f"'protobuf.descriptor-file' = '{tmp_path}/orders.desc'"
    table = f"CREATE TABLE bad ({COLUMNS}) WITH ({KAFKA % ('bad', node.kafka)}, {option}, 'scan.bad-records' = '%s');\n"
    assert "not of the protobuf schema" in json.dumps(node.sql(table % "fail" + "SELECT id FROM bad;"))
    sink = "CREATE TABLE ids (id BIGINT) WITH ('connector' = 'kafka', 'topic' = 'ids', 'format' = 'json', 'properties.bootstrap.servers' = '%s', " \
           "'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');\n" % node.kafka
    insert(node, table % "quarantine" + sink + "SET 'pipeline.name' = 'protobuf-orders';\nINSERT INTO ids SELECT id FROM bad;")
    assert sorted(row[1] for row in rows(node.sql(sink + "SELECT * FROM ids;"))) == ["-2", "0"]
    [topic] = [t["name"] for t in node.api("/topics?internal=true")["topics"] if t["name"].startswith("__mainstem.quarantine.")]
    assert consume(node, topic, 2) == [good[1][:-1], b"\x12\x01\xff"]

    def told(script):
        return json.dumps(node.sql(script), ensure_ascii=False)
    wrong = (table % "fail").replace("customer STRING", "customer INT")
    assert "column 'customer' does not fit field shop.v1.Order.customer, which is STRING" in told(wrong + "SELECT customer FROM bad;")
    assert "no message 'com.shop.Oder'" in told((table % "fail").replace("com.shop.Order", "com.shop.Oder") + "SELECT id FROM bad;")
    assert "the protobuf schema can't be read" in told((table % "fail").replace("orders.desc", "none.desc") + "SELECT id FROM bad;")
    assert "needs one of 'protobuf.proto'" in told((table % "fail").replace(option + ",", "") + "SELECT id FROM bad;")
    files = f"CREATE TABLE f (id BIGINT) WITH ('connector' = 'filesystem', 'path' = '{tmp_path}/f', 'format' = 'protobuf', {option}, " \
            "'protobuf.message-class-name' = 'com.shop.Order');\n"
    assert "is of messages, not of files" in told(files + "SELECT * FROM f;")
    assert "is of messages, not of files" in told(files + "INSERT INTO f VALUES (1);")


def test_mainstem_test_reads_protobuf_records_of_a_topic_by_the_schema_of_the_script(tmp_path):
    kind = schema(tmp_path)
    script = f"""CREATE TABLE orders ({COLUMNS}) WITH ({KAFKA % ('orders', 'broker:9092')}, 'protobuf.proto-file' = 'orders.proto');
      CREATE TABLE states (state STRING, n BIGINT, PRIMARY KEY (state) NOT ENFORCED)
        WITH ('connector' = 'jdbc', 'url' = 'jdbc:postgresql://localhost/shop', 'table-name' = 'states');
      INSERT INTO states SELECT state, COUNT(*) FROM orders GROUP BY state;"""
    records = "".join(json.dumps({"partition": i % 2, "timestamp_ms": 1767225600000 + i, "value_base64": base64.b64encode(order.SerializeToString()).decode()})
                      + "\n" for i, order in enumerate(orders(kind, 8)))
    for name, text in {"q.sql": script, "input/orders.topic.jsonl": records, "expect/states.table": "state | n\nNEW | 3\nPAID | 3\nSENT | 2\n"}.items():
        path = tmp_path / "states" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    result = subprocess.run([support.BINARY, "test", "states"], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
