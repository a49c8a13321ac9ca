"""Which plan and segments a report shows."""

import hashlib
import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import worthwhile as ww
from oracles.small_orders import write_orders
from worthwhile.errors import InputError
from worthwhile.report import content_of
from worthwhile.report.build import report_html
from worthwhile.report.chosen import Chosen, Made, settled
from worthwhile.report.texts import voice_of
from worthwhile.runs import list_runs

ACTIONS = {"actions": {"email": {"cost": 0.05, "lift_spend": 0.03}}}


@pytest.fixture(scope="module")
def _made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chosen") / "shop"
    shop = ww.create_shop(folder, currency="GBP", timezone="Europe/London", threads=1, value__margin=0.4)
    ww.ingest(shop, write_orders(tmp_path_factory.mktemp("files") / "orders.csv", customers=60))
    runs = {}
    for day in ("2011-06-01", "2011-09-01"):
        ww.forecast(shop, horizon="90d", model="past-rate", cutoff=day)
        runs[day] = [ww.plan(shop, ACTIONS, budget).run_id for budget in (10, 25)]
        runs["segments " + day] = ww.make_segments(shop, past=False).run_id
    return folder, runs


@pytest.fixture
def shop(_made, tmp_path):
    return ww.open_shop(shutil.copytree(_made[0], tmp_path / "shop"))


@pytest.fixture
def runs(_made):
    return _made[1]


def test_the_latest_plan_and_segments_of_the_latest_forecast_are_shown_with_id_and_date(shop, runs):
    content = content_of(shop)
    assert content.plan.made.run_id == runs["2011-09-01"][1]
    assert content.segments.made.run_id == runs["segments 2011-09-01"]
    page = report_html(content)
    for made in (content.plan.made, content.segments.made):
        assert f"Run {made.run_id}, made on " in page and f"{made.at:%H:%M}" in page


def test_a_named_plan_is_shown_with_the_forecast_that_it_was_made_of(shop, runs, tmp_path):
    wanted = runs["2011-06-01"][0]
    content = content_of(shop, plan=wanted)
    assert content.plan.made.run_id == wanted and content.forecast.cutoff.isoformat() == "2011-06-01"
    assert content.segments.made.run_id == runs["segments 2011-06-01"]
    page = ww.write_report(shop, out=tmp_path / "page.html", plan=wanted).read_text(encoding="utf-8")
    assert wanted in page and runs["2011-06-01"][1] not in page


def test_named_segments_choose_the_forecast_too(shop, runs):
    content = content_of(shop, segments=runs["segments 2011-06-01"])
    assert content.forecast.cutoff.isoformat() == "2011-06-01"
    assert content.plan.made.run_id == runs["2011-06-01"][1]


