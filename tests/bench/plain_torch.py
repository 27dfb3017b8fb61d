"""A plain PyTorch loop: ResNet-50 channels-last with automatic mixed precision, random weights.

What a person would write who wants speed from one GPU: pinned photos, copied while it computes.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

_WARM_UPS = 5
_CLASSES = 100


class Block(nn.Module):  # type: ignore[misc]  # untyped where PyTorch is not installed
    """A bottleneck of ResNet-50."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.main = nn.Sequential(
            *_convolve(inputs, width, 1, stride),
            nn.ReLU(inplace=True),
            *_convolve(width, width, 3, 1),
            nn.ReLU(inplace=True),
            *_convolve(width, outputs, 1, 1),
        )
        changes = stride > 1 or inputs != outputs
        self.beside = (
            nn.Sequential(*_convolve(inputs, outputs, 1, stride)) if changes else nn.Identity()
        )

    def forward(self, maps: Any) -> Any:
        """Return the maps behind the block."""
        return torch.relu(self.main(maps) + self.beside(maps))


def _convolve(inputs: int, outputs: int, side: int, stride: int) -> list[Any]:
    convolution = nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False)
    return [convolution, nn.BatchNorm2d(outputs)]


def build_resnet(classes: int) -> Any:
    """Return ResNet-50: preprocessed photos (n, 3, 224, 224) → (n, classes); 0: features."""
    layers = [*_convolve(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for number in range(blocks):
            width = 64 * 2**stage
            layers.append(Block(inputs, width, 2 if stage and not number else 1))
            inputs = 4 * width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if classes:
        layers.append(nn.Linear(inputs, classes))
    return nn.Sequential(*layers)


def measure(photos_file: Path, photos: int, batch_size: int, *, train: bool) -> float:
    """Return the photos a second, of features into memory or of steps that train all of it.

    Args:
        photos_file: .npy of (n, 224, 224, 3) uint8; read from its start as often as it takes.
        photos: To be computed.
        batch_size: Photos a step.
        train: Whether it trains.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    half = torch.bfloat16
    if device.type == "cuda" and torch.cuda.get_device_capability(0) < (8, 0):
        half = torch.float16
    torch.backends.cudnn.benchmark = True
    network = build_resnet(_CLASSES if train else 0)
    network = network.to(device, memory_format=torch.channels_last).train(train)
    optimizer = torch.optim.Adam(network.parameters(), 1e-4)
    scaler = torch.amp.GradScaler(device.type, enabled=half == torch.float16)
    packed = np.load(photos_file, mmap_mode="r", allow_pickle=False)
    labels = torch.arange(batch_size, device=device) % _CLASSES
    steps = max(1, photos // batch_size)
    start = 0.0
    for step in range(_WARM_UPS + steps):
        if step == _WARM_UPS:
            _wait(device)
            start = time.perf_counter()
        rows = np.arange(step * batch_size, (step + 1) * batch_size) % len(packed)
        batch = torch.from_numpy(packed[rows])
        if device.type == "cuda":
            batch = batch.pin_memory().to(device, non_blocking=True)
        inputs = batch.permute(0, 3, 1, 2).float().div_(255)
        with torch.set_grad_enabled(train), torch.autocast(device.type, half):
            seen = network(inputs)
            loss = nn.functional.cross_entropy(seen, labels) if train else None
        if loss is None:
            seen.float().cpu()
        else:
            optimizer.zero_grad(set_to_none=True)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
    _wait(device)
    return steps * batch_size / (time.perf_counter() - start)


def _wait(device: Any) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
