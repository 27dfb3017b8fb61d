"""Champion against challenger on the same test photos, each photo a pair.

A photo counts only if neither version was trained on it or on a copy. The scores come from the
result of a version's run; if that is gone, the version predicts again.
"""

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection

from core.errors import DatasetMissing, RecipeRefused, RetrainingRefused, RunMissing, RunUnfinished
from core.evaluation.comparison import compare_predictions
from core.formats import count
from core.kept import pack_arrays
from core.registry.events import ModelEvent, insert_event, select_events
from core.registry.evidence import Evidence, evidence_from_facts
from core.registry.loading import open_version
from core.registry.promoting import promote
from core.registry.store import ModelVersion, read_aliases, read_version
from core.runs.common_photos import CommonPhotos, describe_left_out, find_common
from core.runs.database import read_database, write_database
from core.runs.recipe.recipe import Recipe, recipe_from_json
from core.runs.result import RunResult, check_order, read_result, read_run_head
from core.runs.store import read_run, record_opening
from core.workspace import Workspace
from data.dataset import Dataset
from data.duplicates import find_copies
from data.manifest import read_dataset

SPLIT = "test"
_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """The scores of a version on the photos of its dataset."""

    version: ModelVersion
    result: RunResult
    """Scores of the test photos; other scores may be zeros."""
    dataset: Dataset
    has_run: bool

    @property
    def learnt_digests(self) -> np.ndarray:
        """Digests of its training photos, (m,) str."""
        digests = self.dataset.manifest["sha256"].to_numpy()
        return np.asarray(digests[self.result.splits == "train"])


def read_version_recipe(version: ModelVersion) -> Recipe:
    """Return the recipe of a version, even if its run is gone.

    Raises:
        RetrainingRefused: Another version of the program wrote the recipe.
    """
    content: dict[str, Any] = {"version": Recipe.version, **version.facts["recipe"]}
    try:
        return recipe_from_json(json.dumps(content))
    except RecipeRefused as error:
        raise RetrainingRefused(
            f"The recipe of {version.label} is from another version of the program.",
            "Train a new run, register it and promote it.",
            version=version.number,
        ) from error


def read_answers(workspace: Workspace, version: ModelVersion) -> Answers:
    """Return the scores of a version on the photos of its dataset.

    Raises:
        RetrainingRefused: The dataset is gone, so its training photos are unknown.
        VersionDamaged: Its run is gone and a file of the version was altered.
        ResultDamaged: The result of its run is incomplete or altered.
    """
    try:
        dataset = read_dataset(workspace, version.dataset_id)
    except DatasetMissing as error:
        raise RetrainingRefused(
            f"The dataset of {version.label} was deleted, so its training photos are unknown: no "
            "comparison would be fair.",
            "Judge it by feedback on new photos; to promote without a comparison, give a reason.",
            version=version.number,
        ) from error
    has_run = _has_run(workspace, version)
    if has_run:
        result = read_result(workspace, version.run_id)
        check_order(result, dataset)
    else:
        result = _predict_again(workspace, version, dataset)
    return Answers(version=version, result=result, dataset=dataset, has_run=has_run)


def _has_run(workspace: Workspace, version: ModelVersion) -> bool:
    """Return whether the run is still the registered one; a repeated run has the same id."""
    try:
        if read_run(workspace, version.run_id).state != "done":
            return False
        head = pack_arrays(read_run_head(workspace, version.run_id).arrays)
    except (RunMissing, RunUnfinished):
        return False
    return sha256(head).hexdigest() == str(version.facts["files"]["head"])


def _predict_again(workspace: Workspace, version: ModelVersion, dataset: Dataset) -> RunResult:
    """Return the version's scores on the test photos as a result; other scores are 0."""
    splits = dataset.choose_splits(read_version_recipe(version).split_seed)
    predictor = open_version(workspace, version.number, purpose="throughput")
    scores = np.zeros((len(dataset), len(version.classes)), np.float32)
    chosen, framing = np.flatnonzero(splits == SPLIT), predictor.backbone_facts.framing
    for start in range(0, len(chosen), _AT_ONCE):
        some = chosen[start : start + _AT_ONCE]
        photos = [dataset.read_photo(int(photo), framing) for photo in some]
        scores[some] = predictor.answer_packed(np.stack(photos))[1]
    return RunResult(
        scores=scores,
        labels=dataset.labels,
        splits=splits,
        paths=np.asarray(dataset.manifest["path"], dtype=np.str_),
        classes=tuple(version.classes),
        best_epoch=int(version.facts["best_epoch"]),
        dataset_id=dataset.id,
    )


class VersionComparison(NamedTuple):
    """A comparison in the history."""

    evidence: Evidence
    event: ModelEvent
    left_out: str
    """Which test photos were left out and why; "" where all were used."""


