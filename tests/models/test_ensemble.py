import numpy as np
import pytest

from oracles.model_checks import assert_equal
from oracles.synthetic_snapshots import synthetic_shop
from worthwhile.errors import InputError
from worthwhile.models.buytilldie import BgNbd
from worthwhile.models.ensemble import BrokenOffError, Ensemble, pool_weights, total_of, validation_windows
from worthwhile.models.heuristics import LastPeriod, PastRate
from worthwhile.models.linear import LogisticSpend
from worthwhile.models.networks import MeanNetwork
from worthwhile.models.trees import HistogramTrees, TweedieTrees

MEMBERS = {"past-rate": PastRate, "last-period": LastPeriod}


@pytest.fixture(scope="module")
def shop():
    return synthetic_shop(customers=600, windows=4, seed=3)


@pytest.fixture(scope="module")
def fitted(shop):
    model = Ensemble(MEMBERS)
    model.fit(shop.matured, shop.current, seed=0)
    return model


def test_weights_are_a_mixture(fitted):
    assert sum(fitted.weights.values()) == pytest.approx(1)
    assert all(w >= 0 for w in fitted.weights.values())


def test_the_pool_scores_no_worse_than_its_worst_member_and_near_its_best(shop, fitted):
    scores = {n: m.forecast(shop.current).amount.crps(shop.future.amount).mean() for n, m in fitted.fitted.items()}
    pooled = fitted.forecast(shop.current).amount.crps(shop.future.amount).mean()
    assert pooled < max(scores.values())
    assert pooled < min(scores.values()) * 1.1


def test_members_are_judged_on_windows_that_lie_apart_and_can_be_taught(shop):
    windows = validation_windows(shop.matured)
    assert len(windows) == 2
    assert windows[1].end <= windows[0].cutoff
    assert all(any(s.end <= w.cutoff for s in shop.matured) for w in windows)


def test_each_fit_is_told_and_the_bar_never_falls_back(shop):
    heard = []
    ensemble = Ensemble(MEMBERS, threads=2, progress=lambda text, share: heard.append((text, share)))
    ensemble.fit(shop.matured, shop.current)
    texts, shares = zip(*heard, strict=True)
    assert sorted(texts) == ["fit last-period"] * 3 + ["fit past-rate"] * 3
    assert shares[0] == 0 and list(shares) == sorted(shares) and shares[-1] < 1
    ensemble.course.within("past-rate")("later", 1.0)
    assert heard[-1] == ("later", 1.0)


def test_members_that_were_not_begun_are_not_fitted_once_one_has_failed(shop):
    begun = []

    class Failing(PastRate):
        def fit(self, matured, current, *, seed=0):
            begun.append(self)
            raise ZeroDivisionError

    class Waiting(PastRate):
        def fit(self, matured, current, *, seed=0):
            begun.append(self)
            super().fit(matured, current, seed=seed)

    ensemble = Ensemble({"failing": Failing, "waiting": Waiting}, threads=1)
    with pytest.raises(ZeroDivisionError):
        ensemble.fit(shop.matured, shop.current)
    assert not any(isinstance(model, Waiting) for model in begun)
    with pytest.raises(BrokenOffError):
        ensemble.course.within("waiting")("fit waiting", 0.0)


def test_without_a_matured_window_weights_are_equal(shop):
    model = Ensemble(MEMBERS)
    model.fit([], shop.current)
    assert set(model.weights.values()) == {0.5}
    assert len(model.forecast(shop.current)) == len(shop.current)


def test_a_member_that_cannot_be_fitted_is_left_out_with_its_reason(shop):
    class Refusing(PastRate):
        name = "bg-nbd"

        def fit(self, matured, current, *, seed=0):
            raise InputError("no-history", "no customer has ordered twice")

    model = Ensemble({**MEMBERS, "bg-nbd": Refusing})
    model.fit(shop.matured, shop.current)
    assert model.left_out == {"bg-nbd": "no customer has ordered twice"}
    assert set(model.weights) == set(MEMBERS)


