"""Lessons: folders with lesson.yaml for the steps and words.yaml for the words.

Words are Markdown; names in {braces} are filled with the facts of a check. The lessons of the
program are in core/teaching/lessons, others in the workspace under lessons/. Technical terms are
explained in core/teaching/words.yaml.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, Literal, Self, get_args

import yaml
from markdown_it import MarkdownIt
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from core.errors import PetalscopeError
from core.teaching.checks import FACTS, Check
from core.teaching.live_head import LiveRecipe
from core.workspace import PROJECT_ROOT, Workspace

Picture = Literal["curves", "turned", "photos", "confused", "unsure", "strategies", "excited"]
Varied = Literal["learning_rate", "dropout", "epochs", "wrong"]
Word = Literal[
    "check", "next", "done", "remember", "interval", "epoch", "loss", "train", "validation",
    "share", "right", "answered", "seconds", "own", "report", "photos", "draws", "foreseen",
    "notebook", "more", "never", "network",
]  # fmt: skip

_PAPER = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body {{ max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 sans-serif }}
img {{ max-width: 100% }} h2 {{ margin-top: 2rem }}
blockquote {{ margin: 1rem 0; padding-left: 1rem; border-left: 3px solid #2e7d32 }}
</style></head><body>
{body}</body></html>
"""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Part):
    """A step: one control, one picture, one check question."""

    key: str
    picture: Picture
    check: Check
    values: tuple[float, ...] = ()
    """Values of the control; empty: they depend on the dataset."""
    start: float = 0
    varies: Varied = "epochs"
    """The part of the recipe that the control changes, where the picture shows epochs."""
    recipe: LiveRecipe = LiveRecipe()
    shows: Literal["loss", "accuracy"] = "loss"
    """The measure of a picture of epochs."""

    def vary(self, value: float) -> LiveRecipe:
        """Return the recipe for a value of the control."""
        varied: Any = {self.varies: type(getattr(self.recipe, self.varies))(value)}
        return replace(self.recipe, **varied)

    @model_validator(mode="after")
    def _start_is_a_value(self) -> Self:
        if self.values and self.start not in self.values:
            raise ValueError(f"start {self.start} is not among the values")
        if self.picture in _CHOSEN and not self.values:
            raise ValueError("values are missing")
        return self


_CHOSEN = ("curves", "turned", "unsure")
"""Pictures whose control needs values."""
_MAY_BE_EMPTY: tuple[Picture, ...] = ("excited", "confused", "strategies", "unsure")
"""Pictures that a dataset may have no data for."""


class StepWords(_Part):
    """The words of a step."""

    title: str
    question: str
    control: str
    picture: str
    check: str
    right: str
    wrong: dict[str, str]
    """Kind of a wrong answer → words."""
    seen: str
    """What the person's own picture shows; no claim that their photos may contradict."""
    remember: str
    nothing: str = ""
    """Words where the dataset has no data."""


class LessonWords(_Part):
    """All words of a lesson."""

    title: str
    words: dict[Word, str]
    steps: dict[str, StepWords]


class Lesson(_Part):
    """A lesson with its words."""

    key: str
    steps: tuple[Step, ...]
    text: LessonWords

    @model_validator(mode="after")
    def _all_is_said(self) -> Self:
        faults = [*_compare("word", self.text.words, get_args(Word))]
        faults += _compare("step", self.text.steps, [step.key for step in self.steps])
        for step in self.steps:
            if words := self.text.steps.get(step.key):
                faults += (f"{step.key}: {fault}" for fault in _check_words(step, words))
        if faults:
            raise ValueError(f"words.yaml: {faults[0]}")
        return self


def list_lessons(workspace: Workspace) -> dict[str, Path]:
    """Return name → folder of every lesson, the program's own first."""
    places = PROJECT_ROOT / "core" / "teaching" / "lessons", workspace.root / "lessons"
    found = [file.parent for place in places for file in sorted(place.glob("*/lesson.yaml"))]
    return {folder.name: folder for folder in reversed(found)}


