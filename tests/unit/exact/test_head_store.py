"""Exact heads by a real job: made once, opened memory-mapped, tied to features and splits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.config import fingerprint
from core.errors import FeaturesMissing, RecipeRefused
from core.exact.store import KIND, find_run_source, find_source, measure_agreement, open_head
from core.runs.jobs import read_job
from core.runs.result import read_result, read_run_features
from core.runs.store import list_runs
from core.runs.training.executing import choose_splits
from core.workspace import Workspace
from data.importing import import_source
from data.manifest import list_datasets, read_dataset
from tests.builders import write_class_folders
from tests.processes import wait_until


def test_a_head_is_made_by_a_job_and_opened(trained_copy: Workspace) -> None:
    dataset = read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    source = find_source(trained_copy, dataset)
    assert open_head(trained_copy, source.id) is None
    source.start(trained_copy, KIND)
    wait_until(lambda: open_head(trained_copy, source.id) is not None, "the head is made")
    head = open_head(trained_copy, source.id)
    assert head is not None and isinstance(head.rows, np.memmap)
    assert np.array_equal(head.train, dataset.photo_numbers("train"))
    run = list_runs(trained_copy)[0]
    result = read_result(trained_copy, run.id)
    features = read_run_features(trained_copy, result)
    assert np.abs(head.answer(np.asarray(features)) - head.outputs).max() < 1e-4
    # The same photos and features: the head beside the run is this one.
    assert find_run_source(trained_copy, dataset, run.id, result).id == source.id
    same, n = measure_agreement(head, result)
    assert 0 <= same <= n == len(dataset.photo_numbers("validation"))
    job = read_job(trained_copy.analysis_folder(source.id))
    assert job is not None and job.state in ("running", "done")


def test_what_earlier_programs_kept_has_the_same_ids(trained_copy: Workspace) -> None:
    source = find_source(
        trained_copy, read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    )
    judged = source.dataset.photo_numbers("validation").tolist()
    facts = {"kind": "stages", "head": source.id, "version": 2, "judged": judged}
    assert source.identify("stages") == fingerprint(facts)
    assert source.identify(KIND) == source.id


def test_without_features_it_says_what_to_do(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_source(workspace, write_class_folders(tmp_path / "photos"))
    with pytest.raises(FeaturesMissing) as told:
        find_source(workspace, dataset)
    assert f"core features {dataset.id}" in told.value.remedy


def test_one_class_has_neither_a_run_nor_an_exact_head(trained_copy: Workspace) -> None:
    dataset = read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    alone = replace(dataset, classes=dataset.classes[:1])
    with pytest.raises(FeaturesMissing, match="only one class"):
        find_source(trained_copy, alone)
    with pytest.raises(RecipeRefused, match="two classes or more"):
        choose_splits(alone, list_runs(trained_copy)[0].recipe)


def test_too_many_photos_are_refused(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    monkeypatch.setattr("core.exact.store.MOST_PHOTOS", len(dataset) - 1)
    with pytest.raises(FeaturesMissing, match=f"these are {len(dataset):,}"):
        find_source(trained_copy, dataset)
