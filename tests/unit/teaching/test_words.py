"""Words are explained shortly, where they occur, and so is every setting of the training page."""

import yaml

from core.runs.recipe.recipe import SETTINGS
from core.teaching.lessons import explain, list_lessons, list_words, read_lesson
from core.workspace import PROJECT_ROOT, Workspace

MOST_WORDS = 25


def test_each_word_is_explained_shortly() -> None:
    file = PROJECT_ROOT / "core" / "teaching" / "words.yaml"
    words = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert not [name for name, meaning in words.items() if len(meaning.split()) > MOST_WORDS]


def test_every_setting_says_what_it_does() -> None:
    unsaid = {one.name for one in SETTINGS.values() if not (one.help or explain(one.name))}
    former = {one.name for one in SETTINGS.values() if not one.is_offered}
    assert unsaid <= {"dataset", "weights_digest"} | former  # no fields of the form


def test_the_longest_form_is_found_and_each_word_once() -> None:
    found = list_words("The **learning rate** of a step; rates, and two epochs: an epoch.")
    assert list(found) == ["learning rate", "step", "epochs"]
    assert found["epochs"] == explain("epoch")


def test_steps_of_the_lesson_have_words_that_are_explained(workspace: Workspace) -> None:
    lesson = read_lesson(list_lessons(workspace)["transfer"])
    for words in lesson.text.steps.values():
        assert list_words(f"{words.title} {words.question} {words.check}")
