"""Iceberg tables read by others: pyiceberg in this process, DuckDB in one of its own (its version is bound to that of the extension)."""
import collections
import json
import os
import subprocess
import sys

import support

DUCKDB = os.path.join(support.ROOT, ".deps/lake")  # scripts/setup test puts it there
SCRIPT = """
import glob, json, os, sys, duckdb
request = json.load(sys.stdin)
con = duckdb.connect()
con.execute("SET enable_progress_bar = false")
for name in ("avro", "httpfs", "iceberg"):
    con.execute(f"LOAD '{glob.glob(sys.argv[1] + f'/duckdb_extension_{name}/extensions/v*/{name}.duckdb_extension')[0]}'")
for statement in request["before"]:
    con.execute(statement)
print(json.dumps(con.execute(request["query"]).fetchall(), default=str))
"""
COLUMNS = "k, n, CAST(amount * 100 AS BIGINT), part"


def duckdb_rows(source, columns=COLUMNS, before=(), rest="", seconds=120):
    request = json.dumps({"before": list(before), "query": f"SELECT {columns} FROM {source} {rest}"})
    run = subprocess.run([sys.executable, "-c", SCRIPT, DUCKDB], input=request, capture_output=True, text=True, timeout=seconds,
                         env=dict(os.environ, PYTHONPATH=DUCKDB))
    assert run.returncode == 0, run.stderr
    return [tuple(row) for row in json.loads(run.stdout)]


def duckdb_s3(server):
    keys = list(server.KEYS.values())
    return [f"CREATE SECRET (TYPE s3, KEY_ID '{keys[0]}', SECRET '{keys[1]}', ENDPOINT '127.0.0.1:{server.port}', URL_STYLE 'path', USE_SSL false, "
            "REGION 'us-east-1')"]


def s3_properties(server):
    keys = list(server.KEYS.values())
    return {"s3.endpoint": server.url, "s3.access-key-id": keys[0], "s3.secret-access-key": keys[1], "s3.region": "us-east-1"}


def newest_metadata(names):
    """Of the files of a hadoop catalog's table, the metadata with the greatest version."""
    versions = {int(name.rsplit("/", 1)[-1][1:].split(".")[0]): name for name in names if name.endswith(".metadata.json") and "/v" in name}
    return versions[max(versions)]


def static_table(location, **properties):
    from pyiceberg.table import StaticTable
    return StaticTable.from_metadata(location, properties)


def local_table(folder, name="default/driver"):
    metadata = os.path.join(str(folder), name, "metadata")
    return static_table(newest_metadata([os.path.join(metadata, file) for file in os.listdir(metadata)]))


def counted(table, row_filter=None):
    """Rows of the driver's table by pyiceberg, as the model has them."""
    scan = table.scan() if row_filter is None else table.scan(row_filter=row_filter)
    return collections.Counter((row["k"], row["n"], int(row["amount"] * 100), row["part"]) for row in scan.to_arrow().to_pylist())


def positions(table):
    """Of the deliveries, as the table's properties tell them: {partition: position}."""
    prefix = "mainstem.position."
    return {name.rsplit("/", 1)[1]: int(value) for name, value in table.properties.items() if name.startswith(prefix)}
