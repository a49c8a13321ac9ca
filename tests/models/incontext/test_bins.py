"""The network's bins are those of the package's distributions."""

import numpy as np
import pytest
import torch

from worthwhile.distribution import COUNT_GRID, TAIL_LIMIT, Histogram, amount_grid
from worthwhile.models.incontext import bins
from worthwhile.models.incontext.losses import crps


def test_bins_are_those_of_distribution():
    grid = amount_grid(1.0)
    assert np.allclose(bins.amount_edges(), grid.points) and np.allclose(bins.amount_centers(), grid.centers)
    assert np.array_equal(bins.count_points(), COUNT_GRID.points)
    assert (grid.columns, COUNT_GRID.columns) == (bins.AMOUNT_COLUMNS, bins.COUNT_COLUMNS)
    assert pytest.approx(grid.points[-1]) == bins.LAST_EDGE and bins.TAIL_LIMIT == TAIL_LIMIT


def test_values_fall_into_the_same_columns():
    amounts = np.concatenate(
        [[0.0, 1e-9, 0.018, 2980.0, 2981.5, 1e7], np.exp(np.random.default_rng(0).normal(0, 3, 999))]
    )
    assert np.array_equal(bins.amount_column(torch.from_numpy(amounts)), amount_grid(1.0).column_of(amounts))
    counts = np.arange(1500.0)
    assert np.array_equal(bins.count_column(torch.from_numpy(counts)), COUNT_GRID.column_of(counts))


def test_crps_is_near_the_exact_one():
    rng = np.random.default_rng(1)
    prob = rng.dirichlet(np.full(bins.AMOUNT_COLUMNS, 0.3), 50)
    prob[:, 60:] = 0
    prob /= prob.sum(axis=1, keepdims=True)
    actual = np.where(rng.random(50) < 0.4, 0.0, np.exp(rng.normal(0, 1, 50)))
    exact = Histogram(amount_grid(1.0), prob.astype(np.float32), np.full(50, bins.LAST_EDGE * 1.5)).crps(actual)
    near = crps(torch.from_numpy(prob)[None], torch.from_numpy(actual)[None])[0].numpy()
    assert np.mean(np.abs(near - exact)) < 0.02 * np.mean(exact)
