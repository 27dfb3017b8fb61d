"""Who submits a run, so that the queue is fair: a name for taking turns, never a proof."""

import secrets
from hashlib import sha256

import streamlit as st

_VISITOR = "visitor.mark"
_COOKIE = "_streamlit_xsrf"
"""Streamlit gives it to each browser, until that is closed."""


def name_visitor() -> str:
    """Returns the e-mail of a person who is logged in, else the browser's address and a mark.

    The mark is the browser's own, also after a reload, and where it keeps no cookie drawn once a
    session: people behind one address take turns, too. It opens nothing.
    """
    email = st.user.get("email") if st.user.get("is_logged_in") else None
    if email:
        return str(email)
    cookie = st.context.cookies.get(_COOKIE)
    drawn = st.session_state.setdefault(_VISITOR, secrets.token_hex(4))
    mark = sha256(cookie.encode()).hexdigest()[:8] if isinstance(cookie, str) else drawn
    return f"{st.context.ip_address or 'this computer'} · {mark}"
