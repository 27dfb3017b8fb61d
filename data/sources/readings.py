"""Readings of a tree of photos: which folders are splits, classes or parts, which hold masks.

Pure: folders with the names of their photos in, candidate readings out, the best first. A reading
with a high score and no other one near is decided; else a person chooses.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from core.formats import count
from data.sources.names import find_look_alikes, list_names
from data.sources.tree import Folders, Place, Reading, list_above, name_folder, name_stem
from data.sources.words import (
    UNLABELLED,
    is_mask,
    means_nothing,
    read_class_in_file,
    read_part,
    read_split,
    read_splits,
)

_Left = Mapping[str, tuple[str, ...]]
"""Folder with photos → the folders on its path that are still to be read, outermost first."""
_SURE, _AHEAD, FALLBACK = 0.8, 0.3, 0.2


class _Level(NamedTuple):
    """The folders that are splits: their depth, the kind of each name, the unknown names."""

    depth: int
    kinds: Mapping[str, str]
    unknown: frozenset[str]


def is_decided(readings: Sequence[Reading]) -> bool:
    """Return whether the first of the readings can be used without a question."""
    second = max((one.score for one in readings[1:]), default=0.0)
    return readings[0].score >= _SURE and readings[0].score - second >= _AHEAD


def list_readings(folders: Folders) -> list[Reading]:
    """Return the readings of a tree without masks, the most likely first."""
    left, copies = _enter_copies(_enter_common({one: list_above(one) for one in folders}))
    level = _find_splits(left)
    found = list(_read_level(left, folders, level)) if level else []
    found += _read_classes(left, {}, folders, FALLBACK if level else 1.0)
    if copies:
        again = f"; the class folders are repeated in {list_names(copies)}"
        found = [replace(one, sentence=one.sentence + again) for one in found]
    known = [one.places for one in found]
    found = [one for place, one in enumerate(found) if one.places not in known[:place]]
    for one in tuple(found):
        pairs = [(place.class_name, place.split) for place in one.places.values()]
        if alike := find_look_alikes(pairs):
            found.append(_unite_classes(one, alike))
    return sorted(found, key=lambda one: -one.score)


def _unite_classes(reading: Reading, classes: Mapping[str, str]) -> Reading:
    """Return the reading with other names of classes, which a person must confirm."""
    places = {
        path: one._replace(class_name=classes.get(one.class_name, one.class_name))
        for path, one in reading.places.items()
    }
    said = ", ".join(f"“{name}” is “{used}”" for name, used in sorted(classes.items()))
    united = _make_reading(f"{reading.name}-same", places, reading.score / 2)
    return replace(united, sentence=f"{reading.sentence}; {said}")


def _enter_common(left: _Left, classes: frozenset[str] | None = None) -> _Left:
    """Enter folders around all others.

    Args:
        classes: The classes of training, for the folders of a split: a folder with such a name is
            a class, and the only folder is entered if its name means nothing.
    """
    while True:
        outer = {above[0] for above in left.values() if above}
        # Photos beside the only folder do not make it a class.
        deeper = max(map(len, left.values()), default=0) > 1
        if len(outer) != 1 or (name := name_folder(*outer)) in (classes or ()):
            return left
        if not (deeper or (classes is not None and means_nothing(name))):
            return left
        left = {folder: above[1:] for folder, above in left.items()}


def _enter_copies(left: _Left) -> tuple[_Left, set[str]]:
    """Enter folders that hold the class folders again (flowers/daisy and flowers/flowers/daisy)."""
    inside: dict[str, set[str]] = {}
    for above in left.values():
        if above:
            inside.setdefault(above[0], set()).update(map(name_folder, above[1:2]))
    copies = {
        folder
        for folder, names in inside.items()
        if len(names) > 1 and names <= {name_folder(other) for other in inside.keys() - {folder}}
    }
    entered = {
        folder: above[1:] if above and above[0] in copies else above
        for folder, above in left.items()
    }
    return entered, set(map(name_folder, copies))


def _find_splits(left: _Left) -> _Level | None:
    """Return the outermost level of folders that are splits, or None."""
    for depth in range(max(map(len, left.values()), default=0)):
        inner: dict[str, set[str]] = {}
        beside: dict[tuple[str, ...], set[str]] = {}
        for above in left.values():
            if len(above) > depth or len(above) == depth > 0:
                name = name_folder(above[depth]) if len(above) > depth else ""
                inner.setdefault(name, set()).update(map(name_folder, above[depth + 1 : depth + 2]))
                beside.setdefault(above[:depth], set()).add(name)
        kinds = read_splits(inner)
        known = {name for name, kind in kinds.items() if kind != UNLABELLED}
        classes = {one for name in known for one in inner[name]}
        unknown = {n for n in inner if n not in known and (n not in kinds or inner[n] & classes)}
        together = [{kinds[name] for name in names & known} for names in beside.values()]
        several = any(len(some) > 1 for some in together)
        likely = 2 * sum(map(bool, together)) >= len(together) > 1
        if depth == 0:  # one split, and a folder that may be another one
            others = {one for name in unknown for one in inner[name]}
            likely = bool(others & classes or (len(classes) > 1 and not others))
            likely = likely and len(inner) > len(known)
        if known and (several or likely):
            return _Level(depth, kinds, frozenset(unknown))
    return None


def _read_level(left: _Left, folders: Folders, level: _Level) -> Iterator[Reading]:
    """Yield the readings with splits; several where a folder beside the splits is unknown."""
    for ending, split in (("", ""), ("-train", "train"), ("-test", "test")):
        kinds = dict(level.kinds) | dict.fromkeys(level.unknown, split)
        splits = {name: kind for name, kind in kinds.items() if kind not in ("", UNLABELLED)}
        inside, split_of = _enter_splits(left, level.depth, splits)
        for one in _read_classes(inside, split_of, folders, 0.5 if level.unknown else 1.0):
            meant = {}
            for path, place in one.places.items():
                above = left.get(path) or left[path.rpartition("/")[0]]
                meant[name_folder("".join(above[level.depth : level.depth + 1]))] = place.split
            said = [
                f"“{name or '(no folder)'}” is {of}; "
                for of in ("train", "validation", "test")
                for name in sorted(meant)
                if meant[name] == of
            ]
            aside = {name for name in kinds.keys() - meant.keys() if name}
            skipped = f"; skipped: {list_names(aside)}" if aside else ""
            name = "splits" if one.name == "classes" else f"splits-{one.name}"
            sentence = "".join(said) + one.sentence + skipped
            yield replace(one, name=name + ending, sentence=sentence)
        if not level.unknown:
            return


def _enter_splits(
    left: _Left, depth: int, splits: Mapping[str, str]
) -> tuple[_Left, dict[str, str]]:
    """Return the folders left inside the splits, and the split of each folder with photos."""
    inside: dict[str, dict[str, tuple[str, ...]]] = {}
    for folder, above in left.items():
        name = name_folder(above[depth]) if len(above) > depth else ""
        if len(above) >= depth and name in splits:
            inner = above[depth + 1 :]
            if read_split(name)[1] and name in map(name_folder, inner[:1]):
                inner = inner[1:]  # asl_test/asl_test
            inside.setdefault(name, {})[folder] = above[:depth] + inner
    trained: frozenset[str] = frozenset()
    for name in sorted(inside, key=lambda name: splits[name] != "train"):
        if depth == 0:  # the only folder in a split may be a class, or be around all classes
            inside[name] = dict(_enter_common(inside[name], trained))
        if splits[name] == "train":
            trained |= {name_folder(above[0]) for above in inside[name].values() if above}
    split_of = {folder: splits[name] for name, some in inside.items() for folder in some}
    return {f: above for some in inside.values() for f, above in some.items()}, split_of


def _read_classes(
    left: _Left, split_of: Mapping[str, str], folders: Folders, score: float
) -> Iterator[Reading]:
    """Yield the readings of folders, or of the names of files, as classes."""
    trained = [above for folder, above in left.items() if split_of.get(folder, "train") == "train"]
    outer, inner = _compare_depths(trained, bool(split_of))
    if {above[1:] for above in trained} <= {()} and len(set(trained)) < 2:  # side by side
        outer = 0.3
        yield from _read_names(left, split_of, folders, score)
    for at, name, likely in ((0, "classes", outer), (1, "inner", inner)):
        if not likely:
            continue
        places = {
            folder: Place(name_folder(above[at]), split_of.get(folder), above[at])
            for folder, above in left.items()
            if len(above) > at
        }
        parts = {name_folder(above[0]) for above in left.values() if len(above) > 1 and at}
        others = {f: one for f, one in places.items() if not is_mask(one.class_name, alone=True)}
        if len(others) < len(places) and len({one.class_name for one in others.values()}) > 1:
            likely *= 0.7
            yield _make_reading(f"{name}-no-masks", others, score * likely, parts)
        yield _make_reading(name, places, score * likely, parts)


def _make_reading(
    name: str, places: Mapping[str, Place], score: float, parts: set[str] | None = None
) -> Reading:
    places = {path: one for path, one in places.items() if one.class_name}
    if {one.split for one in places.values()} == {"train"}:  # all splits are drawn
        places = {path: one._replace(split=None) for path, one in places.items()}
    classes = {one.class_name for one in places.values()}
    sentence = f"{count(len(classes), 'class')}: {list_names(classes)}"
    sentence += f", inside the parts {list_names(parts)}" if parts else ""
    return Reading(name=name, sentence=sentence, score=score, places=places)


def _compare_depths(trained: Sequence[tuple[str, ...]], has_splits: bool) -> tuple[float, float]:
    """Return how likely the outer and how likely the inner folders are the classes (0: not)."""
    inner: dict[str, set[str]] = {}
    for above in filter(None, trained):
        names = {name for name in map(name_folder, above[1:2]) if not means_nothing(name)}
        inner.setdefault(name_folder(above[0]), set()).update(names)
    of = Counter(name for names in inner.values() for name in names)
    parts = set(map(read_part, inner))
    are_parts = len(inner) > 1 and len(parts) == 1 and parts != {""}
    if len(inner) < 2 or len(of) < 2 or all(name.isdecimal() and len(name) == 4 for name in of):
        return (0.5 if are_parts else 1.0), 0.0
    shared = sum(outer > 1 for outer in of.values())
    if shared > 1 and 2 * shared >= len(of):  # the same names in each outer folder
        return (0.3, 0.95) if are_parts and not has_splits else (0.5, 0.6)
    flat = any(len(above) == 1 for above in trained)
    families = not flat and all(len(names) > 1 for names in inner.values())
    return (0.5, 0.45) if families else (1.0, 0.0)


def _read_names(
    left: _Left, split_of: Mapping[str, str], folders: Folders, score: float
) -> Iterator[Reading]:
    """Yield the readings without folders of classes: trainA as train and A, cat.0.jpg as cat."""
    rests: dict[str, set[str]] = {}
    joined: dict[str, Place] = {}
    for folder, split in split_of.items():
        rest = read_split(name_folder(folder))[1]
        rests.setdefault(split, set()).add(rest)
        joined[folder] = Place(rest, split, folder)
    if len(rests.get("train", ())) > 1 and all(rests["train"] >= some for some in rests.values()):
        yield _make_reading("joined", joined, 0.95 * score)
    named: dict[str, Place] = {}
    trained = []
    for folder in left:
        given = split_of.get(folder)
        for file in folders[folder]:
            class_name = read_class_in_file(name_stem(file))
            named[f"{folder}/{file}".lstrip("/")] = Place(name_folder(class_name), given)
            trained += [class_name] if given in ("train", None) else []
    photos = Counter(filter(None, trained))
    if len(photos) > 1 and photos.total() >= max(0.9 * len(trained), 2 * len(photos)):
        reading = _make_reading("names", named, 0.5 * score)
        first = next(path for path, place in named.items() if place.class_name)
        named_as = f"{reading.sentence}, by the names of the files (“{first}”)"
        yield replace(reading, sentence=named_as)
