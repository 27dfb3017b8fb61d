"""Who submits a run, so that the queue is fair: a name for taking turns, never a proof."""

import secrets

import streamlit as st

_VISITOR = "visitor.mark"


def name_visitor() -> str:
    """Returns the e-mail of a person who is logged in, else the browser's address and a mark.

    The mark is drawn once a session: people behind one address take turns, too. It opens nothing.
    """
    email = st.user.get("email") if st.user.get("is_logged_in") else None
    if email:
        return str(email)
    mark = st.session_state.setdefault(_VISITOR, secrets.token_hex(2))
    return f"{st.context.ip_address or 'this computer'} · {mark}"
