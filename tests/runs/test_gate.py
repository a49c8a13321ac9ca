from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from oracles.synthetic_snapshots import synthetic_shop
from worthwhile.models.catalogue import MODELS
from worthwhile.runs.gate import gate
from worthwhile.runs.lonely_end import LonelyEnd


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
    assert any("trees-two-stage" in s and "(30 customers, it needs 100)" in s for s in found.sentences())
    assert len([s for s in found.sentences() if s.startswith("Left out")]) == len(
        {found.lack(model) for model in found.lacks}
    )


def test_who_asks_for_a_model_by_name_hears_of_no_other(shop):
    found = gate([], shop.current[:30], named=["linear"])
    [said] = [s for s in found.sentences() if "it needs" in s]
    assert said.startswith("linear was asked for by name") and len(found.lacks) > 1


def test_a_lonely_end_is_said_first(shop):
    end = LonelyEnd(date(2024, 7, 19), date(2030, 1, 5), 1, 2000)
    for lang in ("en", "zh"):
        said = replace(gate(shop.matured, shop.current), lonely_end=end).sentences(lang)
        assert "2024-07-19" in said[0] and "2,000" in said[0]


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
