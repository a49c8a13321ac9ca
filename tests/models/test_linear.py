from dataclasses import replace

import numpy as np
import pytest

from oracles.model_checks import assert_equal, assert_sound, in_currency, normalized_gini, with_outcome
from oracles.synthetic_snapshots import synthetic_shop
from worthwhile.errors import InputError
from worthwhile.models.calibrate import fit_chance, fit_spread
from worthwhile.models.linear import Kernel, LinearSpend, LogisticSpend, SvmSpend, _fit_kernel
from worthwhile.models.threads import one_thread_each

KINDS = {
    "linear": LinearSpend,
    "linear-l1": lambda: LinearSpend(penalty=300, l1_ratio=0.5),
    "logistic": LogisticSpend,
    "logistic-l1": lambda: LogisticSpend(penalty=100, l1_ratio=0.5),
    "svm": SvmSpend,
}


@pytest.fixture(scope="module")
def shop():
    return synthetic_shop(customers=3000, noise_columns=10, seed=1)


@pytest.fixture(scope="module", params=KINDS)
def fitted(request, shop):
    model = KINDS[request.param]()
    model.fit(shop.matured, shop.current)
    return model


def test_customers_are_ranked_and_the_total_is_near_what_came(fitted, shop):
    forecast = fitted.forecast(shop.current)
    assert_sound(forecast, shop.current)
    mean = forecast.amount.mean()
    assert normalized_gini(shop.future.amount, mean) > 0.65
    assert abs(mean.sum() / shop.future.amount.sum() - 1) < 0.2
    assert abs(forecast.orders.mean().sum() / shop.future.orders.sum() - 1) < 0.15
    assert abs(forecast.p_active.mean() - shop.future.active.mean()) < 0.03


def test_the_distribution_beats_that_of_knowing_nothing_about_each_customer(fitted, shop):
    forecast = fitted.forecast(shop.current)
    everyone = replace(
        forecast.amount, prob=np.broadcast_to(forecast.amount.prob.mean(axis=0), forecast.amount.prob.shape)
    )
    actual = shop.future.amount
    assert forecast.amount.crps(actual).mean() < 0.9 * everyone.crps(actual).mean()


def test_intervals_given_purchase_cover_what_they_say(fitted, shop):
    amount, bought = fitted.forecast(shop.current).amount.given_positive(), shop.future.active
    inside = (amount.quantile(0.05) <= shop.future.amount) & (shop.future.amount <= amount.quantile(0.95))
    assert 0.83 < inside[bought].mean() < 0.97


def test_the_mean_is_calibrated_on_the_training_windows(fitted, shop):
    total = sum(fitted.forecast(s).amount.mean().sum() for s in shop.matured)
    actual = sum(s.outcome.amount.sum() for s in shop.matured)
    assert abs(total / actual - 1) < 0.06


def test_a_loaded_linear_model_forecasts_the_same(fitted, shop, tmp_path):
    fitted.save(tmp_path / "model")
    again = type(fitted).load(tmp_path / "model")
    assert_equal(again.forecast(shop.current), fitted.forecast(shop.current))
    assert {p.suffix for p in (tmp_path / "model").iterdir()} == {".json", ".safetensors"}


@pytest.mark.parametrize("kind", [LinearSpend, LogisticSpend, SvmSpend])
def test_linear_fits_with_one_seed_are_equal(kind, shop):
    forecasts = []
    for _ in range(2):
        model = kind()
        model.fit(shop.matured[:2], shop.current, seed=7)
        forecasts.append(model.forecast(shop.current))
    assert_equal(*forecasts)


@pytest.mark.parametrize("kind", [LinearSpend, LogisticSpend, SvmSpend])
def test_another_currency_changes_linear_forecasts_by_its_rate_alone(kind):
    shop = synthetic_shop(customers=500, windows=2)
    model, other = kind(), kind()
    with one_thread_each():  # as forecasts are made: sums in another order end the support vector machine elsewhere
        model.fit(shop.matured, shop.current)
        other.fit([in_currency(s, 150.0) for s in shop.matured], in_currency(shop.current, 150.0))
        a = model.forecast(shop.current).amount.mean()
        b = other.forecast(in_currency(shop.current, 150.0)).amount.mean()
    assert np.allclose(a * 150, b, rtol=0.02)