def compare_versions(
    workspace: Workspace, champion: int, challenger: int, who: str = ""
) -> Evidence:
    """Compare two versions on the test photos of both, and record it in the history.

    It counts as a look at the test photos of both runs.

    Raises:
        VersionMissing: A version does not exist.
        RetrainingRefused: No test photo is fair to both.
    """
    answers = [read_answers(workspace, read_version(workspace, n)) for n in (champion, challenger)]
    common, copies = find_fair_photos(*answers)
    if not len(common):
        raise RetrainingRefused(
            f"v{champion} and v{challenger} have no common test photo that is new to both.",
            "Train both on versions of one dataset with test photos; to promote without a "
            "comparison, give a reason.",
        )
    compared, left_out = compare_predictions(*common.answers), describe_left_out(common)
    if copies:
        left_out += f" {count(copies, 'test photo')} left out: copies of training photos."
    for one in answers:
        if one.has_run:
            place = f"comparison of v{champion} and v{challenger}"
            record_opening(workspace, one.version.run_id, who, place)
    with write_database(workspace) as connection:  # two comparisons at once count as two
        evidence = Evidence(
            champion=champion,
            challenger=challenger,
            n=compared.n,
            accuracy_champion=compared.accuracy_a,
            accuracy_challenger=compared.accuracy_b,
            gained=compared.gained,
            lost=compared.lost,
            p_value=compared.p_value,
            split=SPLIT,
            dataset_id=answers[1].dataset.id,
            turn=_find_turn(connection, champion, challenger),
        )
        facts = {"left_out": left_out.strip(), "evidence": asdict(evidence)}
        insert_event(connection, ModelEvent("compared", challenger, champion, who=who, facts=facts))
    return evidence


def find_comparison(
    workspace: Workspace, champion: int, challenger: int
) -> VersionComparison | None:
    """Return the newest comparison of two versions; None without one."""
    with read_database(workspace) as connection:
        events = select_events(connection, ("compared",))
    for event in reversed(events):
        evidence = evidence_from_facts(event.facts)
        if evidence and (evidence.champion, evidence.challenger) == (champion, challenger):
            return VersionComparison(evidence, event, event.facts.get("left_out", ""))
    return None


def promote_compared(
    workspace: Workspace, number: int, *, reason: str, who: str, override: bool = False
) -> tuple[ModelEvent, Evidence | None]:
    """Make a version the champion, and return the event and the evidence behind it.

    The version is compared with the champion, once, unless there is none or `override` says so.

    Raises:
        RetrainingRefused: No test photo is fair to both.
        PetalscopeError: As `promote`.
    """
    champion, evidence = read_aliases(workspace).get("champion"), None
    if champion not in (None, number) and not override and reason.strip():
        found = find_comparison(workspace, champion, number)  # view test photos only once
        evidence = found.evidence if found else compare_versions(workspace, champion, number, who)
    event = promote(
        workspace,
        number,
        reason=reason,
        who=who,
        evidence=evidence,
        override=override,
        instead_of=champion,
    )
    return event, evidence


def _find_turn(connection: Connection, champion: int, challenger: int) -> int:
    """Return the place of a challenger among those compared with the champion, from 1."""
    known = [evidence_from_facts(one.facts) for one in select_events(connection, ("compared",))]
    tried = [one.challenger for one in known if one is not None and one.champion == champion]
    return list(dict.fromkeys([*tried, challenger])).index(challenger) + 1


def find_fair_photos(a: Answers, b: Answers) -> tuple[CommonPhotos, int]:
    """Return the test photos that are fair to both, and the number of copies left out."""
    datasets = {one.dataset.id: one.dataset for one in (a, b)}
    common = find_common(a.result, b.result, SPLIT, datasets.__getitem__)
    digests = b.dataset.manifest["sha256"].to_numpy()[common.photos_b]
    seen = np.isin(digests, np.union1d(a.learnt_digests, b.learnt_digests))
    if len(common):
        seen |= np.isin(common.photos_b, _list_near_additions(a, b))
    names = ("photos_a", "photos_b", "labels", "predictions_a", "predictions_b")
    rows = {name: getattr(common, name)[~seen] for name in names}
    return CommonPhotos(**{**vars(common), **rows}), int(seen.sum())


def _list_near_additions(a: Answers, b: Answers) -> list[int]:
    """Return photos of b's dataset that are copies of training photos of b new since a."""
    manifest = b.dataset.manifest
    is_new = ~manifest["sha256"].isin(a.dataset.manifest["sha256"]).to_numpy()
    added = np.flatnonzero(is_new & (b.result.splits == "train"))
    near: list[int] = []
    for start in range(0, len(added), _AT_ONCE):  # all at once could be gigabytes
        some = added[start : start + _AT_ONCE]
        copies = find_copies(b.dataset, manifest.iloc[some], np.asarray(b.dataset.photos[some]))
        near += [photo for found in copies for photo in found]
    return near
