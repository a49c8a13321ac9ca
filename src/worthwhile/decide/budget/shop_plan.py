"""`plan`: what to do for the customers of a shop's forecast, as a recorded run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from worthwhile.decide.budget.actions import ActionsFile, actions_of, as_said, read_actions
from worthwhile.decide.budget.limits import Limits, joined
from worthwhile.decide.budget.offers import doubts_of, expected_of, offers, said_of
from worthwhile.decide.budget.planning import How, Plan, plan_candidates
from worthwhile.decide.budget.wording import plan_warnings
from worthwhile.decide.campaign.contacts import recent_contacts
from worthwhile.decide.campaign.folder import NONE, campaigns_of
from worthwhile.decide.campaign.noise import check_of_spend, forecast_columns, noise_of
from worthwhile.decide.campaign.planned import is_held_by_limits
from worthwhile.decide.campaign.power import detectable, share_to_leave
from worthwhile.decide.identities import known_counts, known_ids, with_known_ids
from worthwhile.decide.responses import Effects, latest_effects, notes_of
from worthwhile.decide.words import Note, words_of
from worthwhile.errors import InputError
from worthwhile.progress import Progress, part, silent
from worthwhile.runs.recall import RecordedForecast, recorded_forecast
from worthwhile.runs.record import record
from worthwhile.schema import to_us
from worthwhile.shop import Shop
from worthwhile.store.log import open_log
from worthwhile.tasks import Horizon

# Margins of a shop's candidates are before the cost, so that cost can be counted; and a plan without anybody left alone
# could not be measured.
SHOP_HOW = How(objective="profit", holdout=0.1)
NEAR = 0.05  # by how much what a test finds may be above what it was to find
SETTINGS_BEHIND = ("currency", "value.margin", "value.margins")


@dataclass(frozen=True)
class PlanRun:
    """A recorded plan."""

    run_id: str
    folder: Path
    plan: Plan

    def __repr__(self) -> str:
        return f"PlanRun({self.run_id!r}, {self.plan!r})"

    def table(self) -> pa.Table:
        """The chosen rows, customers and actions ascending."""
        return self.plan.table

    def sentences(self, lang: str = "en") -> list[str]:
        """The answer in plain words, `en` or `zh`. Raises InputError `bad-argument` for another language."""
        return self.plan.sentences(lang)

    def warning_sentences(self, lang: str = "en") -> list[str]:
        """What a reader has to know before. Raises InputError `bad-argument`."""
        return self.plan.warning_sentences(lang)

    def to_dict(self, lang: str = "en") -> dict[str, Any]:
        """The whole answer, sentences in one language. Raises InputError `bad-argument`."""
        return {"run_id": self.run_id, "folder": str(self.folder), **self.plan.to_dict(lang)}


def plan(  # noqa: PLR0913 (one parameter for each question that a person asks)
    shop: Shop,
    actions: Path | str | Mapping[str, Any],
    budget: float | None = None,
    *,
    limits: Limits | None = None,
    customers: pa.Table | None = None,
    run_id: str | None = None,
    how: How = SHOP_HOW,
    detect: float | None = None,
    progress: Progress = silent,
) -> PlanRun:
    """Plan on a recorded forecast (`run_id`; default: the latest) and a file of actions, or its content as a table.

    An action's effect is that of the latest recorded uplift run, or what the file assumes, which every row says in its
    column `effect`. `limits` stand beside those of the file, and in place of them where both speak of the same limit
    (`limits.joined`); `customers` is a table of `customer_id` and further columns: costs, groups for fairness,
    consent (`consent` or `consent_<channel>`). Recorded as a run with `plan.parquet` and `holdout.parquet`.
    With `detect`, as many are left alone as it takes to find an effect of so much spend a customer on those contacted.
    Raises InputError `no-such-run`, `damaged`, `bad-file`, `bad-argument`, `bad-columns`, `bad-values`,
    `no-key`.
    """
    file = actions_of(actions) if isinstance(actions, Mapping) else read_actions(actions)
    progress("read", 0.0)
    forecast, currency = recorded_forecast(shop, run_id=run_id), shop.settings["currency"]
    _check_amounts(file, forecast)
    effects = latest_effects(shop) if any(not action.assumption for action in file.actions) else None
    asked_limits = _known(shop, _joined(file, limits or Limits(), budget))
    customers = None if customers is None else with_known_ids(shop, customers, where="--customers")
    with open_log(shop, versions=forecast.asked["data_version"]) as log:  # margins as the forecast knew them
        expected = expected_of(forecast, log)
    recent, contacts_version = _recent(shop, forecast, file.contact_days)
    asked_limits = replace(asked_limits, contacted=_added(asked_limits.contacted, recent))
    table = offers(expected, file.actions, effects, customers)
    if detect is not None:
        how = replace(how, holdout=_holdout_for(detect, forecast, table, asked_limits, how))
    how = replace(how, lots_of=how.lots_of or forecast.run_id)
    made = plan_candidates(table, limits=asked_limits, how=how, where="candidates", progress=part(progress, 0.2, 0.9))
    found = None if detect is None else _finds(forecast, made)
    facts = {
        **made.facts,
        "forecast": forecast.run_id,
        "horizon": forecast.horizon,
        "cutoff": forecast.cutoff.isoformat(),
        "day": forecast.cutoff.astimezone(forecast.shop.settings.zone).date().isoformat(),
        "currency": currency,
        "uplift": None if effects is None else effects.run_id,
        "assumptions": said_of(file.actions),
        "detectable": found,
        "notes": [*_notes(shop, file, effects, forecast, made), *_unfound(detect, found, made)],
        "margin_is_set": bool(expected.margin.min(initial=1.0) < 1.0) or forecast.task.amount_name == "value",
        "recent_contacts": sum(recent.values()),
    }
    facts["warnings"] = plan_warnings(facts, words_of("en", currency))
    asked = {
        "forecast": forecast.run_id,
        "horizon": forecast.horizon,
        "uplift": facts["uplift"],
        "actions": as_said(file),
        "contact_days": file.contact_days,
        "limits": without_ids(asked_limits),
        "customers": None if customers is None else _digest(customers),
        "how": {name: getattr(how, name) for name in How.__dataclass_fields__},
        "detect": detect,
        "settings": {key: shop.settings[key] for key in SETTINGS_BEHIND},
        "data_version": forecast.asked["data_version"],
        "contacts_data_version": contacts_version,
    }

    def fill(folder: Path, _: str) -> None:
        pq.write_table(made.table, folder / "plan.parquet", compression="zstd")
        pq.write_table(made.holdout, folder / "holdout.parquet", compression="zstd")

    folder = record(shop, "plan", asked, {"facts": facts}, fill)
    progress("done", 1.0)
    return PlanRun(folder.name, folder, replace(made, facts=facts))


def _recent(shop: Shop, forecast: RecordedForecast, days: int) -> tuple[dict[str, int], dict[str, int] | None]:
    """Contacts of each customer in the days before the cutoff, and the data version that tells of them: today's, since
    contacts are told after the forecast was made; None where none count."""
    if days <= 0:
        return {}, None
    with open_log(shop) as log:
        return recent_contacts(shop, log, forecast.cutoff, days), log.version


def _check_amounts(file: ActionsFile, forecast: RecordedForecast) -> None:
    """Raises InputError `bad-argument` where a voucher's share would be taken of margin in place of spend."""
    share = next((action.name for action in file.actions if action.cost_share), None)
    if share is not None and forecast.task.amount_name != "spend":
        raise InputError(
            "bad-argument",
            f"`cost_share` is of spend, and the forecast {forecast.run_id} is of {forecast.task.amount_name}",
            where=f"actions.{share}.cost_share",
            remedy="forecast spend (worth forecast SHOP --target spend), or give the cost as an amount",
        )


