from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from worthwhile.runs.lonely_end import LonelyEnd, lonely_end
from worthwhile.store.log import log_of

FIRST = date(2024, 1, 1)


def log(days):
    return log_of(
        pa.table(
            {
                "customer_id": [f"c{i % 7}" for i in range(len(days))],
                "local_ts": [datetime.combine(FIRST, datetime.min.time()) + timedelta(days=day) for day in days],
                "amount": [1.0] * len(days),
            }
        )
    )


def test_a_mistyped_year_stands_alone():
    with log([*range(200), 2000]) as found:
        assert lonely_end(found, found.until) == LonelyEnd(date(2024, 7, 19), date(2029, 6, 22), 1, 201)
        assert lonely_end(found, datetime(2025, 1, 1, tzinfo=UTC)) is None  # what lies beyond the cutoff is not seen


@pytest.mark.parametrize("days", [range(200), [*range(200), *range(300, 330)], [*range(200), 250]], ids=str)
def test_shops_that_close_for_a_while_or_sell_on_do_not(days):
    with log(list(days)) as found:
        assert lonely_end(found, found.until) is None
