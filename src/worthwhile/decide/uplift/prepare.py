"""From a campaign's log to a trial: covariates of the log or of the shop at the campaign's date, groups checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from worthwhile.decide.uplift.campaign import CampaignLog
from worthwhile.decide.uplift.checks import FAR, PREDICTED, Balance, balance, predictability
from worthwhile.decide.uplift.covariates import Coding, coded, named
from worthwhile.decide.uplift.trial import Trial
from worthwhile.errors import InputError
from worthwhile.features.build import main_categories, snapshot_at
from worthwhile.features.snapshot import Snapshot
from worthwhile.store.log import Log
from worthwhile.tasks import Task

Array = np.ndarray[Any, Any]

LEAST_KNOWN = 0.5  # share of the campaign's customers whom the shop has to know
LATER = 1 / 3  # share of the log's columns that may be left out as measured after the campaign
# What a column is called that tells what customers did after a contact, in English or Chinese.
AFTER = re.compile(
    r"visits?|visited|conversions?|converted|responses?|responded|clicks?|clicked|opens?|opened|purchased?|bought|revenue"
    r"|(是否)?(到访|访问|转化|响应|点击|打开|下单|购买|成交|回访)|(消费|成交|支付|实付|下单)(金额|额)|订单数"
)
MOSTLY, ENOUGH = 0.5, 20  # share of customers who have a covariate, and outcomes that are enough to tell by
HORIZON = "90d"  # of the features that count the last horizon


@dataclass(frozen=True)
class Prepared:
    """A trial, how its covariates were made, and what was found on the way."""

    trial: Trial
    codings: list[Coding]  # of the log's columns; empty where the covariates are the shop's
    observational: bool
    detected: float  # standard errors by which covariates tell the action
    balance: list[Balance]
    left_out: list[str]  # columns of the log that look as if they were measured after the campaign
    unknown: int  # customers of the log whom the shop does not know
    categories: tuple[str, ...] = ()  # the shop's main ones at the campaign's date, which features stand for


def from_log(campaign: CampaignLog, *, chosen: bool, observational: bool, seed: int) -> Prepared:
    """A trial on the log's own covariates; `chosen` says that a person named them.

    Covariates that nobody named are left out where they look like what came after the campaign: by their name (visit,
    conversion), where nobody had an outcome without them, and, unless the log is said to be observational, where they
    differ between the groups as chance does not make them. Raises InputError `bad-columns`.
    """
    left_out = [] if chosen else after_by_name(campaign.others.column_names)
    matrix, names, codings = coded(campaign.others.drop_columns(left_out), source=campaign.source, chosen=chosen)
    trial = _trial(campaign, np.arange(len(campaign)), matrix, names)
    if not chosen:
        trial, later = _without_later(trial, codings, campaign.source, observational=observational)
        left_out = sorted([*left_out, *later])
    codings = [coding for coding in codings if coding.column not in left_out]
    return _prepared(trial, codings, left_out, observational=observational, seed=seed)


def from_shop(campaign: CampaignLog, log: Log, date: datetime, *, observational: bool, seed: int) -> Prepared:
    """A trial on the shop's features at the campaign's date; customers without an order before it are left out.

    Raises InputError `no-such-customer` where the shop knows too few of them, `no-history`.
    """
    categories = main_categories(log, date)
    snapshot = features_at(log, date, categories)
    known = snapshot.customer_ids.astype(str)
    place = np.searchsorted(known, campaign.customer_ids.astype(str))
    place = np.minimum(place, len(known) - 1)
    rows = np.flatnonzero(known[place] == campaign.customer_ids.astype(str))
    if len(rows) < LEAST_KNOWN * len(campaign):
        raise InputError(
            "no-such-customer",
            f"the shop knows {len(rows):,} of the {len(campaign):,} customers by an order before the campaign",
            where=campaign.source,
            remedy="use the ids of the shop's files and the campaign's date, or give covariates in the log",
        )
    trial = _trial(campaign, rows, snapshot.features[place[rows]], snapshot.names)
    _check_groups(trial, campaign.source)
    unknown = len(campaign) - len(rows)
    made = _prepared(trial, [], [], observational=observational, seed=seed)
    return Prepared(**{**made.__dict__, "unknown": unknown, "categories": categories})


def features_at(log: Log, at: datetime, categories: Sequence[str]) -> Snapshot:
    """The shop's customers and their features at a moment, in columns that mean the same at any."""
    return snapshot_at(log, Task.of(HORIZON, "spend"), at, categories=categories, outcome=False)


