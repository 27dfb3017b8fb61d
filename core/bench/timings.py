"""What a training took, as a process of its own tells it: no Keras here, ours and theirs alike."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class TimedRun:
    """A run that was trained, from the start in a process that waits for it to its result."""

    seconds: float
    """Extraction of what was not kept, epochs with validation, scores of all photos, result."""
    test_accuracy: float
    history: list[dict[str, Any]]

    @property
    def photos_per_second(self) -> float:
        """Training photos in the fastest epoch; the first ones compile."""
        return max(float(epoch["photos_per_second"]) for epoch in self.history)

    @property
    def first_epoch_s(self) -> float:
        return float(self.history[0]["seconds"])


@dataclass(frozen=True, kw_only=True)
class PlainRun:
    """A call of `model.fit`, the model built and compiled before."""

    seconds: float
    test_accuracy: float
