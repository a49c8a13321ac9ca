"""The heuristics: their means are the guesses, and what surrounds them is learned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from oracles.model_checks import assert_equal, assert_sound, in_currency, with_outcome
from oracles.synthetic_snapshots import synthetic_shop
from worthwhile.errors import InputError
from worthwhile.features.snapshot import Outcome
from worthwhile.models.catalogue import model_class
from worthwhile.models.heuristics import NO_CHANCE, NOTHING, LastPeriod, PastRate, last_period, learn, past_rate

KINDS = {LastPeriod: last_period, PastRate: past_rate}
each_kind = pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])


@pytest.fixture(scope="module")
def shop():
    return synthetic_shop(customers=1500, seed=3)


def fitted(kind, matured, current):
    model = kind()
    model.fit(matured, current, seed=0)
    return model


def test_last_period_is_the_span_before_the_cutoff_once_more(shop):
    guess = last_period(shop.current)
    assert np.array_equal(guess.amount, shop.current.column("amount_last_horizon"))
    bought = guess.amount > 0
    assert np.array_equal(guess.orders[bought], shop.current.column("orders_last_horizon")[bought])


def test_past_rate_spreads_the_past_over_the_age_or_the_horizon_where_that_is_longer(shop):
    guess, age, past = past_rate(shop.current), shop.current.column("T"), shop.current.column("amount_all")
    old, young = age >= 90, age < 90
    assert old.any() and young.any()
    assert guess.amount[old] == pytest.approx(past[old] / age[old] * 90)
    assert guess.amount[young] == pytest.approx(past[young])


@each_kind
@pytest.mark.parametrize("windows", [0, 3])
def test_the_mean_is_the_guess(kind, windows, shop):
    guess = KINDS[kind](shop.current)
    forecast = fitted(kind, shop.matured[:windows], shop.current).forecast(shop.current)
    assert_sound(forecast, shop.current)
    bought = guess.amount > 0
    # Spread evenly within bins, a log-normal law is 0.3 % above its mean; more so in the wide lowest bin.
    assert np.allclose(forecast.amount.mean()[bought], guess.amount[bought], rtol=0.005, atol=0.01 * shop.current.scale)
    assert np.allclose(forecast.orders.mean()[bought], guess.orders[bought], rtol=0.001)


def test_a_guess_of_nothing_leaves_a_small_chance_of_a_tiny_amount(shop):
    guess = last_period(shop.current)
    nothing = guess.amount == 0
    assert nothing.any()
    forecast = fitted(LastPeriod, shop.matured, shop.current).forecast(shop.current)[nothing]
    assert np.all((forecast.p_active > 0) & (forecast.p_active <= NO_CHANCE + 1e-6))
    assert np.all(forecast.amount.mean() < 2 * NO_CHANCE * NOTHING * shop.current.scale)


@each_kind
def test_matured_snapshots_make_chances_and_spread_honest(kind, shop):
    plain = fitted(kind, [], shop.current).forecast(shop.current)
    taught = fitted(kind, shop.matured, shop.current).forecast(shop.current)
    active = shop.future.active

    def brier(forecast):
        return np.mean((forecast.p_active - active) ** 2)

    assert brier(taught) < brier(plain)
    assert taught.amount.crps(shop.future.amount).mean() < plain.amount.crps(shop.future.amount).mean()


def test_learned_chances_of_the_past_rate_are_calibrated(shop):
    forecast = fitted(PastRate, shop.matured, shop.current).forecast(shop.current)
    assert forecast.p_active.mean() == pytest.approx(shop.future.active.mean(), abs=0.04)
    order = np.argsort(forecast.p_active)
    for group in np.array_split(order, 4):
        assert forecast.p_active[group].mean() == pytest.approx(shop.future.active[group].mean(), abs=0.08)


@each_kind
@pytest.mark.parametrize("happened", ["nobody", "everybody", "one wholesaler"])
def test_extreme_outcomes_leave_sound_forecasts(kind, happened, shop):
    rows = {"nobody": slice(0, 0), "everybody": slice(None), "one wholesaler": slice(5, 6)}[happened]
    matured = with_outcome(shop.matured[-1], 1e6, 50, rows)
    forecast = fitted(kind, [matured], shop.current).forecast(shop.current)
    assert_sound(forecast, shop.current)
    assert np.all((forecast.p_active > 0) & (forecast.p_active < 1))


def test_log_variance_under_a_fixed_mean_is_found_again():
    shop = synthetic_shop(customers=4000, windows=1, seed=8)
    snapshot = shop.matured[0]
    guess = past_rate(snapshot)
    rng = np.random.default_rng(0)
    outcome = Outcome(guess.amount * np.exp(0.6 * rng.normal(size=len(snapshot)) - 0.18), np.ones(len(snapshot)))
    matured = replace(snapshot, outcome=outcome)
    around = learn([(guess, matured)])
    p = around.p_active(guess)
    certain = p > 0.9  # all were active, so the mean of an active customer is the guess itself
    assert certain.sum() > 100
    group = np.searchsorted((0.125, 0.25, 0.5, 0.95, 1.5, 2.5, 4.5, 8.5), guess.orders[certain])
    assert np.sqrt(np.array(around.variance)[group]).mean() == pytest.approx(0.6, abs=0.06)


@each_kind
def test_refunds_above_the_orders_and_customers_never_asked_about_count_as_nothing(kind, shop):
    few = shop.current[:20]
    features = few.features.copy()
    for name, value in {"amount_last_horizon": -30.0, "amount_all": -30.0}.items():
        features[:10, few.names.index(name)] = value
    for name in ("x", "t_x", "T", "orders_last_horizon", "amount_last_horizon", "orders_all", "amount_all"):
        features[10:, few.names.index(name)] = np.nan if name in ("x", "t_x", "T") else 0.0
    odd = replace(few, features=features)
    forecast = fitted(kind, shop.matured, odd).forecast(odd)
    assert_sound(forecast, odd)
    assert np.all(forecast.amount.mean() <= 1.1 * NOTHING * odd.scale)
    assert np.all(forecast.p_active[10:] <= NO_CHANCE + 1e-6)


@each_kind
def test_saved_heuristic_forecasts_the_same(kind, shop, tmp_path):
    model = fitted(kind, shop.matured, shop.current)
    model.save(tmp_path)
    assert_equal(kind.load(tmp_path).forecast(shop.current), model.forecast(shop.current))
    (tmp_path / "heuristic.json").write_text("{}")
    with pytest.raises(InputError, match=r"heuristic\.json"):
        kind.load(tmp_path)


@each_kind
def test_the_currency_does_not_matter(kind, shop):
    yen = [in_currency(snapshot, 150.0) for snapshot in (*shop.matured, shop.current)]
    plain = fitted(kind, shop.matured, shop.current).forecast(shop.current)
    in_yen = fitted(kind, yen[:-1], yen[-1]).forecast(yen[-1])
    assert np.allclose(in_yen.amount.prob, plain.amount.prob, rtol=0, atol=1e-4)


@each_kind
def test_no_customers_at_all_is_no_history(kind, shop):
    with pytest.raises(InputError, match="no customer ordered") as error:
        fitted(kind, [], shop.current[:0])
    assert error.value.code == "no-history"


@pytest.mark.parametrize("name", ["last-period", "past-rate", "bg-nbd", "mbg-nbd", "pareto-nbd"])
def test_models_that_know_no_outcome_discount_what_is_to_come(name):
    shop = synthetic_shop(customers=600, windows=1, seed=4)
    plain, discounted = (model_class(name)() for _ in range(2))
    plain.fit([], shop.current)
    later = replace(shop.current, discount=0.8)
    discounted.fit([], later)
    whole, part = plain.forecast(shop.current), discounted.forecast(later)
    assert part.amount.mean().sum() == pytest.approx(0.8 * whole.amount.mean().sum(), rel=0.01)
    np.testing.assert_allclose(part.p_active, whole.p_active, atol=1e-6)
