"""Tuning a model's parameters with optuna, validated forward in time only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from worthwhile.errors import InputError
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.matured import Matured
from worthwhile.models.protocol import Model

# Name of a constructor argument -> how it is drawn (`float`, `int`, or either on the log scale: `log`, `log_int`),
# and the two ends of its range, both included.
SearchSpace = Mapping[str, tuple[str, float, float]]
KINDS = ("float", "log", "int", "log_int")


def tune(
    factory: Callable[..., Model],
    space: SearchSpace,
    matured: Sequence[Snapshot],
    current: Snapshot,
    *,
    trials: int,
    seed: int = 0,
    tell: Callable[[int, float], None] | None = None,
) -> dict[str, Any]:
    """The arguments of `factory` with the least CRPS of the amount on the latest matured window.

    Each trial fits on the windows whose horizon had ended by the latest window's cutoff, so no outcome is used that
    was not known then; `current` only ends the story and is never looked at. The factory's own defaults are
    the first trial, and the answer is an empty dict where nothing beats them. `tell(trial, best)` hears of progress.

    Raises InputError `missing-extra` without optuna, `no-history` with fewer than two such windows, `bad-argument`
    where `trials` is below 1.
    """
    if trials < 1:
        raise InputError("bad-argument", f"{trials} trials tune nothing", where="--tune", remedy="ask for 1 or more")
    assert all(kind in KINDS for kind, _, _ in space.values()), space
    optuna = _optuna()
    earlier, latest = _forward(matured)

    def score(params: Mapping[str, Any]) -> float:
        assert latest.outcome is not None
        model = factory(**params)
        model.fit(earlier, latest.unseen(), seed=seed)
        return float(np.mean(model.forecast(latest.unseen()).amount.crps(latest.outcome.amount)))

    best, params = score({}), dict[str, Any]()
    if tell:
        tell(1, best)
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.TPESampler(seed=seed))
    for number in range(2, trials + 1):
        trial = study.ask()
        drawn = {name: _draw(trial, name, *what) for name, what in space.items()}
        reached = score(drawn)
        study.tell(trial, reached)
        if reached < best:
            best, params = reached, drawn
        if tell:
            tell(number, best)
    return params


def _draw(trial: Any, name: str, kind: str, low: float, high: float) -> float | int:
    if kind.endswith("int"):
        return int(trial.suggest_int(name, int(low), int(high), log=kind == "log_int"))
    return float(trial.suggest_float(name, low, high, log=kind == "log"))


def _forward(matured: Sequence[Snapshot]) -> tuple[Matured, Snapshot]:
    """The windows to fit on and the latest, to validate on."""
    known = [s for s in matured if s.outcome is not None and len(s)]
    earlier = Matured([s for s in known if s.end <= known[-1].cutoff])
    if not earlier:
        raise InputError(
            "no-history",
            "tuning needs two past horizons, one after the other, and the log has fewer",
            where="--tune",
            remedy="ask for a shorter horizon, or leave tuning out",
        )
    return earlier, known[-1]


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise InputError(
            "missing-extra",
            "tuning needs optuna, which is not installed",
            where="--tune",
            remedy='install it with: pip install "worthwhile[tune]"',
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it tells each trial on stderr otherwise
    return optuna
