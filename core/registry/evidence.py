"""What speaks for a challenger: both models on the same fixed test photos, photo by photo."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from core.evaluation.comparison import level_of_turn


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """How a challenger did beside the champion; both are version numbers."""

    champion: int
    challenger: int
    n: int
    """Photos that both answered."""
    accuracy_champion: float
    accuracy_challenger: float
    gained: int
    """Only the challenger is right."""
    lost: int
    """Only the champion is right."""
    p_value: float
    """Of McNemar's exact test."""
    low: float
    high: float
    """Interval of the challenger's accuracy minus the champion's, 95 % at the level 0.05."""
    split: str
    dataset_id: str
    turn: int = 1
    """Which of the challengers that met this champion: 1 the first; the level falls with it."""

    @property
    def level(self) -> float:
        """Below which a p-value counts."""
        return level_of_turn(self.turn)

    @property
    def is_significant_gain(self) -> bool:
        """Whether the challenger is better by more than chance would explain."""
        return self.n > 0 and self.gained > self.lost and self.p_value < self.level

    @property
    def difference(self) -> float:
        """Accuracy of the challenger minus that of the champion, -1 to 1."""
        return self.accuracy_challenger - self.accuracy_champion


def evidence_to_facts(evidence: Evidence) -> dict[str, Any]:
    """Returns the evidence as JSON values, as events keep it."""
    return asdict(evidence)


def evidence_from_facts(facts: Mapping[str, Any]) -> Evidence | None:
    """Returns the evidence that an event kept under “evidence”; None where it kept none."""
    kept = facts.get("evidence")
    names = {field.name for field in fields(Evidence)}
    if not isinstance(kept, Mapping) or set(kept) | {"turn"} != names:
        return None
    return Evidence(**kept)  # of an older program it has no turn: each was judged as the first
