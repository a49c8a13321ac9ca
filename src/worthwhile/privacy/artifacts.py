"""What runs, campaigns and reports hold of customers is taken out of them."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from worthwhile.models.files import read_json, write_json
from worthwhile.privacy.history import TEMPORARY, Rule, concerned, rows_of
from worthwhile.runs.record import MANIFEST, digest_of
from worthwhile.shop import Shop
from worthwhile.store import sql
from worthwhile.store.locks import one_at_a_time

# Models that keep rows of single customers beside their parameters: of the others only sums and weights remain.
KEEP_ROWS = ("in-context", "svm")


def rows_in_runs(con: duckdb.DuckDBPyConnection, shop: Shop, rule: Rule) -> dict[str, int]:
    """Run, or `campaigns/NAME`, -> rows of its tables that a rule about `customer_id` takes."""
    found: dict[str, int] = {}
    for file, count in concerned(con, _tables(shop), rule).items():
        for place in _places(shop):
            if file.is_relative_to(place):
                name = file.relative_to(place).parts[0]
                run = name if place == shop.runs else f"{place.name}/{name}"
                found[run] = found.get(run, 0) + count
    return found


def _places(shop: Shop) -> tuple[Path, ...]:
    """Folders of folders that each have a manifest."""
    return shop.runs, shop.campaigns


def erase_from_runs(con: duckdb.DuckDBPyConnection, shop: Shop, rule: Rule, note: Mapping[str, Any]) -> None:
    """Take rows out of the tables of all runs and campaigns, and note it in their manifests with the digests as they
    now are."""
    for place in _places(shop):
        if not place.is_dir():
            continue
        with one_at_a_time(place):
            for left in place.glob(".*"):  # of runs that were never finished
                shutil.rmtree(left, ignore_errors=True)
            for left in place.rglob(f"{TEMPORARY}*"):
                left.unlink()
            files = concerned(con, _tables(shop, (place,)), rule)
            for name in sorted({file.relative_to(place).parts[0] for file in files}):
                _erase_from_run(con, place / name, rule, note)


def _erase_from_run(con: duckdb.DuckDBPyConnection, run: Path, rule: Rule, note: Mapping[str, Any]) -> None:
    """The manifest is replaced before the tables: after a crash in between the rows are still there to be found."""
    manifest = read_json(run / MANIFEST)
    ready: dict[Path, Path] = {}
    for file, count in concerned(con, [f for f in run.rglob("*.parquet") if _has_customers(f)], rule).items():
        temporary = file.with_name(TEMPORARY + file.name)
        con.execute(f"COPY ({rule.kept(file)}) TO {sql.text(str(temporary))} (FORMAT parquet, COMPRESSION zstd)")
        ready[file] = temporary
        name = str(file.relative_to(run))
        manifest["sha256"][name] = digest_of(temporary)
        noted = [n for n in manifest.get("erased", ()) if n["certificate"] != note["certificate"] or n["file"] != name]
        manifest["erased"] = [*noted, {**note, "file": name, "rows": count}]
    for folder in sorted(f for f in run.glob("models/**/*") if f.is_dir() and f.name in KEEP_ROWS):
        gone = [name for name in manifest["sha256"] if run / name in {*folder.rglob("*")}]
        for name in gone:
            del manifest["sha256"][name]
        if gone:
            manifest["erased"].append({**note, "file": str(folder.relative_to(run)), "rows": None})
    temporary_manifest = run / (TEMPORARY + MANIFEST)
    write_json(temporary_manifest, manifest)
    temporary_manifest.replace(run / MANIFEST)
    for folder in (f for f in run.glob("models/**/*") if f.is_dir() and f.name in KEEP_ROWS):
        shutil.rmtree(folder)
    for file, temporary in ready.items():
        temporary.replace(file)


def _tables(shop: Shop, places: Sequence[Path] = ()) -> list[Path]:
    found = (f for place in places or _places(shop) for f in sorted(place.glob("[!.]*/**/*.parquet")))
    return [f for f in found if f.name[0] != "." and _has_customers(f)]


def _has_customers(file: Path) -> bool:
    return "customer_id" in pq.read_schema(file).names


def run_customers(con: duckdb.DuckDBPyConnection, shop: Shop) -> set[str]:
    """All customers that runs name."""
    found: set[str] = set()
    for file in _tables(shop):
        found |= {name for (name,) in con.execute(f"SELECT DISTINCT customer_id FROM {rows_of(file)}").fetchall()}
    return found


def reports_naming(shop: Shop, customers: set[str]) -> list[Path]:
    """Pages in the shop's folder of reports that show one of these ids."""
    return [page for page in sorted(shop.reports.rglob("*")) if page.is_file() and _shows(page, customers)]


def _shows(page: Path, customers: set[str]) -> bool:
    text = html.unescape(page.read_text(encoding="utf-8", errors="replace"))
    pieces = {piece.strip() for piece in re.split(r"[<>\"'\n,;|]|\s-\s", text)}
    words = set(text.split())
    return not customers.isdisjoint(pieces | words) or any(len(c) >= 6 and c in text for c in sorted(customers)[:1000])
