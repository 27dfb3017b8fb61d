"""Reading of the augmentation page: policy, photos, draws, and the run that scores them.

In the address, `policy` is a named policy and `draft` its changed parts:
"rotation:-20:20:1~pick:3".
"""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, cast

import numpy as np
import streamlit as st

from core.config import FRAMING, PHOTO_SIZE, Fit, Framing
from core.datasets.policies import list_policies
from core.errors import AugmentationRefused, PetalscopeError
from core.prediction.nearest import Moves, Ruler, measure_moves, measure_ruler
from core.runs.recipe.recipe import SETTINGS
from core.runs.recipe.settings import MOST_SEED
from core.runs.result import RunResult
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.choosing import list_done
from core.ui.parts.state import (
    choose_from,
    choose_number,
    keep_choice,
    read_choice,
    read_number,
    refuse_value,
    settle_choice,
)
from data.dataset import Dataset
from data.policy import LIMITS, PRESETS, AugmentationPolicy, Part, check_policy
from models.extraction import features_id
from models.rows import read_kept

FIRST = "gentle"
"""The first policy on the page; “none” would show nothing."""
WAYS = {"one": "One photo", "some": "Several", "classes": "One of each class"}
MOST = 6
ALONE = 11
_AMONG = 4
_MOST_DRAW = 10_000
_OF = "augmentation.photos_of"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class AugmentationPage:
    """A policy with its photos, and the run for scoring the draws."""

    dataset: Dataset
    named: Mapping[str, AugmentationPolicy]
    name: str
    policy: AugmentationPolicy
    """The policy on the page: the named one, or the draft."""
    way: str
    photos: list[int]
    seed: int
    first: int
    """Number of the first draw, from 0 as in training; the screen counts from 1."""
    runs: Mapping[str, RunRecord]
    """The finished runs of the dataset and of its parent."""
    asked: str
    """The run for scoring the draws; empty without runs."""
    framing: Fit
    """Crop or pad; only runs with this framing and side can score the draws."""

    @property
    def is_changed(self) -> bool:
        """Whether the policy differs from its named one."""
        return self.policy != self.named[self.name]

    @property
    def amount(self) -> int:
        """The number of draws of each photo."""
        return ALONE if len(self.photos) == 1 else _AMONG

    @cached_property
    def result(self) -> RunResult:
        """The result of the chosen run."""
        return cache.result(self.asked)

    @cached_property
    def ruler(self) -> Ruler | None:
        """Typical distances between photos from cached features; None without features."""
        return _read_ruler(self.dataset.id, self.asked)

    def read_photo(self, number: int) -> np.ndarray:
        """Return the original photo, (224, 224, 3) uint8 RGB."""
        return self.dataset.read_photo(number, Framing(how=self.framing))

    def measure(self, photo: np.ndarray, draws: Sequence[np.ndarray]) -> Moves:
        """Return the predictions of the chosen run for a photo (h, w, 3) uint8 and its draws."""
        return _measure(self.asked, np.stack([photo, *draws]))

    def name_photo(self, number: int) -> str:
        """Return class and number of a photo."""
        return f"{self.dataset.classes[self.dataset.labels[number]]} #{number}"

    def change_part(self, name: str, part: Part) -> None:
        """Change one part of the policy."""
        parts: dict[str, Any] = {**self.policy.parts, name: part}
        self._keep(AugmentationPolicy(pick=self.policy.pick, **parts))

    def change_pick(self, pick: int | None) -> None:
        """Set the number of parts per photo; None: each part has its own probability."""
        self._keep(dataclasses.replace(self.policy, pick=pick))

    def _keep(self, policy: AugmentationPolicy) -> None:
        same = policy == self.named[self.name]
        keep_choice("draft", None if same else _encode(policy))


