"""What the waiting edits would do, in the review of the tray: figures, verdict, their photos."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.evaluation.comparison import Comparison
from core.exact.store import find_source
from core.exact.whatif import WhatIf, foretell, say_verdict
from core.formats import count, percent, percent_number, points
from core.ui.parts import cache
from core.ui.parts.charts import show_metrics
from core.ui.parts.exact import open_exact_head, say_engine
from core.ui.photos.panel import show_photo_panel
from core.ui.wall import Wall, show_wall
from data.dataset import Dataset

_KINDS = {"gained": "Gained", "lost": "Lost", "turned": "Another wrong answer"}
_SHOWN_ROWS, _HEIGHT = 6, 268
_PER_PAGE = 12


def show_whatif(dataset: Dataset, changes: pd.DataFrame) -> None:
    """Draw what the edits would do to the exact head, judged on validation photos."""
    with st.container(border=True):
        st.markdown("**What if you apply them?**")
        opened = open_exact_head(lambda: find_source(cache.workspace(), dataset))
        if opened is None:
            return
        source, head = opened
        whatif = foretell(head, dataset, changes)
        if len(whatif.photos) == 0:
            st.info("No photo stays in validation: there is nothing to judge by.")
            return
        show_effect(dataset, whatif)
        say_engine(source, head)


def show_effect(dataset: Dataset, whatif: WhatIf) -> None:
    """Draw how the head of after does beside the one of before, by at least one photo."""
    _show_figures(whatif.comparison)
    first, _, rest = say_verdict(whatif.comparison).partition(". ")
    st.markdown(f"**{first.removesuffix('.')}.** {rest}")
    _say_left_out(whatif)
    if len(whatif.cells):
        _show_photos(dataset, whatif, _choose_moved(whatif))


def _show_figures(compared: Comparison) -> None:
    n = compared.n
    figures = {
        "Accuracy now": percent(compared.accuracy_a, n),
        "Then": percent(compared.accuracy_b, n),
        "Difference": points(compared.difference, n),
        "Gained": f"{compared.gained:,}",
        "Lost": f"{compared.lost:,}",
        "Validation photos": f"{n:,}",
    }
    show_metrics(figures, gap="medium")


def _say_left_out(whatif: WhatIf) -> None:
    """Say how the judged photos differ from the validation photos of now."""
    said = {
        "judged by the new class": whatif.corrected,
        "coming into validation not judged": whatif.entering,
        "leaving it not judged": whatif.leaving,
    }
    parts = [f"{count(photos, 'photo')} {words}" for words, photos in said.items() if photos]
    if parts:
        st.caption(f"{'; '.join(parts)}.")


def _choose_moved(whatif: WhatIf) -> np.ndarray:
    """Draw classes and cells that change; return the photos of what was clicked, (v,) bool."""
    compared = whatif.comparison.per_class
    changed = compared[(compared["gained"] + compared["lost"]) > 0]
    changed = changed.sort_values("difference", ascending=False, kind="stable")
    one, other = st.columns(2)
    with one:
        row = _pick_row(
            changed[["class", "support", "gained", "lost"]].assign(
                now=_to_percent(changed, "recall_a"), then=_to_percent(changed, "recall_b")
            ),
            "Classes that gain or lose",
            {
                "class": "Class",
                "support": "Photos",
                "gained": "Gained",
                "lost": "Lost",
                "now": st.column_config.NumberColumn("Recall now", format="%g %%"),
                "then": st.column_config.NumberColumn("Then", format="%g %%"),
            },
        )
        chosen_class = None if row is None else str(changed["class"].iat[row])
    with other:
        row = _pick_row(
            whatif.cells,
            "Cells of the confusion matrix that change",
            {
                "true": "True",
                "predicted": "Predicted",
                "before": "Now",
                "after": "Then",
                "change": st.column_config.NumberColumn("Change", format="%+d"),
            },
        )
    if row is not None:
        cell = whatif.cells.iloc[row]
        return whatif.find_moved(str(cell["true"]), str(cell["predicted"]))
    if chosen_class is not None:
        return whatif.find_moved(chosen_class, None)
    return np.ones(len(whatif.photos), dtype=bool)


def _to_percent(per_class: pd.DataFrame, name: str) -> list[float]:
    pairs = zip(per_class[name], per_class["support"], strict=True)
    return [percent_number(share, n) for share, n in pairs]


def _pick_row(table: pd.DataFrame, title: str, columns: dict[str, Any]) -> int | None:
    """Draw a table; return the row that is clicked."""
    st.caption(title)
    answer = st.dataframe(
        table,
        hide_index=True,
        height="content" if len(table) <= _SHOWN_ROWS else _HEIGHT,
        column_config=columns,
        on_select="rerun",
        selection_mode="single-row",
        key=f"whatif.{title}.{len(table)}",
        alt=title,
    )
    rows = answer["selection"]["rows"]
    return rows[0] if rows and rows[0] < len(table) else None


def _show_photos(dataset: Dataset, whatif: WhatIf, chosen: np.ndarray) -> None:
    """Draw the chosen photos that would be judged otherwise, by kind."""
    kinds = {kind: whatif.photos[whatif.find_photos(kind) & chosen] for kind in _KINDS}
    present = [kind for kind in _KINDS if len(kinds[kind])]
    if not present:
        return
    kind = st.segmented_control(
        "Photos that are judged otherwise",
        present,
        default=present[0],
        format_func=lambda one: f"{_KINDS[one]} ({len(kinds[one]):,})",
        key=f"whatif.kind.{'.'.join(present)}",
    )
    answers = {
        int(photo): (whatif.classes[was], whatif.classes[will])
        for photo, was, will in zip(whatif.photos, whatif.before, whatif.after, strict=True)
    }
    wall = Wall(
        "whatif",
        captions=lambda photo: "{} → {}".format(*answers[photo]),
        selectable=False,
        per_page=_PER_PAGE,
    )
    if show_wall(dataset, kinds[kind or present[0]], wall).opened is not None:
        show_photo_panel(dataset)
