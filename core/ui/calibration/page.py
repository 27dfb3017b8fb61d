"""The page Calibration: the rule that decides when a run answers, and the quality of its scores.

Validation photos choose the rule; a click saves it with the run.
"""

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from core.errors import PetalscopeError
from core.evaluation.calibration import FEWEST_TO_FIT
from core.formats import count, moment, plain
from core.prediction.deciding import (
    DecisionRule,
    delete_rule,
    describe_rule,
    save_rule,
    say_answers,
)
from core.prediction.rules import measure_rule
from core.runs.store import RunRecord
from core.ui.calibration.answers import show_answer_photos, show_answers
from core.ui.calibration.reading import OF, CalibrationPage, read_calibration
from core.ui.calibration.scores import show_bin_photos, show_scores
from core.ui.parts import cache
from core.ui.parts.frame import link_page
from core.ui.parts.messages import show_empty, tell_after_rerun
from core.ui.parts.pickers import pick_linked
from core.ui.parts.state import keep_choice
from core.ui.photos.panel import show_photo_panel

_QUESTIONS = {
    "scores": ":material/straighten: Scores",
    "answers": ":material/rule: Answers",
}
View = Callable[[CalibrationPage, DecisionRule], None]
_VIEWS: dict[str, tuple[View, View]] = {
    "scores": (show_scores, show_bin_photos),
    "answers": (show_answers, show_answer_photos),
}
_TARGETS = (0.90, 0.95, 0.99)


def show_calibration(run: RunRecord, split: str) -> None:
    """Draw the page for a run and a split."""
    page = read_calibration(run, split)
    if page.result.scored == "none":
        show_empty(
            "No scores",
            "These predictions were added without scores, so their calibration is unknown. Add "
            "them again with a score for each photo.",
            "runs",
            "Runs",
            "compare_arrows",
        )
        return
    if (n := len(page.result.photo_numbers(split))) > len(page.numbers):
        st.caption(
            f"Based on a random {len(page.numbers):,} of the {n:,} photos in the {split} split; "
            f"{count(len(page.validation), 'validation photo')} choose the rule."
        )
    controls, evidence = st.columns([4, 9], gap="medium")
    with controls.container(border=True):
        rule = _show_rule(page)
    with evidence:
        question = pick_linked("Question", _QUESTIONS, "question", "calibration.question")
        _VIEWS[question][0](page, rule)
    _VIEWS[question][1](page, rule)
    show_photo_panel(page.dataset)


def _show_rule(page: CalibrationPage) -> DecisionRule:
    """Draw the controls of the rule; return the rule that they describe."""
    st.subheader("When the model answers", anchor=False)
    degree = _pick_temperature(page)
    threshold, effect = _pick_threshold(page, degree), st.container()
    limit = _pick_limit(page)
    rule = DecisionRule(
        temperature=degree,
        threshold=threshold,
        unlike_limit=limit,
        n=len(page.validation),
    )
    point = measure_rule(cache.workspace(), page.run.id, page.result, rule)
    effect.caption(say_answers(point))
    if page.run.recipe.has_model:
        _offer_saving(page, rule)
    return rule


def _pick_temperature(page: CalibrationPage) -> float:
    fitted, saved, n = page.temperature, page.saved, len(page.validation)
    chosen = st.toggle(
        "Calibrate the scores",
        value=fitted is not None and (saved is None or saved.temperature != 1),
        disabled=fitted is None,
        key=f"calibration.temper.{page.run.id}",
        help="Temperature scaling, fitted on the validation photos. The predicted class stays the "
        "same.",
    )
    if fitted is None:
        few = f"fewer than {FEWEST_TO_FIT} validation photos (n = {n})"
        why = few if n < FEWEST_TO_FIT else f"no help on other photos (n = {n:,})"
        st.caption(f"No temperature: {why}.")
        return 1.0
    sense = "over-confident" if fitted > 1 else "under-confident"
    st.caption(f"Temperature {fitted:.2f} (n = {n:,}): the scores are {sense}.")
    return fitted if chosen else 1.0


def _pick_threshold(page: CalibrationPage, degree: float) -> float:
    key = f"calibration.threshold.{page.run.id}"
    start = page.start.threshold if page.start else 0.5
    if key not in st.session_state:
        st.session_state[key] = round(100 * start) if page.threshold is None else page.threshold
    value = st.slider(
        "Answer only when the score is at least",
        0,
        100,
        step=1,
        format="%d %%",
        key=key,
        help="Below this score, the answer is “I don’t know”; a person decides about the photo.",
    )
    st.session_state[OF] = page.run.id
    keep_choice("threshold", str(value))
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption("For an accuracy of:", width="content")
        for target in _TARGETS:
            found = page.find_threshold(degree, target)
            st.button(
                f"{100 * target:.0f} %",
                key=f"calibration.target.{target}",
                disabled=found is None,
                help="The lowest threshold that reaches this accuracy on the validation photos"
                if found is not None
                else "No threshold reaches this accuracy on the validation photos",
                on_click=_set_threshold,
                args=(key, found),
            )
    # The slider has whole percents; where it was not moved, the rule stays exactly as it was.
    return start if value == round(100 * start) else value / 100


def _set_threshold(key: str, threshold: float) -> None:
    st.session_state[key] = round(100 * threshold)


def _pick_limit(page: CalibrationPage) -> float | None:
    (limit, why), saved = page.limit, page.saved
    wanted = st.toggle(
        "Refuse photos unlike all training photos",
        value=limit is not None and (saved is None or saved.unlike_limit is not None),
        disabled=limit is None,
        key=f"calibration.unlike.{page.run.id}",
        help="Out of distribution: the Mahalanobis distance of the features from the training "
        "photos is above the limit.",
    )
    st.caption(why)
    return limit if wanted else None


@cache.for_editors
def _offer_saving(page: CalibrationPage, rule: DecisionRule) -> None:
    run, saved = page.run, page.saved
    same = saved is not None and replace(rule, made=saved.made) == saved
    st.divider()
    if saved is not None:
        state = "Saved" if same else "Not saved; another rule is saved"
        st.caption(f"{state} ({moment(saved.made)}, {count(saved.n, 'validation photo')}).")
    else:
        st.caption(plain(describe_rule(page.rule)))
    if page.is_stale:
        st.warning(
            "**The saved rule is not used.** It belongs to an earlier result of this run. Save a "
            "new one.",
            icon=":material/history:",
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Save rule",
            type="primary",
            icon=":material/save:",
            disabled=same or not rule.n,
            on_click=_save,
            args=(run.id, rule),
            help="Predict, the command line and the API use the saved rule.",
        )
        if page.rule is not None:
            st.button(
                "Remove rule",
                icon=":material/delete:",
                on_click=_remove,
                args=(run.id,),
                help="The run then answers every photo.",
            )
        link_page("predict", "Try it", "photo_camera", run=run.id)


def _save(run_id: str, rule: DecisionRule) -> None:
    try:
        save_rule(cache.workspace(), run_id, rule)
    except PetalscopeError as error:  # the run was deleted in another window
        tell_after_rerun(f"Not saved. {plain(error.problem)}")
        return
    tell_after_rerun("Rule saved.")


def _remove(run_id: str) -> None:
    delete_rule(cache.workspace(), run_id)
    tell_after_rerun("Rule removed: the run answers every photo.")
