"""The report: one self-contained HTML file, English or Chinese, that opens without a network."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from worthwhile.evaluation.verdict import LEADING_METRIC
from worthwhile.languages import check_language
from worthwhile.progress import Progress, silent
from worthwhile.report import charts_backtest, charts_forecast, facts, tables
from worthwhile.report.campaign_section import campaign_section
from worthwhile.report.charts_forecast import Figure
from worthwhile.report.collect import content_of
from worthwhile.report.content import BacktestFacts, ReportContent
from worthwhile.report.plan_section import plan_section
from worthwhile.report.reasons_section import reasons_section
from worthwhile.report.rendering import rendered, write_page
from worthwhile.report.segments_section import segments_section
from worthwhile.report.texts import Voice, voice_of
from worthwhile.report.uplift_section import uplift_section
from worthwhile.report.verdicts import lead_of, verdict_on
from worthwhile.runs.tables import PAGE_SUFFIXES, check_out
from worthwhile.shop import Shop


def write_report(  # noqa: PLR0913 (one parameter for each run that a person chooses)
    shop: Shop,
    lang: str = "en",
    out: Path | str | None = None,
    *,
    run_id: str | None = None,
    horizon: str | None = None,
    plan: str | None = None,
    segments: str | None = None,
    reasons: str | None = None,
    uplift: str | None = None,
    campaign: str | None = None,
    progress: Progress = silent,
) -> Path:
    """Write the report of the shop's latest forecast (or of `run_id`) and give its path.

    `out` is a file; by default `reports/report-<lang>.html` in the shop's folder. `horizon` picks one of several.
    `plan`, `segments` and `reasons` are ids of runs to show instead of the latest; the forecast is then theirs.
    `uplift` is that of an uplift, and `campaign` the name of a measured campaign, whatever the forecast.
    Raises InputError: `bad-argument` (language, horizon, folder, a plan, segments or reasons of another forecast,
    what an earlier version made, or a campaign that is not measured), `no-such-run`, `empty-shop`, `damaged`.
    """
    check_language(lang)
    path = shop.reports / f"report-{lang}.html" if out is None else Path(out)
    if out is None:
        path.parent.mkdir(parents=True, exist_ok=True)
    else:
        check_out(path, suffixes=PAGE_SUFFIXES)
    progress("reading the shop", 0.0)
    content = content_of(
        shop,
        run_id=run_id,
        horizon=horizon,
        plan=plan,
        segments=segments,
        reasons=reasons,
        uplift=uplift,
        campaign=campaign,
    )
    progress("writing the report", 0.8)
    write_page(path, report_html(content, lang))
    return path


def report_html(content: ReportContent, lang: str = "en") -> str:
    """The whole page as text. Raises InputError `bad-argument` for an unknown language."""
    check_language(lang)
    forecast = content.forecast
    voice = voice_of(lang, content.currency, forecast.horizon, forecast.amount_name)
    said = verdict_on(content, lang)
    return rendered(
        "report.html",
        lang,
        voice,
        content=content,
        headline=_headline(content, voice),
        figures=_figures(content, voice),
        tables=_tables(content, voice),
        findings=_findings(content.findings or (), voice),
        proof=_proof(content, voice),
        proof_notes=_proof_notes(content.backtest, voice),
        verdict=said,
        verdict_lead=lead_of(said),
        gate=list(content.gate.get(lang, ()))[: tables.FINDINGS_SHOWN],
        models=_models(content, voice),
        metrics=tables.shown_metrics(LEADING_METRIC[forecast.target]),
        words=("order", "customer", "spend", "expected", "chance", "range", "total", "test", "one_time"),
        provenance=_provenance(content, voice),
        reasons=reasons_section(content.reasons, voice),
        plan=plan_section(content.plan, voice),
        segments=segments_section(content.segments, voice),
        uplift=uplift_section(content.uplift, voice),
        campaign=campaign_section(content.campaign, voice),
    )


# ---- the parts of the page ------------------------------------------------------------------------------------------


def _headline(content: ReportContent, voice: Voice) -> dict[str, Any]:
    """The four numbers that everything else explains, with the small print of each."""
    forecast, n = content.forecast, voice.numbers
    mean = facts.amounts(forecast)
    total, customers = float(mean.sum()), len(mean)
    active = float(facts.numbers(forecast.table, "p_active").sum())
    orders = float(facts.numbers(forecast.table, "orders_mean").sum())
    past = facts.past_totals(content.backtest, forecast.model)
    interval = facts.total_interval(forecast, past)
    source = "none" if interval is None else interval.kind
    if source == "usual" and content.backtest is not None:
        source = "other"
    kind = voice(f"headline.range_{source}", tests=voice.count_of("test", len(past)))
    top = max(1, round(customers * 0.1))
    actual = None
    if forecast.actual is not None:
        miss = total / forecast.actual - 1 if forecast.actual > 0 else float("nan")
        actual = voice("headline.actual", actual=n.money(forecast.actual), miss=n.change(miss))
    return {
        "total": n.money_short(total),
        "range": interval
        and voice("headline.range", low=n.money_short(interval.low), high=n.money_short(interval.high)),
        "range_kind": kind,
        "active": n.count(active),
        "active_note": voice(
            "headline.active_note",
            share=n.share(active / customers if customers else None),
            customers=voice.count_of("customer", customers),
        ),
        "top": n.share(facts.held_by_top(mean, 0.1)),
        "top_note": voice("headline.top_note", customers=voice.count_of("customer", top)),
        "orders": n.count(orders),
        "orders_note": voice("headline.orders_note", value=n.money(total / orders))
        if orders > 0 and total > 0
        else voice("headline.orders_note_none"),
        "actual": actual,
        "other_model": _other_model(content, voice),
        "no_backtest": _no_backtest(content, voice),
    }


def _other_model(content: ReportContent, voice: Voice) -> str:
    """That the verdict is on another model than the forecast's own, where that was not tested."""
    own = content.forecast.model
    tested = own if content.backtest is None else facts.shown_model(content.forecast, content.backtest)
    if tested == own:
        return ""
    command = f"worth backtest {shlex.quote(content.shop)} --horizon {content.forecast.horizon}"
    command += "" if own == "ensemble" else f" --model {own}"
    return voice("headline.other_model", own=own, tested=tested, command=command)


