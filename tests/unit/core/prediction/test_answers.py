"""Answers in words: as sure as the scores, good English, never certain."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.prediction.answers import phrase_answer


@pytest.mark.parametrize(
    ("top", "words"),
    [
        (
            [("tulip", 0.92), ("rose", 0.06), ("daisy", 0.02)],
            "Most likely a tulip (92 %); possibly a rose (6 %).",
        ),
        ([("oxeye daisy", 0.97), ("rose", 0.03)], "Most likely an oxeye daisy (97 %)."),
        ([("tulip", 1.0), ("rose", 0.0)], "Most likely a tulip (more than 99 %)."),
        (
            [("tulips", 0.6), ("roses", 0.3), ("daisy", 0.1)],
            "Probably tulips (60 %), but it may be roses (30 %) or a daisy (10 %).",
        ),
        (
            [("iris", 0.31), ("cyclamen", 0.28), ("watercress", 0.2), ("rose", 0.15)],
            "I am not sure. It looks most like an iris (31 %), a cyclamen (28 %) "
            "or a watercress (20 %).",
        ),
        ([("rose", 0.04)], "I am not sure. It looks most like a rose (4 %)."),
    ],
)
def test_words_fit_the_scores(top: list[tuple[str, float]], words: str) -> None:
    assert phrase_answer(top) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("colt's foot", "a colt's foot"),
        ("black-eyed susan", "a black-eyed susan"),
        ("pink_primrose", "a pink_primrose"),
        ("eucalyptus", "a eucalyptus"),
        ("canterbury bells", "canterbury bells"),
        ("hibiscus", "a hibiscus"),
        ("Rosa canina", "Rosa canina"),
        ("class 7", "class 7"),
        ("バラ", "バラ"),
        ("-", "-"),
    ],
)
def test_articles_only_where_they_read_well(name: str, words: str) -> None:
    assert phrase_answer([(name, 0.9)]) == f"Most likely {words} (90 %)."


@settings(deadline=None, derandomize=True, database=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_never_certain_and_always_the_best_first(scores: list[float]) -> None:
    top = [(f"class {n}", score) for n, score in enumerate(sorted(scores, reverse=True))]
    words = phrase_answer(top)
    assert "(100 %)" not in words
    assert "class 0 (" in words
    assert words.startswith("I am not sure") == (top[0][1] < 0.5)
