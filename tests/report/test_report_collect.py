from datetime import date, timedelta

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from oracles.small_orders import order_rows, write_orders
from worthwhile.errors import InputError
from worthwhile.ingestion import ingest
from worthwhile.report import collect, content_of, write_report
from worthwhile.report.build import report_html
from worthwhile.runs import Asked, backtest, forecast, list_runs
from worthwhile.shop import create_shop, open_shop

CUTOFF = date(2011, 9, 1)
SPAN = timedelta(days=90)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A shop of 80 customers with forecasts and a backtest by simple rules."""
    folder = tmp_path_factory.mktemp("reported")
    made = create_shop(folder / "shop", currency="CNY", timezone="Asia/Shanghai", threads=1)
    ingest(made, write_orders(folder / "orders.csv"))
    made = open_shop(made.folder)
    backtest(made, "90d", cutoffs=["2011-04-01"], models=["past-rate"])
    forecast(made, "60d", cutoff=CUTOFF, model="past-rate")
    forecast(made, "90d", cutoff=CUTOFF, model="past-rate", asked=Asked(category="tea"))
    forecast(made, ["30d", "90d"], cutoff=CUTOFF, model="past-rate")
    return made


@pytest.fixture(scope="module")
def lines():
    """(customer, day, amount) of every line of the file."""
    return [(r[1], date.fromisoformat(r[2]), int(r[5]) * float(r[6])) for r in order_rows()]


def test_the_horizon_with_a_backtest_is_chosen(shop):
    content = content_of(shop)
    assert content.forecast.horizon == "90d" and content.backtest is not None
    assert (content.forecast.cutoff, content.forecast.end) == (CUTOFF, CUTOFF + SPAN)
    assert content_of(shop, horizon="30d").backtest is None


def test_the_date_of_the_forecast_is_that_of_the_shops_clock(shop):
    assert dict(content_of(shop).provenance)["cutoff"] == "2011-09-01T00:00+08:00"


def test_of_a_horizon_that_the_latest_run_has_not_the_latest_that_has_it_is_shown(shop):
    assert content_of(shop, horizon="60d").forecast.horizon == "60d"


def test_a_backtest_of_an_ensemble_that_reads_events_tells_nothing_of_one_that_does_not(shop, monkeypatch):
    [tested] = list_runs(shop, "backtest")
    found = {}
    for members in (["linear"], ["linear", "events"]):
        manifest = {**tested, "asked": {**tested["asked"], "members": [["linear"], members]}}
        monkeypatch.setattr(collect, "list_runs", lambda shop, kind, manifest=manifest: [manifest])
        found["events" in members] = collect._backtest_run(shop, {**tested["asked"], "members": [["linear"]]}, ["90d"])
    assert found[False] is not None and found[True] is None


def test_months_add_up_the_lines_of_the_file(shop, lines):
    months = {m.start: m for m in content_of(shop).data.months}
    first = {}
    for customer, day, _ in lines:
        first[customer] = min(day, first.get(customer, day))
    for start, month in months.items():
        inside = [(c, d, a) for c, d, a in lines if d.replace(day=1) == start]
        assert month.amount == pytest.approx(sum(a for *_, a in inside))
        assert month.amount_known == pytest.approx(sum(a for c, _, a in inside if first[c] < start))
        assert month.orders == len({(c, d) for c, d, _ in inside})
    assert list(months) == sorted(months) and len(months) == 25


def test_spans_are_as_long_as_the_horizon_and_end_at_the_cutoff(shop, lines):
    spans = content_of(shop).data.spans
    first = {}
    for customer, day, _ in lines:
        first[customer] = min(day, first.get(customer, day))
    assert spans[-1].end == CUTOFF and all(s.end - s.start == SPAN for s in spans)
    for span in spans:
        inside = [(c, a) for c, d, a in lines if span.start <= d < span.end]
        assert span.amount_known == pytest.approx(sum(a for c, a in inside if first[c] < span.start))
        assert span.amount_new == pytest.approx(sum(a for c, a in inside if first[c] >= span.start))


def test_the_past_of_each_customer_ends_before_the_cutoff(shop, lines):
    for row in content_of(shop).forecast.table.to_pylist():
        own = [(d, a) for c, d, a in lines if c == row["customer_id"] and d < CUTOFF]
        assert row["past_orders"] == len({d for d, _ in own}) and row["last_order"] == max(d for d, _ in own)
        year = sum(a for d, a in own if d >= CUTOFF - timedelta(days=365))
        assert (row["past_year"] or 0.0) == pytest.approx(year)


def test_a_matured_forecast_is_shown_with_what_came(shop, lines):
    content = content_of(shop)
    known = {c for c, d, _ in lines if d < CUTOFF}
    came = sum(a for c, d, a in lines if c in known and CUTOFF <= d < CUTOFF + SPAN)
    assert content.forecast.actual == pytest.approx(came)


def test_a_filter_narrows_the_history_as_it_narrows_the_forecast(shop):
    filtered = next(m["run_id"] for m in list_runs(shop, "forecast") if m["asked"]["where"])
    narrow = content_of(shop, run_id=filtered)
    tea = [(date.fromisoformat(r[2]), int(r[5]) * float(r[6])) for r in order_rows() if r[4] == "tea"]
    for month in narrow.data.months:
        assert month.amount == pytest.approx(sum(a for d, a in tea if d.replace(day=1) == month.start))
    assert narrow.backtest is None  # the one there is asked about everything
    assert ("filter", "category = tea") in narrow.provenance
    assert "category = tea" in report_html(narrow)


def test_the_report_agrees_with_the_forecast_table(shop):
    content = content_of(shop)
    run = dict(content.provenance)["run"]
    table = pq.read_table(shop.runs / run / "forecasts.parquet")
    table = table.filter(pc.equal(table["horizon"], content.forecast.horizon))
    assert content.forecast.table["customer_id"].to_pylist() == table["customer_id"].to_pylist()
    assert np.isclose(pc.sum(content.forecast.table["spend_mean"]).as_py(), pc.sum(table["spend_mean"]).as_py())


@pytest.mark.parametrize(("lang", "word"), [("en", "Customer value forecast"), ("zh", "客户价值预测")])
def test_the_report_is_written_into_the_shop(shop, lang, word):
    path = write_report(shop, lang)
    assert path == shop.reports / f"report-{lang}.html"
    assert word in path.read_text(encoding="utf-8") and not path.with_name(path.name + ".new").exists()


def test_the_report_can_be_written_elsewhere(shop, tmp_path):
    assert write_report(shop, out=tmp_path / "r.html").stat().st_size > 50_000
    with pytest.raises(InputError) as raised:
        write_report(shop, out=tmp_path / "none" / "r.html")
    assert raised.value.code == "bad-argument"


def test_what_cannot_be_reported_is_said_plainly(shop, tmp_path):
    with pytest.raises(InputError) as raised:
        content_of(create_shop(tmp_path / "empty"))
    assert raised.value.code == "no-such-run"
    with pytest.raises(InputError) as raised:
        content_of(shop, run_id="forecast-none")
    assert raised.value.code == "no-such-run"
    with pytest.raises(InputError) as raised:
        content_of(shop, horizon="1y")
    assert (raised.value.code, raised.value.where) == ("bad-argument", "--horizon")


def test_a_changed_run_is_not_reported(shop):
    run_id = dict(content_of(shop).provenance)["run"]
    path = shop.runs / run_id / "forecasts.parquet"
    kept = path.read_bytes()
    path.write_bytes(kept + b" ")
    with pytest.raises(InputError) as raised:
        content_of(shop, run_id=run_id)
    path.write_bytes(kept)
    assert raised.value.code == "damaged"
