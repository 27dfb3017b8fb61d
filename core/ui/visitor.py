"""Who looks at the page: an editor, a viewer, or a person who is refused; and names for the log.

Without a login everybody is an editor. With one (`[auth]` in .streamlit/secrets.toml) the settings
name editors and viewers by the address that Streamlit has checked.
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
    """Return the e-mail address of the person who is logged in; empty for no one."""
    if not _has_login() or not st.user.get("is_logged_in") or not st.user.get("email_verified", 1):
        return ""
    return str(st.user.get("email") or "").casefold()


def reads_only() -> bool:
    """Return whether the person may change nothing: a viewer, or anybody where that is set."""
    settings = read_settings()
    return settings.read_only or (_has_login() and not _is_named(settings.editors))


def is_refused() -> bool:
    """Return whether the person is neither an editor nor a viewer, or has not logged in yet."""
    settings = read_settings()
    return _has_login() and not _is_named(f"{settings.editors},{settings.viewers}")


def ask_login() -> NoReturn:
    """Draw the login, or why the person is refused, and end the page."""
    who = read_address() or "an address that is not confirmed"
    said = f"This workbench is not open to {who}. Ask its owner to name you."
    label, act = "Log out", st.logout
    if not st.user.get("is_logged_in"):
        said, label, act = "This workbench is for people that its owner named.", "Log in", st.login
    with st.columns([1, 2, 1])[1].container(border=True):
        st.text(said)
        st.button(label, type="primary", on_click=act)
    st.stop()


def show_visitor() -> None:
    """Draw that nothing can be changed, and the way out for a person who is logged in."""
    if reads_only():
        st.badge("Read-only", icon=":material/visibility:", color="gray")
    if address := read_address():
        st.button("Log out", type="tertiary", help=address, on_click=st.logout)


def _is_named(people: str) -> bool:
    """Return whether a setting names the address, or its domain as in “@example.org”."""
    address = read_address()
    named = {one.strip().casefold() for one in people.split(",") if one.strip()}
    return bool(address) and not named.isdisjoint({address, f"@{address.rpartition('@')[2]}"})


def name_visitor() -> str:
    """Return the address of the person who is logged in, else of the browser, with its mark."""
    return read_address() or f"{st.context.ip_address or 'this computer'} · {_read_mark()}"


def name_browser() -> str:
    """Return the address of the person who is logged in, else the mark of the browser.

    For the prediction log: it holds no network address, and the same phone in another network is
    still the one whose answers are to be deleted.
    """
    return read_address() or f"browser {_read_mark()}"


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
