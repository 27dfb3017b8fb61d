"""Lessons are whole, short, and refused with a reason where they are not."""

import re
import shutil
from pathlib import Path

import pytest

from core.errors import PetalscopeError
from core.teaching.lessons import Lesson, list_lessons, read_lesson, write_answers
from core.workspace import Workspace

MOST_WORDS = 120


@pytest.fixture
def folder(workspace: Workspace) -> Path:
    """A lesson of one's own: a copy of the program's."""
    own = workspace.root / "lessons" / "mine"
    shutil.copytree(list_lessons(workspace)["transfer"], own)
    return own


def test_lessons_of_the_program_are_whole_and_short(workspace: Workspace) -> None:
    for folder in list_lessons(workspace).values():
        lesson = read_lesson(folder)
        for key, words in lesson.text.steps.items():
            shown = (words.title, words.question, words.control, words.picture, words.check)
            assert len(" ".join(shown).split()) <= MOST_WORDS, key


def test_a_folder_in_the_workspace_is_a_lesson(workspace: Workspace, folder: Path) -> None:
    assert list(list_lessons(workspace)) == ["mine", "transfer"]
    assert isinstance(read_lesson(folder), Lesson)


def test_right_answers_are_written_in_the_order_of_the_steps(workspace: Workspace) -> None:
    lesson = read_lesson(list_lessons(workspace)["transfer"])
    said = {"photos": "Not before 80 <script>.", "sees": "Feature: 7."}
    png = "data:image/png;base64,AAAA"
    written = write_answers(lesson, "Flowers", said, {"photos": png})
    titles = re.findall("<h2>(.*)</h2>", written)
    assert titles == ["1. What does the network see?", "5. How many photos are enough?"]
    assert "2 of 8" in written and written.index("Feature: 7.") < written.index("Not before 80")
    assert written.count(f'<img src="{png}"') == 1 and "<script" not in written


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("words.yaml", "  next: ", "  nexxt: ", "next"),
        ("words.yaml", "      too_slow:", "      too_small:", "the answer “too_slow” is missing"),
        ("words.yaml", "{reached}", "{got}", "“{got}” is unknown; known: reached, target"),
        ("words.yaml", "{rates}", "{best}", "“{best}” is unknown; known: rates, target"),
        ("lesson.yaml", "start: 0.00003", "start: 0.00004", "start 4e-05 is not among the values"),
        ("lesson.yaml", "check: best_epoch", "check: guess", "steps.2.check"),
        ("lesson.yaml", "hidden: 64", "hiden: 64", "steps.1.recipe"),
        ("lesson.yaml", "steps:", "languages: {en: English}\nsteps:", "languages"),
        ("lesson.yaml", "steps:", "steps: [", "lesson.yaml"),
    ],
)
def test_what_is_wrong_with_a_lesson_is_said(
    folder: Path, file: str, old: str, new: str, said: str
) -> None:
    content = (folder / file).read_text(encoding="utf-8")
    assert old in content
    (folder / file).write_text(content.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PetalscopeError) as refused:
        read_lesson(folder)
    assert said in refused.value.problem
