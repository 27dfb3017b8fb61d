"""Settings of the program (environment variables PETALSCOPE_*) and the fingerprint of recipes.

Ground floor: importable from anywhere. Settings are read when asked for, so that a test or a worker
that changes the environment sees the change.
"""

import dataclasses
import difflib
import functools
import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from core.errors import INSTALLED, SettingRefused

PHOTO_SIZE = 224
"""Side in pixels of the square photos that ResNet-50 sees."""

PHOTO_SIDES = (160, PHOTO_SIZE, 288, 448)
"""Sides that photos can be packed at; the network halves them five times."""

AlarmRule = Literal[
    "volume_low", "volume_high", "latency", "unknown", "accuracy", "features", "properties", "mix"
]

Fit = Literal["crop", "pad"]
"""How a photo becomes a square: crop, its centre is cut out; pad, all of it, the rest filled."""

Crops = Literal["centre", "mirror", "five"]
"""What of the square is looked at: itself; and its mirror image; four corners and the middle."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Framing:
    """How the network sees a photo: as which square, and which crops of it, whose mean it takes."""

    how: Fit = "crop"
    side: int = PHOTO_SIZE
    """Of the packed square, in pixels."""
    crops: Crops = "centre"

    @property
    def is_packed(self) -> bool:
        """Whether the import packed photos so; crops are made of packed photos."""
        return (self.how, self.side) == (FRAMING.how, FRAMING.side)

    @property
    def words(self) -> str:
        """What is not usual: "whole photos, 288 px, five crops"; else empty."""
        whole = "whole photos" if self.how == "pad" else ""
        side = f"{self.side} px" if self.side != PHOTO_SIZE else ""
        crops = {"centre": "", "mirror": "and mirrored", "five": "five crops"}[self.crops]
        return ", ".join(filter(None, (whole, side, crops)))

    @property
    def crop_side(self) -> int:
        """Side of each crop: 7/8 of the square, in steps of 32 px, where there are five."""
        return round(self.side * 7 / 8 / 32) * 32 if self.crops == "five" else self.side

    @property
    def looks(self) -> int:
        """How many crops of each photo the network sees."""
        return {"centre": 1, "mirror": 2, "five": 5}[self.crops]

    @property
    def corners(self) -> list[tuple[int, int]]:
        """Top and left of each of five crops, the middle one last."""
        far = self.side - self.crop_side
        return [(0, 0), (0, far), (far, 0), (far, far), (far // 2, far // 2)]

    def describe(self) -> dict[str, Any]:
        """Return what is not usual, as JSON values by the names of a recipe's fields.

        The usual goes unsaid: so it did before there was anything else.
        """
        named = ((name, field, getattr(self, field)) for name, field in _FIELDS.items())
        return {name: value for name, field, value in named if value != getattr(FRAMING, field)}


_FIELDS = {"framing": "how", "photo_side": "side", "crops": "crops"}
"""Of a recipe → of its framing."""
FRAMING = Framing()
"""Where nothing else is said."""


def read_framing(facts: Mapping[str, Any]) -> Framing:
    """Return the framing that these facts name, as `Framing.describe` or a recipe does."""
    return Framing(**{field: facts[name] for name, field in _FIELDS.items() if name in facts})


OFFICIAL_WEIGHTS_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
    "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
)


OXFORD102_URL = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"

FLOWER_PHOTOS_URL = (
    "https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz"
)


_PREFIX = "PETALSCOPE_"
_OTHER_NAMES = ("PETALSCOPE_TEST_PREPARED",)
"""What is no setting of the program: where tests keep what they prepare."""
_LINK = re.compile(r"_SERVICE_(HOST|PORT)(_|$)|_PORT(_\d+_(TCP|UDP)(_|$)|$)")
"""What Kubernetes sets in every pod beside a service that is called petalscope."""


def default_workspace() -> Path:
    """Return the folder of everything that the program makes, where no setting names one."""
    if not INSTALLED:
        return Path("workspace")
    from platformdirs import user_data_path

    return user_data_path("petalscope", appauthor=False)


class Settings(BaseSettings):
    """What a person may set, each as environment variable PETALSCOPE_<NAME>."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, extra="ignore", use_attribute_docstrings=True
    )

    workspace: Path = default_workspace()
    """folder of everything that the program makes; of an installed petalscope: in the user's
    data folder"""
    read_only: bool = False
    """whether the workspace can only be read, on pages and by commands"""
    editors: str = ""
    """who may change the workspace, with a login: addresses or @domain, separated by commas"""
    viewers: str = ""
    """who may read the workspace, with a login, named alike; everybody else is refused"""
    weights: Path | None = None
    """file of ResNet-50 weights without top (.h5), used before any other"""
    weights_url: str = OFFICIAL_WEIGHTS_URL
    """address the ImageNet weights are downloaded from"""
    oxford102_url: str = OXFORD102_URL
    """address of the folder that holds the files of Oxford 102"""
    flower_photos_url: str = FLOWER_PHOTOS_URL
    """address flower_photos is downloaded from"""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """where training runs: auto, cpu or gpu"""
    ray_address: str | None = Field(None, pattern=r"^(auto|ray://[^/\s]+:\d+)$")
    """Ray cluster that computes features and trains runs: auto, the one of this machine, or
    ray://host:10001; default: none"""
    photo_limit_mb: int = Field(25, gt=0)
    """largest single photo accepted, in megabytes"""
    photo_limit_megapixels: int = Field(40, gt=0)
    """largest single photo accepted, in megapixels; checked before decoding"""
    archive_limit_mb: int = Field(4096, gt=0)
    """most that an archive may unpack to, in megabytes"""
    import_folders: str = "~"
    """folders below which the page reads datasets by path, separated by “:”; default: the home
    folder; the command line reads what its user may read"""
    keep_photos_days: float = Field(0.0, ge=0)
    """days for which photos that were asked about are kept; 0: none are"""
    alarm_levels: dict[AlarmRule, tuple[float | None, float | None]] = {}
    """levels of the rules on the page Monitoring, warning and critical, as JSON:
    {"latency": [500, 2000], "mix": [null, null]} (null: off)"""
    check_rules_minutes: int = Field(0, ge=0)
    """minutes after which the scheduler checks these rules again; 0: only the page does"""
    api_host: str = "127.0.0.1"
    """address that the prediction API is bound to"""
    api_port: int = Field(8000, ge=1, le=65535)
    """port of the prediction API"""
    api_key: SecretStr | None = None
    """key that programs must send, 16 characters or more; needed on anything but loopback"""
    api_tls_certificate: Path | None = None
    """certificate (PEM) that the API speaks HTTPS with; default: plain HTTP"""
    api_tls_key: Path | None = None
    """private key of that certificate (PEM)"""
    api_queue: int = Field(64, ge=1, le=4096)
    """photos that the API holds at once; more are turned away"""
    api_rate_limit: int | None = Field(None, ge=0)
    """photos a minute from one address, or with the key where one is set; 0: no limit; default:
    3000, on loopback no limit"""
    api_photo_limit_mb: int = Field(10, gt=0)
    """largest single photo that the API accepts, in megabytes"""
    api_origins: str = ""
    """web pages that may call the API from a browser, separated by commas"""
    worker_idle_minutes: float = Field(10.0, ge=0)
    """how long an idle worker is kept warm with Keras imported"""
    heartbeat_timeout_s: float = Field(60.0, gt=0)
    """silence in seconds after which a run counts as lost"""


