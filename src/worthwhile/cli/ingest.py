"""`worth ingest`: files and databases become events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from worthwhile.cli.answer import Answer, table
from worthwhile.cli.options import ShopFolder
from worthwhile.cli.progress import progress
from worthwhile.errors import InputError

if TYPE_CHECKING:
    from worthwhile.ingestion import FileReport, IngestReport

UNREAD_SHOWN = 12  # columns


def ingest(
    folder: ShopFolder,
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="CSV, TSV, JSON, JSON lines (also gzipped), Parquet, XLSX or XLS; a pattern in quotes "
            "('orders/*.csv'); or one database: postgresql://, mysql://.",
            show_default=False,
        ),
    ],
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="EVENT=FILE", help="customer_id=Buyer: column of events = column of the file."),
    ] = None,
    format: Annotated[str | None, typer.Option(help="Format of the files, where it is not recognised.")] = None,
    date_format: Annotated[str | None, typer.Option(help="strptime format of the dates, such as %d/%m/%Y.")] = None,
    decimal: Annotated[
        str | None, typer.Option(metavar="SIGN", help="What parts decimals, `,` or `.`, where 1.299 may be either.")
    ] = None,
    query: Annotated[str | None, typer.Option(metavar="SQL", help="What to ask the database: one SELECT.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="VALUE", help="What :since in the query is; `last`: where it ended last time.")
    ] = None,
    overlap: Annotated[
        str | None,
        typer.Option(
            metavar="SPAN", help="How far before the last value to read again: 30s, 10min, 1d. [default: 10min]"
        ),
    ] = None,
    wait: Annotated[float, typer.Option(metavar="SECONDS", help="How long to wait for another writer.")] = 60,
    pseudonymise: Annotated[
        bool | None,
        typer.Option(
            "--pseudonymise/--no-pseudonymise",
            help="Replace all ids of customers, or none (--no-pseudonymise). [default: e-mails, phones and the like]",
            show_default=False,
        ),
    ] = None,
) -> Answer:
    """Read files of orders, or a database, into a shop.

    Columns are recognised by their names and values; `--map` overrides that and is kept in shop.toml. Rows that
    cannot be used go to quarantine with their file, row and reason. The same file again adds nothing.

    Example:

        worth ingest myshop orders.csv --map customer_id=Buyer
    """
    from worthwhile.ingestion import ingest as ingest_files
    from worthwhile.shop import open_shop

    shop = open_shop(folder)
    mapping = _mapping(columns or [])
    with progress() as watch:
        done = ingest_files(
            shop,
            *files,
            mapping=mapping,
            format=format,
            date_format=date_format,
            decimal=decimal,
            query=query,
            since=since,
            overlap=overlap,
            wait=wait,
            pseudonymise=pseudonymise,
            progress=watch,
        )
    return Answer(done.to_dict(), _said(done))


def _said(done: IngestReport) -> list[str | Table]:
    """A row for each file, then why rows were refused and what else should be known."""
    from worthwhile.ingestion import REASONS

    rows = [
        (f.file, f.format, f"{f.rows:,}", f"{f.events:,}", f"{f.known:,}", f"{sum(f.refused.values()):,}")
        for f in done.files
    ]
    said: list[str | Table] = [table("Ingested", ("file", "format", "rows", "new events", "known", "refused"), rows)]
    refused: Counter[str] = Counter()
    for one in done.files:
        refused.update(one.refused)
    if refused:
        reasons = [(reason, f"{count:,}", REASONS[reason]) for reason, count in refused.most_common()]
        said.append(table("Refused, and kept in quarantine", ("reason", "rows", "meaning"), reasons))
    said += [f"{_named(one)}: columns read as {_taken(one)}" for one in done.files if one.mapping]
    said += [f"{_named(one)}: not read: {_few(one.unread)}" for one in done.files if one.unread]
    said += [f"{_named(one)}: {note}" for one in done.files for note in one.notes]
    return said


def _named(one: FileReport) -> str:
    """The file; of a set that was joined, the first of its files: the table above names them all."""
    first, *others = one.file.split(" + ")
    return f"{first} and {len(others)} more" if others else first


def _taken(one: FileReport) -> str:
    """Which column of the file stands for what; a wrong guess is mended with --map."""
    return ", ".join(f"{event_column}={column}" for event_column, column in one.mapping.items())


def _few(names: Sequence[str]) -> str:
    """Columns of the file: an export may have a hundred that nothing is read from."""
    more = f" and {len(names) - UNREAD_SHOWN} more" if len(names) > UNREAD_SHOWN else ""
    return ", ".join(f"`{name}`" for name in names[:UNREAD_SHOWN]) + more


def _mapping(columns: list[str]) -> dict[str, str] | None:
    mapping = {}
    for text in columns:
        event_column, equals, file_column = text.partition("=")
        if not equals or not event_column:
            raise InputError("bad-argument", f"`{text}` maps nothing", where="--map", remedy="write customer_id=Buyer")
        mapping[event_column.strip()] = file_column
    return mapping or None
