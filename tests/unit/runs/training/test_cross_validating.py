"""Heads that leave photos out: as those of a run, the same each time, without its test photos."""

import dataclasses

import numpy as np
import pytest

from core.prediction.nearest import read_cross_validation
from core.runs.result import read_result, read_run_features
from core.runs.run_files import FACTS_FILE
from core.runs.store import list_runs
from core.runs.training import cross_validating
from core.runs.training.cross_validating import cross_validate, read_folds, say_unfit
from core.workspace import Workspace
from models.plan import FitPlan, HeadShape


@pytest.mark.slow
def test_a_run_is_judged_by_heads_that_left_its_photos_out(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_validating, "MOST_STEPS", 1)
    run = list_runs(trained_copy)[0]
    result, folder = read_result(trained_copy, run.id), trained_copy.run_folder(run.id)
    before = {name: (folder / name).read_bytes() for name in (FACTS_FILE, "events.jsonl")}
    assert read_folds(trained_copy, run.id) is None
    found = cross_validate(trained_copy, run.id)
    assert found is not None and (found.answers >= 0).all()
    assert np.array_equal(found.photos, np.flatnonzero(result.splits != "test"))
    assert {name: (folder / name).read_bytes() for name in before} == before
    estimate = read_cross_validation(trained_copy, run.id, result)
    assert estimate is not None and estimate.accuracy.n == len(found.photos)

    (kept,) = (folder / "derived").glob("cross-validation-*.npz")
    kept.unlink()
    again = cross_validate(trained_copy, run.id)
    assert again is not None and np.array_equal(again.answers, found.answers)


def test_tuned_stages_and_large_sets_are_not_cross_validated(trained_workspace: Workspace) -> None:
    run = list_runs(trained_workspace)[0]
    result = read_result(trained_workspace, run.id)
    assert say_unfit(run, result) == ""
    tuned = dataclasses.replace(run.recipe, strategy="last_stage")
    assert "stages" in say_unfit(dataclasses.replace(run, recipe=tuned), result)
    many = dataclasses.replace(result, splits=np.full(6_000, "train"))
    assert "5,000" in say_unfit(run, many)


def test_long_runs_are_repeated_less_often_and_once_at_least() -> None:
    repeats = [cross_validating._count_repeats(100, steps) for steps in (10, 300, 10_000)]
    assert repeats == [5, 2, 1]
    assert cross_validating._count_repeats(4_000, 10) == 1


@pytest.mark.slow
def test_a_head_that_is_fitted_again_is_the_head_of_a_new_fit(trained_workspace: Workspace) -> None:
    from models.fitting import HeadFit, HeadRefit, fit_head

    result = read_result(trained_workspace, list_runs(trained_workspace)[0].id)
    features = np.asarray(read_run_features(trained_workspace, result))
    labels, shape, plan = result.labels, HeadShape(n_classes=3), FitPlan(epochs=2, batch_size=8)
    half = np.arange(len(labels)) % 2 == 0
    refit = HeadRefit(shape, plan, width=2048, standardise=True)
    first = refit.fit(features[half], labels[half], epochs=2)(features)
    short = refit.fit(features[~half], labels[~half], epochs=1)(features)
    assert not np.allclose(refit.fit(features[~half], labels[~half], epochs=2)(features), short)
    assert np.array_equal(refit.fit(features[half], labels[half], epochs=2)(features), first)
    job = HeadFit(
        train=([features[half]], labels[half]),
        validation=([features[:0]], labels[:0]),
        shape=shape,
        plan=plan,
        standardise=True,
    )
    np.testing.assert_allclose(fit_head(job, None).head.scores(features), first, atol=1e-4)
