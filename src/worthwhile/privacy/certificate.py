"""The certificate of an erasure: what was done, when, to which files; and nothing about the person."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from worthwhile.ingestion.pseudonyms import write_private
from worthwhile.shop import Shop

NAME = "erasure-"


@dataclass(frozen=True)
class TableErased:
    """Of one table: rows taken out or blanked, copies of them in older versions, the digest of the newest files."""

    rows: int
    older_copies: int
    digest_before: str
    digest_after: str = ""


@dataclass(frozen=True)
class Certificate:
    """What an erasure found and did. `what` is `customer` or `age`.

    A rehearsal (`dry_run`) has no name, nor has an erasure that found nothing.
    """

    name: str
    at: str  # UTC, ISO 8601: what is dated before is gone and will not be taken again
    what: str
    before: Mapping[str, str]  # of `age`: which events are gone, `events` and `browsing` -> UTC moment
    version: str  # of Worthwhile
    dry_run: bool
    tables: Mapping[str, TableErased]
    runs: Mapping[str, int]  # run -> rows taken out of its tables
    reports: Sequence[str]  # pages removed, as paths in the shop's folder
    searched: bool = False  # whether the files of the shop were searched afterwards
    left: Sequence[str] = field(default_factory=tuple)  # files that still hold what was to go
    unsearched: Sequence[str] = field(default_factory=tuple)  # files that could not be searched

    @property
    def finds_anything(self) -> bool:
        """Whether there was anything to erase."""
        return bool(self.runs or self.reports or any(t.rows or t.older_copies for t in self.tables.values()))

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())

    def to_dict(self) -> dict[str, Any]:
        lists = {"reports": list(self.reports), "left": list(self.left), "unsearched": list(self.unsearched)}
        return {**dataclasses.asdict(self), **lists}

    def text(self) -> str:
        """The same for people, line by line."""
        lines = [f"Certificate {self.name} of Worthwhile {self.version}", f"Date: {self.at}"]
        if self.what == "customer":
            lines.append("One customer was forgotten at request.")
        else:
            lines += [f"Dropped by age: {kind} before {moment}." for kind, moment in self.before.items()]
        for table, done in self.tables.items():
            lines.append(f"Table {table}: {done.rows:,} rows, and {done.older_copies:,} copies in older versions.")
            lines.append(f"  digest before {done.digest_before}, after {done.digest_after}")
        lines += [f"Run {run}: {rows:,} rows." for run, rows in self.runs.items()]
        lines += [f"Report {page}: removed." for page in self.reports]
        if self.searched:
            lines.append("The files of the shop's folder were searched afterwards.")
            lines += [f"Found there, and not changed: {file}" for file in self.left]
            lines += ["Nothing was found."] if not self.left else []
            lines += [f"Could not be searched: {file}" for file in self.unsearched]
        lines.append("Not reached: backups, exports, and the files that were ingested.")
        return "\n".join(lines) + "\n"


def next_name(shop: Shop) -> str:
    """The name of the next certificate: `erasure-0001`, `erasure-0002`, ..."""
    numbers = [int(path.stem.removeprefix(NAME)) for path in shop.privacy.glob(f"{NAME}[0-9]*.json")]
    return f"{NAME}{max(numbers, default=0) + 1:04}"


def write_certificate(shop: Shop, certificate: Certificate) -> Path:
    """Write it as text and, last, as JSON, which counts."""
    path = shop.privacy / f"{certificate.name}.json"
    write_private(path.with_suffix(".txt"), certificate.text())
    write_private(path, json.dumps(certificate.to_dict(), indent=1) + "\n")
    return path


def certificate_of(document: Mapping[str, Any]) -> Certificate:
    """A certificate from what `to_dict` made of it."""
    tables = {name: TableErased(**table) for name, table in document["tables"].items()}
    return Certificate(**{**document, "tables": tables})
