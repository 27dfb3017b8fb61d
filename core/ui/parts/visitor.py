"""Who submits a run, so that the queue is fair: a name for taking turns, never a proof."""

import secrets
from contextlib import suppress
from hashlib import sha256

import streamlit as st

_VISITOR = "visitor.mark"
_COOKIE = "_streamlit_xsrf"
"""Streamlit gives it to each browser, until that is closed."""


def name_visitor() -> str:
    """Returns the e-mail of a person who is logged in, else the browser's address and its mark.

    People behind one address take turns, too. It opens nothing.
    """
    return _read_email() or f"{st.context.ip_address or 'this computer'} · {_read_mark()}"


def name_browser() -> str:
    """Returns the e-mail of a person who is logged in, else the mark of the browser.

    For the prediction log: no address stands there, and the same phone in another network is still
    the one whose answers are to be deleted.
    """
    return _read_email() or f"browser {_read_mark()}"


def _read_email() -> str:
    email = st.user.get("email") if st.user.get("is_logged_in") else None
    return str(email or "")


def _read_mark() -> str:
    """Returns the browser's own mark, also after a reload; without a cookie one for the session."""
    cookie = st.context.cookies.get(_COOKIE)
    drawn: str = st.session_state.setdefault(_VISITOR, secrets.token_hex(4))
    return mark_cookie(cookie) if isinstance(cookie, str) else drawn


def mark_cookie(cookie: str) -> str:
    """Returns a mark of the token in the cookie.

    Streamlit writes the same token under another mask ("2|mask|masked token|time") each time the
    page is loaded: the cookie as it stands would be another browser after every reload.
    """
    token = cookie.encode()
    match cookie.split("|"):
        case ["2", mask, masked, _]:
            with suppress(ValueError, ZeroDivisionError):  # another form is taken as it stands
                keys, hidden = bytes.fromhex(mask), bytes.fromhex(masked)
                token = bytes(one ^ keys[n % len(keys)] for n, one in enumerate(hidden))
    return sha256(token).hexdigest()[:8]
