"""Photos like nothing in training: how well they stand out, which ones do, and your own."""

import numpy as np
import pandas as pd
import streamlit as st

from core.config import read_settings
from core.errors import FeaturesMissing
from core.evaluation.coverage import measure_separation, trace_roc
from core.evaluation.intervals import wilson_interval
from core.formats import count, interval, percent, plain
from core.prediction.deciding import DecisionRule
from core.prediction.rules import UnlikeAnswers
from core.ui.calibration.charts import draw_distances, draw_roc
from core.ui.calibration.reading import CalibrationPage
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.frame import is_dark
from core.ui.parts.messages import report_errors, show_problem
from core.ui.photos.gallery import show_gallery
from data.unlike import MOST_OWN

_SHOWN = 12
_MOST = 40
_REFUSED = 5
"""Refused files that are named."""


def show_unlike(page: CalibrationPage, rule: DecisionRule) -> None:
    """Draw how far drawn photos without a flower lie, and which of the split lie far out."""
    try:
        distances = page.distances.distances[page.numbers]
    except FeaturesMissing as error:
        show_problem(error.problem, error.remedy)
        return
    drawn, limit, split = page.drawn, rule.unlike_limit, page.split
    _show_numbers(distances, drawn, limit, split)
    left, right = st.columns(2, gap="medium")
    with left:
        show_kept_chart(
            draw_distances,
            distances,
            drawn.distances,
            limit,
            f"{split} photos",
            alt="Distances of photos of the split and of drawn photos without a flower.",
        )
    with right:
        _show_roc(distances, drawn, limit)
    st.caption(
        f"{count(len(drawn.names), 'photo')} without a flower, drawn by this program: pages, "
        "screens, walls, cloth, faces, cars, rooms, animals; and what stands behind flowers, "
        "without any: grass, leaves, sky, soil. They tell how the limit does with flowers; for "
        "other classes, and for what people will really show it, use photos of your own below."
    )
    _show_motifs(drawn, limit)
    _show_own(page, limit)


def _show_numbers(
    distances: np.ndarray, drawn: UnlikeAnswers, limit: float | None, split: str
) -> None:
    separation = measure_separation(distances, drawn.distances)
    n, m = separation.like, separation.unlike
    with st.container(horizontal=True, gap="large"):
        st.metric("Area under the ROC", f"{separation.area:.3f}", width="content")
        if limit is not None:
            found, kept = (drawn.distances > limit).sum(), (distances <= limit).sum()
            st.metric("Drawn photos refused", percent(found / m, m), width="content")
            st.metric(f"{split.capitalize()} photos kept", percent(kept / n, n), width="content")
    said = (
        f"Area: 95 % interval {separation.area_low:.3f} to {separation.area_high:.3f}, "
        f"{m:,} drawn against {n:,} {split} photos."
    )
    if limit is not None:
        said += f" Refused: {interval(*wilson_interval(int(found), m), m)}."
        said += f" Kept: {interval(*wilson_interval(int(kept), n), n)}."
        said += " The limit was set on these photos." if split == "validation" else ""
    st.caption(said)


def _show_roc(distances: np.ndarray, drawn: UnlikeAnswers, limit: float | None) -> None:
    chosen = None
    if limit is not None:
        chosen = (float((distances > limit).mean()), float((drawn.distances > limit).mean()))
    area = measure_separation(distances, drawn.distances).area
    curve, title = (
        trace_roc(distances, drawn.distances),
        f"Told apart in {100 * area:.0f} of 100 pairs",
    )
    chart = draw_roc(curve, chosen, title, is_dark())
    st.altair_chart(chart, theme=None, alt=f"ROC curve, area {area:.3f}")


def _show_motifs(drawn: UnlikeAnswers, limit: float | None) -> None:
    """Draw what is found of each motif, and the drawn photos that are taken for flowers."""
    if limit is None:
        return
    found = drawn.distances > limit
    with st.expander("Which of the drawn photos are taken for flowers", icon=":material/image:"):
        table = pd.DataFrame({"Motif": drawn.names, "Refused": found})
        grouped = table.groupby("Motif", sort=False)["Refused"].agg(["sum", "size"]).reset_index()
        grouped.columns = pd.Index(["Motif", "Refused", "Photos"])
        st.dataframe(
            grouped.sort_values(["Refused", "Motif"]),
            hide_index=True,
            height=250,
            alt="How many photos of each motif are refused",
        )
        missed = np.flatnonzero(~found)
        missed = missed[np.argsort(drawn.distances[missed], kind="stable")][:_SHOWN]
        _show_small(drawn, missed, limit)


def _show_small(answers: UnlikeAnswers, chosen: np.ndarray, limit: float | None) -> None:
    if not len(chosen):
        return
    with st.container(horizontal=True, gap="small"):
        for one in chosen:
            said = f"{str(answers.names[one])[:18]} {answers.distances[one]:.2f}"
            st.image(answers.photos[one], caption=plain(said), width=112, alt=said)
    if limit is not None:
        st.caption(f"Below each: its distance; refused above {limit:,.2f}.")


def show_most_unlike(page: CalibrationPage) -> None:
    """Draw the photos of the split that lie farthest from training."""
    photos, result = page.numbers, page.result
    try:
        distances = page.distances.distances[photos]
    except FeaturesMissing:
        return  # said above
    st.subheader("The most unlike photos", anchor=False)
    order = np.argsort(-distances, kind="stable")[:_MOST]
    st.caption(
        f"Of the {count(len(photos), 'photo')} in {page.split}, the {len(order)} farthest from "
        "training, with their distance: rare views, other things, wrong labels. Select some to "
        "relabel or exclude them."
    )
    said = {int(photos[row]): float(distances[row]) for row in order}
    show_gallery(
        page.dataset,
        photos[order],
        key="unlike",
        captions=lambda photo: f"{said[photo]:.2f} {result.classes[int(result.labels[photo])]}",
    )


def _show_own(page: CalibrationPage, limit: float | None) -> None:
    """Draw what the run says of photos that a person brings; they are not kept."""
    with st.expander(
        "Try it with photos of your own that show none of the classes", icon=":material/upload:"
    ):
        uploaded = st.file_uploader(
            f"Photos, or a .zip of them (up to {MOST_OWN})",
            accept_multiple_files=True,
            key="calibration.own",
            max_upload_size=read_settings().upload_limit_mb,
        )
        st.caption("The photos stay on this machine and are not stored.")
        if not uploaded:
            return
        with report_errors():
            refused, answers = page.answer_own(uploaded)
            for name, problem in list(refused.items())[:_REFUSED]:
                st.caption(f":orange[{plain(name, 60)}: {plain(problem)}]")
            if len(refused) > _REFUSED:
                st.caption(f":orange[{count(len(refused) - _REFUSED, 'file')} more were refused.]")
            if answers is None:
                return
            m = len(answers.names)
            if limit is not None:
                found = int((answers.distances > limit).sum())
                st.markdown(f"**{found:,} of {count(m, 'photo')} would be refused**")
                st.caption(f"{interval(*wilson_interval(found, m), m)}.")
            _show_small(answers, np.argsort(answers.distances, kind="stable")[:_SHOWN], limit)
