"""The card of the metrics page: how many more photos?"""

import streamlit as st

from core.charts.shares import draw_forecast, list_fan, list_points
from core.exact.forecasting import KIND
from core.exact.store import find_judged_source
from core.formats import count, interval, percent
from core.instant.curves import Forecast
from core.ui.parts import cache
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.exact import make_by_head, open_exact_head, say_engine
from core.ui.parts.state import bind_choice, read_choice, read_number
from data.dataset import Dataset

MORE = "more"
_TITLE = "Accuracy by number of photos"
_METHOD = (
    "The exact head is fitted with fewer photos, several times, and judged by the validation "
    "photos. A power law (POW4) is fitted to the means and to resamples of the repeats. The "
    "interval is for what the same validation photos should show after one training; it is "
    "widened by the error of a forecast from half of the photos. New photos must be like the "
    "present ones. The forecast reaches to twice their number."
)


def show_more_photos(dataset: Dataset) -> None:
    """Draw the card: closed by default, the curve measured by a job when it is first opened."""
    title, icon = "How many more photos?", ":material/query_stats:"
    card = st.expander(title, icon=icon, key="metrics.more_photos", on_change="rerun")
    if not card.open:
        return
    with card:
        opened = open_exact_head(lambda: find_judged_source(cache.workspace(), dataset))
        if opened is None:
            return
        if (forecast := cache.forecast(dataset.id)) is None:
            below = "Seconds for a few photos, minutes for many; the curve is stored."
            make_by_head(opened[0], KIND, "Measuring the learning curve", below=below)
            return
        _show_forecast(forecast)
        say_engine(*opened)


def _show_forecast(forecast: Forecast) -> None:
    """Draw the answer beside the curve."""
    most, repeats = max(1, forecast.most_more), len(forecast.curve.values)
    more = read_number(read_choice(MORE) or "", most + 1) or max(1, most // 2)
    answer, marks, below = say_more(forecast, more), {}, f"Mean and range of {repeats} repeats"
    control, picture = st.columns([1, 2], gap="medium")
    with control:
        if not forecast.reason:
            marks, below = {"now": float(forecast.photos + more)}, f"{below}; green: forecast, 95 %"
            st.number_input("More photos", 1, most, **bind_choice(MORE, more, key="metrics.more"))
        st.markdown(answer, help=_METHOD)
        st.caption(f"{count(forecast.photos, 'training photo')} today.")
    words = {"picture": _TITLE, "below": below, "control": "training photos", "share": "accuracy"}
    with picture:
        tables = list_points(forecast), list_fan(forecast)
        show_kept_chart(draw_forecast, *tables, marks, words, alt=f"{_TITLE}: {answer}")


def say_more(forecast: Forecast, more: int) -> str:
    """Return in Markdown the accuracy with more photos, or why there is no forecast."""
    seen, n = forecast.foresee(more), forecast.curve.judged
    if seen is None:
        return f"**No forecast** because {forecast.reason}."
    now, then = percent(float(forecast.curve.means[-1]), n), percent(seen.value, n)
    ends = interval(seen.low, seen.high, n)
    return f"**{count(more, 'more photo')}: accuracy {now} → {then}** ({ends} validation photos)"
