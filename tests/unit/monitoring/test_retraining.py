"""A challenger out of reviewed photos: begun, trained by a worker, finished; cut short anywhere."""

import dataclasses
import os
import signal

import pytest

from core.errors import FeedbackRefused, RetrainingRefused, RunUnfinished, VersionMissing
from core.monitoring.comparison import find_comparison
from core.monitoring.feedback import count_feedback
from core.monitoring.gathering import make_reviewed_version
from core.monitoring.retraining import (
    RetrainingState,
    count_waiting,
    find_base,
    finish_retraining,
    hold_retraining,
    read_state,
    settle_ended,
    start_retraining,
)
from core.prediction.deciding import DecisionRule, save_rule
from core.registry.events import list_events
from core.registry.promoting import keep_champion, promote
from core.registry.registering import register_run
from core.registry.store import find_version, list_versions, read_aliases
from core.runs.locks import is_locked
from core.runs.queue.queue import claim_next_run, delete_run
from core.runs.queue.run_lock import fail_run
from core.runs.queue.scheduled import DueWork, wake_scheduler
from core.runs.scheduler import Scheduler
from core.runs.store import list_runs, read_openings, read_run
from core.workspace import Workspace
from data.manifest import hide_dataset, list_datasets, list_lineage, read_dataset
from tests.processes import PATIENCE_S, find_processes, wait_until
from tests.retraining import draw_new_photos, let_first_run_answer, review_photos


def test_reviewed_photos_become_a_challenger_that_met_the_champion(challenged: Workspace) -> None:
    champion, challenger = (find_version(challenged, name) for name in ("champion", "challenger"))
    assert (champion.number, challenger.number) == (1, 2)
    recipes = [read_run(challenged, one.run_id).recipe for one in (champion, challenger)]
    assert recipes[1] == dataclasses.replace(recipes[0], dataset=challenger.dataset_id)
    made = read_dataset(challenged, challenger.dataset_id)
    assert (made.parent, len(made)) == (champion.dataset_id, 36 + 6)
    state = read_state(challenged)
    assert state.going is None and state.last is not None and state.last.went_well
    comparison = find_comparison(challenged, 1, 2)
    assert comparison is not None
    n_test = len(made.photo_numbers("test"))
    assert comparison.evidence.n == n_test > 0
    for version in (champion, challenger):
        [opening] = read_openings(challenged, version.run_id)
        assert opening.place == "comparison of v1 and v2"
    kinds = [event.kind for event in reversed(list_events(challenged))]
    wanted = ["registered", "promoted", "reviewed", "retraining"]
    assert kinds == [*wanted, "registered", "challenger", "compared"]


def test_the_challenger_answers_by_a_rule_like_the_champions(challenged: Workspace) -> None:
    champion, challenger = (find_version(challenged, name) for name in ("champion", "challenger"))
    assert challenger.facts["rule_is_default"]
    rule = DecisionRule(threshold=0.7, unlike_limit=9.0, class_thresholds={"rose": 0.9, "no": 0.1})
    save_rule(challenged, champion.run_id, rule)
    ruled = register_run(challenged, champion.run_id)
    promote(challenged, ruled.number, reason="its rule", override=True)
    made = finish_retraining(challenged, challenger.run_id)
    own = made.facts["rule"]
    assert (own["threshold"], own["class_thresholds"]) == (0.7, {"rose": 0.9})
    assert own["temperature"] == 1 and own["unlike_limit"] != 9.0, "its own distances"
    assert own["n"] == made.facts["validation"]["n"]
    assert finish_retraining(challenged, challenger.run_id).number == made.number


def test_without_a_champion_there_is_nothing_to_challenge(trained_copy: Workspace) -> None:
    with pytest.raises(VersionMissing, match="champion"):
        start_retraining(trained_copy)
    assert read_state(trained_copy) == RetrainingState()  # who asked was told


def test_without_anything_new_nothing_is_begun(trained_copy: Workspace) -> None:
    let_first_run_answer(trained_copy)
    with pytest.raises(RetrainingRefused, match="No photos were reviewed"):
        start_retraining(trained_copy)
    assert read_state(trained_copy).going is None
    assert len(list_runs(trained_copy)) == 1


