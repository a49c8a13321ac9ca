"""A budget over acquisition channels: equal marginal returns, bounds, and what is assumed."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest

from worthwhile.decide.budget.channels import split_budget
from worthwhile.errors import InputError

CHANNELS = pa.table(
    {"channel": ["ads", "search", "friends"], "spend": [100.0, 200.0, 50.0], "new_customers": [10.0, 40.0, 5.0],
     "value_each": [30.0, 20.0, 25.0]}
)  # fmt: skip


def brought(spend, table=CHANNELS, power=0.5):
    base = np.array(table["spend"].to_pylist())
    return float(
        np.array(table["value_each"].to_pylist())
        @ (np.array(table["new_customers"].to_pylist()) * (spend / base) ** power)
    )


def test_split_is_as_good_as_the_best_of_all_splits_on_a_grid():
    made = split_budget(CHANNELS, 350, most_change=10)
    order = [made.table["channel"].to_pylist().index(name) for name in CHANNELS["channel"].to_pylist()]
    ours = brought(np.array(made.table["spend"].to_pylist())[order])
    grid = np.arange(5, 350, 5.0)
    best = max(brought(np.array([a, b, 350 - a - b])) for a, b in itertools.product(grid, grid) if a + b < 350)
    assert ours >= best * (1 - 1e-9)
    assert sum(made.table["spend"].to_pylist()) == pytest.approx(350)
    assert made.table["next_return"].to_pylist() == pytest.approx([made.next_return] * 3)


def test_no_channel_grows_beyond_what_can_be_believed():
    made = split_budget(CHANNELS, 10_000, most_change=2)
    assert made.table["spend"].to_pylist() == pytest.approx([200.0, 100.0, 400.0])
    assert made.next_return == 0.0


def test_elasticity_is_fitted_to_periods_and_else_called_assumed():
    spend = np.array([50.0, 100.0, 200.0, 400.0])
    periods = pa.table(
        {"channel": ["ads"] * 4 + ["search"], "spend": [*spend, 100.0], "new_customers": [*(3 * spend**0.7), 10.0],
         "value_each": [20.0] * 5}
    )  # fmt: skip
    made = split_budget(periods, 200)
    assert made.table["elasticity"].to_pylist() == pytest.approx([0.7, 0.5])
    assert made.table["elasticity_is"].to_pylist() == ["fitted to 4 periods", "assumed"]


def test_values_come_from_the_forecast_customers_of_each_channel():
    customers = pa.table({"channel": ["ads", "ads", "search", "friends"], "expected_margin": [10.0, 30.0, 5.0, 1.0]})
    made = split_budget(CHANNELS, 100, values=customers)
    assert made.table["value_each"].to_pylist() == [20.0, 1.0, 5.0]


@pytest.mark.parametrize(
    ("table", "options", "code"),
    [
        (CHANNELS.drop_columns(["spend"]), {}, "bad-columns"),
        (CHANNELS.drop_columns(["value_each"]), {}, "bad-columns"),
        (CHANNELS.set_column(1, "spend", pa.array([1.0, 0.0, 1.0])), {}, "bad-values"),
        (CHANNELS.set_column(1, "spend", pa.array(["much", "1", "1"])), {}, "bad-values"),
        (CHANNELS.set_column(3, "value_each", pa.array(["much", "1", "1"])), {}, "bad-values"),
        (CHANNELS, {"elasticity": 1.2}, "bad-argument"),
        (CHANNELS, {"values": pa.table({"channel": ["ads"], "expected_margin": [1.0]})}, "bad-values"),
    ],
)
def test_channels_that_cannot_be_used_are_refused(table, options, code):
    with pytest.raises(InputError) as caught:
        split_budget(table, 100, **options)
    assert caught.value.code == code
