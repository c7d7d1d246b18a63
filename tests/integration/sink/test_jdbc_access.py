"""Getting into PostgreSQL: TLS that is checked, and credentials that are wrong or have expired. `mainstem run` against a server
that takes nothing but TLS with a certificate of our own making."""
import os
import pwd
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))
import support  # noqa: E402

ACCESS = """local all all trust
hostssl all postgres 127.0.0.1/32 trust
hostssl all all 127.0.0.1/32 scram-sha-256
"""


def make_certificate(folder, name):
    """A certificate for 127.0.0.1 that signs itself: (its file, its key)."""
    certificate, key = os.path.join(folder, name + ".crt"), os.path.join(folder, name + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


@pytest.fixture(scope="module")
def server():
    if not shutil.which("openssl"):
        pytest.skip("no openssl: run scripts/setup test")
    folder = tempfile.mkdtemp(prefix="mainstem-pg-tls-")
    os.chmod(folder, 0o755)
    certificate, key = make_certificate(folder, "server")
    if os.getuid() == 0:
        entry = pwd.getpwnam("postgres")
        os.chown(key, entry.pw_uid, entry.pw_gid)
    postgres = support.Postgres(os.path.join(folder, "pg"), {"ssl": "on", "ssl_cert_file": certificate, "ssl_key_file": key}, ACCESS)
    if not postgres.available:
        pytest.skip("PostgreSQL is not installed: run scripts/setup test")
    postgres.start()
    postgres.certificate = certificate
    postgres.other_certificate = make_certificate(folder, "other")[0]
    postgres.query("CREATE ROLE loader LOGIN PASSWORD 'right'; CREATE TABLE t (k text); GRANT ALL ON t TO loader; "
                   "GRANT CREATE ON SCHEMA public TO loader")
    yield postgres
    postgres.stop()
    support.remove(folder)


def run(server, tmp_path, parameters, user="postgres", password=None, seconds=60):
    login = f"'username' = '{user}'" + (f", 'password' = '{password}'" if password else "")
    (tmp_path / "q.sql").write_text(f"""CREATE TABLE o (k STRING) WITH ('connector' = 'jdbc',
      'url' = '{server.jdbc_url}?{parameters}', 'table-name' = 't', {login});
      INSERT INTO o SELECT k FROM (VALUES ('a'), ('b')) AS v(k);""")
    return subprocess.run([support.BINARY, "run", str(tmp_path / "q.sql")], capture_output=True, text=True, timeout=seconds)


def test_rows_arrive_over_tls_that_is_verified(server, tmp_path):
    server.query("TRUNCATE t")
    result = run(server, tmp_path, f"sslmode=verify-full&sslrootcert={server.certificate}")
    assert result.returncode == 0, result.stderr
    assert sorted(server.query("SELECT k FROM t")) == [("a",), ("b",)]


def test_a_password_lets_in_over_tls(server, tmp_path):
    server.query("TRUNCATE t; ALTER ROLE loader VALID UNTIL 'infinity'; GRANT ALL ON ALL TABLES IN SCHEMA public TO loader")
    result = run(server, tmp_path, "sslmode=require", "loader", "right")
    assert result.returncode == 0, result.stderr
    assert len(server.query("SELECT k FROM t")) == 2


@pytest.mark.parametrize("expired", [False, True])
def test_a_wrong_or_expired_password_ends_the_run_and_is_not_shown(server, tmp_path, expired):
    server.query("TRUNCATE t")
    server.query("ALTER ROLE loader VALID UNTIL " + ("'2020-01-01'" if expired else "'infinity'"))
    password = "right" if expired else "wr0ng-secret"
    result = run(server, tmp_path, "sslmode=require", "loader", password)
    assert result.returncode == 1
    assert "password authentication failed" in result.stderr and "loader" in result.stderr
    assert "wr0ng-secret" not in result.stderr + result.stdout
    assert server.query("SELECT k FROM t") == []


@pytest.mark.parametrize("parameters, reason", [("sslmode=verify-full&sslrootcert=OTHER", "certificate verify failed"),
                                                ("sslmode=disable", "no encryption")])
def test_a_server_that_cannot_be_trusted_gets_nothing(server, tmp_path, parameters, reason):
    server.query("TRUNCATE t")
    parameters = parameters.replace("OTHER", server.other_certificate)
    try:
        result = run(server, tmp_path, parameters, seconds=8)
        said = result.stderr
        assert result.returncode == 1, said
    except subprocess.TimeoutExpired as still_trying:  # a connection that fails may come back
        said = (still_trying.stderr or b"").decode()
    assert reason in said, said
    assert server.query("SELECT k FROM t") == []
