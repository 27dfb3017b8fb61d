"""The description of a recipe's field: range, names, help, and when it is used.

Checks, words, the form and the options of the command line follow from it.
"""

import dataclasses
import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field
from typing import Any

from core.errors import RecipeRefused

MOST_HIDDEN_LAYERS = 4
MOST_UNITS = 4096
MOST_EPOCHS = 1000
MOST_SEED = 2**31 - 1
LINEAR = "none (linear)"
"""No hidden layer."""

_LAYERS = re.compile(r"\d{1,9}(\s*(→|->|,|\s)\s*\d{1,9})*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The description of a field of a recipe."""

    name: str
    default: Any
    """MISSING: it must be given."""
    title: str = ""
    """Name in comparisons and errors."""
    label: str = ""
    """Name in the form and in tables."""
    help: str = ""
    usual: str = ""
    """The default of the command line in words, where it depends on more than the strategy."""
    ends: tuple[float, float] | None = None
    """Minimum and maximum of a number, or of the units of each layer."""
    step: float | None = None
    choices: Mapping[Any, str] = field(default_factory=dict)
    """Allowed value → its name in the form."""
    none: str = ""
    """Name of the default where it is None, 0 or no layer."""
    below: str = ""
    """The setting that this one must stay below."""
    later: bool = False
    """Whether older recipes lack it: its default is not part of the id."""
    used: Callable[[Any], bool] = lambda recipe: True  # noqa: ARG005 (all recipes use it)
    """Whether it changes anything in a recipe with these other settings."""

    def __post_init__(self) -> None:
        title = self.title or self.name.replace("_", " ")
        object.__setattr__(self, "title", title)
        object.__setattr__(self, "label", self.label or title.capitalize())

    @property
    def has_default(self) -> bool:
        """Whether it may be left out."""
        return self.default is not MISSING

    @property
    def is_offered(self) -> bool:
        """Whether it can be chosen; only recipes of an earlier version have other values."""
        return len(self.choices) != 1

    @property
    def option(self) -> str:
        """The option of the command line; a switch that is on by default gets “--no-”."""
        prefix = "--no-" if self.default is True else "--"
        return prefix + self.name.replace("_", "-")

    @property
    def parse(self) -> Callable[[str], Any]:
        """The parser of the option's value; raises ValueError."""
        if isinstance(self.default, tuple):
            return parse_units
        return type(self.default) if isinstance(self.default, float | str) else int

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        if self.ends is not None:
            ends = " to ".join(f"{end:,}" if end >= 1 else f"{end:g}" for end in self.ends)
            if isinstance(self.default, tuple):
                return f"at most {MOST_HIDDEN_LAYERS} layers of {ends} units"
            return f"{ends}, or none" if self.default is None else ends
        if isinstance(self.default, bool):
            return "True or False"
        return " or ".join(f"“{one}”" for one in self.choices) or self.help

    def allows(self, value: Any) -> bool:
        """Return whether a recipe may have this value."""
        if self.choices:
            return value in tuple(self.choices)
        if isinstance(self.default, bool):
            return isinstance(value, bool)
        if self.ends is None or value is None:
            return value != "" and (value is not None or self.default is None)
        if isinstance(value, tuple):
            return len(value) <= MOST_HIDDEN_LAYERS and all(map(self._is_within, value))
        return self._is_within(value)

    def say(self, value: Any) -> str:
        """Return the value in words."""
        if self.none and value == self.default:
            return self.none
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, tuple):
            return write_units(value)
        return f"{value:g}" if isinstance(value, float) else str(value)

    def _is_within(self, value: object) -> bool:
        assert self.ends is not None
        if not isinstance(value, int | float):
            return False
        return math.isfinite(value) and self.ends[0] <= value <= self.ends[1]


def described(default: Any, ends: tuple[float, float] | None = None, **description: Any) -> Any:
    """Return a field with this default and the description of its setting (see `Setting`)."""
    return field(default=default, metadata={"ends": ends, **description})


def former(default: Any, used: Callable[[Any], bool]) -> Any:
    """Return a field of an earlier version: only old recipes have another value than this."""
    return described(default, choices={default: str(default)}, later=True, used=used)


def read_settings_of(
    recipe_class: type, after: str, use: Callable[[Any], bool]
) -> dict[str, Setting]:
    """Return the settings of a dataclass by name; fields after `after` also need `use`."""

    def limit(one: Setting) -> Setting:
        return dataclasses.replace(one, used=lambda recipe: use(recipe) and one.used(recipe))

    found: dict[str, Setting] = {}
    for one in dataclasses.fields(recipe_class):
        setting = Setting(name=one.name, default=one.default, **one.metadata)
        found[one.name] = limit(setting) if after in found else setting
    return found


def check_settings(values: Mapping[str, Any], settings: Mapping[str, Setting]) -> None:
    """Check values that a program gives to settings, before they are a recipe.

    Raises:
        RecipeRefused: A setting is unknown, or its value is out of range.
    """
    offered = {name: one for name, one in settings.items() if one.has_default and one.is_offered}
    for name, value in values.items():
        if name not in offered:
            near = difflib.get_close_matches(name, offered, 1, 0)[0]
            raise RecipeRefused(f"A recipe has no “{name}”.", f"Did you mean “{near}”?", field=name)
        if not offered[name].allows(value):
            raise refuse(offered[name], offered[name].allowed)


def refuse(setting: Setting, allowed: str) -> RecipeRefused:
    """Return the error for a value of a setting that is not allowed."""
    return RecipeRefused(
        f"The setting “{setting.title}” is out of range.",
        f"Allowed: {allowed}.",
        field=setting.title,
    )


def parse_units(text: str) -> tuple[int, ...]:
    """Return the units of each hidden layer: "512 → 128" or "512, 128".

    Raises:
        ValueError: The text is not a list of numbers.
    """
    typed = (text or "").strip().strip(",")
    if typed.lower() in ("", LINEAR, "none", "linear"):
        return ()
    if not _LAYERS.fullmatch(typed):
        raise ValueError("Hidden layers cannot be read.")
    return tuple(int(units) for units in re.findall(r"\d+", typed))


def write_units(units: tuple[int, ...]) -> str:
    """Return hidden layers in words that `parse_units` reads."""
    return " → ".join(map(str, units)) or LINEAR
