"""Augmentation policies: the changes of a photo, their range and probability.

The amount of a part is uniform in its range; `data/augmentation.py` applies it to photos. Standard
library only.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple

from core.errors import AugmentationRefused


@dataclass(frozen=True, kw_only=True)
class Part:
    """The range of one change and its probability; with probability 0 it is off."""

    low: float = 0.0
    high: float = 0.0
    probability: float = 0.0

    def __post_init__(self) -> None:  # 1 and 1.0 must give the same fingerprint
        for one in fields(self):
            object.__setattr__(self, one.name, float(getattr(self, one.name)))


class Limits(NamedTuple):
    """The unit, meaning and limits of a part's amounts."""

    least: float
    most: float
    neutral: float
    """The amount that changes nothing."""
    unit: str
    what: str


LIMITS: dict[str, Limits] = {
    "rotation": Limits(-180, 180, 0, "degrees", "turned about the centre"),
    "width_shift": Limits(-0.5, 0.5, 0, "of the width", "moved sideways"),
    "height_shift": Limits(-0.5, 0.5, 0, "of the height", "moved up or down"),
    "shear": Limits(-45, 45, 0, "degrees", "slanted"),
    "zoom": Limits(0.5, 2, 1, "times", "nearer (above 1) or farther"),
    "scale": Limits(0.5, 2, 1, "times", "width and height stretched each by its own factor"),
    "horizontal_flip": Limits(1, 1, 0, "", "mirrored left to right"),
    "vertical_flip": Limits(1, 1, 0, "", "turned upside down by a mirror"),
    "random_crop": Limits(0.3, 1, 1, "of the side", "a square cut out at a random place"),
    "brightness": Limits(0.1, 2, 1, "times", "darker or brighter"),
    "contrast": Limits(0.1, 2, 1, "times", "flatter or harder"),
    "saturation": Limits(0, 3, 1, "times", "paler or more colourful"),
    "hue": Limits(-180, 180, 0, "degrees", "colours turned round the colour circle"),
    "blur": Limits(0, 8, 0, "pixels", "Gaussian blur of this radius"),
    "noise": Limits(0, 80, 0, "grey levels", "Gaussian noise of this standard deviation"),
    "cutout": Limits(0, 0.8, 0, "of the side", "a grey square laid over a random place"),
}
"""Part → its limits, in the order on screen, which is also the order of all but geometry."""

GEOMETRIC = tuple(LIMITS)[:9]
"""These compose into one affine transform, applied once."""

_OFF = Part()


@dataclass(frozen=True, kw_only=True)
class AugmentationPolicy:
    """The changes of each photo; the default does nothing. Units: `LIMITS`."""

    version: ClassVar[int] = 1

    rotation: Part = _OFF
    width_shift: Part = _OFF
    height_shift: Part = _OFF
    shear: Part = _OFF
    zoom: Part = _OFF
    scale: Part = _OFF
    horizontal_flip: Part = _OFF
    vertical_flip: Part = _OFF
    random_crop: Part = _OFF
    brightness: Part = _OFF
    contrast: Part = _OFF
    saturation: Part = _OFF
    hue: Part = _OFF
    blur: Part = _OFF
    noise: Part = _OFF
    cutout: Part = _OFF
    pick: int | None = None
    """None: each part is drawn with its own probability. A number: RandAugment, which picks that
    many active parts for each photo at random."""

    def __post_init__(self) -> None:  # an inactive part has no range: equal policies are equal
        for name in LIMITS:
            if getattr(self, name).probability == 0:
                object.__setattr__(self, name, _OFF)

    @property
    def parts(self) -> dict[str, Part]:
        """The active parts, in the order of `LIMITS`."""
        named = {name: getattr(self, name) for name in LIMITS}
        return {name: part for name, part in named.items() if part.probability > 0}

    @property
    def does_nothing(self) -> bool:
        return not self.parts or self.pick == 0


