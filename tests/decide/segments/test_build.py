import json
import math
from datetime import date, timedelta

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from decide.segments.conftest import CUTOFF, DAYS, HORIZON
from oracles.small_orders import order_rows
from worthwhile.decide.segments import build, make_segments, recorded_segments
from worthwhile.decide.segments.evidence import wilson
from worthwhile.decide.segments.recorded import movement_warnings
from worthwhile.decide.segments.sentences import evidence_note, evidence_sentences, past_note
from worthwhile.decide.segments.stages import STAGES
from worthwhile.decide.segments.tables import FLOW, GONE, NOT_YET, SEGMENTS, SUMMARY, Everyone, flow_table
from worthwhile.errors import InputError
from worthwhile.privacy import forget
from worthwhile.runs import Asked, forecast, list_runs
from worthwhile.runs.recall import recorded_forecast
from worthwhile.shop import change_settings

BEFORE = CUTOFF - timedelta(days=DAYS)


def ordered_before(day):
    return {row[1] for row in order_rows(60) if date.fromisoformat(row[2]) < day}


def test_everyone_whom_the_shop_knows_is_in_exactly_one_stage(made):
    table = made.table()
    assert table.schema == SEGMENTS
    looked = {f"V{k:04d}" for k in range(10)}
    assert table["customer_id"].to_pylist() == sorted(ordered_before(CUTOFF) | looked)
    assert set(table["stage"].to_pylist()) <= set(STAGES)
    prospects = table.filter(pc.equal(table["stage"], "prospect"))
    assert set(prospects["customer_id"].to_pylist()) == looked
    assert prospects["spend_mean"].null_count == prospects["tier"].null_count == len(looked)


def test_sizes_and_money_of_each_dimension_add_up(made, shop):
    summary, expected = made.summary(), recorded_forecast(shop, horizon=HORIZON).table()["spend_mean"]
    assert summary.schema == SUMMARY
    total = pc.sum(expected).as_py()
    for dimension, people in (("stage", len(made.table())), ("tier", len(expected)), ("rfm", len(expected))):
        rows = summary.filter(pc.equal(summary["dimension"], dimension))
        assert pc.sum(rows["customers"]).as_py() == people
        assert pc.sum(rows["spend"]).as_py() == pytest.approx(total)
        assert pc.sum(rows["spend_share"]).as_py() == pytest.approx(1)


def test_the_shortfall_is_last_years_part_less_what_is_expected(made):
    rows = made.table().to_pylist()
    known = [row for row in rows if row["spend_mean"] is not None]
    assert len(known) > 30
    for row in known:
        usual = row["spend_last_year"] * DAYS / 365
        assert row["shortfall"] == pytest.approx(max(usual - row["spend_mean"], 0), rel=1e-4, abs=1e-4)


def test_browsing_stages_are_shown_beside_where_there_are_visits(made):
    table = made.table()
    by_id = dict(zip(table["customer_id"].to_pylist(), table["aipl"].to_pylist(), strict=True))
    assert by_id["V0000"] == "interest" and by_id["V0001"] == "awareness" and by_id["V0009"] is None


def test_movement_tells_of_everyone_once(made):
    flow = made.flow()
    assert flow.schema == FLOW and made.facts["past"]["start"] == BEFORE.isoformat()
    assert pc.sum(flow["customers"]).as_py() == len(made.table())
    came = flow.filter(pc.equal(flow["from_stage"], NOT_YET))
    looked = sum(CUTOFF - timedelta(days=3 + 5 * k) >= BEFORE for k in range(10))
    assert pc.sum(came["customers"]).as_py() == len(ordered_before(CUTOFF) - ordered_before(BEFORE)) + looked
    assert pc.sum(flow["spend"]).as_py() == pytest.approx(pc.sum(made.summary()["spend"][: len(STAGES)]).as_py())


def test_evidence_counts_what_customers_of_each_stage_then_did(made):
    then = made.facts["stages"]
    known = sum(one["customers"] for one in then if one["stage"] != "prospect")
    bought = {row[1] for row in order_rows(60) if BEFORE <= date.fromisoformat(row[2]) < CUTOFF}
    assert known == len(ordered_before(BEFORE))
    assert sum(one["bought"] for one in then) == len(bought & ordered_before(BEFORE))
    spent = sum(int(r[5]) * float(r[6]) for r in order_rows(60) if BEFORE <= date.fromisoformat(r[2]) < CUTOFF
                and r[1] in ordered_before(BEFORE))  # fmt: skip
    assert sum(one["spend"] * one["customers"] for one in then) == pytest.approx(spent)
    for one in then:
        assert one["low"] <= one["share"] <= one["high"]


