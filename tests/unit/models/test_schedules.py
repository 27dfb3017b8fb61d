"""Learning rates and early ends follow from the plan and the epochs that are done."""

import dataclasses

import pytest

from models.plan import EpochResult, FitPlan, find_best_epoch, find_rate, is_patience_over

PLAN = FitPlan(learning_rate=0.8, epochs=10)


def history(*losses: float) -> list[EpochResult]:
    return [
        EpochResult(epoch=i, loss=0, accuracy=0, val_loss=loss, val_accuracy=0, seconds=0)
        for i, loss in enumerate(losses, 1)
    ]


def test_a_constant_rate_stays() -> None:
    assert find_rate(PLAN, history(1, 2, 3, 4, 5), 3, 7) == 0.8


def test_cosine_rises_linearly_then_falls_to_nothing() -> None:
    plan = dataclasses.replace(PLAN, schedule="cosine", warmup_epochs=2)
    rising = [find_rate(plan, history(*[1.0] * e), s, 4) for e in range(2) for s in range(4)]
    assert rising == pytest.approx([0.1 * step for step in range(1, 9)])
    falling = [find_rate(plan, history(*[1.0] * e), s, 4) for e in range(2, 10) for s in range(4)]
    assert falling[0] == pytest.approx(0.8)
    assert falling == sorted(falling, reverse=True)
    assert falling[16] == pytest.approx(0.4)  # half-way
    assert 0 < falling[-1] < 0.01


@pytest.mark.parametrize(
    ("losses", "rate"),
    [
        ((), 0.8),
        ((3, 2, 1), 0.8),
        ((1, 2), 0.8),
        ((1, 2, 2), 0.4),
        ((1, 2, 2, 2), 0.4),  # the wait starts anew
        ((1, 2, 2, 2, 2), 0.2),
        ((1, 2, 2, 0.5, 0.6), 0.4),
        ((float("nan"), 1, 0.9), 0.8),
    ],
)
def test_plateau_halves_after_two_epochs_without_a_better_one(
    losses: tuple[float, ...], rate: float
) -> None:
    plan = dataclasses.replace(PLAN, schedule="plateau")
    assert find_rate(plan, history(*losses)) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("losses", "best"),
    [((2.0, 1.0, 1.0), 2), ((float("nan"), 3.0, 4.0), 2), ((float("nan"), float("inf")), 1)],
)
def test_the_first_of_the_lowest_is_best(losses: tuple[float, ...], best: int) -> None:
    assert find_best_epoch(history(*losses)) == best


def test_patience_counts_epochs_since_the_best() -> None:
    plan = dataclasses.replace(PLAN, patience=2)
    assert not is_patience_over(plan, [])
    assert not is_patience_over(plan, history(1, 2))
    assert is_patience_over(plan, history(1, 2, 1))
    assert not is_patience_over(PLAN, history(1, 2, 2, 2, 2, 2))