def test_what_was_learnt_from_already_is_not_learnt_again(challenged: Workspace) -> None:
    with pytest.raises(RetrainingRefused, match="No photos were reviewed since “Retrained"):
        start_retraining(challenged)
    dataset = find_version(challenged, "challenger").dataset_id
    run = start_retraining(challenged, dataset_id=dataset)  # a person may want it all the same
    assert finish_retraining(challenged, run.id).number == 2


def test_photos_that_are_all_left_out_make_no_run(trained_copy: Workspace) -> None:
    champion = let_first_run_answer(trained_copy)
    dataset = read_dataset(trained_copy, champion.dataset_id)
    photos = [
        (dataset.classes[dataset.labels[photo]], dataset.original(photo))
        for photo in dataset.photo_numbers("test")[:2]
    ]
    review_photos(trained_copy, champion, photos)
    with pytest.raises(FeedbackRefused, match="None of 2"):
        start_retraining(trained_copy)
    assert read_state(trained_copy).going is None
    assert [one.id for one in list_datasets(trained_copy)] == [champion.dataset_id]


def test_a_second_one_waits_until_the_first_is_settled(trained_copy: Workspace) -> None:
    champion = let_first_run_answer(trained_copy)
    review_photos(trained_copy, champion, draw_new_photos(3))
    run = start_retraining(trained_copy, who="ada")
    going = read_state(trained_copy).going
    assert going is not None and (going.run, going.who) == (run.id, "ada")
    with pytest.raises(RetrainingRefused, match="being trained"):
        start_retraining(trained_copy)
    with hold_retraining(trained_copy), pytest.raises(RetrainingRefused, match="being prepared"):
        finish_retraining(trained_copy, run.id, wait_s=0.0)
    with pytest.raises(RunUnfinished):
        finish_retraining(trained_copy, run.id)
    assert read_aliases(trained_copy) == {"champion": 1}


def test_the_champions_own_dataset_and_drawn_splits_are_refused(challenged: Workspace) -> None:
    champion = find_version(challenged, "champion")
    newer = find_version(challenged, "challenger").dataset_id
    with pytest.raises(RetrainingRefused, match="same model"):
        start_retraining(challenged, dataset_id=champion.dataset_id)
    facts = {**champion.facts, "recipe": {**champion.facts["recipe"], "split_seed": 3}}
    with pytest.MonkeyPatch.context() as patch:
        drawn = dataclasses.replace(champion, facts=facts)
        patch.setattr("core.monitoring.retraining.find_version", lambda *_: drawn)
        with pytest.raises(RetrainingRefused, match="draws its own splits"):
            start_retraining(challenged, dataset_id=newer)
        review_photos(challenged, champion, draw_new_photos(2, first=400))
        with pytest.raises(RetrainingRefused, match="draws its own splits"):
            start_retraining(challenged)
    assert count_waiting(challenged) == 2, "no dataset was made that nobody can train"


def test_photos_of_a_challenger_that_was_not_promoted_are_not_lost(challenged: Workspace) -> None:
    champion = find_version(challenged, "champion")
    first = find_version(challenged, "challenger").dataset_id
    keep_champion(challenged, reason="no real gain")
    assert find_base(challenged, champion) == first
    review_photos(challenged, champion, draw_new_photos(3, first=300))
    assert count_waiting(challenged) == 3
    run = start_retraining(challenged)
    assert read_dataset(challenged, run.recipe.dataset).parent == first
    assert len(read_dataset(challenged, run.recipe.dataset)) == 36 + 6 + 3
    assert count_waiting(challenged) == 0 and count_feedback(challenged)["used"] == 9


def test_who_finishes_late_does_not_end_the_next_one(challenged: Workspace) -> None:
    first, champion = (find_version(challenged, name) for name in ("challenger", "champion"))
    review_photos(challenged, champion, draw_new_photos(3, first=300))
    run = start_retraining(challenged)
    assert finish_retraining(challenged, first.run_id).number == first.number
    going = read_state(challenged).going
    assert going is not None and going.run == run.id


