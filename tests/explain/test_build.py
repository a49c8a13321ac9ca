import json
import math
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from worthwhile.errors import InputError
from worthwhile.explain import explain_customers, explain_forecast
from worthwhile.explain import shares as shares_module
from worthwhile.explain.build import explained
from worthwhile.explain.forecaster import forecaster_of
from worthwhile.explain.game import game_of
from worthwhile.explain.links import LinkGame
from worthwhile.explain.reasons import MINOR
from worthwhile.explain.shares import shares_of
from worthwhile.runs import Asked, forecast, list_runs
from worthwhile.runs.recall import recorded_forecast


def test_reasons_add_up_to_the_forecast_less_that_of_a_typical_customer(shop):
    made = explain_forecast(shop)
    table = recorded_forecast(shop).table()
    assert made.snapshot.customer_ids.tolist() == table["customer_id"].to_pylist()
    assert np.allclose(made.shares.forecast[:, 0], table["spend_mean"].to_numpy())
    assert np.allclose(made.shares.forecast[:, 1], table["p_active"].to_numpy())
    assert np.allclose(made.shares.shares.sum(axis=1), made.shares.forecast - made.baseline, rtol=1e-9)
    assert (made.baseline > 0).all()


@pytest.mark.parametrize("model", ["bg-nbd", "ensemble"])
def test_every_kind_of_model_gives_reasons_that_add_up(shop, model):
    forecast(shop, "90d", cutoff="2011-07-01", model=None if model == "ensemble" else model)
    made = explain_forecast(shop, ["C0001", "C0007"])
    assert made.snapshot.customer_ids.tolist() == ["C0001", "C0007"]
    off = np.abs(made.shares.shares.sum(axis=1) - (made.shares.forecast - made.baseline))
    assert (off <= 0.01 * np.abs(made.shares.forecast - made.baseline) + 1e-9).all()
    assert np.abs(made.shares.shares).max() > 0


def test_a_customer_has_the_same_forecast_alone_as_among_all(shop):
    alone = explain_forecast(shop, ["C0005"])
    everybody = explain_forecast(shop)
    place = everybody.snapshot.customer_ids.tolist().index("C0005")
    assert np.allclose(alone.shares.forecast[0], everybody.shares.forecast[place], rtol=1e-6)
    assert np.allclose(alone.baseline, everybody.baseline, rtol=1e-6)


def test_the_table_ranks_reasons_by_what_they_move(shop):
    rows = explain_forecast(shop, ["C0001", "C0007"]).table(3).to_pylist()
    assert [(row["customer_id"], row["rank"]) for row in rows] == [
        (c, r) for c in ("C0001", "C0007") for r in (1, 2, 3)
    ]
    moved = [abs(row["spend_effect"]) for row in rows[:3]]
    assert moved == sorted(moved, reverse=True)
    whole = explain_forecast(shop, ["C0001"]).table(None).to_pylist()
    assert np.isclose(sum(abs(row["spend_effect_share"]) for row in whole), 1)


def test_reasons_of_all_are_recorded_with_their_importance(shop):
    made = explain_forecast(shop, sample=20)
    assert len(made) == 20
    [run] = list_runs(shop, "reasons")
    folder = shop.runs / run["run_id"]
    assert run["asked"]["forecast"] == made.recorded.run_id
    assert len(pq.read_table(folder / "reasons-zh.parquet")) == 60
    shares = pq.read_table(folder / "importance.parquet")["share"].to_pylist()
    assert shares == sorted(shares, reverse=True) and np.isclose(sum(shares), 1)
    assert json.loads((folder / "typical.json").read_text())["p_active"] == made.baseline[1]
    explain_forecast(shop, ["C0001"])
    assert len(list_runs(shop, "reasons")) == 1


