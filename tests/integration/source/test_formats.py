"""Formats as tables of a node: change events of Canal, Debezium and Maxwell with their metadata, Parquet files of pyarrow, Avro of fastavro."""
import base64
import datetime
import decimal
import http.server
import io
import json
import os
import struct
import threading

import support

KAFKA = "'connector' = 'kafka', 'topic' = '%s', 'properties.bootstrap.servers' = '%s', 'scan.startup.mode' = 'earliest-offset', " \
        "'scan.bounded.mode' = 'latest-offset'"


def rows(lines):
    errors = [line["error"] for line in lines if "error" in line]
    assert not errors, errors
    return [row for line in lines for row in line.get("rows", [])]


def produce(node, topic, values):
    from confluent_kafka import Producer
    node.cli("topic", "create", topic)
    producer = Producer({"bootstrap.servers": node.kafka})
    for value in values:
        producer.produce(topic, value=value if isinstance(value, (bytes, str)) else json.dumps(value), partition=0)
    producer.flush()


def test_maxwell_events_come_with_their_metadata_and_go_on_as_maxwell_and_canal(node):
    produce(node, "m", [
        {"database": "shop", "table": "goods", "type": "insert", "ts": 1596684883, "primary_key_columns": ["id"], "data": {"id": 1, "name": "a"}},
        {"database": "shop", "table": "goods", "type": "update", "ts": 1596684884, "data": {"id": 1, "name": "b"}, "old": {"name": "a"}},
        {"database": "shop", "table": "goods", "type": "delete", "ts": 1596684885, "data": {"id": 1, "name": "b"}}])
    table = """CREATE TABLE m (id INT, name STRING, db STRING METADATA FROM 'value.database' VIRTUAL, t STRING METADATA FROM 'value.table' VIRTUAL,
      keys ARRAY<STRING> METADATA FROM 'value.primary-key-columns' VIRTUAL, ts TIMESTAMP_LTZ(3) METADATA FROM 'value.ingestion-timestamp' VIRTUAL,
      o BIGINT METADATA FROM 'offset' VIRTUAL) WITH (%s, 'format' = 'maxwell-json');\n""" % (KAFKA % ("m", node.kafka))
    got = rows(node.sql(table + "SELECT id, name, db, t, keys, CAST(ts AS STRING), o FROM m;"))
    assert [row[:5] for row in got] == [["+I", "1", "a", "shop", "goods"], ["-U", "1", "a", "shop", "goods"], ["+U", "1", "b", "shop", "goods"],
                                        ["-D", "1", "b", "shop", "goods"]], got
    assert [row[5] for row in got] == ["[id]", None, None, None]
    assert [row[6] for row in got] == ["2020-08-06 03:34:43.000", "2020-08-06 03:34:44.000", "2020-08-06 03:34:44.000", "2020-08-06 03:34:45.000"]
    for name in ("maxwell-json", "canal-json"):
        sink = "CREATE TABLE out_%s (id INT, name STRING) WITH (%s, 'format' = '%s');\n" % (name[:5], KAFKA % ("out-" + name, node.kafka), name)
        status, text = node.call("/api/v1/sql", "POST", {"script": table + sink + f"INSERT INTO out_{name[:5]} SELECT id, name FROM m;",
                                                         "wait_for_inserts": True}, timeout=60)
        assert status == 200 and "error" not in text, text
        assert [row[0] for row in rows(node.sql(sink + f"SELECT * FROM out_{name[:5]};"))] == ["+I", "-D", "+I", "-D"]
    refused = node.sql(table.replace("value.table", "value.tables"))
    assert "has no metadata 'value.tables'" in json.dumps(refused) and "value.table" in json.dumps(refused)


