"""Analyses by real jobs: made once, kept, read; damage and missing weights are noticed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.config import fingerprint
from core.datasets.quality.store import (
    find_feature_sets,
    list_leaking_photos,
    list_parameters,
    read_map,
    read_quality,
    request_analysis,
)
from core.errors import DatasetMissing, WeightsMissing
from core.kept import RESULT, Cached, write_cached
from core.runs.jobs import read_job
from core.workspace import Workspace
from data.importing import import_source
from data.manifest import list_datasets, read_dataset
from tests.builders import write_class_folders
from tests.processes import wait_until


def wait_for_job(workspace: Workspace, analysis: str) -> str:
    def ended() -> str:
        status = read_job(workspace.analysis_folder(analysis))
        assert status is not None
        return "" if status.state == "running" else f"{status.state} {status.code} {status.problem}"

    return wait_until(ended, "the analysis has ended").strip()


@pytest.mark.parametrize(
    ("split", "leaking"), [("train", []), ("validation", []), ("test", [4, 5])]
)
def test_only_a_twin_in_train_counts(split: str, leaking: list[int]) -> None:
    pairs = pd.DataFrame({"a": [0, 1, 2, 3], "b": [4, 5, 3, 5], "kind": "exact"})
    splits = np.array(["train", "validation", "train", "train", "test", "test"])
    assert list_leaking_photos(pairs, splits, split).tolist() == leaking
    assert list_leaking_photos(pairs.head(0), splits, split).tolist() == []


def choose_dataset(workspace: Workspace) -> str:
    return list_datasets(workspace)[-1].id


@pytest.mark.slow
def test_quality_is_made_once_read_and_made_again_when_damaged(trained_copy: Workspace) -> None:
    dataset = read_dataset(trained_copy, choose_dataset(trained_copy))
    kept = find_feature_sets(trained_copy, dataset.id)
    assert [(features.kind, features.label) for features in kept] == [("random", "random")]
    assert read_quality(trained_copy, dataset.id) is None
    analysis = request_analysis(trained_copy, dataset.id, "random")
    assert wait_for_job(trained_copy, analysis) == "done"
    result = read_quality(trained_copy, dataset.id)
    assert result is not None
    n = len(dataset)
    assert (result.id, result.weights, result.features_label) == (analysis, "random", "random")
    assert result.neighbours.shape == result.similarities.shape == (n, n - 1)
    assert (np.diff(result.similarities, axis=1) <= 0).all()
    columns = "typicality outlier_score outlier given_score suggested suggested_score label_score"
    assert list(result.photos.columns) == [*columns.split(), "suspect"]
    assert len(result.photos) == n
    assert set(result.photos["suggested"]) <= set(dataset.classes)
    assert set(result.pairs["kind"]) <= {"exact", "near"}
    assert result.facts["head_photos"] == n
    positions = read_map(trained_copy, dataset.id, "pca")
    assert positions is not None and positions.shape == (n, 2)
    job = trained_copy.analysis_folder(analysis) / "job.json"
    before = job.stat().st_mtime_ns
    assert request_analysis(trained_copy, dataset.id, "random") == analysis
    assert job.stat().st_mtime_ns == before, "what is there is not made again"

    for name in ("neighbours.npy", "photos.parquet", "facts.json"):
        file = trained_copy.analysis_folder(analysis) / RESULT / name
        content = file.read_bytes()
        damaged = bytearray(content)
        damaged[len(content) // 2] ^= 1
        for change in (damaged, content[:-3]):
            file.write_bytes(change)
            assert read_quality(trained_copy, dataset.id) is None, name
        file.write_bytes(content)
        assert read_quality(trained_copy, dataset.id) is not None
    file.unlink()
    assert request_analysis(trained_copy, dataset.id, "random") == analysis
    assert wait_for_job(trained_copy, analysis) == "done"
    again = read_quality(trained_copy, dataset.id)
    assert again is not None and (again.neighbours == result.neighbours).all()


def test_features_that_are_missing_are_computed(trained_copy: Workspace, tmp_path: Path) -> None:
    photos = write_class_folders(tmp_path / "more", photos_per_class=4, first=50)
    dataset = import_source(trained_copy, photos)
    assert find_feature_sets(trained_copy, dataset.id) == []
    analysis = request_analysis(trained_copy, dataset.id, "random", "tsne")
    assert wait_for_job(trained_copy, analysis) == "done"
    assert len(find_feature_sets(trained_copy, dataset.id)) == 1
    for method in ("pca", "tsne"):
        positions = read_map(trained_copy, dataset.id, method)  # type: ignore[arg-type]
        assert positions is not None and positions.shape == (12, 2)
    assert read_quality(trained_copy, dataset.id) is None


def test_missing_weights_are_told_where_features_cannot_do_without(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PETALSCOPE_WEIGHTS", str(tmp_path / "none.h5"))
    dataset = choose_dataset(trained_copy)
    with pytest.raises(WeightsMissing):
        request_analysis(trained_copy, dataset, "pretrained")
    with pytest.raises(WeightsMissing):
        request_analysis(trained_copy, dataset, "pretrained", "tsne")
    assert list(trained_copy.analyses.iterdir()) == []


def test_a_job_without_weights_fails_with_their_remedy(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The weights are found when the job is asked for and are gone when it starts."""
    from core.runs.jobs import start_job

    dataset = choose_dataset(trained_copy)
    parameters = list_parameters(trained_copy, dataset, "random")
    parameters |= {"weights": "pretrained", "backbone": "0" * 16}
    monkeypatch.setenv("PETALSCOPE_WEIGHTS", str(tmp_path / "none.h5"))
    analysis = fingerprint(parameters)
    folder = trained_copy.analysis_folder(analysis)
    start_job(trained_copy, folder, "quality", parameters)
    assert wait_for_job(trained_copy, analysis).startswith("failed weights_missing")
    status = read_job(trained_copy.analysis_folder(analysis))
    assert status is not None and "PETALSCOPE_WEIGHTS" in status.remedy


def test_an_analysis_of_an_earlier_version_is_read_until_there_is_a_new_one(
    trained_copy: Workspace,
) -> None:
    dataset = choose_dataset(trained_copy)

    def write(identifier: str, weights: str, rest: dict[str, int], value: float) -> None:
        facts = Cached(
            id=identifier, kind="quality", dataset=dataset, weights=weights, label="", rest=rest
        )
        write_cached(trained_copy, facts, arrays={"pca": np.full((1, 2), value)})

    write("0" * 16, "pretrained", {}, 0.0)
    assert read_map(trained_copy, dataset, "pca") == pytest.approx(0.0)
    write("1" * 16, "random", list_parameters(trained_copy, dataset, "random"), 1.0)
    assert read_map(trained_copy, dataset, "pca") == pytest.approx(1.0)


def test_other_weights_are_another_analysis(trained_copy: Workspace) -> None:
    dataset = choose_dataset(trained_copy)
    random = list_parameters(trained_copy, dataset, "random")
    assert fingerprint(random) == fingerprint(list_parameters(trained_copy, dataset, "random"))
    assert read_job(trained_copy.analysis_folder(fingerprint(random))) is None


def test_unknown_datasets_are_refused(workspace: Workspace) -> None:
    with pytest.raises(DatasetMissing):
        request_analysis(workspace, "0123456789abcdef", "random")
