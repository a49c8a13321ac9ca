"""Every feature and every outcome equals the slow oracle, on random histories and on Online Retail II."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from oracles import features as oracle
from oracles.histories import ITEM_CATEGORIES, history, made_log
from worthwhile.features.build import YEAR_BEFORE, cutoff_from, snapshot_at
from worthwhile.features.declared import NAMES
from worthwhile.features.terms import ValueTerms
from worthwhile.tasks import Horizon, Task

SPAN = datetime(2022, 6, 1), datetime(2024, 8, 1)
TERMS = ValueTerms(margin=0.5, margins={"tea": 0.25, "pots": 0.8}, discount_rate=0.2)
# Zones with and without daylight saving; cutoffs at midnight, on the day the clocks change, and within a day.
CASES = [
    (Task.of("90d"), "Europe/London", "2024-03-31"),
    (Task.of("2mo"), "Asia/Shanghai", "2023-11-07T15:30:00"),
    (Task.of("1y", "value"), "Europe/London", "2023-04-01"),
    (Task.of("12w", category=["tea", "pots"]), "Europe/London", "2023-11-07T15:30:00"),
    (Task.of("90d", "value", channel="web"), "Asia/Shanghai", "2024-01-01"),
    (Task.of("6mo", item_id="i1"), "Europe/London", "2024-01-31"),
]


def asking_of(task, cutoff, zone, rows, item_category):
    terms = TERMS if task.target == "value" else ValueTerms()
    year_ago = Horizon(1, "y").before(cutoff, zone)
    asking = oracle.Asking(
        now=cutoff.astimezone(zone).replace(tzinfo=None),
        horizon_start=task.horizon.before(cutoff, zone).astimezone(zone).replace(tzinfo=None),
        year_before=tuple(
            moment.astimezone(zone).replace(tzinfo=None) for moment in (year_ago, task.horizon.after(year_ago, zone))
        ),
        where=dict(task.where),
        margin=terms.margin,
        margins=dict(terms.margins),
        item_category=item_category,
        known=cutoff,
    )
    asking.main = oracle.main_categories(rows, cutoff, asking)
    return asking


def assert_features_equal(snapshot, expected):
    assert list(snapshot.customer_ids) == list(expected)
    for row, (customer, numbers) in zip(snapshot.features, expected.items(), strict=True):
        assert set(numbers) == set(snapshot.names)
        want = np.array([numbers[name] for name in snapshot.names])
        wrong = ~np.isclose(row, want, rtol=2e-5, atol=2e-4, equal_nan=True)
        told = [(snapshot.names[i], float(row[i]), float(want[i])) for i in np.flatnonzero(wrong)]
        assert not told, (customer, told)


@pytest.mark.parametrize(("task", "zone", "cutoff"), CASES, ids=str)
@pytest.mark.parametrize("sparse", [False, True])
def test_all_features_outcomes_and_the_scale_equal_the_oracle_on_random_histories(task, zone, cutoff, sparse):
    zone = ZoneInfo(zone)
    rows = history(sparse, SPAN, events=1200, customers=300 if sparse else 40, zone=zone)
    moment = cutoff_from(cutoff, zone)
    asking, end = asking_of(task, moment, zone, rows, ITEM_CATEGORIES), task.horizon.after(moment, zone)
    with made_log(rows, zone, until=end + timedelta(days=400)) as log:
        snapshot = snapshot_at(log, task, moment, value=TERMS)
        reaches_back = log.first <= Horizon(1, "y").before(moment, zone)
    assert snapshot.names == NAMES
    expected = oracle.features(rows, moment, asking)
    if not reaches_back:  # what is not in the log is not known
        expected = {customer: numbers | dict.fromkeys(YEAR_BEFORE, np.nan) for customer, numbers in expected.items()}
    assert_features_equal(snapshot, expected)
    assert np.isclose(snapshot.scale, oracle.median_order_value(rows, moment, asking), rtol=1e-5)

    rate = TERMS.discount_rate if task.target == "value" else 0.0
    for i, customer in enumerate(snapshot.customer_ids):
        theirs = [row for row in rows if row["customer_id"] == customer]
        amount, orders = oracle.outcome(theirs, (moment, end), asking, rate)
        assert snapshot.outcome.orders[i] == orders, customer
        assert np.isclose(snapshot.outcome.amount[i], amount, rtol=1e-6, atol=1e-4), customer
