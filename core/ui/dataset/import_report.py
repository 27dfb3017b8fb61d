"""How far an import is, and the report of what it would bring."""

import pandas as pd
import streamlit as st

from core.datasets.importing import ImportStatus
from core.formats import count, duration, plain, size
from data.report import REFUSED_SHOWN, ImportReport
from data.splits import SPLITS

_ROW_PX, _MOST_ROWS = 35, 12


def show_import_progress(status: ImportStatus, name: str) -> None:
    """Draws the bar: what is being done, how much of it is done, and how long is left."""
    share = status.done / status.total if status.total else 0.0
    by_size = status.phase.startswith("downloading")  # all else counts photos
    reached = (
        f"{size(status.done)} of {size(status.total)}"
        if by_size
        else f"{status.done:,} of {count(status.total, 'photo')}"
    )
    left = f", {duration(status.seconds_left)} left" if status.seconds_left else ""
    told = f"{reached}{left}" if status.total else "…"
    st.progress(
        min(1.0, share), text=f"**{plain(name, 80)}**: {plain(status.phase)}, {plain(told)}"
    )
    st.caption("It goes on when you close this page.")


def show_report(report: ImportReport) -> None:
    """Draws what an import would bring."""
    with st.container(horizontal=True, gap="large"):
        st.metric("Photos", f"{report.photos:,}", width="content")
        st.metric("Classes", f"{len(report.classes):,}", width="content")
        for split in SPLITS:
            st.metric(split.capitalize(), f"{report.count_split(split):,}", width="content")
        st.metric("Set aside", f"{report.set_aside:,}", width="content")
        st.metric(
            "Duplicates",
            f"{report.exact_duplicates:,}",
            width="content",
            help="Photos that are, byte for byte, a copy of another one. They are kept; the page "
            "Quality shows them side by side.",
        )
    st.caption(
        f"From {plain(report.source)} · splits: {plain(report.split_origin)} · {size(report.bytes)}"
    )
    for note in report.notes:
        st.markdown(f":material/info: {plain(note)}")
    _show_classes(report)
    _show_set_aside(report)


def _show_classes(report: ImportReport) -> None:
    table = pd.DataFrame(
        [(row.name, row.photos, row.train, row.validation, row.test) for row in report.classes],
        columns=["Class", "Photos", *(split.capitalize() for split in SPLITS)],
    )
    rows = min(len(table), _MOST_ROWS)
    st.dataframe(
        table,
        hide_index=True,
        height=(rows + 1) * _ROW_PX + 3,
        column_config={"Class": st.column_config.TextColumn(width="medium")},
        alt="Photos of each class in each split",
    )


def _show_set_aside(report: ImportReport) -> None:
    if not report.set_aside:
        return
    shown = min(report.set_aside, REFUSED_SHOWN)
    first = f"; the first {shown}" if shown < report.set_aside else ""
    st.markdown(f"**{count(report.set_aside, 'file')} would be set aside{first}**")
    table = pd.DataFrame(
        [(photo.path, photo.class_name, photo.problem) for photo in report.refused],
        columns=["File", "Class", "Reason"],
    )
    st.dataframe(
        table,
        hide_index=True,
        height=(min(shown, _MOST_ROWS) + 1) * _ROW_PX + 3,
        column_config={"Reason": st.column_config.TextColumn(width="large")},
        alt="Files that would be set aside, with the reason",
    )
