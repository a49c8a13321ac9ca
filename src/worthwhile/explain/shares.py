"""The shares of each reason in the forecasts of customers, few or many."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch

from worthwhile.explain.game import Game, outputs
from worthwhile.explain.links import LinkGame
from worthwhile.explain.shapley import Plan, Shares, exact_plan, sampled_plan, shapley
from worthwhile.models.threads import one_thread_each
from worthwhile.progress import Progress, silent

ROWS = 8_192  # customers as they might be that a model is asked about at once
EXACT_ROWS = 4_096  # up to so many of them, all sets of reasons are asked about
FEW = 1_000  # customers up to which orders of reasons are drawn often
PAIRS_OF_FEW, PAIRS_OF_MANY = 8, 1
SAMPLE = 256  # customers that tell which reasons are minor in a shop
MINOR_SHARE = 0.03  # of all movement, which minor reasons may come to together


def shares_of(
    game: Game | LinkGame, *, seed: int, threads: int = 0, progress: Progress = silent
) -> tuple[tuple[str, ...], Shares]:
    """The shares of each reason in the forecast of each customer of a game, and the reasons as they were told apart.

    All sets of reasons for a few customers; for up to 1,000 eight pairs of orders; beyond that one pair, in which the
    reasons that come to less than 3 % of all movement together count as one. No reasons where nobody differs from the
    typical customer. `threads`: 0 takes all cores.
    """
    n, reasons = len(game.snapshot), len(game.reasons)
    if reasons == 0:
        return (), _all_typical(game if isinstance(game, Game) else game.game)
    if n * 2**reasons <= EXACT_ROWS:
        return game.reasons, _played(game, exact_plan(reasons))
    if n <= FEW:
        plan = sampled_plan(reasons, PAIRS_OF_FEW, seed)
    else:
        game = game.with_minor(_minor_of(game, seed))
        plan = sampled_plan(len(game.reasons), PAIRS_OF_MANY, seed)
    starts = list(range(0, n, ROWS))
    parts: list[Shares] = []
    with _side_by_side(threads) as workers:
        asked = [workers.submit(_played, game.of(game.snapshot[i : i + ROWS]), plan) for i in starts]
        for done, future in enumerate(asked):
            progress("forecasts with other facts", done / len(starts))
            parts.append(future.result())
    progress("forecasts with other facts", 1.0)
    return game.reasons, Shares(*(np.concatenate([getattr(p, name) for p in parts]) for name in Shares.__annotations__))


def _all_typical(game: Game) -> Shares:
    """The forecasts of customers like the typical one, with no reasons."""
    forecast = outputs(game.answer(game.snapshot))
    baseline = np.broadcast_to(outputs(game.answer(game.typical)), forecast.shape)
    return Shares(baseline, forecast, np.zeros((len(forecast), 0, forecast.shape[1])))


def _played(game: Game | LinkGame, plan: Plan) -> Shares:
    value = game.opened().value if isinstance(game, LinkGame) else game.value
    return shapley(value, plan, at_once=max(ROWS // len(game.snapshot), 1))


def _minor_of(game: Game | LinkGame, seed: int) -> frozenset[str]:
    """The reasons that move least, as many as come to MINOR_SHARE of all movement in both outputs."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(game.snapshot))[:SAMPLE])
    sample = _played(game.of(game.snapshot[rows]), sampled_plan(len(game.reasons), 2, seed))
    moved = np.abs(sample.shares).sum(axis=0)  # (P, O)
    least_first = np.argsort((moved / np.maximum(moved.sum(axis=0), 1e-12)).max(axis=1), kind="stable")
    together = np.cumsum(moved[least_first], axis=0) / np.maximum(moved.sum(axis=0), 1e-12)
    return frozenset(game.reasons[p] for p in least_first[(together <= MINOR_SHARE).all(axis=1)])


@contextmanager
def _side_by_side(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Workers that each keep to one thread: slices of customers side by side use cores better than one alone."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with one_thread_each(), ThreadPoolExecutor(threads or os.cpu_count() or 1) as workers:
            yield workers
    finally:
        torch.set_num_threads(before)
