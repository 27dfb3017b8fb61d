"""`serve`: the prediction API, until it is interrupted."""

import argparse

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


def run(_: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Outcome:
    # OpenVINO and FastAPI come along: imported when it is really served.
    from core.serving.running import run_server

    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    address = f"http://{host}:{arguments.port}"
    said = f"Serving the champion at {address}; Ctrl+C ends it"
    run_server(arguments.host, arguments.port, lambda: progress.note(said))
    return Outcome(
        text=f"The API at {address} has ended.",
        document={"address": address, "state": "ended"},
    )
