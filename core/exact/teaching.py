"""A class taught on the spot: the exact head with a few more photos, tried beside a model.

Validation photos of the dataset judge the head before and after. The champion, its run and the
dataset do not change.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.exact.change import Taught, teach_photos
from core.exact.head import ExactHead
from core.exact.whatif import WhatIf

FEWEST = 3
"""Photos of a class that teach it, at least."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """An exact head that was taught photos of one class."""

    classes: tuple[str, ...]
    """The classes of the dataset; a new class is the last."""
    label: int
    """Of the taught class."""
    taught: Taught
    has_photos: np.ndarray
    """(k,) bool: a class without photos is never the answer."""
    recognised: int
    """Taught photos that get their class when left out."""
    effect: WhatIf
    """On the classes of the dataset."""

    def answer(self, features: np.ndarray, place: int | None = None) -> tuple[str, float]:
        """Return the best class and its score for the features (d,) of a photo.

        Args:
            place: Of the photo among the taught photos: it is left out then.
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
    """Return the exact head with a few photos of a class added.

    Together they weigh as much as an average class: three photos among thousands would have no
    effect (three photos of a class of Oxford 102 taught to flower_photos, 40 times: 57 % of its
    other photos were recognised, 3 % without that weight).

    Args:
        features: (z, d) of the photos, at least `FEWEST`.
        judged: (v,) numbers of the photos that judge; without copies of the taught photos.
    """
    known = tuple(classes) if class_name in classes else (*classes, class_name)
    label = known.index(class_name)
    own = np.bincount(head.labels[head.train], minlength=len(known))
    average = len(head.train) / np.count_nonzero(own)
    weight = max(1.0, (average - own[label]) / len(features))
    taught = teach_photos(head, features, label, len(known), weight)
    has_photos = (own > 0) | (np.arange(len(known)) == label)

    def choose(outputs: np.ndarray) -> np.ndarray:
        return np.asarray(np.where(has_photos, outputs, -np.inf).argmax(axis=1))

    before = np.where(own[: len(classes)] > 0, head.outputs[judged], -np.inf)
    effect = WhatIf(
        classes=known,
        photos=judged,
        labels=head.labels[judged],
        before=before.argmax(axis=1),
        after=choose(taught.answer_photos(judged)),
    )
    return Trial(
        classes=known,
        label=label,
        taught=taught,
        has_photos=has_photos,
        recognised=int((choose(taught.left_out) == label).sum()),
        effect=effect,
    )
