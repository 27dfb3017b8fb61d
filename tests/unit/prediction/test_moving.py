"""How far draws move: distances against their definition, and a real run that is asked."""

import numpy as np
import pytest

from core.prediction.nearest import measure_distances, measure_moves, measure_ruler
from core.prediction.predictor import open_predictor
from core.runs.store import list_runs
from core.workspace import Workspace
from data.augmentation import augment, augment_part
from data.manifest import read_dataset
from data.policy import PRESETS


def test_distances_are_one_minus_the_cosine() -> None:
    some = np.array([[1.0, 0.0], [3.0, 4.0]], np.float32)
    others = np.array([[2.0, 0.0], [0.0, 1.0], [-1.0, 0.0]], np.float32)
    expected = [[0, 1, 2], [0.4, 0.2, 1.6]]
    assert measure_distances(some, others) == pytest.approx(np.array(expected), abs=1e-6)


def test_a_row_is_exactly_0_from_itself_and_zeros_from_nothing() -> None:
    rows = np.random.default_rng(0).random((50, 2048), np.float32)
    assert (np.diag(measure_distances(rows, rows)) == 0).all()
    assert np.isfinite(measure_distances(np.zeros((1, 4)), rows[:, :4])).all()


def test_the_ruler_is_the_median_to_the_nearest() -> None:
    rng = np.random.default_rng(1)
    features = rng.random((90, 16)).astype(np.float32)
    labels = rng.integers(0, 3, 90)
    distances = measure_distances(features, features)
    np.fill_diagonal(distances, np.inf)
    alike = labels[:, None] == labels[None]
    ruler = measure_ruler(features, labels)
    assert ruler is not None
    assert ruler.n == 90
    assert ruler.same == pytest.approx(np.median(np.where(alike, distances, np.inf).min(axis=1)))
    assert ruler.other == pytest.approx(np.median(np.where(alike, np.inf, distances).min(axis=1)))


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_without_two_classes_or_two_of_a_class_there_is_no_ruler(labels: list[int]) -> None:
    assert measure_ruler(np.eye(3), np.array(labels)) is None


def test_a_run_says_what_becomes_of_a_photo(trained_workspace: Workspace) -> None:
    run = list_runs(trained_workspace)[0]
    dataset = read_dataset(trained_workspace, run.recipe.dataset)
    predictor = open_predictor(trained_workspace, run.id)
    photo = np.array(dataset.photos[0])
    same = np.array(photo)
    black = augment_part(photo, "cutout", 0.8)
    drawn = augment(photo, PRESETS["gentle"], seed=0, photo_id="a1", draw=0)
    moves = measure_moves(predictor, photo, [same, drawn, black])
    assert moves.distances[0] == 0
    assert moves.kept[0]
    assert 0 < moves.distances[1] < 2
    assert moves.distances[2] > 0
    features, scores = predictor.answer_packed(photo[None])
    assert features.shape == (1, 2048)
    assert moves.answer == int(scores.argmax())
    assert moves.scores[0] == pytest.approx(moves.score, abs=1e-6)
    assert moves.score == pytest.approx(predictor.predict(dataset.original(0)).top[0][1], abs=1e-4)
