"""Read by each Python whose PYTHONPATH names this folder: a worker is forked in place of its start.

Only where TEST_FORKS names the folder of sockets, too, and a warm process of
tests/forking.py suits; else it goes on as what it is. It lives as long as its fork.
"""

import json
import os
import socket
import sys

MODULE = "core.runs.worker"


def name_socket(environment: dict[str, str]) -> str:
    """Return which warm process suits: what a worker decides before Keras comes is its own.

    The backend, and whether TensorFlow computes for convolutions.
    """
    backend = environment.get("KERAS_BACKEND", "")
    return f"{backend}-{environment.get('TF_ENABLE_ONEDNN_OPTS', '0')}.sock"


def ask(connection: socket.socket, request: dict[str, object], files: list[int]) -> int:
    """Return how the fork ended: as `subprocess` tells it.

    Args:
        connection: To the warm process; a fork whose connection is closed is killed.
        request: Its `arguments` and `environment`, and perhaps its `death`.
        files: Its standard input, output and error.

    Raises:
        TimeoutError: It took longer than the connection waits.
    """
    socket.send_fds(connection, [json.dumps(request).encode() + b"\n"], files)
    return int(connection.recv(16) or b"1")


def _stand_in() -> None:
    environment = dict(os.environ)
    folder = environment.get("TEST_FORKS", "")
    if MODULE not in sys.orig_argv or not folder:
        return
    arguments = sys.orig_argv[sys.orig_argv.index(MODULE) + 1 :]
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(f"{folder}/{name_socket(environment)}")
        except OSError:  # no warm process suits
            return
        code = ask(connection, {"arguments": arguments, "environment": environment}, [0, 1, 2])
    os._exit(code if code >= 0 else 128 - code)


_stand_in()
