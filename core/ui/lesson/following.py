"""The lesson in a class: what a student does is written down, and the desk may lead them."""

import streamlit as st

from core.classroom import Lead, note_step, read_lead
from core.config import read_settings
from core.ui.lesson.reading import SET, STEP, LessonPage
from core.ui.parts import cache
from core.ui.parts.state import keep_choice
from core.ui.visitor.visitor import find_person

_LED, _NOTED = "lesson.led", "lesson.noted"
_LOOK_EVERY = "2s"


def follow_lead() -> Lead:
    """Return where the desk leads, with the step that it asks for open; look again and again."""
    class_id = read_settings().class_id
    if not class_id or find_person().role != "student":
        return Lead()
    led = read_lead(cache.workspace(), class_id)
    if led.step and (led.frozen or st.session_state.get(_LED) != led):
        keep_choice(STEP, led.step)
        if led.setting and st.session_state.get(_LED) != led:
            keep_choice(SET, led.setting)
    st.session_state[_LED] = led
    st.fragment(run_every=_LOOK_EVERY)(_look_again)(class_id)
    return led


def _look_again(class_id: str) -> None:
    if read_lead(cache.workspace(), class_id) != st.session_state.get(_LED):
        st.rerun()


def note_place(page: LessonPage, outcome: float | None) -> None:
    """Write down where a student's control stands, once, and what came out of it (a share)."""
    place = [page.step.key, page.chosen]
    if st.session_state.get(_NOTED) != place:
        st.session_state[_NOTED] = place
        _note(page, outcome=outcome)


def note_answer(page: LessonPage, right: bool) -> None:
    """Write down whether a student's answer was right."""
    _note(page, right=right)


def _note(page: LessonPage, right: bool | None = None, outcome: float | None = None) -> None:
    class_id = read_settings().class_id
    if class_id and find_person().role == "student":
        facts = {"step": page.step.key, "setting": page.chosen, "right": right, "outcome": outcome}
        note_step(cache.workspace(), class_id, facts)
