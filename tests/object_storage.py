"""A real server of object storage (moto)."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from pyarrow.fs import S3FileSystem

from tests.processes import wait_until
from tests.serving_process import find_port


@contextmanager
def run_object_storage(patch: pytest.MonkeyPatch) -> Iterator[S3FileSystem]:
    """Yield the file system of a server that the environment points to, with a bucket “photos”."""
    port = find_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    endpoint = f"http://127.0.0.1:{port}"
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ENDPOINT_URL", endpoint),
        ("no_proxy", "127.0.0.1"),
    ):
        patch.setenv(name, value)
    try:
        wait_until(lambda: _answers(port), "object storage answers")
        files = S3FileSystem(endpoint_override=endpoint, allow_bucket_creation=True)
        files.create_dir("photos")
        yield files
    finally:
        server.terminate()
        server.wait()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