def test_the_earlier_forecast_is_not_taken_for_the_shops_latest(made, shop):
    latest = recorded_forecast(shop).run_id
    assert latest == made.asked["forecast_run"] != list_runs(shop, "forecast")[0]["run_id"]
    earlier = recorded_forecast(shop, run_id=made.asked["from_run"])
    assert earlier.manifest["made_for"] == latest and earlier.asked["model"] == "past-rate"


def test_the_earlier_forecast_is_told_while_it_is_made(shop):
    heard = []
    make_segments(shop, since="2011-03-01", progress=lambda text, share: heard.append((text, share)))
    assert heard[0] == ("reading the forecast", 0.0)
    made_then = [text for text, _ in heard if text.startswith("forecast of 2011-03-01, to see who moved: ")]
    assert made_then[0].endswith("reading the log") and len(made_then) > 2
    assert [share for _, share in heard] == sorted(share for _, share in heard) and heard[-1] == ("done", 1.0)


def test_segments_made_again_are_the_same_run_with_the_same_numbers(made, shop):
    again = make_segments(shop)
    assert (again.run_id, again.asked) == (made.run_id, made.asked)
    assert again.table().equals(made.table()) and again.facts == made.facts
    assert len(list_runs(shop, "forecast")) == 2 and len(list_runs(shop, "segments")) == 1


def test_two_recorded_runs_can_be_compared(shop):
    earlier = forecast(shop, HORIZON, cutoff="2011-08-01", model="past-rate")
    now = next(run for run in list_runs(shop, "forecast") if run["asked"]["cutoff"].startswith("2011-08-31"))
    made = make_segments(shop, run_id=now["run_id"], from_run=earlier.run_id)
    assert made.asked["from_run"] == earlier.run_id and made.flow() is not None
    assert made.facts["stages"] == []  # its horizon had not passed by the cutoff


def test_movement_between_forecasts_of_different_models_is_told_as_such(made, shop):
    assert made.warnings() == [] and made.to_dict()["warnings"] == []
    earlier = forecast(shop, HORIZON, cutoff=BEFORE, model="last-period")
    now = made.asked["forecast_run"]
    mixed = make_segments(shop, run_id=now, from_run=earlier.run_id)
    [warning] = mixed.warnings()
    assert "last-period" in warning and "past-rate" in warning and f"--since {BEFORE}" in warning
    assert mixed.to_dict()["warnings"] == [warning] and "last-period" in mixed.warnings("zh")[0]
    recorded = {run["run_id"]: run for run in list_runs(shop, "segments")}
    assert recorded[mixed.run_id]["warnings"] == [warning] and recorded[made.run_id]["warnings"] == []
    assert make_segments(shop, run_id=now, since=BEFORE).warnings() == []  # as the warning says


def test_an_ensemble_that_others_took_part_in_is_told():
    asked = {"model": "ensemble", "from_model": "ensemble", "members": ["bg-nbd", "trees-tweedie"]}
    past = {"past": {"start": "2011-06-03"}}
    assert movement_warnings({**asked, "from_members": ["trees-tweedie", "bg-nbd"]}, past, "en") == []
    [fewer] = movement_warnings({**asked, "from_members": ["bg-nbd"]}, past, "en")
    assert "not yet trees-tweedie" in fewer
    [more] = movement_warnings({**asked, "from_members": ["bg-nbd", "trees-tweedie", "linear"]}, past, "en")
    assert "also linear" in more
    assert movement_warnings({**asked, "from_members": []}, {"past": None}, "en") == []


def test_evidence_that_is_missing_has_its_own_reason(made, shop):
    money = "£{:.0f}".format
    without = make_segments(shop, run_id=made.asked["forecast_run"], past=False)
    assert "--no-past" in past_note(without, "en") and evidence_note(without, "en") == ""
    assert evidence_sentences("loyal", without, "en", money) == []
    earlier = forecast(shop, HORIZON, cutoff="2011-08-01", model="past-rate")
    running = make_segments(shop, run_id=made.asked["forecast_run"], from_run=earlier.run_id)
    assert past_note(running, "en") == "" and "1 Aug 2011 were not over" in evidence_note(running, "en").replace(
        "\u00a0", " "
    )
    assert evidence_note(made, "en") == "" == past_note(made, "en")
    missing = set(STAGES) - {one["stage"] for one in made.facts["stages"]}
    for stage in missing:
        assert evidence_sentences(stage, made, "en", money)[0].startswith("Nobody was at this stage on")


