"""The folded parts of the metrics page: curves, baselines and the learning curve.

Each part is only computed when it is opened.
"""

from functools import partial

import streamlit as st

from core.charts.shares import draw_forecast, list_fan, list_points
from core.errors import COMMAND, PetalscopeError
from core.evaluation.baselines import describe_worth
from core.exact.curves import Forecast
from core.exact.left_out import METHOD, describe_left_out
from core.exact.store import CURVE, find_judged_source
from core.formats import count, interval, percent, percent_format, plain
from core.ui.metrics.classes import CURVES, show_curves
from core.ui.metrics.reading import MetricsPage
from core.ui.parts import cache
from core.ui.parts.charts import show_folded, show_kept_chart
from core.ui.parts.exact import make_by_head, open_exact_head, say_engine
from core.ui.parts.state import bind_choice, choose_number
from data.dataset import Dataset

MORE = "more"
_CURVE = "Accuracy by number of photos"
_CURVE_METHOD = (
    "The exact head is fitted to parts of the training photos, several times, and measured on the "
    "validation photos; a power law extrapolates the means to twice the photos. The forecast "
    "holds for new photos like the present ones."
)


@st.fragment
def show_more(page: MetricsPage) -> None:
    """Draw the folded parts."""
    for title, icon, name, show in (
        ("ROC and precision-recall curves", "show_chart", CURVES, show_curves),
        ("Baselines: what did training add?", "leaderboard", "baselines", show_baselines),
        ("How many more photos?", "query_stats", MORE, show_more_photos),
    ):
        if name == CURVES and not page.has_scores:
            continue
        opened, key = name in st.query_params, f"metrics.part.{name}"
        show_folded(title, partial(show, page), icon, expanded=opened, key=key)


def show_baselines(page: MetricsPage) -> None:
    """Draw the run with its baselines, and what the difference says."""
    try:
        besides = page.besides
    except PetalscopeError as error:  # photos that cannot be read must not hide the metrics
        st.caption(f":orange[{plain(error.problem)} {plain(error.remedy)}]")
        return
    n = besides[0].accuracy.n
    st.dataframe(
        page.baselines,
        hide_index=True,
        width=620,
        column_config={
            "name": "Predicted by",
            "accuracy": st.column_config.ProgressColumn(
                "Accuracy", format=percent_format(n), min_value=0, max_value=100
            ),
            "interval": "95 % interval",
        },
        alt="Accuracy of the run and of its baselines",
    )
    if besides[0].own.n < page.evaluation.n:
        st.caption(f"Measured on {n:,} random photos of this split.")
    if page.split == "train":
        st.caption(":orange[No verdict on training photos: the run has learned from them.]")
    for worth in describe_worth(besides) if page.split != "train" else ():
        st.markdown(f"**{plain(worth.verdict)}** {plain(worth.facts)}")
    if not any(beside.uses_network for beside in besides):
        st.caption(
            "The frozen features of this dataset are not cached, so two baselines are missing: "
            f"“{COMMAND} features {page.run.recipe.dataset}” computes them."
        )
    st.caption(
        f"All baselines use the training photos of this run only. n = {n:,}.",
        help="By colour: the training photos with the most similar colour histogram. By frozen "
        "features: the training photos with the most similar features (cosine) of the backbone "
        f"before training. Differences: McNemar's exact test, adjusted for {len(besides)} "
        "comparisons (Holm). On validation photos, the run has the advantage that they chose its "
        "best epoch.",
    )
    few = page.split == "validation" and page.small_classes
    if few and (found := page.left_out) is not None:
        st.markdown(describe_left_out(found), help=METHOD)


def show_more_photos(page: MetricsPage) -> None:
    """Draw the learning curve and its forecast; a job measures it once."""
    dataset: Dataset = page.dataset
    opened = open_exact_head(lambda: find_judged_source(cache.workspace(), dataset))
    if opened is None:
        return
    if (forecast := cache.forecast(dataset.id)) is None:
        below = "Seconds for a few photos, minutes for many; the curve is stored."
        make_by_head(opened[0], CURVE, "Measuring the learning curve", below=below)
        return
    most, repeats = max(1, forecast.most_more), len(forecast.curve.values)
    asked = None if forecast.reason else choose_number(MORE, most + 1, 1)
    more = asked or max(1, most // 2)
    answer, marks, below = say_more(forecast, more), {}, f"Mean and range of {repeats} repeats"
    control, picture = st.columns([1, 2], gap="medium")
    with control:
        if not forecast.reason:
            marks, below = {"now": float(forecast.photos + more)}, f"{below}; green: forecast, 95 %"
            st.number_input("More photos", 1, most, **bind_choice(MORE, more, key="metrics.more"))
        st.markdown(answer, help=_CURVE_METHOD)
        st.caption(f"{count(forecast.photos, 'training photo')} today.")
    words = {"picture": _CURVE, "below": below, "control": "training photos", "share": "accuracy"}
    with picture:
        tables = list_points(forecast), list_fan(forecast)
        show_kept_chart(draw_forecast, *tables, marks, words, alt=f"{_CURVE}: {answer}")
    say_engine(*opened)


def say_more(forecast: Forecast, more: int) -> str:
    """Return in Markdown the accuracy with more photos, or why there is no forecast."""
    seen, n = forecast.predict(more), forecast.curve.judged
    if seen is None:
        return f"**No forecast** because {forecast.reason}."
    now, then = percent(float(forecast.curve.means[-1]), n), percent(seen.value, n)
    ends = interval(seen.low, seen.high, n)
    return f"**{count(more, 'more photo')}: accuracy {now} → {then}** ({ends} validation photos)"
