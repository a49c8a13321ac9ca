"""How busy a horizon was for those who bought before."""

import math
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from worthwhile.features.season import activity_at, activity_year_before
from worthwhile.store.log import log_of
from worthwhile.tasks import Task

FIRST = datetime(2020, 1, 1, tzinfo=UTC)
TASK = Task.of("30d")


def day(number: int) -> datetime:
    return FIRST + timedelta(days=number)


def log_with(days: list[int], customers: int = 60, newcomers: list[int] | None = None, days_in_all: int = 900):
    """Customers who all buy on these days, others who first buy on `newcomers`, and one far beyond, so it goes on."""
    rows = [(f"c{c}", d) for d in days for c in range(customers)]
    rows += [(f"n{d}-{c}", d) for d in newcomers or [] for c in range(customers)]
    rows.append(("last", days_in_all))
    return log_of(
        pa.table(
            {
                "customer_id": [customer for customer, _ in rows],
                "local_ts": [day(number).replace(tzinfo=None) for _, number in rows],
                "kind": ["order_line"] * len(rows),
                "amount": [1.0] * len(rows),
            }
        )
    )


def test_activity_is_orders_in_the_horizon_for_each_one_in_the_span_before():
    with log_with([0, 75, 85, 95, 100, 110]) as log:
        assert activity_at(log, TASK, day(90)) == pytest.approx(3 / 2)


def test_first_customers_of_a_growing_shop_look_like_no_season():
    with log_with([0, 75, 95, 100], newcomers=[91, 92, 93, 94]) as log:
        assert activity_at(log, TASK, day(90)) == pytest.approx(2 / 1)


def test_customers_of_the_first_days_of_a_log_are_no_measure():
    with log_with([0, 20, 35, 45, 55, 65]) as log:
        assert math.isnan(activity_at(log, TASK, day(44)))  # 14 days before the spans: less than half a horizon
        assert not math.isnan(activity_at(log, TASK, day(46)))


def test_few_orders_tell_nothing():
    with log_with([0, 75, 95], customers=20) as log:
        assert math.isnan(activity_at(log, TASK, day(90)))


def test_season_ahead_is_that_of_the_same_day_of_the_year_before():
    with log_with([0, 75, 95, 100]) as log:
        assert activity_year_before(log, TASK, day(90 + 366)) == activity_at(log, TASK, day(90))  # 2020 has 366 days


def test_season_ahead_is_unknown_where_a_horizon_of_over_a_year_would_look_beyond_the_cutoff():
    with log_with([0, 75, 95, 100]) as log:
        assert math.isnan(activity_year_before(log, Task.of("400d"), day(500)))
