"""All colours, as a light and a dark palette, and the settings of charts.

The same meaning has the same colour on every page. Hues follow Okabe and Ito for colour-blind
readers, with enough contrast on each background. Charts are transparent; PNG and SVG files get the
background of the page.
"""

import colorsys
import io
import math
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np

FONT = '"Source Sans", "Source Sans Pro", sans-serif'
"""Streamlit's font, by name because Vega measures long labels with it."""
ROWS = "rows"
"""Name of the rows that are sent separately from a chart (`alt.NamedData`)."""
PERCENT_LABELS = "format(datum.value * 100, 'd') + ' %'"
"""Expression for the labels of an Altair axis of shares."""


@dataclass(frozen=True, kw_only=True)
class Palette:
    """Colours by meaning, all #rrggbb."""

    paper: str
    ink: str
    quiet: str
    """Axis labels, subtitles, captions."""
    line: str
    """Grid lines and borders."""
    empty: str
    """Ground of a matrix."""
    faint: str
    """Bars of all other answers."""
    accent: str
    splits: dict[str, str]
    right: str
    wrong: str
    true: str
    predicted: str
    errors: tuple[str, ...]
    """From few to many errors."""
    hits: tuple[str, ...]
    """From few to many correct photos."""
    groups: tuple[str, ...]
    """Classes on the map; from the ninth class, shapes differ too."""


LIGHT = Palette(
    paper="#fbfaf5",
    ink="#23261f",
    quiet="#63665b",
    line="#dedbcd",
    empty="#efede3",
    faint="#b9bcae",
    accent="#2e7d32",
    splits={"train": "#0072b2", "validation": "#c07a00", "test": "#a0467f"},
    right="#00795a",
    wrong="#c8400a",
    true="#23261f",
    predicted="#7d6f00",
    errors=("#fbd9bd", "#f0a06a", "#d9601f", "#9c3206", "#551600"),
    hits=("#dcebd6", "#a5cfa3", "#5fa566", "#2e7d32"),
    groups=("#0072b2", "#c8400a", "#00795a", "#a0467f", "#b98600", "#3f97d1", "#5b3f9e", "#6b6f5f"),
)

DARK = Palette(
    paper="#121512",
    ink="#e6e8e0",
    quiet="#a5aa9f",
    line="#333a33",
    empty="#1d221d",
    faint="#565d54",
    accent="#81c784",
    splits={"train": "#56b4e9", "validation": "#e69f00", "test": "#b36fae"},
    right="#2fc295",
    wrong="#f4743b",
    true="#e6e8e0",
    predicted="#d4c200",
    errors=("#4a2412", "#8a3a12", "#cf5b1c", "#f79a58", "#ffe0c2"),
    hits=("#1f3322", "#2f5a35", "#4b8d52", "#81c784"),
    groups=("#56b4e9", "#f4743b", "#2fc295", "#d68bc6", "#e6b422", "#3d86d6", "#a48cf0", "#b9beb0"),
)


def choose_palette(dark: bool) -> Palette:
    """Return the palette of the theme."""
    return DARK if dark else LIGHT


def format_share(share: float) -> str:
    """Return a share as "21 %"; "<1 %" if not quite 0, ">99 %" if not quite 1, a dash for NaN."""
    if math.isnan(share):
        return "–"
    if 0 < share < 0.005 or 0.995 <= share < 1:
        return "<1 %" if share < 0.5 else ">99 %"
    return f"{100 * share:.0f} %"


