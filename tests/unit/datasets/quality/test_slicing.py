"""The slices of a real run: every photo is in one bin of each property."""

from pathlib import Path

import numpy as np
import pytest

from core.datasets.quality.slicing import SOUND, list_properties, study_slices
from core.evaluation.slices import read_rule
from core.runs.result import RunResult, read_result
from core.runs.store import list_runs
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import import_source
from data.manifest import read_dataset
from tests.builders import draw_photo, encode_photo


@pytest.fixture(scope="module")
def trained(trained_workspace: Workspace) -> tuple[Dataset, RunResult]:
    result = read_result(trained_workspace, list_runs(trained_workspace)[0].id)
    return read_dataset(trained_workspace, result.dataset_id), result


def test_each_photo_has_a_value_of_each_property(trained: tuple[Dataset, RunResult]) -> None:
    dataset, result = trained
    properties = list_properties(dataset, result.splits)
    assert {"brightness", "colour", "short_side", "shape", "format", "source", "issue"} <= set(
        properties
    )
    assert "own_split" not in properties
    assert all(len(one.values) == len(dataset) for one in properties.values())
    manifest = dataset.manifest
    sides = manifest[["width", "height"]].min(axis=1)
    assert properties["short_side"].values.tolist() == sides.tolist()
    assert set(properties["format"].values) == {"JPEG"}
    # The folders are the classes.
    assert len(set(properties["source"].values)) == 1
    other = list_properties(dataset, np.roll(result.splits, 1))  # splits drawn again
    assert set(other["own_split"].values) == set(dataset.splits)
    issues = properties["issue"]
    assert not issues.searched
    small = dataset.manifest[["width", "height"]].min(axis=1).to_numpy() < 96
    assert (issues.values[small] != SOUND).all()


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_every_bin_holds_photos_of_the_split(
    trained: tuple[Dataset, RunResult], split: str
) -> None:
    dataset, result = trained
    study = study_slices(dataset, result, split)
    right = result.scores.argmax(axis=1) == result.labels
    assert study.n == int((result.splits == split).sum())
    assert study.accuracy == pytest.approx(right[result.splits == split].mean())
    for name, bins in study.bins.items():
        assert bins["n"].sum() == study.n
        for row in bins.to_dict("records"):
            rule = read_rule(row["value"], study.properties)
            assert rule is not None and rule[0].name == name
            photos, hits = study.photos_in(rule)
            assert len(photos) == row["n"] and int((~hits).sum()) == row["wrong"]
            assert set(result.splits[photos]) == {split}
            assert np.array_equal(hits, right[photos])
    # No bin is large enough for the scale to pass over others: each interval is in sight.
    lows = [bins["low"].min() for bins in study.bins.values() if len(bins)]
    assert study.lowest_end == min(lows)
    assert study.search.too_few  # six photos are no ground for a search


def test_shortcuts_are_judged_by_photos_that_were_not_learnt_from(
    trained: tuple[Dataset, RunResult],
) -> None:
    dataset, result = trained
    study = study_slices(dataset, result, "train")
    assert study.judged_by == "validation"
    assert {one.accuracy.n for one in study.shortcuts} == {
        int((result.splits == "validation").sum())
    }


@pytest.mark.parametrize("planted", [True, False])
def test_a_class_of_one_size_is_warned_of_in_real_photos(
    workspace: Workspace, tmp_path: Path, planted: bool
) -> None:
    """One class is photographed at a size that no other has; without that nothing is said."""
    for number, name in enumerate(("daisy", "rose", "tulip")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for photo in range(40):
            size = (132, 132) if planted and name == "rose" else (100 + 3 * (photo % 7),) * 2
            content = encode_photo(draw_photo(number, photo, size), quality=90)
            (tmp_path / "photos" / name / f"{photo}.jpg").write_bytes(content)
    dataset = import_source(workspace, tmp_path / "photos")
    scores = np.random.default_rng(0).dirichlet(np.ones(3), len(dataset)).astype(np.float32)
    result = RunResult(
        scores=scores,
        labels=dataset.labels,
        splits=dataset.splits,
        paths=np.array(dataset.manifest["path"], dtype=np.str_),
        classes=dataset.classes,
        best_epoch=1,
        history=[],
        dataset_id=dataset.id,
        backbone_id="none",
        features_id="none",
        seconds={},
    )
    found = {one.name: one for one in study_slices(dataset, result, "validation").shortcuts}
    assert found["short_side"].is_warned == planted
    assert ("rose" in found["short_side"].separated) == planted