def _no_backtest(content: ReportContent, voice: Voice) -> str:
    """What to do where no test was run: one needs as much history before the horizon as the horizon is long."""
    forecast, days = content.forecast, (content.data.last - content.data.first).days + 1
    if 2 * (forecast.end - forecast.cutoff).days <= days:
        return voice("headline.no_backtest", shop=shlex.quote(content.shop), horizon=forecast.horizon)
    return voice("headline.no_backtest_yet", longest=f"{max(days // 2, 1)}d")


def _figures(content: ReportContent, voice: Voice) -> dict[str, list[Figure]]:
    """The charts of each section; those that the content cannot fill are left out."""
    forecast, data, backtest = content.forecast, content.data, content.backtest
    interval = facts.total_interval(forecast, facts.past_totals(backtest, forecast.model))
    found: dict[str, list[Figure | None]] = {
        "data": [charts_forecast.months_figure(data, forecast.cutoff, voice)],
        "forecast": [
            charts_forecast.spans_figure(data, forecast, interval, voice),
            charts_forecast.bins_figure(forecast, voice),
        ],
        "value": [
            charts_forecast.concentration_figure(forecast, voice),
            charts_forecast.deciles_figure(forecast, voice),
        ],
        "proof": _proof_figures(content, backtest, voice) if backtest else [],
    }
    return {section: [f for f in figures if f is not None] for section, figures in found.items()}


def _proof_figures(content: ReportContent, backtest: BacktestFacts, voice: Voice) -> list[Figure | None]:
    model, zone = facts.shown_model(content.forecast, backtest), ZoneInfo(content.timezone)
    curves = backtest.curves
    return [
        charts_backtest.totals_figure(facts.past_totals(backtest, model), voice, zone),
        charts_backtest.models_figure(facts.score_table(backtest.scores, content.forecast.target), voice),
        charts_backtest.calibration_figure(curves, model, voice),
        charts_backtest.gain_figure(curves, model, voice),
        charts_backtest.reliability_figure(curves, model, voice),
        charts_backtest.coverage_figure(curves, model, voice),
        charts_backtest.pit_figure(curves, model, voice),
    ]


