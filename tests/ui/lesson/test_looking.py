"""The drawing of the network lights the parts that a step is about."""

from typing import get_args
from xml.etree import ElementTree

from core.charts.theme import choose_palette
from core.teaching.lessons import Picture
from core.ui.lesson.looking import PARTS, draw_network
from core.ui.lesson.page import _LIT

NAMES = ["photo", "five stages", "2,048 numbers", "<b>head</b>", "answer"]


def test_working_parts_are_lit_and_a_feature_has_its_place() -> None:
    drawn = list(ElementTree.fromstring(draw_network(("features",), NAMES, 0.5, dark=False)))
    colours = choose_palette(False)
    boxes = [one for one in drawn if one.get("rx")]
    assert [one.text for one in drawn if one.text] == NAMES  # names are text, not markup
    lit = [
        part for part, box in zip(PARTS, boxes, strict=True) if box.get("fill") == colours.accent
    ]
    assert lit == ["features"]
    [mark] = [one for one in drawn if one.get("fill") == colours.wrong]
    left, width = (float(boxes[2].attrib[name]) for name in ("x", "width"))
    assert abs(float(mark.attrib["x"]) - (left + width / 2)) < 3


def test_every_step_lights_a_part() -> None:
    assert set(_LIT) == set(get_args(Picture))
    assert {part for parts in _LIT.values() for part in parts} == set(PARTS)
