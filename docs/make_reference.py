"""Writes the tables of the reference pages from the code's own tables: python docs/make_reference.py

A page holds its table between `<!-- begin: name -->` and `<!-- end: name -->`; everything else is written by hand.
A test fails where a page is out of date.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
BLOCK = re.compile(r"(<!-- begin: (?P<name>[\w-]+) -->\n).*?(<!-- end: (?P=name) -->)", re.DOTALL)


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for row in rows:
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in row) + " |")
    return "\n".join(lines) + "\n"


def _sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def settings() -> str:
    from worthwhile.settings import SETTINGS

    def default(value: Any) -> str:
        return {"": "(empty)"}.get(value, f"`{value}`") if isinstance(value, str) else f"`{value}`"

    def env(setting: Any) -> str:
        return "" if isinstance(setting.default, dict) else f"`{setting.env}`"

    return _table(
        ("setting", "default", "environment variable", "what it is for"),
        ((f"`{s.key}`", default(s.default), env(s), s.doc) for s in SETTINGS.values()),
    )


def errors() -> str:
    from worthwhile.errors import ERROR_KINDS

    return _table(
        ("code", "exit code", "HTTP status", "meaning"),
        ((f"`{code}`", kind.exit_code, kind.http_status, kind.meaning) for code, kind in ERROR_KINDS.items()),
    )


def metrics() -> str:
    from worthwhile.evaluation.metrics import METRICS

    def better(metric: Any) -> str:
        return f"nearest to {metric.ideal:g}" if metric.direction == "nearest" else metric.direction

    return _table(
        ("metric", "better", "unit", "definition", "source"),
        ((f"`{m.name}`", better(m), m.unit, m.definition, m.source) for m in METRICS.values()),
    )


def curves() -> str:
    from worthwhile.evaluation.curves import CURVES

    return _table(("curve", "what its points are"), ((f"`{name}`", text) for name, text in CURVES.items()))


def models() -> str:
    from worthwhile.models.catalogue import MODELS

    def membership(kind: Any) -> str:
        return ("with more than orders" if kind.reads_events else "yes") if kind.is_member else "no"

    def needs(kind: Any) -> str:
        texts = {
            "customers": "{} customers",
            "repeat_buyers": "{} who ordered again",
            "matured_rows": "{} customers in matured windows",
            "matured_buyers": "{} buyers in matured windows",
        }
        least = {name: getattr(kind.needs, name) for name in texts}
        return ", ".join(texts[name].format(f"{count:,}") for name, count in least.items() if count)

    return _table(
        ("model", "family", "member of the ensemble", "needs at least", "what it is"),
        (
            (
                f"`{name}`",
                kind.family,
                membership(kind),
                needs(kind),
                _sentence(kind.sentence),
            )
            for name, kind in MODELS.items()
        ),
    )


def targets() -> str:
    from worthwhile.tasks import TARGETS

    return _table(("target", "what it is"), ((f"`{name}`", _sentence(text)) for name, text in TARGETS.items()))


def features() -> str:
    from worthwhile.features.declared import FEATURES, GROUPS

    parts = []
    for group, (english, _) in GROUPS.items():
        rows = [(f"`{f.name}`", f.unit, _sentence(f.meaning)) for f in FEATURES if f.group == group]
        parts.append(f"### {_sentence(english)[:-1]}\n\n" + _table(("feature", "unit", "meaning"), rows))
    return "\n".join(parts)


def kinds() -> str:
    from worthwhile.schema import EVENT_KINDS

    return _table(
        ("kind", "what it stands for"), ((f"`{kind}`", _sentence(text)) for kind, text in EVENT_KINDS.items())
    )


def fields() -> str:
    from worthwhile.ingestion.columns import FIELDS

    return _table(
        ("column of events", "what it holds"), ((f"`{name}`", _sentence(text)) for name, text in FIELDS.items())
    )


def types() -> str:
    from worthwhile.ingestion.effects import EFFECTS, TYPES

    rows = []
    for effect, meaning in EFFECTS.items():
        words = ", ".join(f"`{word}`" for word, own in TYPES.items() if own == effect)
        rows.append((_sentence(meaning.split(";")[0]), words))
    return _table(("a row becomes", "where its type is"), rows)


def formats() -> str:
    from worthwhile.ingestion.formats import FORMATS

    return _table(("format", "what it is"), ((f"`{f.name}`", _sentence(f.description)) for f in FORMATS.values()))


def _format(name: str) -> str:
    """Which column of a format's files is read as what."""
    from worthwhile.ingestion.columns import FIELDS
    from worthwhile.ingestion.formats import FORMATS

    form = FORMATS[name]
    rows = []
    for field in FIELDS:
        if field in form.columns:
            names = ", ".join(f"`{own}`" for own in form.columns[field])
            instead = ", ".join(f"`{own}`" for own in form.instead.get(field, ()))
            meaning = FIELDS[field] if (form.holds, field) != ("customers", "ts") else "when they registered"
            rows.append((f"`{field}`", names, instead, _sentence(meaning)))
    return _table(
        ("event column", "column of the file, the first that is there", "where it is empty", "what it is"), rows
    )


