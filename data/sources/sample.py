"""The embedded sample: flowers drawn by our own code, split, with a few documented faults.

The same seed gives the same bytes (with the same NumPy and Pillow), however many threads draw.
"""

import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from data.sources.flowers.blooms import SPECIES
from data.sources.flowers.scene import draw_scene
from data.sources.found import FoundSource, SourceKind, Tell, Way
from data.sources.layout import read_folder

SMALLEST = 6
"""Photos per class that still leave room for every fault."""
HARD_SHARE = 0.08
JPEG_QUALITY = 88

_THREADS = 2  # NumPy and Pillow release the interpreter for a part of the work; more do not help

# class, split of the original, split of its copy
_DUPLICATES = (
    ("daisy", "train", "test"),
    ("rose", "train", "validation"),
    ("sunflower", "train", "train"),
    ("tulip", "train", "train"),
)
# folder it is in, what it shows, split
_WRONG_LABELS = (
    ("tulip", "rose", "train"),
    ("rose", "tulip", "test"),
    ("daisy", "sunflower", "train"),
    ("sunflower", "daisy", "validation"),
    ("dandelion", "daisy", "train"),
    ("daisy", "dandelion", "train"),
)
_CUT_SHORT = ("dandelion", "train")


def find_in_sample(unpacked: Path, tell: Tell) -> FoundSource:
    """Return the photos of the embedded sample as it is drawn when nothing else is said."""
    draw_sample(unpacked, on_progress=partial(tell, "drawing the sample"))
    photos = read_folder(unpacked).photos
    return FoundSource(photos=photos, name="Flower sample", origin="the embedded sample")


@dataclass(kw_only=True)
class PlannedPhoto:
    """One photo of the sample: in the folder of `given`, with the flower `shown` drawn.

    It may be a lookalike `variety`, a `copy_of` another's bytes, or `cut_short`.
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
        """Where it is in the sample's folder."""
        return f"{self.split}/{self.given}/{self.given}_{self.number:04d}.jpg"


def draw_sample(
    folder: Path,
    *,
    seed: int = 2024,
    photos_per_class: int = 100,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the sample into a folder, which is made when missing.

    Args:
        photos_per_class: over all three splits, 70/15/15; at least 6.

    Raises:
        ValueError: with fewer than 6 photos per class.
    """
    photos = plan_photos(seed, photos_per_class)
    for place in {Path(photo.path).parent for photo in photos}:
        (folder / place).mkdir(parents=True, exist_ok=True)
    drawn = [photo for photo in photos if photo.copy_of is None]
    threads = ThreadPoolExecutor(_THREADS)
    done = 0
    try:
        contents = threads.map(lambda photo: _encode_photo(photo, seed), drawn)
        for photo, content in zip(drawn, contents, strict=True):
            for twin in photos:
                if twin is photo or twin.copy_of is photo:
                    (folder / twin.path).write_bytes(content)
                    done += 1
            if on_progress:
                on_progress(done, len(photos))
    finally:
        threads.shutdown(cancel_futures=True)  # so that an interrupted drawing ends at once
    notes = {"seed": seed, "photos_per_class": photos_per_class, **describe_faults(photos)}
    (folder / "faults.json").write_text(json.dumps(notes, indent=2) + "\n", encoding="utf-8")


def _encode_photo(photo: PlannedPhoto, seed: int) -> bytes:
    """Return the JPEG of a photo, cut short where that is planned."""
    rng = np.random.default_rng((seed, list(SPECIES).index(photo.given), photo.number))
    species = SPECIES[photo.shown]
    stream = io.BytesIO()
    drawn = species.draw_variety(rng)
    if photo.given != photo.shown:  # a colour of its own, so that it is no honest confusion, too
        others = SPECIES[photo.given].varieties
        drawn = str(rng.choice([name for name in species.varieties if name not in others]))
    image = draw_scene(rng, species, photo.variety or drawn)
    image.save(stream, "JPEG", quality=JPEG_QUALITY)
    content = stream.getvalue()
    return content[: len(content) * 2 // 5] if photo.cut_short else content


def plan_photos(seed: int, photos_per_class: int) -> list[PlannedPhoto]:
    """Return all photos of the sample with the faults planted, by class and number.

    Raises:
        ValueError: with fewer photos per class than `SMALLEST`, which cannot hold the faults.
    """
    if photos_per_class < SMALLEST:
        raise ValueError(f"the sample needs at least {SMALLEST} photos per class")
    train, held_out = round(0.7 * photos_per_class), round(0.85 * photos_per_class)
    splits = ["train"] * train + ["validation"] * (held_out - train)
    splits += ["test"] * (photos_per_class - held_out)
    photos = [
        PlannedPhoto(split=split, given=name, shown=name, number=number)
        for name in SPECIES
        for number, split in enumerate(splits, start=1)
    ]
    rng = np.random.default_rng((seed, photos_per_class))
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
    for name, species in SPECIES.items():
        chosen = [photo for photo in free if photo.given == name]
        for number, photo in enumerate(chosen[: max(1, round(photos_per_class * HARD_SHARE))]):
            photo.variety = list(species.lookalikes)[number % len(species.lookalikes)]
    return photos


def describe_faults(photos: list[PlannedPhoto]) -> dict[str, object]:
    """Return what `faults.json` says: every planted fault with the paths it concerns."""
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


SAMPLE = SourceKind(
    kind="sample",
    title="Sample flowers",
    needs_path=False,
    open=lambda _request, _downloads: find_in_sample,
    about="Five classes of drawn flowers, 100 photos each, with a few planted faults. "
    "Drawn on this machine in some seconds; no network needed.",
    ways=(Way(button="Draw the sample"),),
)
