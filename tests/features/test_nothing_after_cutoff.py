"""What happens at or after the cutoff changes no feature, not in a single byte."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oracles.histories import ITEM_CATEGORIES, event, full_refund, history, made_log
from worthwhile.features.build import cutoff_from, snapshot_at
from worthwhile.features.terms import ValueTerms
from worthwhile.tasks import Task

ZONE = ZoneInfo("Europe/London")
CUTOFF = datetime(2024, 3, 31, 12)  # wall clock, on the day that the clocks go forward
FIRST, LAST = datetime(2023, 1, 1), datetime(2024, 12, 1)
TASKS = [Task.of("90d"), Task.of("6mo", "value", category="tea")]
TERMS = ValueTerms(margin=0.5, margins={"tea": 0.3})


def other_future(rows, *, seed, removed, added):
    """The same past, and another future: events changed, removed and added at and after the cutoff."""
    rng = np.random.default_rng(seed)
    past = [row for row in rows if row["local_ts"] < CUTOFF]
    future = [row for row in rows if row["local_ts"] >= CUTOFF and rng.random() > removed]
    for row in future:
        if rng.integers(2) and row["amount"] is not None:
            row["amount"] *= 7
    future += [event(rng, (CUTOFF, LAST), 30, ZONE) for _ in range(added)]
    future += [event(rng, (CUTOFF, CUTOFF + timedelta(seconds=1)), 30, ZONE)]  # at the cutoff itself
    bought = [row for row in past if row["kind"] == "order_line" and row["order_id"]]
    future += [full_refund(row, 800, ZONE) for row in bought[:5]]  # orders of the past, given back later
    return past, future


def told_later(cutoff, *, seed):
    """The same knowledge of items before the cutoff, and another from it on: forgotten, and told anew of every item."""
    rng = np.random.default_rng(seed)
    told = {
        item: {category: since for category, since in own.items() if since is None or since < cutoff}
        for item, own in ITEM_CATEGORIES.items()
    }
    for item in ("i1", "i2", "i3", "i4", "i5"):
        category = str(rng.choice(["tea", "pots", "cups", "new"]))
        told.setdefault(item, {}).setdefault(category, cutoff + timedelta(days=int(rng.integers(0, 90))))
    return told


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10**6),
    task=st.sampled_from(TASKS),
    removed=st.sampled_from([0.0, 0.5, 1.0]),
    added=st.integers(0, 300),
)
def test_events_changed_added_and_removed_from_the_cutoff_on_leave_every_feature_as_it_was(seed, task, removed, added):
    rows = history(seed, (FIRST, LAST), events=400, customers=25, zone=ZONE)
    cutoff = cutoff_from(CUTOFF, ZONE)
    with made_log(rows, ZONE) as log:
        before = snapshot_at(log, task, cutoff, value=TERMS, outcome=False)
    past, future = other_future([dict(row) for row in rows], seed=seed, removed=removed, added=added)
    shuffled = list(np.random.default_rng(seed).permutation(np.array([*future, *past], dtype=object)))
    with made_log(shuffled, ZONE, told=told_later(cutoff, seed=seed)) as log:
        after = snapshot_at(log, task, cutoff, value=TERMS, outcome=False)
    assert list(before.customer_ids) == list(after.customer_ids)
    assert before.features.tobytes() == after.features.tobytes()
    assert before.scale == after.scale


def test_events_before_the_cutoff_do_change_features():
    rows = history(5, (FIRST, LAST), events=400, customers=25, zone=ZONE)
    cutoff = cutoff_from(CUTOFF, ZONE)
    with made_log(rows, ZONE) as log:
        before = snapshot_at(log, TASKS[0], cutoff, outcome=False)
    extra = event(np.random.default_rng(0), (CUTOFF - timedelta(seconds=1), CUTOFF), 25, ZONE) | {"kind": "order_line"}
    with made_log([*rows, extra], ZONE) as log:
        after = snapshot_at(log, TASKS[0], cutoff, outcome=False)
    assert before.features.tobytes() != after.features.tobytes()


def test_a_category_told_before_the_cutoff_does_change_features():
    rows = history(5, (FIRST, LAST), events=400, customers=25, zone=ZONE)
    cutoff = cutoff_from(CUTOFF, ZONE)
    with made_log(rows, ZONE) as log:
        before = snapshot_at(log, TASKS[0], cutoff, outcome=False)
    told = ITEM_CATEGORIES | {"i5": {"new": cutoff - timedelta(microseconds=1)}}
    with made_log(rows, ZONE, told=told) as log:
        after = snapshot_at(log, TASKS[0], cutoff, outcome=False)
    assert before.features.tobytes() != after.features.tobytes()
