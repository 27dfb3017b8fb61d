"""The command `petalscope`: without an argument the workbench, else the command line.

In the wheel this file is the package `petalscope`. The rest is in `petalscope/_app`, so that no
package called core, data or models is installed.
"""

import os
import sys
from pathlib import Path


def main() -> int:
    """Run a command, or become the page server."""
    app = Path(__file__).resolve().parent / "_app"
    sys.path.insert(0, str(app))  # before other packages with the same names
    if not sys.argv[1:]:
        # -P: ignore folders of these names in the working directory.
        command = ["-P", "-m", "streamlit", "run", str(app / "streamlit_app.py")]
        os.execv(sys.executable, [sys.executable, *command])
    from core.cli import main as run_command

    return run_command(sys.argv[1:])
