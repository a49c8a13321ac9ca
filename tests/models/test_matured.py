from concurrent.futures import ThreadPoolExecutor
from time import sleep

import pytest

from oracles.model_checks import assert_equal
from oracles.synthetic_snapshots import synthetic_shop
from worthwhile.models.linear import LogisticSpend
from worthwhile.models.matured import Matured, matured_of, once
from worthwhile.models.networks import HistogramNetwork
from worthwhile.models.trees import HistogramTrees, TweedieTrees, TwoStageTrees


@pytest.fixture(scope="module")
def shop():
    return synthetic_shop(customers=600, windows=3, noise_columns=3)


def test_matured_snapshots_are_a_sequence_like_any_other(shop):
    matured = Matured(shop.matured)
    assert len(matured) == 3 and list(matured) == list(shop.matured)
    assert matured[-1] is shop.matured[-1] and matured[:2] == tuple(shop.matured[:2])
    assert matured_of(matured) is matured and list(matured_of(shop.matured)) == list(shop.matured)


def test_what_was_made_is_made_once_and_only_where_it_is_remembered(shop):
    made = []

    def make():
        made.append(len(made))
        return len(made)

    matured = Matured(shop.matured)
    assert [once(matured, "a", make), once(matured, "a", make), once(matured, ("a", 1), make)] == [1, 1, 2]
    assert [once(shop.matured, "a", make), once(shop.matured, "a", make)] == [3, 4]


def test_threads_that_ask_for_the_same_wait_for_one_of_them(shop):
    made = []

    def make():
        sleep(0.02)
        made.append(None)
        return object()

    matured = Matured(shop.matured)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: matured.once("a", make), range(8)))
    assert len(made) == 1 and len(set(map(id, answers))) == 1


def test_what_could_not_be_made_is_tried_again_by_the_next(shop):
    def fails():
        raise ValueError("no")

    matured = Matured(shop.matured)
    with pytest.raises(ValueError, match="no"):
        matured.once("a", fails)
    assert matured.once("a", lambda: 1) == 1


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)], ids=["forward", "backward"])
def test_models_fitted_side_by_side_forecast_as_if_each_were_alone(shop, order):
    """Others with other parameters among them: what they share must hang on everything that it is made from."""
    makers = [
        lambda: TweedieTrees(rounds=20, learning_rate=0.1),
        lambda: HistogramTrees(rounds=20, learning_rate=0.1),
        lambda: HistogramTrees(rounds=20, learning_rate=0.1, leaves=5),
        lambda: TwoStageTrees(rounds=20, learning_rate=0.1),
        LogisticSpend,
        lambda: HistogramNetwork(epochs=2),
    ][order]
    matured = Matured(shop.matured)
    for make in makers:
        for seed in (0, 1):
            beside, alone = make(), make()
            beside.fit(matured, shop.current, seed=seed)
            alone.fit(list(shop.matured), shop.current, seed=seed)
            assert_equal(beside.forecast(shop.current), alone.forecast(shop.current))
