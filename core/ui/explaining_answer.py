"""On the predict page: what the answer looked at, in a photo that is not of a dataset."""

import numpy as np
import streamlit as st

from core.formats import plain
from core.prediction.gradcam import scale_evidence
from core.prediction.predictor import Prediction
from core.runs.store import RunRecord
from core.ui import cache
from core.ui.explaining import draw_overlays
from core.ui.explaining_cache import measure_answer
from core.ui.explaining_controls import choose_class, choose_drawing

_KEY = "predict.looked_at"


@st.fragment
def show_what_spoke(run: RunRecord, prediction: Prediction) -> None:
    """Draws the photo as the network saw it and, beside it, what spoke for the best class.

    A fragment: another class or strength redraws the pictures alone.
    """
    classes, best = cache.result(run.id).classes, int(np.argmax(prediction.scores))
    pictures = st.container()
    with (
        st.expander("Look closer", icon=":material/tune:"),
        st.container(horizontal=True, vertical_alignment="top", gap="medium"),
    ):
        other = choose_class(
            _KEY, classes, prediction.scores, "Compare with what spoke for", [best]
        )
        drawing = choose_drawing(_KEY, scales=other is not None)
    numbers = [best] if other is None else [best, other]
    evidence = measure_answer(run.id, prediction, numbers)
    with pictures:
        draw_overlays(
            prediction.photo,
            scale_evidence(evidence, common=drawing.common_scale),
            [f"What spoke for {plain(classes[number], 30)}" for number in numbers],
            drawing,
        )
