"""What the desk shows: the class, what students did, and where they are led."""

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

import pandas as pd
import streamlit as st

from core.classroom import Classroom, Lead, read_answers, read_class, read_lead
from core.teaching.lessons import Lesson, list_lessons, read_lesson
from core.ui.parts import cache


@dataclass(frozen=True, kw_only=True, eq=False)
class DeskPage:
    """A class as it is now."""

    classroom: Classroom
    lead: Lead
    lesson: Lesson
    answers: pd.DataFrame
    """What `read_answers` returned."""
    address: str
    """Where students join."""

    @cached_property
    def tiles(self) -> pd.DataFrame:
        """A row for each student."""
        return list_tiles(self.answers)

    @cached_property
    def titles(self) -> dict[str, str]:
        """Step → its number and title, in the first language."""
        words = next(iter(self.lesson.spoken.values())).steps
        return {
            step.key: f"{number}. {words[step.key].title}"
            for number, step in enumerate(self.lesson.steps, 1)
        }

    @property
    def present(self) -> str:
        """The step that is talked about: where the class is led, else where most are."""
        if self.lead.step:
            return self.lesson.steps[int(self.lead.step) - 1].key
        at = self.tiles.loc[self.tiles["step"] != "", "step"]
        return str(at.mode().iloc[0]) if len(at) else self.lesson.steps[0].key


def read_desk(class_id: str) -> DeskPage:
    """Read the files of the class."""
    workspace = cache.workspace()
    return DeskPage(
        classroom=read_class(workspace, class_id),
        lead=read_lead(workspace, class_id),
        lesson=_open_lesson(str(workspace.root)),
        answers=read_answers(workspace, class_id),
        address=f"{read_base()}lesson",
    )


def read_base() -> str:
    """Return the address of the workbench, as this page was opened by it; it ends with "/"."""
    where = urlsplit(st.context.url or "")
    return f"{where.scheme}://{where.netloc}/"


@st.cache_data(ttl=60, show_spinner=False)
def _open_lesson(root: str) -> Lesson:
    del root  # part of the key
    return read_lesson(list_lessons(cache.workspace())["transfer"])


def list_tiles(answers: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each student: number, name, step, setting, tries, right, solved, since.

    Who has waited longest for a right answer comes first: `since` is when the last one was given,
    or when they came in. `tries` and `right` are of the step they are at; `solved` counts steps.
    Numbers are in the order in which they came in, as in the table of results.
    """
    rows = []
    for number, (student, of) in enumerate(answers.groupby("student", sort=False), 1):
        last = of.iloc[-1]
        here = of[of["step"] == last["step"]]
        right = of[of["right"].eq(True)]
        rows.append(
            {
                "number": number,
                "student": student,
                "name": last["name"],
                "step": last["step"],
                "setting": last["setting"],
                "tries": int(here["right"].notna().sum()),
                "right": bool(here["right"].eq(True).any()),
                "solved": right["step"].nunique(),
                "since": (right if len(right) else of.head(1))["at"].iloc[-1],
            }
        )
    columns = ["number", "student", "name", "step", "setting"]
    columns += ["tries", "right", "solved", "since"]
    return pd.DataFrame(rows, columns=columns).sort_values("since", ignore_index=True)


def write_results(answers: pd.DataFrame) -> str:
    """Return the answers as CSV without names: students are numbered as they came in."""
    given = answers[answers["right"].notna()]
    numbers = pd.factorize(answers["student"])[0] + 1
    table = given.assign(student=numbers[answers["right"].notna()])
    return str(table[["student", "at", "step", "setting", "right"]].to_csv(index=False))
