"""The file sink into a bucket, against moto and MinIO: kills of the writer at any moment and at each step of the commit, a killed
server, cut connections, answers that say no. Afterwards every row is in exactly one object, and no upload lies around."""
import os
import random
import threading
import time

import pytest

import driver as sink
import support
import test_filesystem as files
from faulty_proxy import Proxy

SHAPE = (2, 60, 20, 60)  # partitions, records, rows in each, keys


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    for name, value in support.S3Server.KEYS.items():
        monkeypatch.setenv(name, value)


def make(folder, url, shape=SHAPE, arguments=(), **options):
    partitions, records, rows, keys = shape
    options = {"connector": "filesystem", "path": f"s3://lake1/{folder.name}/t", "format": "json", "s3.endpoint": url,
               "sink.rolling-policy.rollover-interval": "30 ms",
               **{name.replace("__", ".").replace("_", "-"): value for name, value in options.items()}}
    return sink.Driver(folder, options, ["--append", "--partitions", partitions, "--records", records, "--rows", rows, "--keys", keys,
                                         *arguments])


def check(s3, folder, shape=SHAPE, partitioned=False):
    """Fetches what is visible and compares it with the model, as of a local folder."""
    prefix = f"{folder.name}/t/"
    for key in s3.keys(prefix):
        path = folder / "out" / key[len(prefix):]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(s3.read(key))
    files.check(folder, shape, partitioned)
    manifests = [key for key in s3.keys(prefix) if "/_mainstem/" in key]
    assert len(manifests) == shape[0]
    for key in manifests:
        manifest = s3.read(key).decode()
        assert f'"position":{shape[1]},' in manifest and '"files":[],"begun":[]' in manifest, manifest
    for upload in s3.client().list_multipart_uploads(Bucket="lake1").get("Uploads", []):
        if upload["Key"].startswith(prefix):  # one that was begun and not yet recorded has no parts
            parts = s3.client().list_parts(Bucket="lake1", Key=upload["Key"], UploadId=upload["UploadId"])
            assert not parts.get("Parts"), upload


@pytest.mark.parametrize("format_name", ["parquet", "json", "csv"])
def test_every_row_is_in_one_object(s3, tmp_path, format_name):
    partitioned = format_name != "parquet"
    make(tmp_path, s3.url, arguments=["--partition-by", "part"] if partitioned else [], format=format_name).finish()
    check(s3, tmp_path, partitioned=partitioned)


@pytest.mark.parametrize("partitioned", [False, True])
def test_kills_at_any_moment_and_at_the_commit_change_nothing(s3, tmp_path, partitioned):
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))
    kills = (100 if support.FULL else 12) // (1 if support.FULL else 2)
    print(f"KILL_SEED={seed}")
    shape = (2, 14 * kills, 5, 60)  # commits are slow: more than a run can get done before its kill
    driver = make(tmp_path, s3.url, shape, ["--partition-by", "part"] if partitioned else [], sink__rolling_policy__rollover_interval="1 ms",
                  **{"sink__partition-commit__policy__kind": "success-file", "sink__partition-commit__success-file__name": "_DONE"})
    hits = sink.deliver_with_kills(driver, random.Random(seed), kills)
    check(s3, tmp_path, shape, partitioned)
    marks = {key.rsplit("/", 1)[0] for key in s3.keys(tmp_path.name) if key.endswith("/_DONE")}
    assert marks == ({key.rsplit("/", 1)[0] for key in s3.keys(tmp_path.name) if "/part-" in key} if partitioned else set())
    assert sum(hits.values()) == kills, hits


def test_files_of_several_parts(s3, tmp_path):
    shape = (1, 150, 1000, 60)
    make(tmp_path, s3.url, shape, sink__rolling_policy__rollover_interval="1 h", sink__rolling_policy__file_size="6mb").finish()
    check(s3, tmp_path, shape)
    client = s3.client()
    etags = [client.head_object(Bucket="lake1", Key=key)["ETag"] for key in s3.keys(f"{tmp_path.name}/t/part")]
    assert len(etags) > 1 and any(etag.endswith('-2"') for etag in etags), etags


def test_a_killed_server_holds_the_sink_up_and_no_more(tmp_path):
    server = support.S3Server(tmp_path, "minio")
    if not server.available:
        pytest.skip("MinIO is not installed: run scripts/setup full")
    server.start()
    shape = (1, 400, 20, 60)
    driver = make(tmp_path, server.url, shape, sink__rolling_policy__rollover_interval="1 ms")
    driver.start()
    try:
        rng = random.Random(1)
        for _ in range(5):
            for _ in range(rng.randrange(5, 15)):
                driver.line()
            server.stop()
            server.start()
        driver.join()
        check(server, tmp_path, shape)
    finally:
        driver.process.kill()
        server.stop()


