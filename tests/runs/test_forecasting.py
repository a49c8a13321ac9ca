from itertools import pairwise

import numpy as np
import pyarrow.parquet as pq
import pytest

from worthwhile.errors import InputError
from worthwhile.ingestion import ingest
from worthwhile.ingestion.quality import check
from worthwhile.models.heuristics import PastRate
from worthwhile.models.sequence.model import EventModel
from worthwhile.progress import silent
from worthwhile.report import content_of
from worthwhile.runs import Asked, forecast, list_runs
from worthwhile.runs.asked import facts_of, settings_behind
from worthwhile.runs.prepare import Snapshots, sequences_of
from worthwhile.runs.record import package_versions, run_id_of
from worthwhile.shop import change_settings, open_shop
from worthwhile.store.log import open_log

LONG = "450d"  # so long that one window of it has passed: two snapshots are to be made


def quick(shop, horizon=LONG, **asked):
    return forecast(shop, horizon, **{"model": "past-rate", **asked})


def test_the_same_question_about_the_same_data_has_the_same_id_and_the_same_numbers(shop):
    first, second = quick(shop), quick(shop)
    assert first.run_id == second.run_id
    assert first.table().equals(second.table())
    assert len(list_runs(shop)) == 1


@pytest.mark.parametrize("model", ["in-context", None])
def test_over_a_longer_horizon_nobody_is_expected_to_buy_or_spend_less(shop, model):
    run = forecast(shop, ["28d", "30d", "180d"], model=model)
    for shorter, longer in pairwise(run.forecasts):
        assert np.all(longer.p_active >= shorter.p_active - 1e-6)
        assert np.all(longer.amount.mean() >= shorter.amount.mean() * (1 - 1e-4))


def test_the_event_model_reads_the_shops_log_and_titles_and_answers_the_same_once_it_is_loaded(shop, tmp_path):
    (tmp_path / "items.csv").write_text("item_id,title\n" + "".join(f"I{n:03},item {n}\n" for n in range(30)))
    ingest(shop, tmp_path / "items.csv")
    run = quick(shop, "60d", model="events")
    assert run.table()["model"].unique().to_pylist() == ["events"] and "do not rely" in " ".join(run.gate.sentences())
    assert not list(shop.scratch.iterdir())
    model = EventModel.load(run.folder / "models" / "60d" / "events")
    with open_log(shop) as log, sequences_of(log, shop, ["events"], silent) as (sequences, contents):
        snapshots = Snapshots(log, Asked().task("60d"), sequences=sequences, contents=contents)
        _, current = snapshots.before(log.until, silent)
        again = model.forecast(current.unseen())
    [encoder] = [place.name for place in shop.vectors.iterdir()]
    assert current.sequences.contents["item"].encoder == encoder
    assert np.array_equal(again.p_active, run.forecasts[0].p_active)
    assert quick(shop, "60d", model="events").table().equals(run.table())


def test_the_encoders_belong_to_a_run_that_reads_events_and_to_no_other(shop):
    other = change_settings(shop, {"content.pictures": "photos"})
    assert quick(shop).run_id == quick(other).run_id
    with open_log(shop) as log:
        first, second = (facts_of(s, log, Asked().task("60d"), ["events"]) for s in (shop, other))
    assert first["content"] != second["content"]


def test_margins_belong_to_a_run_about_value_and_to_no_other(shop):
    cheaper = change_settings(shop, {"value.margin": 0.3})
    whole, part = (quick(s, asked=Asked("value")) for s in (shop, cheaper))
    assert whole.run_id != part.run_id and len(list_runs(shop)) == 2
    kept = [pq.read_table(run.folder / "forecasts.parquet")["value_mean"].to_numpy().sum() for run in (whole, part)]
    assert kept[1] == pytest.approx(0.3 * kept[0], rel=0.02)
    assert settings_behind(shop.settings, "spend") == settings_behind(cheaper.settings, "spend")


def test_the_report_on_a_run_has_the_settings_that_the_run_had(shop):
    run = quick(shop, "200d", cutoff="2010-10-15", asked=Asked("value"))
    before = content_of(shop, run_id=run.run_id)
    change_settings(shop, {"value.margin": 0.3})
    after = content_of(open_shop(shop.folder, environ={"WORTH_CURRENCY": "USD"}), run_id=run.run_id)
    assert before.forecast.actual == after.forecast.actual > 0
    assert before.data.spans == after.data.spans
    assert after.currency == "GBP"


