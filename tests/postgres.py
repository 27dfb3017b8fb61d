"""A real PostgreSQL server of one's own for tests: in a temporary folder, on a socket, thrown away.

PostgreSQL refuses to run as root, so that root lends it the account “postgres”, or “nobody”.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.processes import PATIENCE_S

_USER = "petalscope"
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB")


def find_binaries() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest; None where it is not installed."""
    found = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return Path(found).parent if found else debian[-1].parent if debian else None


@contextmanager
def run_postgres(binaries: Path) -> Iterator[Path]:
    """Yield the folder of a server's socket; the server is ended and its files are removed."""
    account = _lend_account()
    folder = Path(tempfile.mkdtemp(prefix="petalscope-pg-"))
    if account:
        shutil.chown(folder, account["user"], account["group"])
    data = folder / "data"
    create = [binaries / "initdb", "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8", "-N"]
    settings = (f"unix_socket_directories={folder}", "listen_addresses=", *_FAST)
    options = [part for setting in settings for part in ("-c", setting)]
    try:
        subprocess.run(create, check=True, capture_output=True, cwd=folder, **account)
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", data, *options],
                stdout=log,
                stderr=log,
                cwd=folder,
                **account,
            )
        try:
            _wait(folder, server)
            yield folder
        finally:
            server.send_signal(signal.SIGINT)  # its “fast”: whoever is connected is cut off
            server.wait(PATIENCE_S)
    finally:
        shutil.rmtree(folder)


def create_database(socket: Path, name: str) -> str:
    """Return the address, as PETALSCOPE_DATABASE_URL wants it, of a new empty database."""
    with _connect(socket) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
    return f"postgresql+psycopg://{_USER}@/{name}?host={socket}"


def _connect(socket: Path) -> psycopg.Connection[Any]:
    return psycopg.connect(host=str(socket), user=_USER, dbname="postgres", autocommit=True)


def _wait(socket: Path, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            _connect(socket).close()
            return
        except psycopg.OperationalError:
            assert server.poll() is None, (socket / "log").read_text()
            assert time.monotonic() < deadline, "PostgreSQL does not come up"
            time.sleep(0.05)


def _lend_account() -> dict[str, Any]:
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    account = names.get("postgres") or names["nobody"]
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
