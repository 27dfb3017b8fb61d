"""One class in two spellings: “Oxeye Daisy”, “oxeye_daisy” and “oxeye-daisy” are the same."""

import re
import unicodedata
from collections.abc import Mapping

_GAPS = re.compile(r"[\s_-]+")


def unify_spellings(photos_of: Mapping[str, int]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Returns class name → the spelling to use, and a sentence for each class that has several.

    Two names are the same class when they differ only in capitals, in spaces, “-” and “_”, or in
    how Unicode composes a letter. The spelling with most photos is used; of equals, the first.

    Args:
        photos_of: Number of photos of each class name.
    """
    alike: dict[str, list[str]] = {}
    for name in sorted(photos_of):
        alike.setdefault(fold_name(name), []).append(name)
    chosen: dict[str, str] = {}
    notes = []
    for spellings in alike.values():
        used = max(spellings, key=lambda name: photos_of[name])
        chosen |= dict.fromkeys(spellings, used)
        if len(spellings) > 1:
            others = " and ".join(f"“{name}”" for name in spellings)
            notes.append(f"{others} were taken for one class, “{used}”.")
    return chosen, tuple(notes)


def fold_name(name: str) -> str:
    """Returns what all spellings of a class have in common."""
    composed = unicodedata.normalize("NFC", name).casefold()
    # A name of nothing but gaps is left as it is: “-” and “_” may be meant.
    return _GAPS.sub(" ", composed).strip() or composed
