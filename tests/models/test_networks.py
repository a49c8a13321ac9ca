from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import bernoulli, geom, lognorm

from oracles.model_checks import assert_equal, assert_sound, in_currency, normalized_gini, with_outcome
from oracles.synthetic_snapshots import synthetic_shop
from worthwhile.distribution import COUNT_GRID
from worthwhile.errors import InputError
from worthwhile.models.network_fit import Learning, Rows, fit_network
from worthwhile.models.networks import (
    MOST_SIGMA,
    HistogramNetwork,
    LognormalNetwork,
    MeanNetwork,
    fit_count_bins,
    geometric_loss,
    histogram_loss,
    sigma_of,
    ziln_loss,
)

KINDS = [MeanNetwork, LognormalNetwork, HistogramNetwork]
BRIEF = {"epochs": 3}


@pytest.fixture(scope="module")
def shop():
    return synthetic_shop(customers=2000, windows=2, noise_columns=5, seed=2)


@pytest.fixture(scope="module", params=KINDS)
def fitted(request, shop):
    model = request.param()
    model.fit(shop.matured, shop.current)
    return model


# ---- what the models say -----------------------------------------------------------------------------------------


def test_networks_rank_customers_and_the_total_is_near_what_came(fitted, shop):
    forecast = fitted.forecast(shop.current)
    assert_sound(forecast, shop.current)
    mean = forecast.amount.mean()
    assert normalized_gini(shop.future.amount, mean) > 0.65
    assert abs(mean.sum() / shop.future.amount.sum() - 1) < 0.25
    assert abs(forecast.orders.mean().sum() / shop.future.orders.sum() - 1) < 0.15
    assert abs(forecast.p_active.mean() - shop.future.active.mean()) < 0.04


def test_networks_beat_knowing_nothing_about_each_customer(fitted, shop):
    forecast = fitted.forecast(shop.current)
    for part, came in ((forecast.amount, shop.future.amount), (forecast.orders, shop.future.orders)):
        everyone = replace(part, prob=np.broadcast_to(part.prob.mean(axis=0), part.prob.shape))
        assert part.crps(came).mean() < 0.9 * everyone.crps(came).mean()


def test_intervals_of_networks_given_purchase_cover_what_they_say(fitted, shop):
    amount, bought = fitted.forecast(shop.current).amount.given_positive(), shop.future.active
    inside = (amount.quantile(0.05) <= shop.future.amount) & (shop.future.amount <= amount.quantile(0.95))
    assert 0.83 < inside[bought].mean() < 0.97


def test_loaded_networks_forecast_the_same(fitted, shop, tmp_path):
    fitted.save(tmp_path / "model")
    again = type(fitted).load(tmp_path / "model")
    assert_equal(again.forecast(shop.current), fitted.forecast(shop.current))
    assert {p.suffix for p in (tmp_path / "model").iterdir()} == {".json", ".safetensors"}


def test_a_networks_forecast_in_slices_is_the_forecast(fitted, shop):
    whole = fitted.forecast(shop.current)
    parts = [fitted.forecast(shop.current[rows]) for rows in (slice(0, 100), slice(100, None))]
    prob = np.concatenate([part.amount.prob for part in parts])
    assert np.allclose(prob, whole.amount.prob, atol=1e-6)


def test_another_currency_gives_the_same_forecast_in_it(shop):
    small = [s[:300] for s in shop.matured]
    models = [LognormalNetwork(**BRIEF) for _ in range(2)]
    models[0].fit(small, shop.current)
    models[1].fit([in_currency(s, 8.0) for s in small], in_currency(shop.current, 8.0))
    ours, theirs = models[0].forecast(shop.current), models[1].forecast(in_currency(shop.current, 8.0))
    assert np.allclose(theirs.amount.mean(), 8 * ours.amount.mean(), rtol=1e-3)


def test_amounts_of_wholesale_buyers_do_not_blow_up_the_total():
    """A few buyers of a thousand times the median order: exp(mu + sigma^2 / 2) taken as it is runs away here."""
    shop = synthetic_shop(customers=1200, windows=3, seed=4)
    rng = np.random.default_rng(0)
    matured = []
    for s in shop.matured:
        big = np.where(rng.random(len(s)) < 0.003, 1000.0, 1.0)
        matured.append(replace(s, outcome=replace(s.outcome, amount=s.outcome.amount * big)))
    seen = np.mean([s.outcome.amount.mean() for s in matured])
    largest = max(s.outcome.amount.max() for s in matured)
    for kind in KINDS:
        model = kind(epochs=12)
        model.fit(matured, shop.current)
        mean = model.forecast(shop.current).amount.mean()
        assert 0.4 * seen < mean.mean() < 2.5 * seen
        assert mean.max() < 1.1 * largest


