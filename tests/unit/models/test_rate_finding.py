"""The search for a learning rate trains for real, and gives the same curve again."""

from typing import Any

import numpy as np
import pytest

from core.errors import RunStopped
from models.plan import FitPlan, HeadShape
from models.rate_finding import MeasuredRates, find_rates


def find(**changes: Any) -> MeasuredRates:
    """Returns a search on clouds of features that a head tells apart; `changes` replace."""
    rng = np.random.default_rng(1)
    labels = np.arange(90) % 3
    centres = rng.normal(size=(3, 2048))
    values = (centres[labels] + 2 * rng.normal(size=(90, 2048))).astype(np.float32)
    settings: dict[str, Any] = {
        "train": ([values], labels),
        "head": HeadShape(n_classes=3),
        "plan": FitPlan(batch_size=16),
        "standardise": True,
        "lowest": 1e-6,
        "highest": 1.0,
        "steps": 60,
        "on_step": lambda *_: None,
        "should_stop": lambda: False,
    }
    return find_rates(**{**settings, **changes})


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
