from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from oracles.model_checks import assert_equal, assert_sound, normalized_gini, with_outcome
from oracles.synthetic_snapshots import synthetic_shop
from worthwhile.distribution import EVEN_BINS, amount_grid, from_lognormal
from worthwhile.errors import InputError
from worthwhile.features.snapshot import Outcome
from worthwhile.models.bins import chances_of_bins, fit_bins, log_odds_of_bins, spread_bins
from worthwhile.models.chunks import forecast_in_chunks
from worthwhile.models.linear import LogisticSpend
from worthwhile.models.training import customer_folds, split_forward, training_rows
from worthwhile.models.trees import HistogramTrees, TweedieTrees, TwoStageTrees

KINDS = [TwoStageTrees, TweedieTrees, HistogramTrees]
# Threads that wait for each other lose much time where other tests run beside them
ALONE = {"threads": 1, "learning_rate": 0.1}


@pytest.fixture(scope="module")
def shop():
    return synthetic_shop(customers=3000, noise_columns=10, seed=2)


@pytest.fixture(scope="module", params=KINDS)
def fitted(request, shop):
    model = request.param(**ALONE)
    model.fit(shop.matured, shop.current)
    return model


def test_trees_rank_customers_and_the_total_is_near_what_came(fitted, shop):
    forecast = fitted.forecast(shop.current)
    assert_sound(forecast, shop.current)
    mean = forecast.amount.mean()
    assert normalized_gini(shop.future.amount, mean) > 0.65
    assert abs(mean.sum() / shop.future.amount.sum() - 1) < 0.2
    assert abs(forecast.orders.mean().sum() / shop.future.orders.sum() - 1) < 0.15
    assert abs(forecast.p_active.mean() - shop.future.active.mean()) < 0.03


def test_trees_beat_knowing_nothing_about_each_customer(fitted, shop):
    amount = fitted.forecast(shop.current).amount
    everyone = replace(amount, prob=np.broadcast_to(amount.prob.mean(axis=0), amount.prob.shape))
    assert amount.crps(shop.future.amount).mean() < 0.9 * everyone.crps(shop.future.amount).mean()


def test_intervals_of_trees_given_purchase_cover_what_they_say(fitted, shop):
    amount, bought = fitted.forecast(shop.current).amount.given_positive(), shop.future.active
    inside = (amount.quantile(0.05) <= shop.future.amount) & (shop.future.amount <= amount.quantile(0.95))
    assert 0.83 < inside[bought].mean() < 0.97


def test_loaded_trees_forecast_the_same(fitted, shop, tmp_path):
    fitted.save(tmp_path / "model")
    again = type(fitted).load(tmp_path / "model")
    assert_equal(again.forecast(shop.current), fitted.forecast(shop.current))
    assert {p.suffix for p in (tmp_path / "model").iterdir()} == {".json", ".txt", ".safetensors"}


def test_trees_cut_short_on_disk_are_said_to_be_damaged(fitted, tmp_path):
    fitted.save(tmp_path)
    path = tmp_path / "active.txt"
    path.write_text(path.read_text()[:2000])
    with pytest.raises(InputError) as caught:
        type(fitted).load(tmp_path)
    assert caught.value.code == "damaged"


