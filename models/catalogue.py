"""The weights that a backbone can have, by their names. No Keras, no files opened."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.config import OFFICIAL_WEIGHTS_URL
from core.errors import NetworkUnsupported

FEATURE_WIDTH = 2048
"""Length of a feature."""

DEFAULT = "pretrained"
STARTER = "starter"
"""Ours, from drawings: they come with the program."""
RANDOM = "random"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Weights that can be downloaded, come with the program (no address), or are drawn."""

    name: str
    """What recipes and options call them."""
    title: str
    sentence: str
    """For whom they are, in one sentence."""
    licence: str
    address: str = ""
    size_bytes: int = 0
    """Of the file at the address."""


_ENTRIES = (
    Entry(
        name=DEFAULT,
        title="ImageNet (Keras V1)",
        sentence="What Keras calls ResNet50, trained on the 1,000 classes of ImageNet: the usual "
        "place to begin.",
        licence="MIT",
        address=OFFICIAL_WEIGHTS_URL,
        size_bytes=94_765_736,
    ),
    Entry(
        name=STARTER,
        title="Starter",
        sentence="Ours, from drawings alone, no photo: comes with the program, for the way without "
        "a network.",
        licence="this program's",
    ),
    Entry(
        name=RANDOM,
        title="Random",
        sentence="Never saw a photo: shows the way without a network, and what pretraining is "
        "worth.",
        licence="none needed",
    ),
)
CATALOGUE: Mapping[str, Entry] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
"""In the order of lists."""


def rank(name: str) -> int:
    """Return the place of features that nobody chose, lowest first: of photos, drawings, noise."""
    return {DEFAULT: 0, STARTER: 2, RANDOM: 3}.get(name, 1)


def refuse_network(what: str) -> NetworkUnsupported:
    """Return what is raised where a network of an earlier version is asked for."""
    return NetworkUnsupported(
        f"The network of this run ({what}) is not supported by this version.",
        "Its scores stay. For new photos, train the recipe with other weights: "
        f"{', '.join(CATALOGUE)}.",
    )
