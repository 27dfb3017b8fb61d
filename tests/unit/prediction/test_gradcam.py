"""Grad-CAM: adds up to the logit, finds the place that spoke, and colours nothing else."""

import itertools

import numpy as np
import pytest

from core.prediction.gradcam import (
    draw_overlay,
    draw_scale,
    measure_evidence,
    scale_evidence,
)
from models.dense import DenseHead

SIZE = 2048


def measure_activation(last_map: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    return np.asarray(scale_evidence(measure_evidence(last_map, gradient[None]))[0])


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def make_head(rng: np.random.Generator, *units: int) -> DenseHead:
    """Return a head with standardised features and layers of these units."""
    sides = (SIZE, *units)
    shapes = list(itertools.pairwise(sides))
    return DenseHead(
        kernels=tuple(rng.normal(0, 0.05, shape).astype(np.float32) for shape in shapes),
        biases=tuple(rng.normal(0, 1, shape[1]).astype(np.float32) for shape in shapes),
        mean=rng.random(SIZE).astype(np.float32),
        scale=(0.5 + rng.random(SIZE)).astype(np.float32),
    )


def test_with_a_linear_head_the_places_add_up_to_the_logit(rng: np.random.Generator) -> None:
    """The mean over the places of (map · w_c) + b equals the logit of c."""
    head = make_head(rng, 5)
    last_map = rng.gamma(1.0, 1.0, (7, 7, SIZE)).astype(np.float32)
    features = last_map.mean(axis=(0, 1))[None]
    scores = head.scores(features)[0].astype(np.float64)
    logits = np.empty(5)
    for number in range(5):
        weights = head.logit_gradient(features, np.array([number]))[0].astype(np.float64)
        constant = head.biases[0][number] - weights @ head.mean
        logits[number] = ((last_map @ weights) + constant).mean()
    # The scores fix the logits but for what all of them share.
    np.testing.assert_allclose(
        logits - logits.mean(), np.log(scores) - np.log(scores).mean(), atol=1e-4
    )
    by_hand = (features[0] - head.mean) / head.scale @ head.kernels[0] + head.biases[0]
    np.testing.assert_allclose(logits, by_hand, atol=1e-3)


def test_activation_is_what_a_place_adds_to_the_logit(rng: np.random.Generator) -> None:
    """A small step at each place changes the logit of a deep head as the activation says."""
    head = make_head(rng, 16, 3)
    last_map = rng.gamma(1.0, 1.0, (7, 7, SIZE))
    features = last_map.mean(axis=(0, 1))[None]
    gradient = head.logit_gradient(features, np.array([1]))[0]
    step = 1e-3
    added = np.empty((7, 7))
    for row, column in np.ndindex(7, 7):
        changed = last_map.copy()
        changed[row, column] *= 1 + step
        added[row, column] = (logit(head, changed, 1) - logit(head, last_map, 1)) / step
    expected = np.maximum(added, 0)
    activation = measure_activation(last_map, gradient)
    np.testing.assert_allclose(activation, expected / expected.max(), atol=1e-3)


def logit(head: DenseHead, last_map: np.ndarray, number: int) -> float:
    values = (last_map.mean(axis=(0, 1)) - head.mean) / head.scale
    for kernel, bias in zip(head.kernels[:-1], head.biases[:-1], strict=True):
        values = np.maximum(values @ kernel.astype(np.float64) + bias, 0)
    return float((values @ head.kernels[-1].astype(np.float64) + head.biases[-1])[number])


def test_only_the_place_that_spoke_for_the_class_is_lit() -> None:
    last_map = np.zeros((7, 7, SIZE), np.float32)
    last_map[2, 5, 0] = 3.0  # speaks for the class
    last_map[6, 1, 1] = 9.0  # speaks against it
    gradient = np.zeros(SIZE, np.float32)
    gradient[:2] = 1.0, -1.0
    activation = measure_activation(last_map, gradient)
    assert activation.dtype == np.float32
    expected = np.zeros((7, 7))
    expected[2, 5] = 1.0
    np.testing.assert_array_equal(activation, expected)


def test_nothing_speaks_for_the_class() -> None:
    activation = measure_activation(np.ones((7, 7, SIZE)), np.full(SIZE, -1.0))
    np.testing.assert_array_equal(activation, np.zeros((7, 7)))


def test_overlay_colours_the_photo_only_where_it_spoke(rng: np.random.Generator) -> None:
    photo = rng.integers(0, 256, (224, 224, 3), dtype=np.uint8)
    grey = np.repeat((photo @ [0.2126, 0.7152, 0.0722]).round()[..., None], 3, axis=2)
    np.testing.assert_array_equal(draw_overlay(photo, np.zeros((7, 7))), grey)
    activation = np.zeros((7, 7), np.float32)
    activation[1, 5] = 1.0
    overlay = draw_overlay(photo, activation)
    assert (overlay.shape, overlay.dtype) == (photo.shape, np.uint8)
    rows, columns = np.nonzero(np.ptp(overlay.astype(int), axis=2) > 60)
    assert 32 <= rows.mean() < 64  # row 1 of 7, 32 px each
    assert 160 <= columns.mean() < 192
    np.testing.assert_array_equal(overlay[120:], grey[120:])


def test_stronger_is_lighter() -> None:
    grey = np.full((224, 224, 3), 40, np.uint8)
    lightness = [
        draw_overlay(grey, np.full((7, 7), level))[0, 0] @ [0.2126, 0.7152, 0.0722]
        for level in np.linspace(0.3, 1, 15)
    ]
    assert np.all(np.diff(lightness) > 0)


def test_evidence_for_several_classes_keeps_what_speaks_against(rng: np.random.Generator) -> None:
    head = make_head(rng, 8, 4)
    last_map = rng.gamma(1.0, 1.0, (7, 7, SIZE)).astype(np.float32)
    features = np.repeat(last_map.mean(axis=(0, 1))[None], 4, axis=0)
    gradients = head.logit_gradient(features, np.arange(4))
    evidence = measure_evidence(last_map, gradients)
    assert (evidence.shape, evidence.dtype) == ((4, 7, 7), np.float32)
    assert evidence.min() < 0
    for number in range(4):
        one = measure_activation(last_map, gradients[number])
        np.testing.assert_array_equal(scale_evidence(evidence)[number], one)


def test_each_class_has_its_own_scale() -> None:
    evidence = np.full((3, 7, 7), -1.0, np.float32)
    evidence[0, 3, 3], evidence[1, 2, 2] = 4.0, 1.0
    scaled = scale_evidence(evidence)
    assert [one.max() for one in scaled] == [1, 1, 0]
    assert scaled.min() == 0


def test_the_scale_only_gets_lighter() -> None:
    strip = draw_scale()
    assert (strip.shape, strip.dtype) == ((16, 240, 3), np.uint8)
    assert np.all(np.diff(strip[0] @ [0.2126, 0.7152, 0.0722]) > -0.5)
