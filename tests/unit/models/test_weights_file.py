"""The starter's file is read whole; what is no such file is refused."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import WeightsDamaged
from core.workspace import Workspace
from models.weights import find_weights
from models.weights_file import read_arrays


def test_the_starter_is_read(workspace: Workspace) -> None:
    file = find_weights(workspace, "starter").file
    assert file is not None
    arrays = read_arrays(file)
    assert len(arrays) == 318  # 53 convolutions with a bias, 53 normalisations of four
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}
    assert arrays["conv5_block3_3_conv/kernel"].shape == (1, 1, 512, 2048)
    assert np.ptp(arrays["conv5_block3_3_conv/kernel"]) > 0


@pytest.mark.parametrize("content", [b"", b"<!doctype html>please log in", None])
def test_another_file_is_refused(workspace: Workspace, tmp_path: Path, content: bytes) -> None:
    starter = find_weights(workspace, "starter").file
    assert starter is not None
    file = tmp_path / "short.safetensors"
    file.write_bytes(starter.read_bytes()[:-40] if content is None else content)
    with pytest.raises(WeightsDamaged, match="truncated or no"):
        read_arrays(file)
