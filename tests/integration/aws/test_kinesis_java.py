"""Amazon's SDK for Java 2, unmodified: CBOR both ways, signatures checked, and its asynchronous client with its event stream over HTTP/2
(as it does by itself), HTTP/1.1 and TLS."""
import os
import subprocess

import pytest

import support

LIBS = os.path.join(support.ROOT, ".deps/aws/libs")


def test_the_java_sdk_writes_reads_and_is_pushed(tmp_path):
    if not os.path.isdir(LIBS):
        pytest.skip("Amazon's SDK for Java is not here: run scripts/setup test")
    (tmp_path / "keys").write_text("[java]\naws_access_key_id = AKIDJAVA\naws_secret_access_key = secret\n")
    subprocess.run([support.BINARY, "certificate", "create", "--out", str(tmp_path)], check=True, capture_output=True)
    certificate, store = str(tmp_path / "certificate.pem"), str(tmp_path / "trusted")
    subprocess.run(["keytool", "-importcert", "-noprompt", "-file", certificate, "-keystore", store, "-storepass", "secret"], check=True,
                   capture_output=True)
    node = support.Node(tmp_path, {"aws.credentials": str(tmp_path / "keys"), "tls.certificate": certificate,
                                   "tls.key": str(tmp_path / "key.pem")}).start()
    try:
        source = os.path.join(os.path.dirname(__file__), "SdkCheck.java")
        port = node.aws.rsplit(":", 1)[1]
        result = subprocess.run(["java", "-Xmx256m", f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=secret", "-cp",
                                 LIBS + "/*", source, f"http://{node.aws}", f"https://localhost:{port}"], capture_output=True, text=True,
                                timeout=120)
        assert result.returncode == 0 and "checks" in result.stdout, result.stdout + result.stderr + node.log_tail()
    finally:
        node.kill()
