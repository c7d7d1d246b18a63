"""Amazon's SDK for Java 2, unmodified: CBOR both ways, signatures checked, and its event stream over HTTP/1.1."""
import os
import subprocess

import pytest

import support

LIBS = os.path.join(support.ROOT, ".deps/aws/libs")


def test_the_java_sdk_writes_reads_and_is_pushed(tmp_path):
    if not os.path.isdir(LIBS):
        pytest.skip("Amazon's SDK for Java is not here: run scripts/setup test")
    (tmp_path / "keys").write_text("[java]\naws_access_key_id = AKIDJAVA\naws_secret_access_key = secret\n")
    node = support.Node(tmp_path, {"aws.credentials": str(tmp_path / "keys")}).start()
    try:
        source = os.path.join(os.path.dirname(__file__), "SdkCheck.java")
        result = subprocess.run(["java", "-Xmx256m", "-cp", LIBS + "/*", source, f"http://{node.aws}"], capture_output=True, text=True, timeout=120)
        assert result.returncode == 0 and "checks" in result.stdout, result.stdout + result.stderr + node.log_tail()
    finally:
        node.kill()
