"""Who may do what: people, their roles, and the journal of what was done.

A workspace carries the person who acts in it (`Workspace.person`). What writes is `@acts`: asked
before, noted in the journal after. A thing belongs to those who made it, as the journal says; what
no student made is everybody's to see. Whatever is not allowed here is refused.
"""

import functools
import hmac
import inspect
import json
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Literal, Protocol, TypeVar, cast

from core.errors import NotAllowed

Role = Literal["owner", "instructor", "student", "guest"]
Action = Literal["see", "make", "change", "delete"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Person:
    """One who acts: the owner of this computer, unless something else is arranged."""

    id: str = "owner"
    name: str = ""
    role: Role = "owner"
    sees: frozenset[str] = frozenset()
    """Of a guest: what their link shows, each as "run 0123456789abcdef"."""


OWNER = Person()


_acting: ContextVar[tuple[Action, str] | None] = ContextVar("acting", default=None)
"""What is being done just now."""


class Place(Protocol):
    """Where a person acts: a workspace."""

    @property
    def person(self) -> Person: ...

    @property
    def journal_file(self) -> Path: ...


_OWNERS_ALONE = {"folder", "bucket", "weights"}
"""Folders of this computer, what its credentials open, and what is fetched for all who use it."""
_STUDENTS = {"run", "selection", "analysis", "export", "version"}
"""What students make, change and delete as theirs; what others of them made is not there."""
_FAMILY = {"version": "dataset"}
"""What is made as one thing → what it is from then on: a version of a dataset is one, too."""
_SENT_IN = {"prediction", "feedback", "answer", "opening", "photo"}
"""What anybody who is in may send in, of what they see."""


def may(person: Person, action: Action, kind: str, thing: str, makers: Mapping[str, Role]) -> bool:
    """Return whether a person may do something.

    Args:
        kind: Of the thing: "run", "dataset" …
        thing: Its id; "" for one that is yet to be made.
        makers: Id → role of those who made it; none: it was here before there were people.
    """
    match person.role:
        case "owner":
            return True
        case "instructor":
            return kind not in _OWNERS_ALONE
        case "student" if action == "see":
            return person.id in makers or not makers or {*makers.values()} != {"student"}
        case "student" if kind in ("prediction", "photo") and action == "delete":
            return thing == person.id
        case "student" if kind == "edit":
            return True  # in a tray of their own
        case "student" if action == "make":
            return kind in _STUDENTS | _SENT_IN
        case "student":
            return kind in _STUDENTS | {"dataset"} and person.id in makers
        case _:
            return action == "see" and f"{kind} {thing}" in person.sees


def require(place: Place, action: Action, kind: str, thing: str = "") -> None:
    """Return when the person of the place may do this.

    Raises:
        NotAllowed: They may not.
    """
    person = place.person
    if person.role == "owner" or (action == "see" and _acting.get() == ("make", kind)):
        return  # what is made may be there already: then it is theirs as well
    makers = find_makers(place.journal_file, kind, thing) if thing else {}
    if not may(person, action, kind, thing, makers):
        raise NotAllowed(
            f"This {kind} is not yours to {action}.",
            "Ask who teaches the class, or whose workbench it is.",
            status=403,
            action=action,
            kind=kind,
        )


def _is_for_others(place: Place, action: Action, kind: str, thing: str) -> bool:
    """Return whether a thing that a student deletes stays: others made it, too. None changes it."""
    if place.person.role != "student" or action in ("see", "make"):
        return False
    others = find_makers(place.journal_file, kind, thing).keys() - {place.person.id}
    if others and action == "change":
        raise NotAllowed(
            f"This {kind} is others', too: it stays as it is for them.",
            "Make one of your own, or delete it: it goes from your list alone.",
            status=403,
        )
    return bool(others)


def sees(place: Place, kind: str) -> Callable[[str], bool]:
    """Return what says of the id of a thing whether the person of the place may see it."""

    def find(thing: str) -> bool:
        with suppress(NotAllowed):
            require(place, "see", kind, thing)
            return True
        return False

    return find


def require_acting(place: Place) -> None:
    """Return when what writes now was asked for: nobody but the owner writes outside of an act.

    Raises:
        NotAllowed: It was not.
    """
    if place.person.role != "owner" and not _acting.get():
        raise NotAllowed(
            "This is not yours to change.", "Ask who teaches the class, or the owner.", status=403
        )


def acts(action: Action, kind: str, of: str = "", *, noted: bool = True) -> Callable[[F], F]:
    """Ask whether the person of the workspace may, before; note that they did, after.

    A student who deletes what others made as well lets go of it; it stays for the others.

    Args:
        of: The argument that names the thing; "": what is returned is its id, or has it as `id`.
        noted: Whether it goes into the journal; what has a log of its own does not.
    """

    def decorate(function: F) -> F:
        place_of = list(inspect.signature(function).parameters).index(of) - 1 if of else -1

        @functools.wraps(function)
        def act(workspace: Any, *args: Any, **kwargs: Any) -> Any:
            named = kwargs.get(of, args[place_of] if 0 <= place_of < len(args) else "")
            thing = "" if named is None else str(named)
            require(workspace, action, kind, thing)
            if _is_for_others(workspace, action, kind, thing):
                note(workspace, action, kind, thing)
                return None
            before = _acting.set((action, _FAMILY.get(kind, kind)))
            try:
                made = function(workspace, *args, **kwargs)
            finally:
                _acting.reset(before)
            if noted:
                first = made[0] if isinstance(made, tuple) and made else made
                named = first if isinstance(first, str) else getattr(first, "id", "")
                note(workspace, action, kind, thing or str(named))
            return made

        act.asked = (action, kind)  # type: ignore[attr-defined]
        return cast(F, act)

    return decorate


# The journal: one JSON object a line, only ever appended to


def note(place: Place, action: Action, kind: str, thing: str) -> None:
    """Append to the journal that the person of the place did something.

    Names of students stay in their class, and go with it.
    """
    person = place.person
    name = "" if person.role == "student" else person.name
    facts = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "did": action, "kind": kind}
    facts |= {"id": thing, "who": person.id, "name": name, "role": person.role}
    line = json.dumps(facts, ensure_ascii=False).encode(errors="backslashreplace")
    with place.journal_file.open("ab", buffering=0) as file:
        file.write(b"\n%b\n" % line)  # in one piece, apart from one that a kill has cut short


