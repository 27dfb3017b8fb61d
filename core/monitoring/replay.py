"""What another version would have answered: the features in the log through its head and a rule.

No photo is needed. Features are kept as float16, so a score may differ in its third digit.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from core.errors import PetalscopeError
from core.evaluation.calibration import temper_scores
from core.monitoring.log import read_features
from core.monitoring.summaries import keep_newest
from core.prediction.deciding import DecisionRule, choose_answers
from core.registry.loading import read_head
from core.registry.store import ModelVersion, list_versions, read_unlike
from core.runs.result import read_result
from core.workspace import Workspace
from data.sources.names import fold_name

MOST_PHOTOS = 5_000
"""The newest, that are replayed."""
WITHHELD = "I don't know"
OUTCOMES = ("right", "wrong", WITHHELD)


@dataclass(frozen=True, kw_only=True, eq=False)
class Replay:
    """Photos of the log as a version sees them, before a rule decides."""

    version: ModelVersion
    rows: pd.DataFrame
    """Of the log, each photo once, with its newest answer; oldest first."""
    scores: np.ndarray
    """(n, k) float32, of the version's head."""
    distances: np.ndarray
    """(n,) float32, from what the version was trained on."""
    elsewhere: int
    """Photos that cannot be replayed: another backbone answered them."""
    gone: int
    """Photos that cannot be replayed: the run that answered is gone."""

    def decide(self, rule: DecisionRule | None) -> "Replayed":
        """Return what the version would have said by a rule; None: it answers every photo."""
        rule = rule or DecisionRule()
        scores = temper_scores(self.scores, rule.temperature)
        answers, given = choose_answers(rule, scores, self.version.classes)
        tops = np.where(given, answers, scores.argmax(axis=1))
        kinds = np.where(given, "answer", "unsure")
        if rule.unlike_limit is not None:
            kinds[self.distances > rule.unlike_limit] = "unlike"
        names = np.array(self.version.classes, dtype=object)
        known = {fold_name(name) for name in self.version.classes}
        heard = {*self.rows["top"], *self.rows["class_name"].dropna()}
        return Replayed(
            unknown=tuple(sorted(name for name in heard if fold_name(name) not in known)),
            rows=self.rows.assign(
                said=_say(self.rows["kind"].to_numpy(), self.rows["top"].to_numpy()),
                would=_say(kinds, names[tops]),
                would_kind=kinds,
                would_score=scores[np.arange(len(scores)), tops],
            ),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Replayed:
    """What was said of each photo, and what would have been."""

    rows: pd.DataFrame
    """Of `Replay`, with said, would (a class, or WITHHELD), would_kind, would_score."""
    unknown: tuple[str, ...]
    """Classes that were said, or told by people, and that the version does not have."""

    @cached_property
    def changed(self) -> np.ndarray:
        """(n,) bool: photos of which another thing would have been said."""
        return np.asarray(self.rows["said"] != self.rows["would"])

    @property
    def moves(self) -> pd.DataFrame:
        """The changes: said, would, photos; the most frequent first."""
        table = self.rows[self.changed].groupby(["said", "would"], as_index=False).size()
        table = table.rename(columns={"size": "photos"})
        return table.sort_values(["photos", "said", "would"], ascending=[False, True, True])

    @cached_property
    def told(self) -> pd.DataFrame:
        """Photos that people said the class of: before and after, each one of OUTCOMES."""
        rows = self.rows.dropna(subset=["class_name"])
        true = rows["class_name"].map(fold_name)
        return pd.DataFrame(
            {
                name: np.where(
                    rows[column] == WITHHELD,
                    WITHHELD,
                    np.where(rows[column].map(fold_name) == true, "right", "wrong"),
                )
                for name, column in (("before", "said"), ("after", "would"))
            },
            dtype=object,
        )

    def count_same(self, version: ModelVersion) -> tuple[int, int]:
        """Return of how many answers of the version itself the same comes out, and how many
        there are; with its own rule all of them, but for rounding."""
        own = (self.rows["version"] == version.number).to_numpy(bool, na_value=False)
        return int((own & ~self.changed).sum()), int(own.sum())


def replay_log(workspace: Workspace, version: ModelVersion, table: pd.DataFrame) -> Replay:
    """Return the photos of a table of the log, answers of any models, as a version sees them.

    Raises:
        VersionDamaged: A file of the version is missing, was cut short or altered.
        PredictionMissing: Rows were deleted meanwhile.
    """
    rows = keep_newest(table).tail(MOST_PHOTOS)
    known = {one.number: _name_backbone(one) for one in list_versions(workspace)}
    numbers = [None if pd.isna(one) else int(one) for one in rows["version"]]
    asked = list(zip(numbers, rows["run_id"], strict=True))
    by_model = {
        (number, run): _find_backbone(workspace, run) if number is None else known.get(number)
        for number, run in set(asked)
    }
    backbones = [by_model[one] for one in asked]
    wanted = _name_backbone(version)
    chosen = rows[np.array([one == wanted for one in backbones], dtype=bool)].reset_index(drop=True)
    head = read_head(workspace, version)
    width = head.kernels[0].shape[0]
    features = read_features(workspace, chosen["id"].tolist(), width).astype(np.float32)
    gone = sum(one is None for one in backbones)
    return Replay(
        version=version,
        rows=chosen,
        scores=head.scores(features),
        distances=read_unlike(workspace, version).measure(features),
        elsewhere=len(rows) - len(chosen) - gone,
        gone=gone,
    )


def _name_backbone(version: ModelVersion) -> str | None:
    name = version.facts.get("backbone", {}).get("id")
    return None if name is None else str(name)


def _find_backbone(workspace: Workspace, run_id: str) -> str | None:
    try:
        return read_result(workspace, run_id).backbone_id
    except PetalscopeError:
        return None


def _say(kinds: np.ndarray, tops: np.ndarray) -> np.ndarray:
    return np.where(kinds == "answer", tops, WITHHELD).astype(object)
