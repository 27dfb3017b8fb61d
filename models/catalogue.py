"""The weights of the backbone by name. No Keras, and no file is opened."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import NetworkUnsupported

FEATURE_WIDTH = 2048
"""Length of a feature."""

DEFAULT = "pretrained"
STARTER = "starter"
"""Built-in, trained on drawings."""
RANDOM = "random"
ADDED = "added"
"""A whole model that was trained elsewhere: no weights to choose."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Weights to download, built-in weights, or random ones."""

    name: str
    """Name in recipes and options."""
    title: str
    sentence: str
    licence: str
    size_bytes: int = 0


_ENTRIES = (
    Entry(
        name=DEFAULT,
        title="ImageNet",
        sentence="Keras' ResNet50, trained on the 1,000 classes of ImageNet. The usual choice.",
        licence="MIT",
        size_bytes=94_765_736,
    ),
    Entry(
        name=STARTER,
        title="Built-in",
        sentence="Trained on drawings, included in the program. They work offline.",
        licence="this program's",
    ),
    Entry(
        name=RANDOM,
        title="Random",
        sentence="Untrained: shows the value of pretraining.",
        licence="none needed",
    ),
)
CATALOGUE: Mapping[str, Entry] = {entry.name: entry for entry in _ENTRIES}


def rank(name: str) -> int:
    """Return the rank of weights, the best first."""
    return {DEFAULT: 0, STARTER: 2, RANDOM: 3}.get(name, 1)


def refuse_network(what: str) -> NetworkUnsupported:
    """Return the error for a network of an earlier version."""
    return NetworkUnsupported(
        f"The network of this run ({what}) is not supported by this version.",
        f"Its scores stay. For new photos, start a run with the weights {', '.join(CATALOGUE)}.",
    )
