"""Trees of photos: their folders without masks, and a drawing with the meaning of each folder.

Pure: nothing on the disk is read.
"""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple

from core.formats import sort_names
from data.sources.words import find_masked, is_mask, is_of_photos

Folders = Mapping[str, Sequence[str]]
"""Path of a folder ("" for the outermost) → names of the photos directly in it."""
_SHOWN, _DEEPEST = 8, 4


class Place(NamedTuple):
    """The meaning of a folder or photo; without a class its photos are skipped."""

    class_name: str = ""
    split: str | None = None
    class_folder: str = ""
    """Its path."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One meaning of a tree: the value of --layout, a sentence, its likelihood (0 to 1)."""

    name: str
    sentence: str
    score: float
    places: Mapping[str, Place]
    """Folder or photo → its place; a photo counts before its folder."""

    def place(self, path: str) -> Place:
        """Return the place of a photo."""
        return self.places.get(path) or self.places.get(path.rpartition("/")[0]) or Place()


def name_folder(folder: str) -> str:
    """Return the name of a folder by its path, composed (NFC)."""
    # macOS writes é as two characters, others as one: the same class must not become two.
    return unicodedata.normalize("NFC", folder.rpartition("/")[2])


def name_stem(file: str) -> str:
    """Return the name of a file without its ending."""
    return file.rpartition(".")[0] or file


def list_above(folder: str) -> tuple[str, ...]:
    """Return the folders on the path of a folder and itself, outermost first."""
    above = [str(one) for one in PurePosixPath(folder).parents][:-1] if folder else []
    return (*reversed(above), *([folder] if folder else []))


def leave_masks(paths: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Return folder → names of photos in it, and the paths of masks and annotations.

    A folder of masks lies beside one of photos (images, masks) or in the folder of its photos; a
    single mask lies beside its photo (rose_1.jpg, rose_1_mask.png).
    """
    folders: dict[str, list[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        folders.setdefault(folder, []).append(name)
    stems = {f: {name_stem(name).casefold() for name in folders[f]} for f in folders}
    beside: dict[str, set[str]] = {}
    for above in {one for folder in folders for one in list_above(folder)}:
        beside.setdefault(above.rpartition("/")[0], set()).add(name_folder(above))

    def holds_masks(folder: str, inside: str) -> bool:
        outer = folder.rpartition("/")[0]
        own = {find_masked(stem) or stem for stem in stems[inside]}
        return is_mask(name_folder(folder)) and (
            any(is_of_photos(name) for name in beside[outer] - {name_folder(folder)})
            or 2 * len(own & stems.get(outer, set())) > len(own)
        )

    masks = []
    for folder, names in list(folders.items()):
        whole = any(holds_masks(above, folder) for above in list_above(folder))
        left = [
            name
            for name in names
            if not whole and find_masked(name_stem(name)) not in stems[folder]
        ]
        masks += [f"{folder}/{name}".lstrip("/") for name in names if name not in left]
        if left:
            folders[folder] = left
        else:
            del folders[folder]
    return folders, masks


def draw_tree(folders: Folders, reading: Reading) -> str:
    """Return the tree in text: each folder with its number of photos and its meaning."""
    counts: Counter[str] = Counter()
    meanings: dict[str, set[tuple[str, str]]] = {}
    for folder, names in folders.items():
        for name in names:
            place = reading.place(f"{folder}/{name}".lstrip("/"))
            meaning = (place.split or "", place.class_name)
            for above in ("", *list_above(folder)):
                counts[above] += 1
                meanings.setdefault(above, set()).add(meaning)
    inside: dict[str, list[str]] = {}
    for folder in sort_names(counts):
        if folder:
            inside.setdefault(folder.rpartition("/")[0], []).append(folder)
    lines: list[tuple[str, str]] = []

    def add(folder: str, name: str, depth: int, said: tuple[str, ...]) -> None:
        below = inside.get(folder, [])
        while len(below) == 1 and counts[below[0]] == counts[folder]:
            folder, name = below[0], f"{name}{name_folder(below[0])}/"
            below = inside.get(folder, [])
        splits, classes = ({one[at] for one in meanings[folder]} for at in (0, 1))
        words = [f"class “{one}”" for one in classes if one and len(classes) == 1]
        words += [one for one in splits if one and len(splits) == 1 and classes != {""}]
        words += ["without class"] if classes == {""} else []
        new = " · ".join(word for word in words if word not in said)
        lines.append((f"{'  ' * depth}{name}", f"{counts[folder]:>7,}  {new}".rstrip()))
        below = below if depth < _DEEPEST else []
        for one in below[:_SHOWN]:
            add(one, f"{name_folder(one)}/", depth + 1, (*said, *words))
        if rest := below[_SHOWN:]:
            more = f"{'  ' * (depth + 1)}… {len(rest):,} more"
            lines.append((more, f"{sum(counts[one] for one in rest):>7,}"))

    add("", "./", 0, ())
    width = max(len(name) for name, _ in lines) + 1
    return "\n".join(f"{name:<{width}}{rest}" for name, rest in lines)
