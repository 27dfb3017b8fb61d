"""The predict page: take a photo, say what is seen, show what the answer looked at."""

import numpy as np
import streamlit as st

from core.charts.bars import draw_top_scores
from core.config import read_settings
from core.formats import percent, plain
from core.prediction.answers import phrase_answer
from core.prediction.gradcam import draw_overlay
from core.prediction.predictor import Prediction
from core.runs.store import RunRecord
from core.ui import cache
from core.ui.frame import is_dark
from core.ui.messages import show_random_banner
from core.ui.pickers import describe_run


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
    st.subheader(plain(phrase_answer(prediction.top)), anchor=False)
    photo, looked_at = st.columns(2, gap="small")
    photo.image(prediction.photo, caption="What the model sees", width="stretch", alt="The photo")
    looked_at.image(
        _overlay(run.id, prediction),
        caption=f"What spoke for {plain(prediction.top[0][0], 30)}",
        width="stretch",
        alt="The photo, coloured where it spoke for the answer (Grad-CAM)",
    )
    st.altair_chart(
        draw_top_scores(
            [name for name, _ in prediction.top], [score for _, score in prediction.top], is_dark()
        ),
        theme=None,
        alt="; ".join(f"{name} {percent(score, 100)}" for name, score in prediction.top),
    )
    facts, spent = prediction.facts, 1000 * sum(prediction.seconds.values())
    st.caption(
        f"Answered by {plain(describe_run(run))}. "
        f"{facts.format}, {facts.width} × {facts.height} px; "
        f"{spent:.0f} ms. Scores sum to 100 % over the {len(prediction.scores)} classes the model "
        "knows: it cannot answer with a class it was not shown."
    )


def _remember_source(source: str) -> None:
    st.session_state["predict.source"] = source


def _overlay(run_id: str, prediction: Prediction) -> np.ndarray:
    activation = cache.predictor(run_id).activation(prediction, prediction.top[0][0])
    return draw_overlay(prediction.photo, activation)
