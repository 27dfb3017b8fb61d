"""A class taught on the spot: the exact head with a few photos more, as a trial beside a model.

Judged are validation photos of the dataset, by the head before and after. The champion, its run
and the dataset stay as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.exact.whatif import WhatIf
from core.instant.change import Taught, teach_photos
from core.instant.head import ExactHead

FEWEST = 3
"""Photos of a class that it is taught with, at least."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """What the exact head answers after it was taught photos of one class."""

    classes: tuple[str, ...]
    """Those of the dataset; the taught one is the last where it is new."""
    label: int
    """Of the class that was taught."""
    taught: Taught
    has_photos: np.ndarray
    """(k,) bool: whether any photo has taught the class; it is never answered else."""
    recognised: int
    """How many of its photos it takes for their class, each left out in turn."""
    effect: WhatIf
    """What that does to the classes that were known."""

    def answer(self, features: np.ndarray, place: int | None = None) -> tuple[str, float]:
        """Return the best class and its score for a photo of these features (d,).

        Args:
            place: Of the photo among those that it was taught: it is left out then.
        """
        if place is None:
            outputs = self.taught.answer(features[None])[0]
        else:
            outputs = self.taught.left_out[place]
        scores = self.taught.head.to_scores(np.where(self.has_photos, outputs, -np.inf))
        best = int(scores.argmax())
        return self.classes[best], float(scores[best])


def teach(
    head: ExactHead,
    classes: Sequence[str],
    class_name: str,
    features: np.ndarray,
    judged: np.ndarray,
) -> Trial:
    """Return the exact head as a few photos of a class teach it.

    Together the photos count as much as the photos of a class do on average: three among
    thousands would not be heard else (three photos of one class of Oxford 102 taught to
    flower_photos, 40 times: 57 % of its other photos were known then, without that weight 3 %).

    Args:
        features: (z, d) of the photos, at least `FEWEST`.
        judged: (v,) numbers of the photos that judge it; no copy of a photo that is taught.
    """
    known = tuple(classes) if class_name in classes else (*classes, class_name)
    label = known.index(class_name)
    own = np.bincount(head.labels[head.train], minlength=len(known))
    average = len(head.train) / np.count_nonzero(own)
    weight = max(1.0, (average - own[label]) / len(features))
    taught = teach_photos(head, features, label, len(known), weight)
    knew = own > 0
    has_photos = knew | (np.arange(len(known)) == label)

    def choose(outputs: np.ndarray) -> np.ndarray:
        return np.asarray(np.where(has_photos, outputs, -np.inf).argmax(axis=1))

    before = np.where(knew[: len(classes)], head.outputs[judged], -np.inf)
    effect = WhatIf(
        classes=known,
        photos=judged,
        labels=head.labels[judged],
        before=before.argmax(axis=1),
        after=choose(taught.answer_photos(judged)),
        entering=0,
        leaving=0,
        corrected=0,
    )
    return Trial(
        classes=known,
        label=label,
        taught=taught,
        has_photos=has_photos,
        recognised=int((choose(taught.left_out) == label).sum()),
        effect=effect,
    )
