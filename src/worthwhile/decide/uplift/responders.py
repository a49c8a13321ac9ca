"""Who responds: the customers who gain most and least by each action, and what sets them apart from all.

Customers stand in the order of their shrunk effect as those models say who have not seen them. Of the first and the
last part of that order it is told what the action did there (doubly robust, as in the deciles), and in which covariates
they differ most. All of it describes; what is told of them is not what makes them respond.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from worthwhile.decide.uplift.covariates import Coding
from worthwhile.decide.uplift.crossfit import Level
from worthwhile.decide.uplift.curves import DECILES, Z, parts_by
from worthwhile.decide.uplift.policies import Judge, Policy, assigned
from worthwhile.decide.uplift.trial import Trial
from worthwhile.features.declared import FEATURES, Feature

Array = np.ndarray[Any, Any]

SURE = 1.645  # standard errors from which effects are said to differ, one-sided at 5 %
THIRDS_BELOW = 5_000  # customers: a tenth of fewer has an interval that tells nothing
TRAITS = 3  # told of each group
APART = 0.25  # standard deviations from which a covariate is said to set a group apart,
ERRORS_APART = 3.0  # and standard errors, of the many that are looked at
ALIKE = 0.6  # correlation from which two covariates say the same
TAIL = 0.01  # of a covariate's values at each end, which do not count in how far apart it is
AT_ONCE = 50_000  # customers whose covariates are copied at once
SAMPLED = 20_000  # customers by whom quantiles and correlations are taken
# Of a shop's features: those whose numbers say nothing to a reader, or the same as a plainer one.
UNREADABLE_UNITS, UNREADABLE_GROUPS = ("log", "phase"), ("trend",)
UNREADABLE_NAMES = ("recency_ratio", "gap_last_ratio", "horizon", "year_before")  # or a part of their names


@dataclass(frozen=True)
class Trait:
    """One covariate by which a group differs from all customers."""

    column: str  # of the log, or the name of a shop's feature
    value: str | None  # of a column of texts: the value whose share is told
    is_share: bool  # the means are shares of customers
    mean: float  # of the group; customers of whom it is not known are left out
    mean_all: float
    difference: float  # standardised mean difference: in standard deviations of all, the tails cut


@dataclass(frozen=True)
class Group:
    """Some of the customers and what an action did to them."""

    who: str  # `first`, `last` by effect; under the policy chosen for full contact `given` the action, or left `alone`
    outcome: str
    action: str
    customers: int
    share: float  # of all customers of the log
    said: float  # mean shrunk effect
    seen: float  # mean doubly robust score of the effect
    low: float  # 95 % interval of it
    high: float
    traits: tuple[Trait, ...]  # that of the largest difference first


@dataclass(frozen=True)
class Responders:
    """Of one outcome and action: whether customers are known to respond differently, and then who most and least."""

    outcome: str
    action: str
    told_apart: bool
    groups: tuple[Group, ...]  # first, last; empty where nobody can be told apart


@dataclass(frozen=True)
class Describer:
    """All customers' covariates, by which it says what sets a group apart."""

    matrix: Array  # (N, D), NaN where missing
    sample: Array  # (S, D) of the customers
    columns: tuple[tuple[str, str | None], ...]  # (D,): the column, and the value that a covariate stands for
    spread: Spread
    told: Array  # (D,) bool: covariates that say something to a reader

    @classmethod
    def of(cls, matrix: Array, names: Sequence[str], codings: Sequence[Coding]) -> Describer:
        """`codings` are those of a log's columns; without any, the covariates are a shop's features."""
        sample = matrix[:: max(1, len(matrix) // SAMPLED)].astype(np.float64)
        spread = Spread.of(matrix, sample)
        unreadable = set() if codings else {feature.name for feature in FEATURES if not _is_readable(feature)}
        told = np.array([name not in unreadable for name in names]) & (spread.sd > 0)
        return cls(matrix, sample, _columns_of(names, codings), spread, told)

    def traits(self, rows: Array) -> tuple[Trait, ...]:
        """The covariates that set customers `rows` (M,) int apart, at most TRAITS, no two of which say the same."""
        of_all = self.spread
        count, mean, cut = self._means(rows)
        apart = np.where(self.told & (count > 0), cut - of_all.cut_mean, 0.0) / np.where(self.told, of_all.sd, 1.0)
        count = np.maximum(count, 1)
        sure = np.abs(apart) >= np.maximum(APART, ERRORS_APART / np.sqrt(count))
        sure &= (mean - of_all.mean) * apart > 0  # else the mean hangs on a few customers and tells the other way
        chosen: list[int] = []
        for i in np.argsort(-np.abs(apart), kind="stable").tolist():
            if len(chosen) < TRAITS and sure[i] and not any(self._say_the_same(i, other) for other in chosen):
                chosen.append(i)
        return tuple(
            Trait(*self.columns[i], bool(of_all.is_share[i]), float(mean[i]), float(of_all.mean[i]), float(apart[i]))
            for i in chosen
        )

    def _means(self, rows: Array) -> tuple[Array, Array, Array]:
        """Of each covariate, (D,): of how many of the customers it is known, its mean, and that with the tails cut."""
        count, total, cut = (np.zeros(self.matrix.shape[1]) for _ in range(3))
        for low in range(0, len(rows), AT_ONCE):
            some = self.matrix[rows[low : low + AT_ONCE]].astype(np.float64)
            known = np.isfinite(some)
            count += known.sum(axis=0)
            total += np.where(known, some, 0.0).sum(axis=0)
            cut += np.where(known, np.clip(some, self.spread.low, self.spread.high), 0.0).sum(axis=0)
        least = np.maximum(count, 1)
        return count, total / least, cut / least

    def _say_the_same(self, one: int, other: int) -> bool:
        """Whether either follows from the other's column: by their correlation, and of a column of texts by how much
        its values together tell of the other (multiple correlation)."""
        column, others = (self._places_of(i) for i in (one, other))
        return max(self._told_by(one, others), self._told_by(other, column)) > ALIKE

    def _places_of(self, i: int) -> list[int]:
        """The covariates that were made of the same column."""
        return [k for k, (column, _) in enumerate(self.columns) if column == self.columns[i][0]]

    def _told_by(self, i: int, others: Sequence[int]) -> float:
        """The multiple correlation of a covariate with others, 0 to 1."""
        places = [i, *others]
        cut = np.clip(self.sample[:, places], self.spread.low[places], self.spread.high[places])
        cut = cut[np.isfinite(cut).all(axis=1)]
        if len(cut) <= len(places):
            return 0.0
        y, x = cut[:, 0] - cut[:, 0].mean(), cut[:, 1:] - cut[:, 1:].mean(axis=0)
        total = float(y @ y)
        if total == 0:
            return 0.0
        left = y - x @ np.linalg.lstsq(x, y)[0]
        return float(np.sqrt(max(0.0, 1.0 - float(left @ left) / total)))


@dataclass(frozen=True)
class Spread:
    """Of each covariate, (D,) each: where its tails begin, its mean, mean and sd with the tails cut."""

    low: Array
    high: Array
    mean: Array
    cut_mean: Array
    sd: Array  # 0 where nothing is known
    is_share: Array  # bool: it is 0 or 1

    @classmethod
    def of(cls, matrix: Array, sample: Array) -> Spread:
        found = [_spread(matrix[:, i], sample[:, i]) for i in range(matrix.shape[1])]
        low, high, mean, cut_mean, sd, is_share = (np.array(each) for each in zip(*found, strict=True))
        return cls(low, high, mean, cut_mean, sd, is_share.astype(bool))


def _is_readable(feature: Feature) -> bool:
    is_named_so = any(part in feature.name for part in UNREADABLE_NAMES)
    return not (feature.unit in UNREADABLE_UNITS or feature.group in UNREADABLE_GROUPS or is_named_so)


def _columns_of(names: Sequence[str], codings: Sequence[Coding]) -> tuple[tuple[str, str | None], ...]:
    """For each covariate the column that it was made of, and which of its values it stands for."""
    made: dict[str, tuple[str, str | None]] = {}
    for coding in codings:
        values = (None,) if coding.values is None else coding.values
        made |= {name: (coding.column, value) for name, value in zip(coding.names, values, strict=True)}
    return tuple(made.get(name, (name, None)) for name in names)


def _spread(values: Array, sample: Array) -> tuple[float, float, float, float, float, bool]:
    """One covariate (N,) and its sample (S,) as in Spread."""
    known, drawn = values[np.isfinite(values)].astype(np.float64), sample[np.isfinite(sample)]
    if not len(drawn):
        return 0.0, 0.0, 0.0, 0.0, 0.0, False
    is_share = bool(np.isin(known, (0.0, 1.0)).all())
    low, high = (0.0, 1.0) if is_share else np.quantile(drawn, (TAIL, 1 - TAIL))
    cut = np.clip(known, low, high)
    return float(low), float(high), float(known.mean()), float(cut.mean()), float(cut.std()), is_share


def responders(trial: Trial, level: Level, judges: Sequence[Judge], describer: Describer) -> list[Responders]:
    """For every outcome and action. `level` is that of all customers, `judges` those of its outcomes."""
    parts = DECILES if len(level.rows) >= THIRDS_BELOW else 3
    found = []
    for j, outcome in enumerate(trial.outcomes):
        for k, action in enumerate(trial.treatments):
            told_apart = judges[j].shrinkage.personal[k].t > SURE
            groups: tuple[Group, ...] = ()
            if told_apart:
                effect = judges[j].held.personal[:, k]
                gain = level.scores[:, j, k + 1] - level.scores[:, j, 0]
                ends = parts_by(effect, parts)
                groups = tuple(
                    _group((who, outcome, action), rows, (effect, gain), level.rows, describer)
                    for who, rows in (("first", ends[0]), ("last", ends[-1]))
                )
            found.append(Responders(outcome, action, bool(told_apart), groups))
    return found


def given(
    trial: Trial,
    level: Level,
    judges: Sequence[Judge],
    chosen: Mapping[tuple[int, float], Policy],
    describer: Describer,
) -> list[Group]:
    """Who gets what where the policy chosen for full contact tells customers apart: for each outcome the actions by
    their number of customers. Of those left alone the action is the control, and the effect zero."""
    found = []
    for j, outcome in enumerate(trial.outcomes):
        policy = chosen.get((j, 1.0))
        if policy is None or policy.rule in ("none", "one"):
            continue
        action = assigned(policy, judges[j].held)
        counts = np.bincount(action, minlength=len(trial.actions))
        for k in np.argsort(-counts, kind="stable"):
            if counts[k] == 0:
                continue
            rows = np.flatnonzero(action == k)
            gain = level.scores[:, j, k] - level.scores[:, j, 0]
            effect = judges[j].held.personal[:, k - 1] if k else np.zeros(len(action))
            named = ("given" if k else "alone", outcome, trial.actions[k])
            found.append(_group(named, rows, (effect, gain), level.rows, describer))
    return found


def _group(
    named: tuple[str, str, str], rows: Array, of_all: tuple[Array, Array], places: Array, describer: Describer
) -> Group:
    """`rows` into the level's customers, `of_all` effects and gains of all (N,), `places` their rows of the trial."""
    effect, gain = (values[rows] for values in of_all)
    mean, error = float(gain.mean()), float(gain.std() / np.sqrt(len(rows)))
    return Group(
        *named,
        customers=len(rows),
        share=len(rows) / len(places),
        said=float(effect.mean()),
        seen=mean,
        low=mean - Z * error,
        high=mean + Z * error,
        traits=describer.traits(places[rows]),
    )
