"""What a command answers: one document for `--json`, and tables and sentences for people."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from worthwhile.plain import plain

PIPE_WIDTH = 120  # of tables that are not printed on a terminal


@dataclass(frozen=True)
class Answer:
    """A command's answer: `document` is the JSON, `shown` what a person reads, top to bottom."""

    document: Mapping[str, Any]
    shown: Sequence[str | Table]


def print_answer(answer: Answer, *, wants_json: bool) -> None:
    """The answer on stdout."""
    if wants_json:
        sys.stdout.write(as_json(answer.document))
        return
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    for place, part in enumerate(answer.shown):
        if place and (isinstance(part, Table) or isinstance(answer.shown[place - 1], Table)):
            console.print()
        if isinstance(part, str):
            console.print(printable(part), markup=False, highlight=False, soft_wrap=True)
        else:
            console.print(part)


def error_console() -> Console:
    return Console(file=sys.stderr)


def as_json(document: Mapping[str, Any]) -> str:
    """One JSON document with a final newline; what JSON cannot say (NaN, infinity) is null."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return json.dumps(plain(document), ensure_ascii=not unicode, indent=2, allow_nan=False) + "\n"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """A table whose columns of numbers stand to the right. Cells are texts, numbers are formatted by the caller."""
    texts = [[printable(str(cell)) for cell in row] for row in rows]
    shown = Table(title=printable(title), title_justify="left", title_style="bold", box=None, pad_edge=False)
    for k, name in enumerate(columns):
        numeric = bool(texts) and all(_is_number(row[k]) for row in texts)
        shown.add_column(name, justify="right" if numeric else "left", header_style="dim", overflow="fold")
    for row in texts:
        shown.add_row(*(Text(cell) for cell in row))
    return shown


def printable(text: str) -> str:
    """The text without characters that steer a terminal: ids and titles come from files of strangers."""
    text = text.replace("\u00a0", " ")  # a blank that a line is not broken at, which terminals know nothing of
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


# A number as people write it: sign, currency, digits, unit.
_NUMBER = re.compile(r"[<>]?[+−-]?((?:[A-Z]{0,2}[$£€¥₹₩])|[A-Z]{3}\s)?\d[\d,]*(\.\d+)?(\s?(%|[kmbn]{1,2}|万|亿))?")


_COMMAND = re.compile(r"\b(worth(?: [a-z]+){1,2}) SHOP\b")


def _is_number(text: str) -> bool:
    return text in ("", "-", "–") or _NUMBER.fullmatch(text) is not None


def at_shop(text: str, folder: Path | None) -> str:
    """The text with the shop's folder, as it was given, in the commands that it tells to run, in place of SHOP."""
    return text if folder is None else _COMMAND.sub(lambda match: f"{match[1]} {shlex.quote(str(folder))}", text)


def money(amount: float | None, currency: str = "") -> str:
    """`£1,234`, and without a currency `1,234`; cents below 100. Written as in reports."""
    from worthwhile.evaluation.numbers import Numbers

    return Numbers("en", currency).money(amount)


def percent(value: float | None) -> str:
    """`12%`, `9.8%`: written as in reports."""
    from worthwhile.evaluation.numbers import share

    return share(value)
