"""Champion and challenger compared: both answer the same test photos, and each photo is a pair.

Only photos count that neither was fitted to, nor to a copy of them. Answers come from the result of
a version's run while that is there; else the version itself is asked again.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from sqlalchemy import Connection

from core.errors import DatasetMissing, RecipeRefused, RetrainingRefused, RunMissing, RunUnfinished
from core.evaluation.comparison import Comparison, compare_predictions
from core.formats import count
from core.registry.events import ModelEvent, insert_event, select_events
from core.registry.evidence import Evidence, evidence_from_facts
from core.registry.loading import open_version
from core.registry.registering import pack_head
from core.registry.store import ModelVersion, read_version
from core.runs.common_photos import CommonPhotos, describe_left_out, find_common
from core.runs.database import read_database, write_database
from core.runs.recipe.recipe import Recipe, recipe_from_json
from core.runs.result import RunResult, check_order, read_result, read_run_head
from core.runs.store import read_run, record_opening
from core.workspace import Workspace
from data.dataset import Dataset
from data.duplicates import find_copies
from data.manifest import read_dataset

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
    """Return the recipe that a version was trained with; its run need not be there any more.

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
    """Return the answers of a version to its dataset's photos.

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
    has_run = _has_run(workspace, version)
    if has_run:
        result = read_result(workspace, version.run_id)
        check_order(result, dataset)
    else:
        result = _ask_version(workspace, version, dataset)
    return Answers(version=version, result=result, dataset=dataset, has_run=has_run)


def _has_run(workspace: Workspace, version: ModelVersion) -> bool:
    """Return whether the run is the one that was registered: trained anew it has the same id."""
    try:
        run = read_run(workspace, version.run_id)
        if run.state != "done":
            return False
        head = pack_head(read_run_head(workspace, version.run_id))
    except (RunMissing, RunUnfinished):
        return False
    return sha256(head).hexdigest() == str(version.facts["files"]["head"])


def _ask_version(workspace: Workspace, version: ModelVersion, dataset: Dataset) -> RunResult:
    """Return the version's answers to the test photos, as a result whose other scores are 0."""
    splits = dataset.choose_splits(read_version_recipe(version).split_seed)
    predictor = open_version(workspace, version.number, purpose="throughput")
    scores = np.zeros((len(dataset), len(version.classes)), np.float32)
    chosen, framing = np.flatnonzero(splits == "test"), predictor.backbone_facts.framing
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
        history=[],
        dataset_id=dataset.id,
        backbone_id="",
        features_id="",
        seconds={},
    )


SPLIT = "test"


@dataclass(frozen=True, kw_only=True)
class VersionComparison:
    """A meeting that was held, as it stands in the history."""

    evidence: Evidence
    event: ModelEvent
    left_out: str
    """In words, which test photos were not asked, and why; "" when all were."""
    per_class: list[Mapping[str, Any]]
    """Of each class that has photos, as in `Comparison.per_class`, without p-values."""


def compare_versions(
    workspace: Workspace, champion: int, challenger: int, who: str = ""
) -> Evidence:
    """Return how the challenger does beside the champion on the test photos of both.

    It stands in the history afterwards, and the test photos of both runs count as looked at.

    Raises:
        VersionMissing: One of the numbers is none.
        RetrainingRefused: There is no photo that is a fair question to both.
    """
    answers = [read_answers(workspace, read_version(workspace, n)) for n in (champion, challenger)]
    common, copies = find_fair_photos(*answers)
    if not len(common):
        raise RetrainingRefused(
            f"v{champion} and v{challenger} have no test photo in common that neither learnt from.",
            "Train both on versions of one dataset that has a test split; to promote without a "
            "comparison, say why.",
        )
    compared = compare_predictions(*common.answers)
    for one in answers:
        if one.has_run:
            place = f"meeting of v{champion} and v{challenger}"
            record_opening(workspace, one.version.run_id, who, place)
    facts: dict[str, Any] = {
        "left_out": _describe_left_out(common, copies),
        "per_class": compared.per_class.drop(columns="p_value").to_dict("records"),
    }
    with write_database(workspace) as connection:  # two comparisons at once count as two
        turn = _find_turn(connection, champion, challenger)
        evidence = _make_evidence(champion, challenger, answers[1].dataset.id, compared, turn)
        facts["evidence"] = asdict(evidence)
        insert_event(
            connection, "compared", version=challenger, former=champion, who=who, facts=facts
        )
    return evidence


