import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from oracles.made_customers import made_customers, slow_levels
from worthwhile.decide.segments.rfm import REGIONS, levels_of, rfm_of
from worthwhile.decide.segments.words import NAMES


@given(st.lists(st.integers(0, 9), min_size=1, max_size=50))
def test_equal_values_have_one_level_and_levels_are_those_of_the_slow_way(values):
    assert list(levels_of(np.array(values, float))) == slow_levels(values)


def test_different_values_fall_into_equal_fifths():
    assert list(np.bincount(levels_of(np.arange(100.0)))) == [0, 20, 20, 20, 20, 20]


def test_a_shop_where_most_ordered_once_has_fewer_levels_and_says_so():
    customers = made_customers([1] * 80 + [2] * 15 + [5] * 5, [0] * 80 + [30] * 20, np.arange(100))
    rfm = rfm_of(customers)
    assert len(set(rfm.frequency[:80])) == 1 and rfm.used("frequency") == 2
    assert rfm.shared["frequency"] == (1.0, 0.8)


def test_recency_counts_backwards():
    rfm = rfm_of(made_customers([2] * 10, [30] * 10, np.arange(10)))
    assert rfm.recency[0] == 5 and rfm.recency[-1] == 1


def test_without_an_order_there_is_no_level_and_no_region():
    rfm = rfm_of(made_customers([0, 3, 1], [0, 30, 0], [0, 3, 9]))
    assert (rfm.recency[0], rfm.frequency[0], rfm.monetary[0], rfm.region[0]) == (0, 0, 0, "")
    assert set(rfm.region[1:]) <= set(REGIONS.values())


def test_every_region_has_a_name_of_its_own_in_both_languages():
    assert set(REGIONS.values()) == set(NAMES["rfm"]) and len(REGIONS) == len(set(REGIONS.values())) == 8
    for language in (0, 1):
        assert len({names[language] for names in NAMES["rfm"].values()}) == 8
