"""New splits of the same photos: dealt by class and by group, answered like refits."""

import numpy as np
import pytest

from core.exact.studies import _fit_pool, deal_again, hold_out, measure_deals
from core.instant.head import fit_head, one_hot


@pytest.mark.parametrize(("d", "n_held"), [(6, 30), (200, 30)])
def test_held_out_photos_are_answered_like_a_refit(d: int, n_held: int) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 4
    features = 0.3 * rng.normal(size=(4, d))[labels] + rng.normal(size=(120, d))
    head = fit_head(features, labels, np.arange(60), 4)
    pool = np.arange(100)
    spread, outputs = _fit_pool(head, pool)
    out = rng.permutation(100)[:n_held]
    kept = np.setdiff1d(pool, out)
    x = head.rows
    a = x[kept].T @ x[kept] + head.ridge * np.eye(x.shape[1])
    expected = x[out] @ np.linalg.solve(a, x[kept].T @ one_hot(labels[kept], 4))
    found = hold_out(spread[out], labels[out], outputs[out])
    np.testing.assert_allclose(found, expected, atol=1e-8)
    accuracies = measure_deals(head, np.arange(60, 100), np.arange(120), lambda *_: None)
    assert len(accuracies) == 200 and accuracies.std() > 0
    again = measure_deals(head, np.arange(60, 100), np.arange(120), lambda *_: None)
    np.testing.assert_array_equal(accuracies, again)


def test_classes_keep_their_numbers_and_groups_stay_together() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [50, 30, 1])
    held = np.zeros(81, bool)
    held[[*range(10), *range(50, 56)]] = True
    alone = deal_again(labels, held, np.arange(81), rng)
    assert np.bincount(labels[alone], minlength=3).tolist() == [10, 6, 0]
    groups = np.arange(81)
    groups[::2] = [*groups[1::2].tolist(), 80]
    for _ in range(20):
        out = deal_again(labels, held, groups, rng)
        assert all(len(np.unique(out[groups == one])) == 1 for one in np.unique(groups))
        assert (np.bincount(labels[out], minlength=3) <= [10, 6, 0]).all()


def test_twins_on_both_sides_make_naive_splits_look_better() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(rng.integers(0, 3, 60), 2)
    features = np.repeat(rng.normal(size=(60, 40)), 2, axis=0)
    head = fit_head(features, labels, np.arange(0, 120, 2), 3, ridge=1.0)
    held = np.arange(1, 120, 4)
    naive = measure_deals(head, held, np.arange(120), lambda *_: None)
    aware = measure_deals(head, held, np.arange(120) // 2, lambda *_: None)
    assert naive.mean() > aware.mean() + 0.2
