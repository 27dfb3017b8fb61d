"""What answers cost: prices that a person sets, and what the least expected cost saves."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.evaluation.costs import (
    CostRule,
    count_costs,
    estimate_costs,
    read_costs,
    replace_pairs,
    say_cost,
    say_cost_ends,
    write_costs,
)
from core.evaluation.intervals import Estimate
from core.formats import count, percent
from core.prediction.deciding import DecisionRule, choose_answers, describe_costs
from core.ui.calibration.answers import show_answered
from core.ui.calibration.reading import CalibrationPage
from core.ui.parts.messages import report_errors

_BEGIN = CostRule(asking=1, wrong=5)
_SHOWN_PAIRS = 300
_LEAST = "Least expected cost"


def pick_costs(page: CalibrationPage) -> CostRule | None:
    """Draw whether costs decide; return them, None where thresholds do."""
    costs = _read_costs(page)
    wanted = st.toggle(
        "Let costs decide",
        value=bool(page.kept and page.kept.costs),
        key=f"calibration.by_costs.{page.run.id}",
        help="In place of a threshold: it gives the answer with the least expected cost, or asks a "
        "person where that is expected to cost less (Chow’s rule).",
    )
    if not wanted:
        return None
    st.caption(f"Costs: {describe_costs(costs)}. Set them under Costs.")
    return costs


def _read_costs(page: CalibrationPage) -> CostRule:
    """Return the costs as the controls last said; widgets that are not drawn are forgotten."""
    kept = page.kept.costs if page.kept else None
    value = st.session_state.get(_key(page))
    return value if isinstance(value, CostRule) else kept or _BEGIN


def _key(page: CalibrationPage) -> str:
    return f"calibration.costs.{page.run.id}"


def _set_costs(page: CalibrationPage, costs: CostRule) -> None:
    st.session_state[_key(page)] = costs
    version = f"{_key(page)}.version"  # the table of pairs begins anew
    st.session_state[version] = st.session_state.get(version, 0) + 1


def show_costs(page: CalibrationPage, rule: DecisionRule) -> None:
    """Draw what a split costs by the least expected cost, by thresholds and always answered."""
    costs = _read_costs(page)
    _pick_prices(page, costs)
    labels, classes = page.result.labels[page.numbers], page.result.classes
    if not len(labels):
        return
    ways = _decide_each(page, replace(rule, costs=costs))
    each = {name: count_costs(costs, labels, *decided, classes) for name, decided in ways.items()}
    least, always, _ = each.values()
    found = {name: estimate_costs(own) for name, own in each.items()}
    _show_verdict(estimate_costs(always - least), found[_LEAST])
    rows = [
        {
            "Decided by": name,
            "Cost of 1,000 photos": say_cost(found[name].value),
            "95 % interval": say_cost_ends(found[name]),
            "Asked": 100 * float((~answered).mean()),
            "Wrong, shown": int((answered & (answers != labels)).sum()),
        }
        for name, (answers, answered) in ways.items()
    ]
    config = {"Asked": st.column_config.NumberColumn(format="%.1f %%")}
    alt = "What 1,000 photos cost by each way to decide"
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=config, alt=alt)
    notes = {
        "validation": "Each photo by the temperature that the others fit best; the threshold was "
        "chosen on these photos, the prices were not.",
        "train": "The run learnt these photos: new ones cost more.",
        "test": "These photos chose nothing.",
    }
    st.caption(
        f"{page.split.capitalize()} photos, n = {len(labels):,}. {notes[page.split]} Intervals: "
        "1,000 resamples of the photos, with each class about as often as here."
    )
    _show_pairs(page, costs)


def _decide_each(
    page: CalibrationPage, rule: DecisionRule
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the answers of each way to decide, and whether they are given."""
    scores = page.list_scores(rule, "calibrated" if rule.temperature != 1 else "raw")
    classes, unlike = page.result.classes, page.judge_answers(rule).unlike
    least, given = choose_answers(rule, scores, classes)
    best, reached = choose_answers(replace(rule, costs=None), scores, classes)
    return {
        _LEAST: (least, given & ~unlike),
        "Always the best class": (best, np.ones(len(best), dtype=bool)),
        f"Threshold {percent(rule.threshold, 100)}": (best, reached & ~unlike),
    }


