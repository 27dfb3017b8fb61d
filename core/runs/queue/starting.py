"""Starts the scheduler and other processes of ours.

The lock of the scheduler is taken here and inherited, so that only one scheduler is started however
many processes call at once. A call takes a millisecond when a scheduler is running.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from core.config import fingerprint, read_settings
from core.runs.locks import free_lock, take_lock
from core.runs.run_files import read_json
from core.workspace import PROJECT_ROOT, Workspace, write_json

_REPLACE_WAIT_S = 5.0


def ensure_scheduler(workspace: Workspace) -> None:
    """Start a scheduler with our settings, unless one is running.

    One with other settings (another weights file, for example) is replaced; runs are not affected.
    """
    if workspace.read_only:
        return
    lock = take_lock(workspace.scheduler_lock)
    if lock is None:
        lock = _take_over(workspace)
    if lock is not None:
        _start(workspace, lock)


def start_missing_scheduler(workspace: Workspace) -> None:
    """Start a scheduler unless one is running, with whatever settings."""
    lock = take_lock(workspace.scheduler_lock)
    if lock is not None:
        _start(workspace, lock)


def touch_wake(workspace: Workspace) -> None:
    """Make the scheduler keep a worker warm for the idle minutes."""
    if workspace.read_only:
        return
    workspace.wake_file.touch()


def write_scheduler_facts(workspace: Workspace) -> None:
    """Record this process as the scheduler, with its settings."""
    facts = {"pid": os.getpid(), "settings": _fingerprint_settings()}
    write_json(workspace.scheduler_pid, facts)


def start_detached(workspace: Workspace, command: list[str], *, lock: int, log_file: Path) -> None:
    """Start an independent process, which inherits the lock."""
    # The shell starts it in the background and ends, so that no process has to wait for it.
    try:
        with log_file.open("ab") as log:
            subprocess.run(
                ["/bin/sh", "-c", '"$@" &', "sh", *command],
                env=python_environment(workspace),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                start_new_session=True,
                check=True,
            )
    finally:
        free_lock(lock)  # our copy only: the process has inherited it


def python_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs one of our modules."""
    return [sys.executable, "-P", "-m", module, *arguments]


def python_environment(workspace: Workspace) -> dict[str, str]:
    """Return our environment, with the path of our modules."""
    path = os.pathsep.join(filter(None, (str(PROJECT_ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "PETALSCOPE_WORKSPACE": str(workspace.root)}


def _start(workspace: Workspace, lock: int) -> None:
    workspace.scheduler_pid.unlink(missing_ok=True)  # a killed scheduler leaves it
    command = python_command("core.runs.scheduler", "--lock", str(lock))
    start_detached(workspace, command, lock=lock, log_file=workspace.scheduler_log)


def _take_over(workspace: Workspace) -> int | None:
    facts = read_json(workspace.scheduler_pid)  # empty: it is starting or ending
    if facts.get("settings") in (None, _fingerprint_settings()):
        return None
    with suppress(ProcessLookupError):
        os.kill(facts["pid"], signal.SIGTERM)
    return take_lock(workspace.scheduler_lock, wait_s=_REPLACE_WAIT_S)


def _fingerprint_settings() -> str:
    settings = read_settings().model_dump(mode="json", exclude={"workspace"})
    settings = {name: value for name, value in settings.items() if not name.startswith("api_")}
    return fingerprint({**settings, "backend": os.environ.get("KERAS_BACKEND", "")})
