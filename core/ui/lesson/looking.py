"""The pictures of the lesson: curves, a rotated photo, and photos that activate a feature."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from core.charts.theme import PERCENT_LABELS, ROWS, choose_palette, style_altair, title_params
from core.datasets.quality.store import find_feature_sets
from core.exact.head import ExactHead
from core.exact.store import HeadSource
from core.teaching.live_head import LiveEpoch
from core.ui.parts import cache
from data.augmentation import augment_part
from models.backbone import Backbone, open_backbone
from models.rows import read_kept

_HEIGHT = 280
Measure = Literal["loss", "accuracy"]


def list_epochs(
    learnt: Mapping[str, Sequence[LiveEpoch]],
    measure: Measure,
    top: float,
    words: Mapping[str, str],
) -> pd.DataFrame:
    """Return the rows of `draw_curves`.

    Columns: epoch, value (clipped at the top), beyond (whether it was clipped), photos (the split
    in words), split and when ("now", "before").
    """
    rows = pd.DataFrame(
        [
            {"epoch": epoch.number, "value": getattr(epoch, name), "split": split, "when": when}
            for when, epochs in learnt.items()
            for epoch in epochs
            for split, name in (("train", measure), ("validation", f"validation_{measure}"))
        ]
    )
    photos, beyond = rows["split"].map(words), rows["value"] > top
    return rows.assign(photos=photos, beyond=beyond, value=rows["value"].clip(upper=top))


def draw_curves(
    epochs: int, measure: Measure, top: float, words: dict[str, str], dark: bool
) -> Any:
    """Return a measure of training and validation photos after each epoch, without its rows.

    Args:
        epochs: Length of the axis.
        top: End of the other axis.
        words: The lesson's words.
    """
    colours = choose_palette(dark)
    names = {split: words[split] for split in ("train", "validation")}
    x = alt.X("epoch:Q", title=words["epoch"], scale=alt.Scale(domain=[1, epochs], nice=False))
    x.axis = alt.Axis(format="d", grid=False, tickCount=min(epochs, 10))
    title = words["loss" if measure == "loss" else "right"]
    y = alt.Y("value:Q", title=title, scale=alt.Scale(domain=[0, top], nice=False))
    if measure == "accuracy":
        y.axis = alt.Axis(labelExpr=PERCENT_LABELS, tickCount=5)
    colour = alt.Color(
        "photos:N",
        title=None,
        scale=alt.Scale(
            domain=list(names.values()), range=[colours.splits[split] for split in names]
        ),
        legend=alt.Legend(orient="top", symbolType="circle"),
    )
    base = alt.Chart(alt.NamedData(name=ROWS)).encode(x=x, y=y)
    now = base.transform_filter("datum.when == 'now'").encode(color=colour)
    layers = [
        base.transform_filter(f"datum.when == 'before' && datum.split == '{split}'").mark_line(
            color=colours.faint, strokeWidth=1.5, strokeDash=dash
        )
        for split, dash in (("train", [5, 4]), ("validation", [1, 0]))
    ]
    layers.append(now.mark_line(strokeWidth=2.5))
    beyond = now.transform_filter("datum.beyond")
    layers.append(beyond.mark_point(shape="triangle-up", size=70, filled=True, opacity=1))
    return style_altair(
        alt.layer(*layers), dark, title=title_params(words["picture"]), height=_HEIGHT
    )


PARTS = "photo", "stages", "features", "head", "answer"
"""The parts of a network, in the order in which a photo passes them."""
_WIDTHS = 84, 150, 130, 84, 84
_GAP, _TALL, _PX = 20, 40, 500


def draw_network(parts: Sequence[str], names: Sequence[str], mark: float | None, dark: bool) -> str:
    """Return a picture of the network as SVG, with the working parts lit.

    Args:
        parts: Of `PARTS`, lit.
        names: Words of each part, in their order.
        mark: The place of one feature, 0 to 1.
    """
    colours = choose_palette(dark)
    drawn, left = [], 0
    for part, name, width in zip(PARTS, names, _WIDTHS, strict=True):
        lit = part in parts
        edge, ink = (colours.accent, colours.ink) if lit else (colours.line, colours.quiet)
        drawn.append(
            f'<rect x="{left + 1}" y="1" width="{width - 2}" height="{_TALL - 2}" rx="5" '
            f'fill="{edge}" fill-opacity="{0.2 if lit else 0}" stroke="{edge}" stroke-width="2"/>'
            f'<text x="{left + width / 2:g}" y="{_TALL / 2 + 5:g}" text-anchor="middle" '
            f'font-family="sans-serif" font-size="14" fill="{ink}">{escape(name)}</text>'
        )
        if part == "features" and mark is not None:
            place = left + 4 + mark * (width - 8)
            drawn.append(
                f'<rect x="{place:.1f}" width="3" height="{_TALL}" fill="{colours.wrong}"/>'
            )
        left += width + _GAP
        if part != PARTS[-1]:
            drawn.append(
                f'<path d="M{left - _GAP + 3} {_TALL / 2:g} h{_GAP - 6} m-5 -4 l5 4 l-5 4" '
                f'fill="none" stroke="{colours.quiet}" stroke-width="1.5"/>'
            )
    whole = f'viewBox="0 0 {left - _GAP} {_TALL}" width="{_PX}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {whole}>{"".join(drawn)}</svg>'


_TELLING = 100
"""Features are drawn from this many that separate the classes best."""
OFFERED = 12
_MOST, _BESIDE = 5, 3
_DARK = 0.35
"""Brightness of a photo where it does not activate a feature."""


@dataclass(frozen=True, eq=False)
class Sight:
    """A network's features of a dataset, and the exact head on them."""

    source: HeadSource
    head: ExactHead

    @property
    def backbone(self) -> Backbone:
        """The network, opened once."""
        kept = find_feature_sets(cache.workspace(), self.source.dataset.id)
        return _open(next(one.backbone_id for one in kept if one.id == self.source.features_id))

    def read(self) -> np.ndarray:
        """Return the features (n, d) float32."""
        features = read_kept(cache.workspace(), self.source.features_id)
        assert features is not None  # the head rests on them
        return features


