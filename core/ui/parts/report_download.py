"""The report of a run as files: HTML and model card, made when they are asked for."""

from collections.abc import Callable

import streamlit as st

from core.runs.store import RunRecord
from core.ui.parts import cache


def show_report_download(run: RunRecord, split: str) -> None:
    """Draws the downloads of the report over a split (for test: one that was opened already)."""
    name = f"report-run-{run.number}-{run.id[:6]}-{split}"
    with st.popover("Report", icon=":material/description:", type="tertiary"):
        st.markdown("**All of it in one file**")
        st.caption(
            "Recipe, data, curves, metrics with intervals, matrix, worst photos with Grad-CAM, "
            "calibration, slices, how to reproduce. It needs no network and holds no scripts; the "
            "worst photos are in it. Takes some seconds to write."
        )
        _offer("HTML report", f"{name}.html", "text/html", lambda: _write_html(run, split))
        _offer(
            "Model card (Markdown)", f"{name}.md", "text/markdown", lambda: _write_card(run, split)
        )
        st.caption(f"On the command line: `python -m core report {run.id[:6]} --split {split}`")


def _offer(label: str, file_name: str, mime: str, make: Callable[[], str]) -> None:
    st.download_button(
        label,
        data=make,
        file_name=file_name,
        mime=mime,
        icon=":material/download:",
        key=f"report.{file_name}",
        on_click="ignore",
        width="stretch",
    )


def _write_html(run: RunRecord, split: str) -> str:
    # Charts, Grad-CAM and all: imported when first wanted, a page that only offers them is quick.
    from core.reporting.contents import collect_report
    from core.reporting.html import write_html

    return write_html(collect_report(cache.workspace(), run, split))


def _write_card(run: RunRecord, split: str) -> str:
    from core.reporting.contents import collect_report
    from core.reporting.model_card import write_model_card

    return write_model_card(collect_report(cache.workspace(), run, split, pictures=0))
