"""Studies of the exact head beside a run: made once, kept, judged by its validation photos."""

from dataclasses import replace

import numpy as np
import pytest

from core.datasets.quality.results import read_status
from core.errors import FeaturesMissing
from core.exact.erasing import list_erasable
from core.exact.studies import (
    Study,
    find_study,
    make_study,
    read_study,
    start_study,
)
from core.runs.result import read_result
from core.runs.store import list_runs
from core.workspace import Workspace
from tests.processes import wait_until


def find(workspace: Workspace, kind: str, **options: object) -> Study:
    """Return the study of the run."""
    run = list_runs(workspace)[0].id
    return find_study(workspace, run, read_result(workspace, run), kind, **options)


def make(workspace: Workspace, kind: str, **options: object) -> Study:
    """Return the study, made here."""
    study = find(workspace, kind, **options)
    make_study(workspace, study, lambda *_: None)
    return study


def test_a_job_makes_it_once_and_validation_photos_judge(trained_copy: Workspace) -> None:
    study = find(trained_copy, "class-costs")
    start_study(trained_copy, study)
    job = read_status(trained_copy, study.id)
    assert job is not None and job.parameters["dataset"] == study.source.dataset.id
    wait_until(lambda: read_study(trained_copy, study.id) is not None, "the study is made")
    tables = read_study(trained_copy, study.id)
    assert tables is not None
    drops, classes = tables["drops"], study.source.dataset.classes
    assert drops["class"].tolist() == list(range(len(classes)))
    assert drops["n"].sum() == (len(classes) - 1) * len(study.judges)
    assert (tables["merges"]["n"] == len(study.judges)).all()


def test_new_splits_are_dealt_naively_where_copies_are_not_known(trained_copy: Workspace) -> None:
    tables = read_study(trained_copy, make(trained_copy, "split-luck", quality="").id)
    assert tables is not None
    assert set(tables["deals"]["way"]) <= {"naive"}
    assert tables["deals"]["accuracy"].between(0, 1).all()
    assert tables["now"]["n"].tolist() == [len(find(trained_copy, "class-costs").judges)]


def test_what_is_taken_away_stands_beside_random_directions(trained_copy: Workspace) -> None:
    result = read_result(trained_copy, list_runs(trained_copy)[0].id)
    dataset = find(trained_copy, "class-costs").source.dataset
    names = list_erasable(trained_copy, dataset, result)
    assert {"brightness", "border"} <= set(names)
    for what in ("brightness", "border"):
        study = make(trained_copy, "erasing", what=what)
        tables = read_study(trained_copy, study.id)
        assert tables is not None
        facts = tables["facts"].iloc[0]
        assert facts["rank"] == (3 if what == "border" else 1)
        assert tables["classes"]["n"].sum() == facts["n"] == len(study.judges)
        assert len(tables["flips"]) == facts["flips"] >= facts["gained"] + facts["lost"]
        assert set(tables["flips"]["photo"]) <= set(study.judges)


def test_without_validation_photos_or_features_it_says_what_to_do(
    trained_copy: Workspace,
) -> None:
    run = list_runs(trained_copy)[0].id
    result = read_result(trained_copy, run)
    for file in (trained_copy.root / "features").rglob("*.npy"):
        file.unlink()
    with pytest.raises(FeaturesMissing, match="altered"):
        find_study(trained_copy, run, result, "class-costs")
    result = replace(result, splits=np.full_like(result.splits, "train"))
    with pytest.raises(FeaturesMissing, match="validation"):
        find_study(trained_copy, run, result, "class-costs")