def test_a_forecast_in_slices_is_the_forecast(fitted, shop):
    whole = fitted.forecast(shop.current)
    parts = [fitted.forecast(shop.current[rows]) for rows in (slice(0, 100), slice(100, None))]
    prob = np.concatenate([part.amount.prob for part in parts])
    assert np.allclose(prob, whole.amount.prob, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_tree_fits_with_one_seed_are_equal(kind):
    shop = synthetic_shop(customers=800, windows=2)
    forecasts = []
    for _ in range(2):
        model = kind(rounds=40, **ALONE)
        model.fit(shop.matured, shop.current, seed=3)
        forecasts.append(model.forecast(shop.current))
    assert_equal(*forecasts)


@pytest.mark.parametrize("kind", KINDS)
def test_trees_say_when_nobody_ever_bought(kind):
    shop = synthetic_shop(customers=100, windows=2)
    for matured in ([], [with_outcome(s, 0.0, 0.0) for s in shop.matured]):
        with pytest.raises(InputError) as caught:
            kind(**ALONE).fit(matured, shop.current)
        assert caught.value.code == "no-history"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("customers", [5, 200])
@pytest.mark.parametrize("rows", [slice(None), slice(0, 1)], ids=["all bought alike", "one bought"])
def test_trees_stand_few_customers_and_equal_outcomes(kind, customers, rows, tmp_path):
    shop = synthetic_shop(customers=500, windows=2)
    matured = [with_outcome(s[:customers], 20.0, 1.0, rows) for s in shop.matured]
    model = kind(**ALONE)
    model.fit(matured, shop.current)
    forecast = model.forecast(shop.current)
    assert_sound(forecast, shop.current)
    assert forecast.p_active.min() > 0 and forecast.p_active.max() < 1
    assert np.allclose(forecast.amount.given_positive().quantile(0.5), 20.0, rtol=0.5)
    model.save(tmp_path)
    assert_equal(kind.load(tmp_path).forecast(shop.current), forecast)
    assert len(model.forecast(shop.current[:0])) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_trees_stand_features_that_say_nothing(kind):
    shop = synthetic_shop(customers=300, windows=2)
    blank = [replace(s, features=np.full_like(s.features, np.nan)) for s in shop.matured]
    model = kind(**ALONE)
    model.fit(blank, shop.current)
    assert_sound(model.forecast(shop.current), shop.current)


def test_links_lead_to_the_forecast_and_contributions_add_up_to_the_links(fitted, shop):
    some = shop.current[:40]
    links, forecast = fitted.links()(some), fitted.forecast(some)
    amount, orders = fitted.answer(links, some.scale)
    assert np.array_equal(amount.prob, forecast.amount.prob) and np.array_equal(orders.prob, forecast.orders.prob)
    each = fitted.contributions(some, np.arange(len(some.names) + 1))  # every feature a group of its own
    together = fitted.contributions(some, np.zeros(len(some.names) + 1, dtype=int))
    assert np.allclose(each.sum(axis=1), together[:, 0])
    whole = together[:, 0]  # beside what is the same for all customers; bins' own column is not among it
    free = slice(0, 6) if links.shape[1] == 6 else slice(0, 5)
    assert np.allclose((links - whole)[:, free], (links - whole)[0, free], atol=1e-6)
    assert np.abs(each).max() > 0.1


def test_coarse_bins_lie_on_the_grid_as_the_buyers_do():
    amount = np.exp(np.random.default_rng(0).normal(0, 1.2, 5000))
    bins = fit_bins(amount, np.ones(5000))
    chances = chances_of_bins(bins.base[None, :])
    prob, _ = spread_bins(bins, chances, np.zeros(1), 1.2)
    grid = amount_grid(1.0)
    counts = np.bincount(grid.column_of(amount), minlength=grid.columns) / 5000
    assert np.isclose(prob.sum(), 1)
    assert np.allclose(bins.shape.sum(axis=1), 1)
    assert np.abs(np.cumsum(prob) - np.cumsum(counts)).max() < 0.02
    assert abs(prob[0] @ grid.centers / amount.mean() - 1) < 0.05


def test_the_open_bin_has_the_tail_of_the_law_and_its_mean():
    grid = amount_grid(1.0)
    none = fit_bins(np.ones(5), np.ones(5))  # too few buyers for a closed bin
    mu, sigma = np.array([0.0, 7.0]), 1.0
    prob, tail = spread_bins(none, np.ones((2, 1)), mu, sigma)
    law = from_lognormal(grid, np.ones(2), EVEN_BINS * np.exp(mu + sigma**2 / 2), np.full(2, sigma))
    assert np.allclose(prob, law.prob, atol=1e-6)
    assert np.allclose(tail, law.tail_mean, rtol=3e-3)


def test_bins_start_from_the_log_normal_law_of_the_lines():
    bins = replace(fit_bins(np.exp(np.random.default_rng(0).normal(0, 1.2, 5000)), np.ones(5000)), base=np.zeros(13))
    mu, sigma = np.array([-0.5, 1.0, 30.0]), 0.8
    start = log_odds_of_bins(bins, mu, sigma)
    chances = chances_of_bins(start)
    edges = np.log(amount_grid(1.0).points[bins.last])
    assert np.allclose(np.cumsum(chances, axis=1)[:2, :-1], ndtr((edges - mu[:2, None]) / sigma), atol=1e-4)
    assert chances[2, -1] > 0.999


def test_the_latest_window_validates_only_windows_that_had_ended():
    shop = synthetic_shop(customers=400, windows=3)
    early, middle, late = shop.matured
    overlapping = replace(middle, end=late.end)
    training = training_rows([early, overlapping, late], cap=10_000, seed=0)
    fit, valid = split_forward(training, 0)
    assert set(training.window[fit]) == {0} and set(training.window[valid]) == {2}


def test_window_columns_are_zero_in_the_mean_and_alike_within_a_window():
    training = training_rows(synthetic_shop(customers=400, windows=3).matured, cap=10_000, seed=0)
    columns = training.window_columns()
    assert np.allclose(np.average(columns, axis=0, weights=training.weight), 0)
    assert all(np.ptp(columns[training.window == w], axis=0).max() == 0 for w in range(3))


def test_one_window_is_split_by_customer():
    shop = synthetic_shop(customers=400, windows=1)
    training = training_rows(shop.matured, cap=10_000, seed=0)
    fit, valid = split_forward(training, 0)
    assert not (fit & valid).any() and (fit | valid).all() and 0.2 < valid.mean() < 0.3


def test_all_rows_of_a_customer_lie_in_one_fold():
    shop = synthetic_shop(customers=400, windows=3)
    training = training_rows(shop.matured, cap=10_000, seed=0)
    folds = customer_folds(training, 2, 0)
    seen = {}
    for customer, fold in zip(training.customer_ids, folds, strict=True):
        assert seen.setdefault(customer, fold) == fold


def test_thinned_rows_stand_for_all_and_keep_the_biggest_buyers():
    shop = synthetic_shop(customers=6000, windows=2)
    full = training_rows(shop.matured, cap=10**6, seed=0)
    thin = training_rows(shop.matured, cap=2000, seed=0)
    assert 1500 < len(thin) < 2500
    for part in ("active", "orders", "amount"):
        a, b = (np.average(getattr(t, part), weights=t.weight) for t in (full, thin))
        assert abs(b / a - 1) < 0.1
    assert thin.amount.max() == full.amount.max()


def test_old_windows_count_less_than_recent_ones():
    shop = synthetic_shop(customers=400, windows=3)
    training = training_rows(shop.matured, cap=10_000, seed=0)
    weights = [training.weight[training.window == w][0] for w in range(3)]
    assert np.isclose(weights[0] / weights[2], 0.5 ** (180 / 365))


def test_slices_of_any_size_fill_the_whole_forecast(shop):
    model = TwoStageTrees(rounds=10, **ALONE)
    model.fit(shop.matured[:2], shop.current)
    whole = model.forecast(shop.current)
    sliced = forecast_in_chunks(shop.current, "m", lambda s: _histograms(model.forecast(s)), rows=333)
    assert np.allclose(sliced.amount.prob, whole.amount.prob, atol=1e-7)


def _histograms(forecast):
    return forecast.amount, forecast.orders


@pytest.mark.parametrize("kind", KINDS)
def test_trees_stand_a_shop_where_all_orders_are_free(kind):
    shop = synthetic_shop(customers=300, windows=2)
    model = kind(**ALONE)
    model.fit([with_outcome(s, 0.0, 2.0, slice(0, 60)) for s in shop.matured], shop.current)
    forecast = model.forecast(shop.current)
    assert_sound(forecast, shop.current)
    assert (forecast.amount.mean() < 0.1 * shop.current.scale).all() and forecast.orders.mean().mean() > 0.1


@pytest.mark.parametrize("kind", [*KINDS, LogisticSpend])
def test_a_busy_season_is_not_mistaken_for_long_tenure(kind):
    """Tenure tells windows apart; who learns the last window's level from it forecasts that level for ever."""
    shop = synthetic_shop(customers=3000, windows=3)
    busy = shop.matured[-1]
    outcome = Outcome(busy.outcome.amount * 3, busy.outcome.orders)
    matured = [*shop.matured[:-1], replace(busy, outcome=outcome)]
    level = {}
    for name, windows in (("plain", shop.matured), ("busy", matured)):
        model = kind() if kind is LogisticSpend else kind(**ALONE)
        model.fit(windows, shop.current)
        level[name] = model.forecast(shop.current).amount.mean().sum()
    assert 1.2 < level["busy"] / level["plain"] < 1.9  # three windows, the latest at three times: on average 1.7


@pytest.mark.parametrize("kind", KINDS)
def test_the_best_customers_are_not_shrunk_toward_the_others(kind):
    shop = synthetic_shop(customers=3000, windows=3, seed=5)
    model = kind(**ALONE)
    model.fit(shop.matured, shop.current)
    mean = model.forecast(shop.current).amount.mean()
    best = mean >= np.quantile(mean, 0.97)
    actual = shop.future.amount
    assert 0.8 < (mean[best].sum() / mean.sum()) / (actual[best].sum() / actual.sum()) < 1.25
