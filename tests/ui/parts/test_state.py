"""Choices and numbers in links: read, settled, written back, and never a crash."""

from collections.abc import Callable

import pytest
import streamlit as st

from core.ui.parts.state import bind_choice, read_number, settle_choice


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("0", 0), ("7", 7), ("007", 7), ("9", 9)),
        *(("10", None), ("-1", None), ("1.5", None), ("", None), (" 1", None), ("x", None)),
        *(("\u0663", None), ("\u00b2", None), ("9" * 5000, None)),
    ],
)
def test_only_numbers_in_range_count(text: str, number: int | None) -> None:
    assert read_number(text, 10) == number


def test_a_choice_among_options_is_settled_in_the_link(address: Callable[..., None]) -> None:
    address(view="map", sort="by magic")
    assert settle_choice("view", ["photos", "map"], "photos") == "map"
    assert settle_choice("sort", ["name", "size"], "name") == "name"
    assert st.query_params.to_dict() == {"view": "map", "sort": "name"}


def test_a_bound_widget_shows_the_choice_and_writes_its_change(
    address: Callable[..., None],
) -> None:
    address(**{"class": "rose"})
    heard: list[str] = []
    bound = bind_choice("class", "rose", key="w", nothing="All", then=lambda: heard.append("then"))
    assert bound["key"] == "w" and st.session_state["w"] == "rose"
    st.session_state["w"] = "tulip"
    bound["on_change"]()
    assert st.query_params["class"] == "tulip"
    st.session_state["w"] = "All"
    bound["on_change"]()
    assert "class" not in st.query_params
    assert heard == ["then", "then"]
