"""The effect of edits: which photos judge, and the prediction cached with a version."""

import numpy as np
import pytest

from core.datasets.edits.tray import add_edits, list_edits, resolve_edits, undo_edits
from core.exact.store import find_source, prepare_head
from core.exact.whatif import (
    WhatIf,
    apply_and_predict,
    describe_effect,
    find_outcome,
    predict_effect,
)
from core.formats import points
from core.runs.store import list_runs
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import list_datasets, read_dataset


@pytest.fixture
def dataset(trained_copy: Workspace) -> Dataset:
    return read_dataset(trained_copy, list_datasets(trained_copy)[0].id)


def ask(workspace: Workspace, dataset: Dataset) -> WhatIf:
    head = prepare_head(workspace, find_source(workspace, dataset))
    return predict_effect(head, dataset, resolve_edits(dataset, list_edits(workspace, dataset.id)))


def test_photos_that_stay_in_validation_judge(trained_copy: Workspace, dataset: Dataset) -> None:
    train, judged = dataset.photo_numbers("train"), dataset.photo_numbers("validation")
    add_edits(trained_copy, dataset, [judged[0]], "move", "train")
    add_edits(trained_copy, dataset, [judged[1]], "exclude")
    add_edits(trained_copy, dataset, [train[0]], "move", "validation")
    add_edits(
        trained_copy, dataset, [judged[2]], "relabel", "peony"
    )  # a class without training photos
    effect = ask(trained_copy, dataset)
    assert effect.photos.tolist() == judged[2:].tolist()
    assert (effect.moved, effect.corrected) == (3, 1)
    assert effect.classes[effect.labels[0]] == "peony"
    peony = effect.classes.index("peony")
    assert not (effect.after == peony).any() and not (effect.before == peony).any()


def test_wrong_labels_are_predicted_to_lose_photos(
    trained_copy: Workspace, dataset: Dataset
) -> None:
    first = dataset.photo_numbers("train")[dataset.labels[dataset.photo_numbers("train")] == 0]
    batch = add_edits(trained_copy, dataset, first, "relabel", dataset.classes[1])
    effect = ask(trained_copy, dataset)
    # No photo of the first class is left to learn from: none of it is answered so.
    assert not (effect.after == 0).any()
    compared = effect.comparison
    assert compared.lost == (effect.before[effect.labels == 0] == 0).sum() > 0
    assert effect.cells["change"].sum() == 0
    moved = effect.find_moved(dataset.classes[0], None)
    assert np.array_equal(moved, (effect.labels == 0) & (effect.before != effect.after))
    undo_edits(trained_copy, dataset.id, batch)
    assert ask(trained_copy, dataset).comparison.n == compared.n
    assert ask(trained_copy, dataset).comparison.lost == 0


def test_the_predicted_effect_is_cached_with_the_version(
    trained_copy: Workspace, dataset: Dataset
) -> None:
    add_edits(trained_copy, dataset, dataset.photo_numbers("train")[:4], "exclude")
    effect = ask(trained_copy, dataset).comparison
    made = apply_and_predict(trained_copy, dataset)
    assert find_outcome(trained_copy, made) is None
    said = describe_effect(trained_copy, made)
    assert f"{points(effect.difference, effect.n)} (n = {effect.n})" in said
    assert "train this version and its parent" in said


def test_the_measured_effect_compares_the_runs_of_a_version_and_its_parent(
    challenged: Workspace,
) -> None:
    run = list_runs(challenged)[0]  # the challenger's, on a version with more photos
    version = read_dataset(challenged, run.recipe.dataset)
    came = find_outcome(challenged, version)
    assert came is not None
    before, after, compared = came
    assert after.id == run.id
    assert before.recipe.dataset == version.parent
    assert compared.n > 0
