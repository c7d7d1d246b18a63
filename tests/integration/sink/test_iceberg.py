"""The Iceberg sink, read back by pyiceberg and DuckDB: both catalogs, partitions, kills of the writer at any moment and at each step of a commit, other
writers, lost answers. Afterwards every row is in the table once, and only files that are whole are."""
import collections
import datetime
import decimal
import json
import os
import random
import subprocess
import time

import pytest

import driver as sink
import lake_readers as readers
import support
from faulty_proxy import Proxy, make_certificate
from iceberg_rest import RestCatalog

SHAPE = (2, 60, 20, 60)  # partitions, records, rows in each, keys


def make(folder, shape=SHAPE, arguments=(), **options):
    partitions, records, rows, keys = shape
    options = {"connector": "iceberg", "catalog-type": "hadoop", "warehouse": "wh", "sink.commit-interval": "30 ms",
               **{name.replace("__", ".").replace("_", "-"): value for name, value in options.items()}}
    return sink.Driver(folder, {name: value for name, value in options.items() if value is not None},
                       ["--append", "--partitions", partitions, "--records", records, "--rows", rows, "--keys", keys, *arguments])


def model(shape):
    return collections.Counter((k, n, cents, part) for k, n, cents, _, part, _ in sink.rows(*shape))


def check(table, shape=SHAPE):
    """What pyiceberg reads is the model, the totals of the newest snapshot and the positions are right, and its files are there as described."""
    expected, got = model(shape), readers.counted(table)
    assert got == expected, (len(got), len(expected), list((got - expected).items())[:3], list((expected - got).items())[:3])
    snapshot = table.current_snapshot()
    files = table.inspect.files().to_pylist()
    assert int(snapshot.summary["total-records"]) == sum(expected.values())
    assert int(snapshot.summary["total-data-files"]) == len(files)
    assert int(snapshot.summary["total-files-size"]) == sum(file["file_size_in_bytes"] for file in files)
    assert readers.positions(table) == {str(partition): shape[1] for partition in range(shape[0])}
    return files


def check_everywhere(folder, shape=SHAPE):
    files = check(readers.local_table(folder / "wh"), shape)
    assert collections.Counter(readers.duckdb_rows(f"iceberg_scan('{folder}/wh/default/driver')")) == model(shape)
    return files


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    for name, value in support.S3Server.KEYS.items():
        monkeypatch.setenv(name, value)


def test_every_row_is_there_once_with_counts_and_bounds(tmp_path):
    make(tmp_path).finish()
    files = check_everywhere(tmp_path)
    table = readers.local_table(tmp_path / "wh")
    names = {field.field_id: field.name for field in table.schema().fields}
    assert names == {1: "k", 2: "n", 3: "amount", 4: "at", 5: "part"}
    rows = model(SHAPE)
    assert sum(file["record_count"] for file in files) == sum(rows.values())
    metrics = [file["readable_metrics"] for file in files]
    assert min(m["n"]["lower_bound"] for m in metrics) == 0 and max(m["n"]["upper_bound"] for m in metrics) == SHAPE[1] * SHAPE[2] - 1
    assert min(m["amount"]["lower_bound"] for m in metrics) * 100 == min(cents for _, _, cents, _ in rows)
    assert sum(m["part"]["null_value_count"] for m in metrics) == sum(count for (_, _, _, part), count in rows.items() if part is None)
    assert all(m["k"]["value_count"] == file["record_count"] for m, file in zip(metrics, files))


def test_commits_nothing_when_nothing_came(tmp_path):
    make(tmp_path).finish()
    before = readers.local_table(tmp_path / "wh").current_snapshot().snapshot_id
    make(tmp_path).finish()
    table = readers.local_table(tmp_path / "wh")
    assert table.current_snapshot().snapshot_id == before
    check(table)


