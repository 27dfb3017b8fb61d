"""Workspaces on each database that the program can use: SQLite, and a real PostgreSQL server."""

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.runs.database import close_databases
from core.workspace import Workspace
from tests.postgres import create_database, find_binaries, run_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Path]:
    """The socket folder of a PostgreSQL server of this session."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (Debian: the package “postgresql”)")
    with run_postgres(binaries) as socket:
        yield socket


@pytest.fixture(params=["sqlite", "postgresql"])
def on_each_database(
    request: pytest.FixtureRequest, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """An empty workspace, once on SQLite and once on a database of its own on PostgreSQL."""
    if request.param == "postgresql":
        threads = [thread.name for thread in threading.enumerate()]
        assert "switcher" not in threads, "an API of other tests would open this database, too"
        socket = request.getfixturevalue("postgres")
        address = create_database(socket, f"test_{uuid.uuid4().hex}")
        monkeypatch.setenv("PETALSCOPE_DATABASE_URL", address)
    yield workspace
    close_databases()
