"""What the process uses: memory as the system says, and a GPU's facts only where there is one."""

import mmap

import pynvml
import pytest

from models import devices
from models.devices import Device, UsageSampler, find_device, measure_usage

GPU = Device(kind="gpu", name="a GPU", memory_bytes=1, cores=1, reason="")


def test_on_the_cpu_there_is_memory_and_nothing_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALSCOPE_DEVICE", "cpu")
    before = measure_usage()
    block = mmap.mmap(-1, 80_000_000)  # pages of its own: none that the process had before
    with UsageSampler() as sampler:
        for place in range(0, len(block), mmap.PAGESIZE):
            block[place] = 1
    after = sampler.read()
    assert after.memory_bytes - before.memory_bytes > 0.9 * len(block)
    assert (after.gpu_memory_bytes, after.gpu_share) == (None, None)


def test_a_driver_that_is_gone_costs_the_figure_and_not_the_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    try:
        pynvml.nvmlInit()
        pytest.skip("there is a driver")
    except pynvml.NVMLError:
        monkeypatch.setattr(devices, "find_device", lambda: GPU)
    with UsageSampler() as sampler:
        pass
    seen = sampler.read()
    assert seen.memory_bytes > 0
    assert (seen.gpu_memory_bytes, seen.gpu_share) == (None, None)


@pytest.mark.gpu
def test_the_gpu_is_seen() -> None:
    if find_device().kind == "cpu":
        pytest.skip(f"the CPU is used: {find_device().reason}")
    seen = measure_usage()
    assert seen.gpu_memory_bytes
    assert seen.gpu_share is not None
