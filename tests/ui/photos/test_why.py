"""Why an answer: the review of mistakes, the panel of a photo and the command say the same."""

import numpy as np
import pytest

from core.datasets.edits.tray import list_edits
from core.exact.head import fit_head
from core.exact.store import find_run_source, prepare_head
from core.exact.why import Why, ask_why
from core.runs.result import read_result, read_run_features
from core.runs.store import list_runs
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import list_datasets, read_dataset
from tests.ui.driver import open_page, press, text_of


@pytest.fixture
def dataset(trained_copy: Workspace) -> Dataset:
    return read_dataset(trained_copy, list_datasets(trained_copy)[0].id)


@pytest.fixture
def why(trained_copy: Workspace, dataset: Dataset) -> Why:
    """The first validation photo whose answer a few training photos turn."""
    run = list_runs(trained_copy)[0].id
    result = read_result(trained_copy, run)
    head = prepare_head(trained_copy, find_run_source(trained_copy, dataset, run, result))
    asked = (ask_why(head, dataset, result, int(n)) for n in result.photo_numbers("validation"))
    return next(one for one in asked if one is not None and one.reasons.flip is not None)


def test_the_page_says_what_the_head_says(
    trained_copy: Workspace, dataset: Dataset, why: Why
) -> None:
    run, paths = list_runs(trained_copy)[0].id, dataset.manifest["path"]
    # A ranking of random photos lists right ones, too.
    query = {"run": run, "tab": "random", "review": str(why.photo)}
    app = open_page("mistakes", photo=str(why.photo), **query)
    app.toggle("panel.why").set_value(True).run()
    assert f"{why.say_answer()} **{why.say_set()}**" in text_of(app)
    assert why.reasons.flip is not None
    press(app, "Exclude in the tray")
    edits = list_edits(trained_copy, dataset.id)
    assert {edit.path for edit in edits} == set(paths.iloc[why.reasons.flip])
    assert {edit.action for edit in edits} == {"exclude"}


def test_what_a_sealed_photo_is_answered_is_not_said(dataset: Dataset) -> None:
    app = open_page("dataset", dataset=dataset.id, photo=str(dataset.photo_numbers("test")[0]))
    app.toggle("panel.why").set_value(True).run()
    assert "sealed" in text_of(app)


def test_a_training_photo_is_asked_of_the_head_without_it(
    trained_copy: Workspace, dataset: Dataset
) -> None:
    run = list_runs(trained_copy)[0].id
    result = read_result(trained_copy, run)
    head = prepare_head(trained_copy, find_run_source(trained_copy, dataset, run, result))
    photo = int(head.train[0])
    found = ask_why(head, dataset, result, photo)
    assert found is not None and photo not in found.reasons.train
    app = open_page("dataset", dataset=dataset.id, photo=str(photo))
    app.toggle("panel.why").set_value(True).run()
    assert found.say_set() in text_of(app) and "fitted without it" in text_of(app)


def test_without_its_features_it_says_what_to_do(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[0].id
    result = read_result(trained_copy, run)
    for file in trained_copy.features.glob(f"{result.features_id}*"):
        file.unlink()
    photo = int(result.photo_numbers("validation")[0])
    app = open_page("mistakes", run=run, tab="least-sure", review=str(photo))
    assert not app.exception
    told = [one.value for one in app.info]
    assert any("features" in one for one in told), told


def test_classes_that_nothing_teaches(trained_copy: Workspace, dataset: Dataset) -> None:
    run = list_runs(trained_copy)[0].id
    result = read_result(trained_copy, run)
    train, features = result.photo_numbers("train"), read_run_features(trained_copy, result)
    first = train[dataset.labels[train] == 0]
    head = fit_head(np.asarray(features), dataset.labels, first, len(dataset.classes))
    assert ask_why(head, dataset, result, int(first[0])) is None
    other = int(np.flatnonzero(dataset.labels == 1)[0])
    found = ask_why(head, dataset, result, other)
    assert found is not None and not found.reasons.right and found.reasons.flip is None
    assert "No training photo shows" in found.say_set()
    # The only photo of its class: asked of a head that knows none.
    alone = np.append(first, other)
    head = fit_head(np.asarray(features), dataset.labels, np.sort(alone), len(dataset.classes))
    found = ask_why(head, dataset, result, other)
    assert found is not None and "No other training photo shows" in found.say_set()
