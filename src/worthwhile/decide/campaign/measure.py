"""After a campaign: what the treated did against the held out, what that is worth, and the log for uplift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from worthwhile.decide.campaign.compare import Difference, adjusted, difference, sample_ratio
from worthwhile.decide.campaign.folder import LOG, NONE, Campaign, add_files, read_campaign, write_whole
from worthwhile.decide.campaign.wording import measured_sentences
from worthwhile.decide.columns import check_columns
from worthwhile.decide.identities import with_known_ids
from worthwhile.decide.tables import ids_of, numbers_of, read_table
from worthwhile.decide.words import Note, words_of
from worthwhile.errors import InputError
from worthwhile.features.outcomes import outcome_of
from worthwhile.features.terms import ValueTerms
from worthwhile.plain import plain
from worthwhile.runs.asked import day_of
from worthwhile.schema import to_us
from worthwhile.shop import Shop
from worthwhile.store.log import Log, open_log
from worthwhile.tasks import Horizon, Task

Array = np.ndarray[Any, Any]
OUTCOMES = {"spend": "forecast_spend", "orders": "forecast_orders", "active": "p_active"}  # -> what adjusts it
MISMATCH = 0.001  # p-value below which groups are not of the sizes that were designed
MOST_STRATA = 20  # that are told of


@dataclass(frozen=True)
class Measured:
    """What a campaign brought. `log` is what uplift learns from."""

    campaign: Campaign
    log: pa.Table
    facts: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Measured({self.campaign.name!r}, {len(self.log):,} customers)"

    def sentences(self, lang: str = "en") -> list[str]:
        """What each arm did and brought, in plain words, `en` or `zh`. Raises InputError `bad-argument` for another."""
        return measured_sentences(self.facts, words_of(lang, self.facts["currency"]))

    def warning_sentences(self, lang: str = "en") -> list[str]:
        """What a reader has to know before. Raises InputError `bad-argument`."""
        return words_of(lang).notes(self.facts["notes"])

    def to_dict(self, lang: str = "en") -> dict[str, Any]:
        """The whole answer, sentences in one language. Raises InputError `bad-argument`."""
        return {**self.facts, "answer": self.sentences(lang), "warnings": self.warning_sentences(lang)}


@dataclass(frozen=True)
class _Seen:
    """What the assigned customers did. All (N,)."""

    outcomes: dict[str, Array]
    margin: Array  # of their spend
    known: Array  # bool: whether there is an outcome of the customer
    there: Array  # bool: whether the customer is still among those whose outcomes are kept
    facts: dict[str, Any]
    notes: list[Note]


def measure_campaign(shop: Shop, name: str, *, outcomes: Path | str | pa.Table | None = None) -> Measured:
    """Compare each arm of a campaign with those held out, over the horizon from its start.

    Outcomes are read from the shop's log, or from a table of `customer_id`, `spend` and perhaps `orders` and `active`,
    in which who is missing is left out. The log is written as `campaigns/<name>/log.parquet`.
    Raises InputError `no-such-run`, `damaged`, `not-matured` where the log ends before the campaign's second day,
    `bad-file`, `bad-columns`, `bad-values`, also where the table has none of the campaign's customers; nothing is
    written then.
    """
    campaign = read_campaign(shop, name)
    table = campaign.assignment()
    seen = _from_log(shop, campaign, table) if outcomes is None else _from_table(shop, table, outcomes)
    treatment = table["treatment"].to_numpy()
    notes = [*seen.notes, *_ratio_notes(campaign, treatment, seen.there)]
    expected = {(one["arm"], one["outcome"]): one for one in campaign.manifest["test"]["findable"]}
    arms = [_arm(table, treatment, arm, seen, expected) for arm in campaign.manifest["arms"]]
    if any(one["held_out"] < 2 or one["treated"] < 2 for one in arms):
        notes.append({"note": "few"})
    log = _log_of(table, seen)
    facts = {
        "campaign": name,
        "start": campaign.manifest["start"],
        "horizon": campaign.manifest["horizon"],
        "currency": campaign.manifest["currency"],
        **seen.facts,
        "arms": arms,
        "notes": notes,
        "warnings": words_of().notes(notes),
        "log": str(campaign.folder / LOG),
    }
    measured = {key: value for key, value in facts.items() if key not in ("campaign", "log")}
    measured["measured_at"] = datetime.now(UTC).isoformat(timespec="seconds")  # no number hangs on it
    add_files(shop, campaign, {"measured": plain(measured)}, lambda folder: write_whole(log, folder / LOG))
    return Measured(read_campaign(shop, name), log, facts)


# ---- what the customers did ---------------------------------------------------------------------------------------


def _from_log(shop: Shop, campaign: Campaign, table: pa.Table) -> _Seen:
    horizon, start = Horizon.parse(campaign.manifest["horizon"]), campaign.start
    ids = table["customer_id"].combine_chunks()
    terms = ValueTerms.of(shop.settings)
    with open_log(shop) as log:
        end = horizon.after(start, log.zone)
        if log.until <= start:
            raise InputError(
                "not-matured",
                f"the log ends before the campaign began on {campaign.manifest['start_day']}",
                where=str(shop.folder),
                remedy="ingest what customers did since",
            )
        spend = outcome_of(log, Task.of(horizon, "spend"), start, ids)
        margin = terms.margin * spend.amount
        if terms.margins:  # of categories: what each customer bought decides
            undiscounted = ValueTerms(terms.margin, terms.margins, 0.0)
            margin = outcome_of(log, Task.of(horizon, "value"), start, ids, value=undiscounted).amount
        is_matured = log.until >= end
        notes: list[Note] = []
        if not is_matured:
            notes.append({"note": "not_over", "end": day_of(end, log), "until": day_of(log.until, log)})
        touched, of_contacts = _contacts(log, campaign, table, to_us(start), to_us(end))
        there = _in_the_log(log, ids)
    if not there.all():
        notes.append({"note": "gone", "customers": int((~there).sum())})
    outcomes = {"spend": spend.amount, "orders": spend.orders, "active": (spend.orders > 0).astype(float)}
    facts = {"source": "log", "matured": is_matured, "contacted_in_log": touched}
    return _Seen(outcomes, margin, np.ones(len(ids), bool), there, facts, notes + of_contacts)


def _in_the_log(log: Log, ids: pa.Array) -> Array:  # (N,) of bool
    """Of whom the log has anything at all: their orders of before the campaign at least, where nothing was lost."""
    known = log.con.sql("SELECT DISTINCT customer_id FROM events").to_arrow_table()["customer_id"]
    return _among(ids, known)


def _among(ids: pa.Array, known: pa.ChunkedArray) -> Array:  # (N,) of bool
    found = pc.is_in(ids, value_set=pc.cast(known, pa.string()).combine_chunks())
    return np.asarray(found.to_numpy(zero_copy_only=False), bool)


def _contacts(log: Log, campaign: Campaign, table: pa.Table, start_us: int, end_us: int) -> tuple[int, list[Note]]:
    """How many of the treated the log says were contacted, and whether any of those held out was."""
    query = (
        "SELECT DISTINCT customer_id FROM events WHERE kind = 'campaign' AND ts_us >= ? AND ts_us < ?"
        " AND (text IS NULL OR text = ?)"
    )
    told = log.con.sql(query, params=[start_us, end_us, campaign.name]).to_arrow_table()["customer_id"]
    contacted = _among(table["customer_id"].combine_chunks(), told)
    held = np.asarray(pc.equal(table["treatment"], NONE).to_numpy(), bool)
    slips, reached, treated = int((contacted & held).sum()), int((contacted & ~held).sum()), int((~held).sum())
    notes: list[Note] = []
    if slips:
        notes.append({"note": "held_contacted", "customers": slips})
    if not reached:
        notes.append({"note": "no_contact"})
    elif reached < 0.9 * treated:
        notes.append({"note": "partly", "reached": reached, "treated": treated})
    return reached, notes


def _from_table(shop: Shop, table: pa.Table, outcomes: Path | str | pa.Table) -> _Seen:
    columns = ("customer_id", *OUTCOMES)
    given = outcomes if isinstance(outcomes, pa.Table) else read_table(outcomes, where="--outcomes", columns=columns)
    where = "outcomes" if isinstance(outcomes, pa.Table) else f"--outcomes {outcomes}"
    check_columns(given, ["customer_id", "spend"], where=where)
    given = with_known_ids(shop, given, where=where)
    ids = ids_of(given, where=where)
    place = pc.index_in(table["customer_id"].combine_chunks(), value_set=ids)
    known = np.asarray(place.is_valid().to_numpy(zero_copy_only=False), bool)
    if not known.any():
        raise InputError(
            "bad-values",
            f"none of the {len(known):,} assigned customers is among the {len(ids):,} of the outcomes",
            where=where,
            remedy="give outcomes by the shop's customer_id: the ids of worth campaign design --out",
        )

    def column(name: str) -> Array:
        values = numbers_of(given, name, where=where, truths=name == "active")[pc.fill_null(place, 0).to_numpy()]
        return np.where(known, values, 0.0)

    spend = column("spend")
    active = column("active") if "active" in given.column_names else (spend > 0).astype(float)
    orders = column("orders") if "orders" in given.column_names else active
    notes: list[Note] = [] if known.all() else [{"note": "no_outcome", "customers": int((~known).sum())}]
    margin = spend * ValueTerms.of(shop.settings).margin
    facts = {"source": "table", "matured": None, "contacted_in_log": None}
    return _Seen({"spend": spend, "orders": orders, "active": active}, margin, known, known, facts, notes)


# ---- what it comes to ---------------------------------------------------------------------------------------------


def _ratio_notes(campaign: Campaign, treatment: Array, there: Array) -> list[Note]:
    """Whether the groups are still of the sizes that were designed: losses that differ make any comparison wrong."""
    designed = campaign.manifest["test"]["sizes"]
    seen = np.array([int((there & (treatment == name)).sum()) for name in designed])
    p_value = sample_ratio(seen, np.array(list(designed.values()), float))
    if p_value >= MISMATCH:
        return []
    groups = [
        {"name": name, "seen": count, "designed": designed[name]}
        for name, count in zip(designed, seen.tolist(), strict=True)
    ]
    return [{"note": "sizes", "p": float(p_value), "groups": groups}]


def _arm(
    table: pa.Table,
    treatment: Array,
    arm: Mapping[str, Any],
    seen: _Seen,
    expected: Mapping[tuple[str, str], Mapping[str, Any]],
) -> dict[str, Any]:
    """One arm against its control: those held out, of a plan those whom it would have given this. `expected` is, by arm
    and outcome, what the design says of it."""
    control = (treatment == NONE) & seen.known
    if "intended" in table.column_names:
        control &= table["intended"].to_numpy() == arm["name"]
    treated = (treatment == arm["name"]) & seen.known
    found = {}
    for outcome, covariate in OUTCOMES.items():
        y, x = seen.outcomes[outcome], table[covariate].to_numpy()
        effect = _named(adjusted(y[treated], y[control], x[treated], x[control]))
        before = expected.get((arm["name"], outcome), {})
        found[outcome] = {
            "treated_mean": float(y[treated].mean()) if treated.any() else None,
            "held_out_mean": float(y[control].mean()) if control.any() else None,
            **effect,
            "expected": before.get("expected"),
            "expected_is": before.get("expected_is"),
            "held_against": _held_against(before.get("expected"), effect)
            if seen.facts["matured"] is not False
            else None,
            "unadjusted": _named(difference(y[treated], y[control])),
        }
    x = table["forecast_spend"].to_numpy()
    extra = adjusted(seen.margin[treated], seen.margin[control], x[treated], x[control])
    count = int(treated.sum())
    return {
        "arm": arm["name"],
        "treated": count,
        "held_out": int(control.sum()),
        "outcomes": found,
        "cost": count * float(arm["cost"]),
        "incremental_margin": _named(extra, count),
        "return": _ratio(extra.effect * count, count * float(arm["cost"])),
        "strata": _strata(table, treated, control, seen),
    }


def _held_against(expected: float | None, seen: Mapping[str, float | None]) -> str | None:
    """Whether what was expected of a contact is within the interval of what was seen, or less or more was seen."""
    low, high = seen["low"], seen["high"]
    if expected is None or low is None or high is None:
        return None
    return "less" if high < expected else "more" if low > expected else "within"


def _named(one: Difference, times: float = 1.0) -> dict[str, float | None]:
    scaled = {name: value * (1.0 if name == "p_value" else times) for name, value in asdict(one).items()}
    return {name: value if np.isfinite(value) else None for name, value in scaled.items()}


def _ratio(margin: float, cost: float) -> float | None:
    return margin / cost if cost > 0 and np.isfinite(margin) else None


def _strata(table: pa.Table, treated: Array, control: Array, seen: _Seen) -> list[dict[str, Any]]:
    stratum, x = table["stratum"].to_numpy(), table["forecast_spend"].to_numpy()
    y, found = seen.outcomes["spend"], []
    for k in np.unique(stratum)[:MOST_STRATA].tolist():
        one, other = treated & (stratum == k), control & (stratum == k)
        if one.any() or other.any():
            effect = adjusted(y[one], y[other], x[one], x[other])
            found.append({"stratum": k, "treated": int(one.sum()), "held_out": int(other.sum()), **_named(effect)})
    return found


def _log_of(table: pa.Table, seen: _Seen) -> pa.Table:
    """The campaign's log as uplift reads it: treatment (`none` held out), propensities, outcomes, and the forecast."""
    kept = table.filter(pa.array(seen.known))
    first = ["customer_id", "treatment", "propensity"]
    chances = [name for name in kept.column_names if name.startswith("propensity_")]
    columns = {name: kept[name] for name in (*first, *chances)}
    columns |= {name: pa.array(values[seen.known]) for name, values in seen.outcomes.items()}
    rest = [name for name in kept.column_names if name not in columns]
    return pa.table({**columns, **{name: kept[name] for name in rest}})


__all__ = ["Measured", "measure_campaign"]
