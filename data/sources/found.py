"""What every source states and answers: how it is asked for, its photos, their classes and splits.

No photo is decoded here. A source writes into the folder it is given and the downloads alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

READING = "reading the source"

OnProgress = Callable[[int, int], None]
"""Told what is done and what there is in all."""


@dataclass(frozen=True, kw_only=True)
class FoundPhoto:
    """A photo of a source: where it is, and what its folders say about it.

    `path` is relative and unique in the source; `split` is None where splits are to be drawn;
    `class_name` is "" for a photo outside of the class folders; `file` need not be there: such a
    photo is set aside when it is read.
    """

    path: str
    class_name: str = ""
    split: str | None = None
    file: Path


@dataclass(frozen=True, kw_only=True)
class FoundSource:
    """What a source says before a photo is read."""

    photos: list[FoundPhoto]
    """Sorted by path."""
    name: str = ""
    """What people will call the dataset, if they say nothing else."""
    origin: str = ""
    """Where it came from, in words, for dataset.json."""
    notes: tuple[str, ...] = ()
    """Sentences about what was taken for what, and what was left out."""
    numbers: Mapping[str, int] = field(default_factory=dict)
    """Number of each class in the source's own list; empty: it has none."""
    split_origin: str | None = None
    """What to call the splits it gives, such as “the official split”; None: “given”."""


Tell = Callable[[str, int, int], None]
"""Told, often and from the same thread, what is done at the moment, how much of it, and of what."""

Source = Callable[[Path, Tell], FoundSource]
"""Anything a dataset can be made of: finds its photos. The folder is an existing empty one, which
it may write into.

Raises SourceRefused: it cannot be a dataset (ArchiveRefused: hostile or broken); DownloadFailed: it
could not be fetched; OSError: there is no room on the disk; nothing is left in the folder.
"""


@dataclass(frozen=True, kw_only=True)
class SourceRequest:
    """What a person asked to import; `asdict` gives JSON and `SourceRequest(**…)` takes it."""

    kind: str = "auto"
    path: str = ""
    """Folder, archive or .csv; for oxford102 the folder of its three files; “sample” for auto."""
    images: str = ""
    labels: str = ""
    splits: str = ""
    """102flowers.tgz, imagelabels.mat and setid.mat of oxford102, where they lie apart."""
    names: str = ""
    """A mapping.json or cat_to_name.json with the class names of oxford102."""
    own_split: bool = False
    """Draw our own stratified splits, whatever the source says."""
    from_page: bool = False
    """Typed into a page: only what lies below the folders of PETALSCOPE_IMPORT_FOLDERS is read."""

    @property
    def place(self) -> Path:
        """The path on this machine."""
        return Path(self.path).expanduser()


@dataclass(frozen=True)
class Field:
    """A path that a person may give."""

    name: Literal["path", "images", "labels", "splits", "names"]
    """Of the request, and of the option on the command line."""
    label: str
    placeholder: str
    option: str = ""
    """What the option is for; "" for `path`, which is no option."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to give the files of a source: paths, or none where they are downloaded or drawn."""

    key: str = ""
    """What is remembered of the choice between several."""
    title: str = ""
    fields: tuple[Field, ...] = ()
    note: str = ""
    button: str = "Read the photos"


@dataclass(frozen=True, kw_only=True)
class SourceKind:
    """A kind of source as people meet it in the form and on the command line."""

    kind: str
    title: str
    open: Callable[[SourceRequest, Path], Source]
    """Takes the request and the folder of downloads; reads nothing yet, but may raise
    SourceRefused: the request names no source, or a file of it is not there."""
    needs_path: bool = True
    about: str = ""
    ways: tuple[Way, ...] = ()
    """None: it is not in the form."""
    optional: tuple[Field, ...] = ()
    official_split: str = ""
    """What it comes with, where a person may have our own instead."""
