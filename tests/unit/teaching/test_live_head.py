"""The head of a lesson learns as Keras' does, equally each time, and stops when nobody asks."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import (  # type: ignore[import-untyped]
    OpenBLASController,
    threadpool_limits,
)

from core.teaching.live_head import Known, LiveRecipe, learn, spoil
from models.fitting import HeadFit, fit_head
from models.plan import FitPlan, HeadShape

CLASSES = 4


@pytest.fixture(scope="module")
def known() -> Known:
    """Features of 800 training and 2,000 validation photos, of which no head tells all apart."""
    rng = np.random.default_rng(3)
    centres = rng.normal(0, 0.22, (CLASSES, 96))
    labels = rng.integers(0, CLASSES, 2800)
    features = (centres[labels] + rng.normal(0, 1, (2800, 96))).astype(np.float32)
    return Known(
        train=features[:800],
        train_labels=labels[:800],
        validation=features[800:],
        validation_labels=labels[800:],
        n_classes=CLASSES,
    )


@pytest.mark.parametrize(
    "recipe",
    [
        LiveRecipe(seed=1),
        LiveRecipe(hidden=32, optimizer="sgd", learning_rate=0.01, dropout=0.2, epochs=8, seed=1),
    ],
)
def test_it_learns_as_keras_does(known: Known, recipe: LiveRecipe) -> None:
    *_, last = learn(known, recipe)
    hidden = (recipe.hidden,) if recipe.hidden else ()
    plan = FitPlan(
        optimizer=recipe.optimizer,
        learning_rate=recipe.learning_rate,
        epochs=recipe.epochs,
        batch_size=32,
        seed=recipe.seed,
    )
    fitted = fit_head(
        HeadFit(
            train=([known.train], known.train_labels),
            validation=([known.validation], known.validation_labels),
            standardise=False,
            shape=HeadShape(n_classes=CLASSES, hidden=hidden, dropout=recipe.dropout),
            plan=plan,
        ),
        None,
    )
    theirs = fitted.history[-1]
    assert theirs.val_accuracy is not None and theirs.val_accuracy > 0.5  # chance is 0.25
    assert last.validation_accuracy == pytest.approx(theirs.val_accuracy, abs=0.015)
    assert last.validation_loss == pytest.approx(theirs.val_loss, rel=0.05)


def test_equal_questions_have_equal_answers(known: Known) -> None:
    recipe = LiveRecipe(wrong=0.4, epochs=3)
    assert list(learn(known, recipe)) == list(learn(known, recipe))
    assert list(learn(known, recipe)) != list(learn(known, replace(recipe, seed=1)))


def test_people_who_train_at_once_get_the_curve_of_one_alone(known: Known) -> None:
    recipe = LiveRecipe(hidden=64, optimizer="sgd", dropout=0, epochs=20)
    alone = list(learn(known, recipe))
    with threadpool_limits(2), ThreadPoolExecutor(2) as people:
        OpenBLASController.clear_controlling_thread(force=True)  # any thread may set limits
        together = [people.submit(lambda: list(learn(known, recipe))) for _ in range(4)]
        assert [one.result() == alone for one in together] == 4 * [True]


def test_dropout_helps_against_wrong_labels(known: Known) -> None:
    noisy = {"wrong": 0.4, "epochs": 30, "seed": 1}
    *_, without = learn(known, LiveRecipe(dropout=0.0, **noisy))
    *_, with_it = learn(known, LiveRecipe(dropout=0.8, **noisy))
    assert with_it.validation_accuracy > without.validation_accuracy + 0.02
    assert without.accuracy > with_it.accuracy  # learnt by heart


def test_a_rate_that_is_too_high_runs_away_and_says_so(known: Known) -> None:
    recipe = LiveRecipe(hidden=16, optimizer="sgd", learning_rate=1e4, dropout=0.0, epochs=3)
    *_, last = learn(known, recipe)
    assert last.validation_loss > 1.5 or last.validation_loss == float("inf")
    assert 0 <= last.validation_accuracy < 0.5


def test_a_share_of_the_labels_is_wrong() -> None:
    labels = np.repeat(np.arange(CLASSES), [3, 10, 20, 30])
    rng = np.random.default_rng(0)
    assert (spoil(labels, 0.4, CLASSES, rng) != labels).sum() == round(0.4 * len(labels))
