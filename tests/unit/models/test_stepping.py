"""Steps: means over an epoch, batches that are computed in parts, and a device without memory."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.fitting import make_deterministic
from models.head import build_head
from models.plan import FitPlan, HeadShape, KeptViews, read_ahead
from models.stepping import Pass, Seen, Stepper, _mix

PHOTOS = 48
SPREAD = np.zeros(2048, np.float32), np.ones(2048, np.float32)


def build(seed: int = 0) -> keras.Model:
    return build_head(HeadShape(n_classes=3, dropout=0.0), SPREAD, seed)


@pytest.fixture(scope="module")
def source() -> KeptViews:
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (PHOTOS, 2048)).astype(np.float32)
    return KeptViews([features], rng.integers(0, 3, PHOTOS))


def run(stepper: Stepper, source: KeptViews, epochs: int = 1) -> list[Seen | None]:
    return [
        stepper.run(
            source,
            Pass(
                order=np.arange(len(source.labels)),
                number=number,
                rate=lambda *_: 1e-3,
                mixing=np.random.default_rng(0),
            ),
            lambda: False,
        )
        for number in range(1, epochs + 1)
    ]


PHOTOS_8 = KeptViews(
    [np.random.default_rng(0).random((PHOTOS, 8, 8, 3)).astype(np.float32)], np.arange(PHOTOS) % 3
)


def build_convolution(policy: str) -> keras.Model:
    keras.utils.set_random_seed(0)
    convolution = keras.layers.Conv2D(8, 3, activation="relu", dtype=policy)
    photos = keras.Input((8, 8, 3))
    pooled = keras.ops.mean(keras.ops.cast(convolution(photos), "float32"), axis=(1, 2))
    return keras.Model(photos, keras.layers.Dense(3, activation="softmax")(pooled))


def test_float16_steps_as_float32_does_with_its_loss_scaled() -> None:
    plan = FitPlan(batch_size=16)
    exact = Stepper(build_convolution("float32"), plan)
    half = Stepper(build_convolution("mixed_float16"), plan)
    scaled = half.model.optimizer
    assert isinstance(scaled, keras.optimizers.LossScaleOptimizer)
    for one, other in zip(run(exact, PHOTOS_8, 3), run(half, PHOTOS_8, 3), strict=True):
        assert one is not None
        assert other is not None
        assert other.loss == pytest.approx(one.loss, abs=1e-3)
    for one, other in zip(exact.read_weights(), half.read_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)
    # Read and written back, scale and all, it goes on as if nothing had been: a checkpoint's way.
    again = Stepper(build_convolution("mixed_float16"), plan)
    again.write_state(half.read_weights(), half.read_optimizer(), split=1)
    assert run(again, PHOTOS_8) == run(half, PHOTOS_8)
    assert scaled.initial_scale in [float(one) for one in again.read_optimizer() if not one.ndim]


def test_what_may_be_inexact_is_compiled_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = SimpleNamespace(device_type="GPU")
    plan = FitPlan(batch_size=16)
    try:
        make_deterministic(0, exact=False)
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda *_: [gpu])
        assert Stepper(build_convolution("float32"), plan).model.jit_compile
        assert not Stepper(build(), plan).model.jit_compile
    finally:
        monkeypatch.undo()
        make_deterministic(0)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda *_: [gpu])
    assert not Stepper(build_convolution("float32"), plan).model.jit_compile


def test_each_batch_is_told(source: KeptViews) -> None:
    told: list[tuple[int, int]] = []
    run(Stepper(build(), FitPlan(batch_size=20), lambda *step: told.append(step)), source)
    assert told == [(20, PHOTOS), (40, PHOTOS), (48, PHOTOS)]


@pytest.mark.parametrize("weighted", [False, True])
def test_several_steps_in_a_call_equal_a_call_for_each(source: KeptViews, weighted: bool) -> None:
    plan = FitPlan(batch_size=10, class_weights=weighted)  # four whole batches and a smaller one
    together, one_by_one = Stepper(build(), plan), Stepper(build(), plan)
    assert together._walk is not None
    one_by_one._walk = None
    assert run(together, source, 2) == run(one_by_one, source, 2)
    for one, other in zip(together.read_weights(), one_by_one.read_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_a_split_batch_steps_as_the_whole_does(source: KeptViews, optimizer: str) -> None:
    plan = FitPlan(batch_size=16, optimizer=optimizer)  # type: ignore[arg-type]
    whole, split = Stepper(build(), plan), Stepper(build(), plan)
    split.write_state(whole.read_weights(), whole.read_optimizer(), split=4)
    for one, other in zip(run(whole, source, 3), run(split, source, 3), strict=True):
        assert one is not None
        assert other is not None
        assert one.accuracy == other.accuracy
        assert other.loss == pytest.approx(one.loss, rel=1e-5)
    for one, other in zip(whole.read_weights(), split.read_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)


def test_memory_that_runs_out_splits_the_batch_and_the_epoch_starts_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = FitPlan(batch_size=16)
    expected = Stepper(build_convolution("float32"), plan)
    run(expected, PHOTOS_8)
    small = Stepper(build_convolution("float32"), plan)
    step, sizes = small.model.train_on_batch, []

    def fail_on_large(inputs: np.ndarray, *rest: object, **more: object) -> object:
        sizes.append(len(inputs))
        if len(inputs) > 4 and len(sizes) > 2:  # in the middle of the epoch
            raise tf.errors.ResourceExhaustedError(None, None, "no room on this device")
        return step(inputs, *rest, **more)

    monkeypatch.setattr(small.model, "train_on_batch", fail_on_large)
    run(small, PHOTOS_8)
    assert small.split == 4
    assert sizes == [16, 16, 16, 8] + [4] * 12
    for one, other in zip(expected.read_weights(), small.read_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)


def test_memory_that_runs_out_later_goes_on_where_the_steps_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = FitPlan(batch_size=16)
    expected, small = (
        Stepper(build_convolution("float32"), plan),
        Stepper(build_convolution("float32"), plan),
    )
    run(expected, PHOTOS_8, 2)
    run(small, PHOTOS_8)  # three steps, an odd number: parts must not pair up over batches
    step, failed = small.model.train_on_batch, []

    def fail_once(inputs: np.ndarray, *rest: object, **more: object) -> object:
        if not failed:
            failed.append(len(inputs))
            raise tf.errors.ResourceExhaustedError(None, None, "no room on this device")
        return step(inputs, *rest, **more)

    monkeypatch.setattr(small.model, "train_on_batch", fail_once)
    run(small, PHOTOS_8)
    assert (small.split, failed) == (2, [16])
    for one, other in zip(expected.read_weights(), small.read_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)


def test_mixed_photos_weigh_as_they_are_mixed() -> None:
    rng = np.random.default_rng(3)
    inputs, targets = np.eye(6, dtype=np.float32), np.eye(6, dtype=np.float32)
    weights = np.arange(6, dtype=np.float32)
    mixed, both, weighed = _mix(inputs, targets, weights, 1.0, rng)
    np.testing.assert_allclose(mixed, both)
    assert weighed is not None
    np.testing.assert_allclose(weighed, both @ weights, rtol=1e-6)


def test_a_last_batch_of_fewer_photos_than_parts_is_left_out(source: KeptViews) -> None:
    plan = FitPlan(batch_size=4)
    stepper, without = Stepper(build(), plan), Stepper(build(), plan)
    fewer = KeptViews([source.views[0][:8]], source.labels[:8])
    more = KeptViews([source.views[0][:10]], source.labels[:10])  # two photos for four parts
    for one in (stepper, without):
        one.write_state(one.read_weights(), one.read_optimizer(), split=4)
    run(stepper, more, 2)
    run(without, fewer, 2)
    for one, other in zip(stepper.read_weights(), without.read_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_other_errors_stay_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    stepper = Stepper(build_convolution("float32"), FitPlan())

    def fail(*_: object, **__: object) -> None:
        raise ValueError("shapes differ")

    monkeypatch.setattr(stepper.model, "train_on_batch", fail)
    with pytest.raises(ValueError, match="shapes differ"):
        run(stepper, PHOTOS_8)


def test_batches_are_read_ahead_in_order_and_not_after_the_caller_left(source: KeptViews) -> None:
    batches = [np.arange(first, first + 4) for first in range(0, PHOTOS, 4)]
    seen = list(read_ahead(source, batches, 1))
    assert [rows.tolist() for rows, _ in seen] == [batch.tolist() for batch in batches]
    for rows, inputs in seen:
        np.testing.assert_array_equal(inputs, source.views[0][rows])
    reader = read_ahead(source, batches, 1)
    next(reader)
    reader.close()


def test_an_error_while_reading_reaches_the_caller() -> None:
    source = KeptViews([np.zeros((2, 3))], np.zeros(9, np.int64))
    with pytest.raises(IndexError):
        list(read_ahead(source, [np.array([7])], 1))
