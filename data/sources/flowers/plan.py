"""What the sample will hold before anything is drawn: paths, splits, and the planted faults.

A plan depends only on the seed and the number of photos, so photos may be drawn in any order.
"""

from dataclasses import dataclass, field

import numpy as np

from data.sources.flowers.daisy import DAISY
from data.sources.flowers.dandelion import DANDELION
from data.sources.flowers.rose import ROSE
from data.sources.flowers.species import Species
from data.sources.flowers.sunflower import SUNFLOWER
from data.sources.flowers.tulip import TULIP

SPECIES: dict[str, Species] = {
    species.name: species for species in (DAISY, DANDELION, ROSE, SUNFLOWER, TULIP)
}
SMALLEST = 6  # photos per class that still leave room for every fault
HARD_SHARE = 0.08

# class, split of the original, split of its copy
_DUPLICATES = (
    ("daisy", "train", "test"),
    ("rose", "train", "validation"),
    ("sunflower", "train", "train"),
    ("tulip", "train", "train"),
)
# folder it lies in, what it shows, split
_WRONG_LABELS = (
    ("tulip", "rose", "train"),
    ("rose", "tulip", "test"),
    ("daisy", "sunflower", "train"),
    ("sunflower", "daisy", "validation"),
    ("dandelion", "daisy", "train"),
    ("daisy", "dandelion", "train"),
)
_CUT_SHORT = ("dandelion", "train")


@dataclass(kw_only=True)
class PlannedPhoto:
    """One photo of the sample.

    Attributes:
        given: the class whose folder it lies in; `shown`: the flower that is drawn.
        variety: a lookalike variety of `shown`, or None for a usual one drawn by chance.
        copy_of: the photo whose bytes it repeats; `cut_short`: whether the file ends too early.
    """

    split: str
    given: str
    shown: str
    number: int
    variety: str | None = None
    copy_of: "PlannedPhoto | None" = field(default=None, repr=False)
    cut_short: bool = False

    @property
    def path(self) -> str:
        """Where it lies in the sample's folder."""
        return f"{self.split}/{self.given}/{self.given}_{self.number:04d}.jpg"


def plan_photos(seed: int, photos_per_class: int) -> list[PlannedPhoto]:
    """Returns all photos of the sample with the faults planted, by class and number.

    Raises:
        ValueError: with fewer photos per class than `SMALLEST`, which cannot hold the faults.
    """
    if photos_per_class < SMALLEST:
        raise ValueError(f"the sample needs at least {SMALLEST} photos per class")
    rng = np.random.default_rng((seed, photos_per_class))
    photos = [
        PlannedPhoto(
            split=_split_of(number, photos_per_class), given=name, shown=name, number=number
        )
        for name in SPECIES
        for number in range(1, photos_per_class + 1)
    ]
    free: list[PlannedPhoto] = [photos[number] for number in rng.permutation(len(photos)).tolist()]

    def take(name: str, split: str) -> PlannedPhoto:
        fits = [(photo.given, photo.split) == (name, split) for photo in free]
        return free.pop(fits.index(True))

    for name, split, copy_split in _DUPLICATES:
        original = take(name, split)
        take(name, copy_split).copy_of = original
    for given, shown, split in _WRONG_LABELS:
        take(given, split).shown = shown
    take(*_CUT_SHORT).cut_short = True
    _plan_lookalikes(free, max(1, round(photos_per_class * HARD_SHARE)))
    return photos


def _split_of(number: int, photos_per_class: int) -> str:
    train, held_out = round(0.7 * photos_per_class), round(0.85 * photos_per_class)
    return "train" if number <= train else "validation" if number <= held_out else "test"


def _plan_lookalikes(free: list[PlannedPhoto], per_class: int) -> None:
    for species in SPECIES.values():
        kinds = list(species.lookalikes)
        chosen = [photo for photo in free if photo.given == species.name][:per_class]
        for number, photo in enumerate(chosen):
            photo.variety = kinds[number % len(kinds)]


def describe_faults(photos: list[PlannedPhoto]) -> dict[str, object]:
    """Returns what `faults.json` says: every planted fault with the paths it concerns."""
    return {
        "exact_duplicates": [
            {
                "original": photo.copy_of.path,
                "copy": photo.path,
                "across_splits": photo.split != photo.copy_of.split,
            }
            for photo in photos
            if photo.copy_of
        ],
        "wrong_labels": [
            {"path": photo.path, "given": photo.given, "true": photo.shown}
            for photo in photos
            if photo.given != photo.shown
        ],
        "truncated": [{"path": photo.path} for photo in photos if photo.cut_short],
        "honest_confusions": [
            {
                "path": photo.path,
                "class": photo.given,
                "variety": photo.variety,
                "may_be_taken_for": SPECIES[photo.given].lookalikes[photo.variety],
            }
            for photo in photos
            if photo.variety
        ],
    }