def findings() -> str:
    from worthwhile.ingestion.quality import FINDINGS

    def severity(kind: Any) -> str:
        return (
            f"{kind.severity}; serious from {kind.serious_from:.0%}" if kind.serious_from <= 1 else str(kind.severity)
        )

    return _table(
        ("code", "severity", "meaning"),
        ((f"`{code}`", severity(kind), _sentence(kind.meaning)) for code, kind in FINDINGS.items()),
    )


# What the examples of findings on the page are filled with.
_EXAMPLE: dict[str, Any] = {
    **{"count": 120, "share": 0.024, "currency": "GBP", "amount": -1234.5, "customer": "guest", "held": 0.23},
    **{
        "types": "`teleported` 120",
        "statuses": "`on the way`, `held`",
        "reasons": "bad-date 100, bad-number 20",
        "pictures": "no-file 100, broken 20",
        "files": 1,
        "column": "Total",
        "orders": 80,
        "items": 40,
    },
    **{"refunds": 5000, "limit": 4603.24, "median": 11.9, "spans": 2, "longest": 29, "days": 31},
    **{"start": date(2024, 2, 2), "first": date(1970, 1, 1), "last": date(2099, 1, 1)},
}


def advice() -> str:
    """Each finding as it is told, with what was done and what to do."""
    from worthwhile.ingestion.quality import FINDINGS, Finding

    parts = []
    for code in FINDINGS:
        odd = {"ancient-dates": {"limit": date(2019, 1, 4)}, "never-paid": {"types": "`pending` 120"}}.get(code, {})
        facts = {name: value for name, value in (_EXAMPLE | odd).items() if name not in ("count", "share")}
        finding = Finding(code, _EXAMPLE["count"], _EXAMPLE["share"], (), facts)
        parts.append(
            f"### {finding.title} (`{code}`)\n\n> {finding.detail}\n\n"
            f"What was done: {finding.done}. What to do: {finding.advice}\n"
        )
    return "\n".join(parts)


def reasons() -> str:
    from worthwhile.ingestion import REASONS

    return _table(("reason", "meaning"), ((f"`{code}`", _sentence(text)) for code, text in REASONS.items()))


def commands() -> str:
    from typer.main import get_command

    from worthwhile.cli.app import app

    group: Any = get_command(app)
    parts = []
    for name, command in _leaves(group.commands):
        text = inspect.cleandoc(command.help or "")
        text, _, example = text.partition("Example:")
        rows = []
        for parameter in command.params:
            is_argument = parameter.param_type_name == "argument"
            shown = parameter.metavar if is_argument else "/".join(parameter.opts)
            rows.append((f"`{shown}`", _default(parameter), parameter.help or ""))
        code = "\n".join(line.strip() for line in example.strip().splitlines())
        parts.append(
            f"## worth {name}\n\n{text.strip()}\n\n```bash\n{code}\n```\n\n"
            + _table(("argument or option", "default", "what it does"), rows)
        )
    return "\n".join(parts)


def _leaves(commands: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Commands with their full names: `campaign design` of the group `campaign`."""
    for name, command in commands.items():
        for word, inner in getattr(command, "commands", {"": command}).items():
            yield f"{name} {word}".strip(), inner


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    value = parameter.default
    return f"`{value}`" if value not in (None, False, (), []) else ""


def public() -> str:
    import worthwhile

    parts = []
    for name, module in worthwhile.PUBLIC.items():
        value = getattr(worthwhile, name)
        first = inspect.cleandoc(value.__doc__ or "").split("\n\n")[0].replace("\n", " ")
        parts.append(
            f"### `ww.{name}`\n\n{first}\n\n```text\n{name}({_parameters(value)})\n```\n\nLies in `{module}`.\n"
        )
    return "\n".join(parts)


def _parameters(function: Any) -> str:
    """As in the code: annotations are texts there, and a default that is a function is its name."""
    texts, is_keyword_only = [], False
    for parameter in inspect.signature(function).parameters.values():
        star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        if parameter.kind is parameter.KEYWORD_ONLY and not is_keyword_only:
            is_keyword_only = True
            texts += [] if any(text.startswith("*") for text in texts) else ["*"]
        text = f"{star}{parameter.name}: {parameter.annotation}"
        if parameter.default is not parameter.empty:
            text += f" = {getattr(parameter.default, '__name__', repr(parameter.default))}"
        texts.append(text)
    return ", ".join(texts)


BLOCKS: dict[str, Callable[[], str]] = {
    block.__name__: block
    for block in (
        commands, settings, errors, metrics, curves, models, targets, features, fields, types, formats, kinds,
        findings, advice, reasons, public,
    )
}  # fmt: skip


def block(name: str) -> str:
    kind, _, of = name.partition("-")
    return _format(of) if kind == "format" else BLOCKS[name]()


def pages() -> list[Path]:
    return sorted(DOCS.rglob("*.md"))


def renewed(page: str) -> str:
    """The page with each of its tables as the code has it now."""

    def fill(match: re.Match[str]) -> str:
        return f"{match[1]}\n{block(match['name'])}\n{match[3]}"

    return BLOCK.sub(fill, page)


def main() -> int:
    changed = 0
    for path in pages():
        old = path.read_text(encoding="utf-8")
        new = renewed(old)
        if new != old:
            path.write_text(new, encoding="utf-8")
            sys.stdout.write(f"renewed {path.relative_to(DOCS)}\n")
            changed += 1
    return changed


if __name__ == "__main__":
    main()
