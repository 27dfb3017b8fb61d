"""What a rising learning rate says: smoothed loss, when to stop, which rate to take. NumPy only.

Source: Smith 2017, "Cyclical Learning Rates for Training Neural Networks" (the range test); the
smoothing, the limit of four times the best loss and the steepest descent are those of fastai.
"""

from collections.abc import Sequence

import numpy as np

SMOOTHING = 0.9
EXPLODED = 4.0
"""Times the lowest smoothed loss at which the search ends."""
_LEAST_FALL = 0.03
"""Share of its start by which the smoothed loss must fall for a rate to be suggested."""


def rising_rates(lowest: float, highest: float, steps: int) -> np.ndarray:
    """Returns the learning rate of each step, (steps,) float64, each the same factor above the
    one before."""
    return np.geomspace(lowest, highest, steps)


def smooth_losses(losses: Sequence[float]) -> np.ndarray:
    """Returns the exponential mean of the losses up to each step, (n,), corrected for its start."""
    mean, smoothed = 0.0, []
    for step, loss in enumerate(losses, 1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smoothed.append(mean / (1 - SMOOTHING**step))
    return np.array(smoothed)


def has_exploded(losses: Sequence[float]) -> bool:
    """Returns whether the loss is no number any more, or far above the lowest one."""
    if not np.isfinite(losses[-1]):
        return True
    smoothed = smooth_losses(losses)
    return bool(smoothed[-1] > EXPLODED * smoothed.min())


def suggest_rate(rates: np.ndarray, losses: Sequence[float]) -> float | None:
    """Returns the rate at which the smoothed loss falls fastest, to two digits.

    The slope is that of the loss over the logarithm of the rate, fitted through the tenth of the
    steps around each; only rates below that of the lowest loss are asked.

    Returns None when the loss never falls by 3 % of its start.
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
    slopes = [_slope(steps, smoothed, centre - reach, centre + reach + 1) for centre in centres]
    return float(f"{rates[centres[int(np.argmin(slopes))]]:.1e}")


def _slope(steps: np.ndarray, losses: np.ndarray, first: int, end: int) -> float:
    rows = slice(max(0, first), end)
    return float(np.polyfit(steps[rows], losses[rows], 1)[0])
