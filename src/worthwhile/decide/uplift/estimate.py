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

from worthwhile.decide.identities import as_the_shop_knows, known_to_shop
from worthwhile.decide.uplift.campaign import CampaignColumns, CampaignLog, read_campaign_log, refuse_twice
from worthwhile.decide.uplift.checks import FAR, Overlap, Placebo, overlap, placebos
from worthwhile.decide.uplift.crossfit import FOLDS, CrossFit
from worthwhile.decide.uplift.deals import Deals, usual_deals
from worthwhile.decide.uplift.keep import AT_ONCE, joined, save_models
from worthwhile.decide.uplift.policies import Judge
from worthwhile.decide.uplift.prepare import Prepared, features_at, from_log, from_shop
from worthwhile.decide.uplift.responders import Describer, Group, Responders, given, responders
from worthwhile.decide.uplift.results import Average, Judged, effects_table, effects_with_errors, judge, log_effects
from worthwhile.decide.uplift.sensitivity import Sensitivity, is_installed, sensitivities
from worthwhile.decide.uplift.wording import sentences, warnings_of
from worthwhile.decide.uplift.words import words_of
from worthwhile.errors import InputError
from worthwhile.models.threads import one_thread_each
from worthwhile.plain import plain
from worthwhile.progress import Progress, part, silent
from worthwhile.runs.asked import forecast_cutoff, moment_of
from worthwhile.runs.record import record
from worthwhile.shop import Shop
from worthwhile.store.log import Log, open_log

Array = np.ndarray[Any, Any]

SHARES = (1.0, 0.5, 0.3)
FOUND = ("averages", "responders", "given", "placebos", "overlap", "sensitivity")  # lists of an UpliftRun


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
    placebo: bool = True  # look for what is found where nothing is; takes a small part of the time
    deals: int | None = None  # ways of dealing the folds to average; None: 3, of more than 200,000 customers 1


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
    responders: list[Responders]  # who responds most and least, by outcome and action
    given: list[Group]  # who gets what under the policies for full contact that tell customers apart
    facts: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"UpliftRun({self.run_id!r}, {len(self.averages)} effects, {len(self.warnings)} warnings)"

    def table(self) -> pa.Table:
        """Effects: one row for each customer, action and outcome."""
        return self.effects

    @property
    def answer(self) -> list[str]:
        """The answer in plain English words."""
        return self.sentences()

    @property
    def warnings(self) -> list[str]:
        """What a reader has to know before the answer, in English."""
        return self.warning_sentences()

    def sentences(self, lang: str = "en") -> list[str]:
        """The answer in plain words, `en` or `zh`. Raises InputError `bad-argument` for another language."""
        document = self._document()
        return sentences(document, words_of(document, lang))

    def warning_sentences(self, lang: str = "en") -> list[str]:
        """What a reader has to know before the answer. Raises InputError `bad-argument`."""
        document = self._document()
        return warnings_of(document, words_of(document, lang))

    def to_dict(self, lang: str = "en") -> dict[str, Any]:
        """The whole answer as JSON has it; sentences in one language. Raises InputError `bad-argument`."""
        return {
            "run_id": self.run_id,
            "folder": None if self.folder is None else str(self.folder),
            "answer": self.sentences(lang),
            "warnings": self.warning_sentences(lang),
            **self._document(),
        }

    def _document(self) -> dict[str, Any]:
        """What the sentences are made of."""
        tables = {name: getattr(self, name).to_pylist() for name in ("policies", "deciles")}
        return {**self.facts, **self.found(), **tables}

    def found(self) -> dict[str, list[dict[str, Any]]]:
        """All that was found beside the tables, as the run's manifest holds it."""
        return {name: [asdict(each) for each in getattr(self, name)] for name in FOUND}


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
    progress("read the log", 0.0)
    options = options or UpliftOptions()
    _check_options(shop, options)
    named = [outcomes] if isinstance(outcomes, str) else list(outcomes)
    columns = CampaignColumns(treatment, control, named, options.propensity, options.covariates, options.ignore)
    campaign = read_campaign_log(log, columns)
    if shop is not None and not campaign.numbered:
        campaign = replace(campaign, customer_ids=as_the_shop_knows(shop, campaign.customer_ids))
        refuse_twice(campaign.customer_ids, campaign.source)  # 12 and 12.0 are one customer of the shop
    if seed is None:
        seed = int(shop.settings["seed"]) if shop is not None else 0
    progress("look at the groups", 0.01)
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
            "deals": options.deals or usual_deals(len(self.prepared.trial)),
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
    if options.deals is not None and options.deals < 1:
        raise InputError(
            "bad-argument", "folds are dealt in one way or more", where="--deals", remedy="1 is fastest, 3 are usual"
        )
    if not options.shares or any(not 0 < share <= 1 for share in options.shares):
        raise InputError(
            "bad-argument", "a share of customers lies above 0 and up to 1", where="--share", remedy="such as 0.3"
        )