def write_answers(
    lesson: Lesson, about: str, answered: Mapping[str, str], pictures: Mapping[str, str]
) -> str:
    """Return the correctly answered steps as HTML.

    Args:
        about: The dataset, in words.
        answered: Step → setting and answer, in Markdown.
        pictures: Step → its chart as a data address ("data:image/png…").
    """
    text = lesson.text
    done = text.words["done"].format(right=len(answered), steps=len(lesson.steps))
    parts = [f"# {text.title}", about, done]
    for number, step in enumerate(lesson.steps, 1):
        if step.key in answered:
            words = text.steps[step.key]
            parts += [f"## {number}. {words.title}", answered[step.key]]
            parts += [f"![{words.picture}]({pictures[step.key]})"] if step.key in pictures else []
            parts.append(f"> {words.remember}")
    body = MarkdownIt("commonmark", {"html": False}).render("\n\n".join(parts))
    return _PAPER.format(title=text.title, body=body)


def read_lesson(folder: Path) -> Lesson:
    """Return the lesson of a folder.

    Raises:
        PetalscopeError: A file is missing, not YAML, or incomplete.
    """
    try:
        facts = _read(folder / "lesson.yaml")
        return Lesson(key=folder.name, text=_read(folder / "words.yaml"), **facts)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _refuse(folder, f"{place}: {first['msg']}" if place else first["msg"]) from error
    except (OSError, yaml.YAMLError, TypeError, AttributeError) as error:
        raise _refuse(folder, " ".join(str(error).split())) from error


def _read(file: Path) -> dict[str, Any]:
    with file.open(encoding="utf-8") as content:  # errors of YAML name the file
        facts: dict[str, Any] = yaml.safe_load(content)
    return facts


def _refuse(folder: Path, fault: str) -> PetalscopeError:
    return PetalscopeError(
        f"The lesson “{folder.name}” cannot be read: {fault}.",
        "Compare its files with those of the lesson “transfer”.",
        code="lesson_refused",
        folder=str(folder),
    )


def _compare(what: str, said: Iterable[str], wanted: Iterable[str]) -> Iterator[str]:
    has, needs = set(said), set(wanted)
    yield from (f"the {what} “{one}” is missing" for one in sorted(needs - has))
    yield from (f"the {what} “{one}” is unknown" for one in sorted(has - needs))


def _check_words(step: Step, words: StepWords) -> Iterator[str]:
    """Yield faults of a step's words: missing answers, unknown names in braces."""
    if step.picture in _MAY_BE_EMPTY and not words.nothing:
        yield "the word “nothing” is missing"
    known = FACTS[step.check]
    yield from _compare("answer", words.wrong, known.wrong)
    answers = " ".join([words.check, words.right, *words.wrong.values()])
    for said, facts in ((answers, known.facts), (words.seen, known.seen)):
        for _, name, _, _ in Formatter().parse(said):
            if name is not None and name not in facts:
                yield f"“{{{name}}}” is unknown; known: {', '.join(sorted(facts))}"


def explain(word: str) -> str | None:
    """Return the meaning of a term or of a recipe's setting; None where it is unknown."""
    return _read_forms().get(word.casefold())


def list_words(text: str) -> dict[str, str]:
    """Return the terms in a text, in their order → meanings; the longest term wins."""
    forms = _read_forms()
    longest = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    found = re.findall(rf"(?<!\w)({longest})(?!\w)", text.casefold()) if forms else []
    meanings = {forms[form]: form for form in reversed(found)}
    return {form: meaning for meaning, form in reversed(meanings.items())}


@cache
def _read_forms() -> Mapping[str, str]:
    content = Path(__file__).with_name("words.yaml").read_text(encoding="utf-8")
    return {
        form.strip().casefold(): meaning
        for named, meaning in yaml.safe_load(content).items()
        for form in named.split(",")
    }
