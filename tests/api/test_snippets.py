"""The code that the page offers is run as it stands, against a real API, with and without a key."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.ui.registry.api_snippets import write_snippets
from tests.api.conftest import PHOTO
from tests.serving_process import ServingProcess

RUNNERS = {
    "curl": ["bash", "-c"],
    "Python": [sys.executable, "-c"],
    "JavaScript": ["node", "--input-type=module", "-e"],
}


@pytest.mark.parametrize("label", RUNNERS)
def test_the_code_does_what_it_says(label: str, serving: ServingProcess, tmp_path: Path) -> None:
    if shutil.which(RUNNERS[label][0]) is None:
        pytest.skip(f"{RUNNERS[label][0]} is not installed")
    for name in ("tulip.jpg", "rose.jpg"):
        (tmp_path / name).write_bytes(PHOTO)
    snippets = write_snippets(f"http://127.0.0.1:{serving.port}", with_key=False)
    code = next(one.code for one in snippets if one.label == label)
    done = _run(label, code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "v1" in done.stdout
    if label == "curl":  # the id of its third request is for the reader to fill in
        assert '"answered":2' in done.stdout
        assert '"code":"request_refused"' in done.stdout
    else:
        assert "waiting" in done.stdout


def test_the_code_with_a_key_is_sound(tmp_path: Path) -> None:
    snippets = write_snippets("http://127.0.0.1:8000", with_key=True)
    assert all("PETALSCOPE_API_KEY" in one.code for one in snippets)
    python = next(one.code for one in snippets if one.label == "Python")
    ast.parse(python)
    for one in snippets:
        assert "Bearer" in one.code
    del tmp_path


def _run(label: str, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUNNERS[label], code],
        cwd=folder,
        env=os.environ.copy(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
