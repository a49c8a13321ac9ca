import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from oracles.made_customers import slow_tiers
from worthwhile.decide.segments.tiers import tiers_of

REACH = (0.5, 0.8, 0.95)


def test_the_tier_is_by_what_those_with_more_hold():
    spend = np.array([50.0, 30.0, 15.0, 5.0, 0.0])
    assert list(tiers_of(spend, REACH)) == ["top", "high", "middle", "low", "low"]


@given(st.lists(st.integers(0, 8), min_size=1, max_size=40))
def test_equal_spend_is_equal_tier_and_tiers_are_those_of_the_slow_way(spend):
    assert list(tiers_of(np.array(spend, float), REACH)) == slow_tiers([float(s) for s in spend], REACH)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_the_order_of_customers_changes_no_tier(spend, random):
    order = list(range(len(spend)))
    random.shuffle(order)
    straight, shuffled = (tiers_of(np.array(s), REACH) for s in (spend, [spend[k] for k in order]))
    assert [straight[k] for k in order] == list(shuffled)


def test_where_nothing_is_expected_everyone_is_low():
    assert set(tiers_of(np.zeros(3), REACH)) == {"low"}
