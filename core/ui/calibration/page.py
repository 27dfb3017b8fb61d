"""The calibration page: the rule when a run answers, and questions to its scores.

The rule is chosen on validation photos, and kept with the run on request.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from core.errors import PetalscopeError
from core.evaluation.calibration import FEWEST_TO_FIT
from core.formats import count, moment, plain
from core.prediction.deciding import DecisionRule, delete_rule, describe_rule, save_rule
from core.runs.store import RunRecord
from core.ui.calibration.answers import show_answer_photos, show_answers
from core.ui.calibration.reading import OF, CalibrationPage, read_calibration
from core.ui.calibration.scores import show_bin_photos, show_scores
from core.ui.parts import cache
from core.ui.parts.frame import link_page
from core.ui.parts.messages import tell_after_rerun
from core.ui.parts.pickers import pick_linked
from core.ui.parts.state import keep_choice
from core.ui.photos.panel import show_photo_panel

_QUESTIONS = {
    "scores": ":material/straighten: Scores",
    "answers": ":material/rule: Answers",
}
View = Callable[[CalibrationPage, DecisionRule], None]
_TARGETS = (0.90, 0.95, 0.99)
_CLASS_TARGETS = (80, 85, 90, 95, 98)


def show_calibration(run: RunRecord, split: str) -> None:
    """Draw the page for a run and a split."""
    page = read_calibration(run, split)
    if (n := len(page.result.photo_numbers(split))) > len(page.numbers):
        st.caption(
            f"{len(page.numbers):,} of the {n:,} photos in {split}, drawn at random, are judged "
            f"here; {count(len(page.validation), 'validation photo')} choose the rule."
        )
    controls, evidence = st.columns([4, 9], gap="medium")
    with controls.container(border=True):
        rule = _show_rule(page)
    with evidence:
        question = pick_linked("Question", _QUESTIONS, "question", "calibration.question")
        _VIEWS[question][0](page, rule)
    _VIEWS[question][1](page, rule)
    show_photo_panel(page.dataset)


_VIEWS: dict[str, tuple[View, View]] = {
    "scores": (show_scores, show_bin_photos),
    "answers": (show_answers, show_answer_photos),
}


def _show_rule(page: CalibrationPage) -> DecisionRule:
    """Draw the controls and what is kept; return the rule that the controls say."""
    st.subheader("When it answers", anchor=False)
    degree = _pick_temperature(page)
    rule = DecisionRule(
        temperature=degree,
        threshold=_pick_threshold(page, degree),
        class_thresholds=_pick_class_thresholds(page, degree),
        unlike_limit=_pick_limit(page),
        n=len(page.validation),
    )
    _offer_keeping(page, rule)
    return rule


def _pick_temperature(page: CalibrationPage) -> float:
    fitted, kept, n = page.temperature, page.kept, len(page.validation)
    chosen = st.toggle(
        "Calibrate the scores",
        value=fitted is not None and (kept is None or kept.temperature != 1),
        disabled=fitted is None,
        key=f"calibration.temper.{page.run.id}",
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


def _pick_threshold(page: CalibrationPage, degree: float) -> float:
    key = f"calibration.threshold.{page.run.id}"
    if key not in st.session_state:
        st.session_state[key] = _find_start(page, degree)
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
    st.session_state[OF] = page.run.id
    keep_choice("threshold", str(value))
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption("So that of its answers are right:", width="content")
        for target in _TARGETS:
            found = page.find_threshold(degree, target)
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


def _find_start(page: CalibrationPage, degree: float) -> int:
    """Return what the slider begins with, in percent: of the link, as kept, or suggested."""
    if page.threshold is not None:
        return page.threshold
    if page.kept is not None:
        return _round_up(page.kept.threshold)
    found = page.find_threshold(degree, 0.95)
    return 50 if found is None else _round_up(found)


def _round_up(threshold: float) -> int:
    return math.ceil(100 * threshold - 1e-6)


def _set_threshold(key: str, threshold: float) -> None:
    st.session_state[key] = _round_up(threshold)


def _pick_class_thresholds(page: CalibrationPage, degree: float) -> dict[str, float]:
    wanted = st.toggle(
        "A threshold for each class",
        value=bool(page.kept and page.kept.class_thresholds),
        key=f"calibration.by_class.{page.run.id}",
        help="The lowest score from which on enough of the class’s answers are right, on the"
        " validation photos. Classes with too few answers keep the threshold above.",
    )
    if not wanted:
        return {}
    target = st.select_slider(
        "Of each class’s answers, right at least",
        _CLASS_TARGETS,
        value=_find_class_target(page, degree),
        format_func=lambda percent: f"{percent} %",
        key=f"calibration.class_target.{page.run.id}",
    )
    table = page.find_class_thresholds(degree, target)
    verdicts = table["verdict"].value_counts()
    st.caption(
        f"{count(verdicts.get('reached', 0), 'class')} of {len(table)} have one of their own; "
        f"{verdicts.get('too few', 0)} have fewer than 10 answers, "
        f"{verdicts.get('not reached', 0)} never get there: these keep the one above."
    )
    return _list_class_thresholds(page, degree, target)


def _list_class_thresholds(page: CalibrationPage, degree: float, target: int) -> dict[str, float]:
    table = page.find_class_thresholds(degree, target)
    classes, own = page.result.classes, table[table["verdict"] == "reached"]
    return {
        classes[int(number)]: _round_up(threshold) / 100
        for number, threshold in zip(own["number"], own["threshold"], strict=True)
    }


def _find_class_target(page: CalibrationPage, degree: float) -> int:
    """Return the target that the kept thresholds were chosen for; 95 where there is none."""
    own = page.kept.class_thresholds if page.kept else {}
    reached = (one for one in _CLASS_TARGETS if own == _list_class_thresholds(page, degree, one))
    return next(reached, 95) if own else 95


def _pick_limit(page: CalibrationPage) -> float | None:
    (limit, why), kept = page.limit, page.kept
    wanted = st.toggle(
        "Refuse what is like nothing in training",
        value=limit is not None and (kept is None or kept.unlike_limit is not None),
        disabled=limit is None,
        key=f"calibration.unlike.{page.run.id}",
        help="Measures how far a photo lies from the training photos, in the space of the features"
        " (a Mahalanobis distance).",
    )
    st.caption(why)
    return limit if wanted else None


@cache.for_editors
def _offer_keeping(page: CalibrationPage, rule: DecisionRule) -> None:
    run, kept, same = page.run, page.kept, False
    st.divider()
    if kept is not None:
        same = replace(rule, made=kept.made) == kept
        state = "As kept" if same else "Not kept yet: another rule is kept"
        st.caption(f"{state}, chosen {moment(kept.made)} on {count(kept.n, 'validation photo')}.")
    elif page.is_stale:
        st.warning(
            "**The rule that is kept is not used.** It was made for another result of this run, or"
            " by another version of the program. Keep a new one.",
            icon=":material/history:",
        )
    if kept is None:
        st.caption(f"Until you keep one: {plain(describe_rule(page.stands))}")
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
        if page.stands is not None:
            st.button("Forget it", icon=":material/delete:", on_click=_forget, args=(run.id,))
        link_page("predict", "Try it", "photo_camera", run=run.id)


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
