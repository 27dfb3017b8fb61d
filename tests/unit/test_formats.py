"""Numbers and names as people and spreadsheets read them."""

import pytest

from core.formats import cell_text, count, ordinal, rough_duration, say_p


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (12.4, "12 s"),
        (23, "25 s"),
        (88, "90 s"),
        (95, "2 min"),
        (2540, "42 min"),
        (9000, "2.5 h"),
    ],
)
def test_an_estimate_has_one_unit(seconds: float, words: str) -> None:
    assert rough_duration(seconds) == words


@pytest.mark.parametrize("words", ["2 classes", "2 patches", "2 epochs", "2 copies", "2 days"])
def test_a_noun_has_its_plural(words: str) -> None:
    singular = {"classes": "class", "patches": "patch", "copies": "copy"}
    noun = words.split()[1]
    assert count(2, singular.get(noun, noun[:-1])) == words


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@sum", "\t=1", "\r=1"])
def test_no_spreadsheet_runs_a_name(name: str) -> None:
    assert cell_text(name) == f"'{name}"


@pytest.mark.parametrize("name", ["rose", "", "black-eyed susan", "a=b"])
def test_other_names_stay(name: str) -> None:
    assert cell_text(name) == name


def test_a_p_value_is_never_zero() -> None:
    said = [say_p(value) for value in (0.0, 1e-300, 0.00012, 0.0364, 1.0)]
    assert said == ["p < 0.0001", "p < 0.0001", "p = 0.00012", "p = 0.036", "p = 1"]


def test_places_in_a_row_have_their_ending() -> None:
    said = [ordinal(number) for number in (1, 2, 3, 4, 11, 13, 22, 112)]
    assert said == ["1st", "2nd", "3rd", "4th", "11th", "13th", "22nd", "112th"]
