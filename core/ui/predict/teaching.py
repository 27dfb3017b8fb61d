"""Teach it on the spot: photos of one class are collected, and the exact head learns them.

A trial beside the model; photos stay in this tab's memory, or are sent to the review inbox.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.errors import PetalscopeError
from core.evaluation.intervals import wilson_interval
from core.exact.store import HeadSource, find_run_source
from core.exact.teaching import FEWEST, Trial, teach
from core.formats import count, interval, percent, plain
from core.instant.head import ExactHead
from core.monitoring.feedback import give_feedback
from core.monitoring.kept_photos import Photo
from core.monitoring.sessions import BrowserSession, Model
from core.ui.parts import cache
from core.ui.parts.exact import open_exact_head, say_engine
from core.ui.parts.frame import link_page
from core.ui.parts.messages import show_problem, tell_after_rerun
from core.ui.photos.edits import show_effect
from core.ui.predict.reading import ask, list_classes, look, open_model
from data.dataset import Dataset
from data.sources.names import LONGEST_CLASS, check_class_name, match_class

MOST_TAUGHT = 100
_LESSON, _NAME, _EACH = "predict.lesson", "predict.lesson.class", "predict.lesson.each"
_WANTED = "predict.lesson.wanted"
_SHOWN, _SIDE = 12, 56
_ABOUT = (
    "Photos of one class, best of different things and from different sides. What it learns is a "
    "trial of yours: the model that answers stays as it is, for you and for everybody."
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """What was learned of the photos."""

    dataset: Dataset
    source: HeadSource
    head: ExactHead
    trial: Trial
    seconds: float


def read_lesson() -> dict[str, Photo]:
    """Return the photos that were collected, by digest; a new lesson where there is none."""
    lesson: dict[str, Photo] = st.session_state.setdefault(_LESSON, {})
    return lesson


def collects() -> bool:
    """Return whether each photo that is given joins the lesson."""
    return bool(st.session_state.get(_EACH)) and is_teaching()


def is_teaching() -> bool:
    """Return whether a person has begun to teach."""
    return bool(read_lesson() or st.session_state.get(_NAME) or st.session_state.get(_WANTED))


def begin_lesson(class_name: str, photo: Photo) -> None:
    """Begin to teach a class with a photo of it."""
    forget_lesson()
    read_lesson()[photo.sha256] = photo
    st.session_state[_WANTED] = class_name
    tell_after_rerun(f"1 of {FEWEST} photos. The lesson stands at the top, below your photos.")


def forget_lesson() -> None:
    """Let go of the photos that were collected, and of their class."""
    for name in (_LESSON, _NAME, _EACH, _WANTED):
        st.session_state.pop(name, None)


def show_teaching(session: BrowserSession, model: Model, given: Sequence[Photo]) -> Lesson | None:
    """Draw the lesson; return what was learned, and ask it about the last photo given."""
    begun = is_teaching()
    if (wanted := st.session_state.pop(_WANTED, None)) is not None:
        st.session_state[_NAME] = wanted
    with st.expander("Teach it a class", icon=":material/school:", expanded=begun):
        name = st.text_input(
            "These photos are all of the class", max_chars=LONGEST_CLASS, key=_NAME, help=_ABOUT
        ).strip()
        if not name:
            st.caption(f"Three photos are enough for a trial. {_ABOUT}")
            return None
        class_name = match_class(name, list_classes(model))
        if class_name not in list_classes(model):
            class_name = check_class_name(class_name)
        _collect(class_name, given)
        photos = read_lesson()
        _show_thumbnails(model, list(photos.values()))
        if len(photos) < FEWEST:
            missing = FEWEST - len(photos)
            st.caption(f":material/add_a_photo: {missing} more: choose, paste or take them above.")
            return None
        learned = _learn(model, class_name, photos)
        if learned is not None:
            _show_trial(learned, model, given[-1] if given else None)
            _offer_keeping(session, model, class_name, list(photos.values()))
        return learned


def _collect(class_name: str, given: Sequence[Photo]) -> None:
    """Draw the photos so far and the ways to add those that stand on the page."""
    lesson = read_lesson()
    new = [photo for photo in given if photo.sha256 not in lesson][: MOST_TAUGHT - len(lesson)]
    if new and collects():
        lesson.update((photo.sha256, photo) for photo in new)
        st.rerun()  # a camera is ready for the next shot at once
    if new:
        which = "this photo" if len(new) == 1 else f"these {count(len(new), 'photo')}"
        st.button(
            f"Add {which}: {plain(class_name, 40)}",
            icon=":material/add:",
            type="primary" if len(lesson) < FEWEST else "secondary",
            width="stretch",
            key="predict.lesson.add",
            on_click=lesson.update,
            args=({photo.sha256: photo for photo in new},),
        )
    st.toggle(
        "Each photo I give from now on is one, too",
        key=_EACH,
        help="For a burst with the camera, or several pastes. Switch it off to try the trial on "
        "other photos.",
    )
    if not lesson:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, name, act in (
            ("Take the last back", "undo", _take_back),
            ("Forget all", "forget", forget_lesson),
        ):
            st.button(label, key=f"predict.lesson.{name}", on_click=act, type="tertiary")


def _take_back() -> None:
    read_lesson().popitem()


def _learn(model: Model, class_name: str, lesson: dict[str, Photo]) -> Lesson | None:
    """Return what was learned; None, and why drawn, where there is nothing to learn with."""
    try:
        result = cache.result(model.run_id)
        dataset = cache.dataset(result.dataset_id)
        if open_model(model).backbone_facts.id != result.backbone_id:
            st.info("Its run was trained anew on another backbone: it cannot be taught.")
            return None
        features = np.stack([look(model, photo).features for photo in lesson.values()])
        opened = open_exact_head(
            lambda: find_run_source(cache.workspace(), dataset, model.run_id, result)
        )
    except PetalscopeError as error:
        show_problem(f"It cannot be taught. {error.problem}", error.remedy)
        return None
    if opened is None:
        return None
    source, head = opened
    started = time.perf_counter()
    judged = result.photo_numbers("validation")
    digests = dataset.manifest["sha256"].to_numpy()
    judged = judged[~np.isin(digests[judged], list(lesson))]
    trial = teach(head, dataset.classes, class_name, features, judged)
    seconds = time.perf_counter() - started
    return Lesson(dataset=dataset, source=source, head=head, trial=trial, seconds=seconds)


def _show_thumbnails(model: Model, photos: Sequence[Photo]) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for photo in photos[-_SHOWN:]:
            st.image(look(model, photo).thumbnail, width=_SIDE)
        if (rest := len(photos) - _SHOWN) > 0:
            st.caption(f"and {rest:,} more", width="content")


def _show_trial(learned: Lesson, model: Model, asked: Photo | None) -> None:
    """Draw what was learned, and what the trial says of the photo on the page."""
    trial = learned.trial
    name, n = plain(trial.classes[trial.label], 40), len(trial.taught.rows)
    st.subheader(f"A trial that was taught “{name}”", anchor=False)
    low, high = wilson_interval(trial.recognised, n)
    weak = 2 * trial.recognised < n
    st.markdown(
        f"Learned from {count(n, 'photo')} in {max(learned.seconds, 0.01):.2f} s. Asked about each "
        f"as if it had not seen it, it knows **{trial.recognised} of {n}** "
        f"({interval(low, high, n)})."
        f"{' :orange[It hardly knows it yet: more photos may help.]' if weak else ''}"
    )
    if asked is None:
        st.caption("Give another photo above to try it.")
        return
    lesson = list(read_lesson())
    place = lesson.index(asked.sha256) if asked.sha256 in lesson else None
    seen = look(model, asked)
    said, score = trial.answer(seen.features, place)
    how = ", as if it had not seen it" if place is not None else ""
    with st.container(border=True):
        st.caption(f"The trial, asked about this photo{how}:")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.image(seen.thumbnail, width=_SIDE)
            st.markdown(f"**{plain(said, 30)}**, {percent(score, 100)}", width="content")


def show_effect_of(learned: Lesson) -> None:
    """Draw what the lesson does to the classes that were known, by validation photos."""
    effect = learned.trial.effect
    with st.container(border=True):
        name = plain(effect.classes[learned.trial.label], 40)
        st.markdown(f"**What the trial of “{name}” does to the other classes**")
        if len(effect.photos):
            show_effect(learned.dataset, effect)
        else:
            st.info("No photo is in validation: there is nothing to judge by.")
        say_engine(learned.source, learned.head)


@cache.for_editors
def _offer_keeping(
    session: BrowserSession, model: Model, class_name: str, photos: Sequence[Photo]
) -> None:
    """Draw the button that sends the lesson to the review inbox, or that it was sent."""

    def was_sent(photo: Photo) -> bool:
        asked = session.find(model, photo.sha256)
        return asked is not None and asked.said == class_name

    unsent = [photo for photo in photos if not was_sent(photo)]
    if not unsent:
        st.success(
            f"{count(len(photos), 'photo')} of “{plain(class_name, 40)}” wait in the review inbox.",
            icon=":material/inbox:",
        )
        link_page("monitoring", "Review", "inbox", tab="review")
        return
    keep = st.button(
        f"Keep: send {count(len(unsent), 'photo')} for review",
        type="primary",
        icon=":material/inbox:",
        width="stretch",
        key="predict.lesson.keep",
        help="Each goes to the review inbox with its class. They are kept on this machine until "
        "somebody has reviewed them, and may then be learnt from for good.",
    )
    if keep:
        sent = sum(_send(session, model, class_name, photo) for photo in unsent)
        tell_after_rerun(f"{count(sent, 'photo')} sent to the review inbox.")
        st.rerun()


def _send(session: BrowserSession, model: Model, class_name: str, photo: Photo) -> bool:
    """Return whether a photo went to the review inbox: only what is in the log can go there."""
    asked = ask(session, model, photo).asked
    if asked.id:
        said = {"class_name": class_name, "who": session.visitor}
        told = give_feedback(cache.workspace(), asked.id, photo=photo.content, **said)
        asked.said = told.class_name
    return bool(asked.id)
