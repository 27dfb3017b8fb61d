"""One pass in which the learning rate rises step by step (keras): which rate is good."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.errors import RunStopped
from models.fitting import HeadFit
from models.head import seed_dropout
from models.plan import FitWatch, KeptViews
from models.stepping import Pass, Stepper


@dataclass(frozen=True, kw_only=True)
class MeasuredRates:
    """The losses of the steps that were made; None where one was not finite."""

    rates: tuple[float, ...]
    losses: tuple[float | None, ...]
    smoothed: tuple[float | None, ...]
    suggestion: float | None
    exploded: bool
    """Whether the loss exploded before the highest rate was reached."""


def find_rates(job: HeadFit, rates: np.ndarray, watch: FitWatch) -> MeasuredRates:
    """Return the loss of each step of a new head while the learning rate rises.

    Args:
        job: Only the first view of its training photos is used; not the plan's rate, schedule and
            epochs.
        rates: (steps,) float, ascending; see `rising_rates`.

    Raises:
        RunStopped: `should_stop` said so.
    """
    model, plan, ((values, *_), labels) = job.build(), job.plan, job.train
    dropping, mixing = np.random.SeedSequence((plan.seed, 0)).spawn(2)
    seed_dropout(model, dropping)
    stepper = Stepper(model, replace(plan, schedule="constant"))
    source, mixer = KeptViews([values], labels), np.random.default_rng(mixing)
    batches = _draw_batches(len(labels), plan.batch_size, plan.seed)
    losses: list[float] = []
    for rate in rates:
        step = Pass(
            order=next(batches), number=1, rate=lambda *_, rate=float(rate): rate, mixing=mixer
        )
        seen = stepper.run(source, step, watch.should_stop)
        if seen is None:
            raise RunStopped(
                "The search for a learning rate was stopped.", "Start it again: it takes seconds."
            )
        losses.append(seen.loss)
        if watch.on_step:
            watch.on_step(len(losses), len(rates))
        if has_exploded(losses):
            break
    done = rates[: len(losses)]
    return MeasuredRates(
        rates=tuple(float(rate) for rate in done),
        losses=_keep_finite(losses),
        smoothed=_keep_finite(smooth_losses(losses)),
        suggestion=suggest_rate(done, losses),
        exploded=has_exploded(losses),
    )


def _draw_batches(photos: int, size: int, seed: int) -> Iterator[np.ndarray]:
    """Yield batches of row numbers for ever; each pass over the photos has its own order."""
    size = min(size, photos)
    rng = np.random.default_rng((seed, 1))
    while True:
        order = rng.permutation(photos)
        for first in range(0, photos - size + 1, size):  # a small last batch would be noise
            yield order[first : first + size]


def _keep_finite(values: list[float] | np.ndarray) -> tuple[float | None, ...]:
    return tuple(float(value) if np.isfinite(value) else None for value in values)


SMOOTHING = 0.9
EXPLODED = 4.0
"""Times the lowest smoothed loss at which the search ends."""
_LEAST_FALL = 0.03
"""Share of its start by which the smoothed loss must fall for a rate to be suggested."""


def rising_rates(lowest: float, highest: float, steps: int) -> np.ndarray:
    """Return the learning rate of each step, (steps,) float64, each the same factor above the
    one before."""
    return np.geomspace(lowest, highest, steps)


def smooth_losses(losses: Sequence[float]) -> np.ndarray:
    """Return the exponential mean of the losses up to each step, (n,), corrected for its start."""
    mean, smoothed = 0.0, []
    for step, loss in enumerate(losses, 1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smoothed.append(mean / (1 - SMOOTHING**step))
    return np.array(smoothed)


def has_exploded(losses: Sequence[float]) -> bool:
    """Return whether the loss is no number any more, or far above the lowest one."""
    if not np.isfinite(losses[-1]):
        return True
    smoothed = smooth_losses(losses)
    return bool(smoothed[-1] > EXPLODED * smoothed.min())


def suggest_rate(rates: np.ndarray, losses: Sequence[float]) -> float | None:
    """Return the rate, below that of the lowest loss, at which the smoothed loss falls fastest.

    The slope is that over the logarithm of the rate, through the tenth of the steps around each.
    Two digits; None when the loss never falls by 3 % of its start.
    """
    finite = np.isfinite(losses)
    end = len(losses) if finite.all() else int(np.argmin(finite))
    if end < 3:
        return None
    smoothed, steps = smooth_losses(losses[:end]), np.log(rates[:end])
    lowest = int(np.argmin(smoothed))
    if lowest < 2 or smoothed[lowest] > (1 - _LEAST_FALL) * smoothed[0]:
        return None
    reach = max(1, len(losses) // 20)
    centres = range(min(reach, lowest), lowest + 1)  # the first means rest on too few losses
    around = [slice(max(0, centre - reach), centre + reach + 1) for centre in centres]
    slopes = [np.polyfit(steps[rows], smoothed[rows], 1)[0] for rows in around]
    return float(f"{rates[centres[int(np.argmin(slopes))]]:.1e}")