def check_policy(policy: AugmentationPolicy) -> AugmentationPolicy:
    """Return the policy unchanged.

    Raises:
        AugmentationRefused: A range or probability is outside of its limits.
    """
    for name, limits in LIMITS.items():
        part = getattr(policy, name)
        if not 0 <= part.probability <= 1:
            raise _refuse(name, "its probability is not from 0 to 1")
        if part.probability == 0:
            continue
        if not (math.isfinite(part.low) and math.isfinite(part.high) and part.low <= part.high):
            raise _refuse(name, f"{part.low:g} to {part.high:g} is not a range")
        if not (limits.least <= part.low and part.high <= limits.most):
            raise _refuse(name, f"the limits are {limits.least:g} to {limits.most:g} {limits.unit}")
    if policy.pick is not None and not 0 <= policy.pick <= len(LIMITS):
        raise _refuse("pick", f"the limits are 0 to {len(LIMITS)} parts per photo")
    return policy


def policy_from_dict(content: Mapping[str, Any]) -> AugmentationPolicy:
    """Return the policy of a dict made by `dataclasses.asdict`.

    Raises:
        AugmentationRefused: The dict is malformed, or a part is outside of its limits.
    """
    try:
        parts: dict[str, Any] = {
            name: value if name == "pick" else Part(**value) for name, value in content.items()
        }
        return check_policy(AugmentationPolicy(**parts))
    except (TypeError, ValueError, AttributeError) as error:
        raise AugmentationRefused(
            "This version of the program cannot read the augmentation policy.",
            "Choose a named policy, or make a new one on the page Augmentation.",
            cause=str(error),
        ) from error


def describe_policy(policy: AugmentationPolicy) -> str:
    """Return the name of a preset, else the parts of the policy in a line."""
    if policy.does_nothing:
        return "none"
    for name, preset in PRESETS.items():
        if preset == policy:
            return name
    words = ", ".join(name.replace("_", " ") for name in policy.parts)
    return words if policy.pick is None else f"{policy.pick} of {words}"


def _refuse(name: str, why: str) -> AugmentationRefused:
    return AugmentationRefused(
        f"The part “{name.replace('_', ' ')}” of the augmentation policy cannot be used: {why}.",
        "Set it within its limits, or switch it off.",
        part=name,
    )


def _always(low: float, high: float, probability: float = 1.0) -> Part:
    return Part(low=low, high=high, probability=probability)


_GENTLE = AugmentationPolicy(
    rotation=_always(-20, 20),
    width_shift=_always(-0.1, 0.1),
    height_shift=_always(-0.1, 0.1),
    shear=_always(-10, 10),
    zoom=_always(0.85, 1.2),
    horizontal_flip=_always(1, 1, 0.5),
)

PRESETS: dict[str, AugmentationPolicy] = {
    "none": AugmentationPolicy(),
    "gentle": _GENTLE,
    "strong": dataclasses.replace(
        _GENTLE,
        rotation=_always(-40, 40),
        width_shift=_always(-0.15, 0.15),
        height_shift=_always(-0.15, 0.15),
        scale=_always(0.85, 1.2, 0.5),
        random_crop=_always(0.6, 1.0, 0.8),
        brightness=_always(0.7, 1.3, 0.8),
        contrast=_always(0.7, 1.3, 0.8),
        saturation=_always(0.6, 1.4, 0.8),
        hue=_always(-15, 15, 0.5),
        blur=_always(0, 1.5, 0.2),
        noise=_always(0, 12, 0.2),
        cutout=_always(0.1, 0.35, 0.5),
    ),
    "randaugment": AugmentationPolicy(
        pick=3,
        rotation=_always(-30, 30),
        width_shift=_always(-0.2, 0.2),
        height_shift=_always(-0.2, 0.2),
        shear=_always(-17, 17),
        zoom=_always(0.8, 1.3),
        horizontal_flip=_always(1, 1),
        brightness=_always(0.6, 1.5),
        contrast=_always(0.6, 1.5),
        saturation=_always(0.4, 1.8),
        hue=_always(-25, 25),
        blur=_always(0, 2),
        noise=_always(0, 20),
        cutout=_always(0.1, 0.4),
    ),
}
"""gentle: the usual set of tutorials. strong: more of everything. randaugment: three parts per
photo, after Cubuk et al. 2019, "RandAugment"."""
