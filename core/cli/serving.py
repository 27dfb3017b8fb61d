"""`serve`: the prediction API, until it is interrupted."""

import argparse
from pathlib import Path

from core.cli.outcome import Outcome
from core.cli.progress import ProgressLine
from core.config import read_settings
from core.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    settings = read_settings()
    parser.add_argument(
        "--host",
        default=settings.api_host,
        help="address to bind to; anything but loopback needs PETALSCOPE_API_KEY "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--port", type=int, default=settings.api_port, help="(default: %(default)s)"
    )
    parser.add_argument(
        "--tls-certificate",
        type=Path,
        metavar="FILE",
        default=settings.api_tls_certificate,
        help="speak HTTPS with this certificate (PEM; those between it and the root behind it)",
    )
    parser.add_argument(
        "--tls-key",
        type=Path,
        metavar="FILE",
        default=settings.api_tls_key,
        help="private key of the certificate (PEM, without a password)",
    )


def run(_: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Outcome:
    # OpenVINO and FastAPI come along: imported when it is really served.
    from core.serving.admission import is_loopback
    from core.serving.running import Tls, run_server

    tls = Tls(certificate=arguments.tls_certificate, key=arguments.tls_key)
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    address = f"http{'s' if tls.certificate else ''}://{host}:{arguments.port}"

    def tell() -> None:
        progress.note(f"Serving the champion at {address}; Ctrl+C ends it")
        if tls.certificate is None and not is_loopback(arguments.host):
            progress.note(_UNPROTECTED)

    run_server(arguments.host, arguments.port, tls, tell)
    return Outcome(
        text=f"The API at {address} has ended.",
        document={"address": address, "state": "ended"},
    )


_UNPROTECTED = (
    "Warning: this is plain HTTP, and others can reach it. Whoever is on the way reads the key and "
    "the photos: name --tls-certificate and --tls-key, or put a proxy with TLS in front of it."
)
