"""Pickles: never opened here; with PyTorch, where it is, they become arrays."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from core.errors import WeightsDamaged, WeightsMissing
from core.workspace import Workspace
from models.catalogue.arrays import list_torch_arrays, read_arrays
from models.downloads import check_pickle, convert_pickle, convert_weights
from models.weights import find_weights


def test_without_pytorch_the_error_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    file = tmp_path / "dino.pth"
    with pytest.raises(WeightsMissing, match="--python") as caught:
        convert_pickle(file, tmp_path / "dino.safetensors")
    assert f"weights convert {file}" in caught.value.remedy


@pytest.mark.parametrize("python", ["false", "/nowhere/python"])
def test_a_python_that_cannot_is_told(tmp_path: Path, python: str) -> None:
    with pytest.raises(WeightsMissing, match="could not be converted"):
        convert_pickle(tmp_path / "dino.pth", tmp_path / "dino.safetensors", python)
    assert not list(tmp_path.iterdir())


def test_another_file_than_a_pickle_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing):
        check_pickle(tmp_path / "dino.pth")
    (tmp_path / "dino.pth").write_text("<html>please log in</html>")
    with pytest.raises(WeightsDamaged, match="web page"):
        check_pickle(tmp_path / "dino.pth")


class Bomb:
    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.place,))


if importlib.util.find_spec("torch"):  # it is no requirement of the tests

    @pytest.mark.parametrize("nested", ["", "state_dict"])
    def test_arrays_come_out_of_a_pickle(workspace: Workspace, tmp_path: Path, nested: str) -> None:
        import torch

        state = {f"module.{name}": torch.rand(shape) for name, shape in list_torch_arrays()}
        state["module.bn1.num_batches_tracked"] = torch.tensor(7)
        torch.save({nested: state, "epoch": 3} if nested else state, tmp_path / "dino.pth")
        check_pickle(tmp_path / "dino.pth")
        file = convert_weights(workspace, tmp_path / "dino.pth", "dino")
        found = read_arrays(file)
        np.testing.assert_array_equal(found["bn1.bias"], state["module.bn1.bias"].numpy())
        assert found["bn1.num_batches_tracked"] == 7
        assert find_weights(workspace, "dino").file == file

    def test_a_pickle_that_runs_something_is_refused(tmp_path: Path) -> None:
        import torch

        torch.save({"a": Bomb(tmp_path / "ran")}, tmp_path / "dino.pth")
        with pytest.raises(WeightsMissing):
            convert_pickle(tmp_path / "dino.pth", tmp_path / "dino.safetensors")
        assert not (tmp_path / "ran").exists()