def test_what_is_not_earlier_or_another_question_is_refused(shop):
    now = recorded_forecast(shop, horizon=HORIZON).run_id
    for asked in ({"since": CUTOFF}, {"from_run": now}, {"since": "2011-06-01", "from_run": now}):
        with pytest.raises(InputError) as error:
            make_segments(shop, **asked)
        assert error.value.code == "bad-argument"
    other = forecast(shop, HORIZON, cutoff="2011-05-01", model="past-rate", asked=Asked(category="tea"))
    with pytest.raises(InputError, match="another question"):
        make_segments(shop, run_id=now, from_run=other.run_id)


def test_a_log_too_short_for_an_earlier_date_says_so(shop):
    run = forecast(shop, "1y", cutoff="2010-06-01", model="past-rate")
    made = make_segments(shop, run_id=run.run_id)
    assert made.flow() is None and made.facts["no_past"] == "log_too_short" and len(made.table())


def test_thresholds_are_the_shops_settings_and_belong_to_the_run(shop):
    usual = recorded_segments(shop)
    other = make_segments(change_settings(shop, {"segments.lost": 0.0, "segments.new_days": 365}), past=False)
    assert usual.run_id != other.run_id and other.asked["thresholds"]["new_days"] == 365
    stages = [made.table()["stage"].to_pylist() for made in (usual, other)]
    assert "lost" not in stages[1] and stages[1].count("new") > stages[0].count("new")


def test_recorded_segments_are_found_by_their_forecast(shop):
    made = recorded_segments(shop)
    assert recorded_segments(shop, forecast_run=made.asked["forecast_run"], horizon=HORIZON).facts == made.facts
    with pytest.raises(InputError) as error:
        recorded_segments(shop, forecast_run="forecast-of-nobody")
    assert error.value.code == "no-such-run"


def test_a_task_with_a_filter_has_customers_without_an_order_that_counts(shop):
    run = forecast(shop, HORIZON, cutoff=CUTOFF, model="past-rate", asked=Asked(category="tea"))
    made = make_segments(shop, run_id=run.run_id, past=False)
    assert len(made.table()) == len(ordered_before(CUTOFF)) + 10


def test_forgotten_customers_leave_recorded_segments(shop):
    made = recorded_segments(shop)
    assert "C0001" in made.table()["customer_id"].to_pylist()
    forget(shop, "C0001")
    again = recorded_segments(shop)  # its digests are right
    assert again.run_id == made.run_id and "C0001" not in again.table()["customer_id"].to_pylist()
    assert not any(b"C0001" in path.read_bytes() for path in again.folder.iterdir())
    assert "C0001" not in make_segments(shop).table()["customer_id"].to_pylist()


def test_segments_are_written_as_a_spreadsheet_reads_them(made, tmp_path):
    path = made.write(tmp_path / "segments.csv")
    assert path.read_text().splitlines()[0].replace('"', "").split(",") == SEGMENTS.names
    assert pq.read_table(made.write(tmp_path / "segments.parquet")).equals(made.table())


def test_who_is_no_longer_known_is_told_in_the_flow():
    def everyone(**stages):
        size = len(stages)
        return Everyone(
            np.array(list(stages), object), np.array(list(stages.values()), object), np.ones(size), np.zeros(size)
        )

    flow = flow_table(everyone(a="new", b="loyal", c="lost"), everyone(a="loyal", b="loyal", d="new"))
    ways = {(row["from_stage"], row["to_stage"]): row for row in flow.to_pylist()}
    assert {way: row["customers"] for way, row in ways.items()} == {
        (NOT_YET, "new"): 1, ("new", "loyal"): 1, ("loyal", "loyal"): 1, ("lost", GONE): 1
    }  # fmt: skip
    assert ways["lost", GONE]["spend"] == 0 and ways["lost", GONE]["spend_then"] == 1
    assert flow_table(everyone(), everyone(d="new")).num_rows == 1


def test_intervals_of_shares_are_wilsons():
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-3)
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-3)
    assert all(np.isnan(end) for end in wilson(0, 0))


def test_a_number_that_is_none_is_null_among_the_facts(shop, monkeypatch):
    monkeypatch.setattr(build, "_facts", lambda *given: {"silences": [math.nan, (math.inf, 2.0)], "past": None})
    made = make_segments(shop, horizon=HORIZON, past=False, seed=5)
    assert made.facts == {"silences": [None, [None, 2.0]], "past": None}
    assert json.loads((made.folder / "segments.json").read_text()) == made.facts
