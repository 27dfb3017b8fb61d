"""Rules: levels from the settings, an older program or the defaults, and their words."""

from dataclasses import replace
from typing import get_args

import pytest

from core.config import AlarmRule
from core.errors import SettingRefused
from core.monitoring.readings import describe_levels
from core.monitoring.rules import DEFAULTS, Rule, list_rules
from core.runs.queue.scheduled import RULES, keep_arrangement, read_check_minutes
from core.workspace import Workspace


def test_levels_of_settings_of_an_older_program_and_defaults(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list_rules(workspace) == list(DEFAULTS)
    assert tuple(rule.name for rule in DEFAULTS) == get_args(AlarmRule)
    saved = {"latency": {"warning": 5.0}, "mix": {"warning": None, "hours": 3}, "gone": {}}
    keep_arrangement(workspace, RULES, {"rules": saved, "check_every_minutes": 15})
    monkeypatch.setenv("PETALSCOPE_ALARM_LEVELS", '{"mix": [0.2, null], "unknown": [null, null]}')
    rules = {rule.name: rule for rule in list_rules(workspace)}
    assert (rules["latency"].warning, rules["latency"].critical) == (5, 3000)
    assert (rules["mix"].warning, rules["mix"].critical, rules["mix"].hours) == (0.2, None, 3)
    assert not rules["unknown"].is_on and rules["features"] in DEFAULTS
    assert read_check_minutes(workspace) == 15
    monkeypatch.setenv("PETALSCOPE_CHECK_RULES_MINUTES", "60")
    assert read_check_minutes(workspace) == 60


@pytest.mark.parametrize("levels", ['{"speed": [1, 2]}', '{"latency": [1]}', "fast"])
def test_invalid_levels_are_refused(
    levels: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALSCOPE_ALARM_LEVELS", levels)
    with pytest.raises(SettingRefused):
        list_rules(workspace)


@pytest.mark.parametrize(
    ("rule", "values"),
    [
        (Rule(name="latency", warning=100, critical=200, hours=1), (99, 100, 199, 200)),
        (Rule(name="volume_low", warning=10, critical=2, hours=1), (10, 9, 2, 1)),
    ],
)
def test_levels_are_reached_from_below_or_above(rule: Rule, values: tuple[float, ...]) -> None:
    levels = [rule.find_level(value) for value in values]
    assert levels == [None, "warning", "warning", "critical"]
    assert replace(rule, warning=None).find_level(values[1]) is None


@pytest.mark.parametrize(
    ("name", "warning", "said"),
    [
        ("unknown", 0.125, "warning from 12.5 %"),
        ("unknown", 0.07, "warning from 7 %"),
        ("accuracy", 0.01, "warning from 1 point"),
        ("accuracy", 0.015, "warning from 1.5 points"),
        ("latency", 1000.0, "warning from 1,000 ms"),
        ("mix", 0.25, "warning from 0.25"),
    ],
)
def test_a_level_keeps_its_digits(name: AlarmRule, warning: float, said: str) -> None:
    assert describe_levels(Rule(name=name, warning=warning, critical=None, hours=1)) == said
