"""Columns and outcomes of simulated shops: nothing of the future is in them, and slow sums say the same."""

import math
from dataclasses import replace

import pytest
import torch

from worthwhile.models.incontext.columns import Asked, columns_at, outcome_at, scale_at
from worthwhile.models.incontext.prior import simulate
from worthwhile.models.incontext.prior.shops import UNTOLD
from worthwhile.models.incontext.rows import NAMES, WHOLE, relation_of, rows_of, sampling_weight
from worthwhile.models.incontext.tasks import labelled_at, moment_of


@pytest.fixture(scope="module")
def shops():
    """Six shops: one records visits before and after the day asked about, two tell of registrations."""
    return simulate(6, 36, customers=200)


@pytest.fixture(scope="module")
def asked(shops):
    return Asked((shops.days.float() * 0.6).long(), torch.full_like(shops.days, 30))


def test_no_event_at_or_after_the_cutoff_touches_rows(shops, asked):
    here, visits = asked.cutoff[shops.shop], shops.visits
    after = shops.day >= here[shops.customer]
    late = shops.refund_day >= here[shops.customer]
    later = visits.day >= here[visits.customer]
    to_come = (shops.registered >= here) & (shops.registered < UNTOLD)
    changed = replace(
        shops,
        registered=torch.where(to_come, here, shops.registered),
        value=torch.where(after, shops.value * 100, shops.value),
        refund=torch.where(after, 0.0, torch.where(late, shops.refund * 0.1, shops.refund)),
        visits=replace(
            visits,
            day=torch.where(later, here[visits.customer], visits.day),
            views=torch.where(later, visits.views * 50, visits.views),
            carts=torch.where(later, visits.carts + 9, visits.carts),
        ),
    )
    assert bool(after.any() and later.any() and (to_come & (shops.registered > here)).any())
    scale = scale_at(shops, asked.cutoff)
    assert torch.equal(scale, scale_at(changed, asked.cutoff))
    known, same = (labelled_at(each, asked, asked, scale) for each in (shops, changed))
    assert torch.equal(torch.nan_to_num(known.rows), torch.nan_to_num(same.rows))
    assert not torch.equal(known.amount, same.amount)


def test_views_carts_and_registrations_equal_slow_sums(shops, asked):
    columns, present = columns_at(shops, asked)
    visits, nothing = shops.visits, float("nan")
    for customer in range(len(shops.shop)):
        cutoff, registered = int(asked.cutoff[shops.shop[customer]]), int(shops.registered[customer])
        mine = torch.nonzero((visits.customer == customer) & (visits.day < cutoff))[:, 0].tolist()
        ago = {i: cutoff - int(visits.day[i]) for i in mine}
        want = {
            "views_30d": sum(float(visits.views[i]) for i in mine if ago[i] <= 30),
            "views_90d": sum(float(visits.views[i]) for i in mine if ago[i] <= 90),
            "carts_30d": sum(float(visits.carts[i]) for i in mine if ago[i] <= 30),
            "days_since_view": min(ago.values(), default=nothing),
            "days_since_registration": cutoff - registered if registered < cutoff else nothing,
        }
        assert {name: float(columns[name][customer]) for name in want} == pytest.approx(want, nan_ok=True)
        ordered = bool((shops.day[shops.customer == customer] < cutoff).any())
        assert bool(present[customer]) == (ordered or registered < cutoff)
    assert all(float(columns[name].nansum()) > 0 for name in want)


def slow_outcome(shops, customer, low, high):
    """Spend and orders of one customer from day `low` to before `high`, as known at `high`."""
    paid = bought = 0.0
    for i in torch.nonzero(shops.customer == customer)[:, 0].tolist():
        back = float(shops.refund[i]) if int(shops.refund_day[i]) < high else 0.0
        if low <= int(shops.day[i]) < high:
            paid += float(shops.value[i])
            bought += not (back > 0 and float(shops.value[i]) - back <= 1e-4 * float(shops.value[i]))
        if low <= int(shops.refund_day[i]):
            paid -= back
    return (max(paid, 0.0) if bought else 0.0), bought


def test_outcomes_equal_slow_sums(shops, asked):
    amount, orders = outcome_at(shops, asked)
    for customer in range(0, len(shops.shop), 17):
        low = int(asked.cutoff[shops.shop[customer]])
        paid, bought = slow_outcome(shops, customer, low, low + 30)
        assert float(orders[customer]) == bought
        assert float(amount[customer]) == pytest.approx(paid, rel=1e-5, abs=1e-4)


