"""Shops at the edge: the in-context model gives each a sound answer, or a clear error."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from oracles.model_checks import assert_sound
from worthwhile.errors import InputError
from worthwhile.models.incontext.model import InContext
from worthwhile.progress import silent
from worthwhile.runs.prepare import Snapshots
from worthwhile.store.log import log_of
from worthwhile.tasks import Task

START = datetime(2024, 1, 1)


def answered(orders, *, cutoff, horizon="30d"):
    """The forecast for a shop of orders (customer, day, amount) at a cutoff in days, and the snapshot asked about."""
    customers, days, amounts = zip(*orders, strict=True)
    events = pa.table(
        {
            "customer_id": pa.array(customers, pa.string()),
            "local_ts": pa.array([START + timedelta(days=day) for day in days], pa.timestamp("us")),
            "amount": pa.array(amounts, pa.float64()),
        }
    )
    with log_of(events, until=(START + timedelta(days=cutoff)).date()) as log:
        moment = (START + timedelta(days=cutoff)).replace(tzinfo=UTC)
        matured, current = Snapshots(log, Task.of(horizon)).before(moment, silent)
    model = InContext()
    model.fit(matured, current.unseen())
    return model.forecast(current.unseen()), current


def once_each(customers=60, amount=20.0):
    return [(f"c{i}", i, amount) for i in range(customers)]


def regulars(customers=40, every=9, days=120):
    return [(f"c{i}", day, 10.0 + i) for i in range(customers) for day in range(i % every, days, every)]


@pytest.mark.parametrize(
    ("orders", "cutoff", "horizon"),
    [
        pytest.param(once_each(), 90, "30d", id="nobody came again"),
        pytest.param([("c0", 3, 20.0), ("c0", 30, 25.0)], 60, "30d", id="one customer"),
        pytest.param([("c0", 3, 20.0)], 4, "1y", id="one order yesterday"),
        pytest.param(once_each(amount=0.0), 90, "30d", id="all orders are free"),
        pytest.param([(c, d, -5.0) for c, d, _ in regulars()], 120, "30d", id="amounts below zero throughout"),
        pytest.param([*regulars(), ("c1", 50, 1e9)], 120, "30d", id="one huge order"),
        pytest.param(regulars(), 120, "2y", id="a horizon longer than all history"),
        pytest.param([(c, d, 1e-3) for c, d, _ in regulars()], 120, "30d", id="amounts of a tenth of a cent"),
    ],
)
def test_a_shop_at_the_edge_gets_a_sound_answer(orders, cutoff, horizon):
    forecast, snapshot = answered(orders, cutoff=cutoff, horizon=horizon)
    assert_sound(forecast, snapshot)


def test_where_nobody_came_again_few_are_expected_to():
    never, _ = answered(once_each(), cutoff=90)
    often, _ = answered(regulars(), cutoff=120)
    assert never.p_active.mean() < 0.2 < 0.8 < often.p_active.mean()


def test_one_huge_order_does_not_carry_the_others_away():
    with_it, _ = answered([*regulars(), ("c1", 50, 1e6)], cutoff=120)
    without, _ = answered(regulars(), cutoff=120)
    others = np.array([customer != "c1" for customer in with_it.customer_ids])
    np.testing.assert_allclose(with_it.amount.mean()[others].sum(), without.amount.mean()[others].sum(), rtol=0.3)


def test_a_cutoff_before_the_first_event_is_a_clear_error():
    with pytest.raises(InputError) as caught:
        answered(once_each(), cutoff=0)
    assert caught.value.code == "no-history"