def _holdout_for(effect: float, forecast: RecordedForecast, table: pa.Table, limits: Limits, how: How) -> float:
    """The share to leave alone so that the effect is found (80 times in 100, at 5 %); half where no share is enough,
    none where nobody would be contacted.

    Where limits end the contacts they go to others in place of those left alone, and what has to be found is found with
    fewer of these.

    Raises InputError `bad-argument`.
    """
    if effect <= 0:
        raise InputError("bad-argument", f"an effect of {effect:g} cannot be found", where="--detect", remedy="above 0")
    check_of_spend(forecast)
    whole = plan_candidates(table, limits=limits, how=replace(how, holdout=0.0, curve=False))
    people = forecast_columns(forecast.table(), forecast.task.amount_name)
    people = people.filter(pc.is_in(people["customer_id"], value_set=whole.table["customer_id"].combine_chunks()))
    if not len(people):
        return 0.0
    actions = whole.table.select(["action", "channel"]).group_by(["action", "channel"]).aggregate([]).to_pylist()
    is_held = all(is_held_by_limits(whole.facts, one["action"], one["channel"]) for one in actions)
    reach = whole.facts["eligible"] if is_held else len(people)
    share = share_to_leave(noise_of(forecast, people)["spend"].sd_adjusted, effect, len(people), reach)
    return 0.5 if share is None else max(share, 2 / (len(people) + 2))  # fewer than two cannot be compared with


def _finds(forecast: RecordedForecast, made: Plan) -> float | None:
    """The least effect on spend a contact that those left alone let the plan's contacts show; None where one of the two
    groups is empty."""
    held = made.holdout.filter(pc.is_valid(made.holdout["action"]))
    both = pa.concat_arrays([t["customer_id"].combine_chunks() for t in (made.table, held)])
    people = forecast_columns(forecast.table(), forecast.task.amount_name)
    people = people.filter(pc.is_in(people["customer_id"], value_set=both))
    if not len(held) or not len(made.table):
        return None
    return detectable(noise_of(forecast, people)["spend"].sd_adjusted, len(held), len(made.table))