def test_an_ensemble_of_nothing_says_why(shop):
    class Refusing(PastRate):
        def fit(self, matured, current, *, seed=0):
            raise InputError("no-history", "no customer has ordered twice")

    with pytest.raises(InputError, match="no customer has ordered twice"):
        Ensemble({"past-rate": Refusing}).fit(shop.matured, shop.current)


def test_members_fitted_side_by_side_learn_what_they_do_one_after_the_other():
    shop = synthetic_shop(customers=500, windows=4, seed=3)
    members = {
        "bg-nbd": BgNbd,
        "logistic": LogisticSpend,
        "trees-tweedie": lambda: TweedieTrees(rounds=20),
        "trees-histogram": lambda: HistogramTrees(rounds=20),
        "net-mse": lambda: MeanNetwork(epochs=3),
    }
    forecasts = []
    for threads in (1, 3):
        model = Ensemble(members, threads=threads)
        model.fit(shop.matured, shop.current, seed=1)
        forecasts.append(model.forecast(shop.current))
    assert_equal(*forecasts)


def test_customers_forecast_together_or_alone_get_the_same(shop, fitted, monkeypatch):
    whole = fitted.forecast(shop.current)
    alone = fitted.forecast(shop.current[7:8])
    monkeypatch.setattr("worthwhile.models.ensemble.CHUNK", 100)
    chunked = fitted.forecast(shop.current)
    np.testing.assert_allclose(alone.amount.prob[0], whole.amount.prob[7], atol=1e-6)
    np.testing.assert_allclose(chunked.amount.prob, whole.amount.prob, atol=1e-6)
    assert list(chunked.customer_ids) == list(whole.customer_ids)


def test_a_saved_ensemble_forecasts_the_same(shop, fitted, tmp_path):
    fitted.save(tmp_path)
    again = Ensemble.load(tmp_path)
    np.testing.assert_array_equal(again.forecast(shop.current).amount.prob, fitted.forecast(shop.current).amount.prob)


def test_even_weights_give_each_family_the_same():
    assert pool_weights([], ["bg-nbd", "pareto-nbd", "logistic"]).tolist() == [0.25, 0.25, 0.5]
    assert pool_weights([], ["in-context", "something new"]).tolist() == [0.5, 0.5]


def test_the_total_is_the_geometric_mean_of_rates_in_season_and_the_pretrained_view():
    assert total_of([80.0, 120.0], 1.44, [400.0]) == pytest.approx(240.0)  # sqrt(144 * 400)
    assert total_of([100.0], 1.3, []) == pytest.approx(130.0)
    assert total_of([], 1.3, [70.0]) == pytest.approx(70.0)  # it knows the season itself
    assert total_of([0.0], 1.0, [0.0]) == 0.0


def test_the_ensembles_total_is_that_of_its_views(shop):
    names = ("bg-nbd", "logistic", "last-period")
    model = Ensemble({"bg-nbd": BgNbd, "logistic": LogisticSpend, "last-period": LastPeriod})
    model.fit(shop.matured, shop.current, seed=0)
    assert set(model.fitted) == set(names)
    rates = model.fitted["bg-nbd"].forecast(shop.current).amount.mean().sum()
    total = model.forecast(shop.current).amount.mean().sum()
    assert total == pytest.approx(model.season * rates, rel=0.02)


def test_members_that_could_not_be_judged_keep_their_even_weight(shop):
    """With one matured window nothing is teachable before it: rules that need no window are weighed, others not."""
    members = {"past-rate": PastRate, "last-period": LastPeriod, "logistic": LogisticSpend}
    model = Ensemble(members)
    model.fit(shop.matured[-1:], shop.current, seed=0)
    assert set(model.fitted) == set(members)
    even = pool_weights([], list(members))
    assert model.weights["logistic"] == pytest.approx(even[2])
    assert model.weights["past-rate"] != pytest.approx(even[0], abs=1e-3)
    assert sum(model.weights.values()) == pytest.approx(1)
