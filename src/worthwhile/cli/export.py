"""`worth export`: audiences and plans for other systems."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worthwhile.cli.answer import Answer
from worthwhile.cli.options import Language, ShopFolder
from worthwhile.errors import InputError


def export(
    folder: ShopFolder,
    what: Annotated[
        str, typer.Option(help="forecast, plan, segments, uplift, campaign:NAME, or a file with customer_id.")
    ],
    out: Annotated[Path, typer.Option(help="File to write: .csv, .parquet or .jsonl.")],
    run: Annotated[str | None, typer.Option("--run", help="Run to take it from. [default: the latest]")] = None,
    file: Annotated[
        str | None, typer.Option(help="Another table of the run, such as holdout.parquet.", show_default=False)
    ] = None,
    where: Annotated[list[str] | None, typer.Option(help="Only rows with this: tier=high; may be repeated.")] = None,
    consent: Annotated[
        Path | None, typer.Option(help="Who said yes: customer_id, and consent or consent_CHANNEL.")
    ] = None,
    channel: Annotated[
        str, typer.Option(help="Channel that consent is asked for, where rows name none.", show_default=False)
    ] = "",
    exclude: Annotated[
        Path | None, typer.Option(help="Customers who are left out: a file with one id a line, or customer_id.")
    ] = None,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Write a file of nobody where nobody is left; else that is an error.")
    ] = False,
    lang: Language = "en",
) -> Answer:
    """Hand over an audience or a plan, to those alone who may be contacted.

    Customers ascending, in CSV that no spreadsheet takes for formulas, Parquet or JSON lines. Beside the file lies
    a manifest: run, cutoff, data version, digest, and who was left out and why, in numbers.

    Example:

        worth export myshop --what forecast --out audience.csv
    """
    from worthwhile.decide.handover import Audience
    from worthwhile.decide.handover import export as hand_over
    from worthwhile.decide.tables import read_ids, read_table
    from worthwhile.decide.words import words_of
    from worthwhile.shop import open_shop

    audience = Audience(
        where=_where(where or []),
        channel=channel,
        consent=None if consent is None else read_table(consent, where="--consent", columns=("customer_id", "consent")),
        excluded=frozenset() if exclude is None else read_ids(exclude, where="--exclude"),
        allow_empty=allow_empty,
    )
    shop = open_shop(folder)
    made = hand_over(shop, what, out, run_id=run, file=file, audience=audience)
    words = words_of(lang)
    shown = [words("page.warning", text=text) for text in made.warning_sentences(lang)]
    shown += [*made.sentences(lang), words("export.manifest", path=made.manifest_path)]
    return Answer(made.to_dict(lang), shown)


def _where(texts: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in texts:
        column, sign, value = text.partition("=")
        if not sign:
            raise InputError("bad-argument", f"`{text}` is no selection", where="--where", remedy="write tier=high")
        found.setdefault(column.strip(), []).append(value.strip())
    return found
