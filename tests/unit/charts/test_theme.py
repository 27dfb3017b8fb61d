"""Colours that everybody can read and tell apart, on paper and in the dark."""

import io
import itertools
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.charts.bars import CHANGE, draw_class_changes
from core.charts.matrix import draw_matrix
from core.charts.matrix_cells import Look, describe_matrix
from core.charts.theme import (
    DARK,
    LIGHT,
    Palette,
    contrast,
    draw_png,
    draw_svg,
    format_share,
    mix_ramp,
    text_on,
)
from core.evaluation.comparison import compare_predictions
from core.ui.comparing.reading import RunCurve
from core.ui.comparing.verdict import draw_overlaid_curves

PALETTES = [pytest.param(LIGHT, id="light"), pytest.param(DARK, id="dark")]

# G. M. Machado et al. (2009), IEEE TVCG 15, 1291: full protanopia, deuteranopia, tritanopia.
EYES = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def see(colour: str, eye: np.ndarray) -> np.ndarray:
    """Return the colour as the eye sees it, in OKLab (B. Ottosson 2020) times 100."""
    channels = np.array(list(bytes.fromhex(colour[1:]))) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    ) @ np.clip(eye @ linear, 0, 1)
    return (
        100
        * np.array(
            [
                [0.2104542553, 0.7936177850, -0.0040720468],
                [1.9779984951, -2.4285922050, 0.4505937099],
                [0.0259040371, 0.7827717662, -0.8086757660],
            ]
        )
        @ np.cbrt(cones)
    )


@pytest.mark.parametrize("colours", PALETTES)
def test_text_and_marks_stand_out(colours: Palette) -> None:
    for text in (colours.ink, colours.quiet):
        for ground in (colours.paper, colours.empty):
            assert contrast(text, ground) >= 4.5, (text, ground)
    marks = (colours.accent, colours.right, colours.wrong, colours.true, colours.predicted)
    for mark in (*marks, *colours.splits.values(), *colours.groups):
        assert contrast(mark, colours.paper) >= 3, mark


@pytest.mark.parametrize("colours", PALETTES)
@pytest.mark.parametrize("eye", EYES)
def test_meanings_differ_to_every_eye(colours: Palette, eye: str) -> None:
    groups = [
        list(colours.splits.values()),
        [colours.right, colours.wrong],
        [colours.true, colours.predicted],
    ]
    for one, other in itertools.chain(*(itertools.combinations(group, 2) for group in groups)):
        apart = np.linalg.norm(see(one, EYES[eye]) - see(other, EYES[eye]))
        assert apart >= 8, (one, other, apart)


@pytest.mark.parametrize("colours", PALETTES)
def test_more_is_further_from_the_paper(colours: Palette) -> None:
    for ramp in (colours.errors, colours.hits):
        steps = [contrast(mix_ramp(ramp, place), colours.paper) for place in np.linspace(0, 1, 50)]
        assert np.all(np.diff(steps) > 0)


@pytest.mark.parametrize("colours", PALETTES)
def test_numbers_are_legible_on_every_cell(colours: Palette) -> None:
    for ramp in (colours.errors, colours.hits):
        for place in np.linspace(0, 1, 50):
            ground = mix_ramp(ramp, place)
            assert contrast(text_on(ground, colours), ground) >= 3.5, (ground, place)


def test_contrast_of_black_and_white() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)  # W3C's own example


def test_a_ramp_begins_and_ends_with_its_ends() -> None:
    assert mix_ramp(("#000000", "#ff0000", "#ff00ff"), 0.0) == "#000000"
    assert mix_ramp(("#000000", "#ff0000", "#ff00ff"), 0.5) == "#ff0000"
    assert mix_ramp(("#000000", "#ff0000", "#ff00ff"), 1.0) == "#ff00ff"


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "0 %"), (0.004, "<1 %"), (0.206, "21 %"), (1.0, "100 %"), (float("nan"), "–")],
)
def test_shares_in_words(share: float, words: str) -> None:
    assert format_share(share) == words


