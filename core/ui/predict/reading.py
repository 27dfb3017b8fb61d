"""Read the page Predict: models, their answers (ten minutes in memory), similar photos."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from core.errors import PetalscopeError, VersionDamaged
from core.evaluation.coverage import OperatingPoint
from core.formats import count, plain
from core.monitoring.kept_photos import Photo, keep_photo
from core.monitoring.log import describe_prediction
from core.prediction.nearest import NearestPhotos, find_nearest_learnt
from core.registry.store import (
    ALIASES,
    ModelVersion,
    find_answers,
    list_versions,
    read_aliases,
    read_version,
)
from core.ui.parts import cache
from core.ui.parts.choosing import list_done
from core.ui.parts.pickers import describe_run
from core.ui.predict.sessions import Asked, BrowserSession, Model, open_session
from core.ui.visitor import name_browser
from data.dataset import Dataset
from data.images import ROW_SIZE, encode_thumbnail

if TYPE_CHECKING:
    from core.prediction.deciding import Decision
    from core.prediction.predictor import Prediction, Predictor

NEAREST = 6


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """The answer of a model to a photo."""

    model: Model
    photo: Photo
    visitor: str
    prediction: "Prediction"
    asked: Asked
    predictor: "Predictor"

    @cached_property
    def decision(self) -> "Decision":
        """The decision of the current rule; the answer may be older than the rule."""
        return self.predictor.decide(self.prediction)

    @property
    def point(self) -> OperatingPoint:
        """The effect of the current rule on the validation photos of the model."""
        if self.model.version is not None:
            return _find_answers(self.model.version.number, self.model.version.digest)
        return cache.operating_point(self.model.run_id)

    def read_nearest(self) -> tuple[Dataset, NearestPhotos]:
        """Return the dataset of the model and the training photos most similar to this one.

        Raises:
            PetalscopeError: The run, its dataset or its features were deleted.
        """
        result = cache.result(self.model.run_id)
        found = _find_nearest(self.model.run_id, self.prediction.features)
        return cache.dataset(result.dataset_id), found


def read_session() -> BrowserSession:
    """Return the session of this browser tab."""
    name = st.session_state.setdefault("predict.desk", secrets.token_hex(8))
    return open_session(str(name), name_browser())


def list_models() -> list[Model]:
    """Return aliases, versions and finished runs, newest first."""
    workspace = cache.workspace()
    versions = {version.number: version for version in list_versions(workspace)}
    aliases = read_aliases(workspace)
    models = []
    for alias in ALIASES:
        if (number := aliases.get(alias)) in versions:
            label = f"{alias.capitalize()} · {_describe_version(versions[number])}"
            models.append(Model(key=alias, version=versions[number], label=label))
    models += [
        Model(key=version.label, version=version, label=_describe_version(version))
        for number, version in versions.items()
        if number not in {aliases.get(alias) for alias in ALIASES}
    ]
    return models + [
        Model(key=run.id, run=run, label=describe_run(run)) for run in list_done(with_model=True)
    ]


def _describe_version(version: ModelVersion) -> str:
    known = f" · {count(len(version.classes), 'class')}" if version.classes else ""
    return f"{version.label} · {version.name}{known}"


def list_classes(model: Model) -> Sequence[str]:
    """Return the classes of a model."""
    version = model.version
    return version.classes if version is not None else cache.result(model.run_id).classes


def open_model(model: Model) -> "Predictor":
    """Return the cached predictor of a model.

    Raises:
        PetalscopeError: Files of the model are missing or damaged.
    """
    if model.version is not None:
        return _open_version(model.version.number, model.version.digest)
    return cache.predictor(model.run_id)


def settle_model(model: Model) -> tuple[Model, str]:
    """Return the model that answers; a former champion for a damaged one, with a sentence.

    Raises:
        PetalscopeError: Neither can answer.
    """
    try:
        open_model(model)
    except VersionDamaged:
        if model.key != "champion" or model.version is None:
            raise
        predictor, fault = _open_standing(model.version.digest)
        version = predictor.version
        if fault is None or version is None:
            return model, ""
        label = f"Former champion · {_describe_version(version)}"
        said = f"The champion before it, {version.label}, answers instead."
        settled = replace(model, version=version, label=label)
        return settled, f"{plain(fault.problem)} {said}"
    return model, ""


def ask(session: BrowserSession, model: Model, photo: Photo) -> Answer:
    """Return the answer of a model to a photo; the first one is logged.

    Raises:
        PhotoRefused: The file is not a photo, or too large.
        PetalscopeError: The model cannot answer.
    """
    started = time.perf_counter()
    prediction = _predict(_name_question(model, photo), model, photo.content)
    predictor = open_model(model)
    known = session.find(model, photo.sha256)
    if known is None:
        latency_ms = 1000 * (time.perf_counter() - started)
        row = describe_prediction(
            prediction, photo, source="page", latency_ms=latency_ms, visitor=session.visitor
        )
        thumbnail = encode_thumbnail(prediction.photo, ROW_SIZE)
        decision = predictor.decide(prediction)
        known = Asked(decision=decision, thumbnail=thumbnail, id=row["id"])
        session.log(cache.workspace(), model, known, row)
        keep_photo(cache.workspace(), photo)
    return Answer(
        model=model,
        photo=photo,
        visitor=session.visitor,
        prediction=prediction,
        asked=known,
        predictor=predictor,
    )


def forget_predictions() -> None:
    """Remove answers from memory."""
    _predict.clear()


@st.cache_resource(max_entries=3, show_spinner="Loading the model …")
def _open_version(number: int, digest: str) -> "Predictor":  # noqa: ARG001 (part of the key)
    from core.registry.loading import open_version  # imports OpenVINO

    return open_version(cache.workspace(), number)


@st.cache_resource(max_entries=8, show_spinner=False)
def _find_answers(number: int, digest: str) -> OperatingPoint:  # noqa: ARG001 (part of the key)
    return find_answers(cache.workspace(), read_version(cache.workspace(), number))


@st.cache_resource(max_entries=1, ttl=30, show_spinner="Loading a former model …")
def _open_standing(digest: str) -> "tuple[Predictor, PetalscopeError | None]":  # noqa: ARG001 (part of the key)
    from core.registry.loading import open_standing

    return open_standing(cache.workspace())


_Key = tuple[str, str, float]


def _name_question(model: Model, photo: Photo) -> _Key:
    when = cache.result_key(model.run_id) if model.version is None else 0.0
    return model.identity, photo.sha256, when


@st.cache_resource(max_entries=16, ttl=600, show_spinner=False)
def _predict(key: _Key, _model: Model, _content: bytes) -> "Prediction":
    del key
    return open_model(_model).predict(_content)


@cache.cached_by(cache.result_key, most=256)
def _find_nearest(run_id: str, features: np.ndarray) -> NearestPhotos:
    return find_nearest_learnt(cache.workspace(), cache.result(run_id), features, NEAREST)
