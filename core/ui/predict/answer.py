"""The answer of one model to one photo: words, what spoke for it, scores, whether it is right."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import streamlit as st

from core.charts.bars import draw_top_scores
from core.errors import PetalscopeError
from core.formats import percent, plain
from core.monitoring.feedback import give_feedback
from core.monitoring.kept_photos import find_kept
from core.monitoring.sessions import Asked, Model
from core.prediction.answers import phrase_answer, phrase_decision, phrase_reason
from core.prediction.deciding import describe_rule
from core.prediction.gradcam import scale_evidence
from core.ui.parts import cache
from core.ui.parts.frame import is_dark, link_page
from core.ui.parts.messages import show_problem
from core.ui.photos.explaining import choose_class, draw_overlays
from core.ui.predict.reading import Answer
from core.ui.predict.teaching import begin_lesson
from core.ui.wall import Wall, show_wall
from data.sources.names import LONGEST_CLASS, find_meant_class, match_class

_ICONS = {"answer": "", "unsure": ":material/help:", "unlike": ":material/visibility_off:"}
_REFUSED = "predict.refused"


def show_answer(answer: Answer, *, key: str) -> None:
    """Draw the answer of a model to a photo."""
    _show_words(answer)
    _show_what_spoke(answer, key=f"{key}.looked_at")
    _show_scores(answer)
    _show_feedback(answer)
    _show_nearest(answer, key=f"{key}_nearest")
    facts = answer.prediction.facts
    rule = answer.predictor.rule
    ruled = (
        f" They are calibrated by the rule that stands. {plain(describe_rule(rule))}"
        if rule
        else " They are not calibrated: it may be surer than it is right."
    )
    st.caption(
        f"Answered by {plain(answer.model.label, 120)}. {facts.format}, {facts.width} × "
        f"{facts.height} px; {answer.prediction.spent_ms:.0f} ms. Scores sum to 100 % over the "
        f"{len(answer.prediction.scores)} classes the model knows: it cannot answer with a class "
        f"it was not shown.{ruled}"
    )


def _show_words(answer: Answer) -> None:
    """Draw the answer, or that there is none and why."""
    decision = answer.decision
    if decision is None:
        show_no_rule(answer.model)
        st.subheader(plain(phrase_answer(answer.top)), anchor=False)
        return
    icon = _ICONS[decision.kind]
    st.subheader(f"{icon} {plain(phrase_decision(decision))}".strip(), anchor=False)
    if decision.kind != "answer":
        st.write(plain(phrase_reason(decision)))
    if answer.predictor.is_blind:
        st.caption(
            ":orange[Whether the photo is like anything in training cannot be told: the features "
            "behind this run are gone.]"
        )


def show_no_rule(model: Model) -> None:
    """Draw that a model answers every photo, and the way to a rule."""
    anew = " Register its run anew for one." if model.version is not None else ""
    st.markdown(f":orange[:material/warning: {plain(describe_rule(None))}{anew}]")
    if not anew:
        link_page("calibration", "Make a rule", "tune", run=model.run_id)


def _show_scores(answer: Answer) -> None:
    st.altair_chart(
        draw_top_scores(
            [name for name, _ in answer.top],
            [score for _, score in answer.top],
            is_dark(),
            answered=answer.decision is None or answer.decision.kind == "answer",
        ),
        theme=None,
        alt="; ".join(f"{name} {percent(score, 100)}" for name, score in answer.top),
    )


@st.fragment
def _show_what_spoke(answer: Answer, *, key: str) -> None:
    """Draw the photo as the network saw it and, beside it, what spoke for the best class."""
    classes, prediction = answer.predictor.classes, answer.prediction
    best = int(np.argmax(prediction.scores))
    pictures = st.container()
    other = choose_class(key, classes, prediction.scores, [best])
    numbers = [best] if other is None else [best, other]
    evidence = answer.predictor.measure_evidence(prediction, numbers)
    with pictures:
        draw_overlays(
            prediction.photo,
            scale_evidence(evidence),
            [f"Evidence for {plain(classes[number], 30)}" for number in numbers],
        )


def _show_nearest(answer: Answer, *, key: str) -> None:
    """Draw the training photos most like the photo, each with its class, or why there are none."""
    st.markdown(
        "**Most like it among the photos it was trained with**",
        help="By the cosine of their features with those of your photo; 1 is equal. Where they "
        "show what your photo shows, the answer has something to stand on.",
    )
    try:
        dataset, found = answer.read_nearest()
    except PetalscopeError as error:
        st.caption(f"They cannot be shown any more. {plain(error.problem)}")
        return
    cosines = dict(zip(found.photos.tolist(), found.cosines.tolist(), strict=True))
    names, digests = (dataset.manifest[name].to_numpy() for name in ("class", "sha256"))
    same = digests == answer.photo.sha256
    show_wall(
        dataset,
        found.photos,
        Wall(
            key,
            selectable=False,
            opens=False,
            captions=lambda photo: f"{names[photo]}\n{cosines[photo]:.2f}",
            badges=lambda photo: ["identical file"] if same[photo] else [],
        ),
    )
    if same[found.photos].any():
        st.caption(
            ":orange[It was trained with this very photo: that it knows it says nothing about "
            "others.]"
        )


@cache.for_editors
@st.fragment
def _show_feedback(answer: Answer) -> None:
    """Draw the question whether the answer is right, or what was said of it."""
    asked = answer.asked
    if not asked.id:
        st.caption(
            "This answer is not on record, so nothing can be said of it. Give the photo again to "
            "have it noted."
        )
        return
    if asked.said:
        _show_said(asked)
        return
    really = _ask_whether_right(answer, partial(_send, answer))
    if really and st.button(
        f"Teach it what {plain(really, 40)} looks like",
        icon=":material/school:",
        key=f"predict.teach.{asked.id}",
        width="stretch",
        help="With three photos of it, as a trial: the model stays as it is.",
        on_click=begin_lesson,
        args=(really, answer.photo),
    ):
        st.rerun()
    refused = st.session_state.pop(f"{_REFUSED}.{asked.id}", None)
    if refused:
        show_problem(*refused)
    st.caption(
        "What you say goes to the review inbox, and with it the photo: it is kept on this machine "
        "until somebody has reviewed it, and may then be learnt from."
    )


def _ask_whether_right(answer: Answer, send: Callable[[str], None]) -> str:
    """Return the class that was typed, if any; draw “Right” and “It is really …”."""
    asked, classes = answer.asked, answer.predictor.classes
    name = asked.short.class_name
    st.markdown("**Is that right?**" if name else "**Do you know what it is?**")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if name:
            st.button(
                "Right",
                icon=":material/check:",
                key=f"predict.right.{asked.id}",
                width="stretch",
                on_click=partial(send, name),
            )
        order = [classes[number] for number in np.argsort(-answer.prediction.scores, kind="stable")]
        really = st.selectbox(
            "It is really …" if name else "It is …",
            [option for option in order if option != name],
            index=None,
            placeholder="search or type",
            accept_new_options=True,
            key=f"predict.really.{asked.id}",
            width="stretch",
        )
    meant = match_class(str(really or "")[:LONGEST_CLASS], classes)
    if meant:
        _offer(meant, asked, classes, send)
    return meant


def _offer(really: str, asked: Asked, classes: Sequence[str], send: Callable[[str], None]) -> None:
    """Draw the button that sends a class; of a new one that is near a known one, both."""
    names = [really]
    if really not in classes:
        meant = find_meant_class(really, classes)
        known = f"“{plain(really)}” is none of the classes it knows; "
        st.caption(known + (f"did you mean “{plain(meant)}”?" if meant else "it can become one."))
        names = [meant, really] if meant else names
    for name in names:
        st.button(
            f"Send: it is {plain(name, 40)}",
            type="primary" if name == names[0] else "secondary",
            icon=":material/send:",
            key=f"predict.send.{asked.id}.{names.index(name)}",
            width="stretch",
            on_click=partial(send, name),
        )


def _show_said(asked: Asked) -> None:
    right = asked.said == asked.short.class_name
    said = "that it is right" if right else f"that it is really **{plain(asked.said)}**"
    with st.container(border=True):
        st.markdown(f":material/inbox: Thank you. You said {said}; it waits in the review inbox.")
        if not asked.is_kept:
            st.caption(
                ":orange[There is no room to keep the photo with it just now: it cannot be learnt "
                "from.]"
            )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Say something else",
                key=f"predict.again.{asked.id}",
                on_click=partial(setattr, asked, "said", ""),
            )
            link_page("monitoring", "Review", "inbox", tab="review")


def _send(answer: Answer, class_name: str) -> None:
    """Send what was said; a callback, because it may be heard by any run of the page."""
    asked, photo = answer.asked, answer.photo.content
    try:
        feedback = give_feedback(
            cache.workspace(), asked.id, class_name=class_name, photo=photo, who=answer.visitor
        )
    except PetalscopeError as error:
        st.session_state[f"{_REFUSED}.{asked.id}"] = (error.problem, error.remedy)
        return
    asked.is_kept = bool(find_kept(cache.workspace(), [feedback.photo]))
    asked.said = feedback.class_name
