"""Exports for tests: unpacked, and asked by their own files in a process without our packages."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path


def unpack(file: Path, folder: Path) -> Path:
    """Return the one folder that the zip holds, unpacked."""
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    (unpacked,) = folder.iterdir()
    return unpacked


def run_python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Return how a Python process ended that works in the folder and finds nothing of ours."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-B", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
