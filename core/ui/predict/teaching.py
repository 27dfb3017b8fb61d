"""Teach a class on the spot: the exact head learns a few photos, as a trial beside the model.

The photos stay in the memory of this tab, unless a person sends them for review.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.errors import PetalscopeError
from core.evaluation.intervals import wilson_interval
from core.exact.head import ExactHead
from core.exact.store import HeadSource, find_run_source
from core.exact.teaching import FEWEST, Trial, teach
from core.formats import count, interval, percent, plain
from core.monitoring.feedback import give_feedback
from core.monitoring.kept_photos import Photo
from core.ui.parts import cache
from core.ui.parts.exact import open_exact_head, say_engine
from core.ui.parts.frame import link_page
from core.ui.parts.messages import show_problem, tell_after_rerun
from core.ui.photos.edits import show_effect
from core.ui.predict.reading import ask, list_classes, look, open_model
from core.ui.predict.sessions import BrowserSession, Model
from data.dataset import Dataset
from data.sources.names import LONGEST_CLASS, check_class_name, match_class

MOST_TAUGHT = 100
_LESSON, _NAME, _EACH = "predict.lesson", "predict.lesson.class", "predict.lesson.each"
_WANTED = "predict.lesson.wanted"
_SHOWN, _SIDE = 12, 56


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """A trial, and the head that learned the photos."""

    dataset: Dataset
    source: HeadSource
    head: ExactHead
    trial: Trial


def read_lesson() -> dict[str, Photo]:
    """Return the collected photos, by digest."""
    lesson: dict[str, Photo] = st.session_state.setdefault(_LESSON, {})
    return lesson


def collects() -> bool:
    """Return whether every photo that is given joins the lesson."""
    return bool(st.session_state.get(_EACH)) and is_teaching()


def is_teaching() -> bool:
    """Return whether a lesson has begun."""
    return bool(read_lesson() or st.session_state.get(_NAME) or st.session_state.get(_WANTED))


def begin_lesson(class_name: str, photo: Photo) -> None:
    """Begin to teach a class with a photo of it."""
    forget_lesson()
    read_lesson()[photo.sha256] = photo
    st.session_state[_WANTED] = class_name
    tell_after_rerun(f"1 of {FEWEST} photos. Continue under “More”.")


def forget_lesson() -> None:
    """Drop the collected photos and their class."""
    for name in (_LESSON, _NAME, _EACH, _WANTED):
        st.session_state.pop(name, None)


def show_teaching(session: BrowserSession, model: Model, given: Sequence[Photo]) -> Lesson | None:
    """Draw the lesson; return the trial, if there are enough photos."""
    if (wanted := st.session_state.pop(_WANTED, None)) is not None:
        st.session_state[_NAME] = wanted
    name = st.text_input(
        "Teach it a class",
        max_chars=LONGEST_CLASS,
        key=_NAME,
        placeholder="name of the class",
        help=f"{FEWEST} photos are enough for a trial. Show different objects from different "
        "sides. The model itself does not change.",
    ).strip()
    if not name:
        return None
    class_name = match_class(name, list_classes(model))
    if class_name not in list_classes(model):
        class_name = check_class_name(class_name)
    _collect(class_name, given)
    photos = list(read_lesson().values())
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for photo in photos[-_SHOWN:]:
            st.image(look(model, photo).thumbnail, width=_SIDE)
        if (rest := len(photos) - _SHOWN) > 0:
            st.caption(f"and {rest:,} more", width="content")
    if len(photos) < FEWEST:
        missing = FEWEST - len(photos)
        st.caption(f":material/add_a_photo: {missing} more: choose, paste or take them above.")
        return None
    learned = _learn(model, class_name, read_lesson())
    if learned is not None:
        _show_trial(learned.trial, model, given[-1] if given else None)
        _offer_sending(session, model, class_name, photos)
    return learned


def _collect(class_name: str, given: Sequence[Photo]) -> None:
    """Draw the ways to add the given photos, and to remove photos."""
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
    st.toggle("Add every photo I give from now on", key=_EACH)
    if lesson:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Undo", key="predict.lesson.undo", on_click=_take_back, type="tertiary")
            st.button(
                "Forget all", key="predict.lesson.forget", on_click=forget_lesson, type="tertiary"
            )


def _take_back() -> None:
    read_lesson().popitem()


def _learn(model: Model, class_name: str, lesson: dict[str, Photo]) -> Lesson | None:
    """Return the trial; None, and the reason drawn, where the model cannot be taught."""
    try:
        result = cache.result(model.run_id)
        dataset = cache.dataset(result.dataset_id)
        if open_model(model).backbone_facts.id != result.backbone_id:
            st.info("The run was trained again on another backbone: this model cannot be taught.")
            return None
        features = np.stack([look(model, photo).features for photo in lesson.values()])
        opened = open_exact_head(
            lambda: find_run_source(cache.workspace(), dataset, model.run_id, result)
        )
    except PetalscopeError as error:
        show_problem(f"This model cannot be taught. {error.problem}", error.remedy)
        return None
    if opened is None:
        return None
    source, head = opened
    judged = result.photo_numbers("validation")
    digests = dataset.manifest["sha256"].to_numpy()
    judged = judged[~np.isin(digests[judged], list(lesson))]
    trial = teach(head, dataset.classes, class_name, features, judged)
    return Lesson(dataset=dataset, source=source, head=head, trial=trial)


def _show_trial(trial: Trial, model: Model, asked: Photo | None) -> None:
    """Draw the accuracy of the trial on its own photos, and its answer for the photo on screen."""
    name, n = plain(trial.classes[trial.label], 40), len(trial.taught.rows)
    st.subheader(f"Trial: “{name}”", anchor=False)
    ends = interval(*wilson_interval(trial.recognised, n), n)
    few = " :orange[More photos may help.]" if 2 * trial.recognised < n else ""
    st.markdown(
        f"The trial recognises **{trial.recognised} of {n}** of your photos, each tested without "
        f"training on it ({ends}).{few}"
    )
    if asked is None:
        st.caption("Give another photo above to try it.")
        return
    lesson = list(read_lesson())
    place = lesson.index(asked.sha256) if asked.sha256 in lesson else None
    seen = look(model, asked)
    said, score = trial.answer(seen.features, place)
    how = ", left out of its training" if place is not None else ""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.image(seen.thumbnail, width=_SIDE)
        st.markdown(
            f"The trial on this photo{how}: **{plain(said, 30)}**, {percent(score, 100)}",
            width="content",
        )


def show_effect_of(learned: Lesson) -> None:
    """Draw the effect of the trial on the other classes, measured on validation photos."""
    effect = learned.trial.effect
    with st.container(border=True):
        name = plain(effect.classes[learned.trial.label], 40)
        st.markdown(f"**Effect of the trial “{name}” on the other classes**")
        if len(effect.photos):
            show_effect(learned.dataset, effect)
        else:
            st.info("The effect cannot be measured without validation photos.")
        say_engine(learned.source, learned.head)


@cache.for_editors
def _offer_sending(
    session: BrowserSession, model: Model, class_name: str, photos: Sequence[Photo]
) -> None:
    """Draw the button that sends the photos for review, or that they were sent."""

    def was_sent(photo: Photo) -> bool:
        asked = session.find(model, photo.sha256)
        return asked is not None and asked.said == class_name

    unsent = [photo for photo in photos if not was_sent(photo)]
    if not unsent:
        named = f"{count(len(photos), 'photo')} of “{plain(class_name, 40)}”"
        st.success(f"{named} sent for review.", icon=":material/inbox:")
        link_page("monitoring", "Review", "inbox", tab="review")
        return
    if st.button(
        f"Send {count(len(unsent), 'photo')} for review",
        type="primary",
        icon=":material/inbox:",
        width="stretch",
        key="predict.lesson.keep",
        help="Nothing is used for training until it is reviewed.",
    ):
        sent = sum(_send(session, model, class_name, photo) for photo in unsent)
        tell_after_rerun(f"{count(sent, 'photo')} sent for review.")
        st.rerun()


def _send(session: BrowserSession, model: Model, class_name: str, photo: Photo) -> bool:
    """Return whether a photo was sent for review; only a logged photo can be."""
    asked = ask(session, model, photo).asked
    if asked.id:
        said = {"class_name": class_name, "who": session.visitor}
        sent = give_feedback(cache.workspace(), asked.id, photo=photo.content, **said)
        asked.said = sent.class_name
    return bool(asked.id)
