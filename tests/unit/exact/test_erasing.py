"""A property taken out: nothing linear reads it from training photos, the rest stays."""

import numpy as np
import pytest
from scipy import linalg

from core.exact.erasing import (
    answer_erased,
    code_property,
    make_eraser,
    read_property,
)
from core.instant.head import ExactHead, fit_head, one_hot


def make_head(n: int = 150, d: int = 8) -> tuple[ExactHead, np.ndarray]:
    """Return a head, and a number that its features carry."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 3
    number = rng.normal(size=n)
    features = rng.normal(size=(3, d))[labels] + rng.normal(size=(n, d))
    features[:, 0] += 3 * number
    return fit_head(features, labels, np.arange(100), 3), number


@pytest.mark.parametrize("is_category", [False, True])
@pytest.mark.parametrize("d", [8, 300])
def test_no_linear_predictor_beats_chance_on_training_photos(is_category: bool, d: int) -> None:
    head, number = make_head(d=d)
    values = np.digitize(number, [-0.5, 0.5]).astype(str) if is_category else number
    columns = code_property(values, head.train)
    assert columns.shape[1] == (3 if is_category else 1)
    rows = make_eraser(head, columns[head.train]).erase(head.rows[head.train])
    centred = columns[head.train] - columns[head.train].mean(axis=0)
    # Nothing goes with it, so the best linear predictor is its mean.
    assert np.abs((rows - rows.mean(axis=0)).T @ centred).max() < 1e-7 * np.abs(rows).max() * 100
    fitted = (rows - rows.mean(axis=0)) @ (
        np.linalg.pinv(rows - rows.mean(axis=0), rcond=1e-6) @ centred
    )
    assert np.abs(fitted).max() < 1e-5


def test_it_is_leace_and_leaves_other_directions_alone() -> None:
    head, number = make_head()
    columns = code_property(number, head.train)
    eraser = make_eraser(head, columns[head.train])
    x = head.rows[head.train]
    mean = x.mean(axis=0)
    cross = (x - mean).T @ (columns[head.train] - columns[head.train].mean(axis=0))
    whiten = linalg.pinvh(linalg.sqrtm(np.cov(x.T) + 0j).real, rtol=1e-6)
    image = linalg.orth(whiten @ cross)
    expected = x - (x - mean) @ (linalg.pinvh(whiten, rtol=1e-6) @ image @ image.T @ whiten).T
    np.testing.assert_allclose(eraser.erase(x), expected, atol=1e-6)
    other = linalg.null_space(cross.T)
    np.testing.assert_allclose(eraser.erase(head.rows) @ other, head.rows @ other, atol=1e-8)


def test_answers_without_it_are_those_of_a_refit_and_it_is_readable_before() -> None:
    head, number = make_head()
    columns = code_property(number, head.train)
    photos = np.arange(100, 150)
    eraser = make_eraser(head, columns[head.train])
    x = eraser.erase(head.rows)
    a = x[:100].T @ x[:100] + head.ridge * np.eye(x.shape[1])
    expected = x[photos] @ np.linalg.solve(a, x[:100].T @ one_hot(head.labels[:100], 3))
    np.testing.assert_allclose(answer_erased(head, eraser, photos), expected, atol=1e-8)
    assert read_property(head, columns, photos) > 0.5
    assert read_property(head, np.random.default_rng(1).normal(size=(150, 1)), photos) < 0.2
    flat = make_eraser(head, np.ones((100, 1)))
    np.testing.assert_allclose(flat.erase(head.rows), head.rows)
