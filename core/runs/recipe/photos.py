"""How the network sees photos: the settings of a recipe that say so, and what they want."""

from typing import TYPE_CHECKING, Any

from core.config import PHOTO_SIDES, Framing
from core.formats import count
from models.catalogue import CATALOGUE, refuse_network

if TYPE_CHECKING:  # who reads recipes alone needs no NumPy
    from data.dataset import Dataset

FIT: dict[str, Any] = {
    "label": "How photos become square",
    "help": "“crop” cuts out the centre square, “pad” fits in the whole photo and fills the rest",
    "tip": "The network sees squares. The centre square shows things larger; the whole photo "
    "keeps the ends of long things, smaller, with a plain border beside it.",
    "choices": {"crop": "Centre square", "pad": "Whole photo"},
    "later": True,
}
SIDE: dict[str, Any] = {
    "label": "Side of the square",
    "help": "pixels on a side of the square that the network sees",
    "tip": "Larger squares show finer detail and take longer, in proportion "
    "to their area; small photos are enlarged for them, which adds no detail.",
    "choices": {side: f"{side} px" for side in PHOTO_SIDES},
    "later": True,
}
CROPS: dict[str, Any] = {
    "title": "crops",
    "label": "Looks at each photo",
    "help": "“centre” looks at the square once, “mirror” at its mirror image, too, “five” at four "
    "corners and the middle; the features are averaged",
    "tip": "More than one look is averaged, for training and for every answer: often a little "
    "better, and as many times slower. For the head alone.",
    "choices": {
        "centre": "Once",
        "mirror": "Twice: as it is, and mirrored",
        "five": "Five times: corners and middle",
    },
    "later": True,
    "used": lambda recipe: not recipe.trained_stages,  # they learn from one look
}
SPEED: dict[str, Any] = {
    "choices": {"usual": "usual"},
    "later": True,
    "used": lambda recipe: recipe.speed != "usual",
}
"""“fast”, 8-bit integers, is in recipes of an earlier version alone."""


def check_network(speed: str, weights: str) -> None:
    """Check that this version computes with the network of a recipe.

    Raises:
        NetworkUnsupported: It does not; the recipe is of an earlier version.
    """
    if speed != "usual":
        raise refuse_network("8-bit integers")
    if weights not in CATALOGUE:
        raise refuse_network(f"the weights “{weights[:80]}”")


def warn_of_enlarging(dataset: "Dataset", framing: Framing) -> str:
    """Return how many photos are smaller than the square; empty for none."""
    sides = dataset.manifest[["width", "height"]]
    own = sides.max(axis=1) if framing.how == "pad" else sides.min(axis=1)
    smaller = int((own < framing.side).sum())
    if not smaller:
        return ""
    which = f"{smaller:,} of {count(len(dataset), 'photo')}"
    which = f"All {count(smaller, 'photo')}" if smaller == len(dataset) else which
    verb = "is" if smaller == 1 else "are"
    return f"{which} {verb} smaller than {framing.side} px and enlarged, which adds no detail."