def test_of_many_customers_the_least_reasons_count_as_one_and_still_add_up(shop, monkeypatch):
    monkeypatch.setattr(shares_module, "EXACT_ROWS", 0)
    monkeypatch.setattr(shares_module, "FEW", 10)
    monkeypatch.setattr(shares_module, "MINOR_SHARE", 0.2)
    monkeypatch.setattr(shares_module, "ROWS", 32)
    made = explain_forecast(shop)
    assert made.reasons[-1] == MINOR and len(made.reasons) > 2
    assert np.allclose(made.shares.shares.sum(axis=1), made.shares.forecast - made.baseline)
    assert MINOR not in made.table(2)["reason"].to_pylist()


def test_sampled_reasons_are_near_the_exact_ones(shop, monkeypatch):
    with forecaster_of(recorded_forecast(shop)) as forecaster:
        exact = explained(forecaster, ["C0001", "C0002", "C0003"])
        monkeypatch.setattr(shares_module, "EXACT_ROWS", 0)
        sampled = explained(forecaster, ["C0001", "C0002", "C0003"])
    scale = np.abs(exact.shares.shares).max(axis=(1,), keepdims=True)
    assert (np.abs(sampled.shares.shares - exact.shares.shares) / scale).max() < 0.1


def test_wrong_questions_are_refused(shop, tmp_path):
    with pytest.raises(InputError, match="no customer `nobody`"):
        explain_forecast(shop, ["nobody"])
    with pytest.raises(InputError, match="no texts in `fr`"):
        explain_forecast(shop, language="fr")
    with pytest.raises(InputError, match="no horizon 30d"):
        explain_forecast(shop, horizon="30d")
    with pytest.raises(InputError, match="neither"):
        explain_forecast(shop, out=tmp_path / "reasons.txt")


def test_of_nobody_nothing_can_be_asked(shop):
    for refused in (lambda: explain_forecast(shop, []), lambda: explain_customers(shop, [])):
        with pytest.raises(InputError, match="no customer is named") as caught:
            refused()
        assert caught.value.code == "bad-argument"
    for sample in (0, -3):
        with pytest.raises(InputError, match=f"a sample of {sample} customers is none"):
            explain_forecast(shop, sample=sample)


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        *(({"if_order": amount}, "--if-order") for amount in (math.nan, math.inf, -50.0, 0.0)),
        *(({"if_quiet": days}, "--if-quiet") for days in (-30, 0, 10**7)),
        *(({"last": steps, "timeline": True}, "--last") for steps in (0, -1, 2_001)),
    ],
)
def test_what_no_customer_could_do_is_refused(shop, asked, where):
    with pytest.raises(InputError) as caught:
        explain_customers(shop, ["C0001"], **asked)
    assert (caught.value.code, caught.value.where) == ("bad-argument", where)


@pytest.mark.parametrize("is_linked", [False, True])
def test_a_customer_who_is_the_typical_one_has_no_reasons(shop, is_linked):
    with forecaster_of(recorded_forecast(shop)) as opened:
        made = explained(opened, ["C0001"])
        alone = replace(made, snapshot=made.typical)
        game = game_of(alone.snapshot, made.typical, opened.answer, reads_events=False)
        whole = LinkGame(game, opened.model) if is_linked else game
        reasons, shares = shares_of(whole, seed=0, threads=1)
    alone = replace(alone, reasons=reasons, shares=shares)
    assert reasons == () and np.allclose(shares.forecast, made.baseline)
    assert len(alone.table()) == len(alone.importance()) == 0
    assert alone.importance().schema == made.importance().schema and alone.table().schema == made.table().schema


def test_reasons_are_ranked_by_the_target_asked_about(shop):
    forecast(shop, "90d", cutoff="2011-07-01", model="logistic", asked=Asked(target="orders"))
    made = explain_forecast(shop, ["C0001"])
    rows = made.table(None).to_pylist()
    moved = [abs(row["orders_effect"]) for row in rows]
    assert moved == sorted(moved, reverse=True)
    assert sum(row["orders_effect"] for row in rows) == pytest.approx(made.shares.forecast[0, 2] - made.baseline[2])
    assert rows[0]["sentence"].startswith(rows[0]["text"])
