"""The forecast page: what more photos would bring, and a shopping list; or the dials."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.shares import draw_forecast, list_fan
from core.exact.dials import KIND as DIALS
from core.exact.forecasting import KIND, Forecasts, say_more
from core.exact.store import HeadSource, find_judged_source
from core.formats import count, duration, percent_format, percent_ranges, plain, points
from core.instant.curves import Forecast
from core.ui.forecast.dials import show_dials
from core.ui.parts import cache
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.exact import make_by_head, open_exact_head, say_engine
from core.ui.parts.pickers import pick_dataset, pick_linked
from core.ui.parts.state import (
    bind_choice,
    choose_by_row,
    keep_choice,
    read_choice,
    read_number,
)

MORE, NEXT, CLASS, VIEW = "more", "next", "class", "view"
MOST = 100_000
_MORE, _NEXT = 50, 100


@dataclass(frozen=True, kw_only=True, eq=False)
class ForecastPage:
    """The forecast of a dataset, and what is asked of it."""

    source: HeadSource
    forecasts: Forecasts
    place: int | None
    """The class whose curve is looked at; None: accuracy over all classes."""
    more: int
    shared: int

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.source.dataset.classes

    @property
    def chosen(self) -> Forecast | None:
        """The forecast that is looked at; None: no photo measures it."""
        return self.forecasts.find(self.place)

    @property
    def figure(self) -> str:
        """What the chosen curve is of."""
        return "accuracy" if self.place is None else "recall"

    @cached_property
    def dealt(self) -> np.ndarray:
        """(k,): how many of the next photos each class should get."""
        return self.forecasts.share_out(self.shared)

    @cached_property
    def table(self) -> pd.DataFrame:
        """As `Forecasts.list_classes`."""
        return self.forecasts.list_classes(self.classes, self.more, self.dealt)

    @property
    def answer(self) -> str:
        """Return in Markdown what so many photos more would bring."""
        of = "" if self.place is None else f" of {plain(self.classes[self.place], 40)}"
        return "**" + say_more(self.chosen, self.more, self.figure, of) + "**"


def read_forecast_page(source: HeadSource, forecasts: Forecasts) -> ForecastPage:
    """Read what is asked; what a link does not name well is taken as not asked."""
    named = read_choice(CLASS)
    classes = source.dataset.classes
    place = classes.index(named) if named in classes else None
    chosen = forecasts.find(place)
    reach = max(1, chosen.most_more) if chosen else _MORE
    return ForecastPage(
        source=source,
        forecasts=forecasts,
        place=place,
        more=read_number(read_choice(MORE) or "", MOST + 1) or min(_MORE, reach),
        shared=read_number(read_choice(NEXT) or "", MOST + 1) or _NEXT,
    )


_ALL = "All classes together"
_METHOD = (
    "A head is fitted again and again with fewer photos and judged by the validation photos. For "
    "the whole, stratified subsets; for a class only its own photos vary. Two families of curves "
    "(POW4, MMF4) are fitted to the points and to resamples of the repeats. In brackets: the 80 % "
    "interval, in which the same validation photos should show the figure after a training with "
    "that many. It is widened by how far a forecast from half of the photos missed what was "
    "measured with all, and holds the luck of which photos come. It assumes that new photos are "
    "like those that are there, and reaches to twice their number."
)
_VIEWS = {"photos": "More photos", "dials": "Dials"}


def show_forecast() -> None:
    """Draw the whole page."""
    dataset = pick_dataset()
    opened = open_exact_head(lambda: find_judged_source(cache.workspace(), dataset))
    if opened is None:
        return
    source, head = opened
    if pick_linked("View", _VIEWS, VIEW, "forecast.view") == "dials":
        dials = cache.dials(dataset.id)
        if dials is None:
            _show_making(source, DIALS)
        else:
            show_dials(dataset.classes, dials)
    elif (forecasts := cache.forecasts(dataset.id)) is None:
        _show_making(source, KIND)
    else:
        page = read_forecast_page(source, forecasts)
        left, right = st.columns([7, 5], gap="medium")
        with left.container(border=True):
            _show_curve(page)
        with right.container(border=True):
            _show_list(page)
        _show_classes(page)
    say_engine(source, head)


def _show_making(source: HeadSource, kind: str) -> None:
    below = "Seconds for a few photos, minutes for many. It is kept; you may leave."
    make_by_head(source, kind, "Fitting heads", below=below)


def _show_curve(page: ForecastPage) -> None:
    """Draw the answer, what is asked, and the curve behind it."""
    st.markdown(page.answer, help=_METHOD)
    place, number = st.columns([3, 2])
    place.selectbox(
        "Of",
        ["", *page.classes],
        format_func=lambda name: name or _ALL,
        **bind_choice(
            CLASS,
            "" if page.place is None else page.classes[page.place],
            key="forecast.class",
            nothing="",
        ),
    )
    number.number_input(
        "More photos", 1, MOST, step=10, **bind_choice(MORE, page.more, key="forecast.more")
    )
    chosen, facts = page.chosen, page.forecasts.facts
    if chosen is None:
        return
    fan = list_fan(chosen)
    repeats = facts["repeats" if page.place is None else "class_repeats"]
    name = "Accuracy" if page.place is None else f"Recall of {page.classes[page.place]}"
    title = f"{name} against the number of photos"
    below = f"Points: mean of {repeats} repeats, their range in grey. Green: forecast, 80 and 95 %"
    asked = {"now": chosen.photos + page.more} if page.more <= chosen.most_more else {}
    show_kept_chart(
        draw_forecast,
        page.forecasts.list_points(page.place),
        fan,
        asked,
        (title, below if len(fan) else below.split(" Green")[0], page.figure, "training photos"),
        alt=f"{title}: {page.answer.strip('*')}",
    )
    st.caption(
        f"Judged by {count(chosen.judged, 'validation photo')}. Measured in "
        f"{duration(float(facts['seconds']))}."
    )


def _show_list(page: ForecastPage) -> None:
    """Draw how the next photos should be shared out over the classes."""
    st.markdown(
        "**Shopping list**",
        help="Photos are dealt five at a time to the class whose recall they raise most, weighed "
        "by how often the class comes among the validation photos. What they do to other classes "
        "is not counted. A class whose curves allow no forecast gets none, and none gets more "
        "than it has.",
    )
    st.number_input(
        "The next photos", 5, MOST, step=25, **bind_choice(NEXT, page.shared, key="forecast.next")
    )
    bought = page.table[page.table["next"] > 0].sort_values("next", ascending=False)
    if not len(bought):
        st.info("No class gains by more photos, as far as these curves can say.")
    else:
        gain = page.forecasts.foresee_shared(page.dealt)
        judged = page.forecasts.whole.judged
        st.markdown(
            f"{count(int(bought['next'].sum()), 'photo')} of "
            f"{count(len(bought), 'class')}: about **{points(gain, judged)}** of accuracy."
        )
        st.dataframe(
            bought[["class", "next"]].assign(
                now=100 * bought["recall"], then=100 * bought["next_recall"]
            ),
            hide_index=True,
            height=min(318, 38 + 35 * len(bought)),
            column_config={
                "class": st.column_config.TextColumn("Class"),
                "next": st.column_config.NumberColumn("Photos to add", format="+%d"),
                "now": st.column_config.NumberColumn("Recall", format="%.0f %%"),
                "then": st.column_config.NumberColumn("Then", format="%.0f %%"),
            },
            alt="How many new photos each class should get, and its recall then",
        )


def _show_classes(page: ForecastPage) -> None:
    """Draw what so many photos more would do to each class; a click on a row draws its curve."""
    gain = page.table["foreseen"] - page.table["recall"]
    table = page.table.loc[gain.sort_values(ascending=False, kind="stable").index]
    names = table["class"].tolist()

    def choose(row: int | None) -> None:
        keep_choice(CLASS, None if row is None else names[row])

    st.markdown(f"**Each class with {count(page.more, 'more photo')} of its own**")
    ranges = percent_ranges(table["low"], table["high"])
    form = percent_format(int(table["judged"].max()))
    number = st.column_config.NumberColumn
    st.dataframe(
        table[["class", "photos", "judged"]].assign(
            recall=100 * table["recall"],
            foreseen=100 * table["foreseen"],
            interval=[ends or why for ends, why in zip(ranges, table["reason"], strict=True)],
        ),
        hide_index=True,
        placeholder="–",
        column_config={
            "class": "Class",
            "photos": number("Photos", help="In train, today."),
            "judged": number("n", help="Validation photos of the class, which judge it."),
            "recall": number("Recall", format=form),
            "foreseen": number("Then", format=form),
            "interval": st.column_config.TextColumn("80 % interval, or why there is none"),
        },
        alt=f"What {page.more} photos more would do to the recall of each class",
        **choose_by_row(f"forecast.table.{page.source.id}.{page.more}", choose),
    )
    if bad := page.forecasts.refused:
        st.caption(
            f"{bad:,} of {count(len(page.classes), 'class')}: these curves do not allow a "
            "forecast. About one learning curve in seven does not."
        )
