"""A linear pool of models, weighted by CRPS on matured windows before the cutoff, its level found apart.

Pooling keeps each member's honesty: a mixture of calibrated distributions errs on the wide side, and no member's
blow-up can carry it away further than its weight (Ranjan & Gneiting 2010). Models that are fitted to windows repeat
those windows' seasons and luck, so they have no say in the total. It is the geometric mean of two views that err
differently: that of the buy-till-you-die members, which know rates alone, moved to the season to come where last year
tells it; and that of the pretrained member, which has seen many seasons of other shops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from scipy.optimize import minimize

from worthwhile.distribution import Forecast, Histogram, concatenate, pool
from worthwhile.errors import InputError
from worthwhile.features.snapshot import Outcome, Snapshot
from worthwhile.models.catalogue import MODELS, USUAL_MEMBERS, maker, model_class
from worthwhile.models.files import read_json, write_json
from worthwhile.models.matured import Matured, matured_of
from worthwhile.models.protocol import Model
from worthwhile.models.recalibrate import PastLevel, recalibrated, recalibrated_amount, season_factor
from worthwhile.progress import Progress, silent

Array = np.ndarray[Any, Any]
Maker = Callable[[], Model]

CHUNK = 100_000  # customers forecast at once: members x 100,000 x 99 bins x 4 bytes stay below 0.5 GB
SAMPLE = 20_000  # customers of a window that weights and level are fitted on
VALIDATION_WINDOWS = 2
PROPORTION = 8.0  # times a pretrained total, beyond which a member was carried away by single orders
LEAST_WEIGHT = 0.01  # a member below it is not asked
EVEN_PULL = 0.05  # how strongly weights are drawn to even ones, relative to the members' mean CRPS matrix


def default_members() -> dict[str, Maker]:
    return {name: maker(name, **MODELS[name].as_member) for name in USUAL_MEMBERS}


@dataclass(frozen=True)
class _Window:
    """One matured window held out: what each member, trained before it, forecast for it."""

    snapshot: Snapshot
    forecasts: dict[str, Forecast]

    @property
    def outcome(self) -> Outcome:
        assert self.snapshot.outcome is not None
        return self.snapshot.outcome


class BrokenOffError(Exception):
    """Ends fits on other threads when one has failed or the user has had enough."""


class Course:
    """How far the fits of all members are, told from several threads; of their effort, each has a share of the bar."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.total = 1
        self._effort, self._told = 0, 0.0
        self._is_over = False
        self._lock = Lock()

    def within(self, name: str) -> Progress:
        """The progress of a member's own fit. Raises BrokenOffError once the others have ended."""

        def tell(text: str, share: float) -> None:
            if self._is_over:
                raise BrokenOffError
            with self._lock:
                self._told = max(self._told, min((self._effort + share * _effort(name)) / self.total, 1.0))
                self.progress(text, self._told)

        return tell

    def done(self, name: str) -> None:
        with self._lock:
            self._effort += _effort(name)

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Where what is inside fails, all fits end at the next that they tell."""
        self._effort, self._told, self._is_over = 0, 0.0, False
        try:
            yield
        except BaseException:
            self._is_over = True
            raise


def _effort(name: str) -> int:
    return MODELS[name].effort if name in MODELS else 1


class Ensemble:
    """The pool. `members` maps names to functions that make the models; by default the catalogue's members."""

    name = "ensemble"

    def __init__(
        self, members: Mapping[str, Maker] | None = None, *, threads: int = 1, progress: Progress = silent
    ) -> None:
        """`threads`: on how many members are fitted, those of different windows side by side. Each fit is the same.
        `progress` hears of each fit."""
        self.makers = dict(default_members() if members is None else members)
        self.threads = threads
        self.course = Course(progress)
        self.fitted: dict[str, Model] = {}
        self.weights: dict[str, float] = {}
        self.left_out: dict[str, str] = {}  # member -> why
        self.level: float = 1.0  # factor of the pool's total
        self.season: float = 1.0  # by what the rates' total is moved for the season to come

    def fit(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> None:
        """Fit members on all matured windows; weights on windows that members fitted earlier had not seen.

        Raises InputError `no-history` if no member can be fitted.
        """
        matured = matured_of(matured)
        windows = validation_windows(matured)
        self.course.total = sum(map(_effort, self.makers)) * (len(windows) + 1)
        with ThreadPoolExecutor(self.threads) as workers, self.course.ending():
            whole = workers.submit(self._fit_members, matured, current, seed)
            judged = list(workers.map(lambda window: self._judged(window, matured, seed), windows))
            self.fitted, self.left_out = whole.result()
        if not self.fitted:
            why = "; ".join(f"{name}: {reason}" for name, reason in self.left_out.items())
            raise InputError(
                "no-history", f"no model can be fitted ({why})", remedy="take a later cutoff or a shorter horizon"
            )
        names = list(self.fitted)
        self.weights = dict(zip(names, pool_weights(judged, names), strict=True))
        seasons = (
            [w for w in matured if w.activity > 0] if current.activity_year_before > 0 else []
        )  # others say nothing
        self.season = season_factor(list(map(self._past_level, seasons)), current.activity_year_before)
        totals = self._totals(_sample(current), names)
        self._leave_out_carried_away(totals)
        names = [name for name in names if name in self.fitted]
        pooled = sum(self.weights[name] * totals[name] for name in names)
        target = total_of([totals[n] for n in self._steady()], self.season, [totals[n] for n in self._pretrained()])
        self.level = target / pooled if target > 0 and pooled > 0 else 1.0

    def _leave_out_carried_away(self, totals: Mapping[str, float]) -> None:
        """Members whose total is out of all proportion to that of the pretrained ones, which a few huge orders do not
        move, have no say."""
        known = [totals[name] for name in self._pretrained() if totals[name] > 0]
        for name in [name for name in self.fitted if known and name not in self._pretrained()]:
            times = totals[name] / float(np.mean(known))
            if times > PROPORTION:
                self.left_out[name] = f"it expects {times:,.0f} times the spend that pretrained models do"
                del self.fitted[name]
                del self.weights[name]
        left = sum(self.weights.values())
        self.weights = {name: weight / left if left else 1 / len(self.weights) for name, weight in self.weights.items()}

    def _fit_members(
        self, matured: Sequence[Snapshot], current: Snapshot, seed: int
    ) -> tuple[dict[str, Model], dict[str, str]]:
        """The members that can be fitted on these windows, and why the others cannot."""
        fitted, left_out = {}, {}
        for name, make in self.makers.items():
            model = make()
            self.course.within(name)(f"fit {name}", 0.0)
            try:
                model.fit(matured, current, seed=seed)
            except InputError as error:  # too little history for this member: the others carry on
                if error.code != "no-history":
                    raise
                left_out[name] = error.what
            else:
                fitted[name] = model
            self.course.done(name)
        return fitted, left_out

    def _judged(self, window: Snapshot, matured: Sequence[Snapshot], seed: int) -> _Window:
        """What the members that can be fitted on what was known at a past window's cutoff forecast for it."""
        earlier = Matured([s for s in matured if s.end <= window.cutoff])
        asked = window.unseen()
        fitted, _ = self._fit_members(earlier, asked, seed)
        return _Window(window, {name: model.forecast(asked) for name, model in fitted.items()})

    def _past_level(self, window: Snapshot) -> PastLevel:
        sample = _sample(window)
        assert sample.outcome is not None
        steady = float(np.mean(list(self._totals(sample, self._steady()).values()) or [0.0]))
        return PastLevel(steady, float(sample.outcome.amount.sum()), window.activity)

    @property
    def unlike(self) -> tuple[Any, ...]:
        """In what this shop is unlike those that its pretrained member has seen."""
        return tuple(out for model in self.fitted.values() for out in getattr(model, "unlike", ()))

    @property
    def fine_tuning(self) -> Any:
        """What fine-tuning its pretrained member came to; None where it was not tried."""
        return next((found for model in self.fitted.values() if (found := getattr(model, "fine_tuning", None))), None)

    def _steady(self) -> list[str]:
        """The members whose level is steady; all that learn here if there is none among them."""
        steady = [name for name in self.fitted if name in MODELS and MODELS[name].is_steady]
        return steady or [name for name in self.fitted if name not in self._pretrained()]

    def _pretrained(self) -> list[str]:
        return [name for name in self.fitted if name in MODELS and MODELS[name].is_pretrained]

    def _totals(self, snapshot: Snapshot, names: Sequence[str]) -> dict[str, float]:
        """What these members expect all customers of a snapshot to spend."""
        return {name: float(self.fitted[name].forecast(snapshot).amount.mean().sum()) for name in names}

    def _pooled(self, snapshot: Snapshot) -> Forecast:
        """The mixture of the members' forecasts, its level as they give it."""
        used = [name for name in self.fitted if self.weights[name] > 0]
        weights = [self.weights[name] for name in used]
        parts = [self.fitted[name].forecast(snapshot) for name in used]
        amount, orders = (pool([getattr(f, part) for f in parts], weights) for part in ("amount", "orders"))
        return replace(parts[0], amount=amount, orders=orders, model=self.name)

    def forecast(self, snapshot: Snapshot) -> Forecast:
        """The recalibrated pool for each customer of the snapshot."""
        starts = range(0, max(len(snapshot), 1), CHUNK)
        return concatenate([recalibrated(self._pooled(snapshot[i : i + CHUNK]), self.level) for i in starts])

    def save(self, folder: Path) -> None:
        """Write weights and factors as JSON and each member that has a weight into a folder of its name."""
        folder.mkdir(parents=True, exist_ok=True)
        used = [name for name in self.fitted if self.weights[name] > 0]
        for name in used:
            self.fitted[name].save(folder / name)
        write_json(
            folder / "ensemble.json",
            {
                "weights": {name: self.weights[name] for name in used},
                "level": self.level,
                "season": self.season,
                "left_out": self.left_out,
            },
        )

    @classmethod
    def load(cls, folder: Path) -> Ensemble:
        kept = read_json(folder / "ensemble.json")
        model = cls({name: maker(name) for name in kept["weights"]})
        model.fitted = {name: model_class(name).load(folder / name) for name in kept["weights"]}
        model.weights, model.left_out = kept["weights"], kept["left_out"]
        model.level, model.season = kept["level"], kept["season"]
        return model


def total_of(steady: Sequence[float], season: float, pretrained: Sequence[float]) -> float:
    """The total of the ensemble: the geometric mean of the mean steady total, moved to the season, and of those of
    pretrained members, which know seasons; zero where nobody expects anything."""
    views = [season * float(np.mean(steady))] if len(steady) else []
    said = [view for view in [*views, *pretrained] if view > 0]
    return float(np.exp(np.mean(np.log(said)))) if said else 0.0


def validation_windows(matured: Sequence[Snapshot]) -> list[Snapshot]:
    """The matured windows that members can be judged on: the latest, and the latest that does not overlap it.

    Each needs an earlier window that had closed by its cutoff, for the members to learn from; where there is no such
    window, the latest alone judges those members that need none.
    """
    if not matured:
        return []
    chosen: list[Snapshot] = []
    for snapshot in reversed(matured):
        teachable = any(s.end <= snapshot.cutoff for s in matured)
        apart = all(snapshot.end <= c.cutoff for c in chosen)
        if teachable and apart and len(chosen) < VALIDATION_WINDOWS:
            chosen.append(snapshot)
    return chosen or [matured[-1]]


def pool_weights(windows: Sequence[_Window], names: Sequence[str]) -> Array:
    """Weights on the simplex that minimise the mean CRPS of the pool over the windows; even ones if there are none.

    Members that could not be fitted before every window keep their even weight; the others share the rest.
    The CRPS of a pool is quadratic in its weights: the integral of (sum_m w_m F_m(x) - 1{x >= y})^2.
    Each member's total is first set to the actual one, since the level is recalibrated apart. Even weights are those
    that give each family of models the same, since models of one family err alike.
    """
    even = _even(names)
    judged = [i for i, name in enumerate(names) if all(name in w.forecasts for w in windows)] if windows else []
    if len(judged) < 2:
        return even
    share = even[judged].sum()
    weights = even.copy()
    weights[judged] = share * _best_weights(windows, [names[i] for i in judged], even[judged] / share)
    weights[weights < LEAST_WEIGHT] = 0.0
    return weights / weights.sum()


def _best_weights(windows: Sequence[_Window], names: Sequence[str], even: Array) -> Array:
    """Weights of members that all forecast all these windows."""
    count = len(names)
    gram = sum(_crps_matrix(w, names) for w in windows) / len(windows)
    gram = gram / np.trace(gram) * count
    pull = EVEN_PULL * np.eye(count)

    def loss(w: Array) -> float:
        return float(w @ gram @ w + (w - even) @ pull @ (w - even))

    def slope(w: Array) -> Array:
        return 2 * gram @ w + 2 * pull @ (w - even)

    found = minimize(
        loss, even, jac=slope, bounds=[(0, 1)] * count, constraints={"type": "eq", "fun": lambda w: w.sum() - 1}
    )
    return np.clip(found.x, 0.0, None)


def _even(names: Sequence[str]) -> Array:
    """(members,): each family has the same share, and each model of it; a model outside the catalogue is a family."""
    families = [MODELS[name].family if name in MODELS else name for name in names]
    return np.array([1 / (len(set(families)) * families.count(family)) for family in families])


def _sample(snapshot: Snapshot) -> Snapshot:
    """At most SAMPLE customers of a snapshot, the same each time."""
    if len(snapshot) <= SAMPLE:
        return snapshot
    return snapshot[np.sort(np.random.default_rng(0).permutation(len(snapshot))[:SAMPLE])]


def _crps_matrix(window: _Window, names: Sequence[str]) -> Array:
    """(members, members): mean over customers of the integral of (F_a - 1{x >= y}) (F_b - 1{x >= y}) dx."""
    outcome = window.outcome
    rows = np.random.default_rng(0).permutation(len(window.snapshot))[:SAMPLE]
    actual = outcome.amount[rows]
    errors = []
    for name in names:
        whole = window.forecasts[name]
        level = float(np.clip(outcome.amount.sum() / max(whole.amount.mean().sum(), 1e-12), 0.25, 4.0))
        errors.append(_errors(recalibrated_amount(whole.amount[rows], level), actual))
    gaps = np.diff(window.forecasts[names[0]].amount.grid.points)
    stacked = np.stack(errors)  # (members, rows, points)
    middle = (stacked[:, :, 1:] + stacked[:, :, :-1]) / 2 * np.sqrt(gaps)
    flat = middle.reshape(len(names), -1)
    return flat @ flat.T / len(rows)


def _errors(amount: Histogram, actual: Array) -> Array:  # (N, points)
    return amount.cumulative() - (amount.grid.points[None, :] >= actual[:, None])
