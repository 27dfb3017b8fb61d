"""Cached reads that all sessions share; their answers are never changed.

Datasets and results never change, so id and time of writing are their key.
"""

import os
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property, wraps
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st

from core.datasets.photo_table import describe_answers, describe_photos
from core.datasets.quality.store import MapMethod, QualityResult, find_flags, read_map, read_quality
from core.datasets.tags import PhotoTags, read_tags, stamp_tags
from core.errors import FeaturesMissing
from core.evaluation.coverage import OperatingPoint
from core.exact.curves import Forecast
from core.exact.store import find_judged_source, read_forecast
from core.prediction.deciding import find_rule_time
from core.prediction.rules import find_rule, measure_rule
from core.runs.queue.scheduled import wake_scheduler
from core.runs.result import RunResult, check_order, read_result
from core.runs.run_files import FACTS_FILE, read_events
from core.runs.store import RunRecord
from core.ui.visitor import reads_only
from core.workspace import Workspace, open_workspace
from data.dataset import Dataset
from data.manifest import read_dataset
from models.devices import Device, find_device

if TYPE_CHECKING:
    from core.prediction.predictor import Predictor


P = ParamSpec("P")
R = TypeVar("R")


def workspace() -> Workspace:
    """Return the workspace of this server, read-only for viewers."""
    return _workspace(os.environ.get("PETALSCOPE_WORKSPACE", ""), reads_only())


def for_editors(draw: Callable[P, R]) -> Callable[P, R | None]:
    """Draw something only for editors; for viewers, draw nothing and return None."""

    @wraps(draw)
    def draw_or_not(*args: P.args, **kwargs: P.kwargs) -> R | None:
        return None if workspace().read_only else draw(*args, **kwargs)

    return draw_or_not


edit_button = for_editors(st.button)


@st.cache_resource(show_spinner=False)
def _workspace(named: str, read_only: bool) -> Workspace:
    del named  # part of the key: tests name one after another
    opened = open_workspace(read_only=read_only)
    wake_scheduler(opened)
    return opened


