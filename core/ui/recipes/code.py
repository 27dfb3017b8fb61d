"""The code behind a page: cells of the notebook that do what is seen, following its controls."""

import streamlit as st

from core.errors import ExportRefused, NetworkUnsupported
from core.runs.recipe.recipe import Recipe
from core.ui.parts.state import bind_choice, read_choice


def show_code(recipe: Recipe | None, *cells: str, split: str = "validation", **facts: str) -> None:
    """Draw the switch and, while it is on, these cells as they are for the recipe.

    Args:
        recipe: None: the form's cannot be trained; there is nothing to show.
        cells: Names of blocks of the notebook's template.
        split: Of the photos that are judged.
        facts: What else the page's controls say, by the template's names.
    """
    if recipe is None:
        return
    on = read_choice("code") == str(True)
    if not st.toggle("Show the code", **bind_choice("code", on, key="code.switch", nothing=False)):
        return
    from core.exporting.notebook import check_notebook, describe_recipe, render_cells

    try:
        check_notebook(recipe)
    except (ExportRefused, NetworkUnsupported) as error:
        st.caption(error.problem)
        return
    known = describe_recipe(recipe) | {"split": split, **facts}
    code = "\n\n\n".join(cell.source for cell in render_cells(known, *cells))
    st.code(code, language="python")
    sealed = " Test photos stay sealed there." if split == "test" else ""
    st.caption(
        "Plain Keras, NumPy and scikit-learn; what is not made here is made in the cells before: "
        f"*Metrics → Report → Notebook* has all of a run.{sealed}"
    )
