"""The check questions: their words, their inputs, their verdicts, and the file with all answers."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.charts.theme import draw_png
from core.evaluation.intervals import wilson_interval
from core.formats import data_uri, duration, percent, plain, points, say_p
from core.teaching import checks
from core.teaching.checks import NEEDS, Check, Verdict
from core.teaching.lessons import write_answers
from core.ui.lesson.looking import excite
from core.ui.lesson.reading import LessonPage

_CHART_PX = 600
"""Width of a chart in the file."""
_PHOTO_PX, _PHOTOS_PX = 74, 440


class Question(NamedTuple):
    """A kind of check question."""

    facts: Callable[[LessonPage], dict[str, str]]
    """Facts for the words of the question."""
    ask: Callable[[LessonPage], Any]
    """Draws the input and returns the answer."""
    judge: Callable[[LessonPage, Any], Verdict]
    see: Callable[[LessonPage], dict[str, str]]
    """Facts for the sentence about the person's own picture."""


def _take_setting(page: LessonPage) -> int:
    """Return the place of the control, which is the answer."""
    return page.number


def _judge_rate(page: LessonPage, number: int) -> Verdict:
    return checks.judge_rate(page.learnt_shares, len(page.judged), page.target, number)


def _see_rates(page: LessonPage) -> dict[str, str]:
    reach = checks.reaches(page.learnt_shares, page.target)
    rates = [said for said, one in zip(page.options.values(), reach, strict=True) if one]
    return _say_target(page) | {"rates": ", ".join(rates)}


def _ask_epoch(page: LessonPage) -> int:
    last, key = page.step.recipe.epochs, f"{page.key}.epoch"
    return int(st.number_input(page.text["epoch"], 1, last, key=key))


def _judge_epoch(page: LessonPage, asked: int) -> Verdict:
    return checks.judge_epoch(page.learn_with(float(page.chosen)), asked)


def _see_epochs(page: LessonPage) -> dict[str, str]:
    """Return the best epoch by value of the control."""
    best = (
        judged.facts["best"]
        for judged in (checks.judge_epoch(page.learn_with(value), 1) for value in page.step.values)
    )
    stops = (f"{said} → {one}" for one, said in zip(best, page.options.values(), strict=True))
    return {"stops": ", ".join(stops)}


def _ask_flip(page: LessonPage) -> int:
    said = [*page.options.values(), page.text["never"]]
    return _choose_place(page, range(len(said)), said.__getitem__, "flip")


def _choose_place(
    page: LessonPage, places: Sequence[int], say: Callable[[int], str], name: str
) -> int:
    """Draw a list of answers and return the place of the chosen one."""
    key = f"{page.key}.{name}"
    return st.selectbox(
        page.words.control, places, format_func=say, key=key, label_visibility="collapsed"
    )


def _judge_flip(page: LessonPage, asked: int) -> Verdict:
    """Judge the rotation; both directions count."""
    turned, values = page.turned, page.step.values
    at = [np.abs(turned.angles) == value for value in values]
    flips = [bool(turned.flips[both].any()) for both in at]
    called = [turned.answers[both][turned.flips[both].argmax()] for both in at]
    names = [page.source.dataset.classes[answer] for answer in called]
    return checks.judge_flip(values, flips, names, asked)


def _ask_excited(page: LessonPage) -> tuple[int, ...]:
    photos, names = page.beside[0].tolist(), [str(place) for place in range(1, 5)]
    with st.container(width=_PHOTOS_PX, horizontal=True, gap="xsmall"):
        for one, name in zip(photos, names, strict=True):
            shown = page.source.dataset.read_photo(one)
            st.image(shown, caption=name, width=_PHOTO_PX, alt=name)
    chosen = st.segmented_control(
        page.words.check,
        photos,
        format_func=dict(zip(photos, names, strict=True)).__getitem__,
        key=f"{page.key}.excited.{page.chosen}",
        label_visibility="collapsed",
    )
    return () if chosen is None else (chosen,)


def _judge_excited(page: LessonPage, chosen: tuple[int, ...]) -> Verdict:
    photos, values = page.beside
    of = dict(zip(page.judged.tolist(), values.tolist(), strict=True))
    return checks.judge_excited({int(one): of[int(one)] for one in photos}, values, chosen)


def _ask_class(page: LessonPage) -> int:
    names = page.source.dataset.classes
    others = [one for one in range(len(names)) if one != page.asked]
    return _choose_place(page, others, names.__getitem__, "class")


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


def _see_runs(page: LessonPage) -> dict[str, str]:
    one, epochs = page.trained.compare(page.chosen), page.trained.list_epochs(page.chosen)
    ends = epochs.groupby("line", sort=False)["place"].max()
    return {
        "run": plain(page.options[page.chosen], 60),
        "seconds": duration(ends.iloc[-1]),
        "longer": duration(ends.iloc[0]),
        "points": points(one.difference, one.n),
        "p": say_p(one.p_value),
    }


def _judge_photos(page: LessonPage, asked: int) -> Verdict:
    assert page.forecast is not None  # the picture is drawn
    one = page.forecast.curve
    return checks.judge_photos(one.sizes.tolist(), one.means, one.judged, page.target, asked)


