"""What a query means: the same photos as plain NumPy finds, and words where it cannot be read."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.datasets.query import add_condition, parse_query, write_value
from core.errors import QueryRefused

CLASSES = ["rose", "Rose", "oxeye daisy", "water-lily", "向日葵", 'the "best"', "and", "1", "b\\s"]
N = 60
_draw = np.random.default_rng(4)
_sealed = _draw.random(N) < 0.3
TABLE = pd.DataFrame(
    {
        "score": np.where(_sealed, np.nan, np.round(_draw.random(N), 1)),
        "width": _draw.integers(1, 5, N),
        "class": pd.Categorical.from_codes(_draw.integers(0, len(CLASSES), N), CLASSES),
        "predicted": pd.Categorical.from_codes(
            np.where(_sealed, -1, _draw.integers(0, len(CLASSES), N)), CLASSES
        ),
        "path": [f"Folder/{n:02}.jpg" for n in range(N)],
        "tag": [[(), ("Odd",), ("Odd", "hard to see")][n % 3] for n in range(N)],
        "blurred": _draw.random(N) < 0.4,
        "right": pd.arrays.BooleanArray(_draw.random(N) < 0.5, _sealed.copy()),
    }
)
Truth = Callable[[int], bool | None]


def _compare(name: str, by: str, value: float) -> tuple[str, Truth]:
    def truth(row: int) -> bool | None:
        one = float(TABLE[name].iat[row])
        if np.isnan(one):
            return None
        return {
            "<": one < value,
            "<=": one <= value,
            ">": one > value,
            ">=": one >= value,
            "=": one == value,
            "!=": one != value,
        }[by]

    return f"{name} {by} {value}", truth


def _name(name: str, by: str, values: list[str]) -> tuple[str, Truth]:
    inside = f"({', '.join(map(write_value, values))})" if by == "in" else write_value(values[0])
    wanted = values if by == "in" else values[:1]

    def truth(row: int) -> bool | None:
        one = TABLE[name].iat[row]
        return None if pd.isna(one) else (one in wanted) != (by == "is not")

    return f"{name} {by} {inside}", truth


def _flag(name: str) -> tuple[str, Truth]:
    values = TABLE[name].array
    return name, lambda row: None if pd.isna(values[row]) else bool(values[row])


def _join(by: str, a: tuple[str, Truth], b: tuple[str, Truth]) -> tuple[str, Truth]:
    def truth(row: int) -> bool | None:
        both = {a[1](row), b[1](row)}
        deciding = by == "or"
        return deciding if deciding in both else None if None in both else not deciding

    return f"({a[0]}) {by} ({b[0]})", truth


def _negate(a: tuple[str, Truth]) -> tuple[str, Truth]:
    def truth(row: int) -> bool | None:
        inner = a[1](row)
        return None if inner is None else not inner

    return f"not ({a[0]})", truth


conditions = st.one_of(
    st.builds(
        _compare,
        st.sampled_from(["score", "width"]),
        st.sampled_from(["<", "<=", ">", ">=", "=", "!="]),
        st.sampled_from([0.0, 0.3, 0.5, 1.0, 2.0, 1e-3]),
    ),
    st.builds(
        _name,
        st.sampled_from(["class", "predicted"]),
        st.sampled_from(["is", "is not", "in"]),
        st.lists(st.sampled_from(CLASSES), min_size=1, max_size=3),
    ),
    st.builds(_flag, st.sampled_from(["blurred", "right"])),
)
queries = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.builds(_join, st.sampled_from(["and", "or"]), inner, inner), st.builds(_negate, inner)
    ),
    max_leaves=8,
)


@given(queries)
@settings(max_examples=60, deadline=None)
def test_a_query_finds_what_its_words_say(query: tuple[str, Truth]) -> None:
    text, truth = query
    expected = [truth(row) is True for row in range(N)]
    assert parse_query(text).find(TABLE).tolist() == expected


@given(st.text(max_size=40))
def test_any_value_is_written_so_that_it_is_read_again(value: str) -> None:
    table = pd.DataFrame({"class": pd.Categorical([value, "other " + value])})
    assert parse_query(f"class is {write_value(value)}").find(table).tolist() == [True, False]


@given(
    st.text(max_size=60) | st.text(st.sampled_from("()<>=!,\"'\\“” andortismre0.1"), max_size=60)
)
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        parse_query(text).find(TABLE)
    except QueryRefused as error:
        assert error.problem
        assert error.remedy


def test_and_binds_closer_than_or_and_not_closest() -> None:
    a, b, c = (TABLE["width"] == n for n in (1, 2, 3))
    blurred = TABLE["blurred"]
    found = parse_query("width = 1 or width = 2 and not blurred or width = 3").find(TABLE)
    assert found.tolist() == (a | b & ~blurred | c).tolist()


@pytest.mark.parametrize(
    ("text", "like"),
    [
        ("class is ROSE", "class in (rose, Rose)"),
        ("class is Rose", "class in (Rose)"),
        ("path contains FOLDER/0", "path contains '/0'"),
        ("class not in (rose, Rose)", "not class in (Rose, rose)"),
        ("class is “oxeye daisy”", "class = 'OXEYE daisy'"),
        ("NOT right", "right is no"),
        ("right IS NOT yes", "not right"),
        ("width == 2.0", "width in (2)"),
        ("tag", "tag is odd"),
        ("not tag", "tag is not ODD"),
        ("tag contains see", 'tag in (other, "hard to see")'),
        ('tag is "hard to see"', "tag is odd and not tag is nothing and tag contains hard"),
    ],
)
def test_ways_to_say_the_same(text: str, like: str) -> None:
    found = parse_query(text).find(TABLE)
    assert found.tolist() == parse_query(like).find(TABLE).tolist()
    assert found.any()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "name of a measure"),
        ("score <", "a value"),
        ("score < 0.6 and", "the end"),
        ("(blurred", "closing bracket"),
        ("blurred right", "and, or"),
        ("scor < 1", "score"),
        ("class is rosse", "rose"),
        ("class < 3", "contains"),
        ("tag > 3", "contains"),
        ("score is rose", "number"),
        ("score < nan", "number"),
        ("score", "comparison"),
        ("blurred < 3", "yes or no"),
        ("loss > 1", "train one"),
        ('path is "a', "error at"),
        ("(" * 200 + "blurred" + ")" * 200, "nested"),
        ("not " * 300 + "blurred", "nested"),
        ("a" * 3000, "characters"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, word: str) -> None:
    with pytest.raises(QueryRefused) as refused:
        parse_query(text).find(TABLE, {"loss": "It needs a run: train one."})
    assert word in f"{refused.value.problem} {refused.value.remedy}"


@pytest.mark.parametrize(
    ("text", "by", "after"),
    [
        ("", "and not", "not blurred"),
        ("right", "and", "right and blurred"),
        ("right or width = 1", "and not", "(right or width = 1) and not blurred"),
        ("right and width = 1", "and", "right and width = 1 and blurred"),
        ("not (right or width = 1)", "or not", "not (right or width = 1) or not blurred"),
    ],
)
def test_a_condition_is_added_to_the_whole_of_a_query(text: str, by: str, after: str) -> None:
    assert add_condition(text, by, "blurred") == after
