"""The options of `worth plan`, in the groups that its help shows them in."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from worthwhile.cli.options import Seed as Seed

_of_shop = partial(typer.Option, rich_help_panel="In a shop: candidates are made of its forecast")
_of_candidates = partial(typer.Option, rich_help_panel="On a table of candidates alone")
_of_channels = partial(typer.Option, rich_help_panel="A budget over acquisition channels")
_limit = partial(typer.Option, rich_help_panel="Limits")
_of_groups = partial(typer.Option, rich_help_panel="Fairness: groups of customers")
_of_customers = partial(typer.Option, rich_help_panel="Who is left out, and left alone to measure by")
_how = partial(typer.Option, rich_help_panel="What is made highest, and how")

ShopOrNone = Annotated[
    Path | None,
    typer.Argument(metavar="[SHOP]", help="Folder of the shop; not needed with --candidates.", show_default=False),
]
Budget = Annotated[float | None, typer.Option(help="What all contacts together may cost.")]
Candidates = Annotated[
    Path | None,
    _of_candidates(help="Plan on this table (.parquet, .csv, .jsonl): customer_id, action, cost, expected_margin."),
]
Actions = Annotated[Path | None, _of_shop(help="What could be done in the shop: a file such as docs/plan.md shows.")]
Customers = Annotated[
    Path | None,
    _of_shop(help="Further columns by customer_id: costs, groups, consent or consent_CHANNEL."),
]
Run = Annotated[str | None, _of_shop("--run", help="Forecast run to plan on. [default: the latest]")]
Channels = Annotated[
    Path | None,
    _of_channels(help="Split the budget over these acquisition channels: channel, spend, new_customers, value_each."),
]
Elasticity = Annotated[
    float | None,
    _of_channels(help="By how many percent 1 % more spend brings more customers. [default: fitted, else 0.5]"),
]
Objective = Annotated[
    str | None,
    _how(help="margin, or profit: margin less cost. [default: profit; of --candidates margin]"),
]
Risk = Annotated[float | None, _how(help="Plan on this lower quantile of each margin, 0.1 say. [default: the mean]")]
PerCustomer = Annotated[int | None, _limit(help="Actions for one customer at most. [default: the file's, else 1]")]
Capacity = Annotated[list[str] | None, _limit(help="Contacts of a channel at most: email=1000; may be repeated.")]
ActionCapacity = Annotated[
    list[str] | None, _limit(help="Contacts of an action at most: voucher=500; may be repeated.")
]
ChannelBudget = Annotated[
    list[str] | None, _limit(help="What a channel's contacts may cost: email=200; may be repeated.")
]
LeastReturn = Annotated[float | None, _limit(help="Margin for each unit of cost, of every contact, at least.")]
PlanReturn = Annotated[float | None, _limit(help="The same of the whole plan.")]
Parity = Annotated[
    list[str] | None,
    _of_groups(help="Each group of a column is contacted at this share of the mean rate or more: region=0.8."),
]
LeastShare = Annotated[
    list[str] | None, _of_groups(help="Each group's share of contacts at least: region=0.1, or region:north=0.1.")
]
MostShare = Annotated[
    list[str] | None, _of_groups(help="Each group's share of contacts at most: region=0.5, or region:north=0.5.")
]
Exclude = Annotated[
    Path | None, _of_customers(help="Customers who are not contacted: a file with one id a line, or customer_id.")
]
Contacted = Annotated[
    Path | None,
    _of_customers(help="Contacts that count against --per-customer already: customer_id and, if given, contacts."),
]
Holdout = Annotated[
    float | None,
    _of_customers(help="Share (or number) of customers left alone, to measure by. [default: 0.1; of --candidates 0]"),
]
Method = Annotated[str, _how(help="auto, exact or lagrangian.")]
Out = Annotated[Path | None, typer.Option(help="File for the chosen rows: .parquet, .csv or .jsonl.")]
HoldoutOut = Annotated[Path | None, _of_customers(help="File for those left alone: .parquet, .csv or .jsonl.")]
Detect = Annotated[
    float | None,
    _of_customers(
        help="Leave as many alone as it takes to find this effect, in spend a customer; instead of --holdout."
    ),
]
