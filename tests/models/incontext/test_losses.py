"""The losses of pretraining: which forecasts make them least."""

from __future__ import annotations

import pytest
import torch

from worthwhile.models.incontext.losses import mean_loss, total_loss

ACTUAL = torch.tensor([[0.0, 0.0, 0.0, 4.0], [0.0, 0.0, 8.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0]])
ASKED = torch.ones_like(ACTUAL)


@pytest.mark.parametrize("loss", [mean_loss, total_loss])
def test_shops_alike_are_best_forecast_by_the_mean_of_what_came(loss):
    """Four shops that look alike get one forecast, so the best one is the mean of what came, not that of the logs."""
    levels = torch.linspace(0.2, 2.5, 231)
    actual = ACTUAL.reshape(1, -1) if loss is mean_loss else ACTUAL  # it measures each shop in its own mean
    even = torch.ones_like(actual)
    losses = [float(loss(level * even, actual, even).mean()) for level in levels]
    best = float(levels[int(torch.tensor(losses).argmin())])
    assert best == pytest.approx(float(ACTUAL.mean()), abs=0.02)


def test_a_total_that_is_met_costs_nothing_and_one_that_is_not_does():
    met, far = (total_loss(ACTUAL * factor, ACTUAL, ASKED) for factor in (1.0, 1.5))
    assert float(met.abs().max()) < 1e-6 < float(far.min())
