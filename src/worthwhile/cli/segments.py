"""`worth segments`: who can be addressed alike, what they hold, and what speaks for the usual action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from worthwhile.cli.answer import Answer, money, percent, table
from worthwhile.cli.options import Language, Seed, ShopFolder
from worthwhile.cli.progress import progress
from worthwhile.cli.texts import heads, said

if TYPE_CHECKING:
    from worthwhile.decide.segments import Segments

WAYS_SHOWN = 12  # of a stage to another, most customers first


def segments(
    folder: ShopFolder,
    horizon: Annotated[
        str | None, typer.Option("--horizon", help="Horizon of the forecast. [default: the run's shortest]")
    ] = None,
    run_id: Annotated[str | None, typer.Option("--run", help="Id of a forecast run. [default: the latest]")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            help="Show the movement since this day; a forecast as of it is made where there is none."
            " [default: one horizon before]",
        ),
    ] = None,
    from_run: Annotated[
        str | None, typer.Option("--from-run", help="Show the movement since this earlier forecast run.")
    ] = None,
    past: Annotated[
        bool, typer.Option("--past/--no-past", help="Whether to compare with an earlier date at all.")
    ] = True,
    lang: Language = "en",
    seed: Seed = None,
    out: Annotated[Path | None, typer.Option(help="File for everyone's segments: .parquet, .csv or .jsonl.")] = None,
) -> Answer:
    """Put customers into segments that can be addressed.

    Value tiers, RFM, lifecycle stages and groups found in the data, by a recorded forecast; what each holds, what is
    missing against last year, where customers moved since an earlier date, and what this shop's own log says for the
    usual action. They are kept as a run, which the report shows. Where there is no forecast as of the earlier date, it
    is made first, which may take minutes.

    Example:

        worth segments myshop --since 2011-09-01 --out segments.csv
    """
    from worthwhile.runs.tables import check_out
    from worthwhile.shop import open_shop

    shop = open_shop(folder)
    if out is not None:
        check_out(out)  # before the work, not after it
    with progress() as watch:
        watch("reading the forecast", 0.0)  # before the libraries of the models are loaded
        from worthwhile.decide.segments import make_segments

        made = make_segments(
            shop, run_id=run_id, horizon=horizon, since=since, from_run=from_run, past=past, seed=seed, progress=watch
        )
        if out is not None:
            made.write(out)
    return Answer(made.to_dict() | {"out": out}, _shown(made, lang, out))


def _shown(made: Segments, lang: str, out: Path | None) -> list[str | Table]:
    from worthwhile.decide.segments import sentences
    from worthwhile.evaluation.numbers import Numbers

    currency = made.asked["settings"]["currency"]
    amount = Numbers(lang, currency).money
    by_dimension: dict[str, list[dict[str, Any]]] = {}
    for row in made.summary().to_pylist():
        by_dimension.setdefault(row["dimension"], []).append(row)
    stages = by_dimension["stage"]
    title = said("segments.stages", lang, day=_day(made.facts["day"], lang), horizon=sentences.horizon_of(made, lang))
    shown: list[str | Table] = [_stages(stages, lang, title, currency)]
    shown += [_item(row, sentences.definition_of(row["segment"], made, lang), lang) for row in stages]
    notes = {
        "rfm": [note] if (note := sentences.rfm_note(made, lang)) else [],
        "aipl": [
            _item(row, sentences.aipl_definition(row["segment"], made, lang), lang)
            for row in by_dimension.get("aipl", ())
        ],
        "cluster": [
            f"- {one['number']}. {sentences.cluster_text(one, lang, amount)}"
            for one in made.facts["clusters"]["clusters"]
        ],
    }
    for dimension, key in (("tier", "tiers"), ("rfm", "rfm"), ("aipl", "aipl"), ("cluster", "groups")):
        if dimension in by_dimension:
            shown.append(_segments(by_dimension[dimension], lang, said(f"segments.{key}", lang), currency))
            shown += notes.get(dimension, ())
    shown.append(sentences.clusters_note(made, lang))
    shown += [said("segments.warning", lang, warning=warning) for warning in made.warnings(lang)]
    shown += _flow(made, lang) or [sentences.past_note(made, lang)]
    shown += _evidence(made, stages, lang, amount)
    if out is not None:
        shown.append(said("segments.everyone", lang, people=f"{made.facts['people']:,}", out=out))
    shown.append(said("segments.run", lang, run=made.run_id, folder=made.folder))
    return shown


def _day(day: str, lang: str) -> str:
    from worthwhile.ingestion.words import day_in

    return day_in(date.fromisoformat(day[:10]), lang)


def _item(row: Mapping[str, Any], text: str, lang: str) -> str:
    """A line of a list: the segment's name, and what is said of it."""
    return f"- {_name(row['dimension'], row, lang)}{': ' if lang == 'en' else '：'}{text}"


