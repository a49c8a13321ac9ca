"""Saved models of an uplift run: LightGBM's text and JSON, a folder for each deal and fold that a model lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from worthwhile.decide.uplift.covariates import Coding
from worthwhile.decide.uplift.deals import Deals
from worthwhile.decide.uplift.learners import ActionLearner, Bag, FoldModel, Trees
from worthwhile.decide.uplift.lines import Line
from worthwhile.decide.uplift.policies import Judge, Shrinkage
from worthwhile.decide.uplift.prepare import Prepared
from worthwhile.decide.uplift.results import effects_with_errors
from worthwhile.decide.uplift.shrink import Coarse, Shrunk
from worthwhile.decide.uplift.surfaces import Part, Surface, chances_of
from worthwhile.models.boosting import Booster
from worthwhile.models.files import read_json, write_json

Array = np.ndarray[Any, Any]

AT_ONCE = 100_000  # customers whose effects are worked out at once
TREES = ("treated", "untreated", "scores")
LINE = ("mean", "sd", "weight", "level")


@dataclass(frozen=True)
class Models:
    """All that forecasts effects, as it was kept. J outcomes, K actions beside the control, R deals of F folds."""

    actions: tuple[str, ...]  # (K+1,) the control first
    outcomes: tuple[str, ...]  # (J,)
    codings: tuple[Coding, ...]  # of the log's columns; empty where the covariates are the shop's
    shares: Array  # (K+1,) of the log's customers with each action
    deals: tuple[tuple[FoldModel, ...], ...]  # (R, F) that each lack another fold
    chances: tuple[tuple[tuple[Booster, ...], ...], ...]  # (R, F) of observational logs; else (R, F) of nothing
    shrinkage: tuple[Shrinkage, ...]  # (J,)

    def effects(self, matrix: Array) -> list[tuple[Array, Array]]:
        """For each outcome effects on strangers (N, K), given their covariates (N, D), and their standard errors."""
        shares = np.broadcast_to(self.shares, (len(matrix), len(self.shares)))
        said = [
            [
                model.answer(matrix, chances_of(chances, self.shares, matrix) if chances else shares)
                for model, chances in zip(models, each, strict=True)
            ]
            for models, each in zip(self.deals, self.chances, strict=True)
        ]
        return [effects_with_errors(each, j, said) for j, each in enumerate(self.shrinkage)]


def joined(parts: Sequence[list[tuple[Array, Array]]]) -> list[tuple[Array, Array]]:
    """Effects on one lot of customers after the other, as those on all of them."""
    return [
        (np.concatenate([p[0] for p in each]), np.concatenate([p[1] for p in each]))
        for each in zip(*parts, strict=True)
    ]


def save_models(folder: Path, deals: Deals, judges: Sequence[Judge], prepared: Prepared) -> None:
    """All that forecasts effects: for each deal and fold the models that lack it, and how far they are shrunk."""
    trial = deals.trial
    for deal, cross in enumerate(deals.all):
        for fold in range(cross.count):
            place, out = folder / f"deal-{deal}" / f"without-fold-{fold}", frozenset({fold})
            save_fold_model(place, cross.model_without(out))
            for k, booster in enumerate(cross.chances.get(out, [])):
                booster.save(place, f"chance-{k}")
    write_json(
        folder / "uplift.json",
        {
            "actions": trial.actions,
            "outcomes": trial.outcomes,
            "covariates": trial.names,
            "columns": [{"column": c.column, "values": c.values} for c in prepared.codings],
            "categories": prepared.categories,
            "shares": trial.shares().tolist(),
            "shrinkage": [_shrinkage_json(judged.shrinkage) for judged in judges],
        },
    )


def save_fold_model(folder: Path, model: FoldModel) -> None:
    facts: dict[str, Any] = {"surfaces": [], "learners": []}
    for j, surface in enumerate(model.surfaces):
        facts["surfaces"].append(
            [
                {"link": p.link, "start": p.start.tolist(), "level": p.level, "line": p.line and _line_json(p.line)}
                for p in surface.parts
            ]
        )
        for i, part in enumerate(surface.parts):
            part.common.save(folder, f"surface-{j}-{i}-common")
            for k, booster in enumerate(part.own):
                booster.save(folder, f"surface-{j}-{i}-action-{k}")
        rows = []
        for k, learner in enumerate(model.learners[j]):
            trees = {name: getattr(learner, name) for name in TREES}
            trees |= {f"groups-{b}": tree for b, tree in enumerate(learner.groups.trees)}
            for name, kept in trees.items():
                kept.booster.save(folder, f"effect-{j}-{k}-{name}")
            starts = {name: kept.start for name, kept in trees.items()}
            rows.append({"starts": starts, "linear": _line_json(learner.linear)})
        facts["learners"].append(rows)
    write_json(folder / "model.json", facts)


def load_models(folder: Path) -> Models:
    """What `save_models` wrote. Raises InputError `damaged`."""
    facts = read_json(folder / "uplift.json")
    actions, shares = tuple(facts["actions"]), np.array(facts["shares"])
    deals = [sorted(deal.glob("without-fold-*")) for deal in sorted(folder.glob("deal-*"))]
    return Models(
        actions,
        tuple(facts["outcomes"]),
        tuple(
            Coding(one["column"], None if one["values"] is None else tuple(one["values"])) for one in facts["columns"]
        ),
        shares,
        tuple(tuple(load_fold_model(place) for place in places) for places in deals),
        tuple(tuple(_chances(place, len(actions)) for place in places) for places in deals),
        tuple(load_shrinkage(kept) for kept in facts["shrinkage"]),
    )


def _chances(folder: Path, actions: int) -> tuple[Booster, ...]:
    kept = [k for k in range(actions) if (folder / f"chance-{k}.json").is_file()]
    return tuple(Booster.load(folder, f"chance-{k}") for k in kept)


def load_fold_model(folder: Path) -> FoldModel:
    """What `save_fold_model` wrote. Raises InputError `damaged`."""
    facts = read_json(folder / "model.json")
    surfaces, learners = [], []
    for j, parts in enumerate(facts["surfaces"]):
        surfaces.append(Surface(tuple(_part(folder, f"surface-{j}-{i}", kept) for i, kept in enumerate(parts))))
        rows = []
        for k, kept in enumerate(facts["learners"][j]):
            trees = {n: Trees(s, Booster.load(folder, f"effect-{j}-{k}-{n}")) for n, s in kept["starts"].items()}
            groups = Bag(tuple(tree for name, tree in trees.items() if name not in TREES))
            rows.append(ActionLearner(groups, _line(kept["linear"]), **{name: trees[name] for name in TREES}))
        learners.append(tuple(rows))
    return FoldModel(tuple(surfaces), tuple(learners))


def _part(folder: Path, name: str, kept: dict[str, Any]) -> Part:
    own = tuple(Booster.load(folder, f"{name}-action-{k}") for k in range(len(kept["start"])))
    line = kept["line"] and _line(kept["line"])
    return Part(kept["link"], np.array(kept["start"]), Booster.load(folder, f"{name}-common"), own, kept["level"], line)


def _line_json(line: Line) -> dict[str, Any]:
    return {name: np.asarray(getattr(line, name)).tolist() for name in LINE}


def _line(kept: dict[str, Any]) -> Line:
    arrays = {name: np.array(kept[name]) for name in LINE if name != "level"}
    return Line(**arrays, level=kept["level"])


def _shrinkage_json(shrinkage: Shrinkage) -> dict[str, Any]:
    def plain(kept: Shrunk | Coarse) -> dict[str, Any]:
        return {name: np.asarray(value).tolist() for name, value in kept.__dict__.items()}

    return {"personal": [plain(line) for line in shrinkage.personal], "groups": [plain(g) for g in shrinkage.groups]}


def load_shrinkage(kept: dict[str, Any]) -> Shrinkage:
    """From the `shrinkage` of one outcome in uplift.json."""
    arrays = ("mean", "weight", "scale", "errors")
    lines = [Shrunk(**(line | {name: np.array(line[name]) for name in arrays})) for line in kept["personal"]]
    return Shrinkage(tuple(lines), tuple(Coarse(**group) for group in kept["groups"]))
