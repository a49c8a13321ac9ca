import numpy as np
import pytest

from worthwhile.errors import InputError
from worthwhile.models.heuristics import PastRate
from worthwhile.runs import Asked, backtest, list_runs

SPAN = "200d"  # so long that one window of it has passed at these cutoffs: few snapshots are to be made
DAYS = ["2010-10-15", "2010-11-01"]


def quick(shop, horizon=SPAN, **asked):
    return backtest(shop, horizon, **{"models": ["past-rate"], "cutoffs": DAYS, **asked})


def test_the_same_question_about_the_same_data_has_the_same_id_and_the_same_scores(shop):
    first, second = quick(shop), quick(shop, cutoffs=DAYS[::-1])
    assert first.run_id == second.run_id and len(list_runs(shop)) == 1
    values = [run.scores["value"].to_numpy() for run in (first, second)]
    assert np.array_equal(*values, equal_nan=True)


@pytest.mark.parametrize("cutoffs", [[], 0])
def test_no_cutoffs_are_refused(shop, cutoffs):
    with pytest.raises(InputError) as caught:
        quick(shop, cutoffs=cutoffs)
    assert (caught.value.code, caught.value.where) == ("bad-argument", "--cutoffs")


@pytest.mark.parametrize(
    ("cutoff", "code"),
    [
        ("2011-12-01", "not-matured"),
        ("9999-12-31", "not-matured"),
        ("0001-01-01", "no-history"),
        ("soon", "bad-argument"),
    ],
)
def test_cutoffs_that_cannot_be_tested_are_refused(shop, cutoff, code):
    with pytest.raises(InputError) as caught:
        quick(shop, cutoffs=[cutoff])
    assert caught.value.code == code
    assert code == "no-history" or caught.value.where == "--cutoffs"


def test_a_model_asked_for_by_name_is_scored_and_warned_of_where_the_gate_would_leave_it_out(shop):
    run = quick(shop, models=["past-rate", "bg-nbd"], cutoffs=DAYS[:1])
    assert set(run.scores["model"].to_pylist()) == {"past-rate", "bg-nbd"}
    assert all(models == {} for models in run.skipped.values())
    assert {tuple(models) for models in run.warned.values()} == {("bg-nbd",)}
    [note] = run.to_dict()["notes"]
    assert note.startswith("bg-nbd was asked for by name; at 1 of 1 cutoffs it has little ground:")


def test_a_usual_model_that_the_gate_leaves_out_is_skipped_in_words(shop):
    run = quick(shop, models=None, cutoffs=DAYS[:1])
    [skipped] = run.to_dict()["skipped"].values()
    assert "customers, it needs 30" in skipped["bg-nbd"]["en"] and "需要 30 位" in skipped["bg-nbd"]["zh"]
    assert any(note.startswith("bg-nbd was skipped at 1 of 1 cutoffs: ") for note in run.notes())
    assert list_runs(shop)[0]["skipped"] == run.to_dict()["skipped"]


def test_a_model_that_cannot_be_fitted_is_skipped_with_its_reason(shop):
    run = quick(shop, models=["past-rate", "linear"], cutoffs=DAYS[:1])
    [skipped] = run.skipped.values()
    assert set(skipped) == {"linear"} and skipped["linear"]["en"]
    assert [note.split(":")[0] for note in run.notes()] == ["linear was skipped at 1 of 1 cutoffs"]


def test_where_no_model_can_be_fitted_the_reasons_are_told(shop):
    with pytest.raises(InputError) as caught:
        quick(shop, models=["linear"], cutoffs=DAYS[:1])
    assert caught.value.code == "no-history" and "linear: " in caught.value.what


def test_no_model_sees_the_outcome_that_it_is_scored_on(shop, monkeypatch):
    seen = []
    fit, ask = PastRate.fit, PastRate.forecast

    def watching_fit(self, matured, current, *, seed=0):
        seen.append(current)
        fit(self, matured, current, seed=seed)

    def watching_forecast(self, snapshot):
        seen.append(snapshot)
        return ask(self, snapshot)

    monkeypatch.setattr(PastRate, "fit", watching_fit)
    monkeypatch.setattr(PastRate, "forecast", watching_forecast)
    quick(shop, cutoffs=DAYS[:1])
    assert len(seen) == 2 and all(s.outcome is None and np.isnan(s.activity) for s in seen)


def test_the_verdict_is_about_the_target_and_tuning_is_told_for_each_cutoff(shop):
    run = quick(shop, asked=Asked("orders"), cutoffs=DAYS[:1], tune=2)
    assert run.verdict.facts.metric == "orders_crps"
    assert run.notes() == ["2010-10-15: Not tuned: past-rate (nothing about it can be tuned)."]
    assert len(list_runs(shop)[0]["tuning"]) == 1


def test_fewer_cutoffs_than_asked_for_are_told(shop):
    run = backtest(shop, "60d", cutoffs=50, models=["past-rate"])
    assert run.notes()[0].startswith(f"50 cutoffs were asked for; the log has room for {len(run.facts['cutoffs'])},")
    assert not any("asked for;" in note for note in backtest(shop, "60d", cutoffs=1, models=["past-rate"]).notes())