def _name(dimension: str, row: Mapping[str, Any], lang: str) -> str:
    from worthwhile.decide.segments.words import name_of

    return name_of(dimension, row["segment"], lang)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Size, money held and its share, shortfall, chance to buy, last year's spend."""
    share, chance = (row[name] for name in ("spend_share", "p_active_mean"))
    return (
        f"{row['customers']:,}",
        money(row["spend"]),
        percent(share),
        money(row["shortfall"]),
        percent(chance),
        money(row["spend_last_year"]),
    )


def _columns(lang: str, currency: str) -> tuple[str, ...]:
    keys = ("segment", "customers", "held", "share", "shortfall", "p_active", "last_year")
    return tuple(heads("segments", keys, lang, currency=currency))


def _stages(rows: list[dict[str, Any]], lang: str, title: str, currency: str) -> Table:
    from worthwhile.decide.segments.words import action_of

    cells = [(_name("stage", row, lang), *_cells(row), action_of(row["segment"], lang)) for row in rows]
    return table(title, (*_columns(lang, currency), said("segments.action", lang)), cells)


def _segments(rows: list[dict[str, Any]], lang: str, title: str, currency: str) -> Table:
    cells = [(_name(row["dimension"], row, lang), *_cells(row)) for row in rows]
    return table(title, _columns(lang, currency), cells)


def _evidence(made: Segments, stages: list[dict[str, Any]], lang: str, amount: Callable[[float], str]) -> list[str]:
    """What speaks for the usual action of the stages that somebody is at, as far as anything does."""
    from worthwhile.decide.segments import sentences

    told = {row["segment"]: sentences.evidence_sentences(row["segment"], made, lang, amount) for row in stages}
    lines = [
        _item(row, (" " if lang == "en" else "").join(told[row["segment"]]), lang)
        for row in stages
        if row["customers"] and told[row["segment"]]
    ]
    note = sentences.evidence_note(made, lang)
    if not lines:
        return [note] if note else []
    return [said("segments.evidence", lang), *lines, *([note] if note else []), sentences.honest_label(lang)]


def _flow(made: Segments, lang: str) -> list[str | Table]:
    """The ways that most customers went."""
    from worthwhile.decide.segments.words import name_of

    flow = made.flow()
    if flow is None:
        return []
    ways = sorted(enumerate(flow.to_pylist()), key=lambda pair: (-pair[1]["customers"], pair[0]))[:WAYS_SHOWN]
    cells = [
        (
            name_of("stage", way["from_stage"], lang),
            name_of("stage", way["to_stage"], lang),
            f"{way['customers']:,}",
            money(way["spend_then"]),
            money(way["spend"]),
        )
        for _, way in ways
    ]
    title = said("segments.flow", lang, day=_day(made.facts["past"]["start"], lang), shown=len(cells), all=len(flow))
    return [table(title, heads("segments", ("from", "to", "customers", "then", "now"), lang), cells)]
