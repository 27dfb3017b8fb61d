"""An empty Streamlit page: what a new tab costs before a page of ours begins."""

import streamlit as st

st.title("Empty")
