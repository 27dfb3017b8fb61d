"""The verdicts on learning curves."""

import pytest

from core.evaluation.learning import Learning, judge_learning

FALLING = (1.0, 0.8, 0.65, 0.55, 0.47, 0.4, 0.34, 0.29, 0.25, 0.22)


def judge(
    losses: tuple[float | None, ...],
    val_losses: tuple[float | None, ...],
    *,
    val_photos: int = 500,
    accuracy: float | None = 0.9,
    running: float = 0.9,
    val_accuracy: float | tuple[float, ...] | None = 0.85,
    ended: bool = True,
) -> Learning:
    epochs = [
        {
            "epoch": number,
            "loss": loss,
            "accuracy": running,
            "train_accuracy": accuracy,
            "val_loss": val_loss,
            "val_accuracy": None
            if val_loss is None
            else val_accuracy[number - 1]
            if isinstance(val_accuracy, tuple)
            else val_accuracy,
        }
        for number, (loss, val_loss) in enumerate(zip(losses, val_losses, strict=True), 1)
    ]
    judged = [epoch for epoch in epochs if epoch["val_loss"] is not None]
    best = min(judged, key=lambda epoch: epoch["val_loss"])["epoch"] if judged else None
    return judge_learning(epochs, best, val_photos, ended=ended)


def test_overfitting_begins_after_the_best_epoch() -> None:
    said = judge(FALLING, (1.0, 0.9, 0.8, 0.75, 0.7, 0.73, 0.76, 0.8, 0.84, 0.9))
    assert (said.verdict, said.since) == ("overfitting", 6)
    assert said.sentence.startswith("Overfitting since epoch 6:")


def test_overfitting_mentions_the_validation_accuracy() -> None:
    losses = (1.0, 0.9, 0.8, 0.75, 0.7, 0.73, 0.76, 0.8, 0.84, 0.9)
    climbing = (0.5, 0.6, 0.7, 0.8, 0.84, 0.84, 0.85, 0.86, 0.865, 0.87)
    said = judge(FALLING, losses, val_accuracy=climbing)
    assert said.verdict == "overfitting"
    assert "Accuracy did not fall (from 84.0 % to 87.0 %)" in said.sentence
    said = judge(FALLING, losses, val_accuracy=climbing[::-1])
    assert "Validation accuracy went from 84.0 % to 50.0 %." in said.sentence


def test_a_running_mean_is_not_compared_with_validation() -> None:
    said = judge(FALLING, FALLING, running=0.80, accuracy=0.90, val_accuracy=0.86)
    assert said.gap == pytest.approx(0.04)
    assert "4.0 points above validation: the model fits" in said.gap_sentence
    said = judge(FALLING, FALLING, running=0.80, accuracy=None, val_accuracy=0.86)
    assert said.gap is None and said.gap_sentence == ""


@pytest.mark.parametrize(
    ("ended", "words"), [(True, "more epochs may help"), (False, "Still learning")]
)
def test_a_loss_that_still_falls_asks_for_more_epochs(ended: bool, words: str) -> None:
    said = judge(FALLING, tuple(loss + 0.1 for loss in FALLING), ended=ended)
    assert said.verdict == "learning"
    assert "epoch 10" in said.sentence and words in said.sentence


def test_a_loss_that_is_not_a_number_blames_the_learning_rate() -> None:
    said = judge((1.0, 5.0, None), (1.0, 9.0, None))
    assert (said.verdict, said.since) == ("diverged", 3)
    assert "learning rate is too high" in said.sentence


SLOW_END = (1.0, 0.8, 0.6, 0.5, 0.452, 0.4515, 0.451, 0.4508, 0.4505, 0.45)
NOISY_END = (1.0, 0.9, 0.8, 0.75, 0.7, 0.705, 0.71, 0.7, 0.712, 0.705)
ONE_GOOD_EPOCH = (1.0, 0.9, 0.8, 0.75, 0.7, 0.8, 0.85, 0.8, 0.71, 0.8)
BOTH_RISE = ((1.0, 0.8, 0.7, 0.75, 0.8, 0.85, 0.9), (1.0, 0.9, 0.85, 0.9, 0.95, 1.0, 1.1))
HIGH_RATE = (0.6, 0.62, 0.66, 0.7, 0.75)


@pytest.mark.parametrize(
    ("losses", "val_losses", "verdict", "since"),
    [
        (FALLING[:6], (1.0, 0.9, 0.8, 0.75, 0.7, 0.9), "learning", None),  # one worse epoch
        (FALLING, NOISY_END, "flat", 5),
        (FALLING, ONE_GOOD_EPOCH, "flat", 5),
        (FALLING, SLOW_END, "flat", 5),
        (*BOTH_RISE, "diverged", 4),  # not overfitting
        ((1.4, 0.7, 0.75, 0.78, 0.8), HIGH_RATE, "diverged", 2),
        ((1.4, 1.0, 0.95, 0.9, 0.85), HIGH_RATE, "diverged", 2),  # the training loss is higher, too
        ((1.0, 0.9, 1.5, 3.0), (1.0, 0.9, 2.0, 4.0), "diverged", 3),  # from its first rise
    ],
)
def test_curves_have_a_verdict(
    losses: tuple[float, ...], val_losses: tuple[float, ...], verdict: str, since: int | None
) -> None:
    said = judge(losses, val_losses)
    assert (said.verdict, said.since) == (verdict, since)


def test_a_constant_loss_is_stuck_unless_it_is_low() -> None:
    assert judge((1.6,) * 6, (1.61,) * 6, running=0.2).verdict == "stuck"
    assert judge((0.01,) * 6, (0.01,) * 6, running=1.0).verdict != "stuck"


@pytest.mark.parametrize("epochs", [0, 1, 3])
def test_few_epochs_show_no_trend(epochs: int) -> None:
    assert judge(FALLING[:epochs], FALLING[:epochs]).verdict == "early"


def test_without_validation_photos_there_is_no_verdict() -> None:
    said = judge(FALLING, (None,) * 10, val_photos=0)
    assert (said.verdict, said.gap, said.gap_sentence) == ("unjudged", None, "")


@pytest.mark.parametrize(
    ("accuracy", "val_accuracy", "n", "words"),
    [
        (0.95, 0.85, 500, "10.0 points above validation: the model fits its training photos"),
        (0.95, 0.85, 40, "10 points above validation: within noise"),
        (0.80, 0.90, 500, "10.0 points below validation: the validation photos"),
        (1.0, 1.0, 75, "0 points above validation: within noise"),
    ],
)
def test_the_gap_is_compared_with_noise(
    accuracy: float, val_accuracy: float, n: int, words: str
) -> None:
    said = judge(FALLING, FALLING, accuracy=accuracy, val_accuracy=val_accuracy, val_photos=n)
    assert words in said.gap_sentence
    assert said.gap == pytest.approx(accuracy - val_accuracy)
