"""The package `petalscope`: the command, and the names of `core.api` for `import petalscope as ps`.

In the wheel this file is its `__init__.py`. The rest is in `petalscope/_app`, so that no package
called core, data or models is installed.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

_APP = Path(__file__).resolve().parent / "_app"


def main() -> int:
    """Run a command, or become the page server."""
    sys.path.insert(0, str(_APP))  # before other packages with the same names
    if not sys.argv[1:]:
        # -P: ignore folders of these names in the working directory.
        command = ["-P", "-m", "streamlit", "run", str(_APP / "streamlit_app.py")]
        os.execv(sys.executable, [sys.executable, *command])
    from core.cli import main as run_command

    return run_command(sys.argv[1:])


def __getattr__(name: str) -> Any:
    """Return a name of `core.api`, such as `petalscope.open`; imported when it is first used."""
    if name.startswith("_"):
        raise AttributeError(name)
    return getattr(_import_api(), name)


def __dir__() -> list[str]:
    return ["main", *_import_api().__all__]


def _import_api() -> Any:
    sys.path.insert(0, str(_APP))  # before folders called core or data beside a notebook
    try:
        found = [import_module(package) for package in ("core", "data", "models")]
    finally:
        sys.path.remove(str(_APP))
    for one in found:
        if not str(one.__file__).startswith(str(_APP)):
            problem = f"Another package called “{one.__name__}” is imported already"
            raise ImportError(f"{problem}: import petalscope first, in a new process.")
    return import_module("core.api")
