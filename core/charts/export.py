"""A chart as a file: PNG or SVG, drawn here without a browser and without the network."""

import io
from typing import Any

from core.charts.theme import choose_palette

_PNG_SCALE = 2.0


def draw_png(chart: Any, dark: bool = False, scale: float = _PNG_SCALE) -> bytes:
    """Return an Altair chart as a PNG of `scale` pixels for each of its own, on the page's paper.

    Args:
        chart: Any Altair chart.
        dark: Whether it was drawn for the dark page.
        scale: 2 is sharp on paper and on fine screens.
    """
    import vl_convert  # a large library: loaded when first wanted
    from PIL import Image

    drawn = vl_convert.vegalite_to_png(_lay_on_paper(chart, dark), scale=scale)
    with Image.open(io.BytesIO(drawn)) as picture, io.BytesIO() as packed:
        # vl-convert hardly packs: this takes a tenth of its bytes.
        picture.convert("RGB").save(packed, "PNG")
        return packed.getvalue()


def draw_svg(chart: Any, dark: bool = False) -> str:
    """Return an Altair chart as an SVG that stands alone, on the page's paper."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(_lay_on_paper(chart, dark)))


def _lay_on_paper(chart: Any, dark: bool) -> dict[str, Any]:
    """Return the specification with a ground: a page's charts are transparent."""
    return {**chart.to_dict(), "background": choose_palette(dark).paper}