def _estimated(question: _Question, progress: Progress) -> UpliftRun:
    prepared, options, seed = question.prepared, question.options, question.seed
    trial = prepared.trial
    deals = Deals.of(trial, deals=options.deals, observational=prepared.observational, seed=seed)
    deals.fit(part(progress, 0.05, 0.33))
    progress("compare policies", 0.33)
    level = deals.level()
    judges = [Judge.of(level, j) for j in range(len(trial.outcomes))]
    shares = sorted({float(share) for share in options.shares} | {1.0}, reverse=True)
    judged = judge(deals, level, judges, shares, part(progress, 0.35, 0.9))
    ids, found = _effects(deals, judges, question, part(progress, 0.9, 0.93))
    seen = placebos(trial, seed=seed, progress=part(progress, 0.93, 0.98)) if options.placebo else []
    progress("describe who responds", 0.98)
    describer = Describer.of(trial.covariates, trial.names, prepared.codings)
    asked = question.asked()
    facts = _facts(question, deals, judged, ids)
    run = UpliftRun(
        run_id="",
        folder=None,
        effects=effects_table(ids, trial.treatments, trial.outcomes, found),
        averages=judged.averages,
        policies=pa.Table.from_pylist(judged.policies),
        deciles=pa.Table.from_pylist(judged.deciles),
        curves=pa.Table.from_pylist(judged.curves),
        placebos=seen,
        overlap=_overlap(deals.first),
        sensitivity=sensitivities(deals.first) if prepared.observational and is_installed() else [],
        responders=responders(trial, level, judges, describer),
        given=given(trial, level, judges, judged.chosen, describer),
        facts={**asked, **facts},
    )
    progress("done", 1.0)
    return run if question.shop is None else _recorded(question.shop, run, asked, facts, (deals, judges, prepared))


def _overlap(cross: CrossFit) -> list[Overlap]:
    """Where chances are not the same for all."""
    told = cross.observational or cross.trial.propensity is not None
    return overlap(cross.trial, cross.propensities()) if told else []


def _facts(question: _Question, deals: Deals, judged: Judged, ids: Array) -> dict[str, Any]:
    """What the manifest says beside what was asked and found."""
    trial = deals.trial
    return {
        "customers": len(trial),
        "effects_for": len(ids),
        "of_shop": None if question.shop is None else _of_shop(question.shop, question, ids),
        "numbered": question.campaign.numbered,
        "outcome_kinds": {name: kind.name for name, kind in zip(trial.outcomes, deals.first.kinds, strict=True)},
        **_facts_of_groups(question.prepared),
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


def _of_shop(shop: Shop, question: _Question, ids: Array) -> int:
    """How many of those whose effects are told are customers of the shop; a row's number is none."""
    if question.events is not None:
        return len(ids)
    return 0 if question.campaign.numbered else known_to_shop(shop, ids)


def _facts_of_groups(prepared: Prepared) -> dict[str, Any]:
    trial = prepared.trial
    return {
        "unknown_customers": prepared.unknown,
        "observational": prepared.observational,
        "randomisation_z": prepared.detected,
        "largest_difference": max((abs(each.difference) for each in prepared.balance), default=0.0),
        "unbalanced": sorted({each.covariate for each in prepared.balance if abs(each.errors) > FAR}),
        "left_out": prepared.left_out,
        "categories": list(prepared.categories),
        "groups": dict(zip(trial.actions, np.bincount(trial.action).tolist(), strict=True)),
    }


def _effects(
    deals: Deals, judges: Sequence[Judge], question: _Question, progress: Progress
) -> tuple[Array, list[tuple[Array, Array]]]:
    """Whose effects, and for each outcome effects and errors (N, K)."""
    events, cutoff = question.events, question.cutoff
    if events is None or cutoff is None:
        count = len(judges)
        found = [
            log_effects(deals, each.shrinkage, each.outcome, part(progress, i / count, (i + 1) / count))
            for i, each in enumerate(judges)
        ]
        return deals.trial.customer_ids, found
    today = features_at(events, cutoff, question.prepared.categories)
    parts = []
    for low in range(0, len(today), AT_ONCE):
        progress("effects of each customer", low / len(today))
        matrix = np.ascontiguousarray(today.features[low : low + AT_ONCE])
        said = deals.each_of(matrix)
        parts.append([effects_with_errors(judged.shrinkage, j, said) for j, judged in enumerate(judges)])
    return today.customer_ids, joined(parts)


def _recorded(
    shop: Shop,
    run: UpliftRun,
    asked: Mapping[str, Any],
    facts: Mapping[str, Any],
    made: tuple[Deals, Sequence[Judge], Prepared],
) -> UpliftRun:
    def fill(folder: Path, run_id: str) -> None:
        for name in ("effects", "policies", "deciles", "curves"):
            pq.write_table(getattr(run, name), folder / f"{name}.parquet", compression="zstd")
        balances = pa.Table.from_pylist([asdict(each) for each in made[2].balance])
        pq.write_table(balances, folder / "balance.parquet", compression="zstd")
        save_models(folder / "models", *made)

    results = {
        **facts,
        **run.found(),
        "warnings": run.warnings,
        "answer": run.answer,
    }
    folder = record(shop, "uplift", asked, plain(results), fill)
    return replace(run, run_id=folder.name, folder=folder)
