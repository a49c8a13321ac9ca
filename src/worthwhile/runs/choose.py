"""Which model answers: the one asked for, tuned if wished, or the ensemble of what the gate allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from worthwhile.errors import InputError
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.catalogue import MODELS, maker, model_class
from worthwhile.models.ensemble import Ensemble
from worthwhile.models.protocol import Model
from worthwhile.models.tuning import tune as tune_model
from worthwhile.runs.gate import Gate


def check_names(names: Sequence[str]) -> None:
    """Raises InputError `no-such-model` for the first unknown name."""
    for name in names:
        model_class(name)


def _tuned(name: str, matured: Sequence[Snapshot], current: Snapshot, trials: int, seed: int) -> dict[str, Any]:
    made = model_class(name)
    space = getattr(made, "search_space", None)
    if not trials or not space or name in ("ensemble",) or len(matured) < 2:
        return {}
    return tune_model(made, space, matured, current, trials=trials, seed=seed)


def make_model(
    name: str, gate: Gate, matured: Sequence[Snapshot], current: Snapshot, *, tune: int = 0, seed: int = 0
) -> tuple[Model, dict[str, dict[str, Any]]]:
    """An unfitted model of this name and the parameters that tuning found, by model.

    The ensemble is made of the members that the gate allows. A model asked for by name is made even where the gate
    would leave it out, as long as it can be fitted at all; its own `no-history` error says so otherwise.
    """
    if name != "ensemble":
        params = _tuned(name, matured, current, tune, seed)
        return maker(name, **params)(), {name: params} if params else {}
    found = {member: _tuned(member, matured, current, tune, seed) for member in gate.members}
    members: dict[str, Callable[[], Model]] = {member: maker(member, **params) for member, params in found.items()}
    return Ensemble(members), {member: params for member, params in found.items() if params}


def check_tune(tune: int) -> None:
    if tune < 0 or tune > 1000:
        raise InputError("bad-argument", f"{tune} trials cannot be run", where="--tune", remedy="give 0 to 1000")


def known_models() -> list[str]:
    return list(MODELS)
