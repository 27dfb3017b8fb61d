"""Charts on pages, cached because Altair takes 20 to 60 ms to build one."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import pandas as pd
import streamlit as st

from core.charts.theme import ROWS
from core.ui.parts.frame import is_dark, is_presenting

_LARGE_PX = 24
"""Font size of a chart on a projector."""


def show_kept_chart(
    draw: Callable[..., Any], *arguments: Any, alt: str, **options: Any
) -> dict[str, Any]:
    """Draw an Altair chart, cached by its arguments; return its Vega-Lite specification.

    Args:
        draw: Takes the arguments and whether the page is dark; returns the chart.
        arguments: Tables, arrays, mappings and plain values.
        options: Options of `st.vega_lite_chart` for clicks: key, on_select, selection_mode.
    """
    spec = _keep(draw, arguments)
    st.vega_lite_chart(spec=spec, theme=None, alt=alt, **options)
    return spec


def show_live_chart(
    draw: Callable[..., Any], rows: pd.DataFrame, *arguments: Any, alt: str
) -> dict[str, Any]:
    """Draw an Altair chart, cached without its rows; return its Vega-Lite specification.

    The rows change with each move of a control.

    Args:
        draw: The chart names its rows ROWS.
    """
    spec = _keep(draw, arguments)
    spec |= {"datasets": {ROWS: rows}}
    st.vega_lite_chart(spec=spec, theme=None, alt=alt)
    return spec


def _keep(draw: Callable[..., Any], arguments: tuple[Any, ...]) -> dict[str, Any]:
    name = f"{draw.__module__}.{draw.__qualname__}"
    return _draw(draw, name, arguments, is_dark(), is_presenting())


@st.cache_data(max_entries=256, ttl=600, show_spinner=False)
def _draw(
    _draw_chart: Callable[..., Any],
    name: str,  # noqa: ARG001 (part of the key)
    arguments: tuple[Any, ...],
    dark: bool,
    large: bool,
) -> dict[str, Any]:
    # Not validated: its parts were checked when they were made, and the whole takes a third longer.
    spec: dict[str, Any] = _draw_chart(*arguments, dark).to_dict(validate=False)
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


def show_table_behind(table: pd.DataFrame, title: str) -> None:
    """Draw the numbers of a chart as a folded table, also for screen readers."""
    with st.expander(title, icon=":material/table:"):
        st.dataframe(table, alt=title)
