"""Colours that everybody can read and tell apart, on paper and in the dark."""

import itertools

import numpy as np
import pytest

from core.charts.theme import DARK, LIGHT, Palette, contrast, format_share, mix_ramp, text_on

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
