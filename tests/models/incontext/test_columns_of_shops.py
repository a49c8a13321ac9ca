"""Columns and outcomes of simulated shops: nothing of the future is in them, and slow sums say the same."""

from dataclasses import replace

import pytest
import torch

from worthwhile.models.incontext.columns import Asked, columns_at, outcome_at, scale_at
from worthwhile.models.incontext.prior import simulate
from worthwhile.models.incontext.rows import NAMES, Moment, relation_of, rows_of, sampling_weight
from worthwhile.models.incontext.tasks import labelled_at


@pytest.fixture(scope="module")
def shops():
    return simulate(5, 21, customers=200)


@pytest.fixture(scope="module")
def asked(shops):
    return Asked((shops.days.float() * 0.6).long(), torch.full_like(shops.days, 30))


def test_no_event_at_or_after_the_cutoff_touches_rows(shops, asked):
    cutoff = asked.cutoff[shops.shop[shops.customer]]
    after = shops.day >= cutoff
    late = shops.refund_day >= cutoff
    changed = replace(
        shops,
        value=torch.where(after, shops.value * 100, shops.value),
        refund=torch.where(after, 0.0, torch.where(late, shops.refund * 0.1, shops.refund)),
    )
    assert bool(after.any()) and not torch.equal(changed.value, shops.value)
    scale = scale_at(shops, asked.cutoff)
    assert torch.equal(scale, scale_at(changed, asked.cutoff))
    here, there = (labelled_at(each, asked, asked, scale) for each in (shops, changed))
    assert torch.equal(torch.nan_to_num(here.rows), torch.nan_to_num(there.rows))
    assert not torch.equal(here.amount, there.amount)


def test_outcomes_equal_slow_sums(shops, asked):
    amount, orders = outcome_at(shops, asked)
    for customer in range(0, len(shops.shop), 17):
        low = int(asked.cutoff[shops.shop[customer]])
        high = low + 30
        paid = bought = 0.0
        for i in torch.nonzero(shops.customer == customer)[:, 0].tolist():
            back = float(shops.refund[i]) if int(shops.refund_day[i]) < high else 0.0
            if low <= int(shops.day[i]) < high:
                paid += float(shops.value[i])
                bought += not (back > 0 and float(shops.value[i]) - back <= 1e-4 * float(shops.value[i]))
            if low <= int(shops.refund_day[i]):
                paid -= back
        assert float(orders[customer]) == bought
        assert float(amount[customer]) == pytest.approx(max(paid, 0.0) if bought else 0.0, rel=1e-5, abs=1e-4)


def test_rows_do_not_depend_on_the_currency(shops, asked):
    columns, present = columns_at(shops, asked)
    dear, _ = columns_at(replace(shops, value=shops.value * 7, refund=shops.refund * 7), asked)

    def rows(found, scale):
        horizon = asked.horizon.double()
        moment = Moment(horizon, scale, asked.cutoff.double(), torch.full_like(horizon, float("nan")))
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
