"""The fit of stages of the backbone with a head (keras), from sources of photos or activations."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from models.backbone import Preprocessing
from models.dense import DenseHead, measure_spread
from models.fit_state import Ask, FitResult
from models.fitting import NO_SPREAD, Tell, fit, make_deterministic
from models.head import set_dense_head
from models.networks import Network, build_tail, build_whole, write_weights
from models.plan import EpochResult, FitPlan, HeadShape
from models.sources import Source, read_ahead
from models.stepping import Stepper
from models.weights import Weights


class StagesFit:
    """A network with free stages, fitted by `run`."""

    def __init__(
        self,
        *,
        weights: Weights,
        preprocessing: Preprocessing,
        unfrozen: int,
        whole: bool,
        mixed: bool,
        shape: HeadShape,
        plan: FitPlan,
        standardise_by: np.ndarray | None,
        start: DenseHead | None,
    ) -> None:
        """Builds the network.

        Args:
            whole: Whether it takes photos; else activations of conv4, for `unfrozen` 1 only.
            standardise_by: Features (m, 2048) of the frozen backbone; None: as they are.
            start: The head to begin with, and its spread; None: a new one, from the plan's seed.
        """
        make_deterministic(plan.seed)
        spread = NO_SPREAD if standardise_by is None else measure_spread(standardise_by)
        if start is not None:
            spread = start.mean, start.scale
        self._plan = plan
        self._network: Network = (
            build_whole(
                weights, preprocessing, shape, spread, plan.seed, unfrozen=unfrozen, mixed=mixed
            )
            if whole
            else build_tail(weights, shape, spread, plan.seed, mixed=mixed)
        )
        if start is not None:
            set_dense_head(self._network.model, start)

    def run(
        self,
        train: Source,
        validation: Source,
        *,
        folder: Path | None,
        subject: dict[str, object],
        on_epoch: Tell,
        should_stop: Ask,
        should_end: Ask,
        before: Sequence[EpochResult] = (),
        on_step: Callable[[int, int], None] | None = None,
    ) -> FitResult:
        """Returns the curve and the best head; the arguments are those of `models.fitting.fit`.

        Raises:
            RunStopped: Stopped before the first epoch was complete, with none before.
        """

        def measure(stepper: Stepper) -> np.ndarray | None:
            return self._measure(validation, stepper, should_stop)

        return fit(
            self._network.model,
            train,
            validation.labels,
            measure,
            self._plan,
            folder=folder,
            subject=subject,
            on_epoch=on_epoch,
            should_stop=should_stop,
            should_end=should_end,
            before=before,
            on_step=on_step,
        )

    def write_weights(self, file: Path) -> None:
        """Returns nothing; the weights of the backbone's best epoch stand in the file."""
        write_weights(self._network.resnet, file)

    def _measure(self, validation: Source, stepper: Stepper, should_stop: Ask) -> np.ndarray | None:
        """Returns the scores of the validation photos, (n, k); None when asked to stop."""
        size = -(-self._plan.batch_size // stepper.split)
        rows = np.arange(len(validation.labels))
        batches = [rows[first : first + size] for first in range(0, len(rows), size)]

        def read() -> Iterator[np.ndarray]:
            for _, inputs in read_ahead(validation, batches, 1):
                if should_stop():
                    return
                yield inputs

        seen = list(self._network.scores(read(), size))
        return np.concatenate(seen) if sum(map(len, seen)) == len(rows) else None