@pytest.mark.parametrize("how", ["sql", "identity", "bucket", "truncate", "time"])
def test_partitions(tmp_path, how):
    terms = {"sql": None, "identity": "part", "bucket": "bucket(4, k)", "truncate": "truncate(2, k), truncate(100, n), truncate(1000, amount)",
             "time": "day(at), hours(at), bucket(3, amount)"}[how]
    make(tmp_path, arguments=["--partition-by", "part"] if how == "sql" else [], partitioned_by=terms).finish()
    files = check_everywhere(tmp_path)
    table = readers.local_table(tmp_path / "wh")
    assert len({str(file["partition"]) for file in files}) > 1 or how == "time"
    # What readers leave out by partitions and bounds must not hold rows that they look for: with the filter that hits one value.
    wanted = random.Random(1).sample(sorted(model(SHAPE), key=str), 12)
    for k, n, cents, part in wanted:
        assert readers.counted(table, f"k = '{k}' and n = {n} and amount = {cents / 100:.2f}")[(k, n, cents, part)] == 1
    for k, n, cents, part in wanted[:2]:
        at = f"make_timestamp((1767225600000 + {n}) * 1000)"
        found = readers.duckdb_rows(f"iceberg_scan('{tmp_path}/wh/default/driver')", rest=f"WHERE k = '{k}' AND n = {n} AND \"at\" = {at}")
        assert (k, n, cents, part) in found


def test_files_end_by_size(tmp_path):
    shape = (1, 300, 1000, 60)
    make(tmp_path, shape, sink__commit_interval="1 h", write__target_file_size_bytes="400kb").finish()
    files = check(readers.local_table(tmp_path / "wh"), shape)
    assert len(files) > 3 and all(200_000 < file["file_size_in_bytes"] < 900_000 for file in files[:-1]), files
    assert len(readers.local_table(tmp_path / "wh").snapshots()) == 1


def kill_count():
    return 100 if support.FULL else 10


def kill_seed():
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))
    print(f"KILL_SEED={seed}")
    return random.Random(seed)


@pytest.mark.parametrize("partitioned", [False, True])
def test_kills_at_any_moment_and_at_the_commit_change_nothing(tmp_path, partitioned):
    kills = kill_count()
    shape = (2, 20 * kills, 5, 60)
    driver = make(tmp_path, shape, ["--partition-by", "part"] if partitioned else [], sink__commit_interval="1 ms")
    hits = sink.deliver_with_kills(driver, kill_seed(), kills)
    check_everywhere(tmp_path, shape)
    assert sum(hits.values()) == kills, hits


def test_kills_change_nothing_in_a_bucket(s3, tmp_path):
    kills = kill_count() // 2
    shape = (2, 20 * kills, 5, 60)
    driver = make(tmp_path, shape, warehouse=f"s3://lake1/{tmp_path.name}", s3__endpoint=s3.url, sink__commit_interval="1 ms")
    hits = sink.deliver_with_kills(driver, kill_seed(), kills)
    check(bucket_table(s3, tmp_path), shape)
    source = f"iceberg_scan('s3://lake1/{tmp_path.name}/default/driver')"
    assert collections.Counter(readers.duckdb_rows(source, before=readers.duckdb_s3(s3))) == model(shape)
    assert sum(hits.values()) == kills, hits


def bucket_table(s3, folder):
    key = readers.newest_metadata(s3.keys(f"{folder.name}/default/driver/metadata/"))
    return readers.static_table(f"s3://lake1/{key}", **readers.s3_properties(s3))


def test_cut_connections_to_the_bucket_change_nothing(s3, tmp_path):
    rng = random.Random(7)

    def decide(number, method, path, headers):
        dice = rng.random()
        return "cut-before" if dice < 0.05 else "cut-after" if dice < 0.12 else None

    with Proxy(s3.port, decide, whole=True) as proxy:
        make(tmp_path, warehouse=f"s3://lake1/{tmp_path.name}", s3__endpoint=proxy.url, arguments=["--partition-by", "part"],
             sink__commit_interval="1 ms").finish()
        assert proxy.count > 30
    check(bucket_table(s3, tmp_path))


# ---- REST catalogs

def rest(catalog, folder, shape=SHAPE, arguments=(), **options):
    return make(folder, shape, arguments, **{"catalog_type": "rest", "uri": catalog.url, "warehouse": None, "catalog_database": "shop", **options})


def rest_table(catalog, name="shop.driver"):
    return catalog.catalog.load_table(name)


