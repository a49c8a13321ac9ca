"""What comes after each step, and the loss of foretelling it."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from worthwhile.models.sequence import coming
from worthwhile.models.sequence.network import EventNetwork, Shape

ITEMS = 400


class _Steps:
    """One line in each step."""

    def __init__(self, item: np.ndarray) -> None:
        self.item, self.line_offsets = item, np.arange(len(item) + 1)


@pytest.fixture
def net() -> EventNetwork:
    torch.manual_seed(0)
    return EventNetwork(
        Shape(items=ITEMS, kinds=2, numbers=1, gaps=2, ahead=4, columns=1, windows=1, outputs=1, item_spread=0.3)
    )


def test_items_that_are_drawn_stand_for_all(net: EventNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    steps, states = _Steps(rng.integers(0, 20, 50)), torch.from_numpy(rng.normal(size=(50, 64)).astype(np.float32))
    exact = F.cross_entropy(net.item_scores(states), torch.from_numpy(steps.item)).item()
    assert coming._items_loss(net, states, steps, np.arange(50)).item() == pytest.approx(exact, rel=1e-5)
    monkeypatch.setattr(coming, "OTHERS", 60)
    estimates = [coming._items_loss(net, states, steps, np.arange(50)).item() for _ in range(60)]
    assert np.std(estimates) > 0
    assert np.mean(estimates) == pytest.approx(exact, rel=0.02)


def test_of_many_orders_as_many_are_drawn(net: EventNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    steps, states = _Steps(rng.integers(0, 20, 500)), torch.from_numpy(rng.normal(size=(500, 64)).astype(np.float32))
    exact = coming._items_loss(net, states, steps, np.arange(500)).item()
    monkeypatch.setattr(coming, "ORDERS", 50)
    estimates = [coming._items_loss(net, states, steps, np.arange(500)).item() for _ in range(60)]
    assert np.std(estimates) > 0 and np.mean(estimates) == pytest.approx(exact, rel=0.02)


def test_orders_ahead_are_those_of_the_same_customer_within_the_horizon() -> None:
    rng = np.random.default_rng(2)
    customer = np.sort(rng.integers(0, 12, 300))
    day = np.concatenate([np.sort(rng.integers(18_000, 18_700, (customer == c).sum())) for c in range(12)])
    is_order, amount = rng.random(300) < 0.6, rng.uniform(1, 9, 300).astype(np.float32)
    orders, spent = coming._ahead(customer, day, is_order, amount)
    for at in range(300):
        for place, horizon in enumerate(coming.HORIZONS):
            inside = is_order & (customer == customer[at]) & (day > day[at]) & (day <= day[at] + horizon)
            assert orders[at, place] == inside.sum()
            assert spent[at, place] == pytest.approx(amount[inside].sum(), rel=1e-4, abs=1e-3)


def test_horizons_that_the_past_does_not_reach_teach_nothing() -> None:
    raw = torch.zeros(2, 4, coming.AHEAD_LAW)
    orders, reached = np.array([[0, 1, 1, 1], [0, 0, 2, 3]]), np.array([[1, 1, 0, 0], [1, 0, 0, 0]], dtype=bool)
    loss = coming._ahead_loss(raw, orders, orders.astype(np.float32), reached)
    hidden = np.where(reached, orders, 7)
    assert loss == coming._ahead_loss(raw, hidden, hidden.astype(np.float32), reached)
    assert loss != coming._ahead_loss(raw, orders, orders.astype(np.float32), np.ones_like(reached))
