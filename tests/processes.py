"""Finds, awaits and ends the real processes of a test's own workspace, and no others."""

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import psutil

from core.workspace import Workspace

Answer = TypeVar("Answer")

PATIENCE_S = 120.0
"""Generous: a slow machine makes tests slow, never wrong."""


_OURS = ("core.runs.scheduler", "core.runs.worker", "core.monitoring.readings")


def wait_until(condition: Callable[[], Answer], what: str) -> Answer:
    """Return the condition's first true answer; fails after a long time without one."""
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:.0f} s in vain until {what}"
        time.sleep(0.02)
    return answer


def find_processes(workspace: Workspace, *modules: str) -> list[psutil.Process]:
    """Return the living processes that run one of these modules in this workspace."""
    found = []
    for process in psutil.process_iter():
        try:
            if not set(modules).isdisjoint(process.cmdline()) and _is_in(process, workspace):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def end_processes(workspace: Workspace) -> None:
    """Return when no scheduler, no worker and no errand of the workspace is left."""
    while found := find_processes(workspace, *_OURS):  # one that ends may just have begun another
        for process in found:
            with suppress(psutil.NoSuchProcess):  # it has just ended by itself
                process.kill()
        psutil.wait_procs(found, timeout=PATIENCE_S)


def _is_in(process: psutil.Process, workspace: Workspace) -> bool:
    alive = process.status() != psutil.STATUS_ZOMBIE
    return bool(alive and process.environ().get("PETALSCOPE_WORKSPACE") == str(workspace.root))


def run_at_once(code: str, count: int) -> list[str]:
    """Return what the code printed in so many processes; each waits at `sys.stdin.readline()`."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(count)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    printed = [child.communicate()[0] for child in children]
    assert [child.returncode for child in children] == [0] * count
    return printed
