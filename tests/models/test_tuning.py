import sys
from dataclasses import replace

import numpy as np
import pytest

from oracles.synthetic_snapshots import synthetic_shop
from worthwhile.errors import InputError
from worthwhile.models.linear import LinearSpend, LogisticSpend, SvmSpend
from worthwhile.models.trees import HistogramTrees, TweedieTrees, TwoStageTrees
from worthwhile.models.tuning import tune


@pytest.fixture(scope="module")
def shop():
    return synthetic_shop(customers=500, windows=3)


def crps_on_latest(model, shop):
    model.fit(shop.matured[:-1], shop.matured[-1])
    latest = shop.matured[-1]
    return model.forecast(latest).amount.crps(latest.outcome.amount).mean()


def test_tuned_parameters_are_no_worse_than_the_defaults_on_the_latest_window(shop):
    def poor(penalty=3000.0, l1_ratio=0.9):
        return LogisticSpend(penalty, l1_ratio)

    params = tune(poor, LogisticSpend.search_space, shop.matured, shop.current, trials=8, seed=1)
    assert set(params) == {"penalty", "l1_ratio"}
    assert crps_on_latest(LogisticSpend(**params), shop) < crps_on_latest(poor(), shop)


def test_tuning_with_one_seed_finds_the_same(shop):
    found = [
        tune(LinearSpend, LinearSpend.search_space, shop.matured, shop.current, trials=5, seed=4) for _ in range(2)
    ]
    assert found[0] == found[1]


def test_where_nothing_is_better_the_defaults_stay(shop):
    assert tune(LogisticSpend, {"penalty": ("log", 1e6, 1e7)}, shop.matured, shop.current, trials=3) == {}


def test_tuning_never_sees_an_outcome_that_was_not_known_at_the_validation_cutoff(shop):
    seen = []

    class Watching(LogisticSpend):
        def fit(self, matured, current, *, seed=0):
            seen.append((matured, current))
            super().fit(matured, current, seed=seed)

    early, middle, late = shop.matured
    overlapping = replace(middle, end=late.end)
    tune(Watching, {}, [early, overlapping, late], shop.current, trials=1)
    ((matured, current),) = seen
    assert list(matured) == [early] and current.cutoff == late.cutoff and current.outcome is None


def test_progress_is_told_trial_by_trial(shop):
    told = []
    tune(
        LinearSpend,
        LinearSpend.search_space,
        shop.matured,
        shop.current,
        trials=3,
        tell=lambda trial, best: told.append((trial, best)),
    )
    assert [trial for trial, _ in told] == [1, 2, 3]
    assert all(np.diff([best for _, best in told]) <= 0)


@pytest.mark.parametrize("kind", [LinearSpend, LogisticSpend, SvmSpend, TwoStageTrees, TweedieTrees, HistogramTrees])
def test_every_search_space_can_be_drawn_from(kind, shop):
    def factory(**params):  # one thread and few rounds, so that the test is quick
        return kind(**params, **({"threads": 1, "rounds": 30} if "leaves" in kind.search_space else {}))

    params = tune(factory, kind.search_space, shop.matured, shop.current, trials=2, seed=0)
    assert set(params) in (set(), set(kind.search_space))


def test_tuning_on_a_single_window_is_refused(shop):
    with pytest.raises(InputError) as caught:
        tune(LinearSpend, LinearSpend.search_space, shop.matured[:1], shop.current, trials=2)
    assert caught.value.code == "no-history"


def test_no_trials_are_refused(shop):
    with pytest.raises(InputError) as caught:
        tune(LinearSpend, LinearSpend.search_space, shop.matured, shop.current, trials=0)
    assert caught.value.code == "bad-argument"


def test_without_optuna_the_extra_to_install_is_named(shop, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError) as caught:
        tune(LinearSpend, LinearSpend.search_space, shop.matured, shop.current, trials=2)
    assert caught.value.code == "missing-extra" and 'pip install "worthwhile[tune]"' in caught.value.remedy
