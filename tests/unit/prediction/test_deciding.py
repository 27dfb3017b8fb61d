"""Rules: three decisions; saved with the run, void for another result or program."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import RuleRefused, RunUnfinished
from core.prediction.deciding import (
    RULE_FILE,
    DecisionRule,
    ModelVersion,
    decide,
    delete_rule,
    is_rule_stale,
    judge_photos,
    read_rule,
    rule_to_facts,
    save_rule,
)
from core.prediction.rules import carry_rule
from core.runs.store import list_runs
from core.workspace import Workspace
from tests.calibrating import VALIDATION, rewrite_result

CLASSES = ("daisy", "rose", "tulip")
RULE = DecisionRule(
    temperature=2.0, threshold=0.6, class_thresholds={"rose": 0.9}, unlike_limit=1.5, n=24
)


@pytest.mark.parametrize(
    ("scores", "distance", "kind", "threshold"),
    [
        ([0.9, 0.05, 0.05], 1.0, "answer", 0.6),
        ([0.6, 0.2, 0.2], 1.0, "unsure", 0.6),  # at temperature 2 it is 0.46
        ([0.05, 0.9, 0.05], 1.0, "unsure", 0.9),
        ([0.0, 1.0, 0.0], 1.5, "answer", 0.9),
        ([0.9, 0.05, 0.05], 1.51, "unlike", 0.6),
        ([0.4, 0.3, 0.3], 9.0, "unlike", 0.6),
        ([0.9, 0.05, 0.05], None, "answer", 0.6),
    ],
)
def test_the_three_decisions(
    scores: list[float], distance: float | None, kind: str, threshold: float
) -> None:
    decision = decide(RULE, np.array(scores), CLASSES, distance)
    assert (decision.kind, decision.threshold) == (kind, threshold)
    assert decision.top[0][0] == CLASSES[int(np.argmax(scores))]
    assert sum(score for _, score in decision.top) == pytest.approx(1, abs=1e-6)


@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0.3, 3))
def test_one_photo_and_many_are_decided_alike(seed: int, threshold: float, degree: float) -> None:
    from core.evaluation.calibration import temper_scores

    scores = np.random.default_rng(seed).dirichlet(np.ones(3), 12).astype(np.float32)
    rule = DecisionRule(temperature=degree, threshold=threshold, class_thresholds={"tulip": 0.5})
    together = judge_photos(rule, temper_scores(scores, degree), CLASSES)[0]
    alone = [decide(rule, row, CLASSES).kind == "answer" for row in scores]
    assert together.tolist() == alone


OLDER = {
    "sets": {"method": "lac", "promise": 0.9, "limit": 0.7, "class_limits": {}, "n": 24},
    "costs": {"asking": 1.0, "wrong": 2.0, "pairs": {}},
}
"""Parts of rules that older versions kept."""


def make_version(facts: dict[str, Any]) -> ModelVersion:
    return ModelVersion(
        number=1,
        digest="",
        run_id="before",
        dataset_id="",
        name="",
        facts=facts,
        who="",
        created=RULE.made,
    )


def test_an_older_rule_answers_without_its_set_and_costs(
    trained_copy: Workspace,
) -> None:
    run = list_runs(trained_copy)[0].id
    save_rule(trained_copy, run, RULE)
    file = trained_copy.run_folder(run) / RULE_FILE
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | OLDER), encoding="utf-8")
    assert read_rule(trained_copy, run) == RULE
    facts = {"rule": rule_to_facts(RULE) | OLDER, "rule_made": RULE.made.isoformat()}
    assert make_version(facts).rule == RULE


def test_a_retrained_run_takes_the_thresholds_of_its_champion(trained_copy: Workspace) -> None:
    run, _ = rewrite_result(trained_copy)
    kept = rule_to_facts(replace(RULE, unlike_limit=None)) | OLDER
    assert carry_rule(trained_copy, make_version({"rule": kept}), run)
    rule = read_rule(trained_copy, run)
    assert rule is not None
    assert (rule.threshold, rule.unlike_limit, rule.n) == (0.6, None, VALIDATION)


def test_a_rule_is_kept_exactly_and_forgotten(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[0].id
    assert read_rule(trained_copy, run) is None
    assert not is_rule_stale(trained_copy, run)
    save_rule(trained_copy, run, RULE)
    assert read_rule(trained_copy, run) == RULE
    other = DecisionRule(threshold=0.3)
    save_rule(trained_copy, run, other)
    assert read_rule(trained_copy, run) == other
    delete_rule(trained_copy, run)
    delete_rule(trained_copy, run)
    assert read_rule(trained_copy, run) is None


def test_the_rule_of_another_result_is_not_used(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[0].id
    save_rule(trained_copy, run, RULE)
    rewrite_result(trained_copy)
    assert read_rule(trained_copy, run) is None
    assert is_rule_stale(trained_copy, run)
    save_rule(trained_copy, run, RULE)
    assert not is_rule_stale(trained_copy, run)


def test_a_damaged_or_foreign_rule_is_not_used(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[0].id
    save_rule(trained_copy, run, RULE)
    file = trained_copy.run_folder(run) / RULE_FILE
    text = file.read_text(encoding="utf-8")
    content = json.loads(text)
    for spoilt in (
        text[: len(text) // 2],
        f"[{text}]",
        text.replace('"threshold": 0.6', '"threshold": NaN'),
        *(
            json.dumps(content | change)
            for change in (
                {"threshold": 6},
                {"temperature": 0},
                {"class_thresholds": [{"rose": 0.9}]},
                {"unlike_version": 99},
                {"version": 99},
            )
        ),
    ):
        file.write_text(spoilt, encoding="utf-8")
        assert read_rule(trained_copy, run) is None
        assert is_rule_stale(trained_copy, run)


def test_numbers_out_of_range_are_refused(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[0].id
    for rule in (
        DecisionRule(threshold=1.2),
        DecisionRule(threshold=float("nan")),
        DecisionRule(class_thresholds={"rose": -0.1}),
        DecisionRule(temperature=0.0),
        DecisionRule(unlike_limit=float("inf")),
        DecisionRule(unlike_limit=0.0),
    ):
        with pytest.raises(RuleRefused):
            save_rule(trained_copy, run, rule)
        assert read_rule(trained_copy, run) is None


def test_a_run_without_result_takes_no_rule(workspace: Workspace) -> None:
    with pytest.raises(RunUnfinished):
        save_rule(workspace, "0123456789abcdef", RULE)
    assert read_rule(workspace, "0123456789abcdef") is None
