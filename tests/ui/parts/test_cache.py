"""What pages keep is kept by workspace, arguments and stamp, and read anew when one changes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from core.ui.parts import cache

asked: list[tuple[str, int]] = []
stamps = {"rose": 1, "tulip": 1}


@cache.cached_by(lambda name, *_, **__: stamps[name], most=4)
def answer(name: str, times: int = 1) -> str:
    """Say the name."""
    asked.append((name, times))
    return name * times


@cache.cached_by(lambda *_: 0, most=4)
def other(name: str) -> str:
    return name.upper()


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    st.cache_resource.clear()
    asked.clear()
    stamps.update(rose=1, tulip=1)
    yield
    st.cache_resource.clear()


def test_an_answer_is_kept_until_its_stamp_changes() -> None:
    assert [answer("rose"), answer("rose"), answer("tulip")] == ["rose", "rose", "tulip"]
    assert asked == [("rose", 1), ("tulip", 1)]
    stamps["rose"] = 2
    assert answer("rose") == "rose"
    assert asked[2:] == [("rose", 1)]


def test_arguments_by_name_are_part_of_the_key() -> None:
    assert answer("rose", times=2) == "roserose"
    assert answer("rose", times=3) == "roseroserose"
    assert answer.__doc__ == "Say the name."


def test_two_functions_do_not_share_their_answers() -> None:
    assert (answer("rose"), other("rose")) == ("rose", "ROSE")


def test_another_workspace_is_asked_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two", "one"):
        monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(tmp_path / name))
        assert cache.workspace().root == (tmp_path / name).resolve()
        answer("rose")
    assert len(asked) == 2
