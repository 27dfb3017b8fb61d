"""The rule of a run: when it answers. Chosen on validation photos, kept with the run on request."""

import math
from dataclasses import replace

import numpy as np
import streamlit as st

from core.errors import FeaturesMissing, PetalscopeError
from core.evaluation.calibration import FEWEST_TO_FIT
from core.evaluation.coverage import FEWEST_TO_LIMIT, find_limit
from core.formats import count, moment, plain
from core.prediction.deciding import DecisionRule, delete_rule, is_rule_stale, read_rule, save_rule
from core.runs.store import RunRecord
from core.ui.calibration import reading as calibration_cache
from core.ui.parts import cache
from core.ui.parts.frame import page_file
from core.ui.parts.messages import tell_after_rerun
from core.ui.parts.state import keep_choice, read_choice

_TARGETS = (0.90, 0.95, 0.99)
_CLASS_TARGETS = (80, 85, 90, 95, 98)
_OF = "calibration.run"
"""The run whose threshold stands in the address."""


def show_rule(run: RunRecord) -> DecisionRule:
    """Draws the controls and what is kept; returns the rule as the controls stand."""
    kept = read_rule(cache.workspace(), run.id)
    st.subheader("When it answers", anchor=False)
    degree = _pick_temperature(run, kept)
    threshold = _pick_threshold(run, kept, degree)
    by_class = _pick_class_thresholds(run, kept, degree)
    limit = _pick_limit(run, kept)
    rule = DecisionRule(
        temperature=degree,
        threshold=threshold,
        class_thresholds=by_class,
        unlike_limit=limit,
        n=len(cache.result(run.id).photo_numbers("validation")),
    )
    _offer_keeping(run, rule, kept)
    return rule


def _pick_temperature(run: RunRecord, kept: DecisionRule | None) -> float:
    fitted = calibration_cache.temperature(run.id)
    n = len(cache.result(run.id).photo_numbers("validation"))
    chosen = st.toggle(
        "Calibrate the scores",
        value=fitted is not None and (kept is None or kept.temperature != 1),
        disabled=fitted is None,
        key=f"calibration.temper.{run.id}",
        help="Divides the log-scores by one number, the temperature that fits the validation photos"
        " best. Which class is the highest never changes.",
    )
    if fitted is None:
        few = n < FEWEST_TO_FIT
        why = f"{n} are too few: {FEWEST_TO_FIT} are needed" if few else "none that helps on others"
        st.caption(f"No temperature from the {count(n, 'validation photo')}: {why}.")
        return 1.0
    sense = "surer than they are right" if fitted > 1 else "less sure than they could be"
    st.caption(f"Temperature {fitted:.2f}, fitted on {n:,} validation photos: scores are {sense}.")
    return fitted if chosen else 1.0


def _pick_threshold(run: RunRecord, kept: DecisionRule | None, degree: float) -> float:
    key = f"calibration.threshold.{run.id}"
    if key not in st.session_state:
        st.session_state[key] = _find_start(run, kept, degree)
    value = st.slider(
        "Answer only when the score is at least",
        0,
        100,
        step=1,
        format="%d %%",
        key=key,
        help="Of a photo whose best class has a lower score it says “I don’t know”: a person looks"
        " at it.",
    )
    st.session_state[_OF] = run.id
    keep_choice("threshold", str(value))
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption("So that of its answers are right:", width="content")
        for target in _TARGETS:
            found = calibration_cache.threshold_for(run.id, degree, target)
            st.button(
                f"{100 * target:.0f} %",
                key=f"calibration.target.{target}",
                disabled=found is None,
                help="The lowest threshold that reaches this on the validation photos"
                if found is not None
                else "No threshold reaches this on the validation photos",
                on_click=_set_threshold,
                args=(key, found),
            )
    return value / 100


def _find_start(run: RunRecord, kept: DecisionRule | None, degree: float) -> int:
    """Returns what the slider begins with, in percent: of the link, as kept, or suggested."""
    stated = read_choice("threshold") if st.session_state.get(_OF) in (None, run.id) else None
    if stated and stated.isascii() and len(stated) < 4 and stated.isdigit() and int(stated) <= 100:
        return int(stated)
    if kept is not None:
        return _round_up(kept.threshold)
    found = calibration_cache.threshold_for(run.id, degree, 0.95)
    return 50 if found is None else _round_up(found)


def _round_up(threshold: float) -> int:
    return math.ceil(100 * threshold - 1e-6)


def _set_threshold(key: str, threshold: float) -> None:
    st.session_state[key] = _round_up(threshold)


