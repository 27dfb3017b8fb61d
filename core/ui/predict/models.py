"""The models that a person can ask, registered versions and finished runs, ready to answer."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import VersionDamaged
from core.formats import count, plain
from core.registry.store import ALIASES, ModelVersion, list_versions, read_aliases
from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from core.ui.parts.pickers import describe_run

if TYPE_CHECKING:
    from core.prediction.predictor import Prediction, Predictor
    from core.registry.loading import Standing


@dataclass(frozen=True, kw_only=True)
class Model:
    """Something that can be asked: a registered version, or a run."""

    key: str
    """As links name it: “champion”, “v3”, or the id of a run."""
    label: str
    version: ModelVersion | None = None
    run: RunRecord | None = None

    @property
    def name(self) -> str:
        """In short, for a table: “v3”, “Run 12”."""
        if self.version is not None:
            return self.version.label
        return f"Run {self.run.number}" if self.run is not None else self.key

    @property
    def run_id(self) -> str:
        """The run that it is, or that it was registered from."""
        known = self.version.run_id if self.version is not None else None
        return known or (self.run.id if self.run is not None else "")

    @property
    def is_random(self) -> bool:
        """Whether its backbone has never seen a photo."""
        if self.version is not None:
            return bool(self.version.facts.get("backbone", {}).get("weights_kind") == "random")
        return self.run is not None and self.run.recipe.weights == "random"

    @property
    def identity(self) -> str:
        """The same for the same model, by whatever name it was chosen."""
        return self.version.digest if self.version is not None else f"run {self.run_id}"


def forget_predictions() -> None:
    """Lets go of the answers in memory, and of the photos in them."""
    _predict.clear()


def list_models() -> list[Model]:
    """Returns all that can be asked: aliases, versions (newest first), finished runs."""
    workspace = cache.workspace()
    versions = {version.number: version for version in list_versions(workspace)}
    aliases = read_aliases(workspace)
    named = [
        (alias, versions[aliases[alias]]) for alias in ALIASES if aliases.get(alias) in versions
    ]
    models = [
        Model(
            key=alias, version=version, label=f"{alias.capitalize()} · {describe_version(version)}"
        )
        for alias, version in named
    ]
    taken = {version.number for _, version in named}
    models += [
        Model(key=version.label, version=version, label=describe_version(version))
        for version in versions.values()
        if version.number not in taken
    ]
    done = [run for run in list_runs(workspace) if run.state == "done"]
    return models + [Model(key=run.id, run=run, label=describe_run(run)) for run in done]


def describe_version(version: ModelVersion) -> str:
    """Returns a version in one line for a list."""
    known = f" · {count(len(version.classes), 'class')}" if version.classes else ""
    return f"{version.label} · {version.name}{known}"


def open_model(model: Model) -> "Predictor":
    """Returns the predictor of a model, its backbone compiled and kept warm.

    Raises:
        PetalscopeError: It cannot answer: files of it are gone or were altered.
    """
    if model.version is not None:
        return _open_version(model.version.number, model.version.digest)
    return cache.predictor(model.run_id)


def settle_model(model: Model) -> Model:
    """Returns the model that answers: a former champion where the champion is damaged, and says so.

    Raises:
        PetalscopeError: It cannot answer, nor can a former champion.
    """
    try:
        open_model(model)
    except VersionDamaged:
        if model.key != "champion" or model.version is None:
            raise
        standing = _open_standing(model.version.digest)
        version = standing.predictor.version
        if standing.problem is None or version is None:
            return model
        st.warning(
            f"{plain(standing.problem.problem)} {version.label}, the champion before it, answers "
            "instead.",
            icon=":material/history:",
        )
        label = f"Former champion · {describe_version(version)}"
        return replace(model, version=version, label=label)
    return model


def predict(model: Model, digest: str, content: bytes) -> "Prediction":
    """Returns the answer of a model to a photo; kept for ten minutes, in memory only.

    Args:
        model: Any.
        digest: SHA-256 of the photo's bytes.
        content: The bytes.

    Raises:
        PhotoRefused: It is no photo, or too large.
    """
    when = cache.result_key(model.run_id) if model.version is None else 0.0
    return _predict(model.identity, digest, when, model, content)


@st.cache_resource(max_entries=3, show_spinner="Loading the model …")
def _open_version(number: int, digest: str) -> "Predictor":  # noqa: ARG001 (part of the key)
    from core.registry.loading import open_version  # OpenVINO: loaded when first wanted

    return open_version(cache.workspace(), number)


@st.cache_resource(max_entries=1, ttl=30, show_spinner="Loading a former model …")
def _open_standing(digest: str) -> "Standing":  # noqa: ARG001 (part of the key)
    from core.registry.loading import open_standing

    return open_standing(cache.workspace())


@st.cache_resource(max_entries=16, ttl=600, show_spinner=False)
def _predict(
    identity: str,  # noqa: ARG001 (part of the key)
    digest: str,  # noqa: ARG001 (part of the key)
    when: float,  # noqa: ARG001 (part of the key)
    _model: Model,
    _content: bytes,
) -> "Prediction":
    return open_model(_model).predict(_content)
