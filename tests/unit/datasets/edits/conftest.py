"""A dataset to edit: three classes of ten photos."""

from pathlib import Path

import pytest

from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import import_source
from tests.builders import write_class_folders


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    """daisy 0..9, rose 10..19, tulip 20..29."""
    return import_source(workspace, write_class_folders(tmp_path / "photos"), name="garden")
