"""Charts on pages, cached because Altair takes 20 to 60 ms to build one."""

import pickle
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import streamlit as st

from core.charts.theme import ROWS
from core.ui.parts.frame import is_dark, is_presenting

_LARGE_PX = 24
"""Font size of a chart on a projector."""


def show_kept_chart(
    draw: Callable[..., Any],
    *arguments: Any,
    alt: str,
    rows: pd.DataFrame | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Draw an Altair chart, cached by its arguments; return its Vega-Lite specification.

    Args:
        draw: Takes the arguments and whether the page is dark; returns the chart.
        arguments: Tables, arrays, mappings and plain values.
        rows: The data that the chart names ROWS; they are not cached, as they change with each move
            of a control.
        options: Options of `st.vega_lite_chart` for clicks: key, on_select, selection_mode.
    """
    name = f"{draw.__module__}.{draw.__qualname__}"
    spec = _draw(draw, name, arguments, is_dark(), is_presenting())
    if rows is not None:
        spec["datasets"] = {ROWS: pa.Table.from_pandas(rows)}
    st.vega_lite_chart(spec=spec, theme=None, alt=alt, **options)
    return spec


# Pickled, a table takes a tenth of the time of Streamlit's own hash.
@st.cache_data(
    max_entries=256, ttl=600, show_spinner=False, hash_funcs={pd.DataFrame: pickle.dumps}
)
def _draw(
    _draw_chart: Callable[..., Any],
    name: str,  # noqa: ARG001 (part of the key)
    arguments: tuple[Any, ...],
    dark: bool,
    large: bool,
) -> dict[str, Any]:
    # Not validated: its parts were checked when they were made, and the whole takes a third longer.
    spec: dict[str, Any] = _draw_chart(*arguments, dark).to_dict(validate=False)
    for key, rows in spec.get("datasets", {}).items():  # lists are converted for each rerun
        spec["datasets"][key] = pa.Table.from_pandas(pd.DataFrame(rows))
    for part in ("title", "axis", "legend") if large else ():
        fonts = [name for name in spec["config"][part] if name.lower().endswith("fontsize")]
        spec["config"][part] |= dict.fromkeys(fonts, _LARGE_PX)
        spec["config"][part] |= {"labelLimit": 0, "labelOverlap": True}
    return spec


def show_metrics(figures: Mapping[str, str], gap: Literal["medium", "large"] = "large") -> None:
    """Draw figures side by side: label → value."""
    with st.container(horizontal=True, gap=gap):
        for label, value in figures.items():
            st.metric(label, value, width="content")


def show_plot(figure: Any, key: str, alt: str | None = None, **config: bool) -> None:
    """Draw a Plotly figure without its bar of buttons."""
    options = {"displayModeBar": False, **config}
    st.plotly_chart(figure, theme=None, key=key, config=options, alt=alt)


def show_folded(
    title: str, draw: Callable[[], object], icon: str = "table", kind: Any = None, **options: Any
) -> None:
    """Draw an expander (or another `kind`): its content is made and sent once it is opened."""
    options = {"key": f"folded.{title}", "on_change": "rerun", **options}
    part = (kind or st.expander)(title, icon=f":material/{icon}:", **options)
    if part.open:
        with part:
            draw()


@st.fragment
def show_table_behind(table: pd.DataFrame, title: str = "As a table", **options: Any) -> None:
    """Draw the numbers of a chart as a folded table, also for screen readers."""
    show_folded(title, partial(st.dataframe, table, **{"alt": title, **options}))
