"""The lesson: a question, one control, a picture that follows it, and a check question."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.charts.shares import draw_forecast, draw_shares, list_fan, list_points
from core.evaluation.intervals import wilson_interval
from core.exact.store import CURVE, find_judged_source
from core.formats import percent, plain
from core.runs.jobs import read_job
from core.runs.recipe.strategies import STRATEGIES
from core.teaching.lessons import Picture, list_lessons, list_words
from core.ui.lesson.checking import list_answered, list_pictures, say_seen, show_check, write_report
from core.ui.lesson.looking import Excited, draw_curves, draw_network, excite, list_epochs
from core.ui.lesson.reading import LESSON, SET, STEP, LessonPage, open_lesson, read_lesson_page
from core.ui.lesson.trained import MODEL, Trained, offer_training, show_preparation
from core.ui.parts import cache
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.exact import make_by_head, open_exact_head
from core.ui.parts.frame import is_dark, is_presenting, link_page
from core.ui.parts.messages import report_errors
from core.ui.parts.pickers import pick_dataset, pick_one, title_run
from core.ui.parts.state import bind_choice, keep_choice, read_stated, settle_choice
from core.ui.photos.panel import show_photo_panel
from core.ui.wall.showing import Wall, show_wall
from data.manifest import list_datasets

_UNORDERED: tuple[Picture, ...] = ("confused", "strategies")
_COLUMNS, _FEATURES = (3, 4), 2048
_ROOM = 1.6
"""Losses are drawn up to this multiple of the loss of guessing."""
_MOST_PHOTOS, _TURNED_PX, _EXCITED_PX, _BESIDE_PX = 8, 104, 88, 76
_LIT: dict[Picture, tuple[str, ...]] = {
    "excited": ("features",),
    "curves": ("head",),
    "turned": ("photo",),
    "photos": ("photo", "head"),
    "strategies": ("stages", "head"),
    "confused": ("answer",),
    "unsure": ("answer",),
}
"""Picture → the parts of the network that it is about."""
_MORE: dict[Picture, tuple[str, str]] = {
    "photos": ("metrics", "Metrics"),
    "confused": ("confusion", "Confusion"),
    "unsure": ("calibration", "Calibration"),
}
"""Picture → the page that shows it for a whole run."""


def show_lesson() -> None:
    """Draw the whole page."""
    st.html(Path(__file__).with_name("lesson.css"))
    if all(entry.problem for entry in list_datasets(cache.workspace())):
        show_preparation(None)
        return
    folders = list_lessons(cache.workspace())
    lesson = open_lesson(folders[settle_choice(LESSON, list(folders), "transfer")])
    read_stated(STEP)  # shown once the lesson is prepared
    beside, steps = st.columns(_COLUMNS, gap="medium", vertical_alignment="bottom")
    with beside.container(key="lesson_pickers"):
        dataset = pick_dataset()
    run = Trained(dataset).runs.get(MODEL)
    if run is None:
        show_preparation(dataset)
        return
    opened = open_exact_head(lambda: find_judged_source(cache.workspace(), dataset, run.id))
    if opened is None:
        return
    source, head = opened
    page = read_lesson_page(source, head, lesson)
    workspace = cache.workspace()
    known = page.forecast or read_job(workspace.analysis_folder(page.source.identify(CURVE)))
    if known is None and not workspace.read_only:
        page.source.start(workspace, CURVE)
    answered, here = list_answered(page), str(page.place + 1)
    titles = {
        str(number): f"{number}{' :material/check:' if step.key in answered else ''}"
        for number, step in enumerate(page.lesson.steps, 1)
    }
    bound = bind_choice(STEP, here, key="lesson.step", then=lambda: keep_choice(SET, None))
    with steps.container(horizontal=True, vertical_alignment="center"):
        pick_one("Step", titles, bound)
        if answered:
            done = page.text["done"].format(right=len(answered), steps=len(page.lesson.steps))
            st.caption(done, width="content")
    st.fragment(_show_step)(page)


def _show_step(page: LessonPage) -> None:
    with report_errors():  # a fragment's errors do not reach those of its page
        waits = page.missing
        left, right = st.columns(_COLUMNS, gap="medium")
        with left.container(border=True, key="lesson_card"):
            st.markdown(f"##### {page.place + 1}. {page.words.title}")
            words = page.words
            said = list_words(f"{words.question} {words.control} {words.check}")
            meanings = "\n\n".join(f"**{word}**: {meaning}" for word, meaning in said.items())
            with st.container(key="lesson_question"):
                st.markdown(words.question, help=meanings or None)
            with st.container(key="lesson_control"):
                before = _show_control(page)
        picture = right.container(border=True, key="lesson_picture")
        low = page.step.picture == "excited"
        asked = (right if low else left).container(border=not waits, key="lesson_asked")
        with picture:
            _show_network(page)
            if waits:
                make_by_head(page.source, waits, page.words.picture)
            elif not page.chosen:
                st.info(page.words.nothing, icon=":material/info:")
            else:
                _PICTURES[page.step.picture](page, before)
            if page.step.picture == "strategies" and not is_presenting():
                with st.container(horizontal=True):
                    offer_training(page.trained)
        end = (left if low else right).container(key="lesson_end")
        with asked:
            verdict = end if low else asked
            row = show_check(page, verdict) if page.chosen and not waits else asked
        if page.step.key in list_answered(page) or not (page.chosen or waits):
            with row:
                _show_next(page)
            with end.container(border=True):
                _show_end(page)
        if page.step.picture == "confused":
            show_photo_panel(page.source.dataset)


def _show_network(page: LessonPage) -> None:
    """Draw the network, with the part lit that the step is about."""
    parts, said = _LIT[page.step.picture], page.text["network"]
    excited = page.step.picture == "excited" and page.chosen
    mark = int(page.chosen) / _FEATURES if excited else None
    drawn = draw_network(parts, said.split(" → "), mark, is_dark())
    st.image(drawn, alt=said, width="stretch" if is_presenting() else "content")


def _show_control(page: LessonPage) -> str:
    """Draw the control; return its value before, or ""."""
    if not page.options:
        return ""
    key, names = f"{page.key}.before", list(page.options)
    last, before = st.session_state.get(key, ("", ""))
    if page.chosen != last:
        before = last
        st.session_state[key] = (page.chosen, before)
    bound = bind_choice(SET, page.chosen, key=f"{page.key}.control")
    draw: Any = st.selectbox if page.step.picture in _UNORDERED else st.select_slider
    if len(names) > 1 or page.step.picture in _UNORDERED:
        draw(page.words.control, names, format_func=page.options.__getitem__, **bound)
    return before if before in page.options else ""


def _say(page: LessonPage) -> dict[str, str]:
    """Return the words of a picture."""
    words = {str(name): said for name, said in page.text.items()}
    return words | {"picture": page.words.picture, "control": page.words.control}


def _show_curves(page: LessonPage, before: str) -> None:
    """Draw the measure of training and validation photos, epoch by epoch."""
    learnt = {"now": page.learn_with(float(page.chosen))}
    if before:
        learnt = {"before": page.learn_with(float(before))} | learnt
    epochs, measure, words = page.step.recipe.epochs, page.step.shows, _say(page)
    top = _ROOM * math.log(page.head.n_classes) if measure == "loss" else 1.0
    rows = list_epochs(learnt, measure, top, words)
    page.drawn.update(
        show_kept_chart(draw_curves, epochs, measure, top, words, alt=page.words.picture, rows=rows)
    )
    n = len(page.judged)
    share = learnt["now"][-1].validation_accuracy
    line = f"{page.text['right']}, {page.text['epoch']} {epochs}"
    st.caption(_say_share(page, line, round(share * n), n))


def _show_shares(page: LessonPage, before: str) -> None:
    """Draw shares of photos against the values of the control."""
    counts = page.counts
    marks = {"now": float(page.chosen)} | ({"before": float(before)} if before else {})
    words = _say(page)
    page.drawn.update(
        show_kept_chart(draw_shares, counts, marks, words, False, alt=page.words.picture)
    )
    now = counts[counts["place"] == float(page.chosen)]
    said = zip(now["line"], now["hits"], now["of"], strict=True)
    st.caption("  \n".join(_say_share(page, line, hits, of) for line, hits, of in said))


def _show_strategies(page: LessonPage, _before: str) -> None:
    """Draw accuracy by seconds of training for the lesson's run and the chosen one."""
    words = _say(page) | {"control": page.text["seconds"], "share": page.text["right"]}
    epochs = page.trained.list_epochs(page.chosen)
    page.drawn.update(show_kept_chart(draw_shares, epochs, {}, words, True, alt=page.words.picture))
    lines = []
    for name in (MODEL, page.chosen):
        run, title = page.trained.runs[name], STRATEGIES[name].title
        n, share = run.val_photos or 0, run.best_val_accuracy or 0.0
        title += "" if is_presenting() else f", {title_run(run)}"
        lines.append(_say_share(page, title, round(share * n), n))
    st.caption("  \n".join(lines))


def _say_share(page: LessonPage, line: str, hits: float, of: int) -> str:
    """Return a share in words, with its interval and n.

    Args:
        hits: A fraction where it is the mean of several samples.
    """
    low, high = (percent(end, of) for end in wilson_interval(hits, of))
    line = line[:1].upper() + line[1:]
    if is_presenting():
        return f"{line}: {percent(hits / of, of) if of else '–'} ({low} – {high}, n = {of:,})"
    words = page.text
    between = words["interval"].format(low=low, high=high, n=f"{of:,}", photos=words["validation"])
    said = f"{line}: {percent(hits / of, of) if of else '–'} ({between})"
    return said.replace(" %", "\u00a0%")  # stays on one line


def _show_forecast(page: LessonPage, before: str) -> None:
    """Draw accuracy by the number of training photos, with the forecast."""
    assert page.forecast is not None
    forecast, points, said = page.forecast, list_points(page.forecast), page.text
    marks = {"now": float(page.chosen)} | ({"before": float(before)} if before else {})
    fan, words = list_fan(forecast), _say(page) | {"share": said["right"]}
    page.drawn.update(
        show_kept_chart(draw_forecast, points, fan, marks, words, alt=page.words.picture)
    )
    row, n = points.iloc[page.number], forecast.curve.judged
    lines = [_say_share(page, said["right"], row["mean"] * n, n)]
    if row["low"] < row["high"]:  # with all photos the samples are equal
        draws = {name: percent(row[name], n) for name in ("low", "high")}
        lines.append(said["draws"].format(n=len(forecast.curve.values), **draws))
    if seen := forecast.predict(forecast.most_more):
        ahead = {name: percent(getattr(seen, name), n) for name in ("value", "low", "high")}
        photos = f"{forecast.photos + forecast.most_more:,}"
        lines.append(said["foreseen"].format(photos=photos, **ahead))
    st.caption("  \n".join(lines))


def _show_turned(page: LessonPage, _before: str) -> None:
    """Draw the rotated photo with its predictions, up to the chosen rotation."""
    turned, names = page.turned, page.source.dataset.classes
    shown = np.flatnonzero(np.abs(turned.angles) <= float(page.chosen))
    side = _TURNED_PX
    if is_presenting():  # large: unrotated and the largest rotations
        shown, side = shown[[0, len(shown) // 2, -1]], 2 * side
    st.markdown(f"**{page.words.picture}**")
    with st.container(horizontal=True, gap="small"):
        for place in shown:
            mark = ":orange[→]" if turned.flips[place] else ""
            name = plain(names[turned.answers[place]], 24)
            with st.container(width=side):
                st.image(turned.photos[place], width=side, alt=name)
                angle = f"{turned.angles[place]:+g}" if turned.angles[place] else "0"
                st.caption(f"{angle.replace('-', '−')}° {mark} {name}")


def _show_excited(page: LessonPage, _before: str) -> None:
    """Draw the training photos that activate a feature most, bright where they do."""
    st.markdown(f"**{page.words.picture}**")
    _draw_lit(page, excite(page.source.id, int(page.chosen), page.sight))


def _draw_lit(page: LessonPage, seen: Excited, side: int = _EXCITED_PX) -> None:
    """Draw photos, bright where they activate the feature, with its value and their class."""
    dataset, values = page.source.dataset, page.sight.read()[seen.photos, int(page.chosen)]
    names = [plain(dataset.classes[label], 24) for label in dataset.labels[seen.photos]]
    with st.container(horizontal=True, gap="xsmall"):
        for photo, name, value in zip(seen.lit, names, values, strict=True):
            with st.container(width=side, gap=None):
                st.image(photo, width=side, alt=name)
                st.caption(f"{name}: {value:.2f}")


def _show_confused(page: LessonPage, _before: str) -> None:
    """Draw the mistakes in a class."""
    dataset = page.source.dataset
    st.markdown(f"**{page.words.picture}: {plain(page.chosen, 60)}**")
    one = dataset.classes.index(page.chosen)
    answers = page.scores.argmax(axis=1)
    missed = (page.true == one) & (answers != one)
    taken = dict(zip(page.judged[missed].tolist(), answers[missed].tolist(), strict=True))
    wall = Wall(
        key=f"lesson.confused.{one}",
        captions=lambda photo: f"→ {dataset.classes[taken[photo]]}",
        selectable=False,
        per_page=3 if is_presenting() else _MOST_PHOTOS,
    )
    show_wall(dataset, page.judged[missed], wall)
    of = int((page.true == one).sum())
    st.caption(_say_share(page, page.text["right"], of - len(taken), of))


_PICTURES: dict[Picture, Callable[[LessonPage, str], None]] = {
    "curves": _show_curves,
    "turned": _show_turned,
    "excited": _show_excited,
    "photos": _show_forecast,
    "unsure": _show_shares,
    "confused": _show_confused,
    "strategies": _show_strategies,
}


def _show_end(page: LessonPage) -> None:
    """Draw the sentence to remember, and the ways on."""
    words, run = page.text, page.source.run
    if page.step.picture == "excited":
        photos = tuple(int(one) for one in page.beside[0])
        _draw_lit(page, excite(page.source.id, int(page.chosen), page.sight, photos), _BESIDE_PX)
    seen = say_seen(page) if page.chosen else ""
    st.markdown(f":material/lightbulb: {seen} **{words['remember']}:** {page.words.remember}")
    if page.step.picture in _MORE:
        name, title = _MORE[page.step.picture]
        link_page(name, f"{words['more']} {title}", "open_in_new", run=run)
    if page.place + 1 == len(page.lesson.steps):
        with st.container(horizontal=True):
            link_page("predict", words["own"], "photo_camera")
            link_page("metrics", words["notebook"], "code", run=run)


def _show_next(page: LessonPage) -> None:
    """Draw the button of the next step, at last the one of the answers."""
    if page.place + 1 == len(page.lesson.steps):
        report = partial(write_report, page, list_answered(page), list_pictures(page))
        label = page.text["report"]
        st.download_button(label, report, "lesson.html", icon=":material/download:")
        return

    def open_next() -> None:
        keep_choice(SET, None)
        keep_choice(STEP, str(page.place + 2))

    st.button(page.text["next"], icon=":material/arrow_forward:", on_click=open_next)
