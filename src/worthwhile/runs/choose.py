"""Which model answers: the one asked for, tuned if wished, or the ensemble of what the gate allows."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from worthwhile.errors import InputError
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.catalogue import MODELS, maker, model_class
from worthwhile.models.ensemble import Ensemble
from worthwhile.models.protocol import Model
from worthwhile.models.tuning import tune as tune_model
from worthwhile.progress import Progress, part, silent
from worthwhile.runs.event_training import EventTraining
from worthwhile.runs.gate import Gate
from worthwhile.runs.membership import Membership, membership_at
from worthwhile.settings import SETTINGS, Settings
from worthwhile.store.log import Log

MOST_TRIALS = 1000
TUNING_SHARE = 0.6  # of the bar, where models are tuned before they are fitted


@dataclass(frozen=True)
class Fitting:
    """How models are fitted: the seed, how many trials of tuning each gets, and on how many threads."""

    seed: int = 0
    tune: int = 0
    threads: int = 1
    fine_tune: bool = False  # whether models that were pretrained may learn in this shop
    in_ensemble: str = "auto"  # the setting `events.in_ensemble`
    events: EventTraining | None = None

    def membership(self, log: Log, until: datetime | None = None) -> Membership:
        """Of which models the ensemble is made, with the events of the log before `until` (UTC; default: with all)."""
        return membership_at(log, self.in_ensemble, until)


def fitting_of(settings: Settings, *, seed: int | None, tune: int, fine_tune: bool) -> Fitting:
    """The seed asked for, or the shop's, with the shop's threads. Raises InputError `bad-argument`."""
    if not 0 <= tune <= MOST_TRIALS:
        raise InputError(
            "bad-argument", f"{tune} trials cannot be run", where="--tune", remedy=f"give 0 to {MOST_TRIALS}"
        )
    try:
        seed = settings["seed"] if seed is None else SETTINGS["seed"].parse(seed)
    except (ValueError, TypeError) as error:
        raise InputError(
            "bad-argument",
            f"the seed cannot be {seed!r}: {error}",
            where="--seed",
            remedy="give a whole number, such as 0",
        ) from error
    threads = settings["threads"] or os.cpu_count() or 1
    return Fitting(seed, tune, threads, fine_tune, settings["events.in_ensemble"])


@dataclass(frozen=True)
class Tuning:
    """What tuning came to: model -> the parameters found (none: its defaults were best), or why it was not tuned."""

    trials: int = 0
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    untuned: Mapping[str, str] = field(default_factory=dict)

    def sentences(self) -> list[str]:
        """In words; none where no tuning was asked for."""
        said = []
        if self.params:
            found = "; ".join(f"{model}: {_in_words(params)}" for model, params in self.params.items())
            said.append(f"Tuned with {self.trials} trials each: {found}.")
        reasons: dict[str, list[str]] = {}
        for model, reason in self.untuned.items():
            reasons.setdefault(reason, []).append(model)
        return said + [f"Not tuned: {', '.join(models)} ({reason})." for reason, models in reasons.items()]

    def to_dict(self) -> dict[str, Any]:
        return {"trials": self.trials, "params": self.params, "untuned": self.untuned, "sentences": self.sentences()}


def _in_words(params: Mapping[str, Any]) -> str:
    if not params:
        return "the defaults were best"
    return ", ".join(f"{name} {value:.3g}" for name, value in params.items())


def check_fine_tuning(names: Sequence[str]) -> None:
    """Raises InputError `bad-argument` where none of the models asked for, if any are, could be fine-tuned."""
    if names and not any(name == "ensemble" or MODELS[name].is_pretrained for name in names):
        raise InputError(
            "bad-argument",
            f"{', '.join(names)} cannot be fine-tuned",
            where="--fine-tune",
            remedy="ask for in-context or the ensemble, or leave it out",
        )


def check_names(names: Sequence[str]) -> None:
    """Raises InputError `no-such-model` for the first unknown name."""
    for name in names:
        model_class(name)


def make_model(
    name: str,
    gate: Gate,
    matured: Sequence[Snapshot],
    current: Snapshot,
    fitting: Fitting,
    *,
    progress: Progress = silent,
) -> tuple[Model, Tuning]:
    """An unfitted model of this name, and what tuning came to.

    The ensemble is made of the members that the gate allows. A model asked for by name is made even where the gate
    would leave it out, as long as it can be fitted at all; its own `no-history` error says so otherwise.
    `progress` hears of tuning, and then of the fit where the model tells of it by itself.
    """
    names = gate.members if name == "ensemble" else (name,)
    tuned = TUNING_SHARE if fitting.tune else 0.0
    tuning = Tuning()
    if fitting.tune:
        tuning = _tuned(names, matured, current, fitting, progress=part(progress, 0.0, tuned))
    rest = part(progress, tuned, 1.0)
    if name == "ensemble":
        ensemble = Ensemble({}, threads=fitting.threads, progress=rest)
        ensemble.makers = {
            one: _maker(one, tuning, fitting, ensemble.course.within(one), in_ensemble=True) for one in names
        }
        return ensemble, tuning
    return _maker(name, tuning, fitting, rest)(), tuning


def _maker(
    name: str, tuning: Tuning, fitting: Fitting, progress: Progress, *, in_ensemble: bool = False
) -> Callable[[], Model]:
    kind = MODELS[name]
    params: dict[str, Any] = {**(kind.as_member if in_ensemble else {}), **tuning.params.get(name, {})}
    if fitting.fine_tune and kind.is_pretrained:
        params["fine_tune"] = True
    if fitting.events is not None:
        params |= fitting.events.params(name, progress, in_ensemble=in_ensemble)
    return maker(name, **params)


def _tuned(
    names: Sequence[str],
    matured: Sequence[Snapshot],
    current: Snapshot,
    fitting: Fitting,
    *,
    progress: Progress,
) -> Tuning:
    """Each model tuned where it has something to tune and the log has windows to tune it on; else it says why not."""
    params, untuned = {}, {}
    for place, name in enumerate(names):
        made = model_class(name)
        space = getattr(made, "search_space", None)
        if not space:
            untuned[name] = "nothing about it can be tuned"
            continue
        tell = _teller(part(progress, place / len(names), (place + 1) / len(names)), name, fitting.tune)
        try:
            params[name] = tune_model(made, space, matured, current, trials=fitting.tune, seed=fitting.seed, tell=tell)
        except InputError as error:
            if error.code != "no-history":
                raise
            untuned[name] = error.what
    return Tuning(fitting.tune, params, untuned)


def _teller(progress: Progress, name: str, trials: int) -> Callable[[int, float], None]:
    return lambda trial, _: progress(f"tune {name}, {trial} of {trials}", trial / trials)
