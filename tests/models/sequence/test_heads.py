"""What the outputs of the event network are moved and shrunk by."""

import numpy as np
import pytest
from scipy.special import expit

from worthwhile.models.baseline import Baseline
from worthwhile.models.bins import Bins
from worthwhile.models.sequence.heads import Heads

BUYERS, LINKS = 3_000, 3
OUTPUTS = 2 + LINKS


@pytest.fixture
def heads() -> Heads:
    bins = Bins(np.arange(1, LINKS + 1), np.zeros(LINKS), np.zeros((LINKS, 8)))
    return Heads(Baseline(*[None] * 6), bins, base=0.0, limit=0.001, most_orders=50.0)  # type: ignore[arg-type]


def drawn(log_odds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Targets (Q, 2 + 2 LINKS) by these outputs (Q, OUTPUTS)."""
    p = expit(log_odds)
    active = rng.random(len(p)) < p[:, 0]
    orders = np.where(active, rng.geometric(1 / (1 + np.exp(log_odds[:, 1]))), 0)
    stays = rng.random((len(p), LINKS)) < p[:, 2:]
    going = np.cumprod(~stays, axis=1)
    reached = np.concatenate([np.ones((len(p), 1)), going[:, :-1]], axis=1) * active[:, None]
    return np.concatenate([active[:, None], orders[:, None], reached, stays * reached], axis=1).astype(np.float32)


def test_after_levelling_as_many_buy_order_and_stop_in_each_bin_as_did(heads: Heads) -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(0, 0.7, (BUYERS, OUTPUTS))
    target, weight = drawn(true, rng), rng.uniform(0.5, 1.5, BUYERS)
    raw = true + np.array([0.8, -0.5, 1.2, 0.0, -0.7])
    raw = raw + heads.level(raw, target, weight)
    active, orders, reached, stays = target[:, 0], target[:, 1], target[:, 2:5], target[:, 5:]
    assert weight @ expit(raw[:, 0]) == pytest.approx(weight @ active, rel=1e-3)
    assert (weight * active) @ np.exp(raw[:, 1]) == pytest.approx((weight * active) @ (orders - 1), rel=1e-6)
    expected = (weight[:, None] * reached * expit(raw[:, 2:])).sum(axis=0)
    assert np.allclose(expected, (weight[:, None] * stays).sum(axis=0), rtol=1e-3)


def test_corrections_that_are_noise_are_taken_back_and_those_that_serve_stand(heads: Heads) -> None:
    rng = np.random.default_rng(1)
    start, signal = rng.normal(0, 0.5, (BUYERS, OUTPUTS)), rng.normal(0, 1.0, (BUYERS, OUTPUTS))
    signal[:, 1] = 0  # of orders there is none
    target, weight = drawn(start + signal, rng), np.ones(BUYERS)
    noise = rng.normal(0, 1.0, BUYERS)
    loss, shares = heads.judged(signal + np.eye(OUTPUTS)[1] * noise[:, None], start, target, weight)
    assert shares.tolist() == [1, 0, 1, 1, 1]
    _, shares = heads.judged(np.concatenate([signal[:, :2], signal[::-1, 2:]], axis=1), start, target, weight)
    assert shares.tolist()[2:] == [0, 0, 0]
    assert loss < heads.judged(0 * signal, start, target, weight)[0]


def test_a_level_that_is_off_does_not_count_against_corrections(heads: Heads) -> None:
    rng = np.random.default_rng(2)
    start, signal = rng.normal(0, 0.5, (BUYERS, OUTPUTS)), rng.normal(0, 1.0, (BUYERS, OUTPUTS))
    target, weight = drawn(start + signal, rng), np.ones(BUYERS)
    right, _ = heads.judged(signal, start, target, weight)
    off, _ = heads.judged(signal + 1.0, start, target, weight)
    assert off == pytest.approx(right, rel=1e-3)
