"""The quality page: what came in, what is wrong with it, what to do about it; a file of the report's family."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from worthwhile.ingestion.findings import SEVERITIES
from worthwhile.ingestion.reasons import detail_in, meaning
from worthwhile.progress import Progress, silent
from worthwhile.report.charts_quality import timeline_figures
from worthwhile.report.numbers import Numbers
from worthwhile.report.quality_content import QualityContent, quality_content
from worthwhile.report.rendering import check_language, rendered, writable, write_page
from worthwhile.report.tables import Cell, Table, short
from worthwhile.report.texts import Voice, read_texts
from worthwhile.shop import Shop

FILES_SHOWN, TEXT_SHOWN, CONTENT_SHOWN = 30, 80, 160


def write_quality_page(shop: Shop, out: Path | str, lang: str = "en", *, progress: Progress = silent) -> Path:
    """Write the page and give its path. Raises InputError `bad-argument` (language, file), `empty-shop`, `damaged`."""
    check_language(lang)
    path = writable(Path(out), "--html")
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
    kinds = voice("tiles.between").join(
        f"{n.count(count)} {voice(f'kinds.{kind}')}" for kind, count in content.kinds.items()
    )
    share = content.refused / content.rows if content.rows else None
    return [
        {
            "name": voice("tiles.rows"),
            "value": n.count(content.rows),
            "note": voice("tiles.rows_note", files=voice.count_of("file", content.file_count)),
        },
        {"name": voice("tiles.events"), "value": n.count(content.events), "note": kinds},
        {
            "name": voice("tiles.refused"),
            "value": n.count(content.refused),
            "note": voice("tiles.refused_note", share=n.share(share)),
        },
        {
            "name": voice("tiles.sales"),
            "value": n.money_short(content.sales),
            "note": voice("tiles.sales_note", customers=voice.count_of("customer", content.customers)),
        },
    ]


def _findings(content: QualityContent, voice: Voice) -> list[dict[str, Any]]:
    n, lang = voice.numbers, voice.numbers.language
    return [
        {
            "severity": finding.severity,
            "code": finding.code,
            "count": n.count(finding.count) + (f" ({n.share(finding.share)})" if finding.share else ""),
            "examples": [short(text, TEXT_SHOWN) for text in finding.shown_examples(lang)],
            **{part: finding.words(part, lang) for part in ("title", "detail", "done", "advice")},
        }
        for finding in content.findings
    ]


def _ledger(content: QualityContent, voice: Voice) -> Table:
    """The files, latest first, and a last row with all of them together."""
    n = voice.numbers
    rows = [
        [
            Cell(short(file.file, TEXT_SHOWN)),
            Cell(file.format),
            Cell(n.day(file.day)),
            Cell(n.count(file.rows)),
            Cell(n.count(file.events)),
            Cell(n.count(file.known)),
            _refused_cell(file.refused, file.rows, voice),
        ]
        for file in content.files[:FILES_SHOWN]
    ]
    all_files = voice("ledger.all", files=voice.count_of("file", content.file_count))
    sums = [
        *(n.count(content.rows), n.count(content.events), n.count(content.known)),
    ]
    last = [Cell(all_files, kind="strong"), Cell(""), Cell(""), *(Cell(text, kind="strong") for text in sums)]
    rows.append([*last, _refused_cell(content.refused, content.rows, voice)])
    head = [voice(f"ledger.{key}") for key in ("file", "format", "day", "rows", "events", "known", "refused")]
    return Table(head, rows, [True, True, False, False, False, False, False])


def _refused_cell(refused: int, rows: int, voice: Voice) -> Cell:
    n = voice.numbers
    return Cell(n.count(refused), n.share(refused / rows) if rows and refused else "", "strong" if refused else "")


def _quarantine(content: QualityContent, voice: Voice) -> list[dict[str, Any]]:
    """For each reason its words, its numbers and a table of some of its rows."""
    n, lang = voice.numbers, voice.numbers.language
    head = [voice(f"quarantine.{key}") for key in ("file", "row", "detail", "content")]
    return [
        {
            "reason": refused.reason,
            "meaning": meaning(refused.reason, lang),
            "count": voice(
                "quarantine.count",
                rows=voice.count_of("row", refused.rows),
                share=n.share(refused.rows / content.rows if content.rows else None),
                files=voice.count_of("file", refused.files),
            ),
            "table": Table(
                head,
                [
                    [
                        Cell(short(file, 40)),
                        Cell(n.count(row)),
                        Cell(short(_visible(detail_in(detail, lang)), TEXT_SHOWN)),
                        Cell(short(_visible(_told(row_content)), CONTENT_SHOWN), kind="soft"),
                    ]
                    for file, row, detail, row_content in refused.examples
                ],
                [True, False, True, True],
            ),
        }
        for refused in content.quarantine
    ]


def _told(content: str | None) -> str:
    """The fields of a refused row that say something, as name=value; a torn line as it stands."""
    try:
        fields = json.loads(content or "{}")
    except ValueError:  # cut off for its length
        return content or ""
    if not isinstance(fields, Mapping):
        return str(fields)
    if set(fields) == {"line"}:
        return str(fields["line"])
    return ", ".join(f"{name}={value}" for name, value in fields.items() if value not in (None, ""))


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
