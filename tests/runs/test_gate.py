from dataclasses import replace

import numpy as np
import pytest

from oracles.synthetic_snapshots import synthetic_shop
from worthwhile.models.catalogue import MODELS
from worthwhile.runs.gate import gate


@pytest.fixture(scope="module")
def shop():
    return synthetic_shop(customers=2000, windows=3, seed=1)


def test_a_rich_history_carries_every_model(shop):
    found = gate(shop.matured, shop.current)
    assert set(found.allowed) == set(MODELS) - {"ensemble"}
    assert not found.lacks
    assert not found.is_little


def test_thirty_customers_are_told_that_this_is_little(shop):
    found = gate([], shop.current[:30])
    assert "past-rate" in found.allowed
    assert found.is_little
    assert any("rough guide" in s for s in found.sentences())
    assert any("trees-two-stage" in s and "30 customers, it needs 100" in s for s in found.sentences())


def test_without_repeat_buyers_the_pretrained_network_answers(shop):
    features = shop.current.features.copy()
    features[:, shop.current.names.index("x")] = 0
    found = gate([], replace(shop.current, features=features))
    assert found.lacks["bg-nbd"] == "repeat_buyers"
    assert found.members == ("in-context",)


def test_customers_who_never_bought_what_is_asked_are_no_repeat_buyers(shop):
    features = shop.current.features.copy()
    features[:, shop.current.names.index("x")] = np.nan
    assert gate([], replace(shop.current, features=features)).facts.repeat_buyers == 0


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_model_left_out_is_named_with_its_reason(shop, lang):
    found = gate([], shop.current[:20])
    said = found.sentences(lang)
    for model in found.lacks:
        assert any(model in s for s in said)


def test_a_horizon_beyond_the_history_is_called_extrapolation(shop):
    found = gate([], replace(shop.current, history_days=20.0))
    assert any("extrapolation" in s for s in found.sentences())
