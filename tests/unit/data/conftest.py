"""What the tests of archives share."""

from pathlib import Path

import pytest


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """An empty folder to unpack into."""
    folder = tmp_path / "target"
    folder.mkdir()
    return folder
