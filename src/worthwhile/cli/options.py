"""Arguments and options that several commands share, so that they are called alike everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worthwhile.languages import language_of

ShopFolder = Annotated[Path, typer.Argument(metavar="SHOP", help="Folder of the shop.", show_default=False)]
Horizons = Annotated[
    list[str] | None,
    typer.Option("--horizon", help="Span after the cutoff: 90d, 12w, 6mo, 1y; may be repeated. [default: 90d]"),
]
Target = Annotated[str, typer.Option("--target", help="spend, orders, active, churn or value.")]
Category = Annotated[
    list[str] | None, typer.Option("--category", help="Only orders of this category; may be repeated.")
]
Channel = Annotated[list[str] | None, typer.Option("--channel", help="Only orders of this channel; may be repeated.")]
Item = Annotated[list[str] | None, typer.Option("--item", help="Only orders of this item id; may be repeated.")]
FineTune = Annotated[
    bool,
    typer.Option("--fine-tune", help="Let in-context learn in this shop's past windows; kept only where it helps."),
]
Tune = Annotated[int, typer.Option("--tune", min=0, help="Settings of each model to try, forward in time; 0: none.")]
Language = Annotated[
    str, typer.Option("--lang", callback=language_of, help="Language of what people read: en or zh (zh-CN, cn).")
]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of all random numbers. [default: the shop's]")]