def read_augmentation_page(dataset: Dataset) -> AugmentationPage:
    """Read the address; draw photos if it names none, and write them into it."""
    named = list_policies(cache.workspace())
    name, draft = choose_from("policy", named, FIRST), read_choice("draft")
    changed = _decode(draft) if draft else None
    if draft and changed is None:
        refuse_value("draft")
    way = settle_choice("show", WAYS, "one")
    wanted = {dataset.id, dataset.parent}
    framings = SETTINGS["framing"].choices
    of_dataset = {
        run.id: run
        for run in list_done(with_model=True)
        if run.recipe.dataset in wanted and run.recipe.framing in framings
    }
    linked = of_dataset.get(read_choice("asked") or "")
    framing: Fit = linked.recipe.framing if linked else FRAMING.how
    framing = cast(Fit, settle_choice("framing", framings, framing))
    shown = (framing, PHOTO_SIZE)
    runs = {
        name: run
        for name, run in of_dataset.items()
        if (run.recipe.framing, run.recipe.photo_side) == shown
    }
    asked = choose_from("asked", runs, next(iter(runs), ""))
    if read_choice("asked") not in (None, asked):  # the run was deleted
        keep_choice("asked", asked or None)
    return AugmentationPage(
        dataset=dataset,
        named=named,
        name=name,
        policy=changed or named[name],
        way=way,
        photos=_read_photos(dataset, way),
        seed=choose_number("seed", MOST_SEED + 1) or 0,
        first=choose_number("first_draw", _MOST_DRAW + 1) or 0,
        runs=runs,
        asked=asked,
        framing=framing,
    )


def choose_named(name: str) -> None:
    """Choose a named policy and drop the draft."""
    keep_choice("policy", name)
    keep_choice("draft", None)


def keep_photos(photos: Sequence[int] = ()) -> None:
    """Write the photos into the address; without photos, others are drawn next."""
    keep_choice("photos", ",".join(str(photo) for photo in photos) or None)


def suggest_part(name: str) -> Part:
    """Return a sensible first range for a part, from a preset."""
    for preset in ("gentle", "strong", "randaugment"):
        part = PRESETS[preset].parts.get(name)
        if part is not None:
            return part
    return Part(low=LIMITS[name].least, high=LIMITS[name].most, probability=0.5)


def _read_photos(dataset: Dataset, way: str) -> list[int]:
    if st.session_state.get(_OF, dataset.id) != dataset.id:
        keep_photos()  # the same numbers are other photos here
    st.session_state[_OF] = dataset.id
    numbers = (read_choice("photos") or "").split(",")[:MOST]
    stated = [read_number(number, len(dataset)) for number in numbers]
    if None in stated:
        refuse_value("photos")
    photos = [photo for photo in dict.fromkeys(stated) if photo is not None]
    photos = photos or _draw_photos(dataset, way)
    keep_photos(photos)
    return photos[:1] if way == "one" else photos


def _draw_photos(dataset: Dataset, way: str) -> list[int]:
    """Return random photos outside of the test split; at most MOST classes."""
    rng = np.random.default_rng()
    usable = np.flatnonzero(dataset.splits != "test")  # test photos must not guide choices
    usable = usable if len(usable) else np.arange(len(dataset))
    if way != "classes":
        wanted = min(1 if way == "one" else 4, len(usable))
        return [int(photo) for photo in rng.choice(usable, wanted, replace=False)]
    labels = dataset.labels[usable]
    classes = np.sort(rng.permutation(np.unique(labels))[:MOST])
    return [int(rng.choice(usable[labels == label])) for label in classes]


def _encode(policy: AugmentationPolicy) -> str:
    pieces = [
        f"{name}:{part.low:g}:{part.high:g}:{part.probability:g}"
        for name, part in policy.parts.items()
    ]
    pieces += [] if policy.pick is None else [f"pick:{policy.pick}"]
    return "~".join(pieces) or "nothing"


def _decode(draft: str) -> AugmentationPolicy | None:
    """Return the policy of a link, or None for a malformed link."""
    pick: int | None = None
    parts: dict[str, Any] = {}
    try:
        for piece in draft.split("~") if draft != "nothing" else ():
            name, *numbers = piece.split(":")
            if name == "pick":
                (pick,) = (int(number) for number in numbers)
            else:
                low, high, probability = (float(number) for number in numbers)
                parts[name] = Part(low=low, high=high, probability=probability)
        if pick == 0:  # picks no part: never written by the page
            return None
        return check_policy(AugmentationPolicy(pick=pick, **parts))
    except (ValueError, TypeError, AugmentationRefused):
        return None


@st.cache_data(max_entries=256, show_spinner="Scoring the draws …")
def _measure(run_id: str, pictures: np.ndarray) -> Moves:
    return measure_moves(cache.predictor(run_id), pictures[0], list(pictures[1:]))


@st.cache_data(max_entries=16, show_spinner=False)
def _read_ruler(dataset_id: str, run_id: str) -> Ruler | None:
    facts = cache.predictor(run_id).backbone_facts
    try:
        kept = features_id(dataset_id, facts.id, facts.precision)
        features = read_kept(cache.workspace(), kept)
    except PetalscopeError:
        return None
    return None if features is None else measure_ruler(features, cache.dataset(dataset_id).labels)
