"""Which weights are found, in which order, and what a wrong file is told to be."""

from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from core.config import OFFICIAL_WEIGHTS_URL
from core.errors import WeightsDamaged, WeightsMissing
from core.runs.jobs import probe_weights
from core.workspace import Workspace, digest_file
from models import weights as weights_module
from models.weights import (
    OFFICIAL_NAME,
    describe_weights,
    find_weights,
    list_weights,
    name_usual,
)
from models.weights_file import check_weights_file

MakeFile = Callable[..., Path]


def test_without_any_file_the_error_names_the_address_and_the_folder(workspace: Workspace) -> None:
    with pytest.raises(WeightsMissing) as caught:
        find_weights(workspace)
    assert OFFICIAL_WEIGHTS_URL in caught.value.remedy
    assert str(workspace.weights) in caught.value.remedy


def test_places_are_searched_in_order(
    workspace: Workspace,
    tmp_path: Path,
    make_weights_file: MakeFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cached = make_weights_file(tmp_path / "keras" / "models" / OFFICIAL_NAME)
    monkeypatch.setattr(weights_module, "OFFICIAL_MD5", digest_file(cached, "md5"))
    found = find_weights(workspace)
    assert (found.file, found.origin, found.label) == (cached, "Keras' cache", "ImageNet")

    stored = make_weights_file(workspace.weights / "other.h5", _mark)
    found = find_weights(workspace)
    assert (found.file, found.origin) == (stored, "the workspace")
    assert found.label == "pretrained: other.h5"
    assert not found.official

    official = make_weights_file(workspace.weights / OFFICIAL_NAME)
    assert find_weights(workspace).file == official

    chosen = make_weights_file(tmp_path / "mine.h5")
    monkeypatch.setenv("PETALSCOPE_WEIGHTS", str(chosen))
    found = find_weights(workspace)
    assert (found.file, found.origin) == (chosen, "PETALSCOPE_WEIGHTS")
    assert found.digest == digest_file(chosen)


def test_random_weights_need_no_file(workspace: Workspace) -> None:
    found = find_weights(workspace, "random")
    assert (found.name, found.file, found.label) == ("random", None, "random")


def test_a_file_that_changes_gets_another_digest(
    workspace: Workspace, make_weights_file: MakeFile
) -> None:
    path = make_weights_file(workspace.weights / "mine.h5")
    before = find_weights(workspace).digest
    make_weights_file(path, _mark)
    assert find_weights(workspace).digest == digest_file(path) != before


def test_a_chosen_file_that_is_not_there_is_not_replaced(
    workspace: Workspace, make_weights_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_weights_file(workspace.weights / OFFICIAL_NAME)
    monkeypatch.setenv("PETALSCOPE_WEIGHTS", "/nowhere/weights.h5")
    with pytest.raises(WeightsMissing, match=r"/nowhere/weights\.h5"):
        find_weights(workspace)


def test_an_altered_file_in_the_cache_of_keras_is_refused(
    workspace: Workspace, tmp_path: Path, make_weights_file: MakeFile
) -> None:
    make_weights_file(tmp_path / "keras" / "models" / OFFICIAL_NAME)
    with pytest.raises(WeightsDamaged, match="digest"):
        find_weights(workspace)


def _mark(file: h5py.File) -> None:
    file.attrs["mark"] = 1


def _add_top(file: h5py.File) -> None:
    group = file.create_group("predictions")
    group.attrs["weight_names"] = ["predictions/kernel:0"]
    group.create_dataset("predictions/kernel:0", (2048, 1000), "float16")


def _drop_block(file: h5py.File) -> None:
    del file["conv4_block6_2_conv"]


def _widen_kernel(file: h5py.File) -> None:
    del file["conv1_conv/conv1_conv/kernel:0"]
    file.create_dataset("conv1_conv/conv1_conv/kernel:0", (7, 7, 4, 64), "float16")


def _empty(file: h5py.File) -> None:
    for layer in list(file):
        del file[layer]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_add_top, "predictions does not belong"),
        (_drop_block, "conv4_block6_2_conv is missing"),
        (_widen_kernel, "conv1_conv has shape"),
        (_empty, "no layers"),
    ],
)
def test_another_network_is_told(
    tmp_path: Path,
    make_weights_file: MakeFile,
    change: Callable[[h5py.File], None],
    told: str,
) -> None:
    path = make_weights_file(tmp_path / "wrong.h5", change)
    with pytest.raises(WeightsDamaged, match=told):
        check_weights_file(path)


def test_a_truncated_file_is_told(tmp_path: Path, make_weights_file: MakeFile) -> None:
    path = make_weights_file(tmp_path / "short.h5")
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsDamaged, match="truncated"):
        check_weights_file(path)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>"])
def test_a_file_of_another_kind_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "page.h5"
    path.write_bytes(content)
    with pytest.raises(WeightsDamaged, match="not an HDF5"):
        check_weights_file(path)


def test_weights_of_an_earlier_version_are_refused(workspace: Workspace) -> None:
    with pytest.raises(WeightsMissing, match="no weights called “dino”") as caught:
        find_weights(workspace, "dino")
    assert "pretrained, starter, random" in caught.value.remedy


def test_a_network_of_an_earlier_version_is_refused(
    tmp_path: Path, make_weights_file: MakeFile
) -> None:
    def mark(file: h5py.File) -> None:
        file.attrs.update(petalscope_graph="v15", petalscope_inputs="torch")

    with pytest.raises(WeightsDamaged, match="the network “v15”"):
        describe_weights(make_weights_file(tmp_path / "tuned.h5", mark), "this run")


def test_all_weights_on_this_machine_are_listed(
    workspace: Workspace, make_weights_file: MakeFile
) -> None:
    assert [found.name for found in list_weights(workspace)] == ["starter", "random"]
    make_weights_file(workspace.weights / OFFICIAL_NAME)
    assert [found.name for found in list_weights(workspace)] == ["pretrained", "starter", "random"]
    assert name_usual(workspace) == "pretrained"
    assert name_usual(workspace, ["vicreg", "starter", "random"]) == "starter"


def test_without_pretrained_weights_those_of_the_program_are_used(workspace: Workspace) -> None:
    assert name_usual(workspace) == name_usual(workspace, ["random"]) == "starter"
    starter = find_weights(workspace, "starter")
    assert starter.official and starter.label == "Built-in"
    assert starter.file is not None and starter.file.stat().st_size < 26_000_000


@pytest.mark.slow
def test_weights_that_make_no_features_are_removed(
    workspace: Workspace, make_weights_file: MakeFile
) -> None:
    file = make_weights_file(workspace.weights / "zeros.h5")  # every layer is there, of zeros
    with pytest.raises(WeightsDamaged, match="same features"):
        probe_weights(workspace, find_weights(workspace))
    assert not file.exists()
    assert not list(workspace.backbones.iterdir())
