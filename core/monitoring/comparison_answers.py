"""What a version answered to the photos of its dataset, and which of them it never learnt from.

From the result of its run while that is there; else the version itself is asked again, for it is
kept whole without its run.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from core.errors import DatasetMissing, RecipeRefused, RetrainingRefused, RunMissing, RunUnfinished
from core.registry.loading import open_version
from core.registry.registering import pack_head
from core.registry.store import ModelVersion
from core.runs.recipe.recipe import Recipe, recipe_from_json
from core.runs.result import RunResult, read_result, read_run_head
from core.runs.run_photos import check_order
from core.runs.store import read_run
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import read_dataset
from data.splits import draw_splits

_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """A version's answers and the photos they are about."""

    version: ModelVersion
    result: RunResult
    """Scores of the test photos at least; those of others may be zeros."""
    dataset: Dataset
    has_run: bool

    @property
    def learnt_digests(self) -> np.ndarray:
        """Digests of the photos that it was fitted to, (m,) str."""
        digests = self.dataset.manifest["sha256"].to_numpy()
        return np.asarray(digests[self.result.splits == "train"])


def read_version_recipe(version: ModelVersion) -> Recipe:
    """Returns the recipe that a version was trained with; its run need not be there any more.

    Raises:
        RetrainingRefused: It is of another version of the program.
    """
    content: dict[str, Any] = {"version": Recipe.version, **version.facts["recipe"]}
    try:
        return recipe_from_json(json.dumps(content))
    except RecipeRefused as error:
        raise RetrainingRefused(
            f"The recipe of {version.label} is one of another version of the program.",
            "Train a run with the recipe form, register it and promote it.",
            version=version.number,
        ) from error


def read_answers(workspace: Workspace, version: ModelVersion) -> Answers:
    """Returns the answers of a version to its dataset's photos.

    Raises:
        RetrainingRefused: The dataset is gone, so nobody knows which photos it has not seen.
        VersionDamaged: Its run is gone and a byte of the version was changed.
        ResultDamaged: The result of its run was cut short or altered.
    """
    try:
        dataset = read_dataset(workspace, version.dataset_id)
    except DatasetMissing as error:
        raise RetrainingRefused(
            f"The dataset of {version.label} was deleted: nobody knows which photos it learnt "
            "from, so no photo is a fair question.",
            "Judge it by feedback on new photos; to promote without a comparison, say why.",
            version=version.number,
        ) from error
    if not _has_run(workspace, version):
        result = _ask_version(workspace, version, dataset)
        return Answers(version=version, result=result, dataset=dataset, has_run=False)
    result = read_result(workspace, version.run_id)
    check_order(result, dataset)
    return Answers(version=version, result=result, dataset=dataset, has_run=True)


def _has_run(workspace: Workspace, version: ModelVersion) -> bool:
    """Returns whether the run is the one that was registered: trained anew it has the same id."""
    try:
        run = read_run(workspace, version.run_id)
        if run.state != "done":
            return False
        head = pack_head(read_run_head(workspace, version.run_id))
    except (RunMissing, RunUnfinished):
        return False
    return sha256(head).hexdigest() == str(version.facts["files"]["head"])


def _ask_version(workspace: Workspace, version: ModelVersion, dataset: Dataset) -> RunResult:
    """Returns the version's answers to the test photos, as a result whose other scores are 0."""
    seed = read_version_recipe(version).split_seed
    splits = dataset.splits
    if seed is not None:
        splits = draw_splits(dataset.labels, dataset.manifest["sha256"].to_numpy(), seed=seed)
    predictor = open_version(workspace, version.number, purpose="throughput")
    scores = np.zeros((len(dataset), len(version.classes)), np.float32)
    chosen, photos = np.flatnonzero(splits == "test"), dataset.photos
    for start in range(0, len(chosen), _AT_ONCE):
        some = chosen[start : start + _AT_ONCE]
        scores[some] = predictor.answer_packed(np.asarray(photos[some]))[1]
    return RunResult(
        scores=scores,
        labels=dataset.labels,
        splits=splits,
        paths=np.asarray(dataset.manifest["path"], dtype=np.str_),
        classes=tuple(version.classes),
        best_epoch=int(version.facts["best_epoch"]),
        history=[],
        dataset_id=dataset.id,
        backbone_id="",
        features_id="",
        seconds={},
    )
