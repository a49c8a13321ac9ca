import numpy as np

from worthwhile.explain.faithfulness import deletion_curve
from worthwhile.explain.shapley import exact_plan, shapley


class Weights:
    """A game of which each reason adds its own weight, whatever the others do."""

    def __init__(self, weights):
        self.weights = weights  # (N, P, O)

    def value(self, present):
        return 10 + np.einsum("sp,npo->sno", present.astype(float), self.weights)

    def value_of_each(self, present):
        return 10 + np.einsum("np,npo->no", present.astype(float), self.weights)


def test_the_heaviest_reasons_move_a_forecast_more_than_random_ones():
    weights = np.random.default_rng(0).exponential(size=(50, 8, 2)) ** 3
    game = Weights(weights)
    curve = deletion_curve(game, shapley(game.value, exact_plan(8)))
    assert np.allclose(curve.heaviest[-1], 10) and np.allclose(curve.heaviest[0], 10 + weights.sum(axis=1))
    assert (curve.relative_ratio() > 2).all() and (curve.absolute_ratio() > 2).all()
    assert np.allclose(curve.absolute_ratio(), curve.approach_ratio())  # all carry the forecast up


def test_shares_that_say_nothing_gain_nothing():
    weights = np.random.default_rng(0).exponential(size=(400, 8, 2))
    game = Weights(weights)
    shares = shapley(game.value, exact_plan(8))
    shares.shares[:] = np.random.default_rng(1).permuted(shares.shares, axis=1)
    assert np.allclose(deletion_curve(game, shares).absolute_ratio(), 1, atol=0.15)


def test_reasons_that_carry_a_forecast_lead_back_to_the_typical_one():
    weights = np.random.default_rng(0).normal(size=(50, 8, 2))
    game = Weights(weights)
    curve = deletion_curve(game, shapley(game.value, exact_plan(8)))
    assert (curve.approach_ratio() > curve.absolute_ratio()).all()


def test_where_reasons_do_not_meet_no_order_reaches_further_than_the_heaviest_first():
    game = Weights(np.random.default_rng(0).exponential(size=(50, 8, 2)))
    curve = deletion_curve(game, shapley(game.value, exact_plan(8)))
    assert np.allclose(curve.greedy, curve.heaviest[:4])
    assert np.allclose(curve.reachable_ratio(), curve.absolute_ratio())
