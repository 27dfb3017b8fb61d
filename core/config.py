"""Settings of the program (environment variables PETALSCOPE_*) and the fingerprint of recipes.

Any module may import it. Settings are read on each call, so that a test or a worker that changes
the environment sees the change.
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

AlarmRule = Literal[
    "volume_low", "volume_high", "latency", "unknown", "accuracy", "features", "properties", "mix"
]

Fit = Literal["crop", "pad", "squeeze"]
"""How a photo becomes a square: its centre is cropped, or the whole photo is padded or squeezed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Framing:
    """How the network sees a photo."""

    how: Fit = "crop"

    @property
    def is_packed(self) -> bool:
        """Whether the import packed photos in this way."""
        return self == FRAMING

    @property
    def words(self) -> str:
        """Return the framing in words where it is not usual; else empty."""
        return {"crop": "", "pad": "padded photos", "squeeze": "squeezed photos"}[self.how]

    def describe(self) -> dict[str, Any]:
        """Return the framing as JSON where it is not usual; else nothing: ids stay as they were."""
        return {} if self == FRAMING else {"framing": self.how}


FRAMING = Framing()
"""The usual framing."""


def read_framing(facts: Mapping[str, Any]) -> Framing:
    """Return the framing that `Framing.describe` or a recipe names."""
    return Framing(how=facts.get("framing", FRAMING.how))


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
"""Variables with the prefix that are not settings: the folder of prepared tests."""
_LINK = re.compile(r"_SERVICE_(HOST|PORT)(_|$)|_PORT(_\d+_(TCP|UDP)(_|$)|$)")
"""Variables that Kubernetes sets for a service called petalscope."""


def default_workspace() -> Path:
    """Return the default folder of the workspace."""
    if not INSTALLED:
        return Path("workspace")
    from platformdirs import user_data_path

    return user_data_path("petalscope", appauthor=False)


class Settings(BaseSettings):
    """The settings, each an environment variable PETALSCOPE_<NAME>."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, extra="ignore", use_attribute_docstrings=True
    )

    workspace: Path = default_workspace()
    """folder of all files of the program; of an installed petalscope: in the user's data folder"""
    read_only: bool = False
    """whether pages and commands can only read the workspace"""
    editors: str = ""
    """with a login: people who can change the workspace, as addresses or @domain, with commas"""
    viewers: str = ""
    """with a login: people who can read the workspace; everyone else is refused"""
    weights: Path | None = None
    """file of ResNet-50 weights without top (.h5), used before any other"""
    weights_url: str = OFFICIAL_WEIGHTS_URL
    """address of the ImageNet weights"""
    oxford102_url: str = OXFORD102_URL
    """address of the folder with the files of Oxford 102"""
    flower_photos_url: str = FLOWER_PHOTOS_URL
    """address of flower_photos"""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """device for training: auto, cpu or gpu"""
    ray_address: str | None = Field(None, pattern=r"^(auto|ray://[^/\s]+:\d+)$")
    """Ray cluster that computes features and trains runs: auto (the cluster of this machine) or
    ray://host:10001; default: none"""
    photo_limit_mb: int = Field(25, gt=0)
    """largest photo, in megabytes"""
    photo_limit_megapixels: int = Field(40, gt=0)
    """largest photo, in decoded megapixels; a baseline JPEG, decoded small, may have 10 times it"""
    archive_limit_mb: int = Field(4096, gt=0)
    """largest unpacked size of an archive, in megabytes"""
    import_folders: str = "~"
    """folders that the page may import from, separated by “:”; default: the home folder; the
    command line may import from any folder that its user can read"""
    keep_photos_days: float = Field(0.0, ge=0)
    """days for which classified photos are stored; 0: they are not stored"""
    alarm_levels: dict[AlarmRule, tuple[float | None, float | None]] = {}
    """levels of the rules on the page Monitoring, warning and critical, as JSON:
    {"latency": [500, 2000], "mix": [null, null]} (null: off)"""
    check_rules_minutes: int = Field(0, ge=0)
    """minutes after which the scheduler checks these rules again; 0: only the page does"""
    api_host: str = "127.0.0.1"
    """address of the prediction API"""
    api_port: int = Field(8000, ge=1, le=65535)
    """port of the prediction API"""
    api_key: SecretStr | None = None
    """key that programs must send, at least 16 characters; required beyond loopback"""
    api_queue: int = Field(64, ge=1, le=4096)
    """photos that can wait in the API; more are refused"""
    api_rate_limit: int | None = Field(None, ge=0)
    """photos per minute from one address, or with the key if there is one; 0: no limit; default:
    3000, on loopback no limit"""
    api_photo_limit_mb: int = Field(10, gt=0)
    """largest photo that the API accepts, in megabytes"""
    api_origins: str = ""
    """origins of web pages that may call the API from a browser, separated by commas"""
    worker_idle_minutes: float = Field(10.0, ge=0)
    """minutes for which an idle worker stays ready with Keras imported"""
    heartbeat_timeout_s: float = Field(60.0, gt=0)
    """seconds without a heartbeat after which a run is lost"""


def read_settings() -> Settings:
    """Return the settings of the current environment.

    Raises:
        SettingRefused: A variable has an invalid value or an unknown name.
    """
    names = [name for name in os.environ if name[:11].upper() == _PREFIX]
    given = ((name, os.environ.get(name)) for name in names)  # None: removed by another thread
    return _read_settings(frozenset((name, value) for name, value in given if value is not None))


@functools.lru_cache(maxsize=8)
def _read_settings(environment: frozenset[tuple[str, str]]) -> Settings:
    """Return the settings of an environment; cached, because every photo needs them."""
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
        fault = error.errors()[0]  # one at a time
        name = str(fault["loc"][0])
        variable = f"{_PREFIX}{name.upper()}"
        raise SettingRefused(
            f"The setting {variable} is “{fault['input']}”.",
            f"{fault['msg'].replace('Input', 'It', 1)}. "
            f"The default is {Settings.model_fields[name].default}.",
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
            else "Unset it; docs/settings.md lists all settings.",
            variable=variable,
        )
    if field is not None and "Path" in str(field.annotation) and not value.strip():
        raise SettingRefused(
            f"The setting {variable} is empty.",
            f"Name a path, or unset it ({describe_setting(name)}).",
            variable=variable,
        )


def describe_setting(name: str) -> str:
    """Return the description of a setting in one line."""
    return " ".join((Settings.model_fields[name].description or "").split())


def fingerprint(recipe: object) -> str:
    """Return 16 hexadecimal digits for everything in a recipe that changes the result.

    Args:
        recipe: A mapping of JSON values, or a dataclass instance (with its class name and its
            class attribute `version`, if any). A field with the metadata `later` was added after
            recipes had ids: it counts only if it is not the default.
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