@pytest.mark.parametrize(
    ("asked", "code", "where"),
    [
        ({"plan": "plan-none"}, "no-such-run", "--plan"),
        ({"segments": "segments-none"}, "no-such-run", "--segments"),
        ({"reasons": "reasons-none"}, "no-such-run", "--reasons"),
        ({"uplift": "uplift-none"}, "no-such-run", "--uplift"),
        ({"plan": "2011-06-01", "segments": "segments 2011-09-01"}, "bad-argument", "--segments"),
        ({"plan": "2011-06-01", "horizon": "30d"}, "bad-argument", "--plan"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_forecast_to_name(shop, runs, asked, code, where):
    first = {key: found[0] if isinstance(found, list) else found for key, found in runs.items()}
    with pytest.raises(InputError) as caught:
        settled(shop, Chosen(**{name: first.get(value, value) for name, value in asked.items()}))
    assert (caught.value.code, caught.value.where) == (code, where)
    remedies = ("plan-", "segments-", "--run forecast-", "worth explain SHOP", "worth uplift SHOP")
    assert any(text in caught.value.remedy for text in remedies)


def test_a_run_that_does_not_say_when_it_was_made_is_named_without_a_date():
    assert Made("plan-1").said(voice_of("en", "GBP", "90d")) == "Run plan-1"
    assert Made.of({"run_id": "plan-1", "made_at": "2024-07-01T09:05:00+00:00"}, None).run_id == "plan-1"


def test_named_reasons_choose_the_forecast_too_and_old_ones_are_passed_over(shop, runs):
    older, newest = (_told(shop, runs[day][0]) for day in ("2011-06-01", "2011-09-01"))
    content = content_of(shop, reasons=older)
    assert content.reasons.made.run_id == older and content.forecast.cutoff.isoformat() == "2011-06-01"
    assert content_of(shop).reasons.made.run_id == newest
    make_old(shop.runs / newest, "importance", "orders_effect_mean")
    assert content_of(shop).reasons is None and "reasons" in report_html(content_of(shop))
    with pytest.raises(InputError, match="earlier version") as caught:
        content_of(shop, reasons=newest)
    assert (caught.value.where, caught.value.remedy) == ("--reasons", "make it anew: worth explain SHOP")


def test_segments_of_an_earlier_version_are_passed_over_and_refused_by_name(shop, runs):
    newest = runs["segments 2011-09-01"]
    make_old(shop.runs / newest, "summary", "shortfall")
    assert content_of(shop).segments is None and "segments-" not in report_html(content_of(shop))
    with pytest.raises(InputError, match="earlier version") as caught:
        content_of(shop, segments=newest)
    assert caught.value.where == "--segments"


def test_the_campaign_measured_last_is_shown_or_the_one_that_is_named(shop):
    assert content_of(shop).campaign is None
    for name in ("autumn", "winter", "spring"):
        ww.design_campaign(shop, name, [ww.Arm("email", cost=0.05)], sizing=ww.Sizing(holdout=0.4))
    ww.measure_campaign(shop, "winter")
    ww.measure_campaign(shop, "autumn")
    later = change_measured(shop, "winter", measured_at="2999-01-01T00:00:00+00:00")
    assert content_of(shop).campaign.name == "winter" and f"{later.measured_at:%Y}" == "2999"
    assert content_of(shop, campaign="autumn").campaign.name == "autumn"
    change_measured(shop, "winter", notes=None)  # as an earlier version measured
    assert content_of(shop).campaign.name == "autumn"
    for name, words in (("winter", "earlier version"), ("spring", "not been measured"), ("none", "no campaign")):
        with pytest.raises(InputError, match=words) as caught:
            content_of(shop, campaign=name)
        assert name in caught.value.remedy or caught.value.code == "no-such-run"


def change_measured(shop, name, **changed):
    """A campaign with other facts of its measurement; None takes one away."""
    path = shop.campaigns / name / "manifest.json"
    manifest = json.loads(path.read_text())
    measured = manifest["measured"] | changed
    manifest["measured"] = {key: value for key, value in measured.items() if value is not None}
    path.write_text(json.dumps(manifest))
    return content_of(shop).campaign


def _told(shop, plan):
    """The id of reasons told of the forecast of a plan."""
    asked = content_of(shop, plan=plan).plan.facts["forecast"]
    ww.explain_forecast(shop, run_id=asked, sample=3)
    return list_runs(shop, "reasons")[0]["run_id"]


def make_old(folder, table, column):
    """A run as it was recorded before a table of it had the column."""
    path = folder / f"{table}.parquet"
    pq.write_table(pq.read_table(path).drop_columns([column]), path)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_named_uplift_is_shown_and_one_of_an_earlier_version_is_refused(shop):
    for number, run_id in enumerate(("uplift-1", "uplift-2")):
        folder = shop.runs / run_id
        folder.mkdir()
        for name in ("policies", "deciles", "curves"):
            pq.write_table(pa.table({"share": [1.0]}), folder / f"{name}.parquet")
        told = {"run_id": run_id, "kind": "uplift", "number": 100 + number, "asked": {}, "sha256": {}, "responders": []}
        (folder / "manifest.json").write_text(json.dumps(told))
    assert content_of(shop).uplift.made.run_id == "uplift-2"
    assert content_of(shop, uplift="uplift-1").uplift.made.run_id == "uplift-1"
    old = {key: value for key, value in told.items() if key != "responders"} | {"run_id": "uplift-1"}
    (shop.runs / "uplift-1" / "manifest.json").write_text(json.dumps(old))
    with pytest.raises(InputError, match="earlier version"):
        content_of(shop, uplift="uplift-1")
