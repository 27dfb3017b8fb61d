"""The log replayed: what versions and rules would have said, against versions that are asked."""

from dataclasses import replace

import numpy as np
import pytest

from core.monitoring.feedback import give_feedback
from core.monitoring.log import log_predictions, read_predictions
from core.monitoring.replay import WITHHELD, replay_log
from core.monitoring.tables import NewPrediction
from core.prediction.deciding import DecisionRule
from core.prediction.rules import FrozenRule
from core.registry.loading import read_head
from core.registry.store import ModelVersion, read_unlike
from core.runs.result import read_result, read_run_features
from core.workspace import Workspace
from tests.predictions import make_prediction
from tests.registered import register_versions

PHOTOS = 20


def decide(workspace: Workspace, version: ModelVersion, features: np.ndarray) -> tuple[str, str]:
    """Return what the version says of a photo when it is asked: kind and best class."""
    scores = read_head(workspace, version).scores(features[None])[0]
    rule = FrozenRule(version.rule, read_unlike(workspace, version), version.classes)
    decision = rule.decide(scores, features)
    assert decision is not None
    return decision.kind, decision.top[0][0]


def log_answers(workspace: Workspace, version: ModelVersion) -> list[NewPrediction]:
    """Return the rows of photos that the version was asked about."""
    features = read_run_features(workspace, read_result(workspace, version.run_id))
    rows = []
    for number in range(PHOTOS):
        kind, top = decide(workspace, version, features[number])
        said = {"version": version.number, "run_id": version.run_id, "kind": kind, "top": top}
        rows.append(make_prediction(number, features=features[number], **said))
    log_predictions(workspace, rows)
    return rows


@pytest.fixture
def versions(trained_copy: Workspace) -> list[ModelVersion]:
    return register_versions(trained_copy, 2)


def test_a_version_replays_its_own_answers(
    trained_copy: Workspace, versions: list[ModelVersion]
) -> None:
    version, other = versions
    rows = log_answers(trained_copy, version)
    found = replay_log(trained_copy, version, read_predictions(trained_copy))
    own = found.decide(version.rule)
    assert own.count_same(version) == (PHOTOS, PHOTOS)
    assert not own.changed.any() and own.moves.empty
    assert own.count_same(other) == (0, 0)
    for rule in (
        DecisionRule(threshold=1.0, temperature=3.0),
        DecisionRule(threshold=0.0, unlike_limit=float(np.median(found.distances))),
    ):
        kinds = found.decide(rule).rows["would_kind"].tolist()
        for place, row in enumerate(rows):
            features = np.asarray(row.features, np.float16).astype(np.float32)
            scores = read_head(trained_copy, version).scores(features[None])[0]
            frozen = FrozenRule(rule, read_unlike(trained_copy, version), version.classes)
            decision = frozen.decide(scores, features)
            assert decision is not None and decision.kind == kinds[place]
    assert not (found.decide(None).rows["would"] == WITHHELD).any()


def test_what_people_said_judges_it(trained_copy: Workspace, versions: list[ModelVersion]) -> None:
    version = versions[0]
    rows = log_answers(trained_copy, version)
    for row in rows[:3]:
        give_feedback(trained_copy, row.id, class_name=row.top)
    give_feedback(trained_copy, rows[3].id, class_name="another thing")
    found = replay_log(trained_copy, version, read_predictions(trained_copy))
    told = found.decide(DecisionRule(threshold=1.0, temperature=9.0)).told
    assert told["before"].tolist() == ["right"] * 3 + ["wrong"]
    assert set(told["after"]) == {WITHHELD}
    assert found.decide(None).unknown == ("another thing",)


def test_what_cannot_be_replayed_is_counted(
    trained_copy: Workspace, versions: list[ModelVersion]
) -> None:
    version = versions[0]
    log_answers(trained_copy, version)
    log_predictions(trained_copy, [make_prediction(70), make_prediction(71, run_id=version.run_id)])
    table = read_predictions(trained_copy)
    found = replay_log(trained_copy, version, table)
    assert (len(found.rows), found.gone, found.elsewhere) == (PHOTOS + 1, 1, 0)
    facts = {**version.facts, "backbone": {**version.facts["backbone"], "id": "another"}}
    none = replay_log(trained_copy, replace(version, facts=facts), table)
    assert (len(none.rows), none.gone) == (0, 1)
    assert none.elsewhere == PHOTOS + 1
