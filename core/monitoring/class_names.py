"""Names of classes as people type them: in any spelling, with a slip, or new."""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from core.errors import FeedbackRefused
from core.formats import settle_name
from data.sources.names import fold_name

LONGEST_CLASS = 100
_ALIKE = 0.8
"""Share of letters in common from which on a name may be meant: “sunflwer” and “sunflower”."""


def check_class_name(name: str) -> str:
    """Return the name of a class as it is kept.

    Raises:
        FeedbackRefused: Empty, too long, or with signs that cannot be shown.
    """
    settled = settle_name(name, LONGEST_CLASS)
    if not settled:
        raise FeedbackRefused(
            "This name cannot be used for a class.",
            f"Take 1 to {LONGEST_CLASS} letters, digits, signs or spaces.",
            class_name=name[:LONGEST_CLASS],
        )
    return settled


def match_class(name: str, classes: Sequence[str]) -> str:
    """Return the class of that name in whatever spelling, else the name as it is.

    Phones begin with a capital: “Tulip” is no other class than “tulip”.
    """
    if name in classes:
        return name
    return next((one for one in classes if fold_name(one) == fold_name(name)), name)


def find_meant_class(name: str, classes: Iterable[str]) -> str | None:
    """Return the class that is probably meant by a name that is none; None where none is near.

    “tulips” may be “tulip”, “daisies” “daisy”, “sunflwer” “sunflower”: to be asked, not assumed.
    """
    likeness = {one: _measure_likeness(name, one) for one in classes}
    best = max(likeness, key=likeness.__getitem__, default=None)
    return best if best is not None and likeness[best] >= _ALIKE else None


def _measure_likeness(one: str, other: str) -> float:
    """Return 1 for two names that differ by their number alone, 0 for nothing in common."""
    a, b = (_fold_number(fold_name(name)) for name in (one, other))
    return SequenceMatcher(None, a, b, autojunk=False).ratio()


def _fold_number(name: str) -> str:
    """Return an English name without what makes its last word a plural."""
    for plural, singular in (("ies", "y"), ("s", "")):
        if len(name) > len(plural) + 2 and name.endswith(plural) and not name.endswith("ss"):
            return name.removesuffix(plural) + singular
    return name
