"""`worth recommend`: what each customer will want next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from worthwhile.cli.answer import Answer, percent, table
from worthwhile.cli.options import Language, Seed, ShopFolder
from worthwhile.cli.progress import progress
from worthwhile.errors import InputError

if TYPE_CHECKING:
    from worthwhile.recommend import Recommendations

# Sentence -> English, Chinese.
TEXTS: dict[str, tuple[str, str]] = {
    "title": ("Recommendations to {customer}", "为 {customer} 推荐"),
    "head.rank": ("rank", "名次"),
    "head.item": ("item", "商品"),
    "head.title": ("title", "名称"),
    "head.score": ("score", "得分"),
    "head.reason": ("reason", "理由"),
    "fixed": (
        "The shop is too young or small to learn from what customers then bought: a fixed rule is used.",
        "本店数据时间太短或太少，无法从客户此后的购买中学习，因此采用固定规则。",
    ),
    "few": (
        "The event model learns from {orders} orders or more, and there are fewer before the windows that the mixture"
        " learns from; the rest answers without it.",
        "事件模型至少需要 {orders} 单才能学习，而混合模型学习窗口之前的订单不足；其余部分不用它给出结果。",
    ),
    "out": ("Recommendations to {customers} customers in {out}", "{customers} 位客户的推荐见 {out}"),
}


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


def _text(key: str, lang: str, **values: object) -> str:
    from worthwhile.languages import LANGUAGES

    return TEXTS[key][LANGUAGES.index(lang)].format(**values)


def _answer(made: Recommendations, lang: str, *, wanted: list[str], out: Path | None, events: bool) -> Answer:
    """The rows of the customers asked about; of all customers the counts alone."""
    from worthwhile.recommend.events import LEAST_ORDERS

    rows = made.table().to_pylist() if wanted else []
    document = {**made.facts, "out": out, "recommendations": rows}
    shown: list[str | Table] = [_table(customer, rows, made.titles, lang) for customer in sorted(set(wanted))]
    if made.facts["mixture"] == "fixed":
        shown.append(_text("fixed", lang))
    if events and not made.facts["events"]:
        shown.append(_text("few", lang, orders=f"{LEAST_ORDERS:,}"))
    if out is not None:
        shown.append(_text("out", lang, customers=f"{made.facts['customers']:,}", out=out))
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
    heads = [_text(f"head.{key}", lang) for key in ("rank", "item", "title", "score", "reason")]
    return table(_text("title", lang, customer=customer), heads, cells)
