"""Audiences and plans are handed over: as CSV, Parquet or JSON lines, to those alone who may be contacted, with a
manifest beside the file that says where it comes from and who was left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from worthwhile import __version__
from worthwhile.decide.campaign.folder import read_campaign
from worthwhile.decide.consent import consented
from worthwhile.decide.tables import read_table
from worthwhile.errors import InputError
from worthwhile.ingestion.forgotten import read_forgotten, subject_of
from worthwhile.ingestion.pseudonyms import Keyring
from worthwhile.models.files import write_json
from worthwhile.runs.record import check_digests, digest_of, list_runs, run_folder
from worthwhile.runs.tables import check_out, write_table
from worthwhile.shop import Shop
from worthwhile.store.log import open_log

Array = np.ndarray[Any, Any]
SUFFIXES = (".csv", ".parquet", ".jsonl")
# Kind of run -> its table that is handed over where no other is named.
TABLES = {
    "forecast": "forecasts.parquet",
    "plan": "plan.parquet",
    "segments": "segments.parquet",
    "uplift": "effects.parquet",
}
# What a manifest tells of a run, as far as the run says it.
TOLD = ("cutoff", "horizon", "horizons", "model", "models", "forecast", "data_version", "seed")


@dataclass(frozen=True)
class Audience:
    """Which rows are handed over."""

    where: Mapping[str, Collection[str]] = field(default_factory=dict)  # column -> texts, one of which it has
    channel: str = ""  # that consent is asked for, where rows have no column `channel`
    consent: pa.Table | None = None  # customer_id, and `consent` or `consent_<channel>`
    excluded: Collection[str] = frozenset()  # customers


@dataclass(frozen=True)
class Handover:
    """What was handed over."""

    path: Path
    manifest_path: Path
    manifest: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        return {"out": self.path, "manifest_path": self.manifest_path, **self.manifest}


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
    table of consent is given, or the rows have a column `consent`, only a yes is one. Beside the file lies
    `<file>.manifest.json`. Raises InputError `no-such-run`, `damaged`, `bad-argument`, `bad-columns`, `bad-values`.
    """
    path, audience = check_out(out, suffixes=SUFFIXES), audience or Audience()
    table, source = _table(shop, what, run_id, file)
    if "customer_id" not in table.column_names:
        raise InputError("bad-columns", "the table has no column `customer_id`", where=what, remedy="name another file")
    customers = np.array(pc.cast(table["customer_id"], pa.string()).to_pylist(), object)
    tests = {
        "not_selected": lambda: _selected(table, audience),
        "forgotten": lambda: _remembered(shop, customers),
        "excluded": lambda: ~np.isin(customers.astype(str), np.array(sorted(audience.excluded), dtype=str)),
        "no_consent": lambda: _consented(table, customers, audience),
    }
    keep, left_out = np.ones(len(table), bool), {}
    for name, test in tests.items():
        passed = test()
        left_out[name] = int((keep & ~passed).sum())
        keep &= passed
    rows = np.flatnonzero(keep)
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
        "currency": shop.settings["currency"],
        "sha256": digest_of(path),
        "version": __version__,
    }
    manifest_path = path.with_name(path.name + ".manifest.json")
    write_json(manifest_path, manifest)
    return Handover(path, manifest_path, manifest)


def _table(shop: Shop, what: str, run_id: str | None, file: str | None) -> tuple[pa.Table, dict[str, Any]]:
    """The table asked for, and where it comes from."""
    if what.startswith("campaign:"):
        campaign = read_campaign(shop, what.removeprefix("campaign:"))
        facts = {name: campaign.manifest[name] for name in ("start", *TOLD) if name in campaign.manifest}
        return campaign.assignment(), {"what": what, **facts}
    if Path(what).suffix.lower() in (".parquet", ".csv"):
        return read_table(what, where="--what"), {"what": Path(what).name, "source_sha256": digest_of(Path(what))}
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
    facts |= {"assumptions": run["facts"]["assumptions"]} if "assumptions" in run.get("facts", {}) else {}
    return pq.read_table(folder / name), {"what": what, "file": name, "run_id": run["run_id"], **facts}


def _selected(table: pa.Table, audience: Audience) -> Array:
    keep = np.ones(len(table), bool)
    for column, texts in audience.where.items():
        if column not in table.column_names:
            raise InputError(
                "bad-argument",
                f"the table has no column `{column}`",
                where="--where",
                remedy=f"its columns are {', '.join(table.column_names)}",
            )
        found = pc.is_in(pc.cast(table[column], pa.string()), value_set=pa.array(sorted(texts), pa.string()))
        keep &= np.asarray(found.to_numpy(), bool)
    return keep


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


def _consented(table: pa.Table, customers: Array, audience: Audience) -> Array:
    """Who said yes, in the rows' own column `consent` and in the table of consent, as far as there are such."""
    keep = np.ones(len(table), bool)
    if "consent" in table.column_names:
        keep &= consented(table["consent"], where="consent")
    if audience.consent is None:
        return keep
    given = audience.consent
    columns = [name for name in given.column_names if name == "consent" or name.startswith("consent_")]
    if "customer_id" not in given.column_names or not columns:
        raise InputError(
            "bad-columns",
            "a table of consent has customer_id, and consent or consent_<channel>",
            where="--consent",
            remedy="name the columns so",
        )
    said = {name: consented(given[name], where=f"--consent, {name}") for name in columns}
    ids = pc.cast(given["customer_id"], pa.string()).combine_chunks()
    if pc.count_distinct(ids).as_py() != len(ids):
        raise InputError("bad-values", "a customer stands twice", where="--consent", remedy="one row a customer")
    place = pc.index_in(pa.array(customers.tolist(), pa.string()), value_set=ids)
    known = np.asarray(place.is_valid().to_numpy(zero_copy_only=False), bool)
    at = pc.fill_null(place, 0).to_numpy()
    return keep & known & _by_channel(table, audience.channel, said, at)


def _by_channel(table: pa.Table, channel: str, said: Mapping[str, Array], at: Array) -> Array:
    """Each row's consent for its channel; where nothing is said of it, `consent`; without that, only those who
    said yes to every channel."""
    general = said.get("consent")
    if general is None:
        general = np.logical_and.reduce(list(said.values()))
    if not len(general):
        return np.zeros(len(at), bool)
    rows = table["channel"].to_pylist() if not channel and "channel" in table.column_names else [channel] * len(at)
    found = general[at]
    for name in sorted({name for name in rows if name}):
        if f"consent_{name}" in said:
            own = np.array([row == name for row in rows], bool)
            found = np.where(own, said[f"consent_{name}"][at], found)
    return found
