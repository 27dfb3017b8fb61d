"""A page that classifies one photo: made for a hosted Space, and runs as it stands.

    pip install -r requirements.txt
    streamlit run app.py

Photos are looked at in memory and kept nowhere.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from answering import Answerer  # type: ignore[import-not-found]
from photo import PhotoRefused, read_packed_photo  # type: ignore[import-not-found]

HERE = Path(__file__).resolve().parent
MODEL = HERE / "model"
MOST_CLASSES = 12  # named at once; the others stand under “more”


@st.cache_resource(show_spinner="Loading the model …")
def open_model() -> tuple[Any, Answerer]:
    """Return the compiled model, and what it says of scores."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    hints = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(MODEL / "model.xml"), "CPU", hints)
    return compiled, Answerer(MODEL)


def look(photo: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return scores (k,) and features (2048,) of a photo (224, 224, 3) uint8 RGB."""
    model, _ = open_model()
    found = model.create_infer_request().infer({0: photo[None]})
    return np.array(found["scores"][0]), np.array(found["features"][0])


def escape(name: str) -> str:
    """Return a name that Markdown shows as it is."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()#+-.!|~$:<>&" else sign for sign in name)


def show_answer(content: bytes) -> None:
    """Draw what the model says of a photo."""
    try:
        photo, _ = read_packed_photo(content)
    except PhotoRefused as error:
        st.error(f"**{escape(error.problem)}**\n\n{escape(error.remedy)}")
        return
    answer = open_model()[1].answer(*look(photo))
    st.subheader(escape(answer.sentence), anchor=False)
    if answer.reason:
        st.write(escape(answer.reason))
    left, right = st.columns([2, 3], gap="large")
    left.image(photo, caption="What the model sees", width="stretch")
    with right:
        for name, score in answer.top:
            st.progress(float(score), text=f"{escape(name)} · {100 * score:.1f} %")


def show_classes(classes: list[str]) -> None:
    """Draw what the model knows."""
    names = [escape(name) for name in classes]
    rest = names[MOST_CLASSES:]
    st.caption(f"It knows: {', '.join(names[:MOST_CLASSES])}{' …' if rest else '.'}")
    if rest:
        with st.expander(f"{len(rest)} more"):
            st.write(", ".join(rest))


def main() -> None:
    """Draw the page."""
    facts = json.loads((MODEL / "model.json").read_text(encoding="utf-8"))
    st.set_page_config(page_title=facts["name"], page_icon=str(HERE / "icon.svg"))
    st.title(escape(facts["name"]), anchor=False)
    st.write("Show it a photo: it says what it most likely is, or that it does not know.")
    uploaded = st.file_uploader(
        "A photo", type=["jpg", "jpeg", "png", "webp", "avif", "bmp"], help="Up to 25 MB."
    )
    if uploaded is not None:
        show_answer(uploaded.getvalue())
    show_classes(facts["classes"])
    st.caption("The photo is looked at in memory and kept nowhere.")


main()