def test_the_report_on_a_run_has_the_findings_about_the_data_that_the_run_saw(shop, tmp_path):
    run = quick(shop)
    before = content_of(shop, run_id=run.run_id).findings
    late = tmp_path / "late.csv"
    late.write_text("customer_id,order_date,amount\n,2011-11-01,5.00\nC0001,2011-11-02,6.00\n")
    ingest(shop, late)
    assert "no-customer" in [finding.code for finding in check(shop)]
    assert content_of(shop, run_id=run.run_id).findings == before


def test_the_id_hangs_on_the_settings_and_on_the_versions_of_packages(shop):
    run = quick(shop)
    manifest = list_runs(shop)[0]
    assert manifest["asked"]["settings"] == settings_behind(shop.settings, "spend")
    assert run_id_of("forecast", manifest["asked"], package_versions()) == run.run_id


def test_a_cutoff_beyond_the_log_is_refused(shop):
    with pytest.raises(InputError) as caught:
        quick(shop, cutoff="2030-01-01")
    assert (caught.value.code, caught.value.where) == ("bad-argument", "--cutoff")


@pytest.mark.parametrize(
    ("asked", "where"),
    [({"seed": -5}, "--seed"), ({"seed": "many"}, "--seed"), ({"tune": -1}, "--tune"), ({"horizon": []}, "--horizon")],
)
def test_what_cannot_be_asked_is_refused_and_named(shop, asked, where):
    with pytest.raises(InputError) as caught:
        quick(shop, **asked)
    assert (caught.value.code, caught.value.where) == ("bad-argument", where)


def test_a_model_asked_for_by_name_answers_with_a_warning_where_the_gate_would_leave_it_out(shop):
    run = quick(shop, model="pareto-nbd")
    assert run.gate.lacks["pareto-nbd"] == "customers"
    assert run.forecasts[0].model == "pareto-nbd"
    said = [s for s in run.to_dict()["gate"]["sentences"]["en"] if "pareto-nbd" in s]
    assert said == [
        "pareto-nbd was asked for by name, though there is too little for it to go by (24 customers, it needs 30): "
        "do not rely on it."
    ]


def test_a_model_that_cannot_be_fitted_at_all_says_why(shop):
    with pytest.raises(InputError) as caught:
        quick(shop, "2y", model="linear")  # no window of two years has passed to learn from
    assert caught.value.code == "no-history"


def test_no_model_sees_what_came_after_a_past_cutoff(shop, monkeypatch):
    seen = []
    fit = PastRate.fit

    def watching(self, matured, current, *, seed=0):
        seen.append(current)
        fit(self, matured, current, seed=seed)

    monkeypatch.setattr(PastRate, "fit", watching)
    quick(shop, "200d", cutoff="2010-10-15")
    assert [s.outcome for s in seen] == [None] and np.isnan(seen[0].activity)


def test_tuning_says_what_it_could_not_tune(shop):
    run = quick(shop, tune=3)
    assert run.to_dict()["tuning"][LONG]["sentences"] == ["Not tuned: past-rate (nothing about it can be tuned)."]


def test_tuning_without_two_windows_leaves_the_defaults_and_says_so(shop):
    # The windows of 400 days before the end of this log overlap.
    run = quick(shop, "400d", model="linear", tune=2)
    [said] = run.tuning["400d"].sentences()
    assert said.startswith("Not tuned: linear (tuning needs two past horizons")


def test_tuned_parameters_are_told_and_kept(shop):
    run = quick(shop, "250d", model="linear", tune=2)
    params = run.tuning["250d"].params["linear"]
    assert params.keys() <= {"penalty", "l1_ratio"}
    [said] = run.tuning["250d"].sentences()
    assert said.startswith("Tuned with 2 trials each: linear: ")
    assert list_runs(shop)[0]["tuning"]["250d"]["params"] == {"linear": params}


def test_the_manifest_has_the_factors_of_the_ensemble(shop):
    forecast(shop, LONG)
    [factors] = list_runs(shop)[0]["ensembles"]
    assert factors.keys() == {"weights", "level_factor", "season_factor", "left_out"}
