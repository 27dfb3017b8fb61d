"""Names of classes: alternative spellings, sentences with names, and names by number in JSON.

The JSON is {"1": "pink primrose", …}, which scripts for Oxford 102 call mapping or cat_to_name.
"""

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from core.errors import FeedbackRefused, SourceRefused
from core.formats import check_name, count, sort_names
from data.sources.found import FoundPhoto, FoundSource
from data.sources.words import is_mask, list_words

LONGEST_CLASS = 100
_ALIKE = 0.8
"""Similarity from which another name may be meant: “sunflwer” and “sunflower”."""
_LARGEST_BYTES = 10_000_000
_NUMBER = re.compile(r"-?\d{1,9}", re.ASCII)
_GAPS = re.compile(r"(?<=\w)[\s_-]+(?=[^\W_])")
_READ_TABLES = (".csv", ".tsv")
_TABLES = (*_READ_TABLES, ".xlsx", ".xls", ".parquet")
_ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".gz", ".7z", ".rar", ".bz2", ".xz")
_MAPPING = TypeAdapter(
    dict[
        Annotated[int, Field(gt=-(10**9), lt=10**9)],
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)],
    ]
)


def check_class_name(name: str) -> str:
    """Return the name of a class as it is stored.

    Raises:
        FeedbackRefused: The name is empty, too long, or has characters that cannot be shown.
    """
    return check_name(name, LONGEST_CLASS, "a class", FeedbackRefused, fact="class_name")


def match_class(name: str, classes: Sequence[str]) -> str:
    """Return the class with that name in any spelling (“Tulip” is “tulip”), else the name."""
    if name in classes:
        return name
    alike = {one for one in classes if fold_name(one) == fold_name(name)}
    return alike.pop() if len(alike) == 1 else name


def find_meant_class(name: str, classes: Iterable[str]) -> str | None:
    """Return the class that an unknown name probably means, to be confirmed; or None.

    “tulips” may be “tulip”, “daisies” “daisy”, “sunflwer” “sunflower”.
    """
    folded = {_fold_number(fold_name(one)): one for one in classes}
    close = get_close_matches(_fold_number(fold_name(name)), folded, n=1, cutoff=_ALIKE)
    return folded[close[0]] if close else None


def _fold_number(name: str) -> str:
    """Return an English name without its plural ending."""
    for plural, singular in (("ies", "y"), ("s", "")):
        if len(name) > len(plural) + 2 and name.endswith(plural) and not name.endswith("ss"):
            return name.removesuffix(plural) + singular
    return name