def test_parquet_files_of_pyarrow_are_read_by_column_and_a_wrong_one_is_told(node, tmp_path):
    import pyarrow
    import pyarrow.parquet
    folder = tmp_path / "lake" / "day=2026-01-02"
    folder.mkdir(parents=True)
    when = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901)
    count = 5000
    table = pyarrow.table({
        "id": pyarrow.array(range(count), pyarrow.int32()), "name": pyarrow.array([f"n{i}" for i in range(count)]).dictionary_encode(),
        "price": pyarrow.array([decimal.Decimal(i) / 100 for i in range(count)], pyarrow.decimal128(9, 2)),
        "at": pyarrow.array([when] * count, pyarrow.timestamp("us")), "zoned": pyarrow.array([when] * count, pyarrow.timestamp("ns", "Asia/Tokyo")),
        "day_of": pyarrow.array([when.date()] * count), "ok": pyarrow.array([True, None] * (count // 2)), "f": pyarrow.array([0.5] * count, pyarrow.float32()),
        "tags": pyarrow.array([["a", None], []] * (count // 2), pyarrow.large_list(pyarrow.string())),
        "r": pyarrow.array([{"x": 1, "y": "z"}, None] * (count // 2)), "m": pyarrow.array([[("k", 1)], None] * (count // 2), pyarrow.map_(pyarrow.string(), pyarrow.int64())),
        "b": pyarrow.array([b"\x01\x02"] * count), "unread": pyarrow.array([{"deep": [1]}] * count)})
    pyarrow.parquet.write_table(table, folder / "a.parquet", row_group_size=700, compression="zstd", use_deprecated_int96_timestamps=False)
    pyarrow.parquet.write_table(table.slice(0, 10), folder / "b.parquet", compression="gzip", use_deprecated_int96_timestamps=True, version="1.0")
    script = """CREATE TABLE lake (id BIGINT, name STRING, price DECIMAL(12, 4), `at` TIMESTAMP(3), zoned TIMESTAMP_LTZ(6), day_of DATE, ok BOOLEAN, f DOUBLE,
      tags ARRAY<STRING>, r ROW<x BIGINT, y STRING, w INT>, m MAP<STRING, BIGINT>, b BYTES, `day` DATE, file STRING NOT NULL METADATA FROM 'file.name' VIRTUAL)
      PARTITIONED BY (`day`) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'parquet'%s);\n"""
    lake = script % (tmp_path / "lake", "")
    assert rows(node.sql(lake + "SELECT COUNT(*), SUM(id), MAX(price) FROM lake WHERE file = 'a.parquet';"))[-1][1:] == [
        str(count), str(count * (count - 1) // 2), "49.9900"]
    got = rows(node.sql(lake + "SELECT name, price, CAST(`at` AS STRING), CAST(zoned AS STRING), day_of, ok, f, tags, r, m, `day` FROM lake WHERE id = 0;"))
    assert len(got) == 2 and got[0] == got[1], got
    assert got[0] == ["+I", "n0", "0.0000", "2026-01-02 03:04:05.678", "2026-01-02 03:04:05.678901", "2026-01-02", "TRUE", "0.5", "[a, NULL]",
                      "(1, z, NULL)", "{k=1}", "2026-01-02"], str(got[0])
    (folder / "c.parquet").write_text("no parquet at all, yet long enough to be looked at")
    wrong = json.dumps(node.sql(lake + "SELECT COUNT(*) FROM lake;"))
    assert "c.parquet': not a Parquet file" in wrong, wrong
    left_out = script % (tmp_path / "lake", ", 'scan.bad-records' = 'skip'")
    assert rows(node.sql(left_out + "SELECT COUNT(id) FROM lake;"))[-1][1:] == [str(count + 10)]
    (folder / "c.parquet").unlink()  # or it may be the one that is told
    other = left_out.replace("price DECIMAL(12, 4)", "price INT").replace("'skip'", "'fail'")
    told = json.dumps(node.sql(other + "SELECT price FROM lake;"))
    assert "column 'price' holds decimal128(9, 2), the table declares it INT" in told and ".parquet'" in told, told


AVRO_COLUMNS = """id INT NOT NULL, name STRING, price DECIMAL(9, 2), day_of DATE, tod TIME(3), at_local TIMESTAMP(6), at_zone TIMESTAMP_LTZ(3), ok BOOLEAN, f FLOAT,
  d DOUBLE, b BYTES, tags ARRAY<STRING>, m MAP<STRING, BIGINT>, r ROW<x BIGINT, y STRING NOT NULL>"""


def avro_schema():
    def maybe(kind):
        return ["null", kind]
    fields = {"id": "int", "name": maybe("string"), "price": maybe({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}),
              "day_of": maybe({"type": "int", "logicalType": "date"}), "tod": maybe({"type": "int", "logicalType": "time-millis"}),
              "at_local": maybe({"type": "long", "logicalType": "local-timestamp-micros"}),
              "at_zone": maybe({"type": "long", "logicalType": "timestamp-millis"}), "ok": maybe("boolean"), "f": maybe("float"), "d": maybe("double"),
              "b": maybe("bytes"), "tags": maybe({"type": "array", "items": maybe("string")}), "m": maybe({"type": "map", "values": maybe("long")}),
              "r": maybe({"type": "record", "name": "record_r", "fields": [{"name": "x", "type": maybe("long"), "default": None}, {"name": "y", "type": "string"}]})}
    return {"type": "record", "name": "record", "namespace": "org.apache.flink.avro.generated", "fields": [
        {"name": name, "type": kind, **({"default": None} if isinstance(kind, list) else {})} for name, kind in fields.items()]}


def avro_records(count):
    utc = datetime.timezone.utc
    full = {"name": "ä", "price": decimal.Decimal("-12.34"), "day_of": datetime.date(1969, 12, 31), "tod": datetime.time(1, 2, 3, 4000),
            "at_local": datetime.datetime(2026, 1, 2, 3, 4, 5, 678901), "at_zone": datetime.datetime(1960, 1, 1, 0, 0, 0, 1000, tzinfo=utc), "ok": True,
            "f": 0.5, "d": -0.1, "b": b"\x00\xff", "tags": ["a", None], "m": {"k": 1, "n": None}, "r": {"x": -1, "y": "z"}}
    return [{"id": i, **(full if i % 2 == 0 else dict.fromkeys(full))} for i in range(count)]


def test_avro_messages_are_those_of_fastavro_in_both_directions(node):
    import fastavro
    from confluent_kafka import Consumer
    schema = fastavro.parse_schema(avro_schema())
    records = avro_records(6)

    def encode(record):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, record)
        return out.getvalue()

    produce(node, "a", [encode(record) for record in records] + [b"\x02\x80"])
    options = "'format' = '%s', '%s.timestamp_mapping.legacy' = 'false', 'scan.bad-records' = 'skip'" % ("avro", "avro")
    source = f"CREATE TABLE a ({AVRO_COLUMNS}) WITH ({KAFKA % ('a', node.kafka)}, {options});\n"
    got = rows(node.sql(source + "SELECT id, name, price, day_of, tod, CAST(at_local AS STRING), CAST(at_zone AS STRING), ok, f, d, tags, m, r FROM a;"))
    assert len(got) == 6 and got[1][1:] == ["1"] + [None] * 12, got
    assert got[0][1:] == ["0", "ä", "-12.34", "1969-12-31", "01:02:03.004", "2026-01-02 03:04:05.678901", "1960-01-01 00:00:00.001", "TRUE", "0.5",
                          "-0.1", "[a, NULL]", "{k=1, n=NULL}", "(-1, z)"], str(got[0])
    for encoding in ("binary", "json"):
        topic = "a-" + encoding
        sink = f"CREATE TABLE o ({AVRO_COLUMNS}) WITH ({KAFKA % (topic, node.kafka)}, {options}, 'avro.encoding' = '{encoding}');\n"
        status, text = node.call("/api/v1/sql", "POST", {"script": source + sink + "INSERT INTO o SELECT * FROM a;", "wait_for_inserts": True}, timeout=60)
        assert status == 200 and '"error"' not in text, text
        consumer = Consumer({"bootstrap.servers": node.kafka, "group.id": topic, "auto.offset.reset": "earliest"})
        consumer.subscribe([topic])
        values = []
        while len(values) < 6:
            message = consumer.poll(30)
            assert message is not None and message.error() is None
            values.append(message.value())
        consumer.close()
        if encoding == "binary":
            assert [fastavro.schemaless_reader(io.BytesIO(value), schema, None) for value in values] == records
        else:
            assert list(fastavro.json_reader(io.StringIO("\n".join(value.decode() for value in values)), schema)) == records
        assert len(rows(node.sql(sink + "SELECT id FROM o WHERE name = 'ä' OR name IS NULL;"))) == 6


def test_avro_files_of_fastavro_are_read_and_ours_are_read_by_it(node, tmp_path):
    import fastavro
    wide = avro_schema()
    # Another order, a field nobody wants, an int where the table has BIGINT inside, and one field less.
    wide["fields"] = [{"name": "more", "type": {"type": "array", "items": {"type": "map", "values": "double"}}}] + wide["fields"][::-1]
    wide["fields"] = [field for field in wide["fields"] if field["name"] != "d"]
    records = [{"more": [{"q": 1.5}, {}], **record} for record in avro_records(5000)]
    (tmp_path / "in").mkdir()
    for codec in ("null", "deflate", "snappy", "zstandard"):
        with open(tmp_path / "in" / f"{codec}.avro", "wb") as out:
            fastavro.writer(out, wide, records, codec=codec, sync_interval=4000)
    options = "'format' = 'avro', 'avro.timestamp_mapping.legacy' = 'false'"
    source = f"CREATE TABLE i ({AVRO_COLUMNS}, file STRING METADATA FROM 'file.name' VIRTUAL) WITH ('connector' = 'filesystem', 'path' = '{tmp_path}/in', {options});\n"
    counted = rows(node.sql(source + "SELECT file, COUNT(*), SUM(id), COUNT(name), COUNT(d), MAX(price) FROM i GROUP BY file;"))
    final = {row[1]: row[2:] for row in counted if row[0] in ("+I", "+U")}
    assert final == {f"{codec}.avro": ["5000", "12497500", "2500", "0", "-12.34"] for codec in ("null", "deflate", "snappy", "zstandard")}, final
    for codec in ("null", "deflate", "snappy", "zstandard"):
        folder = tmp_path / ("out-" + codec)
        sink = f"CREATE TABLE o ({AVRO_COLUMNS}) WITH ('connector' = 'filesystem', 'path' = '{folder}', {options}, 'avro.codec' = '{codec}');\n"
        columns = "id, name, price, day_of, tod, at_local, at_zone, ok, f, d, b, tags, m, r"
        status, text = node.call("/api/v1/sql", "POST", {
            "script": source + sink + f"INSERT INTO o SELECT {columns} FROM i WHERE file = '{codec}.avro';", "wait_for_inserts": True}, timeout=60)
        assert status == 200 and '"error"' not in text, text
        names = [name for name in os.listdir(folder) if name.endswith(".avro") and not name.startswith((".", "_"))]
        assert names
        read = []
        for name in names:
            with open(folder / name, "rb") as file:
                reader = fastavro.reader(file)
                assert reader.codec == codec
                read += list(reader)
        expected = [{key: (None if key == "d" else record.get(key)) for key in (column.strip() for column in columns.split(","))} for record in records]
        assert sorted(read, key=lambda record: record["id"]) == expected
    with open(tmp_path / "in" / "null.avro", "r+b") as file:
        file.seek(30000)
        file.write(b"\xff" * 100)
    (tmp_path / "in" / "no.avro").write_text("not avro at all, a text")
    told = json.dumps(node.sql(source + "SELECT COUNT(*) FROM i;"))
    assert ".avro': not a" in told, told
    skipping = source.replace("'format'", "'scan.bad-records' = 'skip', 'format'")
    left = int(rows(node.sql(skipping + "SELECT COUNT(*) FROM i WHERE file = 'null.avro';"))[-1][1])
    assert 4500 < left < 5000, left


class Registry:
    """As much of a Confluent schema registry as its clients need. With `user_info` it asks for it."""

    def __init__(self, user_info=None, port=0):
        self.schemas, self.subjects, self.calls = {}, {}, []
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def answer(self, status, body):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                self.handle_call(None)

            def do_POST(self):
                self.handle_call(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def handle_call(self, body):
                registry.calls.append(self.path)
                if user_info and self.headers.get("Authorization") != "Basic " + base64.b64encode(user_info.encode()).decode():
                    return self.answer(401, {"error_code": 40101, "message": "Unauthorized"})
                parts = self.path.split("?")[0].strip("/").split("/")
                if parts[:2] == ["schemas", "ids"]:
                    schema = registry.schemas.get(int(parts[2]))
                    return self.answer(200, {"schema": schema}) if schema else self.answer(404, {"error_code": 40403, "message": "Schema not found"})
                return self.answer(200, {"id": registry.add(json.dumps(json.loads(body["schema"])), parts[1])})

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def add(self, schema, subject):
        for id, known in self.schemas.items():
            if known == schema:
                return id
        id = 100 + len(self.schemas)
        self.schemas[id] = schema
        self.subjects.setdefault(subject, []).append(id)
        return id

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def framed(id, schema, record):
    import fastavro
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record)
    return struct.pack(">bI", 0, id) + out.getvalue()


def test_avro_confluent_reads_each_record_by_its_own_schema(node):
    registry = Registry(user_info="ann:secret")
    old = {"type": "record", "name": "User", "fields": [{"name": "id", "type": "int"}, {"name": "nick", "type": "string"}]}
    new = {"type": "record", "name": "User", "fields": [{"name": "mail", "type": ["null", "string"]}, {"name": "id", "type": "long"},
                                                        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}}]}
    other = {"type": "record", "name": "User", "fields": [{"name": "id", "type": "string"}]}
    ids = [registry.add(json.dumps(schema), "users-value") for schema in (old, new, other)]
    produce(node, "users", [framed(ids[0], old, {"id": 1, "nick": "a"}), framed(ids[1], new, {"mail": "x@y", "id": 2, "at": 1767323045678901}),
                            framed(77, old, {"id": 3, "nick": "unknown"}), framed(ids[2], other, {"id": "4"}), b"\x01no", b"\x00\x00",
                            framed(ids[1], new, {"mail": None, "id": 5, "at": 0}), framed(ids[0], old, {"id": 6, "nick": "b"})[:-1]])
    options = f"'value.format' = 'avro-confluent', 'value.avro-confluent.url' = '{registry.url}', 'scan.bad-records' = '%s'%s"
    user = ", 'value.avro-confluent.basic-auth.user-info' = 'ann:secret'"
    table = "CREATE TABLE users (id BIGINT, mail STRING, nick STRING, `at` TIMESTAMP(3)) WITH (%s, %s);\n"
    skipping = table % (KAFKA % ("users", node.kafka), options % ("skip", user))
    got = rows(node.sql(skipping + "SELECT id, mail, nick, CAST(`at` AS STRING) FROM users;"))
    assert [row[1:] for row in got] == [["1", None, "a", None], ["2", "x@y", None, "2026-01-02 03:04:05.678"],
                                        ["5", None, None, "1970-01-01 00:00:00.000"]], got
    assert registry.calls.count(f"/schemas/ids/{ids[0]}") == 1 and registry.calls.count("/schemas/ids/77") == 1
    failing = table % (KAFKA % ("users", node.kafka), options % ("fail", user))
    told = json.dumps(node.sql(failing + "SELECT id FROM users;"))
    assert "schema 77" in told, told
    unauthorized = json.dumps(node.sql(table % (KAFKA % ("users", node.kafka), options % ("fail", "")) + "SELECT id FROM users;"))
    assert "status 401" in unauthorized, unauthorized
    registry.close()


def test_avro_confluent_takes_more_schemas_at_once_than_it_remembers(node):
    # All records come in one batch: the first one's schema is still needed when the last one's is learned.
    registry = Registry()
    schemas = [{"type": "record", "name": f"V{i}", "fields": [{"name": "id", "type": "int"}]} for i in range(1050)]
    produce(node, "many", [framed(registry.add(json.dumps(schema), "many-value"), schema, {"id": i}) for i, schema in enumerate(schemas)])
    table = ("CREATE TABLE many (id INT) WITH (%s, 'value.format' = 'avro-confluent', 'value.avro-confluent.url' = '%s');\n" %
             (KAFKA % ("many", node.kafka), registry.url))
    got = rows(node.sql(table + "SELECT COUNT(*), SUM(id) FROM many;"))
    assert got[-1][1:] == ["1050", str(sum(range(1050)))], got[-1]
    registry.close()


def test_avro_confluent_writes_what_confluents_own_reader_reads_and_waits_for_its_registry(node):
    import fastavro
    from confluent_kafka import Consumer
    registry = Registry()
    produce(node, "in", [{"id": i, "name": f"n{i}"} for i in range(20)])
    source = f"CREATE TABLE i (id INT, name STRING) WITH ({KAFKA % ('in', node.kafka)}, 'format' = 'json');\n"
    sink = ("CREATE TABLE o (id INT, name STRING) WITH (%s, 'key.format' = 'avro-confluent', 'key.fields' = 'id', 'value.format' = 'avro-confluent', "
            "'key.avro-confluent.url' = '%s', 'value.avro-confluent.url' = '%s');\n") % (KAFKA % ("out", node.kafka), registry.url, registry.url)
    status, text = node.call("/api/v1/sql", "POST", {"script": source + sink + "INSERT INTO o SELECT * FROM i;", "wait_for_inserts": True}, timeout=60)
    assert status == 200 and '"error"' not in text, text
    assert set(registry.subjects) == {"out-key", "out-value"}
    consumer = Consumer({"bootstrap.servers": node.kafka, "group.id": "g", "auto.offset.reset": "earliest"})
    consumer.subscribe(["out"])
    seen = []
    while len(seen) < 20:
        message = consumer.poll(30)
        assert message is not None and message.error() is None
        magic, id = struct.unpack(">bI", message.value()[:5])
        assert magic == 0
        seen.append(fastavro.schemaless_reader(io.BytesIO(message.value()[5:]), fastavro.parse_schema(json.loads(registry.schemas[id])), None))
    consumer.close()
    assert sorted(record["id"] for record in seen) == list(range(20)) and seen[0]["name"] == f"n{seen[0]['id']}"
    port = registry.port
    registry.close()
    answer = []
    asking = threading.Thread(target=lambda: answer.append(node.sql(sink + "SELECT COUNT(*) FROM o;")))
    asking.start()
    asking.join(1.5)
    assert asking.is_alive(), answer
    again = Registry(port=port)
    again.schemas = registry.schemas
    asking.join(30)
    assert rows(answer[0])[-1][1:] == ["20"], answer
    again.close()
