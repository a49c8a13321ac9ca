"""A real shop's rows are the simulated ones: a simulated shop, written down as events, gives the same through SQL."""

from datetime import UTC, timedelta

import numpy as np
import pytest
import torch

from oracles.simulated_events import START, events_of
from worthwhile.features.build import snapshot_at
from worthwhile.models.incontext.columns import COLUMNS, Asked, activity_year_before, columns_at, outcome_at, scale_at
from worthwhile.models.incontext.prior import simulate
from worthwhile.models.incontext.rows import NAMES, Moment, rows_of
from worthwhile.models.incontext.snapshots import rows_of_snapshot
from worthwhile.store.log import log_of
from worthwhile.tasks import Task


def shops_to_compare():
    """Simulated shops of more than a year: some with refunds, some with enough orders for a season."""
    found = []
    for seed in range(4):
        shops = simulate(8, seed, customers=300)
        found += [(seed, i) for i in range(8) if int(shops.days[i]) > 480 and int((shops.shop == i).sum()) > 60]
    return found[:7]


@pytest.mark.parametrize(("seed", "index"), shops_to_compare())
def test_rows_and_outcomes_of_a_snapshot_equal_those_of_the_simulated_shop(seed, index):
    shop = simulate(8, seed, customers=300).one(index)
    horizon = 61
    cutoff = int(shop.days[0]) - horizon - 15
    asked = Asked(torch.tensor([cutoff]), torch.tensor([horizon]))
    columns, present = columns_at(shop, asked)
    columns = {name: column[present] for name, column in columns.items()}
    season = activity_year_before(shop, asked)
    scale = scale_at(shop, asked.cutoff)
    moment = Moment(asked.horizon.double(), scale, asked.cutoff.double(), season)
    want = rows_of(columns, shop.shop[present], moment)

    moment_asked = (START + timedelta(days=cutoff)).replace(tzinfo=UTC)
    until = (START + timedelta(days=int(shop.days[0]) + 400)).date()
    with log_of(events_of(shop), until=until) as log:
        snapshot = snapshot_at(log, Task.of(f"{horizon}d"), moment_asked)
    assert len(snapshot) == int(present.sum())
    assert np.isclose(snapshot.scale, float(scale), rtol=1e-5)
    assert np.isclose(snapshot.activity_year_before, float(season), equal_nan=True)
    for name in COLUMNS:
        close = np.isclose(snapshot.column(name), columns[name].numpy(), rtol=1e-4, atol=2e-3, equal_nan=True)
        assert close.all(), (name, snapshot.column(name)[~close][:3], columns[name].numpy()[~close][:3])
    got = rows_of_snapshot(snapshot)
    for i, name in enumerate(NAMES):
        if name == "rank_value":  # of logarithms that SQL rounds: neighbours may change places
            assert np.mean(np.abs(got[:, i].numpy() - want[:, i].numpy())) < 0.005
        else:
            assert np.allclose(got[:, i], want[:, i], rtol=1e-3, atol=5e-3, equal_nan=True), name

    amount, orders = (part[present].numpy() for part in outcome_at(shop, asked))
    assert np.array_equal(snapshot.outcome.orders, orders)
    assert np.allclose(snapshot.outcome.amount, amount, rtol=1e-4, atol=1e-3)
