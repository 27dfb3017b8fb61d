"""A real server of object storage (moto), and a proxy before it that fails in the usual ways."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count

import pytest
from pyarrow.fs import S3FileSystem

from core.storage import Storage, open_storage
from tests.processes import wait_until
from tests.serving_process import find_port

SECRET = "secret-that-nobody-says"
_BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@contextmanager
def run_object_storage(patch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the endpoint of a server that the environment points to, with a bucket “photos”."""
    port = find_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    endpoint = f"http://127.0.0.1:{port}"
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ENDPOINT_URL", endpoint),
        ("no_proxy", "127.0.0.1"),
    ):
        patch.setenv(name, value)
    try:
        wait_until(lambda: _answers(port), "object storage answers")
        S3FileSystem(endpoint_override=endpoint, allow_bucket_creation=True).create_dir("photos")
        yield endpoint
    finally:
        server.terminate()
        server.wait()


def fill(address: str, photos: dict[str, bytes]) -> Storage:
    """Return the folder of an address with these photos in it."""
    storage = open_storage(address)
    for name, content in photos.items():
        storage.write(name, content)
    return storage


@contextmanager
def break_answers(endpoint: str) -> Iterator[str]:
    """Yield the endpoint of a proxy: of four answers one is refused, one cut short, one late."""
    target = int(endpoint.rpartition(":")[2])
    numbers, listener = count(), socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):  # it was closed
            while True:
                client, _ = listener.accept()
                threading.Thread(target=_pass_on, args=(client, target, next(numbers))).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def _pass_on(client: socket.socket, target: int, number: int) -> None:
    """Pass a connection on; what is read comes whole, or broken, by its number."""
    with client, suppress(OSError), socket.create_connection(("127.0.0.1", target)) as server:
        head = client.recv(65536)
        if not head.startswith(b"GET"):  # what is written passes as it is
            server.sendall(head)
            threading.Thread(target=_copy, args=(client, server), daemon=True).start()
            _copy(server, client)
        elif number % 4 == 1:
            client.sendall(_BUSY)
        else:
            server.sendall(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            answer = b"".join(iter(lambda: server.recv(65536), b""))
            if number % 4 == 3:
                time.sleep(0.2)
            client.sendall(answer[: len(answer) // 2] if number % 4 == 2 else answer)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
