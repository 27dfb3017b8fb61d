"""A browser keeps its mark, however Streamlit writes its token into the cookie."""

import pytest

from core.ui.visitor import mark_cookie

TOKEN = bytes(range(16))


def write_cookie(mask: bytes, token: bytes) -> str:
    """Return the token as Tornado's second version writes it."""
    masked = bytes(one ^ mask[number % 4] for number, one in enumerate(token))
    return f"2|{mask.hex()}|{masked.hex()}|1795290000"


def test_one_token_is_one_mark_under_every_mask() -> None:
    masks = (b"\x00\x00\x00\x00", b"abcd", b"\xff\x01\x80\x7f")
    assert len({mark_cookie(write_cookie(mask, TOKEN)) for mask in masks}) == 1


def test_other_tokens_are_other_marks() -> None:
    assert mark_cookie(write_cookie(b"abcd", TOKEN)) != mark_cookie(
        write_cookie(b"abcd", b"x" * 16)
    )


@pytest.mark.parametrize("cookie", ["", "1", "2|zz|00|1", "2||00|1", "2|00|", "ü"])
def test_any_cookie_has_a_mark(cookie: str) -> None:
    assert len(mark_cookie(cookie)) == 8
