"""Outcome surfaces: what is expected of a customer under each action, by boosted trees; the chance of each action.

For each outcome one surface is common to all actions, moved by a constant for each (`common`); and each action has
trees of its own that correct it (`own`). The common one knows effects only as "so many times as likely as without",
the other is the pair of surfaces that a T-learner subtracts, and the nuisance of doubly robust scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from worthwhile.decide.uplift.lines import Line, fit_line
from worthwhile.decide.uplift.trial import Trial
from worthwhile.models.boosting import LARGEST_RAW, Booster, Boosting, Columns, Rows, boost_rounds

Array = np.ndarray[Any, Any]

COMMON = Boosting(learning_rate=0.08, leaves=8, min_rows=40, columns=0.6)
COMMON_ROUNDS = 60
OWN = Boosting(learning_rate=0.06, leaves=6, min_rows=60, l2=10.0, columns=0.6)
OWN_ROUNDS = 25
AMOUNT = Boosting(learning_rate=0.06, leaves=6, min_rows=60, l2=50.0, columns=0.6)  # of how much buyers spend
AMOUNT_ROUNDS = 10
AMOUNT_LEAF = 0.05  # share of the buyers in a leaf
CHANCE_ROUNDS = 50
MOSTLY_ZERO = 0.5  # share of zeros from which an amount is a chance times a size
CAP = 0.99  # quantile of the amounts above zero at which trees on amounts see them cut
PRIOR_BUYERS = 100  # how many buyers an action needs for its own mean amount to count half
LINE_BUYERS = 300  # and how many are needed for what tells their amounts apart to count half
RAREST = 1e-6  # chance that surfaces begin at where nobody, or everybody, did
CLIP = 0.01  # estimated chances of an action are not taken below this


@dataclass(frozen=True)
class Kind:
    """What sort of number an outcome is: `chance` (0 or 1), `spend` (zero or an amount), or any `number`."""

    name: str
    cap: float = np.inf

    @classmethod
    def of(cls, outcome: Array) -> Kind:
        if np.isin(outcome, (0.0, 1.0)).all():
            return cls("chance")
        if outcome.min() >= 0 and (outcome == 0).mean() >= MOSTLY_ZERO:
            return cls("spend", float(np.quantile(outcome[outcome > 0], CAP)))
        return cls("number")

    def calm(self, outcome: Array, size: Array) -> Array:
        """The outcome with everybody's amount replaced by the one expected of them, where they bought at all.

        Half of the variance of spend and more is in how much the buyers happened to spend, which hardly hangs on the
        campaign. Who learns from it sees effects on the amounts themselves only through the surfaces' factors.
        """
        return np.where(outcome > 0, size, 0.0) if self.name == "spend" else outcome


@dataclass(frozen=True)
class Part:
    """One surface on its link's scale: a start for each action, trees common to all, and trees of each action."""

    link: str  # logit, log or identity
    start: Array  # (K+1,)
    common: Booster
    own: tuple[Booster, ...]  # (K+1,)
    level: float = 0.0  # start of all actions together
    line: Line | None = None  # of logarithms, common to all actions, that the trees correct

    def raw(self, matrix: Array) -> tuple[Array, Array]:
        """Common and own raw answers, (N, K+1) each."""
        common = self.start + self.shared(matrix)[:, None]
        own = common + np.column_stack([booster.reader()(matrix) for booster in self.own])
        return common, own

    def shared(self, matrix: Array) -> Array:
        """(N,) what is common to all actions, on the link's scale."""
        trees = self.common.reader()(matrix)
        return trees if self.line is None else trees + self.line.answer(logarithms(matrix))

    def answer(self, matrix: Array) -> Array:
        """(2, N, K+1) on the outcome's scale: common, own."""
        return np.stack([_unlink(self.link, raw) for raw in self.raw(matrix)])


def _unlink(link: str, raw: Array) -> Array:
    raw = np.clip(raw, -LARGEST_RAW, LARGEST_RAW) if link != "identity" else raw
    if link == "logit":
        return 1.0 / (1.0 + np.exp(-raw))
    return np.exp(raw) if link == "log" else raw


@dataclass(frozen=True)
class Surface:
    """Of one outcome: the product of its parts (chance, or chance and size)."""

    parts: tuple[Part, ...]

    def answer(self, matrix: Array) -> Array:
        """(2, N, K+1): common, own."""
        return np.prod([part.answer(matrix) for part in self.parts], axis=0)

    def size(self, matrix: Array) -> Array:
        """(N,): the amount expected of those who buy, whatever the action; ones where there are no two parts."""
        if len(self.parts) == 1:
            return np.ones(len(matrix))
        amounts = self.parts[1]
        return _unlink("log", amounts.shared(matrix) + amounts.level)


