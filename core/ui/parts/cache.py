"""What pages read again and again, kept in memory under what identifies it.

Datasets and results of runs never change once written, so their id and the moment their file was
written are key enough. Everything returned here is read by many sessions, and never written to.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from core.datasets.quality.store import MapMethod, QualityResult, find_flags, read_map, read_quality
from core.evaluation.metrics import Evaluation, evaluate_scores
from core.runs.events import read_events
from core.runs.queue.scheduled import wake_for_arranged
from core.runs.result import FACTS_FILE, RunResult, check_order, read_result
from core.workspace import Workspace, open_workspace
from data.dataset import Dataset
from data.manifest import read_dataset
from models.devices import Device, find_device

if TYPE_CHECKING:
    from core.prediction.predictor import Prediction, Predictor


@st.cache_resource(show_spinner=False)
def workspace() -> Workspace:
    """Return the workspace of this server; what was arranged in it is kept from now on."""
    opened = open_workspace()
    wake_for_arranged(opened)
    return opened


@st.cache_resource(show_spinner=False)
def device() -> Device:
    """Return the device that runs will use."""
    return find_device()


def dataset(dataset_id: str) -> Dataset:
    """Return a dataset; it never changes under its id."""
    return _dataset(dataset_id, _written(workspace().dataset_folder(dataset_id) / "dataset.json"))


def quality(dataset_id: str) -> QualityResult | None:
    """Return the newest quality analysis of a dataset, or None while there is none."""
    return _quality(dataset_id, _analyses_written())


def positions(dataset_id: str, method: MapMethod) -> np.ndarray | None:
    """Return where the photos lie on the map, (n, 2), or None while it is not made."""
    return _positions(dataset_id, method, _analyses_written())


def issues(dataset_id: str) -> pd.DataFrame:
    """Return which photo has which issue, (n) rows of bool columns.

    Those of data.findings; after the quality analysis also leak, outlier and suspect.
    """
    return _issues(dataset_id, _analyses_written())


def result(run_id: str) -> RunResult:
    """Return the scores of a finished run over all photos of its dataset."""
    return _result(run_id, result_key(run_id))


def result_key(run_id: str) -> float:
    """Return when the result of a run was written: with its id the key of all that follows."""
    return _written(workspace().run_folder(run_id) / FACTS_FILE)


def evaluation(run_id: str, split: str) -> Evaluation:
    """Return the metrics of a run over one split."""
    return _evaluation(run_id, split, result_key(run_id))


def predictor(run_id: str) -> "Predictor":
    """Return the predictor of a run, its backbone compiled and kept warm."""
    return _predictor(run_id, result_key(run_id))


def prediction(run_id: str, content: bytes) -> "Prediction":
    """Return the answer of a run to a photo; kept for ten minutes, in memory only."""
    when = result_key(run_id)
    return _prediction(run_id, when, hashlib.sha256(content).hexdigest(), content)


@dataclass
class EventTail:
    """The events of a run read so far; `read` goes on from the last byte read."""

    folder: Path
    events: list[dict[str, Any]] = field(default_factory=list)
    offset: int = 0
    _lock: Lock = field(default_factory=Lock)

    def read(self) -> list[dict[str, Any]]:
        """Return all events so far."""
        with self._lock:
            new, offset = read_events(self.folder, self.offset)
            if offset < self.offset:  # the run was deleted and started afresh
                self.events, (new, offset) = [], read_events(self.folder)
            self.events, self.offset = self.events + new, offset
            return self.events


@st.cache_resource(max_entries=64, show_spinner=False)
def event_tail(run_id: str) -> EventTail:
    """Return the tail of a run's events, shared by all who watch it."""
    return EventTail(workspace().run_folder(run_id))


@st.cache_resource(max_entries=8, show_spinner=False)
def _dataset(dataset_id: str, when: float) -> Dataset:  # noqa: ARG001 (part of the key)
    return read_dataset(workspace(), dataset_id)


@st.cache_resource(max_entries=4, show_spinner=False)
def _quality(dataset_id: str, when: float) -> QualityResult | None:  # noqa: ARG001 (of the key)
    return read_quality(workspace(), dataset_id)


@st.cache_resource(max_entries=8, show_spinner=False)
def _positions(dataset_id: str, method: MapMethod, when: float) -> np.ndarray | None:  # noqa: ARG001
    return read_map(workspace(), dataset_id, method)


@st.cache_resource(max_entries=4, show_spinner=False)
def _issues(dataset_id: str, when: float) -> pd.DataFrame:
    return find_flags(dataset(dataset_id).manifest, _quality(dataset_id, when))


@st.cache_resource(max_entries=8, show_spinner=False)
def _result(run_id: str, when: float) -> RunResult:  # noqa: ARG001 (part of the key)
    answers = read_result(workspace(), run_id)
    check_order(answers, dataset(answers.dataset_id))
    return answers


@st.cache_resource(max_entries=64, show_spinner=False)
def _evaluation(run_id: str, split: str, when: float) -> Evaluation:
    answers = _result(run_id, when)
    photos = answers.photo_numbers(split)
    return evaluate_scores(answers.scores[photos], answers.labels[photos], answers.classes)


@st.cache_resource(max_entries=2, show_spinner="Loading the model …")
def _predictor(run_id: str, when: float) -> "Predictor":  # noqa: ARG001 (part of the key)
    from core.prediction.predictor import open_predictor  # OpenVINO: loaded when first wanted

    return open_predictor(workspace(), run_id)


@st.cache_resource(max_entries=8, ttl=600, show_spinner=False)
def _prediction(
    run_id: str,
    when: float,
    digest: str,  # noqa: ARG001 (part of the key)
    _content: bytes,
) -> "Prediction":
    return _predictor(run_id, when).predict(_content)


def _written(file: Path) -> float:
    return file.stat().st_mtime if file.exists() else 0.0


def _analyses_written() -> float:
    """Return when an analysis was last begun or finished: a file came into its folder then."""
    folders = [folder.stat().st_mtime for folder in workspace().analyses.iterdir()]
    return max(folders, default=0.0)
