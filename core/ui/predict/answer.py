"""The answer of one model to one photo: words, what spoke for it, scores, what it is like."""

from hashlib import sha256

import streamlit as st

from core.charts.bars import draw_top_scores
from core.formats import percent, plain
from core.prediction.answers import phrase_answer, phrase_decision, phrase_reason
from core.prediction.deciding import Decision
from core.prediction.predictor import Prediction
from core.ui.parts.frame import is_dark
from core.ui.predict.desk import Desk, ask
from core.ui.predict.explaining_answer import show_what_spoke
from core.ui.predict.feedback import show_feedback
from core.ui.predict.models import Model, open_model
from core.ui.predict.nearest import show_nearest

_ICONS = {
    "answer": "",
    "unsure": ":material/help:",
    "unlike": ":material/visibility_off:",
}


def show_answer(desk: Desk, model: Model, content: bytes, *, key: str) -> None:
    """Draws the answer of a model to a photo; asks it, if it was not asked before.

    Args:
        desk: Where the answer is written down, once.
        model: Which is asked.
        content: The photo's bytes.
        key: Name of the place; another one on the same page needs another.

    Raises:
        PhotoRefused: It is no photo, or too large.
        PetalscopeError: The model cannot answer.
    """
    prediction, asked = ask(desk, model, content)
    predictor = open_model(model)
    # The prediction may be minutes old, and the rule of a run may have been kept just now.
    decision = predictor.decide(prediction)
    _show_words(prediction, decision, is_blind=predictor.is_blind)
    show_what_spoke(predictor, prediction, key=f"{key}.looked_at")
    _show_scores(prediction, decision)
    show_feedback(asked, prediction, predictor.classes, content, desk.visitor)
    show_nearest(model, prediction, sha256(content).hexdigest(), key=f"{key}_nearest")
    facts = prediction.facts
    ruled = (
        " They are calibrated by the rule that is kept with it."
        if decision
        else " They are not calibrated: it may be surer than it is right."
    )
    st.caption(
        f"Answered by {plain(model.label, 120)}. {facts.format}, {facts.width} × {facts.height} "
        f"px; {prediction.spent_ms:.0f} ms. Scores sum to 100 % over the "
        f"{len(prediction.scores)} classes the model knows: it cannot answer with a class it was "
        f"not shown.{ruled}"
    )


def _show_words(prediction: Prediction, decision: Decision | None, *, is_blind: bool) -> None:
    """Draws the answer, or that there is none and why."""
    if decision is None:
        st.subheader(plain(phrase_answer(prediction.top)), anchor=False)
        return
    icon = _ICONS[decision.kind]
    st.subheader(f"{icon} {plain(phrase_decision(decision))}".strip(), anchor=False)
    if decision.kind != "answer":
        st.write(plain(phrase_reason(decision)))
    if is_blind:
        st.caption(
            ":orange[Whether the photo is like anything in training cannot be told: the features "
            "behind this run are gone.]"
        )


def _show_scores(prediction: Prediction, decision: Decision | None) -> None:
    top = decision.top if decision else prediction.top
    st.altair_chart(
        draw_top_scores(
            [name for name, _ in top],
            [score for _, score in top],
            is_dark(),
            answered=decision is None or decision.kind == "answer",
        ),
        theme=None,
        alt="; ".join(f"{name} {percent(score, 100)}" for name, score in top),
    )