def _show_verdict(saved: Estimate, least: Estimate) -> None:
    unsure = "" if saved.low > 0 or saved.high < 0 else " That may be chance."
    st.markdown(
        f"**Least expected cost: {say_cost(least.value)} for 1,000 photos. Against always "
        f"answering it saves {say_cost(saved.value)}** ({say_cost_ends(saved)}).{unsure}"
    )


def _pick_prices(page: CalibrationPage, costs: CostRule) -> None:
    """Draw the price of asking and of a wrong answer."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        for name, label, explanation in (
            ("asking", "Asking a person costs", "In any unit: cents, minutes, damage."),
            ("wrong", "A wrong answer costs", "Any wrong answer; single ones below."),
        ):
            key = f"{_key(page)}.{name}"
            st.number_input(
                label,
                min_value=0.0,
                value=float(getattr(costs, name)),
                step=1.0,
                key=key,
                help=explanation,
                on_change=partial(_change_price, page, name, key),
                width=180,
            )


def _change_price(page: CalibrationPage, name: str, key: str) -> None:
    price: dict[str, Any] = {name: float(st.session_state[key])}
    _set_costs(page, replace(_read_costs(page), **price))


def _show_pairs(page: CalibrationPage, costs: CostRule) -> None:
    """Draw the costs of single wrong answers, as a table to edit and as a file."""
    classes, version = page.result.classes, st.session_state.get(f"{_key(page)}.version", 0)
    pairs = [(true, name, cost) for true, row in costs.pairs.items() for name, cost in row.items()]
    st.markdown("**Answers that cost otherwise**")
    if len(pairs) > _SHOWN_PAIRS:
        st.caption(f"{count(len(pairs), 'pair')} of classes: change them in the file.")
    else:
        option = partial(st.column_config.SelectboxColumn, options=list(classes), required=True)
        table = st.data_editor(
            pd.DataFrame(pairs, columns=["It is", "Answered", "Cost"]).astype({"Cost": float}),
            num_rows="dynamic",
            hide_index=True,
            key=f"{_key(page)}.pairs.{version}",
            column_config={
                "It is": option("It is"),
                "Answered": option("Answered"),
                "Cost": st.column_config.NumberColumn(min_value=0.0, required=True),
            },
        )
        whole = table.dropna().itertuples(index=False)
        found = replace_pairs(costs, {(true, name): float(cost) for true, name, cost in whole})
        if found != costs:
            _set_costs(page, found)
            st.rerun()
    _exchange_file(page, costs, f"{_key(page)}.file.{version}")


def _exchange_file(page: CalibrationPage, costs: CostRule, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.download_button(
            "Costs as CSV",
            partial(write_costs, costs, page.result.classes),
            file_name="costs.csv",
            mime="text/csv",
            icon=":material/download:",
            help="A row for each true class, a column for each answer (of more than 200 classes "
            "the pairs alone): fill it in and bring it back.",
        )
        file = st.file_uploader("… and back", type="csv", key=key, max_upload_size=10)
    if file is not None:
        with report_errors():
            _set_costs(page, read_costs(file.getvalue(), costs, page.result.classes))
            st.rerun()


def show_cost_photos(page: CalibrationPage, rule: DecisionRule) -> None:
    """Draw the photos that are answered with another class than the best, for its cost."""
    judged = page.judge_answers(replace(rule, costs=_read_costs(page)))
    best = judged.scores.argmax(axis=1)
    rows = np.flatnonzero(judged.answered & (judged.answers != best))
    if not len(rows):  # with equal costs of wrong answers the best class is the cheapest
        return
    st.subheader("Answered otherwise than the best class", anchor=False)
    st.caption(f"{count(len(rows), 'photo')}. True class → answer, and its score.")
    show_answered(page, rows, judged.answers, judged.scores, key="costs")
