"""HTTPS: with a certificate and its key, never without both."""

import datetime
import ipaddress
import json
import signal
import ssl
import subprocess
import sys
import time
from http.client import HTTPSConnection
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.cli import main
from core.errors import SettingRefused
from core.serving import running
from core.serving.running import Tls, make_server
from core.workspace import PROJECT_ROOT
from tests.serving_process import find_port

pytestmark = pytest.mark.slow


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Return the files of a certificate for localhost and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    names.append(x509.IPAddress(ipaddress.ip_address("192.0.2.1")))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


@pytest.mark.usefixtures("workspace")
def test_the_command_speaks_https(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    port = find_port()
    files = ["--tls-certificate", str(certificate), "--tls-key", str(key)]
    process = subprocess.Popen(
        [sys.executable, "-m", "core", "serve", "--port", str(port), "--json", *files],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    tls = ssl.create_default_context(cafile=certificate)
    tls.check_hostname = False  # it is named otherwise, and reached by its address
    deadline = time.monotonic() + 120
    seen = None
    while seen is None and time.monotonic() < deadline and process.poll() is None:
        connection = HTTPSConnection("127.0.0.1", port, timeout=60, context=tls)
        try:
            connection.request("GET", "/health/live")
            seen = connection.getresponse().status
        except ConnectionRefusedError:
            time.sleep(0.1)
        finally:
            connection.close()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert (seen, process.returncode) == (200, 0), err
    assert json.loads(out)["address"] == f"https://127.0.0.1:{port}"


def test_unusable_files_are_refused(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    certificate, key = make_certificate(tmp_path / "one")
    other = make_certificate(tmp_path / "other")[1]
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"a password"),
        )
    )
    make_server("core.serving.api:app", Tls(certificate=certificate, key=key))
    for tls, problem in (
        (Tls(certificate=certificate), "without a password"),
        (Tls(key=key), "the certificate is not named"),
        (Tls(certificate=certificate, key=other), "without a password"),
        (Tls(certificate=certificate, key=locked), "without a password"),
        (Tls(certificate=key, key=certificate), "without a password"),
        (Tls(certificate=tmp_path / "none.pem", key=key), "No such file"),
    ):
        with pytest.raises(SettingRefused, match=problem):
            make_server("core.serving.api:app", tls)


@pytest.mark.parametrize(("host", "warned"), [("0.0.0.0", True), ("127.0.0.1", False)])
@pytest.mark.usefixtures("workspace")
def test_plain_http_that_others_can_reach_gets_a_warning(
    host: str,
    warned: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(running, "run_server", lambda *given: given[-1]())
    assert main(["serve", "--host", host]) == 0
    assert ("plain HTTP" in capsys.readouterr().err) == warned
