"""The dials: wrong labels, fewer photos, another λ; curve, matrix and accuracy follow at once.

In the URL: `wrong` (percent), `way` (how labels go wrong), `size` (place of the number of photos)
and `ridge` (power of ten that λ is multiplied by).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.matrix import draw_matrix
from core.charts.matrix_cells import Look, describe_matrix
from core.charts.shares import draw_shares
from core.evaluation.confusion import list_most_confused
from core.evaluation.intervals import wilson_interval
from core.exact.dials import WAYS, Dials, Setting
from core.formats import interval, percent, points
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.messages import report_errors
from core.ui.parts.pickers import pick_linked
from core.ui.parts.state import bind_choice, read_choice, read_number

_MOST_WRONG, _STEP = 90, 5
_POWERS = {"-3": "÷ 1,000", "-2": "÷ 100", "-1": "÷ 10", "0": "as chosen"} | {
    "1": "× 10", "2": "× 100", "3": "× 1,000"
}  # fmt: skip
_MOST_DRAWN = 20
_HELP = (
    "λ holds the coefficients back: too little follows every label, also wrong ones; too much "
    "learns little. It was chosen on training photos, each left out once."
)


def show_dials(classes: Sequence[str], dials: Dials) -> None:
    """Draw the dials and what follows them; a turn draws nothing else of the page."""
    st.fragment(_show)(classes, dials)


def _show(classes: Sequence[str], dials: Dials) -> None:
    with report_errors():  # a fragment's errors do not reach those of its page
        left, right = st.columns([5, 7], gap="medium")
        with left.container(border=True):
            setting, place = _turn(dials)
            predicted = dials.predict(setting)
            now = dials.measure(predicted)
            _say_accuracy(dials, now, place)
        with left.container(border=True):
            st.markdown(
                f"**Could these classes be learnt at all?** {dials.say_learnable()}",
                help="The labels of the training photos are shuffled, the same head is fitted, "
                "and the validation photos judge it. p: how often so good an answer would come by "
                "chance alone.",
            )
        with right.container(border=True):
            _show_curve(dials, now, place)
        with right.container(border=True):
            _show_matrix(classes, dials.confuse(predicted[place]))


def _turn(dials: Dials) -> tuple[Setting, int]:
    """Draw the dials; return where they stand, and the place of the number of photos."""
    sizes = dials.sizes
    last = len(sizes) - 1
    wrong = read_number(read_choice("wrong") or "", _MOST_WRONG + 1) or 0
    size = read_number(read_choice("size") or "", last + 1)
    power = read_choice("ridge") or ""
    wrong = st.slider(
        "Wrong labels", 0, _MOST_WRONG, step=_STEP, format="%d %%",
        **bind_choice("wrong", wrong - wrong % _STEP, key="dials.wrong"),
    )  # fmt: skip
    kind: Any = pick_linked("How labels go wrong", WAYS, "way", "dials.way", "random")
    place = st.select_slider(
        "Photos",
        list(range(len(sizes))),
        format_func=lambda one: f"{sizes[one]:,} ({100 * sizes[one] / sizes[-1]:.0f} %)",
        **bind_choice("size", last if size is None else size, key="dials.size"),
    )
    chosen = st.select_slider(
        "λ",
        list(_POWERS),
        format_func=_POWERS.__getitem__,
        help=_HELP,
        **bind_choice("ridge", power if power in _POWERS else "0", key="dials.ridge"),
    )
    return Setting(wrong=wrong / 100, way=kind, times=10.0 ** int(chosen)), int(place)


def _say_accuracy(dials: Dials, now: np.ndarray, place: int) -> None:
    n, share = len(dials.judged), float(now[place])
    change = points(share - float(dials.plain[-1]), n)
    st.markdown(
        f"**Accuracy {percent(share, n)}**, {change} beside nothing turned "
        f"({interval(*wilson_interval(round(share * n), n), n)})."
    )


def _show_curve(dials: Dials, now: np.ndarray, place: int) -> None:
    lines = {"as the dials stand": now, "nothing turned": dials.plain}
    rows = pd.DataFrame({"place": dials.sizes} | lines).melt("place", var_name="line")
    words = {
        "picture": "Accuracy against the number of photos",
        "below": "One draw a size, the larger hold the smaller",
        "control": "training photos",
        "share": "accuracy",
    }
    show_kept_chart(
        draw_shares,
        rows.rename(columns={"value": "share"}),
        {"now": float(dials.sizes[place])},
        words,
        False,
        alt="Accuracy against the number of training photos, as the dials stand",
    )


def _show_matrix(classes: Sequence[str], matrix: np.ndarray) -> None:
    drawn = np.arange(len(classes))
    if len(classes) > _MOST_DRAWN:
        drawn = np.sort(list_most_confused(matrix, _MOST_DRAWN))
        st.caption(f"The {len(drawn)} classes with the most errors, of {len(classes):,}.")
    if len(drawn):
        show_kept_chart(_draw, matrix, tuple(classes), drawn, alt="Confusion matrix")


def _draw(matrix: np.ndarray, classes: tuple[str, ...], drawn: np.ndarray, dark: bool) -> Any:
    return draw_matrix(describe_matrix(matrix, classes, Look(rows=drawn, columns=drawn, dark=dark)))
