"""Starts the scheduler when none is alive, and is how our processes are started.

Called by pages and the command line before and while a run is wanted; costs a millisecond when a
scheduler is alive. The lock is taken here and inherited by the scheduler, so that however many
processes call at once, one scheduler is started.
"""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from core.config import fingerprint, read_settings
from core.runs.locks import free_lock, take_lock
from core.workspace import PROJECT_ROOT, Workspace, write_json

_REPLACE_WAIT_S = 5.0


def ensure_scheduler(workspace: Workspace) -> None:
    """Start a scheduler with our settings, unless one is at work.

    One that was started with other settings (another weights file, say) is replaced; a run that
    is going is not touched by that.
    """
    if workspace.read_only:
        return  # nothing can be trained here
    lock = take_lock(workspace.scheduler_lock)
    if lock is None:
        lock = _take_over(workspace)
    if lock is not None:
        _start(workspace, lock)


def start_missing_scheduler(workspace: Workspace) -> None:
    """Start a scheduler unless one is at work, be it one with other settings than ours."""
    lock = take_lock(workspace.scheduler_lock)
    if lock is not None:
        _start(workspace, lock)


def touch_wake(workspace: Workspace) -> None:
    """Have the scheduler keep a worker warm from now on, for the idle minutes."""
    if workspace.read_only:
        return
    workspace.wake_file.touch()


def write_scheduler_facts(workspace: Workspace) -> None:
    """Write down this process as the scheduler, with its settings."""
    facts = {"pid": os.getpid(), "settings": _fingerprint_settings()}
    write_json(workspace.scheduler_pid, facts)


def start_detached(
    workspace: Workspace, command: list[str], *, lock: int | None = None, log_file: Path
) -> None:
    """Start a process that runs on its own; the lock, if any, is its own until it ends."""
    # The shell starts it in the background and ends: it is nobody's child, so nobody waits for it.
    try:
        with log_file.open("ab") as log:
            subprocess.run(
                ["/bin/sh", "-c", '"$@" &', "sh", *command],
                env=python_environment(workspace),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=() if lock is None else (lock,),
                start_new_session=True,
                check=True,
            )
    finally:
        if lock is not None:
            free_lock(lock)  # only our copy: the process has inherited it


def python_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs one of our modules in a process of its own."""
    return [sys.executable, "-P", "-m", module, *arguments]


def python_environment(workspace: Workspace) -> dict[str, str]:
    """Return our environment, in which our modules are found from any working directory."""
    path = os.pathsep.join(filter(None, (str(PROJECT_ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "PETALSCOPE_WORKSPACE": str(workspace.root)}


def _start(workspace: Workspace, lock: int) -> None:
    workspace.scheduler_pid.unlink(missing_ok=True)  # of one that was killed
    command = python_command("core.runs.scheduler", "--lock", str(lock))
    start_detached(workspace, command, lock=lock, log_file=workspace.scheduler_log)


def _take_over(workspace: Workspace) -> int | None:
    try:
        facts = json.loads(workspace.scheduler_pid.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # it is just starting or just ending
        return None
    if facts["settings"] == _fingerprint_settings():
        return None
    with suppress(ProcessLookupError):
        os.kill(facts["pid"], signal.SIGTERM)
    return take_lock(workspace.scheduler_lock, wait_s=_REPLACE_WAIT_S)


def _fingerprint_settings() -> str:
    settings = read_settings().model_dump(mode="json", exclude={"workspace"})
    settings = {name: value for name, value in settings.items() if not name.startswith("api_")}
    return fingerprint({**settings, "backend": os.environ.get("KERAS_BACKEND", "")})
