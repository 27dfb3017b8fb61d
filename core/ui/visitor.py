"""The visitor of a page: editor, viewer or refused; and names for the log.

Without a login all visitors are editors. With a login (`[auth]` in .streamlit/secrets.toml) the
settings name editors and viewers by the e-mail address that Streamlit has checked.
"""

import secrets
from contextlib import suppress
from functools import cache
from hashlib import sha256
from typing import NoReturn

import streamlit as st

from core.config import read_settings

_BROWSERS, _MARK = "_streamlit_xsrf", "visitor.mark"
"""A cookie that Streamlit gives to each browser until it is closed; without one, of the session."""


@cache
def _has_login() -> bool:
    return bool(st.secrets.load_if_toml_exists()) and "auth" in st.secrets


def read_address() -> str:
    """Return the e-mail address of the visitor; "" without a login."""
    if not _has_login() or not st.user.get("is_logged_in") or not st.user.get("email_verified", 1):
        return ""
    return str(st.user.get("email") or "").casefold()


def reads_only() -> bool:
    """Return whether the visitor is a viewer, or the settings make the workbench read-only."""
    settings = read_settings()
    return settings.read_only or (_has_login() and not _is_named(settings.editors))


def is_refused() -> bool:
    """Return whether the visitor is neither editor nor viewer, or not logged in."""
    settings = read_settings()
    return _has_login() and not _is_named(f"{settings.editors},{settings.viewers}")


def ask_login() -> NoReturn:
    """Draw the login or a refusal, and end the page."""
    who = read_address() or "an unconfirmed address"
    said = f"{who} has no access to this workbench. Ask its owner."
    label, act = "Log out", st.logout
    if not st.user.get("is_logged_in"):
        said, label, act = "Log in to open this workbench.", "Log in", st.login
    with st.columns([1, 2, 1])[1].container(border=True):
        st.text(said)
        st.button(label, type="primary", on_click=act)
    st.stop()


def show_visitor() -> None:
    """Draw the badge of viewers and the log-out button."""
    if reads_only():
        st.badge("Read-only", icon=":material/visibility:", color="gray")
    if address := read_address():
        st.button("Log out", type="tertiary", help=address, on_click=st.logout)


def _is_named(people: str) -> bool:
    """Return whether a setting names the address or its domain, as in “@example.org”."""
    address = read_address()
    named = {one.strip().casefold() for one in people.split(",") if one.strip()}
    return bool(address) and not named.isdisjoint({address, f"@{address.rpartition('@')[2]}"})


def name_visitor() -> str:
    """Return the e-mail address of the visitor, else network address and mark of the browser."""
    return read_address() or f"{st.context.ip_address or 'this computer'} · {_read_mark()}"


def name_browser() -> str:
    """Return the e-mail address of the visitor, else the mark of the browser.

    For the prediction log, which has no network addresses: a phone stays the same in another
    network, and can delete its answers.
    """
    return read_address() or f"browser {_read_mark()}"


def _read_mark() -> str:
    """Return the mark of the browser, or of the session without a cookie."""
    cookie = st.context.cookies.get(_BROWSERS)
    drawn: str = st.session_state.setdefault(_MARK, secrets.token_hex(4))
    return mark_cookie(cookie) if isinstance(cookie, str) else drawn


def mark_cookie(cookie: str) -> str:
    """Return a mark of the token in the cookie.

    Streamlit masks the token differently at each load ("2|mask|masked token|time"); the mark stays.
    """
    token = cookie.encode()
    match cookie.split("|"):
        case ["2", mask, masked, _]:
            with suppress(ValueError, ZeroDivisionError):  # another form is taken as it is
                keys, hidden = bytes.fromhex(mask), bytes.fromhex(masked)
                token = bytes(one ^ keys[n % len(keys)] for n, one in enumerate(hidden))
    return sha256(token).hexdigest()[:8]
