"""`worth recommend`: what each customer will want next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from worthwhile.cli.answer import Answer, percent, table
from worthwhile.cli.options import Language, Seed, ShopFolder
from worthwhile.cli.progress import progress
from worthwhile.cli.texts import heads, said
from worthwhile.errors import InputError

if TYPE_CHECKING:
    from worthwhile.recommend import Recommendations


def recommend(
    folder: ShopFolder,
    customer: Annotated[
        list[str] | None, typer.Option("--customer", help="Id of a customer; may be repeated. [default: all]")
    ] = None,
    cutoff: Annotated[
        str | None, typer.Option(help="Recommend as of this day, 2011-09-01. [default: the end of the data]")
    ] = None,
    k: Annotated[int, typer.Option("--k", help="Items to recommend to each customer.")] = 20,
    stock: Annotated[
        Path | None, typer.Option(help="Only items of this file: a column item_id, or one id a line.")
    ] = None,
    new_only: Annotated[bool, typer.Option("--new-only", help="Only items that the customer has not bought.")] = False,
    category: Annotated[
        list[str] | None, typer.Option("--category", help="Only items of this category; may be repeated.")
    ] = None,
    events: Annotated[
        bool, typer.Option("--events", help="Let the event model say too what comes next; takes longer.")
    ] = False,
    lang: Language = "en",
    seed: Seed = None,
    out: Annotated[Path | None, typer.Option(help="File for the recommendations: .parquet, .csv or .jsonl.")] = None,
) -> Answer:
    """Recommend to each customer the items that they will want next.

    Each with a score, the chance that an order within the next 30 days holds it, and a reason. Nothing but vectors of
    titles and pictures is kept in the shop's folder.

    Example:

        worth recommend myshop --cutoff 2011-09-01 --k 20 --out recommendations.parquet
    """
    from worthwhile.recommend import Filters, read_stock, recommend_items
    from worthwhile.shop import open_shop

    shop = open_shop(folder)
    if not customer and out is None:
        raise InputError(
            "bad-argument",
            "for whom, or where the table of all customers goes, is not said",
            where="--customer, --out",
            remedy="give --customer ID, or --out recommendations.parquet",
        )
    filters = Filters(read_stock(stock) if stock is not None else None, new_only, tuple(category or ()))
    with progress() as watch:
        made = recommend_items(
            shop,
            cutoff=cutoff,
            k=k,
            customers=customer or None,
            filters=filters,
            events=events,
            out=out,
            language=lang,
            seed=seed,
            progress=watch,
        )
    return _answer(made, lang, wanted=customer or [], out=out, events=events)


def _answer(made: Recommendations, lang: str, *, wanted: list[str], out: Path | None, events: bool) -> Answer:
    """The rows of the customers asked about; of all customers the counts alone."""
    from worthwhile.recommend.events import LEAST_ORDERS

    rows = made.table().to_pylist() if wanted else []
    document = {**made.facts, "out": out, "recommendations": rows}
    shown: list[str | Table] = [_table(customer, rows, made.titles, lang) for customer in sorted(set(wanted))]
    if made.facts["mixture"] == "fixed":
        shown.append(said("recommend.fixed", lang))
    if events and not made.facts["events"]:
        shown.append(said("recommend.few", lang, orders=f"{LEAST_ORDERS:,}"))
    if out is not None:
        shown.append(said("recommend.out", lang, customers=f"{made.facts['customers']:,}", out=out))
    return Answer(document, shown)


def _table(customer: str, rows: list[dict[str, Any]], titles: dict[str, str], lang: str) -> Table:
    cells = [
        (
            row["rank"],
            row["item_id"],
            titles.get(row["item_id"], ""),
            percent(row["score"]),
            row["reason"],
        )
        for row in rows
        if row["customer_id"] == customer
    ]
    columns = heads("recommend.head", ("rank", "item", "title", "score", "reason"), lang)
    return table(said("recommend.title", lang, customer=customer), columns, cells)
