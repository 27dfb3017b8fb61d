"""Tables behind charts."""

import pandas as pd
import streamlit as st


def show_table_behind(table: pd.DataFrame, title: str) -> None:
    """Draw the table behind a chart, collapsed by default; screen readers read it."""
    with st.expander(title, icon=":material/table:"):
        st.dataframe(table, alt=title)