@pytest.mark.parametrize("partitioned", [False, True])
def test_a_rest_catalog_decides_over_commits(tmp_path, partitioned):
    with RestCatalog(tmp_path, f"file://{tmp_path}/wh", prefix="ware house") as catalog:
        rest(catalog, tmp_path, arguments=["--partition-by", "part"] if partitioned else [], catalog_database="shop.eu").finish()
        table = rest_table(catalog, "shop.eu.driver")
        check(table)
        source = f"iceberg_scan('{table.metadata_location}')"
        assert collections.Counter(readers.duckdb_rows(source)) == model(SHAPE)


def test_kills_change_nothing_with_a_rest_catalog(tmp_path):
    kills = kill_count()
    shape = (2, 20 * kills, 5, 60)
    with RestCatalog(tmp_path, f"file://{tmp_path}/wh") as catalog:
        hits = sink.deliver_with_kills(rest(catalog, tmp_path, shape, sink__commit_interval="1 ms"), kill_seed(), kills)
        check(rest_table(catalog), shape)
        assert sum(hits.values()) == kills, hits


def test_a_rest_catalog_is_asked_through_tls_and_only_when_it_is_trusted(tmp_path):
    tls, (other, _) = make_certificate(tmp_path), make_certificate(tmp_path, "other")
    with RestCatalog(tmp_path, f"file://{tmp_path}/wh") as catalog, Proxy(catalog.server.server_port, tls=tls, whole=True) as proxy:
        sink.says(rest(catalog, tmp_path, uri=proxy.url, connection__ca_file=other).fail(), ["table 'driver'", proxy.url, "certificate"])
        assert not catalog.requests
        rest(catalog, tmp_path, uri=proxy.url, connection__ca_file=tls[0]).finish()
        check(rest_table(catalog))


def test_lost_answers_and_refusals_that_pass_change_nothing(tmp_path):
    rng = random.Random(3)

    def decide(number, method, path):
        dice = rng.random()
        return "lost" if dice < 0.2 else (503, {}) if dice < 0.3 else None

    with RestCatalog(tmp_path, f"file://{tmp_path}/wh", decide=decide) as catalog:
        rest(catalog, tmp_path, sink__commit_interval="1 ms").finish()
        check(rest_table(catalog))
        snapshots = [snapshot.snapshot_id for snapshot in rest_table(catalog).snapshots()]
        assert len(snapshots) == len(set(snapshots)) > 3


def test_commits_beside_another_engine(tmp_path):
    """pyiceberg appends to the same table while we do: both are told of conflicts, and both end up in it."""
    import pyarrow
    with RestCatalog(tmp_path, f"file://{tmp_path}/wh") as catalog:
        rest(catalog, tmp_path, (1, 1, 20, 60)).finish()
        schema = rest_table(catalog).schema().as_arrow()
        others = {"k": "other", "n": -1, "amount": None, "at": None, "part": None}
        added = 0

        def decide(number, method, path):
            nonlocal added
            if method == "POST" and path.endswith("/tables/driver") and added < 8:
                added += 1  # right before our commit: it comes too late
                catalog.catalog.load_table("shop.driver").append(pyarrow.Table.from_pylist([others], schema))
            return None

        catalog.decide = decide
        rest(catalog, tmp_path, (1, 60, 20, 60), sink__commit_interval="1 ms").finish()
        rows = rest_table(catalog).scan().to_arrow().to_pylist()
        assert sum(row["k"] == "other" for row in rows) == added == 8
        assert collections.Counter(row["n"] for row in rows if row["k"] != "other") == collections.Counter(range(1200))


def test_tokens(tmp_path):
    (tmp_path / "credential").write_text("me:s3cret\n")
    with RestCatalog(tmp_path, f"file://{tmp_path}/wh", token="s3cret-token", credential=("me", "s3cret")) as catalog:
        sink.says(rest(catalog, tmp_path).fail(), ["401", "'token'", "id:secret"])
        sink.says(rest(catalog, tmp_path, credential="me:s3cret-wrong").fail(), ["check 'credential'"])
        sink.says(rest(catalog, tmp_path, token="s3cret-old").fail(), ["401"])
        rest(catalog, tmp_path, (1, 20, 5, 60), credential="me:s3cret").finish()
        rest(catalog, tmp_path, (1, 40, 5, 60), credential_file=str(tmp_path / "credential")).finish()
        rest(catalog, tmp_path, (1, 60, 5, 60), token="s3cret-token").finish()
        check(rest_table(catalog), (1, 60, 5, 60))
        forms = [body for _, path, _, body in catalog.requests if path == "/v1/oauth/tokens"]
        assert forms and all(b"scope=catalog" in form and b"grant_type=client_credentials" in form for form in forms)


