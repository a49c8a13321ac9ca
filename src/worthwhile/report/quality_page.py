"""The quality page: what came in, what is wrong with it, what to do about it; a file of the report's family."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from worthwhile.evaluation.numbers import Numbers
from worthwhile.ingestion.findings import SEVERITIES
from worthwhile.ingestion.reasons import detail_in, meaning
from worthwhile.languages import check_language
from worthwhile.progress import Progress, silent
from worthwhile.report.charts_quality import timeline_figures
from worthwhile.report.quality_content import QualityContent, Refused, quality_content
from worthwhile.report.rendering import rendered, write_page
from worthwhile.report.tables import Cell, Table, short
from worthwhile.report.texts import Voice, read_texts
from worthwhile.runs.tables import PAGE_SUFFIXES, check_out
from worthwhile.shop import Shop

FILES_SHOWN, FILE_SHOWN, TEXT_SHOWN, CONTENT_SHOWN = 30, 40, 80, 200


def write_quality_page(shop: Shop, out: Path | str, lang: str = "en", *, progress: Progress = silent) -> Path:
    """Write the page and give its path. Raises InputError `bad-argument` (language, file), `empty-shop`, `damaged`."""
    check_language(lang)
    path = check_out(out, suffixes=PAGE_SUFFIXES, where="--html")
    progress("checking", 0.0)
    content = quality_content(shop)
    progress("writing the page", 0.9)
    write_page(path, quality_html(content, lang))
    return path


def quality_voice(lang: str, currency: str) -> Voice:
    """The texts of the report and of this page; a horizon is not spoken of."""
    return Voice(read_texts(lang) | read_texts(lang, "quality-"), Numbers(lang, currency), "1d")


def quality_html(content: QualityContent, lang: str = "en") -> str:
    """The whole page as text. Raises InputError `bad-argument` for an unknown language."""
    check_language(lang)
    voice = quality_voice(lang, content.currency)
    return rendered(
        "quality.html",
        lang,
        voice,
        content=content,
        counts=_severities(content),
        lead=_lead(content, voice),
        tiles=_tiles(content, voice),
        figures=timeline_figures(content, voice),
        findings=_findings(content, voice),
        ledger=_ledger(content, voice),
        ledger_note=_ledger_note(content, voice),
        quarantine=_quarantine(content, voice),
        holders=_holders(content, voice),
        provenance=[
            (voice("provenance.data_version"), content.data_version),
            (voice("provenance.timezone"), content.timezone),
            (voice("provenance.currency"), content.currency),
        ],
    )


def _severities(content: QualityContent) -> dict[str, int]:
    return {severity: sum(f.severity == severity for f in content.findings) for severity in SEVERITIES}


def _lead(content: QualityContent, voice: Voice) -> str:
    """The one sentence to take away."""
    counts = _severities(content)
    worst = next((severity for severity in SEVERITIES if counts[severity]), "none")
    first = content.findings[0].words("title", voice.numbers.language) if content.findings else ""
    return voice(f"lead.{worst}", count=voice.count_of(f"quality_{worst}", counts.get(worst, 0)), first=first)


def _tiles(content: QualityContent, voice: Voice) -> list[dict[str, str]]:
    """The numbers at the top, each with its small print."""
    n = voice.numbers
    kinds = voice("tiles.between").join(voice.count_of(f"kind_{kind}", count) for kind, count in content.kinds.items())
    settled = content.refused - content.missing
    return [
        {
            "name": voice("tiles.rows"),
            "value": n.count(content.rows),
            "note": voice("tiles.rows_note", files=voice.count_of("file", content.file_count)),
        },
        {"name": voice("tiles.events"), "value": n.count(content.events), "note": kinds},
        {
            "name": voice("tiles.refused"),
            "value": n.count(content.missing),
            "note": voice("tiles.refused_note", share=n.share(content.missing_share))
            + (voice("tiles.settled", rows=voice.count_of("row", settled)) if settled else ""),
        },
        {
            "name": voice("tiles.sales"),
            "value": n.money_told(content.sales),
            "note": voice("tiles.sales_note", customers=voice.count_of("customer", content.customers))
            + (
                voice("tiles.refunded_only", customers=voice.count_of("other", content.refunded_only))
                if content.refunded_only
                else ""
            ),
        },
    ]


def _with_code(text: str) -> Markup:
    """A text in which words of a file stand between backticks."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def _findings(content: QualityContent, voice: Voice) -> list[dict[str, Any]]:
    n, lang = voice.numbers, voice.numbers.language
    return [
        {
            "severity": finding.severity,
            "code": finding.code,
            "count": n.count(finding.count) + (f" ({n.share(finding.share)})" if finding.share else ""),
            "examples": [_with_code(short(text, TEXT_SHOWN)) for text in finding.shown_examples(lang)],
            **{part: _with_code(finding.words(part, lang)) for part in ("title", "detail", "done", "advice")},
        }
        for finding in content.findings
    ]


