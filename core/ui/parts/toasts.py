"""Sentences that are said after the page was drawn anew: a toast would be lost in the rerun."""

import streamlit as st

_TOLD = "telling.told"


def tell_after_rerun(sentence: str) -> None:
    """Keeps a sentence (Markdown) until `show_told` is drawn."""
    st.session_state[_TOLD] = sentence


def show_told() -> None:
    """Says the kept sentence, once."""
    sentence = st.session_state.pop(_TOLD, None)
    if sentence:
        st.toast(sentence, icon=":material/check:")
