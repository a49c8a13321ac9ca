"""All that decides how the texts of one file are read, known before the first row is."""

from __future__ import annotations

from dataclasses import dataclass

from worthwhile.ingestion.columns import Columns
from worthwhile.ingestion.formats import Format
from worthwhile.ingestion.screening import UNSCREENED, Screening
from worthwhile.ingestion.source import Source


@dataclass(frozen=True)
class Reading:
    """How one file is read."""

    source: Source
    form: Format
    columns: Columns
    zone: str
    date_format: str = ""
    is_format_kept: bool = False  # from an earlier file, in shop.toml
    decimal: str = ""  # the sign that parts decimals, where numbers do not tell
    currency: str = ""  # the shop's
    screening: Screening = UNSCREENED
    unread: tuple[str, ...] = ()  # columns that are read as nothing
    maybe_money: tuple[str, ...] = ()  # those among them that may hold the amounts, where no column was found to
    odd_blanks: bool = False  # texts have blanks around them that are none of the usual: five times as slow to trim
