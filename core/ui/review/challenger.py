"""Champion and challenger side by side: what their comparison proves, and the decision."""

import pandas as pd
import streamlit as st

from core.charts.bars import draw_class_changes
from core.formats import count, plain
from core.monitoring.comparison import VersionComparison, find_comparison
from core.registry.evidence import WORSE, Evidence, judge_evidence
from core.registry.promoting import keep_champion
from core.registry.store import ModelVersion
from core.runs.store import list_runs
from core.ui.comparing.verdict import (
    MOST_REASON,
    ask_to_promote,
    explain_comparison,
    offer_comparison,
    show_evidence,
)
from core.ui.parts import cache
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.frame import link_page
from core.ui.parts.messages import report_errors, tell_after_rerun
from core.ui.visitor import name_visitor


def show_challenger(champion: ModelVersion, challenger: ModelVersion) -> None:
    """Draw the challenger beside the champion: evidence, and promote or keep."""
    comparison = find_comparison(cache.workspace(), champion.number, challenger.number)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            title = f"**{challenger.label} challenges {champion.label}**"
            st.markdown(f"{title} · {plain(challenger.name, 60)}", width="content")
            if comparison is not None:
                _show_badge(comparison.evidence)
        if comparison is None:
            st.caption(
                "They have not met. Both are asked the test photos that neither learnt from; it is "
                "counted as a look at the test photos."
            )
            offer_comparison(champion.number, challenger.number, key="review.meet")
        else:
            show_evidence(comparison.evidence)
            explain_comparison(comparison)
            _show_classes(comparison)
        _show_links(champion, challenger)
        _show_decision(champion, challenger, comparison)


def _show_badge(evidence: Evidence) -> None:
    verdict = judge_evidence(evidence)
    if evidence.is_significant_gain:
        st.badge(verdict, icon=":material/trending_up:", color="green")
    elif verdict == WORSE:
        st.badge(verdict, icon=":material/trending_down:", color="red")
    else:
        st.badge(verdict, icon=":material/balance:", color="gray")


def _show_classes(comparison: VersionComparison) -> None:
    table = pd.DataFrame(list(comparison.per_class))
    if not len(table) or not (table["gained"] + table["lost"]).any():
        return
    with st.expander("Gained and lost by class", icon=":material/bar_chart:"):
        show_kept_chart(
            draw_class_changes,
            table,
            alt="Photos gained and lost in each class; the table below says the same.",
        )
        shown = table[["class", "support", "gained", "lost"]]
        st.dataframe(
            shown.rename(columns={"support": "test photos"}),
            hide_index=True,
            alt="Test photos, gained and lost, by class",
        )


def _show_links(champion: ModelVersion, challenger: ModelVersion) -> None:
    there = {run.id: run for run in list_runs(cache.workspace())}
    run = there.get(challenger.run_id)
    if run is not None and run.stopped:
        done = f"{run.epochs_done} of {count(run.recipe.epochs, 'epoch')}"
        st.caption(f":orange[Somebody stopped its training after {done}.]")
    links = [("dataset", "Its dataset", "photo_library", {"dataset": challenger.dataset_id})]
    if {champion.run_id, challenger.run_id} <= there.keys():
        both = f"{champion.run_id},{challenger.run_id}"
        query = {"compare": both, "split": "test"}
        links.insert(0, ("runs", "The photos behind it", "compare_arrows", query))
    with st.container(horizontal=True):
        for page, label, icon, query in links:
            link_page(page, label, icon, **query)


def _show_decision(
    champion: ModelVersion, challenger: ModelVersion, comparison: VersionComparison | None
) -> None:
    gain = comparison is not None and comparison.evidence.is_significant_gain
    with st.container(horizontal=True):
        with st.popover(
            f"Promote {challenger.label}",
            icon=":material/military_tech:",
            type="primary" if gain else "secondary",
        ):
            key = f"review.promote.{challenger.number}"
            ask_to_promote(challenger, champion.number, comparison, key=key)
        with st.popover(f"Keep {champion.label}", icon=":material/shield:"):
            _ask_to_keep(champion, challenger)


def _ask_to_keep(champion: ModelVersion, challenger: ModelVersion) -> None:
    with st.form(f"review.keep.{challenger.number}", border=False):
        st.markdown(f"{challenger.label} stays registered, but challenges nobody.")
        reason = st.text_area("Reason", max_chars=MOST_REASON, height=100)
        wanted = st.form_submit_button(f"Keep {champion.label}", type="primary")
    if not wanted:
        return
    with report_errors():
        keep_champion(
            cache.workspace(), reason=reason, who=name_visitor(), challenger=challenger.number
        )
        tell_after_rerun(f"{champion.label} goes on.")
        st.rerun()
