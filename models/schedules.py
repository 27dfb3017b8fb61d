"""Learning rates and early ends: pure functions of the plan and of the epochs that are done.

Nothing is remembered between calls, so a fit that goes on after a kill has the rates it would have
had.
"""

import math
from collections.abc import Sequence

from models.plan import EpochResult, FitPlan

PLATEAU_EPOCHS = 2
PLATEAU_FACTOR = 0.5


def find_rate(
    plan: FitPlan, history: Sequence[EpochResult], step: int = 0, steps: int = 1
) -> float:
    """Returns the learning rate of a step of the epoch that follows the history.

    Args:
        history: The epochs that were done with this plan.
        step: From 0 to before `steps`, the number of steps of an epoch.

    Source: cosine after Loshchilov & Hutter 2016, "SGDR", without restarts; warm-up is linear.
    """
    if plan.schedule == "plateau":
        return plan.learning_rate * PLATEAU_FACTOR ** _count_plateaus(history)
    if plan.schedule == "constant":
        return plan.learning_rate
    epoch = len(history) + step / steps
    if epoch < plan.warmup_epochs:
        return plan.learning_rate * (epoch + 1 / steps) / plan.warmup_epochs
    share = (epoch - plan.warmup_epochs) / max(plan.epochs - plan.warmup_epochs, 1)
    return plan.learning_rate * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


def find_best_epoch(history: Sequence[EpochResult]) -> int:
    """Returns the first epoch of the lowest validation, else training, loss."""
    return min(history, key=_read_loss).epoch


def is_patience_over(plan: FitPlan, history: Sequence[EpochResult]) -> bool:
    """Returns whether the last `patience` epochs brought none that is better."""
    if plan.patience is None or not history:
        return False
    best = find_best_epoch(history)
    since = sum(epoch.epoch > best for epoch in history)
    return since >= plan.patience


def _count_plateaus(history: Sequence[EpochResult]) -> int:
    """Returns how often the rate was lowered; the wait starts anew each time."""
    lowered, waited, best = 0, 0, math.inf
    for epoch in history:
        loss = _read_loss(epoch)
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited >= PLATEAU_EPOCHS:
            lowered, waited = lowered + 1, 0
    return lowered


def _read_loss(epoch: EpochResult) -> float:
    """Returns the loss by which an epoch is judged; infinite where it is not finite."""
    loss = epoch.loss if epoch.val_loss is None else epoch.val_loss
    return loss if math.isfinite(loss) else math.inf