def _tables(content: ReportContent, voice: Voice) -> dict[str, tables.Table | None]:
    forecast, backtest = content.forecast, content.backtest
    risk = facts.at_risk(forecast)
    found = {
        "top": tables.top_table(forecast, voice),
        "risk": tables.risk_table(risk, voice) if risk and risk.rows else None,
        "weights": tables.weights_table(forecast, voice),
        "scores": None,
        "cutoffs": None,
    }
    if backtest is not None:
        scores = facts.score_table(backtest.scores, content.forecast.target)
        found["scores"] = tables.scores_table(scores, forecast.model, voice)
        found["cutoffs"] = tables.cutoffs_table(scores, forecast.model, voice, ZoneInfo(content.timezone))
    return found


def _proof(content: ReportContent, voice: Voice) -> dict[str, str]:
    """The texts around charts and tables that hold numbers."""
    forecast, backtest, n = content.forecast, content.backtest, voice.numbers
    mean = facts.amounts(forecast)
    said = {"top_title": voice("customers.top_title", count=min(facts.SHOWN_CUSTOMERS, len(mean)))}
    share = facts.held_by_top(mean, facts.SHOWN_CUSTOMERS / max(len(mean), facts.SHOWN_CUSTOMERS))
    said["top_share"] = voice("customers.top_share", share=n.share(share))
    risk = facts.at_risk(forecast)
    if risk is not None:
        key = "customers.risk_title" if risk.customers else "customers.risk_none"
        said["risk_title"] = voice(key, customers=n.count(risk.customers), among=n.count(risk.among))
        said["risk_note"] = voice("customers.risk_note", amount=n.money_short(risk.past_year))
    if backtest is not None:
        tests = voice.count_of("test", len(facts.score_table(backtest.scores, content.forecast.target).cutoffs))
        model = facts.shown_model(forecast, backtest)
        said["intro"] = voice(
            "proof.intro" if model == forecast.model else "proof.intro_other", model=model, tests=tests
        )
        said["scores_note"] = voice("proof.scores_note", tests=tests)
        leading = LEADING_METRIC[forecast.target]
        said["cutoffs_title"] = voice("proof.cutoffs_title", error=voice(f"metrics.{leading}.name"))
        said["cutoffs_note"] = voice("proof.cutoffs_note", meaning=voice(f"metrics.{leading}.text"))
    return said


def _proof_notes(backtest: BacktestFacts | None, voice: Voice) -> list[str]:
    """Which models were not tested at every date, or had little ground, each with the reason at its latest date."""
    notes, between = [], "；" if voice.numbers.language == "zh" else "; "
    for key, by_cutoff in (("skipped", backtest.skipped), ("warned", backtest.warned)) if backtest else ():
        reasons = {
            model: _in_language(why, voice) for by_model in by_cutoff.values() for model, why in by_model.items()
        }
        if reasons:
            models = between.join(f"{model} ({reason})" for model, reason in sorted(reasons.items()))
            notes.append(voice(f"proof.{key}", models=models))
    return notes


def _models(content: ReportContent, voice: Voice) -> str:
    model = content.forecast.model
    return voice("models.used", model=model, sentence=tables.model_sentence(model, voice))


def _findings(findings: Sequence[Mapping[str, Any]], voice: Voice) -> list[dict[str, Any]]:
    """The findings in the report's language, the worst first; a text may be one text or language -> text."""
    n, severities = voice.numbers, ("serious", "warning", "info")
    shown = []
    for finding in findings:
        severity = str(finding.get("severity"))
        count, share = finding.get("count"), finding.get("share")
        examples = list(finding.get("examples") or ())[: tables.EXAMPLES_SHOWN]
        shown.append(
            {
                "severity": severity if severity in severities else "info",
                "count": "" if count is None else n.count(count) + (f" ({n.share(share)})" if share else ""),
                "examples": [tables.short(_in_language(example, voice), 60) for example in examples],
                **{key: _in_language(finding.get(key) or "", voice) for key in ("title", "detail", "done")},
            }
        )
    return sorted(shown, key=lambda f: severities.index(f["severity"]))[: tables.FINDINGS_SHOWN]


def _in_language(value: Mapping[str, str] | str, voice: Voice) -> str:
    if isinstance(value, str):
        return value
    return str(value.get(voice.numbers.language) or value.get("en") or "")


def _provenance(content: ReportContent, voice: Voice) -> list[tuple[str, str]]:
    facts_shown = [*content.provenance, ("timezone", content.timezone), ("currency", content.currency)]
    return [
        (voice(f"provenance.{name}") if f"provenance.{name}" in voice else name, text) for name, text in facts_shown
    ]
