"""Champion and challenger on the same photos: fair ones only, and honest about what they show."""

import dataclasses
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from core.errors import RetrainingRefused
from core.monitoring.comparison import (
    Answers,
    _find_turn,
    _has_run,
    compare_versions,
    find_comparison,
    find_fair_photos,
    read_answers,
    read_version_recipe,
)
from core.registry.events import ModelEvent, record_event
from core.registry.evidence import evidence_from_facts
from core.registry.store import find_version
from core.runs.database import read_database
from core.runs.queue.queue import delete_run, submit_run
from core.runs.store import read_openings
from core.workspace import Workspace
from data.additions import add_photos
from data.dataset import Dataset
from data.manifest import hide_dataset, read_dataset
from data.sources.found import FoundPhoto
from tests.builders import draw_photo, encode_photo


@pytest.fixture
def answers(challenged: Workspace) -> tuple[Answers, Answers]:
    """Those of champion and challenger."""
    champion, challenger = (
        read_answers(challenged, find_version(challenged, name))
        for name in ("champion", "challenger")
    )
    return champion, challenger


def change_answers(answers: Answers, right: np.ndarray) -> Answers:
    """Return the answers with the test photos right where said, and wrong elsewhere."""
    result = answers.result
    rows, k = result.photo_numbers("test"), len(result.classes)
    said = np.where(right, result.labels[rows], (result.labels[rows] + 1) % k)
    scores = result.scores.copy()
    scores[rows] = np.eye(k, dtype=np.float32)[said]
    return dataclasses.replace(answers, result=dataclasses.replace(result, scores=scores))


def test_each_photo_is_a_pair(
    challenged: Workspace, answers: tuple[Answers, Answers], monkeypatch: pytest.MonkeyPatch
) -> None:
    n = len(answers[0].result.photo_numbers("test"))
    a, b = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    a[:2], b[1:4] = True, True  # one lost, two gained, one both right
    changed = {1: change_answers(answers[0], a), 2: change_answers(answers[1], b)}
    monkeypatch.setattr(
        "core.monitoring.comparison.read_answers", lambda _, version: changed[version.number]
    )
    evidence = compare_versions(challenged, 1, 2, "ada")
    assert (evidence.n, evidence.gained, evidence.lost) == (n, 2, 1)
    assert evidence.accuracy_champion == pytest.approx(2 / n)
    assert evidence.accuracy_challenger == pytest.approx(3 / n)
    low, high = evidence.interval
    assert evidence.p_value == 1.0 and low < evidence.difference < high
    comparison = find_comparison(challenged, 1, 2)
    assert comparison is not None and comparison.evidence == evidence
    openings = read_openings(challenged, answers[0].version.run_id)
    assert [one.who for one in openings][1:] == ["ada"]


