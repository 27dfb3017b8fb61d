"""A real API in a process of its own, on a free port, with the champion of a workspace.

It works in a temporary workspace that shares the registry's files: what is sent to it is in
nobody's prediction log.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from sqlalchemy import create_engine, insert, select

from core.registry.store import aliases_table, find_version, versions_table
from core.runs.database import read_database
from core.runs.tables import metadata
from core.workspace import PROJECT_ROOT, Workspace

_PATIENCE_S = 180.0
_NOT_OURS = "PETALSCOPE_API_"


@dataclass(frozen=True, kw_only=True)
class ServingProcess:
    """A running API."""

    port: int
    pid: int
    workspace: Workspace
    log: Path

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Ask for status and body of the answer, over a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_S)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def send(self, content: bytes, patience_s: float) -> bytes:
        """Send these bytes and return what comes back until it hangs up or is silent that long."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=_PATIENCE_S) as line:
            try:
                line.sendall(content)
                line.settimeout(patience_s)
                while patience_s and (piece := line.recv(65_536)):
                    answer += piece
            except OSError:
                pass  # it has hung up on us, or is silent
        return answer


@contextmanager
def run_serving(workspace: Workspace, **settings: str) -> Iterator[ServingProcess]:
    """Run an API that is ready until the block ends.

    Args:
        workspace: Whose champion serves.
        settings: Further environment variables of the process.

    Raises:
        VersionMissing: There is no champion.
        RuntimeError: The API did not become ready.
    """
    find_version(workspace, "champion")
    with tempfile.TemporaryDirectory(prefix="petalscope-serving-") as folder:
        own = Workspace(Path(folder) / "workspace")
        _share_registry(workspace, own)
        port = find_port()
        log = Path(folder) / "api.log"
        # A key or a rate of the real API is none of this one.
        environment = {k: v for k, v in os.environ.items() if not k.upper().startswith(_NOT_OURS)}
        environment |= {"PETALSCOPE_WORKSPACE": str(own.root), **settings}
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "core", "serve", "--host", "127.0.0.1", "--port", str(port)],
                cwd=PROJECT_ROOT,
                env=environment,
                stdout=stream,
                stderr=stream,
            )
        try:
            serving = ServingProcess(port=port, pid=process.pid, workspace=own, log=log)
            _wait_until_ready(serving, process, log)
            yield serving
        finally:
            process.terminate()
            process.wait(_PATIENCE_S)


def _share_registry(workspace: Workspace, own: Workspace) -> None:
    own.root.mkdir(parents=True)
    own.registry.symlink_to(workspace.registry, target_is_directory=True)
    with read_database(workspace) as connection:
        rows = {
            table: [dict(row._mapping) for row in connection.execute(select(table))]
            for table in (versions_table, aliases_table)
        }
    engine = create_engine(f"sqlite:///{own.database_file}")
    with engine.begin() as connection:
        metadata.create_all(connection)
        for table, values in rows.items():
            if values:
                connection.execute(insert(table), values)
    engine.dispose()


def find_port() -> int:
    """Find a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(serving: ServingProcess, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if serving.ask("GET", "/health/ready")[0] == 200:
                return
        except OSError:
            pass  # it does not listen yet
        time.sleep(0.1)
    raise RuntimeError(
        f"The API is not ready: {log.read_text(encoding='utf-8', errors='replace')[-800:]}"
    )
