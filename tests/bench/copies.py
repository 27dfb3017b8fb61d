"""Pieces of photos that `find_pairs` finds in another class and split, and other pairs it reports.

A piece is saved again as JPEG; a quarter are mirrored, a quarter lighter or darker. Pairs of other
photos are listed: only a person can tell which of them show one picture.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import imagehash
import numpy as np
import pandas as pd
from PIL import Image, ImageEnhance, ImageOps

from core.config import PHOTO_SIZE
from core.datasets.quality.neighbours import find_neighbours, normalise_features
from core.datasets.quality.store import PREPROCESSING
from core.evaluation.intervals import wilson_interval
from core.formats import percent
from core.workspace import Workspace
from data.dataset import Dataset
from data.duplicates import NEAR_DISTANCE, find_pairs
from data.images import decode_photo, encode_jpeg, read_packed_photo
from data.splits import SPLITS
from models.extraction import Photos, describe_features, extract_rows
from models.weights import WeightsKind
from tests.bench.measuring import Figure, Report, say, time_call
from tests.bench.subject import prepare_subject

AREAS = (0.4, 0.5, 0.6, 0.7, 0.8)


@dataclass(frozen=True, kw_only=True, eq=False)
class Planted(Dataset):
    """A dataset with pieces of its photos behind them."""

    rows: Sequence[np.ndarray]

    @property
    def photos(self) -> Any:
        """All packed photos, by their number."""
        return self.rows


def measure(
    workspace: Workspace,
    dataset: str = "latest",
    *,
    weights: WeightsKind = "pretrained",
    photos: int = 200,
) -> Report:
    """Count the pieces that are found, `photos` of each area, and the pairs of other photos."""
    subject = prepare_subject(workspace, dataset, weights, PREPROCESSING)
    own, backbone = subject.dataset, subject.backbone
    say("Cutting pieces")
    planted = plant_pieces(own, photos)
    say("Computing features")
    entry = describe_features(own.id, backbone.facts, backbone.facts.precision)
    known = extract_rows(workspace, entry, Photos(own.photos_file), backbone)
    size, new = backbone.batch_size, np.stack(planted.rows[len(own) :])
    batches = (new[start : start + size] for start in range(0, len(new), size))
    features = np.concatenate([known, *backbone.stream(batches)])
    say("Searching")
    neighbours, _ = find_neighbours(normalise_features(features))
    before = time_call(partial(find_pairs, planted, features))
    start = time.perf_counter()
    pairs = find_pairs(planted, features, neighbours)
    after = time.perf_counter() - start
    return Report(
        f"Pieces of photos in another class and split, {own.name}",
        [
            *_count_found(planted.manifest, pairs),
            *_count_others(planted.manifest, pairs),
            Figure("hashes alone", before, "s"),
            Figure("with the search", after, "s"),
        ],
        {**subject.circumstances, "n": f"{photos} of each area", "photos": len(features)},
    )


def plant_pieces(dataset: Dataset, photos: int) -> Planted:
    """Return the dataset with pieces; their rows name the `original` and the `area`."""
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(dataset))[: photos * len(AREAS)]
    pieces, rows = [], []
    for place, number in enumerate(chosen.tolist()):
        area = AREAS[place % len(AREAS)]
        piece = cut_piece(dataset.original(number), area, rng)
        pieces.append(piece)
        others = [name for name in SPLITS if name != dataset.splits[number]]
        rows.append(
            {
                "path": f"piece of {dataset.manifest['path'].iat[number]}",
                "label": (dataset.labels[number] + rng.integers(1, len(dataset.classes)))
                % len(dataset.classes),
                "split": rng.choice(others),
                "sha256": f"piece of {number}",
                "phash": str(imagehash.phash(Image.fromarray(piece))),
                "original": number,
                "area": area,
            }
        )
    facts = {one.name: getattr(dataset, one.name) for one in fields(Dataset)}
    manifest = pd.concat([dataset.manifest, pd.DataFrame(rows)], ignore_index=True)
    return Planted(**{**facts, "manifest": manifest, "rows": [*dataset.photos, *pieces]})


def cut_piece(content: bytes, area: float, rng: np.random.Generator) -> np.ndarray:
    """Return a piece of a photo at a random place, packed, (224, 224, 3) uint8."""
    image, _ = decode_photo(content, 2 * PHOTO_SIZE)
    ratio = rng.uniform(0.9, 1.1)
    shares = np.sqrt([area * ratio, area / ratio])
    width, height = np.round(image.size * shares).astype(int).tolist()
    left, top = rng.integers(0, (image.width - width + 1, image.height - height + 1)).tolist()
    piece = image.crop((left, top, left + width, top + height))
    if rng.random() < 0.25:
        piece = ImageOps.mirror(piece)
    if rng.random() < 0.25:
        piece = ImageEnhance.Brightness(piece).enhance(rng.uniform(0.7, 1.3))
    return read_packed_photo(encode_jpeg(piece, 85))[0]


def _count_found(manifest: pd.DataFrame, pairs: pd.DataFrame) -> list[Figure]:
    """Count the pieces that are paired with their photo, before and after, by area."""
    own = pairs[manifest["original"].iloc[pairs["b"]].to_numpy() == pairs["a"]]
    figures = []
    for area in AREAS:
        planted = manifest.index[manifest["area"] == area]
        for when, some in (("before", own[own["hash_distance"] <= NEAR_DISTANCE]), ("after", own)):
            found = int(np.isin(planted, some["b"]).sum())
            low, high = wilson_interval(found, len(planted))
            words = f"{percent(low, len(planted))} to {percent(high, len(planted))}"
            name = f"{percent(area, 100)} of the area, {when}"
            figures.append(Figure(name, 100 * found / len(planted), "%", note=f"95 %: {words}"))
    return figures


def _count_others(manifest: pd.DataFrame, pairs: pd.DataFrame) -> list[Figure]:
    """Count the pairs without the pieces, before and after, and list those that are new."""
    others = pairs[manifest["original"].iloc[pairs["b"]].isna().to_numpy()]
    new = others[others["hash_distance"] > NEAR_DISTANCE]
    for a, b in new[["a", "b"]].to_numpy():
        say(f"{manifest['path'].iat[a]}  {manifest['path'].iat[b]}")
    wrong = pairs.drop(others.index)
    wrong = wrong[manifest["original"].iloc[wrong["b"]].to_numpy() != wrong["a"]]
    return [
        Figure("pairs of other photos, before", len(others) - len(new), "pairs"),
        Figure("pairs of other photos, after", len(others), "pairs"),
        Figure("of these across classes", int(others["across_classes"].sum()), "pairs"),
        Figure("pieces with another photo", len(wrong), "pairs"),
    ]