# ---- little history ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_networks_say_when_nobody_ever_bought(kind):
    shop = synthetic_shop(customers=100, windows=2)
    for matured in ([], [with_outcome(s, 0.0, 0.0) for s in shop.matured]):
        with pytest.raises(InputError) as caught:
            kind().fit(matured, shop.current)
        assert caught.value.code == "no-history"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("customers", [5, 200])
@pytest.mark.parametrize("rows", [slice(None), slice(0, 1)], ids=["all bought alike", "one bought"])
def test_networks_stand_few_customers_and_equal_outcomes(kind, customers, rows, tmp_path):
    shop = synthetic_shop(customers=500, windows=2)
    matured = [with_outcome(s[:customers], 20.0, 1.0, rows) for s in shop.matured]
    model = kind(**BRIEF)
    model.fit(matured, shop.current)
    forecast = model.forecast(shop.current)
    assert_sound(forecast, shop.current)
    assert forecast.p_active.min() > 0 and forecast.p_active.max() < 1
    assert np.median(forecast.amount.given_positive().mean()) == pytest.approx(20.0, rel=0.3)
    model.save(tmp_path)
    assert_equal(kind.load(tmp_path).forecast(shop.current), forecast)
    assert len(model.forecast(shop.current[:0])) == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [np.nan, 3.0])
def test_networks_stand_features_that_say_nothing(kind, value):
    shop = synthetic_shop(customers=300, windows=2)
    blank = [replace(s, features=np.full_like(s.features, value)) for s in shop.matured]
    model = kind(**BRIEF)
    model.fit(blank, shop.current)
    forecast = model.forecast(shop.current)
    assert_sound(forecast, shop.current)
    assert np.ptp(forecast.amount.mean()) < 1e-4 * forecast.amount.mean().mean()


# ---- training ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_network_fits_with_one_seed_are_equal_and_leave_torch_alone(kind):
    shop = synthetic_shop(customers=400, windows=2)
    threads = torch.get_num_threads()
    forecasts = []
    for seed in (3, 3, 4):
        torch.rand(1)  # what others draw must not matter
        state = torch.get_rng_state()
        model = kind(**BRIEF)
        model.fit(shop.matured, shop.current, seed=seed)
        forecasts.append(model.forecast(shop.current))
        assert torch.equal(torch.get_rng_state(), state) and torch.get_num_threads() == threads
    assert_equal(forecasts[0], forecasts[1])
    assert not np.array_equal(forecasts[0].amount.prob, forecasts[2].amount.prob)


def rows_of(x, y, weight=None):
    return Rows(
        x, np.zeros((len(x), 1)), y.astype(np.float32).reshape(len(x), 1), np.ones(len(x)) if weight is None else weight
    )


def halves(n):
    first = np.arange(n) < n // 2
    return first, ~first