def read_journal(file: Path, start: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Return the whole lines from a byte on, and the byte behind them; damaged ones are left out.

    Each says at (UTC), did, kind, id, who, name and role.
    """
    if not file.exists():
        return [], 0
    with file.open("rb") as journal:
        journal.seek(start)
        content = journal.read()
    whole = content[: content.rfind(b"\n") + 1]
    rows = []
    for line in whole.splitlines():
        with suppress(ValueError, TypeError):  # the empty ones between them, too
            rows.append(dict(json.loads(line)))
    return rows, start + len(whole)


class _Makers:
    """Who made what, as a journal says so far; read on from the last byte."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], dict[str, Role]] = {}
        self._offset, self._lock = 0, Lock()

    def find(self, file: Path, kind: str, thing: str) -> dict[str, Role]:
        with self._lock:
            size = file.stat().st_size if file.exists() else 0
            if size < self._offset:  # another workspace in its place
                self._of, self._offset = {}, 0
            rows, self._offset = read_journal(file, self._offset)
            for row in rows:
                named = row.get("kind", "")
                made = self._of.setdefault((_FAMILY.get(named, named), row.get("id", "")), {})
                if row.get("did") == "make":
                    made[row["who"]] = row["role"]
                elif row.get("did") == "delete" and len(made) > 1:  # else it is in the bin
                    made.pop(row["who"], None)
            return dict(self._of.get((_FAMILY.get(kind, kind), thing), {}))


@functools.lru_cache(maxsize=8)
def _open_makers(file: Path) -> _Makers:  # noqa: ARG001 (one for each journal)
    return _Makers()


def find_makers(file: Path, kind: str, thing: str) -> dict[str, Role]:
    """Return id → role of those who made a thing and did not delete it, as the journal says."""
    return _open_makers(file).find(file, kind, thing)


# Tokens: what a cookie or a link says, signed with the key of the workspace


def sign(key_file: Path, content: Mapping[str, Any]) -> str:
    """Return the content as a token that only this workspace can make; anybody can read it."""
    body = urlsafe_b64encode(json.dumps(content, ensure_ascii=False).encode()).rstrip(b"=")
    return f"{body.decode()}.{_seal(key_file, body)}"


def unsign(key_file: Path, token: str) -> dict[str, Any] | None:
    """Return what a token of this workspace says; None for any other."""
    body, _, seal = token.partition(".")
    if not (token.isascii() and hmac.compare_digest(_seal(key_file, body.encode()), seal)):
        return None
    content: dict[str, Any] = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return content


def _seal(key_file: Path, body: bytes) -> str:
    return hmac.digest(_read_key(key_file), body, "sha256").hex()


def _read_key(file: Path) -> bytes:
    """Return the key, made when first wanted; two who make it at once get the same."""
    if not file.exists():
        temporary = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as new:
            new.write(secrets.token_bytes(32))
        with suppress(FileExistsError):
            os.link(temporary, file)
        temporary.unlink()
    return file.read_bytes()
