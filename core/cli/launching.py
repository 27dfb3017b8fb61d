"""The command `petalscope`: without an argument the workbench, else the command line.

In the wheel this file is the package `petalscope`. All the rest lies in `petalscope/_app`, so that
no package called core, data or models comes into the environment of others.
"""

import os
import sys
from pathlib import Path


def main() -> int:
    """Run the command that the arguments name, or become the page server."""
    app = Path(__file__).resolve().parent / "_app"
    sys.path.insert(0, str(app))  # before packages of others that have the same names
    if not sys.argv[1:]:
        # -P: nor is a folder of that name in the working directory taken for ours.
        command = ["-P", "-m", "streamlit", "run", str(app / "streamlit_app.py")]
        os.execv(sys.executable, [sys.executable, *command])
    from core.cli import main as run_command

    return run_command(sys.argv[1:])
