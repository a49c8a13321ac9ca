"""What segments read from the log itself: who has not ordered, who browses, when customers came back."""

import math

import numpy as np
import pytest

from decide.segments.conftest import event
from oracles.small_baskets import moment
from worthwhile.decide.segments.aipl import aipl_of
from worthwhile.decide.segments.customers import prospects_at
from worthwhile.decide.segments.history import make_orders, second_orders, silences
from worthwhile.tasks import Task

TASK = Task.of("30d")


def orders(customer, *days):
    return [event(customer, "order_line", day, order_id=f"{customer}{day}") for day in days]


def test_prospects_have_done_something_before_the_cutoff_and_ordered_nothing(make_log):
    log = make_log(
        [
            *orders("buyer", 3), event("looks", "view", 5), event("contacted", "campaign", 6),
            event("later", "view", 20), event("buys_later", "view", 4), *orders("buys_later", 15),
        ]
    )  # fmt: skip
    assert list(prospects_at(log, moment(10))) == ["buys_later", "contacted", "looks"]
    assert list(prospects_at(log, moment(30))) == ["contacted", "later", "looks"]


def test_who_registered_without_any_event_is_a_prospect_from_then_on(make_log):
    log = make_log(orders("buyer", 3))
    log.con.execute(
        "CREATE OR REPLACE TEMP VIEW customers AS SELECT * FROM (VALUES ('early', TIMESTAMPTZ '2023-01-05'),"
        " ('late', TIMESTAMPTZ '2023-03-05'), ('unknown', NULL), ('buyer', NULL)) AS c(customer_id, registered_at)"
    )
    assert list(prospects_at(log, moment(20))) == ["early", "unknown"]


def test_each_person_is_at_the_deepest_stage_that_holds(make_log):
    log = make_log(
        [
            event("glance", "view", 99), event("told", "campaign", 98),
            event("returns", "view", 90), event("returns", "search", 95), event("carts", "cart", 95),
            event("old glance", "view", 20), *orders("once", 60), *orders("twice", 60, 80),
            *orders("praises", 60), event("praises", "review", 70, rating=5.0),
            *orders("scolds", 60), event("scolds", "review", 70, rating=1.0),
        ]
    )  # fmt: skip
    ids = np.array(
        ["glance", "told", "returns", "carts", "old glance", "once", "twice", "praises", "scolds"], dtype=object
    )
    assert list(aipl_of(log, moment(100), ids, days=30)) == [
        *("awareness", "awareness", "interest", "interest", None, "purchase", "loyalty", "loyalty", "purchase")
    ]


def test_what_comes_after_the_cutoff_moves_nobody(make_log):
    log = make_log([event("glance", "view", 95), event("glance", "cart", 105), *orders("glance", 110)])
    assert list(aipl_of(log, moment(100), np.array(["glance"], object), days=30)) == ["awareness"]


def test_without_browsing_there_are_no_such_stages(make_log):
    log = make_log([*orders("once", 60), event("once", "review", 70, rating=5.0), event("late", "view", 120)])
    assert aipl_of(log, moment(100), np.array(["once"], object), days=30) is None


def test_second_orders_are_those_of_first_orders_that_could_be_followed(make_log):
    log = make_log(
        [*orders("a", 0, 10), *orders("b", 0, 30), *orders("c", 0, 90), *orders("d", 0), *orders("e", 80, 85)]
    )
    make_orders(log, TASK, moment(100))
    found = second_orders(log, moment(100))
    assert (found.customers, found.followed_days, found.came_back) == (4, 50, 2)
    assert (found.median_days, found.new_days) == (20.0, 90)  # too few to tell how long a customer is new


def test_nobody_who_came_back_is_said_as_not_known(make_log):
    log = make_log([*orders("a", 0), *orders("b", 3)])
    make_orders(log, TASK, moment(100))
    assert math.isnan(second_orders(log, moment(100)).median_days)


def slow_silences(days_of, length, span, today):
    """Stretches that reached a length early enough, and those that ended within the span after it."""
    reached = returned = 0
    for days in days_of:
        for day, after in zip(days, [*days[1:], math.inf], strict=True):
            if after - day >= length and day + length + span <= today:
                reached += 1
                returned += after - day < length + span
    return reached, returned


@pytest.mark.parametrize("seed", range(3))
def test_silences_are_those_of_the_slow_way(make_log, seed):
    rng = np.random.default_rng(seed)
    days_of = [sorted({int(day) for day in rng.integers(0, 300, rng.integers(1, 9))}) for _ in range(12)]
    log = make_log([row for k, days in enumerate(days_of) for row in orders(f"c{k}", *days)])
    make_orders(log, TASK, moment(300))
    found = silences(log, TASK, moment(300))
    assert found
    for one in found:
        assert (one.stretches, one.returned) == slow_silences(days_of, one.days, 30, 300)


def test_an_order_that_was_given_back_ends_no_silence(make_log):
    kept = orders("a", 0, 40)
    given_back = [*orders("b", 0, 40), event("b", "refund", 41, order_id="b40", refund_of="b40")]
    log = make_log([*kept, *given_back, *orders("z", 199)])
    make_orders(log, TASK, moment(200))
    assert [(s.stretches, s.returned) for s in silences(log, TASK, moment(200)) if s.days == 30] == [(3, 1)]