def find_comparison(
    workspace: Workspace, champion: int, challenger: int
) -> VersionComparison | None:
    """Return the newest meeting of these two versions; None when they have not met."""
    with read_database(workspace) as connection:
        events = select_events(connection, ("compared",))
    for event in reversed(events):
        evidence = evidence_from_facts(event.facts)
        if evidence and (evidence.champion, evidence.challenger) == (champion, challenger):
            return VersionComparison(
                evidence=evidence,
                event=event,
                left_out=event.facts.get("left_out", ""),
                per_class=event.facts.get("per_class", []),
            )
    return None


def _find_turn(connection: Connection, champion: int, challenger: int) -> int:
    """Return the place among the challengers that were compared with the champion; 1: the first."""
    known = [evidence_from_facts(one.facts) for one in select_events(connection, ("compared",))]
    met = [one.challenger for one in known if one is not None and one.champion == champion]
    return list(dict.fromkeys([*met, challenger])).index(challenger) + 1


def find_fair_photos(a: Answers, b: Answers) -> tuple[CommonPhotos, int]:
    """Return the test photos that both can be asked, and how many others are copies of lessons."""
    datasets = {one.dataset.id: one.dataset for one in (a, b)}
    common = find_common(a.result, b.result, SPLIT, datasets.__getitem__)
    digests = b.dataset.manifest["sha256"].to_numpy()[common.photos_b]
    learnt = np.union1d(a.learnt_digests, b.learnt_digests)
    seen = np.isin(digests, learnt)
    if len(common):
        seen |= _are_near_additions(a, b, common.photos_b)
    names = ("photos_a", "photos_b", "labels", "predictions_a", "predictions_b")
    rows = {name: getattr(common, name)[~seen] for name in names}
    return CommonPhotos(**{**vars(common), **rows}), int(seen.sum())


def _are_near_additions(a: Answers, b: Answers, photos: np.ndarray) -> np.ndarray:
    """Return which photos of b's dataset look like one b learnt from that a's has not, (m,)."""
    manifest = b.dataset.manifest
    is_new = ~np.isin(manifest["sha256"].to_numpy(), a.dataset.manifest["sha256"].to_numpy())
    added = np.flatnonzero(is_new & (b.result.splits == "train"))
    near: list[int] = []
    for start in range(0, len(added), _AT_ONCE):  # there may be gigabytes of them
        some = added[start : start + _AT_ONCE]
        copies = find_copies(b.dataset, manifest.iloc[some], np.asarray(b.dataset.photos[some]))
        near += [copy.photo for found in copies for copy in found]
    return np.isin(photos, near)


def _make_evidence(
    champion: int, challenger: int, dataset_id: str, compared: Comparison, turn: int
) -> Evidence:
    return Evidence(
        champion=champion,
        challenger=challenger,
        n=compared.n,
        accuracy_champion=compared.accuracy_a,
        accuracy_challenger=compared.accuracy_b,
        gained=compared.gained,
        lost=compared.lost,
        p_value=compared.p_value,
        split=SPLIT,
        dataset_id=dataset_id,
        turn=turn,
    )


def _describe_left_out(common: CommonPhotos, copies: int) -> str:
    words = describe_left_out(common)
    if not copies:
        return words
    left_out = f"{count(copies, 'test photo')} left out: copies of photos that one learnt from."
    return f"{words} {left_out}".strip()