def cached_by(
    stamp: Callable[..., Hashable], *, most: int, ttl: float | None = None, wait: str = ""
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Cache the answers of a function or of a method of a `RunPage` by workspace, arguments, stamp.

    Args:
        stamp: Takes the arguments; returns, for example, when their files were written. It also
            identifies the page of a method.
        ttl: Seconds until an answer expires.
    """

    def decorate(make: Callable[P, R]) -> Callable[P, R]:
        def answer(key: object, _args: Any, _kwargs: Any) -> R:
            del key
            return make(*_args, **_kwargs)

        # Streamlit distinguishes cached functions by these names.
        answer.__module__, answer.__qualname__ = make.__module__, make.__qualname__
        cached = st.cache_resource(max_entries=most, ttl=ttl, show_spinner=wait or False)(answer)

        @wraps(make)
        def find(*args: P.args, **kwargs: P.kwargs) -> R:
            home = workspace()  # the paths of viewers are read-only
            named = [one for one in args if not isinstance(one, RunPage)]
            key = (str(home.root), home.read_only, stamp(*args, **kwargs), named, kwargs)
            return cached(key, args, kwargs)

        return find

    return decorate


def result_key(run_id: str, *_of: object) -> float:
    """Return when the result of a run was written."""
    return _written(workspace().run_folder(run_id) / FACTS_FILE)


def _written(file: Path) -> float:
    return file.stat().st_mtime if file.exists() else 0.0


def analyses_written(*_of: object) -> float:
    """Return when an analysis was last started or finished."""
    folders = [folder.stat().st_mtime for folder in workspace().analyses.glob("*")]
    return max(folders, default=0.0)


@st.cache_resource(show_spinner=False)
def device() -> Device:
    """Return the device for training."""
    return find_device()


@cached_by(lambda one: _written(workspace().dataset_folder(one) / "dataset.json"), most=8)
def dataset(dataset_id: str) -> Dataset:
    """Return a dataset."""
    return read_dataset(workspace(), dataset_id)


@cached_by(lambda _dataset_id: stamp_tags(workspace()), most=4)
def photo_tags(dataset_id: str) -> PhotoTags:
    """Return the tags of the photos of a dataset."""
    return read_tags(workspace(), dataset(dataset_id))


@cached_by(analyses_written, most=4)
def quality(dataset_id: str) -> QualityResult | None:
    """Return the newest quality analysis of a dataset, if any."""
    return read_quality(workspace(), dataset_id)


@cached_by(analyses_written, most=4)
def forecast(dataset_id: str, run_id: str = "") -> Forecast | None:
    """Return the forecast of a dataset, or of the exact head of a run; None until its learning
    curve is measured.
    """
    try:
        source = find_judged_source(workspace(), dataset(dataset_id), run_id)
    except FeaturesMissing:
        return None
    return read_forecast(workspace(), source)


@cached_by(analyses_written, most=8)
def positions(dataset_id: str, method: MapMethod) -> np.ndarray | None:
    """Return the positions of the photos on the map, (n, 2); None until it is computed."""
    return read_map(workspace(), dataset_id, method)


@cached_by(analyses_written, most=4)
def issues(dataset_id: str) -> pd.DataFrame:
    """Return the issues of the photos, (n) bool rows; some need the quality analysis."""
    return find_flags(dataset(dataset_id).manifest, quality(dataset_id))


@cached_by(result_key, most=8)
def result(run_id: str) -> RunResult:
    """Return the scores of a finished run over all photos of its dataset."""
    answers = read_result(workspace(), run_id)
    check_order(answers, dataset(answers.dataset_id))
    return answers


def table_key(_dataset_id: str, run_id: str | None, *_of: object) -> Hashable:
    """Return when the sources of a table of photos were written."""
    written = result_key(run_id) if run_id else 0.0
    return analyses_written(), written, stamp_tags(workspace())


@dataclass(frozen=True, kw_only=True, eq=False)
class RunPage:
    """A run and the photos of a split, which a page is about; its costly parts are cached."""

    run: RunRecord
    split: str

    @cached_property
    def result(self) -> RunResult:
        """The scores of the run."""
        return result(self.run.id)

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset of the run."""
        return dataset(self.run.recipe.dataset)


def run_key(page: RunPage, *_of: object) -> tuple[str, float]:
    """Return the run of a page, and when its result was written."""
    return page.run.id, result_key(page.run.id)


def page_key(page: RunPage, *_of: object) -> tuple[str, tuple[str, float]]:
    """Return the split and the run of a page, and when its result was written."""
    return page.split, run_key(page)


@cached_by(table_key, most=6)
def photo_table(dataset_id: str, run_id: str | None, opened: bool) -> pd.DataFrame:
    """Return the table of photos, with the answers of a run (to test photos only if `opened`)."""
    if run_id is not None:
        table, answers = photo_table(dataset_id, None, False), result(run_id)
        return table.join(describe_answers(answers, (answers.splits == "test") & (not opened)))
    photos = dataset(dataset_id)
    table = describe_photos(photos, quality(dataset_id), read_tags(workspace(), photos))
    pa.default_memory_pool().release_unused()  # 240 MB with a million photos
    return table


@cached_by(
    lambda run_id: (result_key(run_id), find_rule_time(workspace(), run_id)),
    most=32,
    wait="Applying the rule …",
)
def operating_point(run_id: str) -> OperatingPoint:
    """Return the effect of a run's current rule on its validation photos."""
    answers = result(run_id)
    return measure_rule(workspace(), run_id, answers, find_rule(workspace(), run_id, answers))


@cached_by(result_key, most=2, wait="Loading the model …")
def predictor(run_id: str) -> "Predictor":
    """Return the predictor of a run with its compiled backbone."""
    from core.prediction.predictor import open_predictor  # OpenVINO: loaded on first use

    return open_predictor(workspace(), run_id)


@dataclass
class EventTail:
    """The events of a run read so far; `read` continues from the last byte read."""

    folder: Path
    events: list[dict[str, Any]] = field(default_factory=list)
    offset: int = 0
    _lock: Lock = field(default_factory=Lock)

    def read(self) -> list[dict[str, Any]]:
        """Return all events so far."""
        with self._lock:
            new, offset = read_events(self.folder, self.offset)
            if offset < self.offset:  # the run was deleted and started again
                self.events, (new, offset) = [], read_events(self.folder)
            self.events, self.offset = self.events + new, offset
            return self.events


@cached_by(lambda run_id: str(workspace().run_folder(run_id)), most=64)
def event_tail(run_id: str) -> EventTail:
    """Return the events of a run, shared by all sessions."""
    return EventTail(workspace().run_folder(run_id))