def test_a_token_that_expires_is_asked_for_anew(tmp_path):
    with RestCatalog(tmp_path, f"file://{tmp_path}/wh", token="one", credential=("me", "s3cret")) as catalog:
        def decide(number, method, path):
            if number == 12:
                catalog.token = "two"
            return None

        catalog.decide = decide
        rest(catalog, tmp_path, credential="me:s3cret", sink__commit_interval="1 ms").finish()
        assert catalog.count > 14
        check(rest_table(catalog))


def test_keys_that_the_catalog_vends_reach_the_bucket(s3, tmp_path, monkeypatch):
    properties = readers.s3_properties(s3)
    with RestCatalog(tmp_path, f"file://{tmp_path}/wh", config={**properties, "client.region": "us-east-1"}, **properties) as catalog:
        # Metadata on the disk: pyiceberg's own writes into a bucket do not get on with moto.
        declared(catalog, *[(name, type_, False) for name, type_ in columns().items()], **{"write.data.path": f"s3://lake1/{tmp_path.name}/data"})
        for name in support.S3Server.KEYS:
            monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(tmp_path))
        rest(catalog, tmp_path).finish()
        check(rest_table(catalog))
        assert s3.keys(f"{tmp_path.name}/data/")
        assert all(headers.get("X-Iceberg-Access-Delegation") == "vended-credentials" for _, _, headers, _ in catalog.requests)


@pytest.fixture(scope="module", params=["folder", "bucket"])
def reference(request, tmp_path_factory):
    """Iceberg's own server."""
    store = None
    if request.param == "bucket":
        store = support.S3Server(tmp_path_factory.mktemp("s3"), "minio")
        if not store.available:
            pytest.skip("MinIO is not installed: run scripts/setup full")
    server = support.IcebergCatalog(tmp_path_factory.mktemp("catalog"), store)
    server.store = store
    if not server.available:
        pytest.skip("Iceberg's REST catalog is not installed: run scripts/setup full")
    if store:
        store.start()
    server.start()
    yield server
    server.stop()
    if store:
        store.stop()


def reference_table(server, name):
    from pyiceberg.catalog import load_catalog
    more = readers.s3_properties(server.store) if server.store else {}
    return load_catalog("reference", type="rest", uri=server.url, **more).load_table(name)


def with_reference(server, folder, name, shape=SHAPE, **options):
    if server.store:
        options["s3__endpoint"] = server.store.url
    return make(folder, shape, **{"catalog_type": "rest", "uri": server.url, "warehouse": None, "catalog_database": "shop.eu", "catalog_table": name,
                                  **options})


def reference_rows(server, name):
    before = [*(readers.duckdb_s3(server.store) if server.store else []),
              f"ATTACH '' AS lake (TYPE iceberg, ENDPOINT '{server.url}', AUTHORIZATION_TYPE 'none')"]
    return collections.Counter(readers.duckdb_rows(f"lake.shop.{name}", before=before))


def test_the_reference_catalog_takes_what_we_commit(reference, tmp_path):
    with_reference(reference, tmp_path, "parts", partitioned_by="day(at), bucket(4, k), part").finish()
    check(reference_table(reference, "shop.eu.parts"))
    with_reference(reference, tmp_path, "grown", (2, 10, 5, 60)).finish()
    with reference_table(reference, "shop.eu.grown").update_schema() as update:
        update.delete_column("part")
    sink.says(with_reference(reference, tmp_path, "grown", (2, 20, 5, 60)).fail(), ["column 'part'", "'drift' = 'evolve'"])
    with_reference(reference, tmp_path, "grown", (2, 20, 5, 60), drift="evolve").finish()
    assert reference_table(reference, "shop.eu.grown").schema().find_field("part").field_id == 6
    with_reference(reference, tmp_path, "flat", catalog_database="shop").finish()
    check(reference_table(reference, "shop.flat"))
    assert reference_rows(reference, "flat") == model(SHAPE)


