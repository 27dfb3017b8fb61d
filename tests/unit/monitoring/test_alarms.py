"""Alarms: they begin with proof, change level, end, and stay through silence."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any, get_args

import pandas as pd
import pytest

from core.config import AlarmRule
from core.errors import SettingRefused
from core.evaluation.coverage import OperatingPoint
from core.evaluation.slice_search import compare_shares
from core.monitoring.feedback import give_feedback
from core.monitoring.log import delete_predictions, read_predictions
from core.monitoring.readings import Reading, State, check_rules, describe_levels, describe_reading
from core.monitoring.rules import DEFAULTS, Rule, find_last_check, list_alarms, list_rules
from core.monitoring.tables import alarms_table, feedback_table, predictions_table
from core.registry.promoting import promote
from core.registry.store import ModelVersion, find_answers
from core.runs.database import close_databases, write_database
from core.runs.queue.scheduled import RULES, keep_arrangement, read_check_minutes
from core.runs.tables import arrangements_table
from core.workspace import Workspace
from tests.asking import ask
from tests.registered import change_byte, register_versions, version_file
from tests.retraining import let_first_run_answer
from tests.training import copy_workspace
from tests.ui.driver import open_page, text_of


@pytest.fixture(scope="module")
def registered(
    trained_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Workspace, ModelVersion]]:
    """A workspace with a champion, and the champion."""
    copy = Workspace(tmp_path_factory.mktemp("watched") / "workspace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETALSCOPE_WORKSPACE", str(copy.root))
        copy_workspace(trained_workspace, copy)
        champion = let_first_run_answer(copy)
    yield copy, champion
    close_databases()


@pytest.fixture
def watched(
    registered: tuple[Workspace, ModelVersion], monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """That workspace, with nothing asked, arranged or alarmed."""
    workspace = registered[0]
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(workspace.root))
    with write_database(workspace) as connection:
        for table in (predictions_table, feedback_table, alarms_table, arrangements_table):
            connection.execute(table.delete())
    return workspace


@pytest.fixture
def champion(registered: tuple[Workspace, ModelVersion]) -> ModelVersion:
    return registered[1]


def keep_only(workspace: Workspace, name: str, **values: object) -> None:
    """Save levels of one rule, all others off."""
    off = {"warning": None, "critical": None}
    rules = {rule.name: off for rule in DEFAULTS if rule.name != name}
    keep_arrangement(workspace, RULES, {"rules": rules | {name: values}})


def check(workspace: Workspace, name: str, now: datetime | None = None) -> Reading:
    found = {one.rule.name: one for one in check_rules(workspace, now=now)}
    return found[name]


def states(workspace: Workspace) -> dict[str, State]:
    return {one.rule.name: one.state for one in check_rules(workspace)}


def test_photos_like_the_reference_raise_no_alarm(
    watched: Workspace, champion: ModelVersion
) -> None:
    ask(watched, champion, 60)
    found = states(watched)
    for name in ("latency", "unknown", "features", "properties", "mix"):
        assert found[name] == "fine", name
    assert found["accuracy"] == "few"
    assert not list_alarms(watched)


def test_darker_photos_are_a_critical_alarm_that_says_so(
    watched: Workspace, champion: ModelVersion
) -> None:
    ask(watched, champion, 60, darker=0.1, visitor="ann")
    found = check(watched, "properties")
    assert found.state == "critical"
    assert found.estimate.n == 60
    assert "darker photos: distance 1.00, n = 60" in describe_reading(found)
    (alarm,) = list_alarms(watched)
    assert (alarm.rule, alarm.level, alarm.version) == ("properties", "critical", champion.number)
    assert "darker" in alarm.text
    delete_predictions(watched, visitor="ann")
    assert check(watched, "properties").state == "few"
    assert list_alarms(watched, active=True), "deleting the log ends no alarm"


def test_an_alarm_needs_proof(watched: Workspace, champion: ModelVersion) -> None:
    keep_only(watched, "unknown", warning=0.3, critical=None)
    ask(watched, champion, 14)
    ask(watched, champion, 10, first=100, kind="unlike")
    found = check(watched, "unknown")  # 42 %, but perhaps only 24 %
    assert found.estimate.value > 0.4 and found.state == "fine"
    ask(watched, champion, 60, first=200, kind="unsure")
    assert check(watched, "unknown").state == "warning"


@pytest.mark.parametrize(
    ("name", "changes", "state"),
    [("properties", {"darker": 0.1}, "few"), ("unknown", {"kind": "unlike"}, "fine")],
)
def test_a_repeated_photo_counts_once(
    watched: Workspace, champion: ModelVersion, name: str, changes: dict[str, Any], state: State
) -> None:
    ask(watched, champion, 30)
    (row,) = ask(watched, champion, 1, first=99, **changes)
    for number in range(60):
        ask(watched, champion, 1, first=1000 + number, photo=row["photo"], **changes)
    found = check(watched, name)
    assert (found.state, found.estimate.n) == (state, 31)


def test_only_rows_with_feedback_are_read_for_a_month(
    watched: Workspace, champion: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ask(watched, champion, 40, until=datetime.now(UTC) - timedelta(days=10))
    for row in rows[:12]:
        give_feedback(watched, row["id"], class_name=row["top"])
    read: list[int] = []

    def count_rows(*asked: Any, **conditions: Any) -> pd.DataFrame:
        read.append(len(read_predictions(*asked, **conditions)))
        return read_predictions(*asked, **conditions)

    monkeypatch.setattr("core.monitoring.readings.read_predictions", count_rows)
    assert check(watched, "accuracy").estimate.n == 12
    assert sum(read) == 12


def test_accuracy_is_held_against_that_of_validation(
    watched: Workspace, champion: ModelVersion
) -> None:
    keep_only(watched, "accuracy", warning=0.1, critical=0.2)
    rows = ask(watched, champion, 30)
    for row in rows:
        wrong = next(name for name in champion.classes if name != row["top"])
        give_feedback(watched, row["id"], class_name=wrong)
    found = check(watched, "accuracy")
    judged = champion.facts["validation"]
    assert found.estimate.value == pytest.approx(judged["right"] / judged["n"])
    expected = compare_shares(judged["right"], judged["n"], 0, 30)
    assert found.estimate.low == pytest.approx(max(0, expected.low))
    assert found.estimate.low < found.estimate.value
    assert found.sure == found.estimate.low


def test_a_new_champion_is_no_silence(trained_copy: Workspace) -> None:
    first, second = register_versions(trained_copy, 2)
    promote(trained_copy, first.number, reason="the first")
    keep_only(trained_copy, "volume_low", warning=10.0, critical=1.0)
    ask(trained_copy, first, 30)
    promote(trained_copy, second.number, reason="better", override=True)
    found = check(trained_copy, "volume_low")
    assert (found.state, found.estimate.n) == ("fine", 30)


def test_the_level_changes_and_the_alarm_ends(watched: Workspace, champion: ModelVersion) -> None:
    keep_only(watched, "latency", warning=100.0, critical=1000.0, hours=1)
    now = datetime.now(UTC)
    ask(watched, champion, 30, until=now, latency_ms=200.0)
    assert check(watched, "latency", now).state == "warning"
    assert check(watched, "latency", now).state == "warning"
    assert len(list_alarms(watched)) == 1
    later = now + timedelta(hours=2)
    ask(watched, champion, 30, first=100, until=later, latency_ms=5000.0)
    assert check(watched, "latency", later).state == "critical"
    assert [(one.level, one.ended is None) for one in list_alarms(watched)] == [
        ("critical", True),
        ("warning", False),
    ]
    last = later + timedelta(hours=2)
    ask(watched, champion, 30, first=200, until=last, latency_ms=5.0)
    assert check(watched, "latency", last).state == "fine"
    assert not list_alarms(watched, active=True)
    assert list_alarms(watched)[0].facts["ended_by"] == "fine"


def test_silence_ends_no_alarm(watched: Workspace, champion: ModelVersion) -> None:
    keep_only(watched, "latency", warning=100.0, critical=None, hours=1)
    now = datetime.now(UTC)
    ask(watched, champion, 30, until=now, latency_ms=200.0)
    check(watched, "latency", now)
    assert check(watched, "latency", now + timedelta(hours=5)).state == "few"
    assert [one.level for one in list_alarms(watched, active=True)] == ["warning"]


def test_too_few_photos_are_an_alarm_where_that_is_watched(
    watched: Workspace, champion: ModelVersion
) -> None:
    keep_only(watched, "volume_low", warning=10.0, critical=1.0)
    assert check(watched, "volume_low").state == "critical"
    ask(watched, champion, 5)
    assert check(watched, "volume_low").state == "warning"
    ask(watched, champion, 20, first=50)
    assert check(watched, "volume_low").state == "fine"


def test_a_rule_that_is_switched_off_ends_its_alarm(
    watched: Workspace, champion: ModelVersion
) -> None:
    keep_only(watched, "latency", warning=100.0, critical=None)
    ask(watched, champion, 30, latency_ms=200.0)
    check(watched, "latency")
    assert len(list_alarms(watched, active=True)) == 1
    keep_only(watched, "latency", warning=None, critical=None)
    assert check(watched, "latency").state == "off"
    assert describe_levels(list_rules(watched)[2]) == "not watched"
    assert not list_alarms(watched, active=True), "a rule that is off has no alarm"


def test_another_champion_ends_the_alarms_of_the_former(trained_copy: Workspace) -> None:
    first, second = register_versions(trained_copy, 2)
    promote(trained_copy, first.number, reason="the first")
    keep_only(trained_copy, "latency", warning=100.0, critical=None)
    ask(trained_copy, first, 30, latency_ms=200.0)
    assert check(trained_copy, "latency").version == first.number
    promote(trained_copy, second.number, reason="slow", override=True)
    assert check(trained_copy, "latency").state == "few"
    (alarm,) = list_alarms(trained_copy)
    assert alarm.ended is not None and alarm.facts["ended_by"] == "another version answers"


def test_a_damaged_reference_stops_no_other_rule(trained_copy: Workspace) -> None:
    champion = let_first_run_answer(trained_copy)
    ask(trained_copy, champion, 60, latency_ms=9000.0)
    change_byte(version_file(trained_copy, champion, "reference"))
    assert check(trained_copy, "latency").state == "critical"
    found = check(trained_copy, "features")
    assert found.state == "few" and "altered" in describe_reading(found)


def test_two_who_check_at_once_raise_one_alarm(watched: Workspace, champion: ModelVersion) -> None:
    keep_only(watched, "latency", warning=100.0, critical=None)
    ask(watched, champion, 30, latency_ms=200.0)
    threads = [Thread(target=check_rules, args=(watched,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list_alarms(watched)) == 1


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


def make_rule(name: AlarmRule, warning: float, critical: float | None) -> Rule:
    """Return the rule of that name with other levels."""
    default = next(rule for rule in DEFAULTS if rule.name == name)
    return replace(default, warning=warning, critical=critical)


@pytest.mark.parametrize(
    ("name", "limits", "values"),
    [("latency", (100, 200), (99, 100, 199, 200)), ("volume_low", (10, 2), (10, 9, 2, 1))],
)
def test_levels_are_reached_from_below_or_above(
    name: AlarmRule, limits: tuple[float, float], values: tuple[float, ...]
) -> None:
    rule = make_rule(name, *limits)
    levels = [rule.find_level(value) for value in values]
    assert levels == [None, "warning", "warning", "critical"]
    assert replace(rule, warning=None).find_level(values[1]) is None


@pytest.mark.parametrize(
    ("name", "warning", "said"),
    [
        ("unknown", 0.125, "warning from 12.5 points"),
        ("unknown", 0.07, "warning from 7 points"),
        ("accuracy", 0.01, "warning from 1 point"),
        ("accuracy", 0.015, "warning from 1.5 points"),
        ("latency", 1000.0, "warning from 1,000 ms"),
        ("mix", 0.25, "warning from 0.25"),
    ],
)
def test_a_level_keeps_its_digits(name: AlarmRule, warning: float, said: str) -> None:
    assert describe_levels(make_rule(name, warning, None)) == said


def test_unknown_photos_are_compared_with_those_of_validation(
    watched: Workspace, champion: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = OperatingPoint(n=200, answered=120, wrong=12, right_withheld=50)
    monkeypatch.setattr("core.monitoring.readings.find_answers", lambda *_: point)
    ask(watched, champion, 60)
    ask(watched, champion, 40, first=100, kind="unsure")
    healthy = check(watched, "unknown")  # 40 %, as on validation photos; this was a critical alarm
    assert (healthy.state, healthy.estimate.value) == ("fine", 0)
    ask(watched, champion, 200, first=200, kind="unlike")
    found = check(watched, "unknown")
    assert (found.state, round(found.estimate.value, 2)) == ("critical", 0.4)
    assert "40 points above the share of validation photos without" in describe_reading(found)


def test_an_older_version_measures_its_answers_again(
    registered: tuple[Workspace, ModelVersion],
) -> None:
    workspace, champion = registered
    older = {name: fact for name, fact in champion.facts.items() if name != "answers"}
    assert champion.facts["answers"]["n"] == champion.facts["validation"]["n"]
    kept = find_answers(workspace, champion)
    assert find_answers(workspace, replace(champion, facts=older)) == kept


def test_the_last_check_is_known(watched: Workspace, champion: ModelVersion) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    check_rules(watched)
    checked = find_last_check(watched)
    assert checked is not None and before < checked
    models = open_page("models")
    assert "not checked" not in text_of(models)
    ask(watched, champion, 3, until=datetime.now(UTC) + timedelta(hours=1))
    assert "Alarms: not checked since" in text_of(open_page("models"))
