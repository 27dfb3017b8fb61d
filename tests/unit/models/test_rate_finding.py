"""The search for a learning rate trains for real, and gives the same curve again."""

from typing import Any

import numpy as np
import pytest

from core.errors import RunStopped
from models.fitting import HeadFit
from models.plan import FitPlan, FitWatch, HeadShape
from models.rate_finding import MeasuredRates, find_rates, rising_rates


def find(**changes: Any) -> MeasuredRates:
    """Return a search on clouds of features that a head tells apart; `changes` replace."""
    rng = np.random.default_rng(1)
    labels = np.arange(90) % 3
    centres = rng.normal(size=(3, 2048))
    values = (centres[labels] + 2 * rng.normal(size=(90, 2048))).astype(np.float32)
    job = HeadFit(
        train=changes.pop("train", ([values], labels)),
        validation=([values[:0]], labels[:0]),
        shape=HeadShape(n_classes=3),
        plan=changes.pop("plan", FitPlan(batch_size=16)),
        standardise=changes.pop("standardise", True),
    )
    rates = rising_rates(1e-6, changes.pop("highest", 1.0), changes.pop("steps", 60))
    return find_rates(job, rates, FitWatch(**changes))


def test_it_finds_a_rate_and_the_same_again() -> None:
    found = find()
    assert found.suggestion is not None and 1e-5 < found.suggestion < 0.1
    assert found.losses[0] is not None and found.losses[0] > 0.5
    assert min(loss for loss in found.losses if loss is not None) < 0.3 * found.losses[0]
    assert find() == found


def test_every_step_is_told() -> None:
    told: list[tuple[int, int]] = []
    found = find(steps=20, on_step=lambda done, total: told.append((done, total)))
    assert told == [(step, 20) for step in range(1, len(found.rates) + 1)]


def test_a_batch_larger_than_the_photos_is_all_of_them() -> None:
    assert len(find(plan=FitPlan(batch_size=256), steps=5).losses) == 5


def test_an_explosion_ends_it() -> None:
    rng = np.random.default_rng(2)
    noise = (100 * rng.normal(size=(200, 2048)).astype(np.float32), rng.integers(0, 3, 200))
    found = find(train=([noise[0]], noise[1]), standardise=False, highest=1000.0)
    assert found.exploded and len(found.rates) < 60


def test_a_stop_leaves_no_curve() -> None:
    with pytest.raises(RunStopped):
        find(should_stop=lambda: True)
