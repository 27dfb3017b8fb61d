"""How far every photo of a run's dataset lies from its training photos; kept beside the run."""

from dataclasses import dataclass, fields

import numpy as np

from core.prediction.unlike import UNLIKE_VERSION, UnlikeModel, fit_unlike
from core.runs.derived import keep_arrays
from core.runs.result import RunResult
from core.runs.run_photos import read_run_features
from core.workspace import Workspace


@dataclass(frozen=True, kw_only=True, eq=False)
class RunDistances:
    """The model of a run's training photos, and the distances of all photos by it."""

    model: UnlikeModel
    distances: np.ndarray
    """(n,) float32; row i is photo i of the dataset. Training photos lie nearer than others do."""


def read_distances(workspace: Workspace, run_id: str, result: RunResult) -> RunDistances:
    """Returns the distances of a run's photos, computed the first time.

    Raises:
        FeaturesMissing: They were never computed, and the features were removed or altered.
    """

    def make() -> dict[str, np.ndarray]:
        features = read_run_features(workspace, result)
        train = result.photo_numbers("train")
        model = fit_unlike(features[train], result.labels[train])
        return {
            **{field.name: getattr(model, field.name) for field in fields(UnlikeModel)},
            "distances": model.measure(features),
        }

    facts = {"version": UNLIKE_VERSION, "features": result.features_id}
    kept = keep_arrays(workspace, run_id, "unlike", facts, make)
    names = [field.name for field in fields(UnlikeModel)]
    return RunDistances(
        model=UnlikeModel(**{name: kept[name] for name in names}), distances=kept["distances"]
    )
