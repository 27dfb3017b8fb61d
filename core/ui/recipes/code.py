"""The code of a run: cells of its notebook, in plain Keras."""

import streamlit as st

from core.errors import ExportRefused, NetworkUnsupported
from core.runs.store import RunRecord

_CELLS = ("backbone", "head", "batches", "training", "stages", "answers", "metrics")


def show_code(run: RunRecord) -> None:
    """Draw the button that opens the code of a run."""
    if st.button("Show the code", icon=":material/code:", type="tertiary", key=f"code.{run.id}"):
        _show_cells(run)


@st.dialog("The code of this run", width="large")
def _show_cells(run: RunRecord) -> None:
    from core.exporting.notebook import check_notebook, describe_recipe, render_cells

    try:
        check_notebook(run.recipe)
    except (ExportRefused, NetworkUnsupported) as error:
        st.caption(error.problem)
        return
    st.caption("Plain Keras, NumPy and scikit-learn. The notebook in *Report* has all cells.")
    facts = describe_recipe(run.recipe) | {"split": "validation"}
    st.code("\n\n\n".join(cell.source for cell in render_cells(facts, *_CELLS)), language="python")
