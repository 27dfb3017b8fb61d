"""On the predict page: what the answer looked at, in a photo that is not of a dataset."""

import numpy as np
import streamlit as st

from core.formats import plain
from core.prediction.gradcam import scale_evidence
from core.prediction.predictor import Prediction, Predictor
from core.ui.photos.explaining import draw_overlays
from core.ui.photos.explaining_controls import choose_class, choose_drawing


@st.fragment
def show_what_spoke(predictor: Predictor, prediction: Prediction, *, key: str) -> None:
    """Draws the photo as the network saw it and, beside it, what spoke for the best class.

    A fragment: another class or strength redraws the pictures alone.

    Args:
        predictor: That of the prediction.
        prediction: Of any photo.
        key: Name of the place; another one on the same page needs another.
    """
    classes, best = predictor.classes, int(np.argmax(prediction.scores))
    pictures = st.container()
    with (
        st.expander("Look closer", icon=":material/tune:"),
        st.container(horizontal=True, vertical_alignment="top", gap="medium"),
    ):
        other = choose_class(key, classes, prediction.scores, "Compare with what spoke for", [best])
        drawing = choose_drawing(key, scales=other is not None)
    numbers = [best] if other is None else [best, other]
    evidence = predictor.measure_evidence(prediction, numbers)
    with pictures:
        draw_overlays(
            prediction.photo,
            scale_evidence(evidence, common=drawing.common_scale),
            [f"What spoke for {plain(classes[number], 30)}" for number in numbers],
            drawing,
        )
