"""The loss of foretelling the next order's items, where not all items are weighed."""

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
        Shape(items=ITEMS, kinds=2, numbers=1, gaps=2, columns=1, windows=1, outputs=1, item_spread=0.3)
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
