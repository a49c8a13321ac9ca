from itertools import permutations

import numpy as np
import pytest

from worthwhile.explain.shapley import exact_plan, sampled_plan, shapley


def game(reasons, customers=3, seed=0, order=None):
    """A value for every set of reasons; with `order`, no more than so many reasons act together."""
    rng = np.random.default_rng(seed)
    tables = [
        (where, rng.normal(size=(customers, 2)))
        for size in range((order or reasons) + 1)
        for where in _sets(reasons, size)
    ]

    def value(present):
        said = np.zeros((len(present), customers, 2))
        for where, added in tables:
            said += present[:, list(where)].all(axis=1)[:, None, None] * added
        return said

    return value


def _sets(reasons, size):
    from itertools import combinations

    return combinations(range(reasons), size)


def by_all_orders(value, reasons):
    """The oracle: what each reason adds, as a mean over every order."""
    shares, orders = 0.0, list(permutations(range(reasons)))
    for order in orders:
        present = np.zeros((reasons + 1, reasons), dtype=bool)
        for step, reason in enumerate(order):
            present[step + 1 :, reason] = True
        gained = np.diff(value(present), axis=0)  # (P, N, O)
        shares = shares + gained[np.argsort(order)].transpose(1, 0, 2)
    return shares / len(orders)


def test_shares_of_all_sets_are_those_of_all_orders():
    value = game(4)
    found = shapley(value, exact_plan(4), at_once=5)
    assert np.allclose(found.shares, by_all_orders(value, 4))


@pytest.mark.parametrize("plan", [exact_plan(5), sampled_plan(5, 1, 0), sampled_plan(5, 3, 1)])
def test_shares_add_up_to_the_way_from_the_baseline(plan):
    value = game(5, seed=1)
    found = shapley(value, plan)
    assert np.allclose(found.shares.sum(axis=1), found.forecast - found.baseline)
    assert np.allclose(found.baseline, value(np.zeros((1, 5), dtype=bool))[0])
    assert np.allclose(found.forecast, value(np.ones((1, 5), dtype=bool))[0])


def test_one_order_and_its_reverse_are_exact_where_two_reasons_act_together_at_most():
    value = game(6, order=2, seed=2)
    assert np.allclose(shapley(value, sampled_plan(6, 1, 3)).shares, shapley(value, exact_plan(6)).shares)
    three = game(6, order=3, seed=2)
    assert not np.allclose(shapley(three, sampled_plan(6, 1, 3)).shares, shapley(three, exact_plan(6)).shares)


def test_more_orders_come_nearer_to_the_exact_shares():
    value = game(6, seed=4)
    exact = shapley(value, exact_plan(6)).shares
    off = [np.abs(shapley(value, sampled_plan(6, pairs, 5)).shares - exact).mean() for pairs in (1, 64)]
    assert off[1] < off[0] / 3


def test_one_pair_of_orders_asks_twice_for_each_reason_less_one():
    assert len(sampled_plan(9, 1, 0)) == 2 * 9  # both ends, and 8 sets on each way
