"""The catalogue of backbone weights: one small .toml each, read once. No Keras, no files opened."""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Literal, get_args

GraphName = Literal["v1", "v15", "bit"]
"""v1: keras.applications' ResNet-50; v15: stride in the 3×3 convolutions, no biases; bit:
pre-activation, GroupNorm, standardised kernels."""

Inputs = Literal["caffe", "torch", "symmetric"]
"""How weights want photos: caffe, BGR minus means; torch, RGB / 255 minus ImageNet's mean over its
spread; symmetric, RGB / 127.5 − 1."""

INPUTS_SAID: Mapping[Inputs, str] = {
    "caffe": "BGR minus ImageNet's mean",
    "torch": "RGB / 255 minus ImageNet's mean, over its spread",
    "symmetric": "RGB / 127.5 − 1",
}
"""In words."""

USUAL_WIDTH = 2048
WIDTHS: Mapping[GraphName, int] = dict.fromkeys(get_args(GraphName), USUAL_WIDTH)
"""Length of a feature: of what was written without saying it, the usual one."""

DEFAULT = "pretrained"
STARTER = "starter"
"""Ours, from drawings: they come with the program."""
RANDOM = "random"
PICKLES = (".pth", ".pt", ".tar")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A published figure, and where it was read."""

    what: str
    value: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Weights that can be had, or drawn; `address` is empty where they come with the program."""

    name: str
    """What recipes, options and files call them."""
    title: str
    sentence: str
    """For whom they are, in one sentence."""
    licence: str
    graph: GraphName = "v1"
    inputs: Inputs = "caffe"
    address: str = ""
    size_bytes: int = 0
    """Of the file at the address, as its source states it; 0: not known."""
    size_exact: bool = False
    """Whether the size was read to the byte."""
    sha256: str = ""
    """Of the file at the address, or as many of its first digits as are known."""
    shipped: str = ""
    """Path below models/ of a file that comes with the program."""
    published: tuple[Figure, ...] = ()
    notice: str = ""
    """What a person has to accept before the download."""
    order: int = 100
    """Place in lists, the first one first."""

    @property
    def width(self) -> int:
        """Length of a feature."""
        return WIDTHS[self.graph]

    @property
    def is_pickle(self) -> bool:
        """Whether the file has to be converted before anything here reads it."""
        return self.suffix in PICKLES

    @property
    def suffix(self) -> str:
        """The format of the file at the address."""
        return PurePosixPath(self.address.partition("?")[0]).suffix


def rank(name: str) -> int:
    """Return the place of features that nobody chose, lowest first: of photos, drawings, noise."""
    return {DEFAULT: 0, STARTER: 2, RANDOM: 3}.get(name, 1)


@functools.cache
def read_catalogue() -> Mapping[str, Entry]:
    """Return all entries by their names, in the order of lists; it cannot be changed."""
    files = Path(__file__).parent.glob("*.toml")
    entries = sorted(map(_read, files), key=lambda entry: (entry.order, entry.name))
    return MappingProxyType({entry.name: entry for entry in entries})


def _read(file: Path) -> Entry:
    content: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    unknown = content.keys() - {field.name for field in fields(Entry)}
    content["published"] = tuple(Figure(**one) for one in content.get("published", ()))
    entry = Entry(name=file.stem, **content)
    sound = entry.graph in get_args(GraphName) and entry.inputs in get_args(Inputs)
    if unknown or not sound:
        raise ValueError(f"{file} is no entry of the catalogue")
    return entry
