"""Format protobuf beside a real Flink: messages that one writes are the same rows to both, whichever wrote them. Full tier: scripts/setup
full fetches Flink, its protobuf format and the protoc of that format's version."""
import json
import os
import subprocess
import sys

import pytest
import support
from reading import read_committed

sys.path.insert(0, os.path.join(support.ROOT, "bench/flink"))
import flink  # noqa: E402

PROTO = """
syntax = "proto3";
package shop.v1;
option java_package = "com.shop";
option java_multiple_files = true;
enum State { NEW = 0; PAID = 1; SENT = 5; }
message Item { string sku = 1; int32 number = 2; }
message Order {
  int32 id = 1; sint64 balance = 2; uint32 big = 3; fixed64 fixed = 4; float weight = 5; double price = 6; bool paid = 7;
  string customer = 8; bytes data = 9; State state = 10; Item first = 11; repeated Item items = 12; repeated int32 numbers = 13;
  map<string, int32> counts = 14; map<int32, Item> places = 15; optional string note = 16;
  oneof pay { string card = 17; int64 voucher = 18; }
  repeated string tags = 19;
}
"""
COLUMNS = """id INT, balance BIGINT, big INT, fixed BIGINT, weight FLOAT, price DOUBLE, paid BOOLEAN, customer STRING, data BYTES,
  state STRING, `first` ROW<sku STRING, number INT>, items ARRAY<ROW<sku STRING, number INT>>, numbers ARRAY<INT>,
  counts MAP<STRING, INT>, places MAP<INT, ROW<sku STRING, number INT>>, note STRING, card STRING, voucher BIGINT, tags ARRAY<STRING>"""
ALL_SET = """SELECT 1, CAST(-5 AS BIGINT), -1, CAST(9000000000 AS BIGINT), CAST(1.5 AS FLOAT), CAST(2.25 AS DOUBLE), TRUE, 'Zoë', x'00ff',
  'SENT', ROW('a', 1), ARRAY[ROW('b', 2), ROW('c', 3)], ARRAY[1, 0, -1], MAP['x', 1], MAP[7, ROW('d', 4)], 'note', 'visa',
  CAST(NULL AS BIGINT), ARRAY['', 't']"""
NOTHING_SET = "SELECT 2, " + ", ".join(f"CAST(NULL AS {t})" for t in (
    "BIGINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "BOOLEAN", "STRING", "BYTES", "STRING", "ROW<sku STRING, number INT>",
    "ARRAY<ROW<sku STRING, number INT>>", "ARRAY<INT>", "MAP<STRING, INT>", "MAP<INT, ROW<sku STRING, number INT>>", "STRING", "STRING",
    "BIGINT", "ARRAY<STRING>"))
DEFAULTS_SET = """SELECT 3, CAST(0 AS BIGINT), 0, CAST(0 AS BIGINT), CAST(0 AS FLOAT), CAST(0 AS DOUBLE), FALSE, '', x'', 'NEW', ROW('', 0),
  ARRAY[ROW('', 0)], ARRAY[0], MAP['', 0], MAP[0, ROW('', 0)], '', CAST(NULL AS STRING), CAST(0 AS BIGINT), ARRAY['']"""
WANTED = [
    {"id": 1, "balance": -5, "big": -1, "fixed": 9000000000, "weight": 1.5, "price": 2.25, "paid": True, "customer": "Zoë", "data": "AP8=",
     "state": "SENT", "first": {"sku": "a", "number": 1}, "items": [{"sku": "b", "number": 2}, {"sku": "c", "number": 3}],
     "numbers": [1, 0, -1], "counts": {"x": 1}, "places": "{7=(d, 4)}", "note": "note", "card": "visa", "voucher": 0, "tags": ["", "t"]},
    {"id": 2, "balance": 0, "big": 0, "fixed": 0, "weight": 0.0, "price": 0.0, "paid": False, "customer": "", "data": "", "state": "NEW",
     "first": None, "items": None, "numbers": None, "counts": None, "places": None, "note": "", "card": "", "voucher": 0, "tags": None},
    {"id": 3, "balance": 0, "big": 0, "fixed": 0, "weight": 0.0, "price": 0.0, "paid": False, "customer": "", "data": "", "state": "NEW",
     "first": {"sku": "", "number": 0}, "items": [{"sku": "", "number": 0}], "numbers": [0], "counts": {"": 0}, "places": "{0=(, 0)}",
     "note": "", "card": "", "voucher": 0, "tags": [""]}]


