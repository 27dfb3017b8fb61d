"""What has to start at once, or on any machine, loads no library that it does not need."""

import subprocess
import sys

import pytest

from core.workspace import PROJECT_ROOT

BACKENDS = {"keras", "tensorflow", "torch", "jax"}
HEAVY = {"keras", "openvino", "pandas", "numpy"}


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        ("core.api", BACKENDS | {"streamlit", "altair"}),
        ("core.serving.api", BACKENDS | {"streamlit"}),
        ("core.cli.upkeep", HEAVY),
        ("core.runs.training.executing", BACKENDS),  # it says first how Keras is to compute
        ("core.runs.scheduler, core.runs.queue.control", BACKENDS | HEAVY | {"streamlit"}),
    ],
)
def test_a_module_loads_nothing_heavy(modules: str, unwanted: set[str]) -> None:
    command = [sys.executable, "-c", f"import sys, {modules}; print(*sys.modules)"]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert not unwanted & set(done.stdout.split())
