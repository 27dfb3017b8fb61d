"""What photo.py stands on outside of the workbench: the size of a photo, limits, and errors."""

PHOTO_SIZE = 224
"""Side in pixels of the square photos that the model sees."""


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
