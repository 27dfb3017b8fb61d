"""Charts as files: drawn for real, without a network, at a size at which all can be read."""

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from core.charts.matrix import draw_matrix
from core.charts.matrix_cells import Look, describe_matrix
from core.charts.theme import DARK, LIGHT, draw_png, draw_svg


def chart(k: int, dark: bool = False) -> object:
    classes = tuple(f"<flower & {number:03d}>" for number in range(k))
    look = Look(rows=np.arange(k), columns=np.arange(k), dark=dark)
    return draw_matrix(describe_matrix(np.eye(k, dtype=int) + 1, classes, look))


@pytest.mark.parametrize(("dark", "palette"), [(False, LIGHT), (True, DARK)])
def test_a_png_is_on_the_pages_paper_and_twice_as_sharp(dark: bool, palette) -> None:  # type: ignore[no-untyped-def]
    with Image.open(io.BytesIO(draw_png(chart(3, dark), dark))) as picture:
        assert picture.format == "PNG"
        assert picture.getpixel((0, 0)) == tuple(bytes.fromhex(palette.paper[1:]))
        size = picture.size
    with Image.open(io.BytesIO(draw_png(chart(3, dark), dark, scale=1))) as picture:
        assert size[0] == pytest.approx(2 * picture.size[0], abs=2)


@pytest.mark.slow
def test_an_svg_names_every_class_of_102_twice_and_fetches_nothing() -> None:
    matrix = chart(102)
    drawn = draw_svg(matrix)
    root = ET.fromstring(drawn)  # names with < and & are escaped
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for number in range(102):
        assert texts.count(f"<flower & {number:03d}>") == 2
    assert "href" not in drawn and "<script" not in drawn
    with Image.open(io.BytesIO(draw_png(matrix))) as picture:
        assert min(picture.size) > 2 * 102 * 11