def test_training_stops_when_the_later_rows_gain_no_more():
    """What holds in the first half is reversed in the second, so that the first epochs already lose there."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 2)).astype(np.float32)
    first, second = halves(2000)
    y = np.where(first, x[:, 0], -x[:, 0])
    stopped = fit_network(rows_of(x, y), square, np.zeros(1), Learning(), split=(first, second), seed=0)
    went_on = fit_network(rows_of(x, x[:, 0]), square, np.zeros(1), Learning(epochs=15), split=(first, second), seed=0)
    assert stopped.epochs == 1 < went_on.epochs


def square(raw, target):
    return (raw[:, 0] - target[:, 0]) ** 2


def test_the_network_learns_a_bent_surface():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(2000, 3)).astype(np.float32)
    y = np.abs(x[:, 0]) + x[:, 1] * x[:, 2]
    learning = Learning(learning_rate=5e-3, dropout=0.0, epochs=30)
    network = fit_network(rows_of(x, y), square, np.zeros(1), learning, split=halves(2000), seed=0)
    assert np.mean((network.raw(x)[:, 0] - y) ** 2) < 0.1 * np.var(y)


def test_a_row_of_weight_two_counts_as_two_rows():
    x = np.zeros((300, 1), dtype=np.float32)
    y = (np.arange(300) < 100).astype(np.float32)[:, None]
    weight = np.where(y[:, 0] > 0, 2.0, 1.0)
    everyone = np.ones(300, dtype=bool)
    rows = rows_of(x, y, weight / weight.mean())
    network = fit_network(rows, square, np.zeros(1), Learning(learning_rate=0.03), split=(everyone, everyone), seed=0)
    assert network.raw(x)[0, 0] == pytest.approx(0.5, abs=0.05)  # 1/3 without weights


def test_the_level_of_a_window_is_not_laid_on_what_tells_windows_apart():
    """One window was twice as busy and is told by a column. Asked about like the quiet one, the answer lies between."""
    rng = np.random.default_rng(0)
    busy = np.arange(2000) < 1000
    x = np.where(busy, 1.0, -1.0)[:, None].astype(np.float32)
    y = (np.where(busy, 2.0, 1.0) + 0.1 * rng.normal(size=2000))[:, None].astype(np.float32)
    windows = 3.0 * (np.stack([busy, ~busy], axis=1) - 0.5)
    everyone = np.ones(2000, dtype=bool)
    learning, split = Learning(learning_rate=0.01, epochs=10), (everyone, everyone)
    told = fit_network(Rows(x, windows, y, np.ones(2000)), square, np.zeros(1), learning, split=split, seed=0)
    blind = fit_network(rows_of(x, y), square, np.zeros(1), learning, split=split, seed=0)
    assert np.ptp(blind.raw(x)) > 0.8
    assert np.ptp(told.raw(x)) < 0.6
    assert np.ptp(told.raw(x, windows)) > 0.8


@pytest.mark.parametrize("device", ["gpu", "cuda"])
def test_a_device_that_is_not_there_is_named(device, shop):
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(InputError) as caught:
        MeanNetwork(device=device).fit(shop.matured, shop.current)
    assert caught.value.code == "bad-argument"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
@pytest.mark.parametrize("kind", KINDS)
def test_a_gpu_gives_about_the_same_forecast(kind, shop):
    totals = []
    for device in ("cpu", "cuda"):
        model = kind(device=device)
        model.fit(shop.matured, shop.current)
        totals.append(model.forecast(shop.current).amount.mean().sum())
    assert totals[1] == pytest.approx(totals[0], rel=0.1)


# ---- losses ------------------------------------------------------------------------------------------------------


def test_the_ziln_loss_is_minus_the_log_likelihood_of_its_laws():
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(50, 4))
    active = rng.random(50) < 0.5
    orders = np.where(active, rng.integers(1, 9, 50), 0)
    log_amount = rng.normal(size=50)
    target = np.stack([active, log_amount, orders], axis=1)
    losses = ziln_loss(torch.tensor(raw), torch.tensor(target.astype(float))).numpy()
    sigma = sigma_of(torch.tensor(raw[:, 2])).numpy()
    expected = -bernoulli(1 / (1 + np.exp(-raw[:, 0]))).logpmf(active)
    size = lognorm(s=sigma, scale=np.exp(raw[:, 1])).logpdf(np.exp(log_amount)) + log_amount + np.log(2 * np.pi) / 2
    count = geom(1 / (1 + np.exp(raw[:, 3]))).logpmf(np.maximum(orders, 1))
    np.testing.assert_allclose(losses, expected - np.where(active, size + count, 0), rtol=1e-6)


def test_sigma_is_bounded_however_large_the_output():
    sigma = sigma_of(torch.tensor([-1e9, 0.0, 1e9]))
    assert sigma.min() > 0 and sigma.max() <= MOST_SIGMA + 1e-6


def test_losses_stay_finite_at_extreme_outputs():
    raw = torch.tensor([[1e4, -1e4, -1e4, 1e4], [-1e4, 1e3, 1e4, -1e4]], requires_grad=True)
    target = torch.tensor([[0.0, 0.0, 0.0], [1.0, 8.0, 900.0]])
    ziln_loss(raw, target).sum().backward()
    assert torch.isfinite(raw.grad).all()


def test_the_geometric_loss_is_least_at_the_mean():
    orders = torch.tensor([1.0, 2.0, 2.0, 7.0])
    grid = torch.linspace(-3, 3, 2001)
    losses = torch.stack([geometric_loss(value.expand(4), orders).sum() for value in grid])
    assert 1 + grid[losses.argmin()].exp() == pytest.approx(3.0, abs=0.02)


def test_the_histogram_loss_ignores_bins_of_those_who_did_not_buy():
    raw = torch.zeros(2, 7, dtype=torch.float64)
    target = torch.tensor([[0.0, -4.0, 1.0, 1.0], [1.0, 2.0, 1.0, 1.0]])
    quiet, bought = histogram_loss(3)(raw, target)
    assert quiet == pytest.approx(np.log(2))
    assert bought == pytest.approx(np.log(2) + np.log(3) + np.log(2) + 2.0**2 / 2)


def test_bins_of_orders_hold_enough_buyers_and_keep_their_mean():
    orders = np.random.default_rng(0).geometric(0.3, 3000).astype(float)
    bins = fit_count_bins(orders, np.ones(3000))
    held = np.bincount(bins.bin_of(orders))
    assert len(held) == len(bins.shape) and held.min() >= 25
    assert np.allclose(bins.shape.sum(axis=1), 1) and np.all(bins.shape[:, 0] == 0)
    assert held / 3000 @ bins.shape @ COUNT_GRID.points == pytest.approx(orders.mean(), rel=0.01)


def test_a_single_buyer_makes_a_single_bin():
    bins = fit_count_bins(np.array([2.0]), np.ones(1))
    assert bins.shape.shape == (1, COUNT_GRID.columns) and bins.bin_of(np.array([1.0, 50.0])).tolist() == [0, 0]
