"""What an ingest did, file by file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class FileReport:
    """One file. Rows are either refused or make an event; some make another one beside it, such as the order line and
    its refund, or what an order cost beyond its lines: `paired` counts these.

    So rows + paired = events + known + superseded + sum of refused.
    """

    file: str
    batch_id: str
    format: str
    rows: int
    events: int  # new ones
    known: int  # were in the log already
    paired: int
    refused: Mapping[str, int]  # reason -> rows
    refunds_matched: int
    mapping: Mapping[str, str]  # event column -> column of the file
    how: Mapping[str, str]  # event column -> given, kept, name, value or shape
    notes: tuple[str, ...] = ()  # what the user should know
    replaced: int = 0  # events of earlier versions of orders, which are gone from the log
    superseded: int = 0  # events of earlier versions of orders, which gave way to what the file or the log has
    seen_before: bool = False  # the very same file is in the shop already, and nothing was done
    read_until: str | None = None  # how far a database was read: what `since="last"` goes on from
    left_out: Mapping[str, str] = field(default_factory=dict)  # column that identifies persons -> kind of identifier
    unread: tuple[str, ...] = ()  # columns of the file that are read as nothing
    pseudonymised: bool = False  # whether ids of customers were replaced

    def to_dict(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "batch_id": self.batch_id,
            "format": self.format,
            "rows": self.rows,
            "events": self.events,
            "known": self.known,
            "paired": self.paired,
            "replaced": self.replaced,
            "superseded": self.superseded,
            "refused": dict(self.refused),
            "refunds_matched": self.refunds_matched,
            "mapping": dict(self.mapping),
            "how": dict(self.how),
            "notes": list(self.notes),
            "seen_before": self.seen_before,
            "read_until": self.read_until,
            "left_out": dict(self.left_out),
            "unread": list(self.unread),
            "pseudonymised": self.pseudonymised,
        }


@dataclass(frozen=True)
class IngestReport:
    """All files of one ingest, in the order given."""

    files: tuple[FileReport, ...]

    @property
    def rows(self) -> int:
        return sum(report.rows for report in self.files)

    @property
    def events(self) -> int:
        return sum(report.events for report in self.files)

    @property
    def known(self) -> int:
        return sum(report.known for report in self.files)

    @property
    def refused(self) -> int:
        return sum(sum(report.refused.values()) for report in self.files)

    def to_dict(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "events": self.events,
            "known": self.known,
            "refused": self.refused,
            "files": [report.to_dict() for report in self.files],
        }