def test_kills_of_writer_and_catalog_change_nothing(reference, tmp_path):
    kills = kill_count()
    shape = (2, 20 * kills, 5, 60)
    driver = with_reference(reference, tmp_path, "killed", shape, sink__commit_interval="1 ms")
    hits = sink.deliver_with_kills(driver, kill_seed(), kills)
    check(reference_table(reference, "shop.eu.killed"), shape)
    assert sum(hits.values()) == kills, hits
    shape = (1, 300, 5, 60)
    driver = with_reference(reference, tmp_path, "restarted", shape, sink__commit_interval="1 ms")
    driver.start()
    try:
        for _ in range(3):
            for _ in range(15):
                driver.line()
            reference.stop()
            reference.start()
        driver.join()
        check(reference_table(reference, "shop.eu.restarted"), shape)
    finally:
        driver.process.kill()


# ---- tables that are there

def declared(catalog, *fields, **properties):
    """A table of the catalog with these columns (name, type, required)."""
    from pyiceberg.schema import Schema
    from pyiceberg.types import NestedField
    catalog.catalog.create_namespace_if_not_exists("shop")
    schema = Schema(*(NestedField(i + 1, name, type_, required=required) for i, (name, type_, required) in enumerate(fields)))
    return catalog.catalog.create_table("shop.driver", schema, properties={"format-version": "2", **properties})


def columns():
    from pyiceberg import types
    return {"k": types.StringType(), "n": types.LongType(), "amount": types.DecimalType(10, 2), "at": types.TimestampType(),
            "part": types.StringType()}


def test_columns_of_a_table_that_is_there_are_found_by_name(tmp_path):
    from pyiceberg import types
    with RestCatalog(tmp_path, f"file://{tmp_path}/wh") as catalog:
        fields = [("more", types.IntegerType(), False)] + [(name, type_, name == "k") for name, type_ in reversed(columns().items())]
        fields = [(name, types.DecimalType(20, 2) if name == "amount" else type_, required) for name, type_, required in fields]
        declared(catalog, *fields)
        rest(catalog, tmp_path).finish()
        table = rest_table(catalog)
        check(table)
        assert set(table.scan().to_arrow()["more"].to_pylist()) == {None}


def test_an_existing_partition_spec_counts(tmp_path):
    from pyiceberg.transforms import BucketTransform, DayTransform
    with RestCatalog(tmp_path, f"file://{tmp_path}/wh") as catalog:
        table = declared(catalog, *[(name, type_, False) for name, type_ in columns().items()])
        with table.update_spec() as update:
            update.add_field("k", BucketTransform(5), "by_k")
            update.add_field("at", DayTransform(), "by_day")
        rest(catalog, tmp_path).finish()
        files = check(rest_table(catalog))
        assert {file["partition"]["by_k"] for file in files} == set(range(5))
        sink.says(rest(catalog, tmp_path, partitioned_by="part").fail(), ["partitioned by bucket(5, k), day(at), not by part", "leave out"])


@pytest.mark.parametrize("change,expected", [
    (lambda c: c.pop("part"), ["column 'part'", "no such column", "'drift' = 'evolve'"]),
    (lambda c: c.update(n=None), ["column 'n'", "long", "string", "CAST"]),
    (lambda c: c.update(needed=None), ["column 'needed'", "needs a value", "make it optional"]),
    (lambda c: c.update(amount=None), ["column 'amount'", "decimal(10, 2)", "decimal(9, 2)", "'drift' = 'evolve'"]),
])
def test_says_which_column_does_not_fit_and_the_cure(tmp_path, change, expected):
    from pyiceberg import types
    wanted = columns()
    change(wanted)
    replaced = {"n": types.StringType(), "needed": types.StringType(), "amount": types.DecimalType(9, 2)}
    with RestCatalog(tmp_path, f"file://{tmp_path}/wh") as catalog:
        declared(catalog, *[(name, type_ or replaced[name], name == "needed") for name, type_ in wanted.items()])
        sink.says(rest(catalog, tmp_path).fail(), ["'driver'", "shop.driver", *expected])
        assert rest_table(catalog).current_snapshot() is None


def test_a_required_column_needs_one_that_is_never_null(tmp_path):
    with RestCatalog(tmp_path, f"file://{tmp_path}/wh") as catalog:
        declared(catalog, *[(name, type_, name == "n") for name, type_ in columns().items()])
        sink.says(rest(catalog, tmp_path).fail(), ["column 'n'", "may be NULL", "NOT NULL"])


