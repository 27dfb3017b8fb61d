"""What photo.py stands on outside of the workbench: size and framing, limits, and errors."""

from typing import NamedTuple

PHOTO_SIZE = 224
"""Side in pixels of most models' photos."""


class Framing(NamedTuple):
    """How a photo becomes a square: crop, its centre is cut out; pad, all of it, the rest filled.

    Its side is in pixels.
    """

    how: str
    side: int


FRAMING = Framing("crop", 224)
"""As the model was trained."""


class PhotoRefused(ValueError):
    """A file is not a photo that can be used: what is wrong, and what to do."""

    def __init__(self, problem: str, remedy: str, **facts: object) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem, self.remedy, self.facts = problem, remedy, facts


class PhotoTooLarge(PhotoRefused):
    """More bytes or pixels than the limits allow."""


class PhotoUnreadable(PhotoRefused):
    """Not a picture, or a damaged one."""


class _Limits:
    photo_limit_mb = 25
    photo_limit_megapixels = 40


def read_settings() -> type[_Limits]:
    """Return the largest photo that is accepted, in megabytes and megapixels."""
    return _Limits
