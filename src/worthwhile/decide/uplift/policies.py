"""Policies: who gets what. Which of them to follow is chosen on held-out customers, and the choice judged on others.

With everybody contacted, a policy is one action for all, the best action of each coarse group, or the best of each
customer. With a share contacted, it says whom and with what. Gains of one policy over another are taken customer by
customer, since both are judged on the same ones. One that tells customers apart is chosen where its gain over one
action for all is more than half its standard error: on simulated campaigns that earned more than a whole one (1.6
against 1.0 % of spend over one action for all, visits alike), and told customers apart hardly more often where nothing
is there, since its effects are shrunk before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from worthwhile.decide.uplift.crossfit import Level
from worthwhile.decide.uplift.learners import LEARNERS, Said
from worthwhile.decide.uplift.shrink import Coarse, Shrunk, features_of, settled, shrink, shrink_groups

Array = np.ndarray[Any, Any]

SURE = 0.5
ROUNDING = 1e-9  # of a gain, in the unit of the outcome: no gain at all
FIELDS = ("personal", "groups", "raw")  # of Reading
GROUPS = LEARNERS.index("groups")
COMMON = LEARNERS.index("common")


@dataclass(frozen=True)
class Reading:
    """What is known of customers before a policy is applied to them, for one outcome."""

    personal: Array  # (N, K) shrunk effects
    groups: Array  # (N, K) effects of coarse groups, shrunk
    raw: Array  # (N, K, 6) by each of LEARNERS


@dataclass(frozen=True)
class Shrinkage:
    """Of one outcome: for each action the shrunk line of all learners, and that of the groups."""

    personal: tuple[Shrunk, ...]  # (K,)
    groups: tuple[Coarse, ...]  # (K,)

    @classmethod
    def of(cls, level: Level, outcome: int, rows: Array | slice = slice(None)) -> Shrinkage:
        found, size = features_of(level.said[rows], outcome), level.said.size[rows, outcome]
        whole, calm = (s[rows, outcome, 1:] - s[rows, outcome, :1] for s in (level.scores, level.calm))
        fold, each = level.fold[rows], range(whole.shape[1])
        return cls(
            tuple(shrink(found[:, k], size, whole[:, k], calm[:, k], fold) for k in each),
            tuple(shrink_groups(found[:, k, GROUPS], size, whole[:, k], calm[:, k]) for k in each),
        )

    def read(self, said: Said, outcome: int) -> Reading:
        found, size = features_of(said, outcome), said.size[:, outcome]
        each = range(found.shape[1])
        return Reading(
            np.column_stack([self.personal[k].effect(found[:, k], size) for k in each]),
            np.column_stack([self.groups[k].effect(found[:, k, GROUPS], size) for k in each]),
            said.effects[:, outcome],
        )

    @property
    def averages(self) -> Array:  # (K,)
        return np.array([line.average for line in self.personal])


@dataclass(frozen=True)
class Policy:
    """A rule by name, and for rules that give one action to all whom they contact, that action (0: the control)."""

    rule: str
    action: int = 0


def assigned(policy: Policy, reading: Reading) -> Array:  # (N,) int
    """Everybody's action under a policy of full contact."""
    if policy.rule in ("none", "one"):
        return np.full(len(reading.raw), policy.action)
    if policy.rule in LEARNERS:
        effects = reading.raw[..., LEARNERS.index(policy.rule)]
    else:
        effects = reading.groups if policy.rule == "groups" else reading.personal
    best = effects.argmax(axis=1)
    return np.where(effects.max(axis=1) > 0, best + 1, 0)


def ranked(policy: Policy, reading: Reading) -> tuple[Array, Array]:
    """Who would be contacted first (N,) float, higher first, and with what (N,) int."""
    one = policy.action - 1
    fixed = np.full(len(reading.raw), policy.action)
    if policy.rule == "common":
        return reading.raw[:, one, COMMON], fixed
    if policy.rule == "shrunk":
        return reading.personal[:, one], fixed
    effects = reading.raw[..., LEARNERS.index(policy.rule)] if policy.rule in LEARNERS else reading.personal
    return effects.max(axis=1), effects.argmax(axis=1) + 1