def _see_photos(page: LessonPage) -> dict[str, str]:
    """Return the gain of about the first and the last doubling of the photos."""
    assert page.forecast is not None  # the picture is drawn
    one = page.forecast.curve
    sizes, last = one.sizes, len(one.sizes) - 1
    more = int(np.abs(sizes / sizes[0] - 2).argmin())
    half = int(np.abs(sizes / sizes[-1] - 0.5).argmin())
    named = {"few": 0, "more": more, "half": half, "photos": last}
    gains = {"early": one.means[more] - one.means[0], "late": one.means[last] - one.means[half]}
    facts = {name: f"{sizes[place]:,}" for name, place in named.items()}
    return facts | {name: points(float(gain), one.judged) for name, gain in gains.items()}


def _see_mistakes(page: LessonPage) -> dict[str, str]:
    lost = int(page.matrix[page.missed[0]].sum() - page.matrix.diagonal()[page.missed[0]])
    name = plain(page.source.dataset.classes[page.missed[0]], 60)
    every = int(page.matrix.sum() - page.matrix.trace())
    return {"class": name, "lost": str(lost), "mistakes": str(every)}


def _see_threshold(page: LessonPage) -> dict[str, str]:
    answered, right = page.by_threshold[page.number].tolist()
    low, high = (percent(end, answered) for end in wilson_interval(right, answered))
    share = percent(right / answered if answered else np.nan, answered)
    n = len(page.judged)
    every = percent(float((page.scores.argmax(axis=1) == page.true).mean()), n)
    return {"share": share, "low": low, "high": high, "every": every}


def _see_excited(page: LessonPage) -> dict[str, str]:
    photos = excite(page.source.id, int(page.chosen), page.sight).photos
    [(label, same)] = Counter(page.source.dataset.labels[photos].tolist()).most_common(1)
    name = plain(page.source.dataset.classes[label], 60)
    return {"same": str(same), "of": str(len(photos)), "class": name}


def _say_target(page: LessonPage) -> dict[str, str]:
    return {"target": percent(page.target, 1).replace(" ", "\u00a0")}  # stays on one line


QUESTIONS: dict[Check, Question] = {
    "reach_accuracy": Question(_say_target, _take_setting, _judge_rate, _see_rates),
    "best_epoch": Question(lambda _: {}, _ask_epoch, _judge_epoch, _see_epochs),
    "first_flip": Question(
        lambda _: {},
        _ask_flip,
        _judge_flip,
        lambda page: {"first": _judge_flip(page, 0).facts["first"]},
    ),
    "enough_photos": Question(_say_target, _take_setting, _judge_photos, _see_photos),
    "most_taken": Question(
        lambda page: {"class": plain(page.source.dataset.classes[page.asked], 60)},
        _ask_class,
        lambda page, asked: checks.judge_confusion(
            page.matrix, page.source.dataset.classes, page.asked, asked
        ),
        _see_mistakes,
    ),
    "reach_right": Question(
        _say_target,
        _take_setting,
        lambda page, asked: checks.judge_threshold(
            page.by_threshold, len(page.judged), page.target, asked
        ),
        _see_threshold,
    ),
    "most_excited": Question(
        lambda page: {"feature": page.chosen}, _ask_excited, _judge_excited, _see_excited
    ),
    "need_photos": Question(
        _say_need,
        _ask_need,
        lambda page, asked: checks.judge_need(page.trained.compare(page.chosen), asked),
        _see_runs,
    ),
}


def show_check(page: LessonPage, beside: DeltaGenerator) -> DeltaGenerator:
    """Draw the question and its input, and `beside` the verdict; return the row of the input."""
    question = QUESTIONS[page.step.check]
    words, key = page.text, f"{page.key}.verdict"
    st.markdown(page.words.check.format_map(question.facts(page)))
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        answer = question.ask(page)
        checks_now = st.button(
            words["check"], type="primary", icon=":material/check:", key=f"{page.key}.check"
        )
    if checks_now:
        st.session_state[key] = (page.chosen, answer, question.judge(page, answer))
    *about, verdict = st.session_state.get(key, (None, None, None))
    if about == [page.chosen, answer]:  # a verdict on another answer disappears
        with beside:
            _say_verdict(page, verdict)
    return row


def _say_verdict(page: LessonPage, verdict: Verdict) -> None:
    asked = QUESTIONS[page.step.check].facts(page)
    facts = {name: plain(fact, 60) for name, fact in verdict.facts.items()}
    said = asked | {name: fact.replace(" %", "\u00a0%") for name, fact in facts.items()}
    if verdict.wrong:
        st.warning(page.words.wrong[verdict.wrong].format_map(said), icon=":material/replay:")
        return
    right = page.words.right.format_map(said)
    st.success(right, icon=":material/check_circle:")
    list_answered(page)[page.step.key] = (
        f"{page.words.control}: {page.options[page.chosen]}. {right} {say_seen(page)}"
    )
    if page.drawn:
        list_pictures(page)[page.step.key] = json.dumps(page.drawn, default=pa.Table.to_pylist)


def say_seen(page: LessonPage) -> str:
    """Return the sentence about the person's own picture."""
    return page.words.seen.format_map(QUESTIONS[page.step.check].see(page))


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
