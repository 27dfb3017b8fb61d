"""What the desk shows: the class, what students did, and where they are led."""

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

import pandas as pd
import streamlit as st

from core.classroom import Classroom, Lead, list_tiles, read_answers, read_class, read_lead
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
