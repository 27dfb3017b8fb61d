"""Names of classes: one in several spellings, in sentences for people, and by number in JSON.

The JSON is {"1": "pink primrose", …}, which scripts for Oxford 102 call mapping or cat_to_name.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path, PurePosixPath

from core.errors import FeedbackRefused, SourceRefused
from core.formats import check_name, count
from data.sources.found import FoundPhoto

LONGEST_CLASS = 100
_ALIKE = 0.8
"""Share of letters in common from which on a name may be meant: “sunflwer” and “sunflower”."""


def check_class_name(name: str) -> str:
    """Return the name of a class as it is kept.

    Raises:
        FeedbackRefused: Empty, too long, or with signs that cannot be shown.
    """
    return check_name(name, LONGEST_CLASS, "a class", FeedbackRefused, fact="class_name")


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


_LARGEST_BYTES = 10_000_000
_GAPS = re.compile(r"[\s_-]+")


def unify_spellings(photos_of: Mapping[str, int]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return class name → the spelling to use, and a sentence for each class that has several.

    Two names are the same class when they differ only in capitals, in spaces, “-” and “_”, or in
    how Unicode composes a letter. The spelling with most photos is used; of equals, the first.
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
    """Return what all spellings of a class have in common."""
    composed = unicodedata.normalize("NFC", name).casefold()
    # A name of nothing but gaps is left as it is: “-” and “_” may be meant.
    return _GAPS.sub(" ", composed).strip() or composed


def list_names(names: Collection[str]) -> str:
    """Return “a”, “b” and 3 more: at most five names, sorted."""
    shown = ", ".join(f"“{name}”" for name in sorted(names)[:5])
    return shown + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")


def note_classes(photos: Sequence[FoundPhoto]) -> Iterator[str]:
    """Yield a sentence on classes of one photo, and one on photos without a class."""
    per_class = Counter(photo.class_name for photo in photos)
    if outside := per_class.pop("", 0):
        yield f"{count(outside, 'photo')} outside of the class folders will be set aside."
    if lonely := [name for name, photos_of in per_class.items() if photos_of == 1]:
        yield f"There is only one photo of {list_names(lonely)}: none is left to judge it by."


def note_empty_folders(class_folders: set[str], folders: Iterable[str]) -> Iterator[str]:
    """Yield a sentence on folders beside class folders that hold no photo."""
    parents = {folder.rpartition("/")[0] for folder in class_folders}
    above = {outer.as_posix() for parent in parents for outer in PurePosixPath(parent).parents}
    taken = class_folders | parents | above
    empty = {
        path.rpartition("/")[2]
        for path in (folder.rstrip("/") for folder in folders)
        if path.rpartition("/")[0] in parents and path and path not in taken
    }
    if empty:
        yield f"No photo lies in {list_names(empty)}, so it is no class."


def note_files(paths: Sequence[str], what: str) -> Iterator[str]:
    """Yield a sentence on files that were left out because they are `what`."""
    if len(paths) == 1:
        yield f"“{paths[0]}” was left out: it is {what}."
    elif paths:
        yield f"{len(paths):,} files were left out: each is {what} (the first: “{min(paths)}”)."


def read_mapping(file: Path) -> dict[int, str]:
    """Return class number → name, in the order of the numbers.

    Raises:
        SourceRefused: There is no such file, or it is not such a mapping.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST_BYTES + 1)
        names = json.loads(content[:_LARGEST_BYTES].decode("utf-8-sig"))
    except OSError as error:
        raise SourceRefused(
            f"“{file}” could not be read ({error.strerror}).", "Check the path of the names."
        ) from error
    except (ValueError, RecursionError) as error:
        raise SourceRefused(
            f"“{file.name}” is no JSON ({error}).", _describe_form("Check what is in it")
        ) from error
    if not isinstance(names, dict) or not names:
        raise SourceRefused(
            f"“{file.name}” does not map numbers to names.", _describe_form("Write it anew")
        )
    mapping: dict[int, str] = {}
    for number, name in names.items():
        tidy = unicodedata.normalize("NFC", name).strip() if isinstance(name, str) else ""
        if not (number.isascii() and number.isdigit() and len(number) < 10 and tidy):
            raise SourceRefused(
                f"“{file.name}” has the entry “{number[:40]}”: “{str(name)[:40]}”, which is not a "
                "number and a name.",
                _describe_form("Correct it"),
            )
        mapping[int(number)] = tidy
    return dict(sorted(mapping.items()))


def format_mapping(names: Mapping[int, str]) -> str:
    """Return the JSON of class number → name, as scripts for Oxford 102 read it."""
    content = {str(number): name for number, name in sorted(names.items())}
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _describe_form(advice: str) -> str:
    return f'{advice}; it should look like {{"1": "pink primrose", "2": "…"}}.'