def slow_whole(shop, cutoff, days, scale):
    """What came of one shop's window for all who were known at the cutoff: `rows.WHOLE`, summed order by order."""
    known = active = spent = bought = spent_before = bought_before = 0.0
    for customer in range(len(shop.shop)):
        mine = torch.nonzero((shop.customer == customer) & (shop.day < cutoff))[:, 0].tolist()
        if not mine and int(shop.registered[customer]) >= cutoff:
            continue
        amount, orders = slow_outcome(shop, customer, cutoff, cutoff + days)
        known, active, spent, bought = known + 1, active + (orders > 0), spent + amount / scale, bought + orders
        for i in mine:
            if int(shop.day[i]) >= cutoff - days:
                value, back = float(shop.value[i]), float(shop.refund[i]) * (int(shop.refund_day[i]) < cutoff)
                spent_before += (value - back) / scale
                bought_before += not (back > 0 and value - back <= 1e-4 * value)
    return {
        "active": active / known,
        "amount": math.log((spent + 1) / (known + 1)),
        "orders": math.log((bought + 1) / (known + 1)),
        "amount_ratio": math.log((spent + 5) / (spent_before + 5)),
        "orders_ratio": math.log((bought + 5) / (bought_before + 5)),
    }


def test_what_came_of_the_whole_window_equals_slow_sums(shops, asked):
    scale = scale_at(shops, asked.cutoff)
    some = labelled_at(shops, asked, asked, scale)
    for shop in range(shops.count):
        [whole] = torch.unique(some.whole[some.shop == shop], dim=0)  # each customer of the shop knows the same
        want = slow_whole(shops.one(shop), int(asked.cutoff[shop]), 30, float(scale[shop]))
        assert dict(zip(WHOLE, whole.tolist(), strict=True)) == pytest.approx(want, rel=1e-4, abs=1e-4)


def test_rows_do_not_depend_on_the_currency(shops, asked):
    columns, present = columns_at(shops, asked)
    dear, _ = columns_at(replace(shops, value=shops.value * 7, refund=shops.refund * 7), asked)

    def rows(found, scale):
        moment = moment_of(shops, asked, scale)
        return rows_of({name: column[present] for name, column in found.items()}, shops.shop[present], moment)

    scale = scale_at(shops, asked.cutoff)
    here, there = torch.nan_to_num(rows(columns, scale)), torch.nan_to_num(rows(dear, scale * 7))
    assert torch.allclose(here, there, atol=0.02)  # neighbours in rank may change places by rounding
    assert float((here - there).abs().mean()) < 1e-4


def test_every_number_of_a_row_is_finite_or_missing(shops, asked):
    rows = labelled_at(shops, asked, asked, scale_at(shops, asked.cutoff)).rows
    assert rows.shape[1] == len(NAMES) == len(set(NAMES))
    assert not bool(torch.isinf(rows).any()) and float(rows.nan_to_num().abs().max()) < 30


def test_ranks_lie_within_each_shop(shops, asked):
    some = labelled_at(shops, asked, asked, scale_at(shops, asked.cutoff))
    rank = some.rows[:, NAMES.index("rank_amount")]
    for shop in range(shops.count):
        mine = rank[some.shop == shop]
        assert float(mine.mean()) == pytest.approx(0.5, abs=0.01) and 0 < float(mine.min()) < float(mine.max()) < 1


def test_large_spenders_are_drawn_more_often_and_nobody_never(shops, asked):
    rows = labelled_at(shops, asked, asked, scale_at(shops, asked.cutoff)).rows
    weight, rank = sampling_weight(rows), rows[:, NAMES.index("rank_amount")]
    assert float(weight.min()) > 0 and float(weight[rank > 0.99].min()) > 5 * float(weight[rank < 0.4].max())


def test_a_query_relates_to_itself_with_no_age_and_its_own_horizon():
    ninety = torch.tensor(90.0)
    assert relation_of(torch.tensor(0.0), ninety, ninety).tolist() == [0, 0, 0, 1, 0, 1, 0]
    year = relation_of(torch.tensor(365.25), ninety, ninety)
    assert torch.allclose(year[2:6], torch.tensor([0.0, 1.0, 0.0, 1.0]), atol=1e-4)


def test_the_share_of_the_horizon_before_christmas_is_that_of_its_days(shops, asked):
    """Counted day by day, for horizons of a week to two years."""
    columns, present = columns_at(shops, asked)
    columns = {name: column[present] for name, column in columns.items()}
    for start, days in ((0, 30), (300, 10), (310, 60), (350, 365), (200, 730), (340, 30)):
        now = replace(asked, horizon=torch.full_like(asked.horizon, days))
        moment = replace(
            moment_of(shops, now, scale_at(shops, asked.cutoff)), year_day=torch.full((shops.count,), start)
        )
        rows = rows_of(columns, shops.shop[present], moment)[
            :, [NAMES.index(f"year_end_{n}") for n in ("ahead", "behind")]
        ]
        for got, first in zip(rows[0].tolist(), (start, start - days), strict=True):
            inside = sum(304 <= (first + day) % 365.25 < 358 for day in range(days))
            assert got == pytest.approx(inside / days, abs=2.1 / days)
