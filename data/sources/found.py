"""The types of all sources: their form, the request, and the found photos.

No photo is decoded here. A source writes only into its own folder and the downloads.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

READING = "reading the source"

OnProgress = Callable[[int, int], None]
"""Takes the amount done and the total."""


@dataclass(frozen=True, kw_only=True)
class FoundPhoto:
    """A photo of a source, with its file, class and split.

    `path` is relative and unique in the source; `split` is None where splits are to be drawn;
    `class_name` is "" for a photo outside of the class folders. A photo whose `file` does not exist
    is skipped when it is read.
    """

    path: str
    class_name: str = ""
    split: str | None = None
    group: str = ""
    """Photos of one group share a drawn split; "" for a photo alone."""
    file: Path


@dataclass(frozen=True, kw_only=True)
class FoundSource:
    """The contents of a source before a photo is read."""

    photos: list[FoundPhoto]
    """Sorted by path."""
    name: str = ""
    """The default name of the dataset."""
    origin: str = ""
    """Where the photos came from, in words, for dataset.json."""
    notes: tuple[str, ...] = ()
    """Sentences about renamed classes and ignored files."""
    numbers: Mapping[str, int] = field(default_factory=dict)
    """Number of each class in the source's own list, if it has one."""
    split_origin: str | None = None
    """The name of its splits, such as “the official split”; None: “given”."""
    layout: str = ""
    """The meaning of its folders, in a sentence."""
    tree: str = ""
    """Its folders in text, with counts."""
    groups: tuple[str, ...] = ()
    """Columns of a table that may name groups, such as “patient”."""


Tell = Callable[[str, int, int], None]
"""Takes the current phase, the amount done and the total; often, from one thread."""


class Output(NamedTuple):
    """Where a source may write, and the callback that it reports to."""

    unpacked: Path
    """An existing, empty folder."""
    downloads: Path
    tell: Tell


@dataclass(frozen=True, kw_only=True)
class SourceRequest:
    """A request to import; `asdict` gives JSON and `SourceRequest(**…)` takes it."""

    kind: str = "auto"
    path: str = ""
    """Folder, archive or .csv; for oxford102 the folder of its three files; “sample” for auto."""
    images: str = ""
    labels: str = ""
    splits: str = ""
    """102flowers.tgz, imagelabels.mat and setid.mat of oxford102, where they lie apart."""
    names: str = ""
    """A mapping.json or cat_to_name.json with the class names of oxford102."""
    layout: str = ""
    """The reading of the folders that a person chose; "": decided by the program."""
    group: str = ""
    """The column of a table whose photos of equal value no split divides."""
    own_split: bool = False
    """Draw stratified splits, even if the source has some."""
    from_page: bool = False
    """Typed into a page: only folders of PETALSCOPE_IMPORT_FOLDERS are read."""

    @property
    def place(self) -> Path:
        """The path on this machine."""
        return Path(self.path).expanduser()


@dataclass(frozen=True)
class Field:
    """A path in the form of a source."""

    name: Literal["path", "images", "labels", "splits", "names"]
    """The field of the request and the option on the command line."""
    label: str
    placeholder: str
    option: str = ""
    """Help of the option; "" for `path`, a positional argument."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to give the files of a source: by paths, or without, as for a download."""

    title: str = ""
    """Names it among several ways."""
    fields: tuple[Field, ...] = ()
    note: str = ""
    button: str = "Read the photos"


@dataclass(frozen=True, kw_only=True)
class SourceKind:
    """A kind of source in the form and on the command line."""

    kind: str
    title: str
    find: Callable[[SourceRequest, Output], FoundSource]
    """Returns the photos of a request.

    Raises SourceRefused (ArchiveRefused: hostile or broken), DownloadFailed, or OSError if the disk
    is full; then nothing is left in the folder.
    """
    needs_path: bool = True
    about: str = ""
    ways: tuple[Way, ...] = ()
    """Empty: the source is not in the form."""
    optional: tuple[Field, ...] = ()
    official_split: str = ""
    """Describes the source's splits where a person may choose drawn ones instead."""