def chart(k: int, dark: bool = False) -> object:
    classes = tuple(f"<flower & {number:03d}>" for number in range(k))
    look = Look(rows=np.arange(k), columns=np.arange(k), dark=dark)
    return draw_matrix(describe_matrix(np.eye(k, dtype=int) + 1, classes, look))


@pytest.mark.parametrize(("dark", "palette"), [(False, LIGHT), (True, DARK)])
def test_a_png_is_on_the_pages_paper_and_twice_as_sharp(dark: bool, palette) -> None:  # type: ignore[no-untyped-def]
    with Image.open(io.BytesIO(draw_png(chart(3, dark), dark))) as picture:
        assert picture.format == "PNG"
        assert picture.getpixel((0, 0)) == tuple(bytes.fromhex(palette.paper[1:]))
        width = float(ET.fromstring(draw_svg(chart(3, dark))).attrib["width"])
        assert picture.size[0] == pytest.approx(2 * width, abs=2)


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


EPOCHS = [
    {"epoch": 1, "val_loss": 0.9, "val_accuracy": 0.5, "seconds": 2.0},
    {"epoch": 2, "val_loss": 0.4, "val_accuracy": 0.8, "seconds": 1.0},
]


def per_class(labels: list[int], a: list[int], b: list[int]) -> pd.DataFrame:
    arrays = (np.array(labels), np.array(a), np.array(b))
    return compare_predictions(*arrays, [f"class {i}" for i in range(200)]).per_class


@pytest.mark.parametrize("dark", [False, True])
def test_bars_go_right_for_gained_and_left_for_lost(dark: bool) -> None:
    table = per_class([0, 0, 1, 1, 2], [1, 0, 1, 1, 2], [0, 0, 0, 1, 2])
    chart = draw_class_changes(table, dark).to_dict()
    (data,) = chart["datasets"].values()
    drawn = {(row["class"], row["change"]): row["drawn"] for row in data if row["photos"]}
    assert drawn == {("class 0", "gained"): 1, ("class 1", "lost"): -1}
    assert chart["title"]["text"] == "1 gained, 1 lost"
    assert chart["params"][0]["name"] == CHANGE
    colours = DARK if dark else LIGHT
    assert chart["encoding"]["color"]["scale"]["range"] == [colours.wrong, colours.right]


def test_many_classes_and_none_can_be_drawn() -> None:
    many = per_class(list(range(150)), [0] * 150, list(range(150)))
    chart = draw_class_changes(many).to_dict()
    assert len(chart["encoding"]["y"]["scale"]["domain"]) == 149
    assert draw_class_changes(per_class([0], [0], [0])).to_dict()["title"]["text"] == (
        "0 gained, 0 lost"
    )


def test_each_run_has_one_colour_in_both_panels_and_its_best_epoch_a_ring() -> None:
    curves = [RunCurve(name=f"Run {i}", epochs=EPOCHS, best_epoch=2) for i in range(3)]
    figure = draw_overlaid_curves(curves)
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    assert len(lines) == 6
    assert [trace.line.color for trace in lines[:3]] == list(LIGHT.groups[:3])
    assert [trace.line.color for trace in lines[3:]] == list(LIGHT.groups[:3])
    assert [trace.showlegend for trace in lines] == [True] * 3 + [False] * 3
    rings = [trace for trace in figure.data if trace.mode == "markers"]
    assert [(ring.x[0], ring.y[0]) for ring in rings[::3]] == [(2, 0.4), (2, 80.0)]
    assert figure.layout.title.text == "Lowest validation loss: 0.400, Run 0"


def test_the_ninth_run_is_dashed_and_a_run_without_epochs_draws_nothing() -> None:
    curves = [RunCurve(name=str(i), epochs=EPOCHS, best_epoch=2) for i in range(9)]
    figure = draw_overlaid_curves([*curves, RunCurve(name="new", epochs=[], best_epoch=None)])
    lines = {trace.name: trace for trace in figure.data if trace.mode == "lines"}
    assert (lines["0"].line.dash, lines["8"].line.dash) == ("solid", "dash")
    assert list(lines["new"].x) == []
    empty = draw_overlaid_curves([RunCurve(name="new", epochs=[], best_epoch=None)])
    assert empty.layout.title.text == "No run has a validation loss"
