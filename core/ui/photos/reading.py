"""One photo with its facts, read once, and the cached parts of explanations."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from core.config import PHOTO_SIZE
from core.datasets.edits.tray import Edit, list_edits
from core.datasets.quality.store import QualityResult
from core.datasets.tags import PhotoTags
from core.errors import PhotoRefused
from core.formats import data_uri, plain
from core.monitoring.kept_photos import read_kept_photo
from core.runs.result import check_model, read_run_head
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.choosing import list_done
from core.ui.parts.pickers import title_run
from core.ui.parts.seal import find_sealed
from data.dataset import Dataset
from data.images import (
    ROW_SIZE,
    THUMBNAIL_SIZE,
    decode_photo,
    encode_jpeg,
    encode_thumbnail,
    read_packed_photo,
)
from models.dense import DenseHead

if TYPE_CHECKING:
    from core.prediction.explaining import Explainer, MapReader

_LONGEST_SIDE = 1024
_DAMAGED = "The original file can no longer be read. This is the stored square of it."
_ISSUES = {"odd_shape": "odd shape", "duplicate": "identical file"}


@dataclass(frozen=True, eq=False)
class PhotoPage:
    """A photo of a dataset, by its number."""

    dataset: Dataset
    photo: int

    @cached_property
    def row(self) -> pd.Series:
        """Its row of the manifest."""
        return self.dataset.manifest.iloc[self.photo]

    @cached_property
    def quality(self) -> QualityResult | None:
        """The quality analysis of the dataset, if any."""
        return cache.quality(self.dataset.id)

    @cached_property
    def tags(self) -> PhotoTags:
        """The tags of the photos of the dataset."""
        return cache.photo_tags(self.dataset.id)

    @cached_property
    def runs(self) -> list[RunRecord]:
        """The finished runs of the dataset, newest first."""
        return list_done(self.dataset.id)

    @cached_property
    def models(self) -> list[RunRecord]:
        """Those of them that have a model."""
        return [run for run in self.runs if run.recipe.has_model]

    @property
    def issues(self) -> list[str]:
        """Its issues in words."""
        flags = cache.issues(self.dataset.id).iloc[self.photo]
        words = [_ISSUES.get(str(name), str(name)) for name in flags.index if flags[name]]
        if self.quality is not None and "suspect" in words:
            suggested = plain(str(self.quality.photos["suggested"].iat[self.photo]), 30)
            words[words.index("suspect")] = f"suspect: {suggested}?"
        return words

    @cached_property
    def edits(self) -> list[Edit]:
        """Its edits in the tray."""
        edits = list_edits(cache.workspace(), self.dataset.id)
        return [edit for edit in edits if edit.path == self.row["path"]]

    @property
    def twins(self) -> dict[int, str]:
        """Its copies → "identical" or "nearly the same", identical ones first."""
        photo, digests = self.photo, self.dataset.manifest["sha256"].to_numpy()
        same = np.flatnonzero(digests == digests[photo])
        twins = {int(n): "identical" for n in same if n != photo}
        if self.quality is not None:
            pairs = self.quality.pairs
            pairs = pairs[(pairs["a"] == photo) | (pairs["b"] == photo)]
            for a, b, kind in pairs[["a", "b", "kind"]].itertuples(index=False):
                word = "identical" if kind == "exact" else "nearly the same"
                twins.setdefault(int(b if a == photo else a), word)
        return twins

    def describe_answer(self, run: RunRecord) -> dict[str, str]:
        """Return the prediction of a run; hidden for test photos until the split is opened."""
        result = cache.result(run.id)
        split = str(result.splits[self.photo])
        is_sealed = find_sealed(run.id)[self.photo]
        if is_sealed or not split:
            hidden = dict.fromkeys(("Predicted", "Score", "Score of its class"), "–")
            answer = "sealed" if is_sealed else "no prediction"
            return {"Run": title_run(run), **hidden, "Answer": answer, "Split": split}
        scores, label = result.scores[self.photo], int(result.labels[self.photo])
        top = int(scores.argmax())
        return {
            "Run": title_run(run),
            "Predicted": result.classes[top],
            "Score": result.say_score(self.photo, top) or "–",
            "Score of its class": result.say_score(self.photo, label) or "–",
            "Answer": "correct" if top == label else "wrong",
            "Split": split,
        }


def explainer(run_id: str, dataset: Dataset) -> "Explainer":
    """Return the explainer of a run for the photos of its dataset.

    Raises:
        BackboneMissing: The run's backbone is not in the workspace, or was altered.
        ResultDamaged: Its head was cut short or altered.
    """
    from core.prediction.explaining import Explainer  # OpenVINO: loaded on first use

    result = cache.result(run_id)
    check_model(result, run_id)
    file = cache.workspace().backbone_folder(result.backbone_id) / "backbone.json"
    when = file.stat().st_mtime if file.exists() else 0.0
    return Explainer(
        dataset=dataset,
        result=result,
        head=_head(run_id),
        maps=_map_reader((str(cache.workspace()), result.backbone_id, when), run_id),
    )


def prefetch(run: RunRecord, dataset: Dataset, photos: Sequence[int]) -> None:
    """Start a thread that computes the maps of these photos; it replaces earlier requests."""
    explainer(run.id, dataset).maps.fetch_ahead(dataset, photos)


@cache.cached_by(cache.result_key, most=8)
def _head(run_id: str) -> DenseHead:
    return read_run_head(cache.workspace(), run_id)


@st.cache_resource(max_entries=3, show_spinner="Loading the model …")
def _map_reader(backbone: tuple[str, str, float], _run_id: str) -> "MapReader":
    del backbone  # part of the key: runs on one backbone share their maps
    from core.prediction.explaining import open_map_reader

    return open_map_reader(cache.workspace(), _run_id, cache.result(_run_id))


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs={Dataset: lambda d: d.id})
def read_large_photo(dataset: Dataset, photo: int) -> tuple[bytes, str]:
    """Return an upright JPEG of at most 1024 px, and a note where the file was unreadable."""
    try:
        image, note = decode_photo(dataset.original(photo), 2 * PHOTO_SIZE)[0], ""
    except (PhotoRefused, OSError):
        image, note = Image.fromarray(dataset.photos[photo]), _DAMAGED
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return encode_jpeg(image, 90), note


def is_kept(digest: str) -> bool:
    """Return whether a photo sent for prediction is stored."""
    return cache.workspace().kept_photo_file(digest).is_file()


def link_kept_photo(digest: str) -> str | None:
    """Return the thumbnail of a stored photo as a data URI; None where it is not stored."""
    content = read_kept_thumbnail(digest, ROW_SIZE)
    return None if content is None else data_uri(content)


def read_kept_thumbnail(digest: str, side: int = THUMBNAIL_SIZE) -> bytes | None:
    """Return the thumbnail of a photo sent for prediction; None where it is not stored."""
    return _read_kept_thumbnail(digest, side) if is_kept(digest) else None


@st.cache_data(max_entries=500, ttl=600, show_spinner=False)
def _read_kept_thumbnail(digest: str, side: int) -> bytes | None:
    content = read_kept_photo(cache.workspace(), digest)
    try:
        return None if content is None else encode_thumbnail(read_packed_photo(content)[0], side)
    except PhotoRefused:
        return None
