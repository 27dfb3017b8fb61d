"""Photos are compared by what they are: across versions, never by their place."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from core.runs.common_photos import CommonPhotos, describe_left_out, find_common
from core.runs.result import RunResult
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import import_source
from data.manifest import read_dataset
from tests.builders import write_split_folders


def answer(dataset: Dataset, **changes: object) -> RunResult:
    """Return a result of a run that is right about every photo."""
    result = RunResult(
        scores=np.eye(len(dataset.classes), dtype=np.float32)[dataset.labels],
        labels=dataset.labels,
        splits=dataset.splits,
        paths=np.asarray(dataset.manifest["path"], dtype=np.str_),
        classes=dataset.classes,
        best_epoch=1,
        history=[],
        dataset_id=dataset.id,
        backbone_id="b",
        features_id="f",
        seconds={},
    )
    return dataclasses.replace(result, **changes)  # type: ignore[arg-type]


def compare(a: RunResult, b: RunResult, *datasets: Dataset, split: str = "test") -> CommonPhotos:
    return find_common(a, b, split, {one.id: one for one in datasets}.__getitem__)


@pytest.fixture
def before(workspace: Workspace, tmp_path: Path) -> Dataset:
    return import_source(workspace, write_split_folders(tmp_path / "before"))


@pytest.fixture
def after(workspace: Workspace, tmp_path: Path, before: Dataset) -> Dataset:  # noqa: ARG001
    """The same photos, but one lies in another class, one in another split, one is new, one gone.

    A new class stands first in the alphabet, so that class numbers and places all differ.
    """
    folder = tmp_path / "after"
    shutil.copytree(tmp_path / "before", folder)
    (folder / "test" / "aster").mkdir()
    (folder / "test" / "daisy" / "daisy_011.jpg").rename(folder / "test" / "aster" / "x.jpg")
    (folder / "test" / "rose" / "rose_011.jpg").rename(folder / "train" / "rose" / "x.jpg")
    (folder / "test" / "rose" / "rose_012.jpg").unlink()
    shutil.copy(folder / "train/tulip/tulip_000.jpg", folder / "train" / "aster.jpg")
    (folder / "train" / "aster").mkdir()
    (folder / "train" / "aster.jpg").rename(folder / "train" / "aster" / "new.jpg")
    return read_dataset(workspace, import_source(workspace, folder).id)


def test_two_runs_on_one_version_have_all_photos_of_the_split_in_common(before: Dataset) -> None:
    wrong = np.roll(answer(before).scores, 1, axis=1)
    common = compare(answer(before), answer(before, scores=wrong))
    assert len(common) == 9
    assert (common.predictions_a == common.labels).all()
    assert not (common.predictions_b == common.labels).any()
    assert describe_left_out(common) == ""


def test_photos_that_one_run_learnt_from_are_left_out(before: Dataset) -> None:
    splits = before.splits.copy()
    moved = before.photo_numbers("test")[:4]
    splits[moved] = "train"  # as another split seed would have drawn
    common = compare(answer(before), answer(before, splits=splits))
    assert len(common) == 5
    assert common.elsewhere == 4
    assert not np.isin(common.photos_a, moved).any()
    assert "4 in another split" in describe_left_out(common)


def test_versions_are_matched_by_content_and_classes_by_name(
    before: Dataset, after: Dataset
) -> None:
    a, b = answer(before), answer(after)
    common = compare(a, b, before, after)
    assert (common.relabelled, common.elsewhere, common.missing) == (1, 1, 1)
    assert len(common) == 6
    digests = [d.manifest["sha256"].to_numpy() for d in (before, after)]
    same = digests[0][common.photos_a] == digests[1][common.photos_b]
    assert same.all()
    assert (common.photos_a != common.photos_b).any()  # by place they would have been others
    assert common.classes == ("daisy", "rose", "tulip", "aster")
    assert (common.predictions_a == common.labels).all()
    assert (common.predictions_b == common.labels).all()  # class numbers differ, names do not
