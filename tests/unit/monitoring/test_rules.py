"""Rules: kept as they were typed, refused when they make no sense, and levels as they are meant."""

from dataclasses import replace
from typing import get_args

import pytest

from core.errors import WatchRefused
from core.monitoring.readings import describe_levels
from core.monitoring.rules import DEFAULTS, Name, Rule, Watch, keep_watch, read_watch
from core.runs.queue.scheduled import keep_arrangement, read_arrangement
from core.workspace import Workspace


def change(name: str, **values: object) -> Watch:
    rules = [
        replace(rule, **values) if rule.name == name else rule  # type: ignore[arg-type]
        for rule in DEFAULTS
    ]
    return Watch(rules=tuple(rules))


def test_without_an_arrangement_the_defaults_hold(workspace: Workspace) -> None:
    watch = read_watch(workspace)
    assert watch == Watch()
    assert tuple(rule.name for rule in watch.rules) == get_args(Name)
    assert not watch.rule("volume_low").is_on
    assert watch.rule("features").is_on


def test_what_is_kept_comes_back(workspace: Workspace) -> None:
    watch = replace(
        change("latency", warning=None, critical=250.5, hours=3), check_every_minutes=15
    )
    keep_watch(workspace, watch, "Flora")
    assert read_watch(workspace) == watch
    content = read_arrangement(workspace, "monitoring")
    assert content is not None and content["check_every_minutes"] == 15


def test_a_rule_that_older_programs_did_not_have_is_at_its_default(workspace: Workspace) -> None:
    kept = {"rules": {"latency": {"warning": 5.0}, "gone": {"warning": 1.0}}}
    keep_arrangement(workspace, "monitoring", kept)
    watch = read_watch(workspace)
    assert watch.rule("latency").warning == 5
    assert watch.rule("latency").critical == 3000
    assert watch.rule("mix") == Watch().rule("mix")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("latency", {"warning": -1.0}),
        ("latency", {"warning": float("nan")}),
        ("latency", {"warning": 3000.0, "critical": 1000.0}),
        ("volume_low", {"warning": 5.0, "critical": 10.0}),
        ("unknown", {"critical": 1.5}),
        ("features", {"critical": 2.0}),
        ("mix", {"hours": 0}),
        ("mix", {"hours": 24 * 365}),
    ],
)
def test_what_makes_no_sense_is_refused(
    name: str, values: dict[str, object], workspace: Workspace
) -> None:
    with pytest.raises(WatchRefused):
        keep_watch(workspace, change(name, **values))
    assert read_arrangement(workspace, "monitoring") is None


@pytest.mark.parametrize("minutes", [-1, 7 * 24 * 60 + 1])
def test_checks_are_neither_negative_nor_rarer_than_a_week(
    minutes: int, workspace: Workspace
) -> None:
    with pytest.raises(WatchRefused):
        keep_watch(workspace, Watch(check_every_minutes=minutes))


def test_levels_are_reached_from_above_or_from_below() -> None:
    high = Rule(name="latency", warning=100, critical=200, hours=1)
    low = Rule(name="volume_low", warning=10, critical=2, hours=1)
    assert [high.find_level(value) for value in (99, 100, 199, 200)] == [
        None,
        "warning",
        "warning",
        "critical",
    ]
    assert [low.find_level(value) for value in (10, 9, 2, 1)] == [
        None,
        "warning",
        "warning",
        "critical",
    ]
    assert replace(high, warning=None).find_level(150) is None


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
def test_a_level_is_said_as_it_was_typed(name: Name, warning: float, said: str) -> None:
    assert describe_levels(Rule(name=name, warning=warning, critical=None, hours=1)) == said