@pytest.mark.parametrize("kind", [LinearSpend, LogisticSpend, SvmSpend])
def test_linear_models_say_when_nobody_ever_bought(kind):
    shop = synthetic_shop(customers=100, windows=2)
    for matured in ([], [with_outcome(s, 0.0, 0.0) for s in shop.matured]):
        with pytest.raises(InputError) as caught:
            kind().fit(matured, shop.current)
        assert caught.value.code == "no-history"


@pytest.mark.parametrize("kind", [LinearSpend, LogisticSpend, SvmSpend])
@pytest.mark.parametrize("rows", [slice(None), slice(0, 1)], ids=["all bought alike", "one bought"])
def test_linear_models_stand_five_customers_and_constant_columns(kind, rows):
    shop = synthetic_shop(customers=40, windows=2)
    matured = [with_outcome(s[:5], 20.0, 1.0, rows) for s in shop.matured]
    matured = [replace(s, features=np.where(np.arange(len(s.names)) % 2, s.features, np.float32(3))) for s in matured]
    model = kind()
    model.fit(matured, shop.current)
    forecast = model.forecast(shop.current)
    assert_sound(forecast, shop.current)
    assert forecast.p_active.min() > 0 and forecast.p_active.max() < 1
    assert len(model.forecast(shop.current[:0])) == 0


@pytest.mark.parametrize("kind", [LinearSpend, LogisticSpend, SvmSpend])
def test_linear_models_stand_features_that_say_nothing(kind):
    shop = synthetic_shop(customers=60, windows=2)
    blank = [replace(s, features=np.full_like(s.features, np.nan)) for s in shop.matured]
    model = kind()
    model.fit(blank, shop.current)
    assert_sound(model.forecast(shop.current), shop.current)


def test_kernel_columns_give_the_kernel_between_landmarks_exactly():
    points = np.random.default_rng(0).normal(size=(20, 4))
    kernel: Kernel = _fit_kernel(points, 20, 1.0, np.random.default_rng(0))
    columns = kernel(points)[:, 4:]
    square = ((points[:, None, :] - points[None, :, :]) ** 2).sum(axis=2)
    assert np.allclose(columns @ columns.T, np.exp(-square / 4), atol=1e-6)


def test_smearing_makes_the_means_sum_to_the_amounts_and_finds_the_spread():
    rng = np.random.default_rng(3)
    mu = rng.normal(0.5, 1.0, 4000)
    amount = np.exp(mu + rng.normal(0, 0.7, 4000))
    spread = fit_spread(mu, amount, np.ones(4000))
    mean, sigma = spread.mean_sigma(mu)
    assert abs(mean.sum() / amount.sum() - 1) < 1e-9
    assert np.abs(sigma - 0.7).max() < 0.1


def test_chances_follow_a_curve_that_no_logistic_law_has():
    rng = np.random.default_rng(4)
    score = rng.uniform(-3, 3, 20_000)
    truth = np.where(score < 0, 0.1, 0.6)
    chance = fit_chance(score, rng.random(20_000) < truth, np.ones(20_000))
    away = np.abs(score) > 0.5
    assert np.abs(chance.p(score) - truth)[away].mean() < 0.02


def test_separable_buyers_give_a_finite_chance():
    score = np.array([-2.0, -1.0, 1.0, 2.0])
    p = fit_chance(score, score > 0, np.ones(4)).p(np.array([-1e9, 0.0, 1e9]))
    assert 0 < p[0] < p[1] < p[2] < 1


@pytest.mark.parametrize("kind", [LinearSpend, LogisticSpend, SvmSpend])
def test_linear_models_stand_a_shop_where_all_orders_are_free(kind):
    shop = synthetic_shop(customers=300, windows=2)
    model = kind()
    model.fit([with_outcome(s, 0.0, 2.0, slice(0, 60)) for s in shop.matured], shop.current)
    forecast = model.forecast(shop.current)
    assert_sound(forecast, shop.current)
    assert (forecast.amount.mean() < 0.1 * shop.current.scale).all() and forecast.orders.mean().mean() > 0.1
