"""How far the mix of classes has moved: the population stability index, and what chance gives.

The customary limits of 0.1 and 0.25 are made for few groups and many members. With 102 classes and
200 photos chance alone gives about 0.6, so that what counts here is the index beyond chance.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

_DRAWS = 2000
_SMOOTHING = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class MixShift:
    """Two mixes of classes, compared."""

    table: pd.DataFrame
    """Columns class, reference (share), current (share), part (its part of the index)."""
    index: float
    by_chance: float
    """What two draws from one mix give on average."""
    p_value: float
    """How often they give as much, from 2,000 draws."""
    n: int
    """Current photos."""

    @property
    def beyond_chance(self) -> float:
        """The index less what chance gives, never below 0."""
        return max(0.0, self.index - self.by_chance)


def compare_mixes(
    classes: list[str], reference: np.ndarray, current: np.ndarray, seed: int = 0
) -> MixShift:
    """Returns how far two mixes of the same classes are apart.

    Args:
        classes: Names.
        reference: (k,) int, photos of each class in the reference.
        current: (k,) int, now.
        seed: Of the draws.

    Source:
        B. Yurdakul and J. Naranjo (2020), J. Risk Model Validation 14(4), for the spread of the
        index under chance, which is drawn here because classes may be rare.
    """
    pooled = (reference + current) / (reference.sum() + current.sum())
    rng = np.random.default_rng(seed)
    some = rng.multinomial(int(reference.sum()), pooled, size=_DRAWS)
    others = rng.multinomial(int(current.sum()), pooled, size=_DRAWS)
    drawn = _index_parts(some, others).sum(axis=1)
    parts = _index_parts(reference[None], current[None])[0]
    index = float(parts.sum())
    return MixShift(
        table=pd.DataFrame(
            {
                "class": classes,
                "reference": reference / reference.sum(),
                "current": current / current.sum(),
                "part": parts,
            }
        ),
        index=index,
        by_chance=float(drawn.mean()),
        p_value=float((1 + (drawn >= index).sum()) / (1 + _DRAWS)),
        n=int(current.sum()),
    )


def _index_parts(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    """Returns the part of each class, (r, k), of counts (r, k); half a photo is added to each."""
    before, now = (
        (counts + _SMOOTHING) / (counts + _SMOOTHING).sum(axis=1, keepdims=True)
        for counts in (reference, current)
    )
    return np.asarray((now - before) * np.log(now / before))
