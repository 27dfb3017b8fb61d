"""The answer of one model to one photo: in words, as bars, why, and whether it is correct."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import numpy as np
import streamlit as st

from core.charts.bars import draw_top_scores
from core.errors import PetalscopeError
from core.formats import percent, plain
from core.monitoring.feedback import give_feedback
from core.monitoring.kept_photos import find_kept
from core.prediction.answers import phrase_decision, phrase_reason
from core.prediction.deciding import describe_rule, say_answers
from core.ui.parts import cache
from core.ui.parts.frame import is_dark, link_page
from core.ui.parts.messages import show_problem
from core.ui.photos.explaining import choose_class, draw_overlays
from core.ui.predict.reading import Answer
from core.ui.predict.sessions import Asked, Model
from core.ui.wall import Wall, show_wall
from data.sources.names import LONGEST_CLASS, find_meant_class, match_class

_ICONS = {"answer": "", "unsure": ":material/help:", "unlike": ":material/visibility_off:"}
_REFUSED = "predict.refused"
_BARS = 3


def show_answer(answer: Answer, *, key: str) -> None:
    """Draw the answer of a model to a photo."""
    _show_words(answer)
    top, answered = answer.decision.top[:_BARS], answer.decision.kind == "answer"
    st.altair_chart(
        draw_top_scores(
            [name for name, _ in top], [score for _, score in top], is_dark(), answered=answered
        ),
        theme=None,
        alt="; ".join(f"{name} {percent(score, 100)}" for name, score in top),
    )
    _show_evidence(answer, key=f"{key}.evidence")
    _show_nearest(answer, key=f"{key}_nearest")
    _show_feedback(answer)
    _show_details(answer)


def _show_words(answer: Answer) -> None:
    """Draw the answer, or “I don't know” with the reason."""
    decision = answer.decision
    if decision.threshold is None:
        show_no_rule(answer.model)
    st.subheader(
        f"{_ICONS[decision.kind]} {plain(phrase_decision(decision))}".strip(), anchor=False
    )
    if decision.kind != "answer":
        st.write(plain(phrase_reason(decision)))
        with suppress(PetalscopeError):  # its run or files were deleted: the answer stays
            st.caption(say_answers(answer.point))


def show_no_rule(model: Model) -> None:
    """Draw that a model answers every photo, with a link to make a rule."""
    again = " Register its run again to add a rule." if model.version is not None else ""
    st.markdown(f":orange[:material/warning: {plain(describe_rule(None))}{again}]")
    if not again:
        link_page("calibration", "Make a rule", "tune", run=model.run_id)


@st.fragment
def _show_evidence(answer: Answer, *, key: str) -> None:
    """Draw the photo with the evidence for the best class, and for another one on request."""
    classes, prediction = answer.predictor.classes, answer.prediction
    best = int(np.argmax(prediction.scores))
    pictures = st.container()
    other = choose_class(key, classes, prediction.scores, [best])
    numbers = [best] if other is None else [best, other]
    evidence = answer.predictor.explain(prediction, numbers)
    words = [f"Evidence for {plain(classes[number], 30)}" for number in numbers]
    with pictures:
        has_map = answer.predictor.backbone_facts.has_map
        draw_overlays(prediction.photo, evidence, words, has_map)


def _show_nearest(answer: Answer, *, key: str) -> None:
    """Draw the most similar training photos with their classes."""
    st.markdown(
        "**Most similar training photos**",
        help="The number is the cosine similarity of the features; 1 is identical.",
    )
    try:
        dataset, found = answer.read_nearest()
    except PetalscopeError as error:
        st.caption(f"Not available: {plain(error.problem)}")
        return
    cosines = dict(zip(found.photos.tolist(), found.cosines.tolist(), strict=True))
    names, digests = (dataset.manifest[name].to_numpy() for name in ("class", "sha256"))
    same = digests == answer.photo.sha256
    wall = Wall(
        key,
        selectable=False,
        opens=False,
        captions=lambda photo: f"{names[photo]}\n{cosines[photo]:.2f}",
        badges=lambda photo: ["identical file"] if same[photo] else [],
    )
    show_wall(dataset, found.photos, wall)
    if same[found.photos].any():
        st.caption(
            ":orange[This is one of the training photos, so a correct answer proves little.]"
        )


def _show_details(answer: Answer) -> None:
    facts, rule = answer.prediction.facts, answer.predictor.rule
    scores = plain(describe_rule(rule)) if rule else "Scores are not calibrated."
    blind = " Photos unlike the training photos are not detected: the run has no features."
    if facts.note:
        st.caption(f":orange[{plain(facts.note)}]")
    with st.expander("Details", icon=":material/info:"):
        st.caption(
            f"Answered by {plain(answer.model.label, 120)} in {answer.prediction.spent_ms:.0f} ms. "
            f"{facts.format}, {facts.width} × {facts.height} px. Scores of its "
            f"{len(answer.prediction.scores)} classes sum to 100 %. {scores}"
            f"{blind if answer.predictor.is_blind else ''}"
        )


@cache.for_editors
@st.fragment
def _show_feedback(answer: Answer) -> None:
    """Draw the question whether the answer is correct, or the feedback that was sent."""
    asked = answer.asked
    if not asked.id:
        st.caption("This answer was not logged. Give the photo again to send feedback.")
        return
    if asked.said:
        _show_said(asked)
        return
    _ask_whether_right(answer, partial(_send, answer))
    refused = st.session_state.pop(f"{_REFUSED}.{asked.id}", None)
    if refused:
        show_problem(*refused)


def _ask_whether_right(answer: Answer, send: Callable[[str], None]) -> None:
    """Draw the question, and the buttons that send the class that a person chose or typed."""
    classes, asked = answer.predictor.classes, answer.asked
    name = asked.decision.class_name
    st.markdown(
        "**Is that correct?**" if name else "**Do you know what it is?**",
        help="Your feedback and the photo go to the review on this machine. Nothing is used for "
        "training until it is reviewed.",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if name:
            st.button(
                "Correct",
                icon=":material/check:",
                key=f"predict.right.{asked.id}",
                width="stretch",
                on_click=partial(send, name),
            )
        order = [classes[number] for number in np.argsort(-answer.prediction.scores, kind="stable")]
        really = st.selectbox(
            "No, it is …" if name else "It is …",
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


def _offer(really: str, asked: Asked, classes: Sequence[str], send: Callable[[str], None]) -> None:
    """Draw a button that sends the class; for a near miss of a known class, one for each."""
    names = [really]
    if really not in classes:
        meant = find_meant_class(really, classes)
        asks = f"Did you mean “{plain(meant)}”?" if meant else "A reviewer can add it."
        st.caption(f"“{plain(really)}” is a new class. {asks}")
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
    right = asked.said == asked.decision.class_name
    said = "correct" if right else f"**{plain(asked.said)}**"
    with st.container(border=True):
        st.markdown(f":material/inbox: Thank you. Your feedback waits for review: {said}.")
        if not asked.is_kept:
            st.caption(":orange[The photo could not be stored: no space for training photos.]")
        with st.container(horizontal=True, vertical_alignment="center"):
            change = partial(setattr, asked, "said", "")
            st.button("Change", key=f"predict.again.{asked.id}", on_click=change)
            link_page("monitoring", "Review", "inbox", tab="review")


def _send(answer: Answer, class_name: str) -> None:
    """Send feedback; a callback, because any run of the page may receive the click."""
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
