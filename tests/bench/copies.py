"""Which copies of known photos are noticed before they are learnt from, and which strangers.

Photos of a folder are the dataset; some are cropped, mirrored, lightened and saved again, and held
against it as reviewed photos are. Strangers are left-out photos: the nearest is no copy of them.
"""

import io
from collections.abc import Callable
from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
from PIL import Image, ImageEnhance, ImageOps

from core.errors import SourceRefused
from core.evaluation.intervals import wilson_interval
from core.formats import percent
from core.registry.loading import open_standing
from core.workspace import Workspace
from data.duplicates import NEAREST, find_copies
from data.images import decode_photo, pack_photo, read_packed_photo
from data.sources.layout import PHOTO_SUFFIXES
from tests.bench.measuring import Figure, Report, say

_Change = Callable[[Image.Image], Image.Image]
_AT_ONCE = 16


def _crop(share: float) -> _Change:
    def crop(image: Image.Image) -> Image.Image:
        x, y = (int(side * share / 2) for side in image.size)
        return image.crop((x, y, image.width - x, image.height - y))

    return crop


def _lighten(factor: float) -> _Change:
    return lambda image: ImageEnhance.Brightness(image).enhance(factor)


CHANGES: dict[str, tuple[_Change, int]] = {
    "saved again at quality 40": (lambda image: image, 40),
    "saved again at quality 95": (lambda image: image, 95),
    "cropped by 4 px, quality 88": (lambda i: i.crop((4, 4, i.width - 4, i.height - 4)), 88),
    **{f"cropped by {share} %": (_crop(share / 100), 88) for share in (1, 5, 10, 20)},
    "one side cut by 10 %": (lambda i: i.crop((i.width // 10, 0, i.width, i.height)), 88),
    "mirrored": (ImageOps.mirror, 88),
    "mirrored, cropped by 10 %": (lambda i: _crop(0.1)(ImageOps.mirror(i)), 88),
    "20 % darker": (_lighten(0.8), 88),
    "20 % lighter": (_lighten(1.2), 88),
}


def measure(workspace: Workspace, folder: str, *, photos: int = 100, known: int = 400) -> Report:
    """Count the copies that are noticed and the strangers that are taken for copies.

    Args:
        workspace: Its champion gives the features.
        folder: Photos, in folders or not.
        photos: That are changed, and as many strangers.
        known: That the dataset has, those that are changed among them.
    """
    files = sorted(one for one in Path(folder).rglob("*") if one.suffix.lower() in PHOTO_SUFFIXES)
    if len(files) < known + photos:
        raise SourceRefused(f"{folder} has {len(files)} photos.", "Ask for fewer.")
    chosen = np.random.default_rng(0).permutation(len(files))[: known + photos]
    contents = [files[number].read_bytes() for number in chosen]
    predictor = open_standing(workspace, "champion").predictor
    packed = np.stack([read_packed_photo(content)[0] for content in contents])

    def find_features(some: np.ndarray) -> np.ndarray:
        parts = [some[start : start + _AT_ONCE] for start in range(0, len(some), _AT_ONCE)]
        found = np.concatenate([predictor.answer_packed(part)[0] for part in parts])
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)

    say("Reading the photos")
    dataset = _Known(_describe(packed[:known]), packed[:known])
    features = find_features(packed)

    def count(name: str, new: np.ndarray, of_new: np.ndarray, own: bool) -> list[Figure]:
        say(name)
        order = np.argsort(-(of_new @ features[:known].T), axis=1)[:, :NEAREST]
        figures = []
        for how, nearest in (("", order.tolist()), (", without features", None)):
            found = find_copies(dataset, _describe(new), new, nearest)  # type: ignore[arg-type]
            hits = [
                bool(copies) and (not own or row in {copy.photo for copy in copies})
                for row, copies in enumerate(found)
            ]
            low, high = wilson_interval(sum(hits), len(hits))
            note = f"95 % interval {percent(low, len(hits))} to {percent(high, len(hits))}"
            figures.append(Figure(f"{name}{how}", 100 * float(np.mean(hits)), "%", note=note))
        return figures

    figures = []
    images = [decode_photo(content)[0] for content in contents[:photos]]
    for name, (change, quality) in CHANGES.items():
        new = np.stack([_save(change(image), quality) for image in images])
        figures += count(name, new, find_features(new), own=True)
    figures += count("strangers", packed[known:], features[known:], own=False)
    return Report(
        f"Copies that are noticed, {Path(folder).name}",
        figures,
        {"n": f"{photos} of each", "known": known, "model": "the champion's features"},
    )


def _save(image: Image.Image, quality: int) -> np.ndarray:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return pack_photo(decode_photo(stream.getvalue())[0])


class _Known:
    """What `find_copies` asks of a dataset."""

    def __init__(self, manifest: pd.DataFrame, photos: np.ndarray) -> None:
        self.manifest, self.photos = manifest, photos


def _describe(photos: np.ndarray) -> pd.DataFrame:
    hashes = [str(imagehash.phash(Image.fromarray(photo))) for photo in photos]
    return pd.DataFrame(
        {"sha256": [f"{id(photos)}-{row}" for row in range(len(photos))], "phash": hashes}
    )