def test_a_version_in_between_may_be_deleted(challenged: Workspace) -> None:
    champion = find_version(challenged, "champion")
    between = [find_version(challenged, "challenger").dataset_id]
    keep_champion(challenged, reason="no real gain")
    for first in (300, 320, 340):
        review_photos(challenged, champion, draw_new_photos(3, first=first))
        between.append(make_reviewed_version(challenged, find_base(challenged, champion)).id)
    newest = between.pop()
    for dataset in between:
        hide_dataset(challenged, dataset)
    assert find_base(challenged, champion) == newest
    assert {one.id for one in list_lineage(challenged, champion.dataset_id)} == {
        champion.dataset_id,
        newest,
    }
    run = start_retraining(challenged)
    assert run.recipe.dataset == newest


def test_one_that_was_interrupted_before_its_run_can_be_started_again(
    trained_copy: Workspace,
) -> None:
    champion = let_first_run_answer(trained_copy)
    review_photos(trained_copy, champion, draw_new_photos(3))

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.monitoring.retraining.submit_run", die)
        with pytest.raises(KeyboardInterrupt):
            start_retraining(trained_copy, who="ada")
    made = list_datasets(trained_copy)[0]
    assert made.parent == champion.dataset_id and not count_waiting(trained_copy)
    with hold_retraining(trained_copy):
        assert settle_ended(trained_copy)
    state = read_state(trained_copy)
    assert state.going is None and state.last is not None and "interrupted" in state.last.text
    assert start_retraining(trained_copy).recipe.dataset == made.id


def test_a_run_that_failed_or_was_deleted_leaves_the_champion_alone(
    trained_copy: Workspace,
) -> None:
    champion = let_first_run_answer(trained_copy)
    review_photos(trained_copy, champion, draw_new_photos(3))
    run = start_retraining(trained_copy)
    claimed = claim_next_run(trained_copy, run.id)
    assert claimed is not None
    fail_run(trained_copy, claimed, RunUnfinished("The disk is full.", "Make room."))
    with hold_retraining(trained_copy):
        assert settle_ended(trained_copy)
    state = read_state(trained_copy)
    assert state.going is None and state.last is not None
    assert not state.last.went_well and "The disk is full. Make room." in state.last.text
    assert list_events(trained_copy)[0].facts["failed"] is True
    again = start_retraining(trained_copy)  # a failed run is tried again
    assert again.id == run.id
    delete_run(trained_copy, run.id)
    with hold_retraining(trained_copy):
        assert settle_ended(trained_copy)
    last = read_state(trained_copy).last
    assert last is not None and "deleted" in last.text
    assert read_aliases(trained_copy) == {"champion": 1}
    assert len(list_versions(trained_copy)) == 1


SCHEDULER = "core.runs.scheduler"


def test_the_scheduler_stays_while_rules_are_to_be_checked(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.runs.scheduler.EXIT_AFTER_S", 0.0)
    idle = Scheduler(workspace)
    idle.step()
    assert idle.may_exit()
    monkeypatch.setenv("PETALSCOPE_CHECK_RULES_MINUTES", "60")
    monkeypatch.setattr(DueWork, "_is_check_due", lambda *_: False)  # no process is started
    watching = Scheduler(workspace)
    watching.step()
    assert watching.is_idle() and not watching.may_exit()


def test_without_work_no_scheduler_is_started(workspace: Workspace) -> None:
    wake_scheduler(workspace)
    assert not is_locked(workspace.scheduler_lock)


@pytest.mark.slow
@pytest.mark.usefixtures("forked_workers")
def test_through_a_kill_a_challenger_meets_the_champion(trained_copy: Workspace) -> None:
    champion = let_first_run_answer(trained_copy)
    review_photos(trained_copy, champion, draw_new_photos(3))
    start_retraining(trained_copy)
    wake_scheduler(trained_copy)
    [scheduler] = wait_until(lambda: find_processes(trained_copy, SCHEDULER), "one is at work")
    os.kill(scheduler.pid, signal.SIGKILL)
    scheduler.wait(PATIENCE_S)  # the lock may never be seen free: the errand wakes another at once
    wake_scheduler(trained_copy)  # as a page or the API does that is opened now
    wake_scheduler(trained_copy)
    wait_until(lambda: "challenger" in read_aliases(trained_copy), "there is a challenger")
    wait_until(lambda: read_state(trained_copy).going is None, "it is settled")
    assert len(find_processes(trained_copy, SCHEDULER)) == 1
    kinds = [event.kind for event in list_events(trained_copy)]
    assert kinds.count("compared") == kinds.count("challenger") == 1
    assert len(list_runs(trained_copy)) == 2
