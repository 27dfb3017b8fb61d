"""Wishes: what an edit says before it is in the tray, and what is made of a name that was typed."""

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from core.datasets.edits.resolving import ACTIONS
from core.errors import EditRefused
from data.sources.spellings import fold_name
from data.splits import SPLITS

LONGEST_NOTE = 500
_LONGEST_NAME = 100


class Wish(NamedTuple):
    """One edit of one photo; `value` is a class for a relabel, a split for a move, else ""."""

    path: str
    action: str
    value: str = ""
    note: str = ""


def settle_wish(wish: Wish, known: list[str]) -> Wish:
    """Returns the wish as it is kept; a new class is added to the `known` ones.

    Raises:
        EditRefused: There is no such action or split, no such class can be, the note is too long.
    """
    note = " ".join(wish.note.split())
    if len(note) > LONGEST_NOTE:
        raise EditRefused(
            f"The note has {len(note)} letters; {LONGEST_NOTE} are kept.", "Shorten the note."
        )
    if wish.action not in ACTIONS:
        raise EditRefused(
            f"There is no edit “{wish.action[:40]}”.", f"Choose one of: {', '.join(ACTIONS)}."
        )
    value = ""
    if wish.action == "relabel":
        value = settle_class(wish.value, known)
        if value not in known:
            known.append(value)
    elif wish.action == "move":
        value = wish.value.strip().lower()
        if value not in SPLITS:
            raise EditRefused(
                f"“{wish.value[:40]}” is not a split.", f"Choose one of: {', '.join(SPLITS)}."
            )
    return Wish(wish.path, wish.action, value, note)


def settle_class(name: str, known: Sequence[str]) -> str:
    """Returns the class that a typed name means: a known one if it differs by case or spaces only.

    Raises:
        EditRefused: It is no name, or could be any of several known classes.
    """
    if name in known:
        return name
    settled = " ".join(unicodedata.normalize("NFC", name).split())
    if not settled:
        raise EditRefused("The class has no name.", "Type the name of a class.")
    if settled in known:
        return settled
    meant = [other for other in known if fold_name(other) == fold_name(settled)]
    if len(meant) > 1:
        raise EditRefused(
            f"“{settled}” could be any of {', '.join(f'“{other}”' for other in meant)}.",
            "Type the name exactly as the class is called.",
        )
    return meant[0] if meant else _check_new_name(settled)


def _check_new_name(name: str) -> str:
    odd = name.startswith(".") or set(name) & set("/\\")
    if odd or any(unicodedata.category(sign) in ("Cc", "Cs") for sign in name):
        raise EditRefused(
            f"“{name[:_LONGEST_NAME]}” cannot be the name of a class: on export it is a folder.",
            "Leave out slashes, a dot at the start and invisible signs.",
        )
    if len(name) > _LONGEST_NAME:
        raise EditRefused(
            f"The name of a class has at most {_LONGEST_NAME} letters; this has {len(name)}.",
            "Choose a shorter name.",
        )
    return name
