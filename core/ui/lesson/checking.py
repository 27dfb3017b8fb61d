"""The check questions: their words, their inputs, their verdicts, and the file with all answers."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.theme import draw_png
from core.formats import data_uri, percent, plain
from core.teaching import checks
from core.teaching.checks import EPOCH, NEEDS, Check, Verdict
from core.teaching.lessons import write_answers
from core.ui.lesson.reading import LessonPage
from core.ui.wall.showing import Wall, show_wall

_CHART_PX = 600
"""Width of a chart in the file."""


class Question(NamedTuple):
    """A kind of check question."""

    facts: Callable[[LessonPage], dict[str, str]]
    """Facts for the words of the question."""
    ask: Callable[[LessonPage], Any]
    """Draws the input and returns the answer."""
    judge: Callable[[LessonPage, Any], Verdict]


def _take_setting(page: LessonPage) -> int:
    """Return the place of the control, which is the answer."""
    return page.number


def _judge_rate(page: LessonPage, number: int) -> Verdict:
    epochs = page.learn_with(page.step.values[number])[:EPOCH]
    return checks.judge_rate(epochs, page.limit)


def _ask_epoch(page: LessonPage) -> int:
    last, key = page.step.recipe.epochs, f"{page.key}.epoch"
    return int(st.number_input(page.text["epoch"], 1, last, key=key))


def _judge_epoch(page: LessonPage, asked: int) -> Verdict:
    return checks.judge_epoch(page.learn_with(float(page.chosen)), asked)


def _judge_flip(page: LessonPage, asked: int) -> Verdict:
    """Judge the rotation; both directions count."""
    turned, values = page.turned, page.step.values
    at = [np.abs(turned.angles) == value for value in values]
    flips = [bool(turned.flips[both].any()) for both in at]
    called = [turned.answers[both][turned.flips[both].argmax()] for both in at]
    names = [page.source.dataset.classes[answer] for answer in called]
    return checks.judge_flip(values, flips, names, asked)


def _ask_excited(page: LessonPage) -> tuple[int, ...]:
    photos, _ = page.beside
    wall = Wall(key=f"{page.key}.excited.{page.chosen}", opens=False)
    return show_wall(page.source.dataset, photos, wall).selected


def _judge_excited(page: LessonPage, chosen: tuple[int, ...]) -> Verdict:
    photos, values = page.beside
    of = dict(zip(page.judged.tolist(), values.tolist(), strict=True))
    return checks.judge_excited({int(one): of[int(one)] for one in photos}, values, chosen)


def _ask_class(page: LessonPage) -> int:
    names = page.source.dataset.classes
    others = [one for one in range(len(names)) if one != page.asked]
    return st.selectbox(
        page.words.control,
        others,
        format_func=names.__getitem__,
        key=f"{page.key}.class",
        label_visibility="collapsed",
    )


def _ask_need(page: LessonPage) -> int:
    return st.select_slider(
        page.words.check,
        range(len(NEEDS) + 1),
        format_func=checks.say_need,
        key=f"{page.key}.need",
        label_visibility="collapsed",
    )


def _say_need(page: LessonPage) -> dict[str, str]:
    run = plain(page.options[page.chosen], 60)
    return checks.judge_need(page.trained.compare(page.chosen), 0).facts | {"run": run}


def _judge_photos(page: LessonPage, asked: int) -> Verdict:
    assert page.forecast is not None  # the picture is drawn
    one = page.forecast.curve
    return checks.judge_photos(one.sizes.tolist(), one.means, one.judged, page.target, asked)


def _say_target(page: LessonPage) -> dict[str, str]:
    return {"target": percent(page.target, 1)}


QUESTIONS: dict[Check, Question] = {
    "reach_loss": Question(
        lambda page: {"limit": checks.say_loss(page.limit)}, _take_setting, _judge_rate
    ),
    "best_epoch": Question(lambda _: {}, _ask_epoch, _judge_epoch),
    "first_flip": Question(lambda _: {}, _take_setting, _judge_flip),
    "enough_photos": Question(_say_target, _take_setting, _judge_photos),
    "most_taken": Question(
        lambda page: {"class": plain(page.source.dataset.classes[page.asked], 60)},
        _ask_class,
        lambda page, asked: checks.judge_confusion(
            page.matrix, page.source.dataset.classes, page.asked, asked
        ),
    ),
    "reach_right": Question(
        _say_target,
        _take_setting,
        lambda page, asked: checks.judge_threshold(
            page.by_threshold, len(page.judged), page.target, asked
        ),
    ),
    "most_excited": Question(lambda page: {"feature": page.chosen}, _ask_excited, _judge_excited),
    "need_photos": Question(
        _say_need,
        _ask_need,
        lambda page, asked: checks.judge_need(page.trained.compare(page.chosen), asked),
    ),
}


def show_check(page: LessonPage) -> None:
    """Draw the question, its input and the verdict."""
    question = QUESTIONS[page.step.check]
    words, key = page.text, f"{page.key}.verdict"
    st.markdown(page.words.check.format_map(question.facts(page)))
    answer = question.ask(page)
    if st.button(words["check"], type="primary", icon=":material/check:", key=f"{page.key}.check"):
        verdict = question.judge(page, answer)
        st.session_state[key] = (page.chosen, answer, verdict)
    *about, verdict = st.session_state.get(key, (None, None, None))
    if about == [page.chosen, answer]:  # a verdict on another answer disappears
        _say_verdict(page, verdict)


def _say_verdict(page: LessonPage, verdict: Verdict) -> None:
    asked = QUESTIONS[page.step.check].facts(page)
    said = asked | {name: plain(fact, 60) for name, fact in verdict.facts.items()}
    if verdict.wrong:
        st.warning(page.words.wrong[verdict.wrong].format_map(said), icon=":material/replay:")
        return
    right = page.words.right.format_map(said)
    st.success(right, icon=":material/check_circle:")
    list_answered(page)[page.step.key] = (
        f"{page.words.control}: {page.options[page.chosen]}. {right}"
    )
    if page.drawn:
        rows = partial(pd.DataFrame.to_dict, orient="records")
        list_pictures(page)[page.step.key] = json.dumps(page.drawn, default=rows)


def list_answered(page: LessonPage) -> dict[str, str]:
    """Return the correctly answered steps, with setting and answer."""
    answered: dict[str, str] = st.session_state.setdefault(f"lesson.{page.lesson.key}.right", {})
    return answered


def list_pictures(page: LessonPage) -> dict[str, str]:
    """Return the charts of the correctly answered steps, as JSON of Vega-Lite."""
    pictures: dict[str, str] = st.session_state.setdefault(f"lesson.{page.lesson.key}.pictures", {})
    return pictures


def write_report(page: LessonPage, answered: Mapping[str, str], drawn: Mapping[str, str]) -> str:
    """Return the correct answers and their charts as HTML."""
    dataset, said = page.source.dataset, page.text["photos"]
    about = f"{plain(dataset.name)} ({dataset.id}): {len(dataset):,} {said}"
    pictures = {
        step: data_uri(draw_png(json.loads(spec) | {"width": _CHART_PX}), "image/png")
        for step, spec in drawn.items()
    }
    return write_answers(page.lesson, about, answered, pictures)