def fit_surface(trial: Trial, columns: Columns, rows: Array, kind: Kind, outcome: Array, *, seed: int) -> Surface:
    """The surface of one outcome (N,), learned from `rows` (M,) int ascending."""
    actions = len(trial.actions)
    action, y = trial.action[rows], np.minimum(outcome[rows], kind.cap)
    if kind.name == "chance":
        return Surface((_fit_part("logit", columns, rows, action, y, actions=actions, seed=seed),))
    if kind.name == "number":
        return Surface((_fit_part("identity", columns, rows, action, y, actions=actions, seed=seed),))
    bought = y > 0
    chance = _fit_part("logit", columns, rows, action, bought.astype(float), actions=actions, seed=seed)
    size = _fit_size(columns, rows[bought], action[bought], y[bought], actions=actions, seed=seed)
    return Surface((chance, size))


def _fit_part(link: str, columns: Columns, rows: Array, action: Array, y: Array, *, actions: int, seed: int) -> Part:
    objective = "binary" if link == "logit" else "regression"
    count = np.bincount(action, minlength=actions)
    mean = (np.bincount(action, y, minlength=actions) + y.mean()) / (count + 1)  # one customer's worth of all
    mean = np.clip(mean, RAREST, 1 - RAREST) if link == "logit" else mean
    start = np.log(mean / (1 - mean)) if link == "logit" else mean
    here = start[action]
    one = np.ones(len(rows))
    common = boost_rounds(
        Rows(columns, rows, y, one, here), COMMON, objective, rounds=COMMON_ROUNDS, seed=seed, boost_from_average=False
    )
    here = here + common.reader()(columns.matrix[rows])
    own = []
    for k in range(actions):
        mine = action == k
        learned = Rows(columns, rows[mine], y[mine], one[mine], here[mine])
        own.append(boost_rounds(learned, OWN, objective, rounds=OWN_ROUNDS, seed=seed, boost_from_average=False))
    return Part(link, start, common, tuple(own))


def _fit_size(columns: Columns, rows: Array, action: Array, y: Array, *, actions: int, seed: int) -> Part:
    """How much those spend who spend: a line of logarithms that trees correct, and a factor for each action. Few buyers
    hardly move either."""
    nothing = tuple(Booster("", 0) for _ in range(actions))
    if not len(rows):  # nobody bought
        return Part("log", np.zeros(actions), nothing[0], nothing)
    sure = len(rows) / (len(rows) + LINE_BUYERS)
    found = fit_line(logarithms(columns.matrix[rows]), np.log(y))
    line = Line(found.mean, found.sd, found.weight * sure, 0.0)
    along = line.answer(logarithms(columns.matrix[rows]))
    level = float(np.log((y * np.exp(-along)).mean()))  # the maximum of the gamma likelihood
    count = np.bincount(action, minlength=actions)
    mean = np.bincount(action, y * np.exp(-along - level), minlength=actions) / np.maximum(count, 1)
    factor = np.where(count > 0, np.log(np.maximum(mean, 1e-9)), 0.0) * count / (count + PRIOR_BUYERS)
    learned = Rows(columns, rows, y, np.ones(len(rows)), level + factor[action] + along)
    grown = replace(AMOUNT, min_rows=max(AMOUNT.min_rows, int(AMOUNT_LEAF * len(rows))))
    common = boost_rounds(learned, grown, "gamma", rounds=AMOUNT_ROUNDS, seed=seed, boost_from_average=False)
    return Part("log", level + factor, common, nothing, level, line)


def logarithms(matrix: Array) -> Array:
    """Covariates (N, D) for a line of logarithms: log(1 + x), its mirror image below zero; missing stays missing."""
    return np.copysign(np.log1p(np.abs(matrix)), matrix)


def fit_chances(trial: Trial, columns: Columns, rows: Array, *, seed: int) -> list[Booster]:
    """The chance of each action given the covariates: one-against-rest trees from each action's share, learned from
    `rows`. `chances_of` makes them add up."""
    found = []
    for k in range(len(trial.actions)):
        got = (trial.action[rows] == k).astype(float)
        share = got.mean()
        start = np.full(len(rows), np.log(share / (1 - share)))
        learned = Rows(columns, rows, got, np.ones(len(rows)), start)
        found.append(boost_rounds(learned, OWN, "binary", rounds=CHANCE_ROUNDS, seed=seed, boost_from_average=False))
    return found


def chances_of(boosters: Sequence[Booster], shares: Array, matrix: Array) -> Array:
    """(N, K+1): chances of the actions, clipped and adding up to 1."""
    raw = np.log(shares / (1 - shares)) + np.column_stack([b.reader()(matrix) for b in boosters])
    chance = np.clip(1.0 / (1.0 + np.exp(-raw)), CLIP, 1 - CLIP)
    return chance / chance.sum(axis=1, keepdims=True)
