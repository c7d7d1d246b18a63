"""upsert-kafka as a source: the topic tells the newest row of a key only, queries still see what was before."""
import json

UPSERT = """CREATE TABLE people (id INT, name STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'people',
  'properties.bootstrap.servers' = '%s', 'key.format' = 'json', 'value.format' = 'json', 'scan.bounded.mode' = 'latest-offset');\n"""


def final(lines):
    table = {}
    for line in lines:
        for kind, *fields in line.get("rows", []):
            if kind in ("+I", "+U"):
                table[fields[0]] = fields[1:]
            elif kind == "-D":
                table.pop(fields[0])
    return table


def test_a_count_by_another_column_takes_old_rows_back(node):
    from confluent_kafka import Producer
    node.cli("topic", "create", "people")
    producer = Producer({"bootstrap.servers": node.kafka})
    changes = [(1, "Ann"), (2, "Bob"), (3, "Ann"), (1, "Bob"), (3, None), (4, "Cid"), (4, "Dan"), (9, None)]
    for id, name in changes:
        value = None if name is None else json.dumps({"id": id, "name": name})
        producer.produce("people", key=json.dumps({"id": id}), value=value, partition=0)
    producer.flush()
    people = UPSERT % node.kafka
    counted = node.sql(people + "SELECT name, COUNT(*) AS c FROM people GROUP BY name;")
    assert final(counted) == {"Bob": ["2"], "Dan": ["1"]}, counted
    kinds = [row[0] for line in node.sql(people + "SELECT id, name FROM people;") for row in line.get("rows", [])]
    assert kinds == ["+I", "+I", "+I", "-U", "+U", "-D", "+I", "-U", "+U"]
    plan = json.dumps(node.api("/explain", "POST", {"script": people + "SELECT name FROM people;"}))
    assert "ChangelogNormalize(key=[id]" in plan, plan
