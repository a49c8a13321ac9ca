"""Reads what a report shows from a shop: its latest forecast, the backtest that belongs to it, and the log they saw."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlglot import exp

from worthwhile.features import sql
from worthwhile.features.outcomes import outcome_query
from worthwhile.features.terms import ValueTerms
from worthwhile.ingestion.quality import check
from worthwhile.models.catalogue import any_reads_events
from worthwhile.models.files import read_json
from worthwhile.report.campaign_content import campaign_of
from worthwhile.report.chosen import Chosen, settled
from worthwhile.report.content import BacktestFacts, DataFacts, ForecastFacts, Month, ReportContent, Span
from worthwhile.report.plan_content import plan_of
from worthwhile.report.reasons_content import reasons_of
from worthwhile.report.segments_content import segments_of
from worthwhile.report.uplift_content import uplift_of
from worthwhile.runs.asked import shop_as_asked
from worthwhile.runs.recall import check_horizon, forecast_manifest
from worthwhile.runs.record import check_digests, list_runs, run_folder
from worthwhile.schema import to_us
from worthwhile.shop import Shop
from worthwhile.store.log import Log, open_log
from worthwhile.store.tables import read_table
from worthwhile.tasks import Task

EPOCH = date(1970, 1, 1)
SPANS = 6  # past stretches as long as the horizon
MONTHS = 120


def content_of(
    shop: Shop,
    *,
    run_id: str | None = None,
    horizon: str | None = None,
    plan: str | None = None,
    segments: str | None = None,
    reasons: str | None = None,
    uplift: str | None = None,
    campaign: str | None = None,
) -> ReportContent:
    """The content of the report on a forecast run: by default the one that the run `plan`, `segments` or `reasons` was
    made of, else the latest that has the horizon; without one, of its horizons that which a backtest of the same task
    tells about, else the shortest.

    Plan, segments and reasons are the latest that were made of the forecast, or those named; uplift is the shop's
    latest, and the campaign the one measured last, or those named. The log is read at the version that the forecast
    saw, under the settings that it was made under.
    Raises InputError: `no-such-run`, `damaged`; `bad-argument` for a horizon that the run has not, for a plan,
    segments or reasons of another forecast, for what is named and was made by an earlier version, and for a campaign
    that is not measured.
    """
    chosen = settled(shop, Chosen(run_id, horizon, plan, segments, reasons, uplift))
    run_id, horizon = chosen.run_id, chosen.horizon
    manifest = forecast_manifest(shop, run_id, horizon)
    folder = run_folder(shop, manifest["run_id"])
    check_digests(folder)
    asked = manifest["asked"]
    tested = _backtest_run(shop, asked, [horizon] if horizon else asked["horizons"])
    shown = horizon or (tested["asked"]["horizons"][0] if tested else asked["horizons"][0])
    check_horizon(manifest, shown)
    task = Task.of(shown, asked["target"], **asked["where"])
    shop = shop_as_asked(shop, asked)
    value = ValueTerms.of(shop.settings) if task.target == "value" else None
    cutoff = datetime.fromisoformat(asked["cutoff"])
    with open_log(shop, versions=asked["data_version"]) as log:
        _make_days(log, task)
        forecast = _forecast(log, folder, manifest, task, value)
        data = _data(shop, log, task, cutoff, value)
    return ReportContent(
        shop=shop.name,
        currency=shop.settings["currency"],
        timezone=shop.settings["timezone"],
        data=data,
        forecast=forecast,
        backtest=_backtest(run_folder(shop, tested["run_id"]), tested) if tested else None,
        findings=[finding.to_dict() for finding in check(shop, versions=asked["data_version"])],
        gate=manifest["gate"]["sentences"],
        provenance=_provenance(manifest, tested, task, shop.settings.zone),
        plan=plan_of(shop, manifest["run_id"], shown, run_id=plan),
        reasons=reasons_of(shop, manifest["run_id"], shown, task.amount_name, run_id=reasons),
        segments=segments_of(shop, manifest["run_id"], shown, run_id=segments),
        uplift=uplift_of(shop, run_id=uplift),
        campaign=campaign_of(shop, name=campaign),
    )


def _backtest_run(shop: Shop, asked: Mapping[str, Any], horizons: Sequence[str]) -> dict[str, Any] | None:
    """The latest backtest of the same target, filter and settings over one of these horizons.

    Data that came in between may have moved the end of the log (`data_until`); such a backtest still counts. One of an
    ensemble that reads events tells nothing about one that does not.
    """
    for manifest in list_runs(shop, "backtest"):
        tested = manifest["asked"]
        same = all(tested[key] == asked[key] for key in ("target", "where"))
        same &= _terms(tested) == _terms(asked)
        same &= not (tested["members"] and asked["members"]) or _reads_events(tested) == _reads_events(asked)
        if same and tested["horizons"][0] in horizons:
            return manifest
    return None


def _reads_events(asked: Mapping[str, Any]) -> bool:
    return any(any_reads_events(members) for members in asked["members"])


def _terms(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in asked["settings"].items() if key != "data_until"}


# ---- the forecast ---------------------------------------------------------------------------------------------------


def _forecast(
    log: Log, folder: Path, manifest: Mapping[str, Any], task: Task, value: ValueTerms | None
) -> ForecastFacts:
    asked, horizon = manifest["asked"], str(task.horizon)
    place = asked["horizons"].index(horizon)
    table = pq.read_table(folder / "forecasts.parquet")
    table = table.filter(pc.equal(table["horizon"], horizon))
    histogram = next((h for h in read_json(folder / "amount_histogram.json") if h["horizon"] == horizon), None) or {}
    ensemble = manifest["ensembles"][place] or {}
    cutoff = datetime.fromisoformat(asked["cutoff"])
    end = task.horizon.after(cutoff, log.zone)
    return ForecastFacts(
        table=_with_past(log, table, cutoff),
        horizon=horizon,
        cutoff=cutoff.astimezone(log.zone).date(),
        end=end.astimezone(log.zone).date(),
        model=str(table["model"][0]) if len(table) else str(asked["model"]),
        target=task.target,
        amount_name=task.amount_name,
        variance_of_total=histogram.get("variance_of_total", math.nan),
        weights=ensemble.get("weights") or {},
        actual=_amount_of_known(log, task, (cutoff, end), value)[0] if end <= log.until else None,
    )


def _with_past(log: Log, table: pa.Table, cutoff: datetime) -> pa.Table:
    """The forecast table with what its customers did before the cutoff, in the same order."""
    day = (cutoff.astimezone(log.zone).date() - EPOCH).days
    past = log.con.sql(
        "SELECT customer_id, sum(amount) FILTER (day >= $day - 365) AS past_year,"
        " count(*) FILTER (is_order) AS past_orders,"
        " DATE '1970-01-01' + CAST(max(day) FILTER (is_order) AS INTEGER) AS last_order"
        " FROM report_days WHERE day < $day GROUP BY customer_id",
        params={"day": day},
    ).to_arrow_table()
    places = pc.index_in(table["customer_id"], value_set=past["customer_id"].combine_chunks())
    for name in ("past_year", "past_orders", "last_order"):
        table = table.append_column(name, past[name].take(places))
    return table


# ---- the log --------------------------------------------------------------------------------------------------------


def _make_days(log: Log, task: Task) -> None:
    """The table `report_days`: customer, local day, net amount, whether there were order lines the task asks about."""
    asked = sql.Asked(task.where)
    kinds = "e.kind IN ('order_line', 'refund')"
    # The span is open to both sides: a report on a past forecast shows the months after it, too.
    events = sql.events(kinds, sql.Span(None, 2**62), item_category=asked.by_category)
    days = (
        exp.select(
            "customer_id",
            "day",
            "SUM(COALESCE(amount, 0)) AS amount",
            "MAX(CASE WHEN kind = 'order_line' THEN 1 ELSE 0 END) = 1 AS is_order",
        )
        .from_(events.subquery("e"))
        .where(asked.condition())
        .group_by("customer_id", "day")
    )
    log.con.execute(f"CREATE OR REPLACE TEMP TABLE report_days AS {days.sql('duckdb')}")
    log.con.execute(
        "CREATE OR REPLACE TEMP TABLE report_firsts AS SELECT customer_id,"
        " min(ts_us) AS first_us, min(day) AS first_day FROM events WHERE kind = 'order_line' GROUP BY customer_id"
    )


def _data(shop: Shop, log: Log, task: Task, cutoff: datetime, value: ValueTerms | None) -> DataFacts:
    (events, items) = _row(
        log, "SELECT count(*), count(DISTINCT item_id) FILTER (kind = 'order_line' AND is_goods) FROM events"
    )
    orders, customers = _row(log, "SELECT count(*), count(DISTINCT customer_id) FROM report_days WHERE is_order")
    ledger = read_table(shop, "batches", versions=log.version)
    names = [Path(name).name for name in ledger.sort_by("ingested_at")["file"].to_pylist()]
    return DataFacts(
        events=events,
        orders=orders,
        customers=customers,
        items=items,
        first=log.first.astimezone(log.zone).date(),
        last=(log.until - timedelta(microseconds=1)).astimezone(log.zone).date(),
        files=tuple(dict.fromkeys(names)),
        months=_months(log),
        spans=_spans(log, task, cutoff, value),
    )


def _row(log: Log, query: str) -> tuple[Any, ...]:
    row = log.con.execute(query).fetchone()
    assert row is not None
    return row


def _months(log: Log) -> tuple[Month, ...]:
    rows = log.con.execute(
        "WITH days AS (SELECT d.*, date_trunc('month', DATE '1970-01-01' + CAST(day AS INTEGER)) AS month, first_day"
        " FROM report_days d LEFT JOIN report_firsts USING (customer_id))"
        " SELECT CAST(month AS DATE), count(*) FILTER (is_order), sum(amount), coalesce(sum(amount) FILTER"
        " (DATE '1970-01-01' + CAST(first_day AS INTEGER) < month), 0)"
        " FROM days GROUP BY month ORDER BY month"
    ).fetchall()
    found = {row[0]: Month(*row) for row in rows}
    if not found:
        return ()
    months, month, last = [], min(found), max(found)
    while month <= last:
        months.append(found.get(month, Month(month, 0, 0.0, 0.0)))
        month = (month + timedelta(days=32)).replace(day=1)
    return tuple(months[-MONTHS:])


def _spans(log: Log, task: Task, cutoff: datetime, value: ValueTerms | None) -> tuple[Span, ...]:
    """Stretches as long as the horizon that end at the cutoff, one before the other, while the log reaches back."""
    spans: list[Span] = []
    end = cutoff
    while len(spans) < SPANS and (start := task.horizon.before(end, log.zone)) >= log.first:
        known, new = _amount_of_known(log, task, (start, end), value)
        spans.append(Span(start.astimezone(log.zone).date(), end.astimezone(log.zone).date(), known, new))
        end = start
    return tuple(reversed(spans))


def _amount_of_known(
    log: Log, task: Task, span: tuple[datetime, datetime], value: ValueTerms | None
) -> tuple[float, float]:
    """What outcomes of this span add up to: of those with an order before it, and of all others."""
    start, end = span
    start_day = (start.astimezone(log.zone).date() - EPOCH).days
    outcomes = outcome_query(task, to_us(start), to_us(end), start_day, value=value).sql("duckdb")
    row = log.con.execute(
        "SELECT coalesce(sum(amount) FILTER (first_us < $start), 0),"
        " coalesce(sum(amount) FILTER (first_us >= $start), 0)"
        f" FROM ({outcomes}) JOIN report_firsts USING (customer_id)",
        {"start": to_us(start)},
    ).fetchone()
    assert row is not None
    return float(row[0]), float(row[1])


# ---- the backtest and the provenance --------------------------------------------------------------------------------


def _backtest(folder: Path, manifest: Mapping[str, Any]) -> BacktestFacts:
    check_digests(folder)
    return BacktestFacts(
        scores=pq.read_table(folder / "scores.parquet"),
        curves=pq.read_table(folder / "curves.parquet"),
        skipped=manifest["skipped"],
        warned=manifest["warned"],
    )


def _provenance(
    manifest: Mapping[str, Any], tested: Mapping[str, Any] | None, task: Task, zone: ZoneInfo
) -> tuple[tuple[str, str], ...]:
    asked = manifest["asked"]
    facts = [
        ("run", str(manifest["run_id"])),
        ("cutoff", datetime.fromisoformat(asked["cutoff"]).astimezone(zone).isoformat(timespec="minutes")),
        ("horizon", str(task.horizon)),
        ("target", task.target),
        *(("filter", f"{column} = {' / '.join(values)}") for column, values in task.where),
        ("model", str(asked["model"])),
        ("seed", str(asked["seed"])),
        ("data_version", _pairs(asked["data_version"])),
        ("packages", _pairs(manifest["packages"])),
    ]
    if tested is not None:
        facts.insert(1, ("backtest", str(tested["run_id"])))
    return tuple(facts)


def _pairs(versions: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
