"""`estimate_uplift`: from a campaign's log to effects, policies and their values, as a recorded run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date as Day
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from worthwhile.decide.uplift.campaign import CampaignColumns, CampaignLog, read_campaign_log
from worthwhile.decide.uplift.checks import Overlap, Placebo, overlap, placebos
from worthwhile.decide.uplift.crossfit import FOLDS, CrossFit
from worthwhile.decide.uplift.identities import as_the_shop_knows
from worthwhile.decide.uplift.keep import save_models
from worthwhile.decide.uplift.policies import Judge
from worthwhile.decide.uplift.prepare import Prepared, features_at, from_log, from_shop
from worthwhile.decide.uplift.results import Average, effects_table, effects_with_errors, judge, log_effects
from worthwhile.decide.uplift.sensitivity import Sensitivity, is_installed, sensitivities
from worthwhile.decide.uplift.wording import sentences, warnings_of
from worthwhile.errors import InputError
from worthwhile.models.threads import one_thread_each
from worthwhile.progress import Progress, part, silent
from worthwhile.runs.asked import forecast_cutoff, moment_of
from worthwhile.runs.record import record
from worthwhile.shop import Shop
from worthwhile.store.log import Log, open_log

Array = np.ndarray[Any, Any]

SHARES = (1.0, 0.5, 0.3)
AT_ONCE = 100_000  # customers of the shop whose effects are worked out at once


@dataclass(frozen=True)
class UpliftOptions:
    """What may be said of a campaign beside its action and outcomes."""

    covariates: Sequence[str] | None = None  # columns of the log; None: all that are left, or the shop's with a date
    ignore: Sequence[str] = ()  # columns of the log that are no covariates
    date: str | Day | datetime | None = None  # of the campaign: covariates are then the shop's features before it
    cutoff: str | Day | datetime | None = None  # with a date: effects are for the shop's customers then
    propensity: Mapping[str, str | float] | None = None  # known chances: action -> number, or column of the log
    observational: bool = False  # groups were not drawn by chance
    shares: Sequence[float] = SHARES  # of customers contacted, to find policies for
    placebo: bool = True  # look for what is found where nothing is; takes a fifth of the time


@dataclass(frozen=True)
class UpliftRun:
    """What a campaign taught."""

    run_id: str  # empty where no shop was given
    folder: Path | None
    effects: pa.Table  # customer_id, action, outcome, effect_mean, effect_se
    averages: list[Average]
    policies: pa.Table
    deciles: pa.Table
    curves: pa.Table
    placebos: list[Placebo]
    overlap: list[Overlap]
    sensitivity: list[Sensitivity]  # of observational logs, with the extra `uplift`
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    answer: list[str] = field(default_factory=list)  # in plain words

    def __repr__(self) -> str:
        return f"UpliftRun({self.run_id!r}, {len(self.averages)} effects, {len(self.warnings)} warnings)"

    def table(self) -> pa.Table:
        """Effects: one row for each customer, action and outcome."""
        return self.effects

    def to_dict(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "folder": None if self.folder is None else str(self.folder),
            **self.facts,
            "answer": self.answer,
            "warnings": self.warnings,
            "averages": [asdict(average) for average in self.averages],
            "policies": self.policies.to_pylist(),
            "deciles": self.deciles.to_pylist(),
            "placebos": [asdict(placebo) for placebo in self.placebos],
            "overlap": [asdict(each) for each in self.overlap],
            "sensitivity": [asdict(each) for each in self.sensitivity],
        }


def estimate_uplift(
    shop: Shop | None,
    log: Path | str | pa.Table,
    *,
    treatment: str,
    control: str,
    outcomes: str | Sequence[str],
    options: UpliftOptions | None = None,
    seed: int | None = None,
    progress: Progress = silent,
) -> UpliftRun:
    """Learn from a campaign's log what each action does to each customer, and which policy pays.

    `log` has one row a customer: `customer_id`, the column `treatment` with the action given (`control` is the name of
    doing nothing), and columns of outcomes (0/1, or amounts in the shop's currency). Covariates are the log's other
    columns, or with `options.date` the shop's features on that day; then effects are for the shop's customers at
    `options.cutoff`, else for those of the log. With a shop the run is recorded in it.

    Raises InputError `bad-file`, `bad-columns`, `bad-values`, `bad-argument`, and with a date `empty-shop`,
    `no-history`, `no-such-customer`.
    """
    options = options or UpliftOptions()
    _check_options(shop, options)
    named = [outcomes] if isinstance(outcomes, str) else list(outcomes)
    columns = CampaignColumns(treatment, control, named, options.propensity, options.covariates, options.ignore)
    campaign = read_campaign_log(log, columns)
    if shop is not None and not campaign.numbered:
        campaign = replace(campaign, customer_ids=as_the_shop_knows(shop, campaign.customer_ids))
    if seed is None:
        seed = int(shop.settings["seed"]) if shop is not None else 0
    progress("read", 0.0)
    with one_thread_each():
        if options.date is None or shop is None:
            named_by_hand = options.covariates is not None
            prepared = from_log(campaign, chosen=named_by_hand, observational=options.observational, seed=seed)
            return _estimated(_Question(shop, campaign, prepared, options, seed), progress)
        with open_log(shop) as events:
            moment = moment_of(options.date, events, where="--date")
            cutoff = forecast_cutoff(options.cutoff, events)
            prepared = from_shop(campaign, events, moment, observational=options.observational, seed=seed)
            return _estimated(_Question(shop, campaign, prepared, options, seed, events, cutoff), progress)


@dataclass(frozen=True)
class _Question:
    """What is asked of which data, checked. With `events` covariates are the shop's, and effects of its customers."""

    shop: Shop | None
    campaign: CampaignLog
    prepared: Prepared
    options: UpliftOptions
    seed: int
    events: Log | None = None
    cutoff: datetime | None = None

    @property
    def currency(self) -> str:
        return "" if self.shop is None else str(self.shop.settings["currency"])

    def asked(self) -> dict[str, Any]:
        """All that the numbers hang on."""
        options = self.options
        return {
            "log": self.campaign.source,
            "log_sha256": self.campaign.digest,
            "actions": list(self.campaign.actions),
            "control": self.campaign.actions[0],
            "outcomes": list(self.campaign.outcomes),
            "covariates": "shop" if self.events is not None else [each.column for each in self.prepared.codings],
            "date": None if options.date is None else str(options.date),
            "cutoff": None if self.cutoff is None else self.cutoff.isoformat(),
            "propensity": None if options.propensity is None else dict(options.propensity),
            "said_observational": options.observational,
            "shares": sorted({float(share) for share in options.shares}),
            "folds": FOLDS,
            "placebo": options.placebo,
            "seed": self.seed,
            "data_version": None if self.events is None else self.events.version,
            "settings": {"currency": self.currency},
        }


def _check_options(shop: Shop | None, options: UpliftOptions) -> None:
    if options.date is not None and (shop is None or options.covariates is not None):
        raise InputError(
            "bad-argument",
            "with a date the covariates are the shop's features" + ("" if shop is None else ", not the log's columns"),
            where="--date",
            remedy="give a shop that knew the customers then" if shop is None else "leave out --date or --covariate",
        )
    if options.cutoff is not None and options.date is None:
        raise InputError(
            "bad-argument",
            "a cutoff says for whom effects are forecast, which needs covariates from the shop",
            where="--cutoff",
            remedy="give the campaign's date too",
        )
    if not options.shares or any(not 0 < share <= 1 for share in options.shares):
        raise InputError(
            "bad-argument", "a share of customers lies above 0 and up to 1", where="--share", remedy="such as 0.3"
        )


def _estimated(question: _Question, progress: Progress) -> UpliftRun:
    prepared, options, seed = question.prepared, question.options, question.seed
    trial = prepared.trial
    cross = CrossFit.of(trial, observational=prepared.observational, seed=seed, progress=part(progress, 0.05, 0.65))
    cross.fit_all()
    progress("compare policies", 0.65)
    level = cross.level()
    judges = [Judge.of(level, j) for j in range(len(trial.outcomes))]
    shares = sorted({float(share) for share in options.shares} | {1.0}, reverse=True)
    judged = judge(cross, level, judges, shares)
    progress("effects", 0.8)
    ids, found = _effects(cross, judges, question)
    progress("placebo", 0.85)
    seen = placebos(trial, seed=seed) if options.placebo else []
    asked = question.asked()
    facts = {
        "customers": len(trial),
        "effects_for": len(ids),
        **_facts_of_groups(prepared),
        "chosen": [
            {
                "outcome": trial.outcomes[j],
                "share": share,
                "policy": policy.rule,
                "action": trial.actions[policy.action] if policy.action else None,
            }
            for (j, share), policy in judged.chosen.items()
        ],
    }
    run = UpliftRun(
        run_id="",
        folder=None,
        effects=effects_table(ids, trial.treatments, trial.outcomes, found),
        averages=judged.averages,
        policies=pa.Table.from_pylist(judged.policies),
        deciles=pa.Table.from_pylist(judged.deciles),
        curves=pa.Table.from_pylist(judged.curves),
        placebos=seen,
        overlap=overlap(trial, cross.propensities()) if cross.observational or trial.propensity is not None else [],
        sensitivity=sensitivities(cross) if prepared.observational and is_installed() else [],
        facts={**asked, **facts},
    )
    run = replace(run, warnings=warnings_of(prepared, question.campaign, run))
    run = replace(run, answer=sentences(run, question.currency))
    progress("done", 1.0)
    return run if question.shop is None else _recorded(question.shop, run, asked, facts, (cross, judges, prepared))


def _facts_of_groups(prepared: Prepared) -> dict[str, Any]:
    trial = prepared.trial
    return {
        "unknown_customers": prepared.unknown,
        "observational": prepared.observational,
        "randomisation_z": prepared.detected,
        "largest_difference": max((abs(each.difference) for each in prepared.balance), default=0.0),
        "left_out": prepared.left_out,
        "groups": dict(zip(trial.actions, np.bincount(trial.action).tolist(), strict=True)),
    }


def _effects(cross: CrossFit, judges: Sequence[Judge], question: _Question) -> tuple[Array, list[tuple[Array, Array]]]:
    """Whose effects, and for each outcome effects and errors (N, K)."""
    events, cutoff = question.events, question.cutoff
    if events is None or cutoff is None:
        found = [log_effects(cross, judged.shrinkage, judged.outcome) for judged in judges]
        return cross.trial.customer_ids, found
    today = features_at(events, cutoff, question.prepared.categories)
    parts: list[list[tuple[Array, Array]]] = [[] for _ in judges]
    for low in range(0, len(today), AT_ONCE):
        matrix = np.ascontiguousarray(today.features[low : low + AT_ONCE])
        said = []
        for fold in range(cross.count):
            out = frozenset({fold})
            shares = np.broadcast_to(cross.trial.shares(), (len(matrix), len(cross.trial.actions)))
            chance = cross.chances_for(matrix, out) if cross.observational else shares
            said.append(cross.model_without(out).answer(matrix, chance))
        for j, judged in enumerate(judges):
            parts[j].append(effects_with_errors(judged.shrinkage, j, said))
    return today.customer_ids, [
        (np.concatenate([p[0] for p in each]), np.concatenate([p[1] for p in each])) for each in parts
    ]


def _recorded(
    shop: Shop,
    run: UpliftRun,
    asked: Mapping[str, Any],
    facts: Mapping[str, Any],
    made: tuple[CrossFit, Sequence[Judge], Prepared],
) -> UpliftRun:
    def fill(folder: Path, run_id: str) -> None:
        for name in ("effects", "policies", "deciles", "curves"):
            pq.write_table(getattr(run, name), folder / f"{name}.parquet", compression="zstd")
        balances = pa.Table.from_pylist([asdict(each) for each in made[2].balance])
        pq.write_table(balances, folder / "balance.parquet", compression="zstd")
        save_models(folder / "models", *made)

    results = {
        **facts,
        "averages": [asdict(average) for average in run.averages],
        "placebos": [asdict(each) for each in run.placebos],
        "overlap": [asdict(each) for each in run.overlap],
        "sensitivity": [asdict(each) for each in run.sensitivity],
        "warnings": run.warnings,
        "answer": run.answer,
    }
    folder = record(shop, "uplift", asked, _plain(results), fill)
    return replace(run, run_id=folder.name, folder=folder)


def _plain(value: Any) -> Any:
    """What JSON can hold: a number that is none is null."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