def _pick_class_thresholds(
    run: RunRecord, kept: DecisionRule | None, degree: float
) -> dict[str, float]:
    wanted = st.toggle(
        "A threshold for each class",
        value=bool(kept and kept.class_thresholds),
        key=f"calibration.by_class.{run.id}",
        help="The lowest score from which on enough of the class’s answers are right, on the"
        " validation photos. Classes with too few answers keep the threshold above.",
    )
    if not wanted:
        return {}
    target = st.select_slider(
        "Of each class’s answers, right at least",
        _CLASS_TARGETS,
        value=_find_class_target(run, kept, degree),
        format_func=lambda percent: f"{percent} %",
        key=f"calibration.class_target.{run.id}",
    )
    table = calibration_cache.class_thresholds(run.id, degree, target / 100)
    verdicts = table["verdict"].value_counts()
    st.caption(
        f"{count(verdicts.get('reached', 0), 'class')} of {len(table)} have one of their own; "
        f"{verdicts.get('too few', 0)} have fewer than 10 answers, "
        f"{verdicts.get('not reached', 0)} never get there: these keep the one above."
    )
    return _read_class_thresholds(run, degree, target)


def _read_class_thresholds(run: RunRecord, degree: float, target: int) -> dict[str, float]:
    table = calibration_cache.class_thresholds(run.id, degree, target / 100)
    classes, own = cache.result(run.id).classes, table[table["verdict"] == "reached"]
    return {
        classes[int(number)]: _round_up(threshold) / 100
        for number, threshold in zip(own["number"], own["threshold"], strict=True)
    }


def _find_class_target(run: RunRecord, kept: DecisionRule | None, degree: float) -> int:
    """Returns the target that the kept thresholds were chosen for; 95 where there is none."""
    own = kept.class_thresholds if kept else {}
    reached = (one for one in _CLASS_TARGETS if own == _read_class_thresholds(run, degree, one))
    return next(reached, 95) if own else 95


def _pick_limit(run: RunRecord, kept: DecisionRule | None) -> float | None:
    limit, why = find_run_limit(run)
    wanted = st.toggle(
        "Refuse what is like nothing in training",
        value=limit is not None and (kept is None or kept.unlike_limit is not None),
        disabled=limit is None,
        key=f"calibration.unlike.{run.id}",
        help="Measures how far a photo lies from the training photos, in the space of the features"
        " (a Mahalanobis distance).",
    )
    st.caption(why)
    return limit if wanted else None


def find_run_limit(run: RunRecord) -> tuple[float | None, str]:
    """Returns the limit of the distance for a run, or None, and what it rests on, in words."""
    result = cache.result(run.id)
    photos = result.photo_numbers("validation")
    try:
        distances = calibration_cache.distances(run.id).distances[photos]
    except FeaturesMissing as error:
        return None, f"{plain(error.problem)} {plain(error.remedy)}"
    limit = find_limit(distances)
    if limit is None:
        few = f"{count(len(photos), 'validation photo')} cannot promise to keep 95 %"
        return None, f"No limit: {few}, {FEWEST_TO_LIMIT} are needed."
    within = int(np.sum(distances <= limit))
    return limit, (
        f"Distance limit {limit:.2f}: keeps {within:,} of {len(photos):,} validation photos, and"
        " 95 % of further ones like them."
    )


def _offer_keeping(run: RunRecord, rule: DecisionRule, kept: DecisionRule | None) -> None:
    st.divider()
    if kept is not None:
        same = replace(rule, made=kept.made) == kept
        state = "As kept" if same else "Not kept yet: another rule is kept"
        st.caption(f"{state}, chosen {moment(kept.made)} on {count(kept.n, 'validation photo')}.")
    elif is_rule_stale(cache.workspace(), run.id):
        st.warning(
            "**The rule that is kept is not used.** It was made for another result of this run, or"
            " by another version of the program: the run answers always. Keep a new one.",
            icon=":material/history:",
        )
        same = False
    else:
        same = False
        st.caption("Nothing is kept: this run answers every photo.")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Keep with the run",
            type="primary",
            icon=":material/save:",
            disabled=same or not rule.n,
            on_click=_keep,
            args=(run.id, rule),
            help="From then on the page Predict, the command line and the API use it.",
        )
        if kept is not None:
            st.button("Forget it", icon=":material/delete:", on_click=_forget, args=(run.id,))
        st.page_link(
            page_file("predict"),
            label="Try it",
            icon=":material/photo_camera:",
            query_params={"run": run.id},
        )


def _keep(run_id: str, rule: DecisionRule) -> None:
    try:
        save_rule(cache.workspace(), run_id, rule)
    except PetalscopeError as error:  # the run was deleted meanwhile
        tell_after_rerun(f"Not kept. {plain(error.problem)}")
        return
    tell_after_rerun("Kept: prediction answers by this rule from now on.")


def _forget(run_id: str) -> None:
    delete_rule(cache.workspace(), run_id)
    tell_after_rerun("Forgotten: the run answers every photo.")
