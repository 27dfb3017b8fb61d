"""Settings: what a person may set, and what is said when it is not allowed."""

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


def test_settings_are_read_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALSCOPE_PHOTO_LIMIT_MB", "3")
    assert read_settings().photo_limit_mb == 3
    monkeypatch.delenv("PETALSCOPE_PHOTO_LIMIT_MB")
    assert read_settings().photo_limit_mb == 25
