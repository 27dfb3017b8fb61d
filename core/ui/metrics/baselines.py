"""The metrics page, baselines: what simple rules reach on the same photos, and a verdict."""

import pandas as pd
import streamlit as st

from core.errors import PetalscopeError
from core.evaluation.baselines import Beside, describe_worth
from core.formats import percent, plain
from core.installed import COMMAND
from core.ui.metrics.charts import draw_baselines
from core.ui.metrics.reading import MetricsPage
from core.ui.parts.charts import show_kept_chart


def show_baselines(page: MetricsPage) -> None:
    """Draw the run beside its baselines and say whether ResNet-50, and training, is worth it."""
    st.markdown("**Is ResNet-50 worth it?**")
    try:
        besides = page.besides
    except PetalscopeError as error:  # photos that cannot be read must not hide the metrics
        st.caption(f":orange[{plain(error.problem)} {plain(error.remedy)}]")
        return
    chart, verdict = st.columns([3, 2], gap="medium")
    with chart:
        show_kept_chart(
            draw_baselines,
            page.baselines,
            besides[0].accuracy.n,
            alt="Accuracy of the run and of simple rules; the table below says the same.",
        )
    with verdict:
        if page.split == "train":
            st.caption(
                ":orange[No verdict: the run learnt from these very photos, and the rules never "
                "see the photo itself. Look at validation or test.]"
            )
        for worth in describe_worth(besides) if page.split != "train" else ():
            st.markdown(f"**{plain(worth.verdict)}**")
            st.caption(plain(worth.facts))
        if not any(beside.uses_network for beside in besides):
            st.caption(
                "The frozen features of this dataset are not kept, so their nearest neighbours "
                f"are not asked: “{COMMAND} features {page.run.recipe.dataset}” computes them."
            )
    with st.expander("What the rules are, and the numbers", icon=":material/table:"):
        _show_rules(page.baselines, besides)


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