def test_drift_evolve_adds_columns_and_widens_numbers(tmp_path):
    from pyiceberg import types
    with RestCatalog(tmp_path, f"file://{tmp_path}/wh") as catalog:
        fields = {**columns(), "n": types.IntegerType(), "amount": types.DecimalType(9, 2)}
        del fields["part"]
        declared(catalog, *[(name, type_, False) for name, type_ in fields.items()])
        rest(catalog, tmp_path, drift="evolve").finish()
        table = rest_table(catalog)
        check(table)
        assert str(table.schema().find_field("n").field_type) == "long" and table.schema().find_field("part").field_id == 5
        assert str(table.schema().find_field("amount").field_type) == "decimal(10, 2)"
    make(tmp_path, (2, 10, 5, 60), warehouse="other").finish()
    metadata = tmp_path / "other/default/driver/metadata"
    version = max(int(name[1:].split(".")[0]) for name in os.listdir(metadata) if name.endswith(".metadata.json"))
    newest = json.loads((metadata / f"v{version}.metadata.json").read_text())
    newest["schemas"][0]["fields"] = [field for field in newest["schemas"][0]["fields"] if field["name"] != "part"]
    (metadata / f"v{version}.metadata.json").write_text(json.dumps({**newest, "a-thing-of-tomorrow": {"x": 1}}))
    sink.says(make(tmp_path, (2, 20, 5, 60), warehouse="other").fail(), ["column 'part'", "'drift' = 'evolve'"])
    make(tmp_path, (2, 20, 5, 60), warehouse="other", drift="evolve").finish()
    table = readers.local_table(tmp_path / "other")
    assert table.schema().find_field("part").field_id == 6  # ids are never given twice
    assert len(readers.counted(table)) == 200
    assert '"a-thing-of-tomorrow":{"x":1}' in (metadata / f"v{version + 1}.metadata.json").read_text()


# ---- what cannot be meant

@pytest.mark.parametrize("options,expected", [
    ({"catalog_type": None}, ["catalog-type"]),
    ({"catalog_type": "hive"}, ["'catalog-type'", "'rest'"]),
    ({"warehouse": None}, ["'warehouse'", "s3://bucket/folder"]),
    ({"warehouse": "gs://x/y"}, ["'gs' cannot be reached"]),
    ({"catalog_type": "rest"}, ["'uri'", "http://host:8181"]),
    ({"catalog_type": "rest", "uri": "http://me:s3cret@host"}, ["'uri'"]),
    ({"write__format__default": "orc"}, ["write.format.default", "use 'parquet'"]),
    ({"write__upsert__enabled": "true"}, ["write.upsert.enabled", "PRIMARY KEY"]),
    ({"format_version": "4"}, ["format-version"]),
    ({"partitioned_by": "days(k)"}, ["'day' cannot be done on string"]),
    ({"partitioned_by": "bucket(k)"}, ["'bucket(k)' is no partition", "bucket(16, c)"]),
    ({"partitioned_by": "prt"}, ["'prt' is no column", "did you mean 'part'"]),
    ({"write__parquet__compression_codec": "zst"}, ["'zst' is not known", "did you mean 'zstd'"]),
    ({"drift": "evolv"}, ["drift"]),
    ({"warehous": "x"}, ["did you mean 'warehouse'"]),
])
def test_refuses_what_cannot_be_meant(tmp_path, options, expected):
    sink.says(make(tmp_path, **options).fail(), expected)


def test_says_what_a_catalog_says(tmp_path):
    def refusal(status, kind):
        return lambda *_: (status, {"error": {"message": "it is so", "type": kind, "code": status}})

    with RestCatalog(tmp_path, f"file://{tmp_path}/wh", decide=refusal(403, "ForbiddenException")) as catalog:
        sink.says(rest(catalog, tmp_path).fail(), ["403 ForbiddenException", "it is so", "grant the right"])
        catalog.decide = lambda *_: (404, "<html>not here</html>")
        sink.says(rest(catalog, tmp_path).fail(), ["404", "check 'uri'"])
        catalog.decide = lambda *_: (200, "<html>hello</html>")
        driver = rest(catalog, tmp_path, arguments=["--max-failures", 2])
        sink.says(driver.fail(), ["not one of an Iceberg REST catalog", "check 'uri'"])


