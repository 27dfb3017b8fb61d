"""Each installed Keras backend trains and resumes."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from core.workspace import PROJECT_ROOT

pytestmark = pytest.mark.slow

BACKENDS = [name for name in ("tensorflow", "jax", "torch") if find_spec(name)]
PATIENCE_S = 600


def call(
    module: str, argument: str, backend: str, folder: Path, device: str = "cpu"
) -> dict[str, Any]:
    """Return what the module printed last, run in a process with this backend."""
    environment = {
        "KERAS_BACKEND": backend,
        "PETALSCOPE_DEVICE": device,
        "PETALSCOPE_WORKSPACE": str(folder / "workspace"),
    }
    done = subprocess.run(
        [sys.executable, "-m", module, argument],
        cwd=PROJECT_ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def losses(curve: list[dict[str, Any]]) -> list[float]:
    return [epoch["loss"] for epoch in curve]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_head_the_last_stage_and_all_stages_are_trained(backend: str, tmp_path: Path) -> None:
    told = call("tests.backends", str(tmp_path / "out"), backend, tmp_path)
    assert told["backend"] == backend
    assert told["cosine"] > 0.999  # of features by Keras and by OpenVINO, made in a new workspace
    for kind in ("head", "last_stage", "full"):
        assert losses(told[kind])[-1] < losses(told[kind])[0]
    assert told["head"][-1]["val_accuracy"] == 1
    # Two epochs, then one more from their checkpoint: as three in one go.
    assert losses(told["head_again"]) == losses(told["head"])
    assert (tmp_path / "out/stage/weights.h5").stat().st_size > 50_000_000