def test_where_none_differs_the_interval_says_what_n_photos_leave_open(
    challenged: Workspace, answers: tuple[Answers, Answers], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = np.ones(len(answers[0].result.photo_numbers("test")), dtype=bool)
    changed = {one.version.number: change_answers(one, right) for one in answers}
    monkeypatch.setattr(
        "core.monitoring.comparison.read_answers", lambda _, version: changed[version.number]
    )
    evidence = compare_versions(challenged, 1, 2)
    assert (evidence.gained, evidence.lost, evidence.p_value) == (0, 0, 1.0)
    low, high = evidence.interval
    assert high == -low == pytest.approx(1 - 0.025 ** (1 / evidence.n))
    comparison = find_comparison(challenged, 1, 2)
    assert comparison is not None
    assert evidence_from_facts(comparison.event.facts) == evidence  # it has no NaN: JSON keeps it


def test_a_version_predicts_again_when_its_run_is_gone(challenged: Workspace) -> None:
    before = find_comparison(challenged, 1, 2)
    assert before is not None
    champion = find_version(challenged, "champion")
    delete_run(challenged, champion.run_id)
    after = compare_versions(challenged, 1, 2)
    assert after == before.evidence
    assert not read_answers(challenged, champion).has_run
    submit_run(challenged, read_version_recipe(champion), "again")  # the same id, no result yet
    assert compare_versions(challenged, 1, 2) == before.evidence
    hide_dataset(challenged, champion.dataset_id)
    with pytest.raises(RetrainingRefused, match="training photos are unknown"):
        compare_versions(challenged, 1, 2)


def test_a_run_that_was_trained_anew_does_not_answer_for_the_version(challenged: Workspace) -> None:
    champion = find_version(challenged, "champion")
    files = {**champion.facts["files"], "head": "0" * 64}
    other = dataclasses.replace(champion, facts={**champion.facts, "files": files})
    assert read_answers(challenged, champion).has_run
    assert not _has_run(challenged, other)


def test_without_a_common_test_photo_there_is_no_evidence(
    challenged: Workspace, answers: tuple[Answers, Answers], monkeypatch: pytest.MonkeyPatch
) -> None:
    champion, challenger = answers
    result = champion.result
    other = np.where(result.splits == "test", "validation", result.splits)
    changed = dataclasses.replace(champion, result=dataclasses.replace(result, splits=other))
    monkeypatch.setattr(
        "core.monitoring.comparison.read_answers",
        lambda _, version: changed if version.number == 1 else challenger,
    )
    with pytest.raises(RetrainingRefused, match="no common test photo"):
        compare_versions(challenged, 1, 2)
    comparison = find_comparison(challenged, 1, 2)
    assert comparison is not None and comparison.evidence.turn == 1  # that of the retraining


def test_copies_of_lessons_are_no_fair_questions(
    challenged: Workspace,
    answers: tuple[Answers, Answers],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.monitoring.comparison._AT_ONCE", 1)
    champion, challenger = answers
    fair, copies = find_fair_photos(champion, challenger)
    assert (len(fair), copies) == (len(champion.result.photo_numbers("test")), 0)
    dataset = champion.dataset
    exact, near = dataset.photo_numbers("test")[:2]
    leaked = _add_leaks(challenged, dataset, int(exact), int(near), tmp_path)
    k = len(leaked.classes)
    result = dataclasses.replace(
        champion.result,
        scores=np.full((len(leaked), k), 1 / k, np.float32),
        labels=leaked.labels,
        splits=leaked.splits,
        paths=np.asarray(leaked.manifest["path"], dtype=np.str_),
        dataset_id=leaked.id,
    )
    learnt = dataclasses.replace(challenger, result=result, dataset=leaked)
    fair, copies = find_fair_photos(champion, learnt)
    assert copies == 2
    assert not {exact, near} & set(fair.photos_a.tolist())


def _add_leaks(
    workspace: Workspace, dataset: Dataset, exact: int, near: int, folder: Path
) -> Dataset:
    """Return a version that learns from a test photo, and from another one made smaller."""
    (folder / "exact.jpg").write_bytes(dataset.original(exact))
    name = dataset.manifest["path"].iat[near]
    label = int(dataset.labels[near])
    number = int(name.rsplit("_", 1)[1].split(".")[0])
    smaller = draw_photo(label, number).resize((80, 66))
    (folder / "near.jpg").write_bytes(encode_photo(smaller, quality=80))
    photos = [
        FoundPhoto(
            path=f"leak/{one}.jpg",
            class_name=dataset.classes[label],
            split="train",
            file=folder / f"{one}.jpg",
        )
        for one in ("exact", "near")
    ]
    return read_dataset(workspace, add_photos(workspace, dataset, photos).id)


def test_each_different_challenger_of_a_champion_is_counted(challenged: Workspace) -> None:
    met = find_comparison(challenged, 1, 2)
    assert met is not None
    for champion, challenger in ((7, 8), (1, 8), (1, 9), (1, 8)):
        both = {"champion": champion, "challenger": challenger}
        facts = asdict(dataclasses.replace(met.evidence, **both))
        del facts["turn"]  # as older programs wrote it
        record_event(challenged, ModelEvent(kind="compared", facts={"evidence": facts}))
    assert compare_versions(challenged, 1, 2).turn == 1, (
        "it met before: that is no further challenger"
    )
    old = find_comparison(challenged, 1, 9)
    assert old is not None and old.evidence.turn == 1
    with read_database(challenged) as connection:
        assert _find_turn(connection, 1, 9) == 3
        assert _find_turn(connection, 1, 10) == 4