def test_versions_of_the_format_that_are_not_written(tmp_path):
    with RestCatalog(tmp_path, f"file://{tmp_path}/wh") as catalog:
        declared(catalog, *[(name, type_, False) for name, type_ in columns().items()], **{"format-version": "1"})
        sink.says(rest(catalog, tmp_path).fail(), ["format version 1", "set its property 'format-version' to '2'"])


# ---- from SQL

COLUMNS = """id BIGINT NOT NULL, small SMALLINT, f FLOAT, d DOUBLE, b BOOLEAN, s VARCHAR(20), y BYTES, day_of DATE, t TIME, ts TIMESTAMP(6),
    tz TIMESTAMP_LTZ(3), price DECIMAL(20, 4), tags ARRAY<STRING>, counts MAP<STRING, INT>, r ROW<x INT, since TIMESTAMP(3)>"""
ROWS = [
    {"id": 1, "small": -3, "f": 1.5, "d": -2.25, "b": True, "s": "ä/b", "y": "AP8=", "day_of": "1969-12-31", "t": "10:11:12", "ts": "2026-01-31 10:11:12.123456",
     "tz": "2026-01-31 10:11:12.5Z", "price": 1234567890.1234, "tags": ["x", None], "counts": {"a": 1}, "r": {"x": 7, "since": "2026-01-01 00:00:00.001"}},
    {"id": 2}]
SQL = f"""CREATE TABLE i ({COLUMNS}) WITH ('connector' = 'filesystem', 'path' = '${{DIR}}/i.jsonl', 'format' = 'json');
  CREATE TABLE lake ({COLUMNS}, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'iceberg', 'catalog-type' = 'hadoop', 'catalog-name' = 'x',
    'warehouse' = '${{DIR}}/wh', 'catalog-database' = 'shop', 'partitioned-by' = 'month(day_of), bucket(3, price)', 'write.metadata.previous-versions-max' = '7');
  INSERT INTO lake SELECT * FROM i;"""


def test_all_types_arrive_from_sql(tmp_path):
    (tmp_path / "i.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (tmp_path / "q.sql").write_text(SQL)
    run = subprocess.run([support.BINARY, "run", str(tmp_path / "q.sql"), "-D", f"DIR={tmp_path}"], capture_output=True, text=True, timeout=90)
    assert run.returncode == 0, run.stderr
    table = readers.local_table(tmp_path / "wh", "shop/lake")
    assert table.properties["write.metadata.previous-versions-max"] == "7" and table.schema().identifier_field_names() == {"id"}
    full, empty = sorted(table.scan().to_arrow().to_pylist(), key=lambda row: row["id"])
    utc = datetime.timezone.utc
    assert full == {
        "id": 1, "small": -3, "f": 1.5, "d": -2.25, "b": True, "s": "ä/b", "y": b"\0\xff", "day_of": datetime.date(1969, 12, 31),
        "t": datetime.time(10, 11, 12), "ts": datetime.datetime(2026, 1, 31, 10, 11, 12, 123456), "tz": datetime.datetime(2026, 1, 31, 10, 11, 12, 500000, utc),
        "price": decimal.Decimal("1234567890.1234"), "tags": ["x", None], "counts": [("a", 1)],
        "r": {"x": 7, "since": datetime.datetime(2026, 1, 1, 0, 0, 0, 1000)}}
    assert empty == {**dict.fromkeys(full), "id": 2}
    partitions = sorted((file["partition"]["day_of_month"], file["partition"]["price_bucket"]) for file in table.inspect.files().to_pylist()
                        if file["partition"]["day_of_month"] is not None)
    assert [month for month, _ in partitions] == [-1]
    assert table.scan(row_filter="day_of = '1969-12-31'").to_arrow().num_rows == 1
    source = f"iceberg_scan('{tmp_path}/wh/shop/lake')"
    assert readers.duckdb_rows(source, "id, small, s, CAST(price AS VARCHAR), tags, counts['a'], r.x, CAST(t AS VARCHAR)", rest="ORDER BY id") == [
        (1, -3, "ä/b", "1234567890.1234", ["x", None], 1, 7, "10:11:12"), (2, None, None, None, None, None, None, None)]