def find_look_alikes(placed: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    """Return class without training photos → trained class that differs in spelling only.

    Spellings differ in capitals, in spaces, “-” and “_” between words, or in how Unicode composes a
    letter. Args: pairs of class and split; "" is no class.
    """
    known = {(name, split) for name, split in placed if name}
    trained = sorted({name for name, split in known if split in ("train", None)})
    found = {name: match_class(name, trained) for name, _ in known if name not in trained}
    return {name: used for name, used in found.items() if used != name}


def fold_name(name: str) -> str:
    """Return the common form of the spellings of a class; “A-” and “-1” are not “A” and “1”."""
    return _GAPS.sub(" ", unicodedata.normalize("NFC", name).lower())


def name_classes(found: FoundSource, file: Path) -> FoundSource:
    """Return the source with the names of a mapping in place of class numbers.

    Raises:
        SourceRefused: The classes are not numbers, or the mapping lacks one or repeats a name.
    """
    names = read_mapping(file)
    numbers = read_numbers({photo.class_name for photo in found.photos} - {""})
    if numbers is None:
        raise SourceRefused(
            f"The classes are not numbers, so “{file.name}” cannot name them.",
            "Leave out --names.",
        )
    if missing := set(numbers.values()) - names.keys():
        raise SourceRefused(f"“{file.name}” lacks the class {min(missing)}.", "Add its name.")
    named = {number: names[number] for number in numbers.values()}
    if repeated := [name for name, times in Counter(named.values()).items() if times > 1]:
        raise SourceRefused(
            f"“{file.name}” gives several classes the name {list_names(repeated)}.",
            "Give each class its own name.",
        )
    photos = [
        replace(photo, class_name=photo.class_name and named[numbers[photo.class_name]])
        for photo in found.photos
    ]
    return replace(found, photos=photos, numbers={name: number for number, name in named.items()})


def read_numbers(classes: Iterable[str]) -> dict[str, int] | None:
    """Return class → its number, if all classes are different whole numbers; else None."""
    numbers = {name: int(name) for name in classes if _NUMBER.fullmatch(name)}
    are_all = len(numbers) == len(set(classes)) == len(set(numbers.values()))
    return numbers if numbers and are_all else None


def number_classes(classes: Sequence[str], known: Mapping[str, int]) -> list[int]:
    """Return the numbers of the classes: known ones, their names if these are numbers, or 1, 2 ….

    Classes without a known number follow the last one.
    """
    known = known or read_numbers(classes) or {}
    following = itertools.count(max(known.values(), default=0) + 1)
    return [known[name] if name in known else next(following) for name in classes]


def list_names(names: Collection[str]) -> str:
    """Return “a”, “b” and 3 more: at most five names, sorted."""
    shown = ", ".join(f"“{name}”" for name in sort_names(names)[:5])
    return shown + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")


def note_classes(photos: Sequence[FoundPhoto]) -> Iterator[str]:
    """Yield a sentence on classes with one photo, and one on photos without a class."""
    per_class = Counter(photo.class_name for photo in photos)
    if outside := per_class.pop("", 0):
        yield f"Skips {count(outside, 'photo')} outside of the class folders."
    if single := [name for name, photos_of in per_class.items() if photos_of == 1]:
        each, them = ("", "it") if len(single) == 1 else (" each", "them")
        yield f"There is only one photo{each} of {list_names(single)}, and none to evaluate {them}."


def note_empty_folders(class_folders: set[str], folders: Iterable[str]) -> Iterator[str]:
    """Yield a sentence on folders without photos next to class folders."""
    parents = {folder.rpartition("/")[0] for folder in class_folders}
    above = {outer.as_posix() for parent in parents for outer in PurePosixPath(parent).parents}
    taken = class_folders | parents | above
    empty = {
        path.rpartition("/")[2]
        for path in (folder.rstrip("/") for folder in folders)
        if path.rpartition("/")[0] in parents and path and path not in taken
    }
    if empty:
        yield f"Ignored empty folders: {list_names(empty)}. A class needs photos."


def note_files(paths: Sequence[str], what: str) -> Iterator[str]:
    """Yield a sentence on ignored files, with the reason in words."""
    if paths:
        more = f" and {count(len(paths) - 1, 'more file')}" if len(paths) > 1 else ""
        yield f"Ignored “{min(paths)}”{more}: {what}."


def note_others(paths: Sequence[str]) -> Iterator[str]:
    """Yield sentences on files that are not photos: tables and archives by name."""
    rest = []
    for path in paths:
        if path.lower().endswith(_TABLES):
            yield (
                f"“{path}” beside the photos was not used: the folders name the classes. Import "
                "the table itself, as .csv, to use it."
            )
        elif path.lower().endswith(_ARCHIVES):
            yield f"“{path}” was not unpacked: archives inside are not read."
        else:
            rest.append(path)
    yield from note_files(rest, "not a photo")


def point_to_table(refusal: SourceRefused, paths: Sequence[str]) -> None:
    """Add to the refusal of a folder the hint that a table in it may be meant."""
    if tables := [path for path in paths if path.lower().endswith(_READ_TABLES)]:
        refusal.remedy += f"\nOr import the table instead of the folder: {list_names(tables)}."


def point_to_annotations(refusal: SourceRefused, folders: Collection[str]) -> SourceRefused:
    """Return the refusal of photos without class folders, with the annotations that it lacks.

    Args:
        folders: The names of the folders without photos.
    """
    beside = {name for name in folders if is_mask(name) or name == "ImageSets"}
    if not beside:
        return refusal
    labels = {name for name in beside if {"annotations", "labels"} & set(list_words(name))}
    reason = (
        f"Annotations are not read: {list_names(labels)}."
        if labels
        else f"“Annotations”, the folder of their classes, is missing beside {list_names(beside)}."
    )
    return SourceRefused(
        f"{refusal.problem} {reason}",
        "Write a table with the columns path and class and import it as .csv, or put the photos of "
        "each class into a folder with the name of the class.",
    )


def refuse_without_photos(paths: Sequence[str]) -> SourceRefused:
    """Return the refusal of a source of which no file is a photo."""
    remedy = "Choose a folder or archive with one folder of photos for each class."
    if not paths:
        return SourceRefused("There are no photos in it: it is empty.", remedy)
    if archives := [path for path in paths if path.lower().endswith(_ARCHIVES)]:
        return SourceRefused(
            f"There are no photos in it, but other archives: {list_names(archives)}. Archives "
            "inside are not read.",
            "Unpack it, then import the inner archive or the folder.",
        )
    endings = Counter(PurePosixPath(path).suffix.lower() or "no ending" for path in paths)
    said = ", ".join(f"{ending} ({n:,})" for ending, n in endings.most_common(5))
    return SourceRefused(
        f"There are no photos in it: none of its {count(len(paths), 'file')} is a picture that can "
        f"be read ({said}).",
        remedy,
    )


def read_mapping(file: Path) -> dict[int, str]:
    """Return class number → name, in the order of the numbers.

    Raises:
        SourceRefused: The file does not exist or is not such a mapping.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST_BYTES)
    except OSError as error:
        raise SourceRefused(
            f"“{file}” could not be read ({error.strerror}).", "Check the path of the names."
        ) from error
    try:
        names = _MAPPING.validate_json(content.removeprefix(b"\xef\xbb\xbf"))
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise SourceRefused(
            f"“{file.name}” does not map numbers to names: {reason}.",
            'Correct it; it should look like {"1": "pink primrose", "2": "…"}.',
        ) from error
    return {number: unicodedata.normalize("NFC", name) for number, name in sorted(names.items())}
