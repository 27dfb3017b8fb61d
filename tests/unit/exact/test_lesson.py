"""Trainings of the lessons: made ahead, all of them, and anew when a lesson has others."""

from pathlib import Path

from core.config import fingerprint
from core.exact.lesson import SEEDS, name_trainings, prepare_trainings, read_trainings
from core.exact.store import find_judged_source
from core.teaching.lessons import list_lessons, read_lesson
from core.workspace import Workspace
from data.manifest import list_datasets, read_dataset


def test_every_value_of_every_lesson_is_trained_for_each_seed(trained_copy: Workspace) -> None:
    dataset = read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    source = find_judged_source(trained_copy, dataset)
    kind = name_trainings(trained_copy)
    assert read_trainings(trained_copy, source, kind) is None
    prepare_trainings(trained_copy, source, lambda *_: None)
    kept = read_trainings(trained_copy, source, kind)
    assert kept is not None
    steps = read_lesson(list_lessons(trained_copy)["transfer"]).steps
    recipes = [
        step.vary(value) for step in steps for value in step.values if step.varies != "epochs"
    ]
    assert set(kept) == {(fingerprint(one), seed) for one in recipes for seed in range(SEEDS)}
    told = {seed: [kept[fingerprint(recipe), seed] for recipe in recipes] for seed in range(SEEDS)}
    for recipe, epochs in zip(recipes, told[0], strict=True):
        assert [epoch.number for epoch in epochs] == list(range(1, recipe.epochs + 1))
    assert all(told[seed] != told[0] for seed in range(1, SEEDS))


def test_a_lesson_with_other_values_is_another_job_and_a_broken_one_is_none(
    trained_copy: Workspace,
) -> None:
    before = name_trainings(trained_copy)
    copy_lesson(trained_copy, "same")
    assert name_trainings(trained_copy) == before
    steps = copy_lesson(trained_copy, "other") / "lesson.yaml"
    steps.write_text(steps.read_text("utf-8").replace("epochs: 60", "epochs: 61"), "utf-8")
    assert name_trainings(trained_copy) != before
    steps.write_text("steps: []", "utf-8")
    assert name_trainings(trained_copy) == before


def copy_lesson(workspace: Workspace, name: str) -> Path:
    folder = workspace.root / "lessons" / name
    folder.mkdir(parents=True)
    for file in list_lessons(workspace)["transfer"].iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder
