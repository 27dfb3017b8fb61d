"""Every answer of every step on several datasets: each verdict and sentence holds on the data.

The truth is computed here again from scores, curves and features, not by `core.teaching.checks`.
"""

from collections.abc import Callable, Iterator
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.evaluation.intervals import wilson_interval
from core.exact.head import ExactHead
from core.exact.store import HeadSource, find_judged_source, prepare_curve, prepare_head
from core.runs.queue.queue import submit_run
from core.runs.result import read_result
from core.teaching.checks import NEEDS
from core.teaching.lessons import list_lessons, read_lesson
from core.ui.lesson.checking import QUESTIONS, say_seen
from core.ui.lesson.reading import LessonPage
from core.ui.parts import cache
from core.workspace import PROJECT_ROOT, Workspace
from data.importing import import_source
from tests.builders import unpack_flowers, write_class_folders
from tests.conftest import open_copy
from tests.prepared import lend_sample
from tests.training import make_recipe, train

FLOWERS = PROJECT_ROOT.parent / "shared" / "data" / "flower_photos.tgz"
PER_CLASS = 40
"""Photos of flower_photos: thousands would take minutes, and their verdicts are no different."""

Facts = dict[str, str]


def bring(kind: str, folder: Path) -> Any:
    """Return what is imported: the sample, flower_photos, or 60 drawn photos."""
    if kind == "sample":
        return "sample"
    if kind == "sixty":
        return write_class_folders(folder / "sixty", photos_per_class=20)
    if not FLOWERS.exists():
        pytest.skip("flower_photos.tgz is not in ../shared/data")
    return unpack_flowers(FLOWERS, folder, PER_CLASS)


Open = Callable[..., LessonPage]


@pytest.fixture(
    scope="module",
    params=[
        "sixty",
        pytest.param("sample", marks=pytest.mark.slow),
        pytest.param("flowers", marks=pytest.mark.slow),
    ],
)
def learnt(
    request: pytest.FixtureRequest,
    prepared: Path,
    trained_workspace: Workspace,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[HeadSource, ExactHead]]:
    """The runs, the head and the curve of the lesson on a dataset; the settings point to it."""
    folder = tmp_path_factory.mktemp("lesson")
    with (
        pytest.MonkeyPatch.context() as patch,
        open_copy(trained_workspace, folder / "workspace", patch) as workspace,
    ):
        if request.param == "sample":
            lend_sample(prepared, workspace)
        dataset = import_source(workspace, bring(request.param, folder))
        weights = "random" if request.param == "sixty" else "starter"
        for strategy in ("head", "exact"):
            recipe = make_recipe(workspace, dataset.id, strategy=strategy, weights=weights)
            run = train(workspace, submit_run(workspace, recipe)[0])
            assert run.state == "done"
        source = find_judged_source(workspace, dataset, run.id)
        prepare_curve(workspace, source, lambda *_: None)
        yield source, prepare_head(workspace, source)


@pytest.fixture
def open_step(learnt: tuple[HeadSource, ExactHead], address: Callable[..., None]) -> Open:
    """A function that opens a step of the lesson, with its control set."""
    source, head = learnt
    lesson = read_lesson(list_lessons(cache.workspace())["transfer"])

    def open_one(place: int, **link: str) -> LessonPage:
        address(**link)
        return LessonPage(lesson=lesson, place=place, source=source, head=head, person=7)

    return open_one


def figure(said: str) -> float:
    return float(said.split()[0]) / 100


def hold_rate(page: LessonPage, answer: int, wrong: str, facts: Facts) -> bool:
    shares = [page.learn_with(value)[-1].validation_accuracy for value in page.step.values]
    target = figure(facts["target"])
    assert abs(figure(facts["reached"]) - shares[answer]) < 0.006
    assert (figure(facts["reached"]) >= target) == (not wrong)
    assert wrong == "" or shares[answer] < max(shares)  # the most right answers are right
    return {
        "": shares[answer] >= target,
        "too_slow": shares[answer] < target <= max([0, *shares[answer + 1 :]]),
        "too_fast": shares[answer] < target <= max([0, *shares[:answer]]),
    }[wrong]


def hold_epoch(page: LessonPage, answer: int, wrong: str, _facts: Facts) -> bool:
    losses = [one.validation_loss for one in page.learn_with(float(page.chosen))]
    here, best = losses[answer - 1], min(losses)
    return {
        "": here <= 1.01 * best or abs(losses.index(best) - answer + 1) <= 2,
        "too_early": min([np.inf, *losses[answer:]]) < here,
        "too_late": min([np.inf, *losses[: answer - 1]]) < here,
    }[wrong]


def hold_flip(page: LessonPage, answer: int, wrong: str, facts: Facts) -> bool:
    turned, values = page.turned, page.step.values
    plain = turned.answers[len(turned.answers) // 2]
    changed = [bool((turned.answers[abs(turned.angles) == one] != plain).any()) for one in values]
    assert (facts["first"] == "never") == (not any(changed))
    return {
        "": not any(changed[:answer]) and (answer == len(values) or changed[answer]),
        "too_small": not changed[min(answer, len(values) - 1)],
        "too_large": any(changed[:answer]),
    }[wrong]


def hold_photos(page: LessonPage, answer: int, wrong: str, facts: Facts) -> bool:
    assert page.forecast is not None
    means, target = page.forecast.curve.means, figure(facts["target"])
    reached = means >= target - 1e-12
    assert (figure(facts["reached"]) >= target) == reached[answer]
    return bool(
        {
            "": reached[answer] and not reached[:answer].any(),
            "too_few": not reached[answer],
            "too_many": reached[answer] and reached[:answer].any(),
        }[wrong]
    )


def hold_class(page: LessonPage, answer: int, wrong: str, facts: Facts) -> bool:
    answers = page.head.outputs[page.judged].argmax(axis=1)[page.true == page.asked]
    counts = np.bincount(answers[answers != page.asked], minlength=page.head.n_classes)
    assert (facts["times"], facts["photos"]) == (str(counts[answer]), str(counts.max()))
    return bool((counts[answer] == counts.max()) == (not wrong))


def hold_threshold(page: LessonPage, answer: int, wrong: str, facts: Facts) -> bool:
    tops, right = page.scores.max(axis=1), page.scores.argmax(axis=1) == page.true
    reached, target = [], figure(facts["target"])
    for value in page.step.values:
        some = tops >= value / 100
        low = wilson_interval(int(right[some].sum()), int(some.sum()))[0]
        reached.append(some.sum() >= 20 and low >= target - 1e-12)
    return {
        "": reached[answer] and not any(reached[:answer]),
        "too_low": not reached[answer] and any(reached[answer + 1 :]),
        "too_high": reached[answer] and any(reached[:answer]),
        "too_few": not reached[answer] and any(reached[:answer]),
    }[wrong]


def hold_excited(page: LessonPage, answer: tuple[int, ...], wrong: str, _facts: Facts) -> bool:
    values = page.sight.read()[page.beside[0], int(page.chosen)]
    if len(answer) != 1:
        return wrong == "not_one"
    is_most = values[page.beside[0] == answer[0]][0] == values.max()
    assert (values == values.max()).sum() == 1  # the question has one answer
    return bool(wrong == ("" if is_most else "not_this"))


def hold_need(page: LessonPage, answer: int, wrong: str, _facts: Facts) -> bool:
    needed = page.trained.compare(page.chosen).photos_needed or np.inf
    most = NEEDS[answer] if answer < len(NEEDS) else np.inf
    enough, fewer = most >= needed, answer > 0 and NEEDS[answer - 1] >= needed
    return {"": enough and not fewer, "too_few": not enough, "too_many": enough and fewer}[wrong]


def list_pictures(page: LessonPage) -> list[Any]:
    photos = [int(one) for one in page.beside[0]]
    return list(chain.from_iterable(combinations(photos, n) for n in range(5)))


ANSWERS: dict[str, tuple[Callable[[LessonPage], Any], Callable[..., bool]]] = {
    "reach_accuracy": (lambda page: [page.number], hold_rate),
    "best_epoch": (lambda page: range(1, page.step.recipe.epochs + 1), hold_epoch),
    "first_flip": (lambda page: range(len(page.options) + 1), hold_flip),
    "enough_photos": (lambda page: [page.number], hold_photos),
    "most_taken": (
        lambda page: [one for one in range(page.head.n_classes) if one != page.asked],
        hold_class,
    ),
    "reach_right": (lambda page: [page.number], hold_threshold),
    "most_excited": (list_pictures, hold_excited),
    "need_photos": (lambda _: range(len(NEEDS) + 1), hold_need),
}


@pytest.mark.slow
def test_all_answers_have_verdicts_that_hold(open_step: Open) -> None:
    for place, step in enumerate(open_step(0).lesson.steps):
        page = open_step(place)
        if not page.options:
            assert step.picture == "confused" or len(page.judged) < 20, step.key
            continue
        list_answers, hold = ANSWERS[step.check]
        rights = 0
        for value in page.options:
            page = open_step(place, set=value)
            question = QUESTIONS[step.check]
            for answer in list_answers(page):
                verdict = question.judge(page, answer)
                facts = question.facts(page) | verdict.facts
                assert hold(page, answer, verdict.wrong, facts), (step.key, value, answer, verdict)
                words = page.words.wrong[verdict.wrong] if verdict.wrong else page.words.right
                assert "{" not in words.format_map(facts) and say_seen(page)
                rights += not verdict.wrong
        assert rights, step.key


def test_one_model_answers_in_all_steps_and_on_the_pages_they_link_to(open_step: Open) -> None:
    page = open_step(0)
    result = read_result(cache.workspace(), page.source.run)
    photos = result.photo_numbers("validation")
    share = float((result.scores[photos].argmax(axis=1) == result.labels[photos]).mean())
    assert np.array_equal(photos, page.judged)
    assert np.array_equal(result.scores[photos].argmax(axis=1), page.scores.argmax(axis=1))
    assert page.matrix.trace() / page.matrix.sum() == pytest.approx(share)
    by_key = {step.key: place for place, step in enumerate(page.lesson.steps)}
    forecast = open_step(by_key["photos"]).forecast
    assert forecast is not None and forecast.curve.means[-1] == pytest.approx(share)
    strategies = open_step(by_key["strategies"])
    compared = strategies.trained.compare(strategies.chosen)
    assert compared.accuracy_a == pytest.approx(share)
    assert not np.isin(page.judged, page.source.train).any()  # it learnt from none that judge
