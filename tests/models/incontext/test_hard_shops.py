"""Shops at the edge: the in-context model gives each a sound answer, or a clear error."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

import worthwhile as ww
from oracles.model_checks import assert_sound
from worthwhile.errors import InputError
from worthwhile.models.ensemble import Ensemble
from worthwhile.models.incontext.model import InContext
from worthwhile.progress import silent
from worthwhile.runs.prepare import Snapshots
from worthwhile.store.log import log_of
from worthwhile.tasks import Task

START = datetime(2024, 1, 1)


def answered(orders, *, cutoff, horizon="30d", make=InContext):
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
    model = make()
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


@pytest.mark.parametrize("make", [InContext, Ensemble])
@pytest.mark.parametrize("huge", [1e6, 1e9])
def test_one_huge_order_does_not_carry_the_others_away(make, huge):
    with_it, _ = answered([*regulars(), ("c1", 50, huge)], cutoff=120, make=make)
    without, _ = answered(regulars(), cutoff=120, make=make)
    others = np.array([customer != "c1" for customer in with_it.customer_ids])
    np.testing.assert_allclose(with_it.amount.mean()[others].sum(), without.amount.mean()[others].sum(), rtol=0.3)


def test_where_every_order_is_free_spend_is_not_made_up():
    with pytest.raises(InputError) as caught:
        answered(once_each(amount=0.0), cutoff=90)
    assert caught.value.code == "no-history" and "is worth 0" in caught.value.what


def test_where_every_amount_is_below_zero_the_sign_is_named(tmp_path):
    shop = ww.create_shop(tmp_path / "shop", currency="EUR", threads=1)
    (tmp_path / "orders.csv").write_text(
        "customer_id,date,order_id,amount\n" + "".join(f"c{i % 9},2024-01-{i + 1:02d},{i},-5\n" for i in range(28))
    )
    ww.ingest(shop, tmp_path / "orders.csv")
    with pytest.raises(InputError) as caught:
        ww.forecast(shop, "7d")
    assert caught.value.code == "no-history" and "sign" in caught.value.remedy


def test_a_cutoff_before_the_first_event_is_a_clear_error():
    with pytest.raises(InputError) as caught:
        answered(once_each(), cutoff=0)
    assert caught.value.code == "no-history"