def title_params(text: str, subtitle: str | None = None, **options: Any) -> Any:
    """Return an Altair title with a quiet line below it."""
    return alt.TitleParams(text, **({"subtitle": subtitle} if subtitle else {}), **options)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two #rrggbb colours, 1 to 21; text needs 4.5, marks 3.

    Source: WCAG 2.2, relative luminance and contrast ratio.
    """
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def mix_ramp(ramp: tuple[str, ...], position: float) -> str:
    """Return the colour at a position in [0, 1] of a ramp, mixed in RGB."""
    places = np.linspace(0, 1, len(ramp))
    channels = np.array([_channels(colour) for colour in ramp]).T
    return "#" + "".join(f"{round(np.interp(position, places, c)):02x}" for c in channels)


def text_on(ground: str, colours: Palette) -> str:
    """Return ink or paper, whichever reads better on the ground."""
    return max(colours.ink, colours.paper, key=lambda colour: contrast(colour, ground))


def hue_colour(degrees: float) -> str:
    """Return the colour of a hue for both themes: red 0, green 120, blue 240."""
    channels = colorsys.hls_to_rgb(degrees % 360 / 360, 0.55, 0.6)
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in channels)


def luma_colour(luma: float) -> str:
    """Return the grey of a brightness, 0 black to 1 white."""
    return "#" + f"{round(255 * min(1.0, max(0.0, luma))):02x}" * 3


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def _luminance(colour: str) -> float:
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (channel / 255 for channel in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def style_altair(chart: Any, dark: bool, **properties: Any) -> Any:
    """Give the outermost chart our fonts, text colours and axes, and return it.

    It is changed in place, because each method of Altair copies the whole chart.

    Args:
        properties: Attributes of the chart: title, width, height, resolve and others.
    """
    colours = choose_palette(dark)
    text = {"labelColor": colours.quiet, "titleColor": colours.quiet}
    fonts = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    axis = {"gridColor": colours.line, "domain": False, "ticks": False}
    properties["padding"] = {"left": 2, "top": 4, "right": 2, "bottom": 4}
    properties["config"] = {
        "font": FONT,
        "background": "transparent",
        "view": {"stroke": None},
        "title": {
            "anchor": "start",
            "frame": "bounds",
            "offset": 14,
            "color": colours.ink,
            "fontSize": 15,
            "fontWeight": 600,
            "subtitleColor": colours.quiet,
            "subtitleFontSize": 12,
            "subtitlePadding": 5,
        },
        "axis": {**text, **fonts, **axis, "titlePadding": 8, "labelPadding": 6},
        "legend": {**text, **fonts, "symbolType": "square"},
    }
    for name, value in properties.items():
        setattr(chart, name, value)
    return chart


def figure_layout(dark: bool) -> dict[str, Any]:
    """Return our Plotly layout: transparent, with our fonts and unified hover."""
    colours = choose_palette(dark)
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 13, "color": colours.quiet},
        "hovermode": "x unified",
        "hoverlabel": {
            "bgcolor": colours.paper,
            "bordercolor": colours.line,
            "font": {"family": FONT, "color": colours.ink},
        },
        "title": {
            "font": {"size": 16, "color": colours.ink, "weight": 600},
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 6, "l": 4},
        },
        "showlegend": True,
    }


def make_panels(titles: tuple[str, str], dark: bool) -> Any:
    """Return a Plotly figure with two empty panels over epochs: a loss, and an accuracy in %."""
    from plotly.subplots import make_subplots  # large: loaded on first use

    colours = choose_palette(dark)
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.11)
    figure.update_xaxes(
        title={"text": "epoch", "standoff": 6, "font": {"size": 12}},
        tickformat="d",
        rangemode="tozero",
        showgrid=False,
        zeroline=False,
        linecolor=colours.line,
        unifiedhovertitle={"text": "epoch %{x}"},
    )
    figure.update_yaxes(gridcolor=colours.line, zeroline=False, ticklabelstandoff=4)
    figure.update_yaxes(ticksuffix=" %", col=2)
    for column, title in enumerate(titles, 1):
        figure.add_annotation(
            text=title,
            x=0,
            y=1,
            yshift=22,
            xref="x domain",
            yref="y domain",
            xanchor="left",
            showarrow=False,
            font={"color": colours.ink, "size": 13, "weight": 600},
            row=1,
            col=column,
        )
    return figure


def scale(value: float | None, factor: float) -> float | None:
    """Return the value times the factor; None stays None."""
    return None if value is None else factor * value


def draw_png(chart: Any, dark: bool = False) -> bytes:
    """Return a chart (Altair or its specification) as a PNG on the background of the page."""
    import vl_convert  # large: loaded on first use
    from PIL import Image

    drawn = vl_convert.vegalite_to_png(_lay_on_paper(chart, dark), scale=2)
    with Image.open(io.BytesIO(drawn)) as picture, io.BytesIO() as packed:
        # A tenth of the bytes that vl-convert writes.
        picture.convert("RGB").save(packed, "PNG")
        return packed.getvalue()


def draw_svg(chart: Any, dark: bool = False) -> str:
    """Return an Altair chart as a self-contained SVG on the background of the page."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(_lay_on_paper(chart, dark)))


def _lay_on_paper(chart: Any, dark: bool) -> dict[str, Any]:
    """Return the specification of a chart with an opaque background."""
    spec = chart if isinstance(chart, dict) else chart.to_dict()
    return {**spec, "background": choose_palette(dark).paper}