@dataclass(frozen=True, kw_only=True, eq=False)
class Turned:
    """A photo at several rotations to both sides."""

    angles: np.ndarray
    """(2v + 1,) degrees, ascending; 0 is in the middle."""
    photos: np.ndarray
    """(2v + 1, s, s, 3) uint8."""
    answers: np.ndarray
    """(2v + 1,) int: classes."""

    @property
    def flips(self) -> np.ndarray:
        """(2v + 1,) bool: whether the prediction differs from the unrotated photo."""
        return np.asarray(self.answers != self.answers[len(self.answers) // 2])


@st.cache_data(max_entries=64, show_spinner=False)
def turn_photo(source_id: str, photo: int, values: tuple[float, ...], _sight: Sight) -> Turned:  # noqa: ARG001
    """Return a photo at all rotations, with the predictions of the exact head."""
    source, backbone = _sight.source, _sight.backbone
    angles = np.array([*(-value for value in reversed(values)), 0, *values], dtype=float)
    plain = source.dataset.read_photo(photo, backbone.facts.framing)
    photos = np.stack([augment_part(plain, "rotation", float(angle)) for angle in angles])
    answers = _sight.head.answer(backbone.look(photos).features).argmax(axis=1)
    return Turned(angles=angles, photos=photos, answers=answers)


@st.cache_resource(max_entries=1, show_spinner=False)
def _open(backbone_id: str) -> Backbone:
    return open_backbone(cache.workspace(), backbone_id, purpose="latency")


@st.cache_data(max_entries=8, show_spinner=False)
def find_telling(source_id: str, _sight: Sight) -> np.ndarray:  # noqa: ARG001 (the key)
    """Return the features whose class means differ most, relative to their spread, (t,)."""
    train = _sight.source.train
    features, labels = _sight.read()[train], _sight.source.dataset.labels[train]
    means = np.stack([features[labels == one].mean(axis=0) for one in np.unique(labels)])
    spread = features.std(axis=0)
    apart = np.divide(means.std(axis=0), spread, out=np.zeros_like(spread), where=spread > 0)
    return np.argsort(-apart, kind="stable")[:_TELLING]


@dataclass(frozen=True, eq=False)
class Excited:
    """The photos that activate a feature most, and where."""

    photos: np.ndarray
    """(p,) int, most first."""
    lit: list[np.ndarray]
    """(s, s, 3) uint8 each, bright where they activate it."""


@st.cache_data(max_entries=64, show_spinner=False)
def excite(
    source_id: str,  # noqa: ARG001 (the key)
    feature: int,
    _sight: Sight,
    beside: tuple[int, ...] = (),
) -> Excited:
    """Return the training photos that activate a feature most, or other photos, most first."""
    source, backbone = _sight.source, _sight.backbone
    asked = np.array(beside or source.train)
    order = np.argsort(-_sight.read()[asked, feature], kind="stable")
    photos = asked[order[:_MOST]]
    plain = np.stack(
        [source.dataset.read_photo(int(one), backbone.facts.framing) for one in photos]
    )
    maps = np.maximum(backbone.look(plain).maps[..., feature], 0)
    maps /= maps.max() or 1
    return Excited(photos, [_light(*both) for both in zip(plain, maps, strict=True)])


def _light(photo: np.ndarray, activation: np.ndarray) -> np.ndarray:
    small = Image.fromarray(activation.astype(np.float32))
    large = np.asarray(small.resize(photo.shape[1::-1], Image.Resampling.BICUBIC)).clip(0, 1)
    light = _DARK + (1 - _DARK) * large[..., None]
    return np.asarray((photo * light).round(), np.uint8)


def choose_beside(values: np.ndarray, person: int) -> np.ndarray:
    """Return four places of (m,) values: one in the top 5 %, three in the lower half."""
    rng, order = np.random.default_rng(person), np.argsort(-values, kind="stable")
    high = order[: max(len(order) // 20, 1)]
    chosen = [rng.choice(high), *rng.permutation(order[len(order) // 2 :])[:_BESIDE]]
    return rng.permutation(chosen)
