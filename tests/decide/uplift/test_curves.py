"""Qini and AUUC as the docstring defines them, held to plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles.uplift import area, qini
from worthwhile.decide.uplift.curves import deciles, perfect_effect, qini_curve, ranking, uplift_curve

customers = st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=2, max_size=30)


@given(customers)
@settings(max_examples=60)
def test_qini_curve_is_that_of_the_loops(rows: list[tuple[int, bool, int]]) -> None:
    effect, treated, outcome = (list(column) for column in zip(*rows, strict=True))
    curve = qini_curve(np.array(effect), np.array(treated), np.array(outcome))
    points = qini(effect, treated, outcome)
    assert curve.x.tolist() == [n for n, _ in points]
    assert np.allclose(curve.y, [gain for _, gain in points])
    assert curve.area() == pytest.approx(area(points))


def test_the_perfect_order_has_coefficient_one_and_its_reverse_is_worse_than_chance() -> None:
    rng = np.random.default_rng(0)
    treated, outcome = rng.random(400) < 0.5, (rng.random(400) < 0.3).astype(float)
    best = perfect_effect(treated, outcome)
    assert ranking(best, treated, outcome).qini == pytest.approx(1.0)
    assert ranking(best, treated, outcome).auuc == pytest.approx(1.0)
    assert ranking(-best, treated, outcome).qini < 0


def test_one_effect_for_all_ranks_nothing() -> None:
    rng = np.random.default_rng(1)
    treated, outcome = rng.random(300) < 0.5, rng.random(300)
    ranked = ranking(np.zeros(300), treated, outcome)
    assert ranked.area == pytest.approx(0.0)
    assert np.isnan(ranked.qini)  # of amounts no order is perfect


def test_uplift_curve_ends_at_the_difference_of_means_times_all() -> None:
    rng = np.random.default_rng(2)
    treated, outcome = rng.random(300) < 0.4, rng.random(300)
    curve = uplift_curve(rng.random(300), treated, outcome)
    assert curve.y[-1] == pytest.approx(300 * (outcome[treated].mean() - outcome[~treated].mean()))


def test_deciles_part_the_customers_and_their_intervals_hold_the_mean() -> None:
    rng = np.random.default_rng(3)
    effect = rng.normal(size=1_003)
    tenths = deciles(effect, effect + rng.normal(size=1_003))
    assert sum(tenth.customers for tenth in tenths) == 1_003
    assert all(tenth.low < tenth.seen < tenth.high for tenth in tenths)
    assert [t.said for t in tenths] == sorted((t.said for t in tenths), reverse=True)
