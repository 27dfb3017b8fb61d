"""Leave-one-out accuracy of the exact head: as refits, with intervals that hold, beside a run."""

import dataclasses

import numpy as np
import pytest

from core.exact import left_out
from core.exact.head import ExactHead, fit_head
from core.exact.left_out import describe_left_out, judge_left_out, leave_out
from core.runs.result import read_result
from core.runs.store import list_runs
from core.workspace import Workspace

WIDTH, NEW = 60, 2_000


def simulate(classes: int, photos: int, rng: np.random.Generator) -> tuple[ExactHead, float]:
    """Return a head on Gaussian classes, and its accuracy on new photos."""
    means, labels = 0.3 * rng.normal(size=(classes, WIDTH)), np.repeat(np.arange(classes), photos)
    new = np.repeat(np.arange(classes), NEW // classes)
    both = np.concatenate([labels, new])
    features = means[both] + rng.normal(size=(len(both), WIDTH))
    head = fit_head(features, both, np.arange(len(labels)), classes)
    answers = head.outputs[len(labels) :].argmax(axis=1)
    return head, float((answers == new).mean())


@pytest.mark.parametrize(("classes", "photos"), [(2, 8), (2, 20), (5, 12), (5, 40)])
def test_the_interval_holds_the_accuracy_on_new_photos(classes: int, photos: int) -> None:
    rng, held, apart = np.random.default_rng(1), [], []
    for _ in range(40):
        head, accuracy = simulate(classes, photos, rng)
        found = judge_left_out(head)
        held.append(found.low <= accuracy <= found.high)
        apart.append(found.value - accuracy)
    assert np.mean(held) >= 0.88 and abs(np.mean(apart)) < 0.04


def test_it_counts_refits_without_each_photo() -> None:
    head, _ = simulate(3, 9, np.random.default_rng(2))
    right = []
    for photo in head.train:
        others = np.delete(head.train, photo)
        x, targets = head.rows[others], np.eye(3)[head.labels[others]]
        inner = x.T @ x + head.ridge * np.eye(x.shape[1])
        outputs = head.rows[photo] @ np.linalg.solve(inner, x.T @ targets)
        right.append((outputs + 1 / 3 - targets.mean(axis=0)).argmax() == head.labels[photo])
    found = judge_left_out(head)
    assert found.value == pytest.approx(np.mean(right)) and found.n == 27
    assert "n = 27 training photos" in describe_left_out(found)


def test_beside_a_run_it_is_of_its_training_photos(
    trained_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = read_result(trained_workspace, list_runs(trained_workspace)[0].id)
    found = leave_out(trained_workspace, result, tuned=False)
    assert found is not None and found.n == len(result.photo_numbers("train"))
    assert leave_out(trained_workspace, result, tuned=True) is None
    gone = dataclasses.replace(result, features_id="0" * 16)
    assert leave_out(trained_workspace, gone, tuned=False) is None
    monkeypatch.setattr(left_out, "MOST_PHOTOS", 5)
    assert leave_out(trained_workspace, result, tuned=False) is None