def _trial(campaign: CampaignLog, rows: Array, matrix: Array, names: Sequence[str]) -> Trial:
    return Trial(
        customer_ids=campaign.customer_ids[rows],
        actions=campaign.actions,
        action=campaign.action[rows],
        outcomes=campaign.outcomes,
        outcome=campaign.outcome[rows],
        covariates=np.ascontiguousarray(matrix),
        names=tuple(names),
        propensity=None if campaign.propensity is None else campaign.propensity[rows],
    )


def _check_groups(trial: Trial, source: str) -> None:
    counts = np.bincount(trial.action, minlength=len(trial.actions))
    if counts.min() < 50:
        raise InputError(
            "no-history",
            f"only {counts.min()} of the customers with `{trial.actions[int(counts.argmin())]}` had ordered before the "
            "campaign",
            where=source,
            remedy="give covariates in the log, which needs no order before",
        )


def after_by_name(columns: Sequence[str]) -> list[str]:
    """The columns that are called as outcomes are."""
    return [column for column in columns if AFTER.fullmatch(column.strip().lower())]


def _needed_for(trial: Trial) -> list[str]:
    """Covariates that nobody had an outcome without, though most customers have none of them: whoever visited, say, of
    whoever bought. Few outcomes tell nothing."""
    found = []
    for name, values in zip(trial.names, trial.covariates.T, strict=True):
        has = values > 0
        if not values.min() >= 0 or not 0 < has.mean() < MOSTLY:  # NaN is no 0 either
            continue
        did = trial.outcome > 0
        if ((did.sum(axis=0) >= ENOUGH) & ~(did & ~has[:, None]).any(axis=0)).any():
            found.append(name)
    return found


def _without_later(
    trial: Trial, codings: Sequence[Coding], source: str, *, observational: bool
) -> tuple[Trial, list[str]]:
    columns = {name: coding.column for coding in codings for name in coding.names}
    far = [] if observational else [each.covariate for each in balance(trial) if abs(each.errors) > FAR]
    later = sorted({columns[name] for name in (*far, *_needed_for(trial))})
    if not later:
        return trial, []
    if len(later) > max(1, LATER * len(codings)):
        raise InputError(
            "bad-columns",
            f"{', '.join(f'`{column}`' for column in later)} differ between the groups as chance does not make them",
            where=source,
            remedy="name the columns from before the campaign as covariates; say --observational if the groups were "
            "not drawn by chance",
        )
    kept = np.setdiff1d(np.arange(len(trial.names)), named(trial.names, later))
    if not len(kept):
        raise InputError(
            "bad-columns",
            f"the only covariate, `{later[0]}`, differs between the groups as if it were measured after the campaign",
            where=source,
            remedy="add columns from before the campaign, or name it as a covariate",
        )
    names = tuple(trial.names[i] for i in kept)
    parts = {**trial.__dict__, "covariates": np.ascontiguousarray(trial.covariates[:, kept]), "names": names}
    return Trial(**parts), later


def _prepared(trial: Trial, codings: list[Coding], left_out: list[str], *, observational: bool, seed: int) -> Prepared:
    detected = predictability(trial, seed=seed)
    # Known chances are right by the user's word; where covariates tell more than they do, the answer warns.
    found = observational or (trial.propensity is None and detected > PREDICTED)
    return Prepared(trial, codings, found, detected, balance(trial), left_out, 0)