def full_value(policy: Policy, reading: Reading, scores: Array) -> Array:
    """Each customer's doubly robust score (N,) under a policy of full contact; `scores` (N, K+1)."""
    return np.take_along_axis(scores, assigned(policy, reading)[:, None], axis=1)[:, 0]


def share_value(policy: Policy, reading: Reading, scores: Array, share: float) -> Array:
    """The same (N,) where only a share is contacted; random targeting is in expectation, not by drawing."""
    if policy.rule == "random":
        return (1 - share) * scores[:, 0] + share * scores[:, policy.action]
    rank, action = ranked(policy, reading)
    contacted = np.zeros(len(rank), bool)
    contacted[np.argsort(-rank, kind="stable")[: round(share * len(rank))]] = True
    chosen = np.take_along_axis(scores, action[:, None], axis=1)[:, 0]
    return np.where(contacted, chosen, scores[:, 0])


def candidates(averages: Array, share: float) -> list[Policy]:
    """Policies to choose among, the plainest first; of those that give one action, the one of the highest average."""
    best = int(averages.argmax()) + 1
    if share < 1:
        return [Policy("random", best), Policy("common", best), Policy("shrunk", best), Policy("personal")]
    one = Policy("one", best) if averages.max() > 0 else Policy("none")
    return [one, Policy("groups"), Policy("personal")]


def choose(values: Sequence[tuple[Array, Array]], share: float) -> int:
    """The place of the policy to follow, of values (N,) customer by customer (as they are, calm), the plainest first.

    With everybody contacted, the best of those that tell customers apart has to gain more than SURE standard errors
    over one action for all. With a share contacted, whom to contact costs nothing to tell apart, and the shrunk effects
    already weigh all that is known: one action by them, or each customer's best where that is better; plainer rankings
    only where they are better by more than one standard error.
    """
    if share >= 1:
        gains = [_gain(value, values[0]) for value in values[1:]]
        best = max(range(len(gains)), key=lambda i: gains[i][0])
        return best + 1 if gains[best][0] > max(SURE * gains[best][1], ROUNDING) else 0
    shrunk, personal = len(values) - 2, len(values) - 1
    at = personal if _gain(values[personal], values[shrunk])[0] > 0 else shrunk
    for i in reversed(range(shrunk)):
        gain, error = _gain(values[i], values[at])
        at = i if gain > error else at
    return at


def _gain(one: tuple[Array, Array], other: tuple[Array, Array]) -> tuple[float, float]:
    return settled(one[0] - other[0], one[1] - other[1])


@dataclass(frozen=True)
class Judge:
    """Held-out customers of a level as read by shrinkage that their fold had no part in: policies are chosen on it."""

    level: Level
    outcome: int
    shrinkage: Shrinkage  # by all of the level
    held: Reading

    @classmethod
    def of(cls, level: Level, outcome: int) -> Judge:
        parts: list[Reading] = []
        places = []
        for each in np.unique(level.fold):
            here = level.fold == each
            parts.append(Shrinkage.of(level, outcome, ~here).read(level.said[here], outcome))
            places.append(np.flatnonzero(here))
        order = np.argsort(np.concatenate(places), kind="stable")
        held = Reading(*(np.concatenate([getattr(p, n) for p in parts])[order] for n in FIELDS))
        return cls(level, outcome, Shrinkage.of(level, outcome), held)

    def values(self, policy: Policy, share: float) -> tuple[Array, Array]:
        """Each customer's score (N,) under a policy, as it is and calm; shares are of each fold's customers."""
        found = np.empty(len(self.level.fold)), np.empty(len(self.level.fold))
        for each in np.unique(self.level.fold):
            here = self.level.fold == each
            part = Reading(*(getattr(self.held, name)[here] for name in FIELDS))
            for values, scores in zip(found, (self.level.scores, self.level.calm), strict=True):
                values[here] = value_of(policy, part, scores[here, self.outcome], share)
        return found

    def choose(self, share: float) -> Policy:
        options = candidates(self.shrinkage.averages, share)
        return options[choose([self.values(policy, share) for policy in options], share)]


def value_of(policy: Policy, reading: Reading, scores: Array, share: float) -> Array:
    """Each customer's doubly robust score (N,) under a policy for a share of customers; `scores` (N, K+1)."""
    return full_value(policy, reading, scores) if share >= 1 else share_value(policy, reading, scores, share)
