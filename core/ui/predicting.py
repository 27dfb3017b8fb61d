"""The predict page: take a photo, say what is seen, show what the answer looked at."""

import streamlit as st

from core.charts.bars import draw_top_scores
from core.config import read_settings
from core.formats import percent, plain
from core.prediction.answers import phrase_answer, phrase_decision, phrase_reason
from core.prediction.deciding import Decision
from core.prediction.predictor import Prediction
from core.runs.store import RunRecord
from core.ui import cache
from core.ui.explaining_answer import show_what_spoke
from core.ui.frame import is_dark
from core.ui.messages import show_random_banner
from core.ui.pickers import describe_run

_ICONS = {
    "answer": "",
    "unsure": ":material/help:",
    "unlike": ":material/visibility_off:",
}


def pick_photo() -> bytes | None:
    """Returns the bytes of an uploaded or taken photo, or None."""
    upload, camera = st.tabs([":material/upload: Upload", ":material/photo_camera: Camera"])
    with upload:
        uploaded = st.file_uploader(
            "A photo: JPEG, PNG, WEBP, BMP, GIF or TIFF",
            key="predict.upload",
            max_upload_size=read_settings().photo_limit_mb,
            on_change=_remember_source,
            args=("upload",),
        )
    with camera:
        taken = None
        # A camera asks for permission as soon as it is drawn, so it is drawn when it is wanted.
        if st.toggle("Use the camera", key="predict.camera_on"):
            taken = st.camera_input(
                "Take a photo",
                key="predict.camera",
                on_change=_remember_source,
                args=("camera",),
            )
    newest, other = uploaded, taken
    if st.session_state.get("predict.source") == "camera":
        newest, other = taken, uploaded
    chosen = newest if newest is not None else other
    st.caption("The photo stays on this machine and is not stored.")
    return chosen.getvalue() if chosen is not None else None


def show_answer(run: RunRecord, content: bytes | None) -> None:
    """Draws the answer in words, the five highest scores and the overlay; what run answered."""
    if run.recipe.weights == "random":
        show_random_banner()
    if content is None:
        with st.container(border=True):
            st.subheader("No photo yet", anchor=False)
            names = ", ".join(plain(name) for name in cache.result(run.id).classes[:8])
            rest = len(cache.result(run.id).classes) - 8
            st.write(
                f"Upload or take one. This model knows {names}"
                + (f" and {rest} more." if rest > 0 else ".")
            )
        return
    prediction = cache.prediction(run.id, content)
    # The prediction may be minutes old, and the rule may have been kept just now.
    decision = cache.predictor(run.id).decide(prediction)
    _show_words(run, prediction, decision)
    show_what_spoke(run, prediction)
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
    facts, spent = prediction.facts, 1000 * sum(prediction.seconds.values())
    st.caption(
        f"Answered by {plain(describe_run(run))}. "
        f"{facts.format}, {facts.width} × {facts.height} px; "
        f"{spent:.0f} ms. Scores sum to 100 % over the {len(prediction.scores)} classes the model "
        "knows: it cannot answer with a class it was not shown."
        + (" They are calibrated by the rule that is kept with the run." if decision else "")
    )


def _show_words(run: RunRecord, prediction: Prediction, decision: Decision | None) -> None:
    """Draws the answer, or that there is none and why."""
    if decision is None:
        st.subheader(plain(phrase_answer(prediction.top)), anchor=False)
        return
    icon = _ICONS[decision.kind]
    st.subheader(f"{icon} {plain(phrase_decision(decision))}".strip(), anchor=False)
    if decision.kind != "answer":
        st.write(plain(phrase_reason(decision)))
    if cache.predictor(run.id).is_blind:
        st.caption(
            ":orange[Whether the photo is like anything in training cannot be told: the features "
            "behind this run are gone.]"
        )


def _remember_source(source: str) -> None:
    st.session_state["predict.source"] = source