def message_jar(folder):
    """The classes of PROTO as a jar. The format has protobuf's Java library under another name, so what protoc writes must use that."""
    (folder / "shop.proto").write_text(PROTO)
    subprocess.run([flink.PROTOC, "--java_out=.", "shop.proto"], cwd=folder, check=True)
    sources = [str(path) for path in folder.glob("com/**/*.java")]
    for source in sources:
        with open(source) as f:
            text = f.read()
        with open(source, "w") as f:
            f.write(text.replace("com.google.protobuf", "org.apache.flink.formats.protobuf.shaded.com.google.protobuf"))
    subprocess.run(["javac", "-nowarn", "-cp", flink.PROTOBUF_JAR, "-d", "classes", *sources], cwd=folder, check=True)
    subprocess.run(["jar", "cf", "shop.jar", "-C", "classes", "."], cwd=folder, check=True)
    return folder / "shop.jar"


@pytest.fixture
def cluster(tmp_path):
    if not support.FULL:
        pytest.skip("full tier: MAINSTEM_TIER=full")
    if not os.path.exists(flink.PROTOC):
        pytest.skip("no Flink with protobuf: run scripts/setup full")
    made = flink.Flink(str(tmp_path / "flink"), memory="1600m", slots=4, jars=[str(message_jar(tmp_path))])
    made.start()
    yield made
    made.stop()


def test_messages_are_the_same_rows_whoever_writes_and_reads_them(node, tmp_path, cluster):
    def table(topic, columns, form):
        return f"CREATE TABLE `{topic}` ({columns}) WITH ('connector' = 'kafka', 'topic' = '{topic}', 'properties.bootstrap.servers' = " \
            f"'{node.kafka}', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset', {form});\n"

    def messages(topic, options):
        return table(topic, COLUMNS, f"'format' = 'protobuf', 'protobuf.message-class-name' = 'com.shop.Order'{options}")

    def node_runs(script):
        _, error = node.results(script)
        assert error is None, error

    engines = {"flink": (cluster.run, ""), "node": (node_runs, f", 'protobuf.proto-file' = '{tmp_path}/shop.proto'")}
    json_columns = COLUMNS.replace("places MAP<INT, ROW<sku STRING, number INT>>", "places STRING")
    names = [name for name in WANTED[0]]
    selected = ", ".join("CAST(places AS STRING)" if name == "places" else f"`{name}`" for name in names)
    for writer, (write, options) in engines.items():
        topic = f"by-{writer}"
        node.cli("topic", "create", topic)
        write(messages(topic, options) + f"INSERT INTO `{topic}` {ALL_SET} UNION ALL {NOTHING_SET} UNION ALL {DEFAULTS_SET};")
    for writer in engines:
        for reader, (read, options) in engines.items():
            topic, read_topic = f"by-{writer}", f"by-{writer}-to-{reader}"
            node.cli("topic", "create", read_topic)
            read(messages(topic, options) + table(read_topic, json_columns, "'format' = 'json'")
                 + f"INSERT INTO `{read_topic}` SELECT {selected} FROM `{topic}`;")
            rows = [json.loads(value) for _, value in read_committed(node.kafka, read_topic, 1)]
            assert sorted(rows, key=lambda row: row["id"]) == WANTED, (writer, reader)
