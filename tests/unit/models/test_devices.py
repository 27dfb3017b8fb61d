"""The device that is named, and why that one."""

import pytest

from core.errors import DeviceUnavailable
from models.devices import find_device


def test_the_cpu_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.setenv("PETALSCOPE_DEVICE", "auto")
    device = find_device()
    assert device.kind == "cpu"
    assert device.name
    assert device.cores >= 1
    assert "CUDA_VISIBLE_DEVICES" in device.reason


def test_the_cpu_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALSCOPE_DEVICE", "cpu")
    device = find_device()
    assert (device.kind, device.reason) == ("cpu", "PETALSCOPE_DEVICE is cpu")


def test_a_gpu_that_is_demanded_is_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.setenv("PETALSCOPE_DEVICE", "gpu")
    with pytest.raises(DeviceUnavailable, match="CUDA_VISIBLE_DEVICES"):
        find_device()


@pytest.mark.gpu
def test_a_gpu_is_named_with_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    if find_device().kind == "cpu":
        pytest.skip(f"the CPU is used: {find_device().reason}")
    monkeypatch.setenv("PETALSCOPE_DEVICE", "gpu")
    device = find_device()
    assert device.kind == "gpu"
    assert device.memory_bytes
