"""Objects of a bucket as tables, against moto and MinIO: what a job writes another one reads, in every format; new objects are found;
reading goes on after kill -9 of the node where it was."""
import gzip
import json
import os
import subprocess

import pytest

import support

KEYS = support.S3Server.KEYS


def run(s3, script, *arguments, environment=None):
    env = {**{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
           **(KEYS if environment is None else environment), "AWS_ENDPOINT_URL_S3": s3.url}
    return subprocess.run([support.BINARY, "run", "-", "--json", *arguments], input=script, capture_output=True, text=True, timeout=120, env=env)


def rows(done):
    assert done.returncode == 0, done.stderr
    return [list(json.loads(line)["row"].values()) for line in done.stdout.splitlines()]


def table(name, columns, folder, format_name, more="", partitions=""):
    return f"""CREATE TABLE {name} ({columns}) {partitions} WITH ('connector' = 'filesystem', 'path' = 's3://lake1/{folder}',
      'format' = '{format_name}'{more});\n"""


NUMBERS = """CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '2000', 'fields.n.kind' = 'sequence',
  'fields.n.start' = '0', 'fields.n.end' = '1999', 'rows-per-second' = '1000000');\n"""


@pytest.mark.parametrize("format_name", ["parquet", "avro", "json", "csv"])
def test_what_is_written_is_read_back(s3, tmp_path, format_name):
    lake = table("lake", "n BIGINT, t STRING, day_of STRING", tmp_path.name, format_name, partitions="PARTITIONED BY (day_of)")
    done = run(s3, NUMBERS + lake + "INSERT INTO lake SELECT n, CONCAT('text ', CAST(n AS STRING)), CONCAT('2026-01-0', CAST(MOD(n, 3) + 1 AS STRING)) "
                                    "FROM numbers;")
    assert done.returncode == 0, done.stderr
    assert len({key.split("/")[1] for key in s3.keys(tmp_path.name + "/") if "day_of=" in key}) == 3
    got = sorted(rows(run(s3, lake + "SELECT n, t, day_of FROM lake;")))
    assert got == [[n, f"text {n}", f"2026-01-0{n % 3 + 1}"] for n in range(2000)], got[:5]


def test_globs_compressed_objects_and_metadata(s3, tmp_path):
    client, root = s3.client(), tmp_path.name
    for key, body in {"in/a.json": b'{"n":1}\n{"n":2}\n', "in/b.json.gz": gzip.compress(b'{"n":3}\n'), "in/_hidden.json": b'{"n":4}\n',
                      "in/deep/c d+e.json": b'{"n":5}\n', "in/empty.json": b"", "in/other.txt": b'{"n":6}\n'}.items():
        client.put_object(Bucket="lake1", Key=f"{root}/{key}", Body=body)
    more = "n BIGINT, p STRING METADATA FROM 'file.path' VIRTUAL, s BIGINT METADATA FROM 'file.size' VIRTUAL"
    got = rows(run(s3, table("t", more, f"{root}/in/**/*.json*", "json") + "SELECT n, p, s FROM t;"))
    assert sorted(got) == [[1, f"s3://lake1/{root}/in/a.json", 16], [2, f"s3://lake1/{root}/in/a.json", 16],
                           [3, f"s3://lake1/{root}/in/b.json.gz", len(gzip.compress(b'{"n":3}\n'))],
                           [5, f"s3://lake1/{root}/in/deep/c d+e.json", 8]], got
    done = run(s3, table("t", "n BIGINT", f"{root}/nothing", "json") + "SELECT n FROM t;")
    assert done.returncode != 0 and f"no object or folder 's3://lake1/{root}/nothing'" in done.stderr, done.stderr
    done = run(s3, table("t", "n BIGINT", f"{root}/in", "json") + "SELECT n FROM t;", environment={"HOME": str(tmp_path)})
    assert done.returncode != 0 and "no keys for S3" in done.stderr, done.stderr


def test_a_listing_of_many_pages(s3, tmp_path):
    if s3.kind == "moto":
        pytest.skip("so many objects take moto a quarter of a minute")
    client, count = s3.client(), 1100  # a page has 1,000
    for i in range(count):
        client.put_object(Bucket="lake1", Key=f"{tmp_path.name}/{i}.json", Body=b'{"n":%d}\n' % i)
    got = rows(run(s3, table("t", "n BIGINT", tmp_path.name, "json") + "SELECT n FROM t;"))
    assert sorted(got) == [[n] for n in range(count)]


def test_new_objects_are_found_and_a_killed_node_goes_on_where_it_was(s3, tmp_path):
    node = support.Node(tmp_path, environment={**KEYS, "AWS_ENDPOINT_URL_S3": s3.url}).start()
    client, root, count = s3.client(), tmp_path.name, 0

    def put(name, size):
        nonlocal count
        client.put_object(Bucket="lake1", Key=f"{root}/in/{name}.json", Body="".join(f'{{"n":{n}}}\n' for n in range(count, count + size)).encode())
        count += size

    def seen():
        found = []
        for key in s3.keys(root + "/out/"):
            if "/_mainstem/" not in key:
                found += [json.loads(line)["n"] for line in s3.read(key).decode().splitlines()]
        return sorted(found)

    try:
        put("a", 5000)
        node.submit(table("i", "n BIGINT", root + "/in", "json", ", 'source.monitor-interval' = '200 ms'") +
                    table("o", "n BIGINT", root + "/out", "json", ", 'sink.rolling-policy.rollover-interval' = '200 ms'") +
                    "INSERT INTO o SELECT n FROM i;")
        for step in range(4):
            support.wait_until(lambda: len(seen()) > count - 5000, "some rows in the bucket")
            node.kill()
            put(f"b{step}", 5000)
            node.start(crash_point=[None, "sink.commit:1", None, "sink.committed:1"][step])
            if step % 2:
                node.wait_for_crash()
                node.start()
        support.wait_until(lambda: len(seen()) >= count, "all rows in the bucket")
        assert seen() == list(range(count))
    finally:
        node.kill()
