"""A shop outside of the prior is told with the number that is out."""

import math

import pytest
import torch

from worthwhile.models.incontext.columns import Asked, columns_at, scale_at
from worthwhile.models.incontext.coverage import outside, prior_ranges, shipped_ranges
from worthwhile.models.incontext.prior import simulate
from worthwhile.models.incontext.rows import MOST_CUSTOMERS, NAMES, NUMBERS, rows_of, shop_numbers
from worthwhile.models.incontext.tasks import moment_of


def test_a_number_out_of_range_is_told_with_its_range():
    numbers = {"repeat_share": 0.5, "top_share": 0.5, "active_last": 0.5}
    [found] = outside(numbers, {"repeat_share": (0.6, 0.9), "top_share": (0.4, 0.6)})
    assert (found.name, found.value, found.low, found.high) == ("repeat_share", 0.5, 0.6, 0.9) and found.meaning


def test_a_number_that_is_not_known_is_not_out_of_range():
    assert outside({"year_activity": float("nan")}, {"year_activity": (0.0, 0.1)}) == []


def test_the_shops_own_numbers_alone_are_looked_at_as_they_stand_in_each_row():
    shop = simulate(4, 2, customers=100).one(0)
    asked = Asked(shop.days - 30, torch.tensor([30]))
    columns, present = columns_at(shop, asked)
    columns = {name: column[present] for name, column in columns.items()}
    moment = moment_of(shop, asked, scale_at(shop, asked.cutoff))
    numbers, rows = shop_numbers(columns, moment), rows_of(columns, shop.shop[present], moment)
    assert list(numbers) == [number.name for number in NUMBERS if number.of_shop] and "recency" not in numbers
    for name, value in numbers.items():
        assert rows[:, NAMES.index(name)].tolist() == pytest.approx([value] * len(rows), nan_ok=True), name


def test_ranges_of_the_prior_hold_most_simulated_shops():
    ranges = prior_ranges(16, seed=3)
    assert all(low <= high for low, high in ranges.values()) and len(ranges) > 15
    assert ranges["repeat_share"][0] >= 0 and ranges["repeat_share"][1] <= 1


def test_ranges_that_are_shipped_are_of_the_shops_numbers():
    ranges = shipped_ranges()
    assert set(ranges) == {number.name for number in NUMBERS if number.of_shop}
    assert all(low <= high for low, high in ranges.values())


@pytest.mark.parametrize(
    ("name", "ends"),
    [("customers", (math.log(10), math.log(MOST_CUSTOMERS))), ("horizon", (math.log(7 / 90), math.log(731 / 90)))],
)
def test_the_ends_of_what_shops_are_drawn_from_lie_inside(name, ends):
    low, high = ends
    assert all(outside({name: end}, shipped_ranges()) == [] for end in ends)
    assert all(outside({name: end}, shipped_ranges()) != [] for end in (low - 0.01, high + 0.01))
