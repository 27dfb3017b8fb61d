"""Split luck: where the split of a run lies among new splits of the same photos."""

import numpy as np
import pandas as pd
import streamlit as st

from core.formats import count, percent, points, points_range
from core.ui.metrics.charts import draw_luck
from core.ui.metrics.reading import MetricsPage
from core.ui.parts import cache
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.exact import show_study
from core.ui.parts.frame import link_page

WAYS = {"naive": "Photo by photo", "aware": "Copies stay together"}
_METHOD = (
    "Training and validation photos of the run are dealt anew, with as many of each class in "
    "validation; test photos stay where they are. For each new split the exact head is fitted "
    "again, exactly, with the same λ. The splits differ in which photos are learned from, and in "
    "which judge. The line is the exact head, too, so that like stands beside like. Copies are "
    "the pairs that Quality found, exact and near: where they lie on both sides, the judge was "
    "partly seen."
)


def show_split_luck(page: MetricsPage) -> None:
    """Draw the card: closed by default, the study made on request."""
    card = st.expander(
        "Was this split lucky?", icon=":material/casino:", key="metrics.luck", on_change="rerun"
    )
    if not card.open:
        return
    with card:
        st.caption("The same photos, split anew many times.", help=_METHOD)
        quality = cache.quality(page.dataset.id)
        named = quality.id if quality else ""
        study = show_study(page.run, "split-luck", "Deal new splits", quality=named)
        if study is None:
            return
        deals, now = study["deals"], study["now"].iloc[0]
        for line in say_luck(deals, now):
            st.markdown(line)
        if not named:
            st.caption(
                "Quality has not looked for copies yet; then splits keep them together, too."
            )
            link_page("quality", "Look for copies", "fact_check")
        if deals.empty:
            return
        shown = deals.assign(way=deals["way"].map(WAYS))
        show_kept_chart(
            draw_luck,
            shown,
            float(now["accuracy"]),
            alt="Accuracy of new splits and of the split of now; the sentences above say the same.",
        )
        if page.split == "validation":
            own = page.figures["accuracy"]
            st.caption(f"The run's own head: {percent(own.value, own.n)} on this split.")


def say_luck(deals: pd.DataFrame, now: "pd.Series[float]") -> list[str]:
    """Return where the split of now lies, and what copies on both sides bring, in Markdown."""
    if deals.empty:
        return ["These photos are too few to be dealt anew: no class can give one to validation."]
    n = int(now["n"])
    best = "aware" if "aware" in set(deals["way"]) else "naive"
    values = deals.loc[deals["way"] == best, "accuracy"].to_numpy()
    low, high = np.quantile(values, [0.025, 0.975])
    below = float((values < now["accuracy"]).mean() + (values == now["accuracy"]).mean() / 2)
    inside = low <= now["accuracy"] <= high
    luck = "as most are" if inside else "lucky" if below > 0.5 else "unlucky"
    lines = [
        f"**This split is {luck}**: the exact head is right on {percent(now['accuracy'], n)} of "
        f"its {count(n, 'validation photo')}; of {count(len(values), 'new split')} 95 % give "
        f"{percent(low, n)} to {percent(high, n)} (mean {percent(values.mean(), n)}), and "
        f"{percent(below, 100)} give less."
    ]
    if best == "aware":
        naive = deals.loc[deals["way"] == "naive", "accuracy"].to_numpy()
        apart = naive.mean() - values.mean()
        error = 1.96 * np.sqrt(naive.var() / len(naive) + values.var() / len(values))
        ends = points_range(apart - error, apart + error, 1000)
        lines.append(
            f"Splits that part copies score {points(apart, 1000)} on average ({ends}) "
            f"beside splits that keep them together; {count(int(now['copies']), 'photo')} of train "
            "and validation have a copy."
        )
    return lines
