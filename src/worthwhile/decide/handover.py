"""Audiences and plans are handed over: as CSV, Parquet or JSON lines, to those alone who may be contacted, with a
manifest beside the file that says where it comes from and who was left out."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from worthwhile import __version__
from worthwhile.decide.campaign.folder import NONE, read_campaign
from worthwhile.decide.columns import check_columns
from worthwhile.decide.consent import channel_of, channels_of, consent_by_row, consents
from worthwhile.decide.identities import as_the_shop_knows, known_ids, with_known_ids
from worthwhile.decide.responses import ASSUMED
from worthwhile.decide.tables import ids_of, read_table
from worthwhile.decide.words import Note, words_of
from worthwhile.errors import InputError
from worthwhile.ingestion.forgotten import read_forgotten, subject_of
from worthwhile.ingestion.pseudonyms import Keyring
from worthwhile.models.files import write_json
from worthwhile.runs.record import check_digests, digest_of, list_runs, run_folder
from worthwhile.runs.tables import SUFFIXES, check_out, write_table
from worthwhile.shop import Shop
from worthwhile.store.log import open_log

Array = np.ndarray[Any, Any]
# Kind of run -> its table that is handed over where no other is named.
TABLES = {
    "forecast": "forecasts.parquet",
    "plan": "plan.parquet",
    "segments": "segments.parquet",
    "uplift": "effects.parquet",
}
# What a manifest tells of a run, as far as the run says it.
VERSIONS = "which version of each of the shop's tables was read; they count from 0, the first batch that was ingested"
OF_UPLIFT = ("log", "numbered", "of_shop", "effects_for")  # whose effects an uplift run tells
OF = ("run_id", "start", "cutoff", "horizon")  # what a person is told of it
TOLD = ("cutoff", "horizon", "horizons", "model", "models", "forecast", "data_version", "seed", "plan")


@dataclass(frozen=True)
class Audience:
    """Which rows are handed over."""

    where: Mapping[str, Collection[str]] = field(default_factory=dict)  # column -> texts, one of which it has
    channel: str = ""  # that consent is asked for, of rows that have none of their own
    consent: pa.Table | None = None  # customer_id, and `consent` or `consent_<channel>`
    excluded: Collection[str] = frozenset()  # customers
    allow_empty: bool = False  # whether a file of nobody is written, where nobody is left


@dataclass(frozen=True)
class Handover:
    """What was handed over."""

    path: Path
    manifest_path: Path
    manifest: Mapping[str, Any]
    days: Mapping[str, str]  # cutoff and first day of a campaign, as far as there are such, in the shop's time zone

    def sentences(self, lang: str = "en") -> list[str]:
        """How many rows were handed over, of what, and who was left out: in plain words, `en` or `zh`.

        Raises InputError `bad-argument` for another language.
        """
        words, facts = words_of(lang), self.manifest
        said = [words("export.rows", rows=facts["rows"], customers=facts["customers"], path=self.path)]
        told = {name: words.day(day) for name, day in self.days.items()}
        told |= {name: facts[name] for name in ("run_id",) if facts.get(name)}
        told |= {name: words.span(facts[name]) for name in ("horizon",) if facts.get(name)}
        known = [words(f"export.{name}", value=told[name]) for name in OF if name in told]
        said += [words("export.of", facts=words.listed(known))] if known else []
        for name, rows in facts["left_out"].items():
            if rows:
                said.append(words("export.left_out", rows=rows, why=words(f"left_out.{name}")))
        return [*said, *(words.assumed(one) for one in facts.get("assumptions", ()))]

    def warning_sentences(self, lang: str = "en") -> list[str]:
        """What a reader has to know before. Raises InputError `bad-argument`."""
        return words_of(lang).notes(self.manifest["notes"])

    def to_dict(self, lang: str = "en") -> dict[str, Any]:
        """The whole answer, sentences in one language. Raises InputError `bad-argument`."""
        told = {"answer": self.sentences(lang), "warnings": self.warning_sentences(lang)}
        return {"out": self.path, "manifest_path": self.manifest_path, **self.manifest, **told}


def export(
    shop: Shop,
    what: str,
    out: Path | str,
    *,
    run_id: str | None = None,
    file: str | None = None,
    audience: Audience | None = None,
) -> Handover:
    """Write a table of the shop's latest run of a kind (or the run `run_id`), customers ascending, to `out`.

    `what` is a kind of run (`forecast`, `plan`, `segments`, `uplift`), `campaign:NAME`, or the path of a table with a
    column `customer_id`; `file` names another table of the run. Left out are, in this order and counted so: rows that
    `audience.where` does not select, customers who were forgotten, excluded ones, and those without consent: where a
    table of consent is given, or the rows have columns `consent` or `consent_<channel>`, only a yes is one. Beside the
    file lies `<file>.manifest.json`. Where nobody is left nothing is written, unless `audience.allow_empty`.
    Raises InputError `no-such-run`, `damaged`, `bad-argument`, `bad-file`, `bad-columns`, `bad-values`, `no-key`.
    """
    path, audience = check_out(out), audience or Audience()
    table, source = _table(shop, what, run_id, file)
    check_columns(table, ["customer_id"], where=what)
    customers = np.array(pc.cast(table["customer_id"], pa.string()).to_pylist(), object)
    notes: list[Note] = []
    keep, left_out = _kept(shop, table, customers, audience, notes)
    rows = np.flatnonzero(keep)
    if not len(rows):
        nobody = _nobody(len(table), left_out)
        if not audience.allow_empty:
            remedy = "mend what leaves everybody out, or say that a file of nobody is wanted: --allow-empty"
            said = " ".join(words_of().notes([*notes, nobody])).removesuffix(".")  # a note may end in a question
            raise InputError("bad-argument", said, where=what, remedy=remedy)
        notes.insert(0, nobody)
    held = _held_out(table, rows, source)
    if held:
        is_campaign = "treatment" in table.column_names
        notes.append(
            {"note": "held_treated", "rows": held, "none": NONE} if is_campaign else {"note": "held_rows", "rows": held}
        )
    notes += _of_no_shop(source)
    rows = rows[np.argsort(customers[rows].astype(str), kind="stable")]
    chosen = table.take(pa.array(rows))
    write_table(chosen, path)
    manifest = {
        **source,
        "rows": len(chosen),
        "customers": len(set(customers[rows].tolist())),
        "columns": chosen.column_names,
        "left_out": left_out,
        "where": {column: sorted(texts) for column, texts in audience.where.items()},
        "notes": notes,
        "warnings": words_of().notes(notes),
        "currency": shop.settings["currency"],
        "sha256": digest_of(path),
        "version": __version__,
    }
    if "data_version" in manifest:
        manifest["data_version_means"] = VERSIONS
    manifest_path = path.with_name(path.name + ".manifest.json")
    write_json(manifest_path, manifest)
    zone = shop.settings.zone
    days = {name: datetime.fromisoformat(source[name]) for name in ("start", "cutoff") if source.get(name)}
    return Handover(
        path, manifest_path, manifest, {name: f"{at.astimezone(zone):%Y-%m-%d}" for name, at in days.items()}
    )


def _kept(
    shop: Shop, table: pa.Table, customers: Array, audience: Audience, notes: list[Note]
) -> tuple[Array, dict[str, int]]:
    """Which rows are handed over, (R,) of bool, and how many are left out for each reason.

    Customers are held to lists as the shop knows them, since an address in either of the two means its pseudonym.
    """
    known = as_the_shop_knows(shop, customers)
    tests = {
        "not_selected": lambda: _selected(table, audience, notes),
        "forgotten": lambda: _remembered(shop, known),
        "excluded": lambda: _not_excluded(known, known_ids(shop, audience.excluded), notes),
        "no_consent": lambda: _consented(shop, table, known, audience, notes),
    }
    keep, left_out = np.ones(len(table), bool), {}
    for name, test in tests.items():
        passed = test()
        left_out[name] = int((keep & ~passed).sum())
        keep &= passed
    return keep, left_out


def _table(shop: Shop, what: str, run_id: str | None, file: str | None) -> tuple[pa.Table, dict[str, Any]]:
    """The table asked for, and where it comes from."""
    if what.startswith("campaign:"):
        campaign = read_campaign(shop, what.removeprefix("campaign:"))
        facts = {name: campaign.manifest[name] for name in ("start", *TOLD) if name in campaign.manifest}
        assumptions = campaign.manifest.get("assumptions", ())
        return campaign.assignment(), {"what": what, **facts, **({"assumptions": assumptions} if assumptions else {})}
    if Path(what).suffix.lower() in SUFFIXES:
        given = read_table(what, where="--what", columns=("customer_id", "action", "channel", "consent"))
        return given, {"what": Path(what).name, "source_sha256": digest_of(Path(what)), **_assumed_in(given)}
    # What was made only to compare another with is never the latest (`runs/recall.forecast_manifest`).
    runs = sorted(list_runs(shop, what), key=lambda m: "made_for" in m)
    run = next((m for m in runs if run_id in (None, m["run_id"])), None)
    if run is None:
        kinds = sorted({m["kind"] for m in list_runs(shop)})
        raise InputError(
            "no-such-run",
            f"there is no run of the kind `{what}`" + (f" with the id `{run_id}`" if run_id else ""),
            where=str(shop.folder),
            remedy=f"the shop has runs of {', '.join(kinds)}" if kinds else "make a forecast first",
        )
    folder = run_folder(shop, run["run_id"])
    check_digests(folder)
    name = file or TABLES.get(what) or next((f for f in sorted(run["sha256"]) if f.endswith(".parquet")), "")
    if name not in run["sha256"] or not name.endswith(".parquet"):
        listed = ", ".join(f for f in sorted(run["sha256"]) if f.endswith(".parquet"))
        raise InputError(
            "bad-argument",
            f"the run has no table `{name}`",
            where="--file",
            remedy=f"its tables are {listed or 'none'}",
        )
    facts = {key: run["asked"][key] for key in TOLD if key in run["asked"]}
    behind = next((m for m in list_runs(shop, "forecast") if m["run_id"] == facts.get("forecast")), None)
    facts |= {} if behind is None else {key: behind["asked"][key] for key in ("model", "cutoff")}
    facts |= {key: run["facts"][key] for key in TOLD if key not in facts and key in run.get("facts", {})}
    facts |= {key: run["asked"].get(key, run.get(key)) for key in OF_UPLIFT} if what == "uplift" else {}
    assumptions = run.get("facts", {}).get("assumptions")
    facts |= {"assumptions": assumptions} if assumptions else {}
    return pq.read_table(folder / name), {"what": what, "file": name, "run_id": run["run_id"], **facts}


def _held_out(table: pa.Table, rows: Array, source: Mapping[str, Any]) -> int:
    """How many of the rows that are handed over are of customers whom a test leaves alone."""
    if source.get("file") == "holdout.parquet":
        return len(rows)
    is_designed = source["what"].startswith("campaign:") or f"propensity_{NONE}" in table.column_names
    if "treatment" not in table.column_names or not is_designed:
        return 0
    return int((np.asarray(table["treatment"].to_pylist(), object)[rows] == NONE).sum())


def _of_no_shop(source: Mapping[str, Any]) -> list[Note]:
    """That an uplift run's effects are not of the shop's customers, as far as they are not."""
    if source.get("numbered"):
        return [{"note": "numbered", "log": source["log"]}]
    strangers = (source.get("effects_for") or 0) - (source.get("of_shop") or 0)
    if source["what"] != "uplift" or source.get("of_shop") is None or not strangers:
        return []
    return [{"note": "strangers", "strangers": strangers, "customers": source["effects_for"], "log": source["log"]}]


def _assumed_in(table: pa.Table) -> dict[str, list[dict[str, Any]]]:
    """What the rows of a plan that was written to a file say of themselves: their column `effect`."""
    if not {"action", "effect"} <= set(table.column_names) or not pa.types.is_string(table["effect"].type):
        return {}
    pairs = table.select(["action", "effect"]).group_by(["action", "effect"], use_threads=False).aggregate([])
    found = []
    for one in pairs.sort_by("action").to_pylist():
        match = re.fullmatch(r"assumption: (\w+) = (\S+)", one["effect"] or "")
        if match and match[1] in ASSUMED:
            found.append(
                {"action": one["action"], "assumption": match[1], "value": float(match[2]), "means": ASSUMED[match[1]]}
            )
    return {"assumptions": found} if found else {}


def _nobody(rows: int, left_out: Mapping[str, int]) -> Note:
    """Why a file is empty."""
    if not rows:
        return {"note": "no_row"}
    reasons = [{"rows": count, "why": name} for name, count in left_out.items() if count]
    return {"note": "nobody", "rows": rows, "reasons": reasons}


def _selected(table: pa.Table, audience: Audience, notes: list[Note]) -> Array:
    keep = np.ones(len(table), bool)
    for column, texts in audience.where.items():
        if column not in table.column_names:
            raise InputError(
                "bad-argument",
                f"the table has no column `{column}`",
                where="--where",
                remedy=f"its columns are {', '.join(table.column_names)}",
            )
        said = pc.cast(table[column], pa.string())
        known = pc.unique(said).drop_null().to_pylist()
        for text in sorted(set(texts) - set(known)):
            key = f"no_such_text{'_more' if len(known) > 10 else '' if known else '_nothing'}"
            shown = {"known": sorted(known)[:10]} if known else {}
            notes.append({"note": key, "text": text, "column": column, **shown})
        keep &= np.asarray(pc.is_in(said, value_set=pa.array(sorted(texts), pa.string())).to_numpy(), bool)
    return keep


def _not_excluded(customers: Array, excluded: Collection[str], notes: list[Note]) -> Array:
    """Who is not excluded. That none of those excluded is there at all may be, but is likelier a mistake."""
    found = np.isin(customers.astype(str), np.array(sorted(excluded), dtype=str))
    if excluded and not found.any():
        notes.append({"note": "none_excluded", "customers": len(excluded)})
    return np.asarray(~found)


def _remembered(shop: Shop, customers: Array) -> Array:
    """Who was not forgotten; of those who were, who has come back since, which the log then tells."""
    forgotten = read_forgotten(shop).customers
    if not forgotten:
        return np.ones(len(customers), bool)
    key = Keyring(shop).key()
    gone = {name for name in set(customers.tolist()) if name is not None and subject_of(key, name) in forgotten}
    if gone:
        with open_log(shop) as log:
            query = "SELECT DISTINCT customer_id FROM events WHERE list_contains(?, customer_id)"
            gone -= {name for (name,) in log.con.execute(query, [sorted(gone)]).fetchall()}
    return np.array([name not in gone for name in customers.tolist()], bool)


def _consented(shop: Shop, table: pa.Table, customers: Array, audience: Audience, notes: list[Note]) -> Array:
    """Who said yes to the row's channel: in the rows' own columns of consent and in the table of consent, as far as
    there are such."""
    channels, keep = channels_of(table, audience.channel), np.ones(len(table), bool)
    names = sorted(name for name in pc.unique(channels).to_pylist() if name)
    notes += _unused_channel(channels, audience.channel, names)
    own = consents(table, where="--what")
    if own:
        notes += _unheard_of(names, own, "no_channel_rows")
        keep &= consent_by_row(channels, own)
    if audience.consent is None:
        return keep
    given = with_known_ids(shop, audience.consent, where="--consent")
    ids = ids_of(given, where="--consent")
    said = consents(given, where="--consent", bare=True)
    if not said:
        raise InputError(
            "bad-columns",
            "no column of the table of consent says who consented",
            where="--consent",
            remedy="call it consent or consent_<channel>, such as consent_email, or 同意 or 短信同意; the columns are"
            f" {', '.join(f'`{name}`' for name in given.column_names)}",
        )
    place = pc.index_in(pa.array(customers.tolist(), pa.string()), value_set=ids)
    known = np.asarray(place.is_valid().to_numpy(zero_copy_only=False), bool)
    if len(known) and not known.any():
        notes.append({"note": "none_consented", "customers": len(ids)})
    notes += _unheard_of(names, said, "no_channel")
    if not len(ids):
        return np.zeros(len(table), bool)
    return keep & known & consent_by_row(channels, said, pc.fill_null(place, 0).to_numpy())


def _unheard_of(channels: list[str], said: Mapping[str, Array], key: str) -> list[Note]:
    """A note for each of the channels that nothing is said of."""
    lacking = [] if "consent" in said else [c for c in channels if f"consent_{channel_of(c)}" not in said]
    return [{"note": key, "channel": channel, "columns": ", ".join(sorted(said))} for channel in lacking]


def _unused_channel(channels: pa.ChunkedArray, given: str, names: list[str]) -> list[Note]:
    """A note where a channel is given that no row is of, since each has its own."""
    if not given or not len(channels) or given in names:
        return []
    return [{"note": "channel_unused", "channel": given, "channels": names}]