def _unfound(effect: float | None, found: float | None, made: Plan) -> list[Note]:
    """A note where the effect that was to be found will not be: the contacts are too few, or the lot fell so."""
    if effect is None or not made.facts["contacts"] or (found is not None and found <= effect * (1 + NEAR)):
        return []
    share = made.facts["held_out"] / made.facts["eligible"]
    of = {"contacts": made.facts["contacts"], "planned": made.facts["held_out_planned"], "detect": effect}
    key = f"unfound_{'lot' if share < 0.33 else 'few'}{'_nothing' if found is None else ''}"
    return [{"note": key, **of, "found": found, "share": f"{1.5 * share:.2g}"}]


def _notes(
    shop: Shop, file: ActionsFile, effects: Effects | None, forecast: RecordedForecast, made: Plan
) -> list[Note]:
    """What has to be known of assumptions, of measured effects, and of tests that are still running."""
    treatments = {action.name: action.treatment for action in file.actions if action.treatment}
    return [
        *doubts_of(file.actions),
        *notes_of(effects, treatments, forecast.cutoff),
        *_held_by_tests(shop, made, forecast),
    ]


def _held_by_tests(shop: Shop, made: Plan, forecast: RecordedForecast) -> list[Note]:
    """Notes of contacts whom a campaign that is still running leaves alone: whoever contacts them spoils it."""
    notes: list[Note] = []
    planned = made.table["customer_id"]
    for campaign in campaigns_of(shop):
        end = Horizon.parse(campaign.manifest["horizon"]).after(campaign.start, shop.settings.zone)
        if not campaign.start <= forecast.cutoff < end:
            continue
        table = campaign.assignment()
        held = table.filter(pc.equal(table["treatment"], NONE))["customer_id"].combine_chunks()
        count = len(pc.unique(planned.filter(pc.is_in(planned, value_set=held))))
        if count:
            until = end.astimezone(shop.settings.zone).date().isoformat()
            notes.append({"note": "held_by_test", "customers": count, "campaign": campaign.name, "until": until})
    return notes


def acquired_values(shop: Shop, *, run_id: str | None = None) -> pa.Table:
    """What the customers of each channel are forecast to be worth: `customer_id`, `channel`, `expected_margin`.

    The channel is that of a customer's first order; customers without one are left out. Raises InputError
    `no-such-run`, `damaged`.
    """
    forecast = recorded_forecast(shop, run_id=run_id)
    with open_log(shop, versions=forecast.asked["data_version"]) as log:
        expected = expected_of(forecast, log)
        query = (
            "SELECT customer_id, arg_min(channel, (ts_us, event_id)) AS channel FROM events"
            " WHERE kind = 'order_line' AND channel IS NOT NULL AND ts_us < ? GROUP BY customer_id"
        )
        channels = dict(log.con.execute(query, [to_us(forecast.cutoff)]).fetchall())
    rows = [k for k, customer in enumerate(expected.customers) if customer in channels]
    return pa.table(
        {
            "customer_id": pa.array(expected.customers[rows], pa.string()),
            "channel": pa.array([channels[expected.customers[k]] for k in rows], pa.string()),
            "expected_margin": (expected.spend * expected.margin)[rows],
        }
    )


def _joined(file: ActionsFile, given: Limits, budget: float | None) -> Limits:
    """The file's limits, and those given in their place; what neither says is what a manifest calls no limit."""
    plain = Limits(per_customer=1, least_return=0.0, plan_return=0.0)
    found = joined(joined(plain, file.limits), given)
    return found if budget is None else replace(found, budget=float(budget))


def _known(shop: Shop, limits: Limits) -> Limits:
    """The limits with customers as the shop knows them: whoever gives a list of addresses means its pseudonyms."""
    excluded, contacted = known_ids(shop, limits.excluded), known_counts(shop, limits.contacted)
    return replace(limits, excluded=excluded, contacted=contacted)


def _added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in (*one, *other)}


def without_ids(limits: Limits) -> dict[str, Any]:
    """Limits for a manifest: lists of customers as their number and a digest, since manifests name nobody."""
    listed: dict[str, list[Any]] = {"excluded": sorted(limits.excluded), "contacted": sorted(limits.contacted.items())}
    found = {name: getattr(limits, name) for name in Limits.__dataclass_fields__ if name not in listed}
    found["fairness"] = [
        {name: getattr(fair, name) for name in ("column", "least", "most", "parity")} for fair in limits.fairness
    ]
    return {**found, **{name: {"customers": len(v), "sha256": _sha256(repr(v))} for name, v in listed.items()}}


def _digest(table: pa.Table) -> str:
    return _sha256(repr(table.to_pydict()))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