def read_settings() -> Settings:
    """Return the settings as the environment has them now.

    Raises:
        SettingRefused: One has a value that is not allowed, or a name that is none of ours.
    """
    ours = {name: value for name, value in os.environ.items() if name[:11].upper() == _PREFIX}
    return _read_settings(frozenset(ours.items()))


@functools.lru_cache(maxsize=8)
def _read_settings(environment: frozenset[tuple[str, str]]) -> Settings:
    """Return the settings of this environment: read once, they are asked for with every photo."""
    for name, value in sorted(environment):
        _check_name(name.upper(), value)
    try:
        return Settings()
    except SettingsError as error:
        name = str(error).split('"')[1].upper()  # the error has no other trace of it
        variable = f"{_PREFIX}{name}"
        problem = f"The setting {variable} is not JSON."
        raise SettingRefused(problem, "See docs/settings.md.", variable=variable) from error
    except ValidationError as error:
        fault = error.errors()[0]  # the next one is told once this one is put right
        name = str(fault["loc"][0])
        variable = f"{_PREFIX}{name.upper()}"
        raise SettingRefused(
            f"The setting {variable} is “{fault['input']}”.",
            f"{fault['msg'].replace('Input', 'It', 1)}. "
            f"Left out, it is {Settings.model_fields[name].default}.",
            variable=variable,
        ) from error


def _check_name(variable: str, value: str) -> None:
    name = variable.removeprefix(_PREFIX).lower()
    field = Settings.model_fields.get(name)
    if field is None and variable not in _OTHER_NAMES and not _LINK.search(variable):
        near = difflib.get_close_matches(name, Settings.model_fields, 1)
        raise SettingRefused(
            f"There is no setting {variable}.",
            f"Did you mean {_PREFIX}{near[0].upper()}?"
            if near
            else "Unset it; docs/settings.md names all that there are.",
            variable=variable,
        )
    if field is not None and "Path" in str(field.annotation) and not value.strip():
        raise SettingRefused(
            f"The setting {variable} is empty.",
            f"Name a path, or unset it ({describe_setting(name)}).",
            variable=variable,
        )


def describe_setting(name: str) -> str:
    """Return what a setting is, in a line."""
    return " ".join((Settings.model_fields[name].description or "").split())


def fingerprint(recipe: object) -> str:
    """Return 16 hexadecimal digits that stand for everything in a recipe that changes a result.

    Args:
        recipe: A dataclass instance (its class name and, if it has one, its class attribute
            `version` go in) or a mapping of JSON values. A field whose metadata say `later` came
            after recipes that have ids: it goes in where it is not at its default.
    """
    if dataclasses.is_dataclass(recipe) and not isinstance(recipe, type):
        content: dict[str, Any] = {
            "class": type(recipe).__name__,
            "version": getattr(recipe, "version", 1),
            "fields": dataclasses.asdict(recipe),
        }
        for field in dataclasses.fields(recipe):
            if field.metadata.get("later") and getattr(recipe, field.name) == field.default:
                del content["fields"][field.name]
    elif isinstance(recipe, Mapping):
        content = {"class": "mapping", "version": 1, "fields": dict(recipe)}
    else:
        raise TypeError(f"a recipe is a dataclass instance or a mapping, not {type(recipe)}")
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(canonical.encode(), digest_size=8).hexdigest()
