"""Names for whoever looks at the page, as the log and the registry note them; they open nothing."""

import secrets
from contextlib import suppress
from hashlib import sha256

import streamlit as st

_BROWSERS, _MARK = "_streamlit_xsrf", "visitor.mark"
"""A cookie that Streamlit gives to each browser until it is closed; without one, of the session."""


def name_visitor() -> str:
    """Return the address of the browser and its mark."""
    return f"{st.context.ip_address or 'this computer'} · {_read_mark()}"


def name_browser() -> str:
    """Return the mark of the browser.

    For the prediction log: it holds no address, and the same phone in another network is still
    the one whose answers are to be deleted.
    """
    return f"browser {_read_mark()}"


def _read_mark() -> str:
    """Return the browser's own mark, also after a reload; without a cookie one for the session."""
    cookie = st.context.cookies.get(_BROWSERS)
    drawn: str = st.session_state.setdefault(_MARK, secrets.token_hex(4))
    return mark_cookie(cookie) if isinstance(cookie, str) else drawn


def mark_cookie(cookie: str) -> str:
    """Return a mark of the token in the cookie.

    Streamlit masks it anew at each load ("2|mask|masked token|time"): the mark stays the same.
    """
    token = cookie.encode()
    match cookie.split("|"):
        case ["2", mask, masked, _]:
            with suppress(ValueError, ZeroDivisionError):  # another form is taken as it is
                keys, hidden = bytes.fromhex(mask), bytes.fromhex(masked)
                token = bytes(one ^ keys[n % len(keys)] for n, one in enumerate(hidden))
    return sha256(token).hexdigest()[:8]
