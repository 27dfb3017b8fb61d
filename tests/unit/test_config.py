"""Settings: what a person may set, and what is said when it is not allowed."""

import os
from typing import Any

import pytest

from core.config import read_settings
from core.errors import SettingRefused


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PHOTO_LIMIT_MB", "abc", "a valid integer"),
        ("PHOTO_LIMIT_MB", "0", "greater than 0"),
        ("DEVICE", "tpu", "'auto', 'cpu' or 'gpu'"),
    ],
)
def test_a_setting_out_of_range_is_named_with_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    variable = f"PETALSCOPE_{name}"
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingRefused) as refused:
        read_settings()
    assert variable in refused.value.problem and f"“{value}”" in refused.value.problem
    assert allowed in refused.value.remedy


@pytest.mark.parametrize(
    ("variable", "value", "remedy"),
    [
        ("PETALSCOPE_WORKSPACES", "/data", "Did you mean PETALSCOPE_WORKSPACE?"),
        ("petalscope_photo_limit", "3", "Did you mean PETALSCOPE_PHOTO_LIMIT_MB?"),
        ("PETALSCOPE_QQQQ", "1", "docs/settings.md"),
        ("PETALSCOPE_WORKSPACE", "", "Name a path, or unset it"),
        ("PETALSCOPE_WEIGHTS", " ", "Name a path, or unset it"),
    ],
)
def test_an_unknown_name_and_an_empty_path_are_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, remedy: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingRefused, match=variable.upper()) as refused:
        read_settings()
    assert remedy in refused.value.remedy


@pytest.mark.parametrize(
    "variable",
    [
        "PETALSCOPE_TEST_PREPARED",
        "PETALSCOPE_SERVICE_HOST",
        "PETALSCOPE_PORT",
        "PETALSCOPE_PORT_8501_TCP_ADDR",
        "PETALSCOPES_FIELD",
    ],
)
def test_names_that_are_no_settings_are_let_be(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "tcp://10.0.0.1:8501")
    assert read_settings().photo_limit_mb == 25


def test_settings_are_read_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALSCOPE_PHOTO_LIMIT_MB", "3")
    assert read_settings().photo_limit_mb == 3
    monkeypatch.delenv("PETALSCOPE_PHOTO_LIMIT_MB")
    assert read_settings().photo_limit_mb == 25


class Fading(dict[str, str]):
    """An environment from which another thread takes a variable before its value is read."""

    def __getitem__(self, name: str) -> str:
        raise KeyError(name)

    def get(self, *_: object) -> Any:
        return None

    def items(self) -> Any:
        return ((name, self[name]) for name in self)


def test_settings_are_read_while_the_environment_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("PETALSCOPE_")]:
        monkeypatch.delenv(name)
    known = read_settings()
    monkeypatch.setattr("os.environ", Fading(PETALSCOPE_PHOTO_LIMIT_MB="3"))
    assert read_settings() == known
