"""The check questions: what is asked, what takes the answer, who judges it, what is taken home."""

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
"""Width of a chart that is taken home: on the page it is as wide as its place."""


class Question(NamedTuple):
    """A kind of check question."""

    facts: Callable[[LessonPage], dict[str, str]]
    """What the words of the question name."""
    ask: Callable[[LessonPage], Any]
    """Draws what takes the answer, and returns it."""
    judge: Callable[[LessonPage, Any], Verdict]


def _take_setting(page: LessonPage) -> int:
    """Return where the control stands: it is the answer."""
    return page.number


def _find_limit(page: LessonPage) -> float:
    return checks.find_limit([page.learn_with(rate)[:EPOCH] for rate in page.step.values])


def _judge_rate(page: LessonPage, number: int) -> Verdict:
    epochs = page.learn_with(page.step.values[number])[:EPOCH]
    return checks.judge_rate(epochs, _find_limit(page))


def _ask_epoch(page: LessonPage) -> int:
    last, key = page.step.recipe.epochs, f"{page.key}.epoch"
    return int(st.number_input(page.text["epoch"], 1, last, key=key))


def _judge_epoch(page: LessonPage, asked: int) -> Verdict:
    return checks.judge_epoch(page.learn_with(float(page.chosen)), asked)


def _judge_flip(page: LessonPage, asked: int) -> Verdict:
    """A turn to the left or to the right counts alike."""
    turned, values = page.turned, page.step.values
    at = [np.abs(turned.angles) == value for value in values]
    flips = [bool(turned.flips[both].any()) for both in at]
    called = [turned.answers[both][turned.flips[both].argmax()] for both in at]
    names = [page.source.dataset.classes[answer] for answer in called]
    return checks.judge_flip(values, flips, names, asked)


def _ask_labels(page: LessonPage) -> tuple[int, ...]:
    photos, said, _ = page.planted
    names = page.source.dataset.classes
    under = {int(photo): names[label] for photo, label in zip(photos, said, strict=True)}
    wall = Wall(key=f"{page.key}.labels", captions=under.__getitem__, opens=False)
    return show_wall(page.source.dataset, photos, wall).selected


def _judge_labels(page: LessonPage, chosen: tuple[int, ...]) -> Verdict:
    photos, _, wrong = page.planted
    return checks.judge_labels(photos[wrong].tolist(), chosen)


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


def _judge_gap(page: LessonPage, asked: int) -> Verdict:
    assert page.stages is not None  # the picture is drawn
    own, random = (one["share"].to_numpy() for _, one in page.stages.groupby("line", sort=False))
    return checks.judge_gap(own, random, int(page.stages["of"].iloc[0]), asked)


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
        lambda page: {"limit": checks.say_loss(_find_limit(page))}, _take_setting, _judge_rate
    ),
    "best_epoch": Question(lambda _: {}, _ask_epoch, _judge_epoch),
    "first_flip": Question(lambda _: {}, _take_setting, _judge_flip),
    "enough_photos": Question(_say_target, _take_setting, _judge_photos),
    "wrong_labels": Question(lambda _: {}, _ask_labels, _judge_labels),
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
    "widest_gap": Question(lambda _: {}, _take_setting, _judge_gap),
    "need_photos": Question(
        _say_need,
        _ask_need,
        lambda page, asked: checks.judge_need(page.trained.compare(page.chosen), asked),
    ),
}


def show_check(page: LessonPage) -> None:
    """Draw the question about the picture, take the answer, and say what the picture says."""
    question = QUESTIONS[page.step.check]
    words, key = page.text, f"{page.key}.verdict"
    st.markdown(page.words.check.format_map(question.facts(page)))
    answer = question.ask(page)
    if st.button(words["check"], type="primary", icon=":material/check:", key=f"{page.key}.check"):
        verdict = question.judge(page, answer)
        st.session_state[key] = (page.chosen, answer, verdict)
    *about, verdict = st.session_state.get(key, (None, None, None))
    if about == [page.chosen, answer]:  # what was said of another answer is gone
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
    """Return the steps that this person answered right, with setting and answer."""
    answered: dict[str, str] = st.session_state.setdefault(f"lesson.{page.lesson.key}.right", {})
    return answered


def list_pictures(page: LessonPage) -> dict[str, str]:
    """Return the charts of the steps that were answered right, as JSON of Vega-Lite."""
    pictures: dict[str, str] = st.session_state.setdefault(f"lesson.{page.lesson.key}.pictures", {})
    return pictures


def write_report(page: LessonPage, answered: Mapping[str, str], drawn: Mapping[str, str]) -> str:
    """Return what was answered right and the charts of it, as HTML."""
    dataset, said = page.source.dataset, page.text["photos"]
    about = f"{plain(dataset.name)} ({dataset.id}): {len(dataset):,} {said}"
    pictures = {
        step: data_uri(draw_png(json.loads(spec) | {"width": _CHART_PX}), "image/png")
        for step, spec in drawn.items()
    }
    return write_answers(page.lesson, about, answered, pictures)
