"""The steps of an epoch (keras): batches in, mean loss and accuracy out, on any Keras backend."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, NamedTuple

import keras
import numpy as np

from models.devices import is_out_of_memory
from models.head import read_array
from models.plan import Ask, FitPlan, Source, read_ahead

_log = logging.getLogger("run")

_ACCUMULATED = "gradient_accumulator"
_PHOTOS_PER_CALL = 512
"""The steps of a head take less time than the calls of TensorFlow: a call takes several."""


class Seen(NamedTuple):
    """Means over the photos of an epoch, each measured before the step on its batch."""

    loss: float
    accuracy: float
    learning_rate: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Pass:
    """One pass over the photos: their order, learning rates and random numbers."""

    order: np.ndarray
    """All rows of the source, shuffled."""
    number: int
    """Number of the epoch, from 1."""
    rate: Callable[[int, int], float]
    """Step and number of steps → learning rate."""
    mixing: np.random.Generator


class Batch(NamedTuple):
    """What a step needs, of m photos."""

    rate: float
    inputs: np.ndarray
    """(m, ...)"""
    targets: np.ndarray
    """(m, k) float32, each row sums to 1."""
    weights: np.ndarray | None
    """(m,) float32."""


class Stepper:
    """A model with its optimiser; `split` is the number of parts of a batch."""

    def __init__(
        self, model: keras.Model, plan: FitPlan, on_step: Callable[[int, int], None] | None = None
    ) -> None:
        """Compile the model; `on_step` receives the finished photos and all photos of the epoch."""
        self.model = model
        self._on_step = on_step
        self.split = 1
        self._plan = plan
        if keras.backend.backend() == "tensorflow":
            _reset_inside(model)
        self._compile()

    @property
    def trains_stages(self) -> bool:
        """Whether stages of the backbone are trained."""
        return any(len(variable.shape) == 4 for variable in self.model.trainable_variables)

    def run(self, source: Source, steps: Pass, should_stop: Ask) -> Seen | None:
        """Return the means of the pass, or None after a stop."""
        start = self.read_weights(), self.read_optimizer(), steps.mixing.bit_generator.state
        while True:
            try:
                return self._run(source, steps, should_stop)
            except Exception as error:
                if not is_out_of_memory(error) or self.split >= self._plan.batch_size:
                    raise
            weights, optimizer, steps.mixing.bit_generator.state = start
            self.write_state(weights, optimizer, split=2 * self.split)
            inner = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
            done = inner._iterations  # Keras counts parts, not batches
            done.assign(2 * int(read_array(done)))
            _log.warning(
                "Out of memory: from now on batches of %d photos are computed in %d parts, with "
                "accumulated gradients.",
                self._plan.batch_size,
                self.split,
            )

    def _run(self, source: Source, steps: Pass, should_stop: Ask) -> Seen | None:
        sums, photos, rate = np.zeros(2), 0, 0.0
        several = max(1, _PHOTOS_PER_CALL // self._plan.batch_size) if self._walk else 1
        for call in _bundle(self._read(source, steps), several):
            if should_stop():
                return None
            for batch, seen in zip(call, self._train_on(call), strict=True):
                sums += len(batch.inputs) * seen
                photos, rate = photos + len(batch.inputs), batch.rate
                if self._on_step:
                    self._on_step(photos, len(steps.order))
        loss, accuracy = (float(mean) for mean in sums / max(photos, 1))
        return Seen(loss, accuracy, rate)

    def _read(self, source: Source, steps: Pass) -> Iterator[Batch]:
        """Yield the batches of a pass, each in its parts."""
        size, order = self._plan.batch_size, steps.order
        batches = [order[first : first + size] for first in range(0, len(order), size)]
        of_class = _weigh_classes(source.labels) if self._plan.class_weights else None
        for step, (rows, inputs) in enumerate(read_ahead(source, batches, steps.number)):
            if len(rows) < self.split:
                continue  # fewer photos than parts: accumulation would be out of step
            rate = steps.rate(step, len(batches))
            labels = source.labels[rows]
            targets = self._make_targets(labels)
            weights = None if of_class is None else of_class[labels]
            if self._plan.mixup:
                mixed = _mix(inputs, targets, weights, self._plan.mixup, steps.mixing)
                inputs, targets, weights = mixed
            parts = [self._divide(one) for one in (inputs, targets, weights)]
            yield from (Batch(rate, *part) for part in zip(*parts, strict=True))

    def _divide(self, column: np.ndarray | None) -> Sequence[Any]:
        return [None] * self.split if column is None else np.array_split(column, self.split)

    def _train_on(self, call: Sequence[Batch]) -> np.ndarray:
        """Take a step on each batch of a call; return loss and accuracy (steps, 2) before it."""
        if self._walk:
            columns = [column for column in zip(*call, strict=True) if column[0] is not None]
            seen: np.ndarray = self._walk(*(np.stack(one, dtype=np.float32) for one in columns))
            return np.asarray(seen, np.float64)
        [batch] = call
        self.model.optimizer.learning_rate = batch.rate
        logs: dict[str, float] = self.model.train_on_batch(
            batch.inputs, batch.targets, sample_weight=batch.weights, return_dict=True
        )
        return np.array([[logs["loss"], logs["accuracy"]]], np.float64)

    def _make_targets(self, labels: np.ndarray) -> np.ndarray:
        classes = self.model.output_shape[-1]
        targets: np.ndarray = np.eye(classes, dtype=np.float32)[labels]
        if self._plan.label_smoothing:
            smoothing = np.float32(self._plan.label_smoothing)
            targets = targets * (1 - smoothing) + smoothing / classes
        return targets

    def read_weights(self) -> list[np.ndarray]:
        """Return the trainable weights, in the order of Keras' variables."""
        return [read_array(variable) for variable in self.model.trainable_variables]

    def write_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Give the model these weights."""
        for variable, value in zip(self.model.trainable_variables, weights, strict=True):
            variable.assign(value)

    def read_optimizer(self) -> list[np.ndarray]:
        """Return the state of the optimiser without accumulated gradients."""
        return [read_array(variable) for variable in self._list_state()]

    def write_state(
        self, weights: Sequence[np.ndarray], optimizer: Sequence[np.ndarray], *, split: int
    ) -> None:
        """Restore the state in which these were read."""
        if split != self.split:
            self.split = split
            self._compile()
        self.write_weights(weights)
        for variable, value in zip(self._list_state(), optimizer, strict=True):
            variable.assign(value)

    def _list_state(self) -> list[keras.Variable]:
        return [one for one in self.model.optimizer.variables if _ACCUMULATED not in one.path]

    def _compile(self) -> None:
        small = not self.trains_stages and keras.backend.backend() == "tensorflow"
        optimizer = _make_optimizer(self._plan, self.split)
        if _has_float16(self.model):  # else small gradients become 0
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        self.model.compile(
            optimizer=optimizer,
            loss="categorical_crossentropy",
            metrics=["accuracy"],
            # XLA takes longer to compile than TensorFlow takes for all steps of a head.
            jit_compile=False if small else "auto",
        )
        self.model.optimizer.build(self.model.trainable_variables)
        # Makes the variables of metrics and loss now: TensorFlow would trace the first step twice.
        scores = np.zeros((1, self.model.output_shape[-1]), np.float32)
        self.model.compute_metrics(None, scores, scores)
        self.model.compute_loss(None, scores, scores)
        walks = small and self.split == 1
        self._walk = _compile_walk(self.model, self._plan.class_weights) if walks else None


def _compile_walk(model: keras.Model, weighted: bool) -> Callable[..., np.ndarray]:
    """Return a function that takes several steps of the model in one call of TensorFlow.

    Its arguments are those of batches of equal size: rates (steps,), inputs (steps, m, d), targets
    (steps, m, k) and, where they are weighted, weights (steps, m). Returns loss and accuracy of
    each step (steps, 2).
    """
    import tensorflow as tf

    def walk(rates: Any, *data: Any) -> Any:
        def step(number: Any, seen: Any) -> tuple[Any, Any]:
            model.optimizer.learning_rate = rates[number]
            logs = model.train_step(tuple(one[number] for one in data))
            return number + 1, seen.write(number, tf.stack([logs["loss"], logs["accuracy"]]))

        steps = tf.shape(rates)[0]
        seen = tf.TensorArray(tf.float32, steps)
        return tf.while_loop(lambda number, _: number < steps, step, (0, seen))[1].stack()

    shapes = [(), (None, *model.input_shape[1:]), (None, *model.output_shape[1:])]
    shapes += [(None,)] if weighted else []
    signature = [tf.TensorSpec((None, *shape), tf.float32) for shape in shapes]
    compiled: Callable[..., np.ndarray] = tf.function(walk, signature, autograph=False)
    return compiled


def _bundle(batches: Iterable[Batch], most: int) -> Iterator[list[Batch]]:
    """Yield the batches in lists of up to `most`, those of a list of equal size."""
    for _, alike in groupby(batches, key=lambda batch: len(batch.inputs)):
        while call := list(islice(alike, most)):
            yield call


def _reset_inside(model: keras.Model) -> None:
    """Reset the metrics within the compiled step: before it, that takes a quarter of its time."""
    train, reset = model.train_step, model.reset_metrics

    def train_step(data: object) -> object:
        reset()
        return train(data)

    model.train_step, model.reset_metrics = train_step, lambda: None


def _has_float16(model: keras.Model) -> bool:
    """Return whether convolutions of the model, or of a nested model, compute in float16."""
    layers = [one for layer in model.layers for one in getattr(layer, "layers", [layer])]
    return any(
        isinstance(one, keras.layers.Conv2D) and one.compute_dtype == "float16" for one in layers
    )


def _make_optimizer(plan: FitPlan, split: int) -> keras.optimizers.Optimizer:
    steps = {"gradient_accumulation_steps": split if split > 1 else None}
    rate, decay = plan.learning_rate, plan.weight_decay
    if plan.optimizer == "sgd":
        pushed = {"momentum": plan.momentum, "nesterov": plan.momentum > 0}
        return keras.optimizers.SGD(rate, weight_decay=decay or None, **pushed, **steps)
    if plan.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=decay, **steps)
    return keras.optimizers.Adam(rate, **steps)


def _weigh_classes(labels: np.ndarray) -> np.ndarray:
    """Return n / (k * photos of the class) for each class; empty classes do not count."""
    photos = np.bincount(labels)
    present = photos > 0
    weights = np.zeros(len(photos), np.float32)
    weights[present] = len(labels) / (present.sum() * photos[present])
    return weights


def _mix(
    inputs: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray | None,
    alpha: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return each photo mixed with another photo of its batch, with targets and weights.

    Source: Zhang et al. 2017, "mixup: Beyond Empirical Risk Minimization".
    """
    share = rng.beta(alpha, alpha)
    partner = rng.permutation(len(inputs))
    mixed = share * inputs.astype(np.float32) + (1 - share) * inputs[partner].astype(np.float32)
    if inputs.dtype == np.uint8:
        mixed = np.rint(mixed)
    both = share * targets + (1 - share) * targets[partner]
    if weights is not None:
        weights = (share * weights + (1 - share) * weights[partner]).astype(np.float32)
    return mixed.astype(inputs.dtype), both.astype(np.float32), weights
