"""The pieces that sections of a report are made of: charts in both themes, tables, figures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.charts.export import draw_svg
from core.reporting.markup import Markup, data_uri, join, tag

Draw = Callable[[bool], Any]
"""Returns an Altair chart for the light (False) or the dark page (True)."""


def section(name: str, title: str, *children: str) -> Markup:
    """Returns a section with its heading; the contents link to `name`."""
    return tag("section", tag("h2", title), *children, id=name)


def chart(draw: Draw, alt: str, caption: str = "", *, wide: bool = False) -> Markup:
    """Returns a chart as a picture that follows the reader's light or dark page.

    As pictures and not as inline elements: what is defined in one SVG cannot reach into another,
    and nothing in them can run.
    """
    light, dark = (data_uri(draw_svg(draw(is_dark), is_dark).encode(), _SVG) for is_dark in _THEMES)
    picture = tag(
        "picture",
        tag("source", srcset=dark, media="(prefers-color-scheme: dark)"),
        tag("img", src=light, alt=alt, class_="chart"),
    )
    words = [tag("figcaption", caption)] if caption else []
    return tag("figure", picture, *words, class_="wide" if wide else "plain")


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], numbers: int = 1) -> Markup:
    """Returns a table that scrolls by itself where it is too wide.

    Args:
        headings: Of the columns.
        rows: Cells as text.
        numbers: The first so many columns are words, set to the left; the others are numbers.
    """
    sides = ["words" if column < numbers else "number" for column in range(len(headings))]
    head = join(
        *(
            tag("th", words, scope="col", class_=side)
            for words, side in zip(headings, sides, strict=True)
        )
    )
    body = join(
        *(
            tag(
                "tr",
                join(
                    *(tag("td", cell, class_=side) for cell, side in zip(row, sides, strict=True))
                ),
            )
            for row in rows
        )
    )
    inner = tag("table", tag("thead", tag("tr", head)), tag("tbody", body))
    return tag("div", inner, class_="scroll")


def facts(rows: Mapping[str, str]) -> Markup:
    """Returns names and values below each other."""
    pairs = (join(tag("dt", name), tag("dd", value)) for name, value in rows.items())
    return tag("dl", *pairs)


def number(label: str, value: str, below: str) -> Markup:
    """Returns a large figure with what it is above and its interval below."""
    return tag(
        "div",
        tag("span", label, class_="label"),
        tag("strong", value),
        tag("span", below, class_="below"),
        class_="number",
    )


def paragraph(*words: str) -> Markup:
    """Returns a paragraph."""
    return tag("p", *words)


def note(*words: str) -> Markup:
    """Returns a quiet paragraph: how to read what stands beside it."""
    return tag("p", *words, class_="note")


def picture(content: bytes, alt: str, width: int) -> Markup:
    """Returns a WebP picture."""
    return tag("img", src=data_uri(content, "image/webp"), alt=alt, width=str(width))


_SVG = "image/svg+xml"
_THEMES = (False, True)