def _ledger(content: QualityContent, voice: Voice) -> Table:
    """The files, latest first, and a last row with all of them together: in each, rows and what they made beside
    themselves come to new, known and refused ones."""
    n = voice.numbers
    rows = [
        [
            Cell(_file(file.file), kind="name"),
            Cell(file.format),
            Cell(n.day(file.day)),
            Cell(n.count(file.rows)),
            Cell(n.count(file.paired)),
            Cell(n.count(file.events), voice("ledger.listed") if file.is_list and file.events else ""),
            Cell(n.count(file.known)),
            _refused_cell(file.refused, file.rows, voice),
        ]
        for file in content.files[:FILES_SHOWN]
    ]
    if content.file_count > 1:
        rows.append(_ledger_sums(content, voice))
    head = [voice(f"ledger.{key}") for key in ("file", "format", "day", "rows", "paired", "events", "known", "refused")]
    return Table(head, rows, [True, True, False, False, False, False, False, False])


def _ledger_sums(content: QualityContent, voice: Voice) -> list[Cell]:
    n = voice.numbers
    paired = content.new + content.known + content.refused - content.rows
    sums = [n.count(number) for number in (content.rows, paired, content.new, content.known)]
    all_files = voice("ledger.all", files=voice.count_of("file", content.file_count))
    strong = [Cell(text, kind="strong") for text in (all_files, "", "", *sums)]
    return [*strong, _refused_cell(content.refused, content.rows, voice)]


def _ledger_note(content: QualityContent, voice: Voice) -> str:
    """How the ledger adds up, and how its new ones become the events in the log."""
    gone = content.new - content.listed - content.events
    parts = [voice("ledger.note")]
    if content.listed:
        parts.append(voice("ledger.lists", rows=voice.count_of("row", content.listed)))
    if gone:
        parts.append(voice("ledger.gone", events=voice.count_of("event", gone)))
    if content.listed or gone:
        parts.append(voice("ledger.left", events=voice.count_of("event", content.events)))
    if content.file_count > FILES_SHOWN:
        files = voice.count_of("file", content.file_count)
        parts.append(voice("ledger.more", shown=FILES_SHOWN, files=files))
    return voice("page.space").join(parts)


def _file(name: str) -> str:
    """A file's name, a long one without its middle: its end tells as much as its beginning."""
    return name if len(name) <= FILE_SHOWN else f"{name[: FILE_SHOWN - 16]}…{name[-15:]}"


def _refused_cell(refused: int, rows: int, voice: Voice) -> Cell:
    n = voice.numbers
    return Cell(n.count(refused), n.share(refused / rows) if rows and refused else "", "strong" if refused else "")


def _quarantine(content: QualityContent, voice: Voice) -> list[dict[str, Any]]:
    """For each reason its words, its numbers and a table of some of its rows."""
    n, lang = voice.numbers, voice.numbers.language
    return [
        {
            "reason": refused.reason,
            "meaning": meaning(refused.reason, lang),
            "count": voice(
                "quarantine.count",
                rows=voice.count_of("row", refused.rows),
                share=n.share(refused.rows / content.missing * content.missing_share),
                files=voice.count_of("file", refused.files),
            ),
            "table": _refused_table(refused, voice),
        }
        for refused in content.quarantine
    ]


def _refused_table(refused: Refused, voice: Voice) -> Table:
    """Some rows refused for one reason; why, where the reason alone does not say it."""
    n, lang = voice.numbers, voice.numbers.language
    has_detail = any(detail for _, _, detail, *_ in refused.examples)
    keys = ("file", "row", *(("detail",) if has_detail else ()), "content")
    rows = [
        [
            Cell(_file(file), kind="name"),
            Cell(n.count(row)),
            *([Cell(short(_visible(detail_in(detail, lang)), TEXT_SHOWN))] if has_detail else []),
            Cell(short(_visible(_told(content, mapping)), CONTENT_SHOWN), kind="soft"),
        ]
        for file, row, detail, content, mapping in refused.examples
    ]
    return Table([voice(f"quarantine.{key}") for key in keys], rows, [key != "row" for key in keys])


def _told(content: str | None, mapping: str) -> str:
    """The fields of a refused row that say something, those that are read first; a torn line as it stands."""
    try:
        fields = json.loads(content or "{}")
    except ValueError:  # cut off for its length
        return content or ""
    if not isinstance(fields, Mapping):
        return str(fields)
    if set(fields) == {"line"}:
        return str(fields["line"])
    read = json.loads(mapping).values()
    names = dict.fromkeys([*(name for name in read if name in fields), *fields])
    return ", ".join(f"{name}: {fields[name]}" for name in names if fields[name] not in (None, ""))


def _visible(text: str) -> str:
    """Control characters and marks that turn the direction of writing are shown by their numbers."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def _holders(content: QualityContent, voice: Voice) -> Table | None:
    if not content.holders:
        return None
    n = voice.numbers
    rows: Sequence[Sequence[Cell]] = [
        [
            Cell(str(place), kind="faint"),
            Cell(short(_visible(holder.customer))),
            Cell(n.count(holder.orders)),
            Cell(n.money(holder.amount), kind="strong"),
            Cell(n.share(holder.share)),
        ]
        for place, holder in enumerate(content.holders, start=1)
    ]
    head = [voice(f"holders.{key}") for key in ("rank", "customer", "orders", "amount", "share")]
    return Table(head, rows, [False, True, False, False, False])