SLOW_DOWN = (503, "<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>")


def test_cut_connections_and_refusals_that_pass_change_nothing(s3, tmp_path):
    rng, lock = random.Random(7), threading.Lock()

    def decide(number, method, path, headers):
        with lock:
            dice = rng.random()
        return "cut-before" if dice < 0.05 else "cut-after" if dice < 0.12 else SLOW_DOWN if dice < 0.2 else None

    with Proxy(s3.port, decide, whole=True) as proxy:
        make(tmp_path, proxy.url, arguments=["--partition-by", "part"]).finish()
        assert proxy.count > 30
    check(s3, tmp_path, partitioned=True)


def error(status, code, more=""):
    return status, f"<Error><Code>{code}</Code><Message>it is so</Message>{more}</Error>"


def test_keys_that_expire_are_read_anew_from_the_profile(s3, tmp_path, monkeypatch):
    profile = tmp_path / "credentials"
    for name in support.S3Server.KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profile))
    monkeypatch.setenv("AWS_PROFILE", "lake")

    def write(key, secret):
        profile.write_text(f"[lake]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")

    with Proxy(s3.port, lambda *a: error(400, "ExpiredToken"), whole=True) as proxy:
        write("old", "s3cret")
        sink.says(make(tmp_path, proxy.url).fail(), ["ExpiredToken", "write new ones into the profile"])
    write(*support.S3Server.KEYS.values())
    expired = []

    def decide_once(number, method, path, headers):
        if number == 5:
            expired.append(path)
            return error(400, "ExpiredToken")
        return None

    with Proxy(s3.port, decide_once, whole=True) as proxy:
        make(tmp_path, proxy.url).finish()
    assert expired
    monkeypatch.delenv("AWS_PROFILE")  # boto's own look at it
    check(s3, tmp_path)


REFUSALS = [
    (error(403, "AccessDenied"), ["AccessDenied", "grant s3:GetObject and s3:ListBucket on bucket 'lake1'", "_mainstem"]),
    (error(403, "InvalidAccessKeyId"), ["access key is not known"]),
    (error(403, "SignatureDoesNotMatch"), ["check the secret key"]),
    (error(403, "RequestTimeTooSkewed"), ["clock"]),
    (error(301, "PermanentRedirect", "<Region>eu-west-1</Region>"), ["not in region 'us-west-2'", "'s3.endpoint.region' to 'eu-west-1'"]),
    (error(404, "NoSuchBucket"), ["NoSuchBucket", "create the bucket"]),
]


@pytest.mark.parametrize("answer,expected", REFUSALS)
def test_says_what_is_wrong_and_what_to_do(tmp_path, answer, expected):
    with Proxy(1, lambda *_: answer) as proxy:
        sink.says(make(tmp_path, proxy.url, s3__endpoint__region="us-west-2").fail(), expected)


def test_a_missing_bucket_and_wrong_keys_are_told_by_real_servers(s3, tmp_path, monkeypatch):
    sink.says(make(tmp_path, s3.url, path="s3://no-such-lake/t").fail(), ["NoSuchBucket", "create the bucket"])
    if s3.kind == "minio":  # moto believes any key
        sink.says(make(tmp_path, s3.url, **{"s3__access_key": "testing", "s3__secret_key": "s3cret"}).fail(), ["check the secret key"])
        sink.says(make(tmp_path, s3.url, **{"s3__access_key": "nobody", "s3__secret_key": "s3cret"}).fail(), ["not known there"])
    for name in support.S3Server.KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    sink.says(make(tmp_path, s3.url).fail(), ["no keys for S3", "AWS_ACCESS_KEY_ID", str(tmp_path)])


def test_finds_the_region_of_the_bucket_by_itself(s3, tmp_path):
    def decide(number, method, path, headers):
        if "/eu-west-1/s3/" in headers["Authorization"]:
            return None
        return error(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>")

    if s3.kind != "moto":
        pytest.skip("MinIO has one region")
    with Proxy(s3.port, decide, whole=True) as proxy:
        make(tmp_path, proxy.url).finish()
    check(s3, tmp_path)


@pytest.mark.parametrize("options,expected", [
    ({"path": "s3://x"}, ["not the name of a bucket"]),
    ({"path": "gs://bucket/x"}, ["cannot be written", "s3://bucket/folder"]),
    ({"s3__endpoint": "http://me:s3cret@host"}, ["s3.endpoint"]),
    ({"s3__secret_key": "s3cret"}, ["s3.access-key"]),
    ({"s3__endpoit": "http://x"}, ["did you mean 's3.endpoint'"]),
])
def test_refuses_what_cannot_be_meant(tmp_path, options, expected):
    sink.says(make(tmp_path, "http://127.0.0.1:1", **options).fail(), expected)
