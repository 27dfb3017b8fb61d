"""What a rising learning rate says, on curves whose answer is known."""

import numpy as np
import pytest

from models.rate_finding import has_exploded, rising_rates, smooth_losses, suggest_rate

RATES = rising_rates(1e-6, 1.0, 100)


def make_losses(fall: float, explosion: float, noise: float = 0.0) -> list[float]:
    """Return losses that fall around the rate `fall` and explode above `explosion`."""
    position = np.log10(RATES)
    falling = 2 - 1.6 / (1 + np.exp(-6 * (position - np.log10(fall))))
    exploding = np.exp(np.clip(12 * (position - np.log10(explosion)), -50, 50))
    rng = np.random.default_rng(0)
    return list(falling + exploding + noise * rng.standard_normal(len(RATES)))


def test_rates_rise_by_the_same_factor() -> None:
    assert RATES[0] == pytest.approx(1e-6) and RATES[-1] == pytest.approx(1.0)
    assert np.allclose(RATES[1:] / RATES[:-1], RATES[1] / RATES[0])


def test_the_mean_is_right_from_the_first_loss_on() -> None:
    assert smooth_losses([2.0])[0] == pytest.approx(2.0)
    assert smooth_losses([2.0] * 20) == pytest.approx([2.0] * 20)
    assert smooth_losses([1.0, 2.0])[1] == pytest.approx((0.09 * 1 + 0.1 * 2) / 0.19)


@pytest.mark.parametrize("fall", [1e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_the_suggestion_is_where_the_loss_falls(fall: float, noise: float) -> None:
    suggestion = suggest_rate(RATES, make_losses(fall, 0.3, noise))
    assert suggestion is not None
    assert fall / 3 < suggestion < 6 * fall  # the mean comes some steps late
    assert suggestion == float(f"{suggestion:.1e}")


def test_an_explosion_takes_no_part() -> None:
    losses = make_losses(1e-3, 1e-2)
    suggestion = suggest_rate(RATES, losses)
    assert suggestion is not None and suggestion < 1e-2
    losses[80:] = [float("nan")] * 20
    assert suggest_rate(RATES, losses) == suggestion


def test_a_loss_that_never_falls_suggests_nothing() -> None:
    assert suggest_rate(RATES, [2.0] * 100) is None
    assert suggest_rate(RATES, list(np.linspace(1, 5, 100))) is None
    assert suggest_rate(RATES, [float("nan")] * 100) is None
    assert suggest_rate(RATES[:2], [2.0, 1.0]) is None


def test_the_search_ends_where_the_loss_explodes() -> None:
    assert not has_exploded([2.0] * 30)
    assert has_exploded([2.0, float("inf")])
    assert has_exploded([2.0, float("nan")])
    assert has_exploded([1.0] * 20 + [50.0] * 3)
    assert not has_exploded([1.0] * 20 + [5.0])  # one bad batch
