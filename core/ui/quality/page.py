"""The quality page: all findings with their counts, the chosen finding, the analysis."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from core.datasets.quality.neighbours import MOST_FULL
from core.datasets.quality.store import find_feature_sets, request_analysis
from core.formats import count, plain
from core.ui.adding.page import show_skipped
from core.ui.parts import cache
from core.ui.parts.charts import show_kept_chart, show_table_behind
from core.ui.parts.frame import is_dark
from core.ui.parts.live_state import follow_job
from core.ui.parts.messages import show_problem, show_random_banner
from core.ui.parts.pickers import pick_dataset, pick_one
from core.ui.parts.state import bind_choice, keep_choice
from core.ui.photos.gallery import show_gallery
from core.ui.photos.panel import show_photo_panel
from core.ui.photos.tray import show_tray
from core.ui.quality.charts import count_bins, count_digits, draw_class_sizes, draw_threshold
from core.ui.quality.checks import show_patches, show_splits
from core.ui.quality.labels import show_leak_effect, show_suspects
from core.ui.quality.pairs import show_none, show_pairs
from core.ui.quality.reading import (
    ANALYSIS,
    FINDINGS,
    QualityPage,
    measure_balance,
    read_job,
    read_quality_page,
)
from data.dataset import Dataset
from data.findings import MEASURED, measure_issue
from data.splits import SPLITS
from models.catalogue import ADDED, DEFAULT, RANDOM, STARTER
from models.weights import WeightsKind, name_usual

_HEADING_WIDTH = 140
_EVEN = 1.5
_MANY = 30  # classes, from which the chart of their sizes has two columns
_ALL = "all photos"
_WEIGHTS = {  # label of the button, and its help
    DEFAULT: ("ImageNet", "Weights trained on photos: reliable findings."),
    STARTER: ("built-in", "Weights trained on drawings: rough findings."),
    ADDED: ("your model's", "Features of the added model, which may know these photos."),
    RANDOM: ("random", "Untrained weights: the roughest findings."),
}


def show_quality() -> None:
    """Draw the whole page."""
    page = read_quality_page(pick_dataset())
    show_tray(page.dataset)
    _show_findings(page)
    st.subheader(page.kind.title, anchor=False)
    st.caption(page.kind.looked_for)
    show_analysis(page)
    if not page.waits:
        if page.finding in MEASURED:
            _show_measured(page)
        else:
            {
                "unreadable": _show_unreadable,
                "imbalance": _show_imbalance,
                "outlier": _show_outliers,
                "suspect": show_suspects,
                "splits": show_splits,
                "patches": show_patches,
            }.get(page.finding, show_pairs)(page)
        if page.finding == "leak":
            show_leak_effect(page)
    show_photo_panel(page.dataset)


def _show_findings(page: QualityPage) -> None:
    """Draw all findings with their counts under their headings; a click chooses one."""
    for group in dict.fromkeys(finding.group for finding in FINDINGS.values()):
        names = [name for name, finding in FINDINGS.items() if finding.group == group]
        key = f"quality.pick.{group}"
        st.session_state[key] = page.finding if page.finding in names else None
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(group, width=_HEADING_WIDTH)
            st.pills(
                group,
                names,
                format_func=partial(_label_finding, page),
                key=key,
                on_change=partial(_choose, key),
                label_visibility="collapsed",
                wrap=True,
            )


def _choose(key: str) -> None:
    if st.session_state[key] is not None:  # a second click on the chosen one changes nothing
        keep_choice("finding", st.session_state[key])


def _label_finding(page: QualityPage, name: str) -> str:
    number = page.counts[name]
    if name == "imbalance":
        ratio, _ = measure_balance(page.count_classes())
        words = f":{'orange' if ratio > _EVEN else 'gray'}[**× {ratio:.1f}**]"
    elif number is None:
        words = ":gray[–]"
    else:
        words = f":{'orange' if number else 'gray'}[**{number:,}**]"
    return f"{FINDINGS[name].title} {words}"


def show_analysis(page: QualityPage) -> None:
    """Draw the state of the analysis if it runs or failed; offer it where it is needed."""
    job = read_job(page.dataset)
    if job and job[1].state == "running":
        follow_job(cache.workspace().analysis_folder(job[0]), "Analysing")
        return
    if job and job[1].state == "failed":
        show_problem(job[1].problem, job[1].remedy)
    if page.waits:
        _offer_analysis(page)
        return
    if page.result is None or not page.kind.needs_features:
        return
    if page.result.weights == RANDOM:
        show_random_banner()
    better = name_usual(cache.workspace())
    if page.result.weights in {STARTER, RANDOM} - {better} and _ask_start(better):
        _start(page.dataset, better)
    st.caption(f"Analysed with the features “{plain(page.result.features_label)}”.")


def _offer_analysis(page: QualityPage) -> None:
    sets = find_feature_sets(cache.workspace(), page.dataset.id)
    cached = [found.kind for found in sets]
    with st.container(border=True):
        st.subheader("The analysis needs the features of the photos", anchor=False)
        st.write(
            "A backbone turns each photo into 2,048 numbers; similar photos get similar numbers. "
            "They show outliers, label suspects and nearest photos, and find copies cropped harder."
        )
        with st.container(horizontal=True):
            offered = list(dict.fromkeys([name_usual(cache.workspace(), cached), *cached]))
            asked = [kind for kind in offered if _ask_start(kind, main=kind == offered[0])]
        photos = count(len(page.dataset), "photo")
        if cached and len(page.dataset) <= MOST_FULL:
            st.caption("The features are cached: a few seconds.")
        else:
            st.caption(f"{photos}; the page shows the time left.")
    if asked:
        _start(page.dataset, asked[0])


@cache.for_editors
def _ask_start(weights: WeightsKind, *, main: bool = False) -> bool:
    label, explanation = _WEIGHTS.get(weights, (weights, _WEIGHTS[DEFAULT][1]))
    return st.button(
        f"Analyse with {label} weights",
        type="primary" if main else "secondary",
        icon=":material/casino:" if weights == RANDOM else ":material/neurology:",
        help=explanation,
        key=f"quality.start.{weights}",
    )


def _start(dataset: Dataset, weights: WeightsKind) -> None:
    keep_choice(ANALYSIS, request_analysis(cache.workspace(), dataset.id, weights))
    st.rerun()


def _show_measured(page: QualityPage) -> None:
    """Draw a measure with its threshold, and the photos beyond it, the worst first."""
    measured = MEASURED[page.finding]
    values = measure_issue(page.dataset.manifest, page.finding)
    with st.container(border=True):
        _show_threshold(page.finding, values, page.thresholds[page.finding])
    flagged = page.find_flagged(page.finding)
    if len(flagged) == 0:
        show_none(page)
        return
    digits, unit = count_digits(measured), f" {measured.unit}" if measured.unit else ""
    classes = page.dataset.manifest["class"].to_numpy()
    show_gallery(
        page.dataset,
        flagged,
        key=f"quality_{page.finding}",
        captions=lambda photo: f"{classes[photo]} {values[photo]:,.{digits}f}{unit}",
    )


def _show_threshold(issue: str, values: np.ndarray, limit: float) -> None:
    """Draw the histogram of a measure, then the slider and the way back to the default."""
    measured = MEASURED[issue]
    alt = f"Histogram of {measured.label.lower()}; the table below has the numbers."
    show_kept_chart(draw_threshold, values, limit, measured, alt=alt)
    key, default = f"quality.{issue}", measured.threshold
    digits = count_digits(measured)
    rule = f"Flagged: {measured.label.lower()} {'below' if measured.worse == 'low' else 'above'}"
    st.slider(
        f"{rule} the threshold",
        min_value=float(measured.lowest),
        max_value=float(measured.highest),
        step=float(measured.step),
        format=f"%.{digits}f",
        label_visibility="collapsed",
        **bind_choice(issue, float(limit), key=key, write=lambda moved: f"{moved:g}"),
    )
    unit = f" {measured.unit}" if measured.unit else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{rule} {limit:.{digits}f}{unit}, the worst first. No photo is removed.")
        st.button(
            f"Reset to {default:g}",
            icon=":material/restart_alt:",
            type="tertiary",
            disabled=limit == default,
            key=f"{key}.reset",
            on_click=partial(keep_choice, issue, None),
        )
    bins = count_bins(values, limit, measured).sort_values("start", ignore_index=True)
    show_table_behind(bins, "The histogram as a table")


def _show_outliers(page: QualityPage) -> None:
    """Draw the photos with features far from their class, the farthest first."""
    if page.result is None:
        return
    scores = page.result.photos["outlier_score"].to_numpy()
    photos = np.flatnonzero(page.result.photos["outlier"].to_numpy(dtype=bool))
    if len(photos) == 0:
        show_none(page)
        return
    classes = page.dataset.manifest["class"].to_numpy()
    st.caption(
        f"{count(len(photos), 'photo')} of {len(page.dataset):,}. The number is the distance from "
        "the class, in units of its usual spread. An outlier may be a mistake, or only rare."
    )
    show_gallery(
        page.dataset,
        photos[np.argsort(-scores[photos], kind="stable")],
        key="quality_outlier",
        captions=lambda photo: f"{classes[photo]} {scores[photo]:.1f}",
    )


def _show_unreadable(page: QualityPage) -> None:
    """Draw the files that the import skipped."""
    skipped = page.dataset.set_aside
    if skipped.empty:
        st.success("The import read every file.", icon=":material/check_circle:")
        return
    st.caption(
        f"{count(len(skipped), 'file')} skipped by the import. To include them, repair or replace "
        "them and import the source again."
    )
    show_skipped(list(skipped[["path", "class", "problem"]].itertuples(index=False, name=None)))


def _show_imbalance(page: QualityPage) -> None:
    """Draw the photos per class, largest first, and the imbalance in words."""
    present = [split for split in SPLITS if (page.dataset.splits == split).any()]
    names = {name: name for name in (_ALL, *present)}
    picked = pick_one("Photos of", names, {"default": _ALL, "key": "quality.balance"})
    counts = page.count_classes(None if picked == _ALL else picked)
    st.markdown(_say_balance(counts))
    columns = 2 if len(counts) > _MANY else 1
    places = st.columns(columns, gap="medium")
    alt = "Photos of each class, largest first; the table below has the numbers."
    for place, chart in zip(places, draw_class_sizes(counts, is_dark(), columns), strict=True):
        place.altair_chart(chart, theme=None, alt=alt)
    st.caption(f"Dashed line: the mean, {counts.mean():,.1f} photos.")
    table = counts.sort_values(ascending=False, kind="stable").rename("photos").to_frame()
    table["share, %"] = (100 * table["photos"] / max(1, int(counts.sum()))).round(1)
    show_table_behind(table.rename_axis("class"), "Photos per class as a table")


def _say_balance(counts: pd.Series) -> str:
    ratio, effective = measure_balance(counts)
    there = counts[counts > 0]
    if there.empty:
        return "No photos here."
    empty = len(counts) - len(there)
    missing = f" {count(empty, 'class')} without photos here." if empty else ""
    if ratio == 1:
        return f"**Each class has {count(int(there.max()), 'photo')}.**{missing}"
    largest, smallest = str(there.idxmax()), str(there.idxmin())
    return (
        f"**The largest class has {ratio:.1f} times the photos of the smallest:** "
        f"{plain(largest)} {int(there.max()):,}, {plain(smallest)} {int(there.min()):,}. "
        f"Effective number of classes: {effective:.1f} of {len(counts)}.{missing}"
    )
