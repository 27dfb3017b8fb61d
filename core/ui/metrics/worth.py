"""The metrics page, baselines: what simple rules reach on the same photos, and a verdict."""

from typing import Any

import pandas as pd
import streamlit as st

from core.errors import PetalscopeError
from core.evaluation.baselines import NAMES, Beside, describe_worth
from core.formats import percent, plain
from core.installed import COMMAND
from core.runs.store import RunRecord
from core.ui.metrics import reading as metrics_cache
from core.ui.metrics.baselines_chart import draw_baselines
from core.ui.parts.frame import is_dark
from core.ui.parts.pickers import title_run


def show_worth(run: RunRecord, split: str) -> None:
    """Draws the run beside its baselines and says whether ResNet-50, and training, is worth it."""
    st.markdown("**Is ResNet-50 worth it?**")
    try:
        besides = metrics_cache.besides(run, split)
    except PetalscopeError as error:  # photos that cannot be read must not hide the metrics
        st.caption(f":orange[{plain(error.problem)} {plain(error.remedy)}]")
        return
    table = _list_rows(run, split, besides)
    chart, verdict = st.columns([3, 2], gap="medium")
    with chart:
        st.vega_lite_chart(
            _draw(table, besides[0].accuracy.n, is_dark()),
            theme=None,
            alt="Accuracy of the run and of simple rules; the table below says the same.",
        )
    with verdict:
        if split == "train":
            st.caption(
                ":orange[No verdict: the run learnt from these very photos, and the rules never "
                "see the photo itself. Look at validation or test.]"
            )
        for worth in describe_worth(besides) if split != "train" else ():
            st.markdown(f"**{plain(worth.verdict)}**")
            st.caption(plain(worth.facts))
        if not any(beside.uses_network for beside in besides):
            st.caption(
                "The frozen features of this dataset are not kept, so their nearest neighbours "
                f"are not asked: “{COMMAND} features {run.recipe.dataset}” computes them."
            )
    with st.expander("What the rules are, and the numbers", icon=":material/table:"):
        _show_rules(table, besides)


@st.cache_data(max_entries=32, show_spinner=False)
def _draw(table: pd.DataFrame, n: int, dark: bool) -> dict[str, Any]:
    """Returns the chart as Vega-Lite: Altair takes a tenth of a second to write it."""
    return dict(draw_baselines(table, n, dark).to_dict())


def _list_rows(run: RunRecord, split: str, besides: list[Beside]) -> pd.DataFrame:
    """Returns the run and its baselines, the best first after the run: as they are drawn."""
    own = metrics_cache.agreement(run.id, split)["accuracy"]
    rows = [(title_run(run), own, True)]
    ordered = sorted(besides, key=lambda beside: -beside.accuracy.value)
    rows += [(NAMES[beside.name], beside.accuracy, False) for beside in ordered]
    return pd.DataFrame(
        {
            "name": [name for name, _, _ in rows],
            "accuracy": [estimate.value for _, estimate, _ in rows],
            "low": [estimate.low for _, estimate, _ in rows],
            "high": [estimate.high for _, estimate, _ in rows],
            "own": [own for _, _, own in rows],
        }
    )


def _show_rules(table: pd.DataFrame, besides: list[Beside]) -> None:
    n = besides[0].accuracy.n
    ends = zip(table["low"], table["high"], strict=True)
    shown = pd.DataFrame(
        {
            "Answers by": table["name"],
            "Accuracy": [percent(share, n) for share in table["accuracy"]],
            "95 %": [f"{percent(low, n)} to {percent(high, n)}" for low, high in ends],
        }
    )
    st.dataframe(shown, hide_index=True, alt="Accuracy of the run and of simple rules")
    st.caption(
        "All learn from the training photos of this run alone. The verdict names the strongest of "
        "them on the photos shown (the test is adjusted for that); on validation the run's epoch "
        "was chosen by these photos, too. **Largest class of train**: always the same answer. "
        "**By colour**: the training photos with the most similar colour histogram (6 × 6 × 6 "
        "colours). **By frozen features**: those with the most similar features (cosine) of the "
        f"network as it was before this run. n = {n:,}; Wilson intervals. The verdict is McNemar's "
        f"exact test, adjusted for {len(besides)} comparisons (Holm); the interval of the "
        "difference is a paired bootstrap."
    )
