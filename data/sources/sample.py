"""The embedded sample: flowers drawn by our own code, split, with a few documented faults.

Makes `folder/train|validation|test/<class>/<class>_0001.jpg` and `folder/faults.json`. The same
seed gives the same bytes (with the same NumPy and Pillow), whatever the number of threads.
"""

import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from data.sources.flowers.plan import SPECIES, PlannedPhoto, describe_faults, plan_photos
from data.sources.flowers.scene import draw_scene, draw_variety
from data.sources.folder import find_photos_in_folder
from data.sources.found import FoundSource, OnProgress

JPEG_QUALITY = 88
_THREADS = (
    2  # NumPy and Pillow release the interpreter for about half of the work; more do not help
)


class SampleSource:
    """The embedded sample as it is drawn when nothing else is said."""

    phase = "drawing the sample"

    def find(self, unpacked: Path, on_progress: OnProgress | None = None) -> FoundSource:
        """Returns the photos of the sample; see data.sources.found.Source."""
        draw_sample(unpacked, on_progress=on_progress)
        return FoundSource(
            photos=find_photos_in_folder(unpacked),
            name="Flower sample",
            origin="the embedded sample",
        )


def draw_sample(
    folder: Path,
    *,
    seed: int = 2024,
    photos_per_class: int = 100,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Writes the sample into a folder, which is made when missing.

    Args:
        folder: where the splits' folders and `faults.json` go.
        seed: everything random comes from it.
        photos_per_class: over all three splits, 70/15/15; at least 6.
        on_progress: called with photos done and photos in all, from the calling thread.

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
    """Returns the JPEG of a photo, cut short where that is planned."""
    rng = np.random.default_rng((seed, list(SPECIES).index(photo.given), photo.number))
    species = SPECIES[photo.shown]
    image = draw_scene(rng, species, photo.variety or draw_variety(rng, species))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=JPEG_QUALITY)
    content = stream.getvalue()
    return content[: len(content) * 2 // 5] if photo.cut_short else content
