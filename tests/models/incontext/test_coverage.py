"""A shop outside of the prior is told with the number that is out."""

import pytest
import torch

from worthwhile.models.incontext.coverage import outside, prior_ranges, shop_numbers
from worthwhile.models.incontext.rows import NAMES


@pytest.fixture(scope="module")
def rows():
    rows = torch.full((3, len(NAMES)), 0.5)
    rows[:, NAMES.index("year_activity")] = float("nan")
    return rows


def test_a_number_out_of_range_is_told_with_its_range(rows):
    [found] = outside(rows, {"repeat_share": (0.6, 0.9), "top_share": (0.4, 0.6), "year_activity": (0.0, 0.1)})
    assert (found.name, found.value, found.low, found.high) == ("repeat_share", 0.5, 0.6, 0.9) and found.meaning


def test_only_the_shops_own_numbers_are_looked_at(rows):
    assert {"horizon", "repeat_share", "top_share"} <= set(shop_numbers(rows))
    assert not {"recency", "year_activity"} & set(shop_numbers(rows))


def test_ranges_of_the_prior_hold_most_simulated_shops():
    ranges = prior_ranges(16, seed=3)
    assert all(low <= high for low, high in ranges.values()) and len(ranges) > 15
    assert ranges["repeat_share"][0] >= 0 and ranges["repeat_share"][1] <= 1
