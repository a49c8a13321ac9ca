"""`estimate_uplift` from a log to a recorded run."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import worthwhile as ww
from oracles.small_orders import write_orders
from worthwhile.decide.identities import as_the_shop_knows, known_to_shop
from worthwhile.decide.uplift.covariates import coded
from worthwhile.decide.uplift.crossfit import CrossFit
from worthwhile.decide.uplift.deals import Deals
from worthwhile.decide.uplift.keep import load_models, save_models
from worthwhile.decide.uplift.policies import Judge
from worthwhile.decide.uplift.prepare import Prepared, features_at
from worthwhile.decide.uplift.results import effects_with_errors
from worthwhile.decide.uplift.sensitivity import sensitivities
from worthwhile.decide.uplift.wording import sentences
from worthwhile.decide.uplift.words import words_of
from worthwhile.errors import InputError
from worthwhile.report.uplift_content import uplift_of
from worthwhile.runs.record import check_digests, list_runs
from worthwhile.store.log import open_log

ASKED = {"treatment": "sent", "control": "none", "outcomes": ["visit"]}


@pytest.fixture(scope="module")
def table(campaign_table: Any) -> pa.Table:
    return campaign_table("some harmed", customers=1_500, seed=2).drop_columns(["noise", "web", "spend"])


@pytest.fixture(scope="module")
def told() -> list[tuple[str, float]]:
    """What the progress of the recorded run says."""
    return []


@pytest.fixture(scope="module")
def recorded(table: pa.Table, told: list[tuple[str, float]], tmp_path_factory: pytest.TempPathFactory) -> Any:
    shop = ww.create_shop(tmp_path_factory.mktemp("uplift") / "shop", currency="GBP")
    options = ww.UpliftOptions(shares=(0.5,))
    run = ww.estimate_uplift(shop, table, **ASKED, options=options, progress=lambda *step: told.append(step))
    return shop, run


def test_the_run_holds_an_effect_for_each_customer_and_action(recorded: Any, table: pa.Table) -> None:
    _, run = recorded
    effects = pq.read_table(run.folder / "effects.parquet")
    assert effects.column_names == ["customer_id", "action", "outcome", "effect_mean", "effect_se"]
    assert effects.equals(run.table()) and len(effects) == 2 * len(table)
    ids = effects["customer_id"].to_pylist()
    assert ids == sorted(ids) and set(ids) == set(table["customer_id"].to_pylist())
    assert min(effects["effect_se"].to_pylist()) > 0
    assert run.run_id == list_runs(recorded[0], "uplift")[0]["run_id"]
    check_digests(run.folder)


def test_its_tables_say_what_was_chosen_and_what_choosing_is_worth(recorded: Any) -> None:
    _, run = recorded
    rows = pq.read_table(run.folder / "policies.parquet").to_pylist()
    for share in (1.0, 0.5):
        here = [row for row in rows if row["share"] == share]
        assert sum(row["chosen"] for row in here) == 1
        assert [row["policy"] for row in here].count("chosen") == 1
        assert all(row["low"] < row["value"] < row["high"] for row in here)
    deciles = pq.read_table(run.folder / "deciles.parquet").to_pylist()
    assert len(deciles) == 20 and {"said", "seen", "low", "high"} <= set(deciles[0])
    curves = pq.read_table(run.folder / "curves.parquet")
    assert set(curves["curve"].to_pylist()) == {"qini", "qini_perfect", "uplift"}
    assert any("mail a" in text for text in run.answer)


def test_who_responds_is_recorded_and_can_be_told_in_chinese(recorded: Any) -> None:
    shop, run = recorded
    manifest = list_runs(shop, "uplift")[0]
    assert manifest["responders"] == json.loads(json.dumps(run.to_dict()["responders"]))
    assert [one.action for one in run.responders] == ["mail a", "mail b"]
    assert len(run.sentences("zh")) == len(run.answer) and run.sentences("zh")[0].startswith("到访：")
    assert run.to_dict("zh")["answer"] == run.sentences("zh")
    facts = uplift_of(shop)
    assert facts.made.run_id == run.run_id and len(facts.deciles) == 20
    for lang in ("en", "zh"):
        assert sentences(facts.document, words_of(facts.document, lang)) == run.sentences(lang)


def test_progress_is_told_from_the_first_moment_to_the_last(recorded: Any, told: list[tuple[str, float]]) -> None:
    shares = [share for _, share in told]
    assert told[0] == ("read the log", 0.0) and shares[-1] == 1.0 and shares == sorted(shares)
    # a large log takes minutes: no step is a large part of the whole
    assert max(after - before for before, after in pairwise(shares)) <= 0.05


def test_saved_models_say_again_what_the_fitted_ones_did(learned: Any, tmp_path: Path) -> None:
    simulated, cross = learned
    deals = Deals(cross, (CrossFit.of(simulated.trial, folds=3, seed=9),))
    judges = [Judge.of(deals.level(), j) for j in range(2)]
    prepared = Prepared(simulated.trial, [], False, 0.0, [], [], 0)
    save_models(tmp_path, deals, judges, prepared)
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".txt", ".json"}
    matrix = simulated.trial.covariates[:50]
    shares = np.broadcast_to(simulated.trial.shares(), (50, 3))
    said = [
        [one.model_without(frozenset({fold})).answer(matrix, shares) for fold in range(one.count)] for one in deals.all
    ]
    again = load_models(tmp_path).effects(matrix)
    for j, judged in enumerate(judges):
        assert np.array_equal(again[j], effects_with_errors(judged.shrinkage, j, said))


def test_saved_models_of_an_observational_log_know_its_chances(campaigns: Any, tmp_path: Path) -> None:
    trial = campaigns.simulate("constant", customers=1_000, seed=7, observational=True).trial
    cross = CrossFit.of(trial, observational=True, folds=3, seed=0)
    judges = [Judge.of(cross.level(), j) for j in range(len(trial.outcomes))]
    cross.propensities()
    save_models(tmp_path, Deals(cross, ()), judges, Prepared(trial, [], True, 9.0, [], [], 0))
    matrix, folds = trial.covariates[:50], [frozenset({fold}) for fold in range(3)]
    said = [[cross.model_without(out).answer(matrix, cross.chances_for(matrix, out)) for out in folds]]
    again = load_models(tmp_path).effects(matrix)
    assert np.array_equal(again[0], effects_with_errors(judges[0].shrinkage, 0, said))


def test_effects_are_told_for_customers_who_were_not_in_the_log(recorded: Any, table: pa.Table) -> None:
    shop, run = recorded
    ids = pa.array([f"new {i}" for i in range(len(table))], pa.string())
    strangers = table.set_column(table.column_names.index("customer_id"), "customer_id", ids)
    found = ww.uplift_effects(shop, strangers.drop_columns(["sent", "visit"]))
    assert found.schema == run.table().schema and len(found) == len(run.table())
    first = {
        name: of.filter(pc.equal(of["action"], "mail a")) for name, of in {"new": found, "log": run.table()}.items()
    }
    place = {name: of["customer_id"].to_pylist() for name, of in first.items()}
    new = first["new"].take(pa.array([place["new"].index(f"new {i}") for i in range(len(table))]))
    log = first["log"].take(pa.array([place["log"].index(name) for name in table["customer_id"].to_pylist()]))
    # other models than for the log, since these have seen customers like them
    assert np.corrcoef(new["effect_mean"], log["effect_mean"])[0, 1] > 0.5
    assert np.mean(new["effect_mean"]) == pytest.approx(np.mean(log["effect_mean"]), abs=0.02)
    with pytest.raises(InputError, match="there is no column"):
        ww.uplift_effects(shop, strangers.select(["customer_id"]))
    with pytest.raises(InputError, match="no uplift run `other`"):
        ww.uplift_effects(shop, strangers, run_id="other")


def test_texts_and_numbers_of_newcomers_are_coded_as_those_of_the_log() -> None:
    log = pa.table({"web": ["a", "b", "b", None], "age": [3, None, 5, 8]})
    matrix, names, codings = coded(log, source="log")
    again = np.column_stack([coding.of(log, source="new") for coding in codings])
    assert names == ("web=b", "web=", "web=a", "age") and np.array_equal(again, matrix, equal_nan=True)
    new = pa.table({"age": [1.5], "web": ["never seen"]})
    assert np.column_stack([coding.of(new, source="new") for coding in codings]).tolist() == [[0, 0, 0, 1.5]]
    with pytest.raises(InputError, match="in the log it held numbers"):
        codings[1].of(pa.table({"age": ["old"]}), source="new")


def test_the_same_question_is_the_same_run(recorded: Any, table: pa.Table) -> None:
    shop, run = recorded
    again = ww.estimate_uplift(shop, table, **ASKED, options=ww.UpliftOptions(shares=(0.5,)))
    assert again.run_id == run.run_id and again.table().equals(run.table())


def test_customers_of_the_log_who_are_the_shops_are_counted(table: pa.Table, tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "shop", currency="GBP")
    ids = table["customer_id"].to_pylist()
    assert known_to_shop(shop, np.array(ids, object)) == 0  # nothing was ingested
    ww.ingest(shop, write_orders(tmp_path / "orders.csv", customers=60))
    assert known_to_shop(shop, np.array([*ids, "C0001", "C0002"], object)) == 2
    assert known_to_shop(shop, np.array([], object)) == 0


def test_a_log_of_strangers_is_warned_of(recorded: Any) -> None:
    shop, run = recorded
    assert run.facts["of_shop"] == 0 and run.facts["effects_for"] == 1_500
    assert any("None of these 1,500 customers is this shop's" in text for text in run.warnings)
    manifest = list_runs(shop, "uplift")[0]
    assert manifest["of_shop"] == 0 and manifest["warnings"] == run.warnings


def test_what_came_after_the_campaign_is_left_out_with_a_warning(campaign_table: Any) -> None:
    log = campaign_table("constant", customers=1_200, seed=5).select(["customer_id", "sent", "visit", "history"])
    rng = np.random.default_rng(0)
    treated = np.array(log["sent"].to_pylist()) != "none"
    log = log.append_column("clicks", pa.array(rng.poisson(1 + treated).astype(float)))
    log = log.append_column("age", pa.array(rng.normal(size=1_200)))
    run = ww.estimate_uplift(None, log, **ASKED, options=ww.UpliftOptions(shares=(1.0,), placebo=False))
    assert run.facts["left_out"] == ["clicks"] and any("`clicks`" in text for text in run.warnings)
    assert run.folder is None and not run.facts["observational"]


def test_what_is_called_or_behaves_like_an_outcome_is_no_covariate(campaign_table: Any) -> None:
    log = campaign_table("constant", customers=3_000, seed=5).select(
        ["customer_id", "sent", "visit", "spend", "history"]
    )
    visited = np.array(log["visit"].to_pylist(), float)
    log = log.append_column("seen", pa.array(visited)).append_column("是否下单", pa.array(visited))
    options = ww.UpliftOptions(shares=(1.0,), placebo=False, deals=1)
    run = ww.estimate_uplift(None, log, treatment="sent", control="none", outcomes="spend", options=options)
    # `visit` by its name, `seen` since nobody spent without it
    assert run.facts["left_out"] == ["seen", "visit", "是否下单"] and run.facts["covariates"] == ["history"]
    named = ww.UpliftOptions(shares=(1.0,), placebo=False, deals=1, covariates=("history", "visit"))
    again = ww.estimate_uplift(None, log, treatment="sent", control="none", outcomes="spend", options=named)
    assert again.facts["left_out"] == [] and again.facts["covariates"] == ["history", "visit"]


def test_an_observational_log_is_answered_with_a_plain_warning_and_its_overlap(campaigns: Any) -> None:
    trial = campaigns.simulate("nothing", customers=1_200, seed=6, observational=True).trial
    log = pa.table(
        {
            "sent": np.array(trial.actions, dtype=object)[trial.action].tolist(),
            "visit": trial.outcome[:, 0],
            "history": trial.covariates[:, 1],
            "recency": trial.covariates[:, 0],
        }
    )
    options = ww.UpliftOptions(observational=True, shares=(1.0,), placebo=False)
    run = ww.estimate_uplift(None, log, **ASKED, options=options)
    assert any("not drawn by chance" in text for text in run.warnings)
    assert any("rows are numbered" in text for text in run.warnings)
    assert [each.action for each in run.overlap] == ["none", "mail a", "mail b"]
    assert all(0 < each.effective <= each.customers for each in run.overlap)


@pytest.mark.parametrize(
    ("options", "where"),
    [
        (ww.UpliftOptions(date="2011-01-01"), "--date"),
        (ww.UpliftOptions(cutoff="2011-01-01"), "--cutoff"),
        (ww.UpliftOptions(shares=(0.0,)), "--share"),
        (ww.UpliftOptions(deals=0), "--deals"),
    ],
)
def test_what_contradicts_itself_is_refused(options: Any, where: str, table: pa.Table) -> None:
    with pytest.raises(InputError) as caught:
        ww.estimate_uplift(None, table, **ASKED, options=options)
    assert caught.value.where == where


def test_with_a_date_effects_are_for_the_customers_that_the_shop_has_today(tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "shop")
    ww.ingest(shop, write_orders(tmp_path / "orders.csv", customers=300))
    with open_log(shop) as events:
        known = features_at(events, datetime(2011, 6, 1, tzinfo=UTC), ()).customer_ids.tolist()[:250]
        today = features_at(events, events.until, ()).customer_ids.tolist()
    rng = np.random.default_rng(0)
    log = pa.table(
        {
            "customer_id": [*known, "stranger"],
            "sent": rng.permutation(np.arange(len(known) + 1) % 2).astype(str).tolist(),
            "visit": rng.integers(0, 2, len(known) + 1),
        }
    )
    options = ww.UpliftOptions(date="2011-06-01", shares=(1.0,), placebo=False)
    asked = {"treatment": "sent", "control": "0", "outcomes": "visit", "options": options}
    run = ww.estimate_uplift(shop, log, **asked)
    assert run.facts["unknown_customers"] == 1 and any("1 customers of the log" in text for text in run.warnings)
    assert run.table()["customer_id"].to_pylist() == today and len(today) > len(known)
    assert run.facts["covariates"] == "shop"
    strangers = log.set_column(0, "customer_id", pa.array([f"x{i}" for i in range(len(log))]))
    with pytest.raises(InputError) as caught:
        ww.estimate_uplift(shop, strangers, **asked)
    assert caught.value.code == "no-such-customer"


def test_addresses_become_the_pseudonyms_that_the_shop_knows(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(
        "customer_email,date,amount\n" + "".join(f"p{i}@example.com,2023-01-0{1 + i % 9},5\n" for i in range(30))
    )
    shop = ww.create_shop(tmp_path / "shop")
    ww.ingest(shop, tmp_path / "orders.csv")
    with open_log(shop) as events:
        known = {row[0] for row in events.con.execute("SELECT DISTINCT customer_id FROM events").fetchall()}
    ids = as_the_shop_knows(shop, np.array(["P3@example.com", "p4@example.com", "17"], dtype=object))
    assert set(ids[:2]) <= known and ids[2] == "17"


def test_how_strong_an_unseen_cause_would_have_to_be_is_told(campaigns: Any) -> None:
    pytest.importorskip("doubleml")
    trial = campaigns.simulate("constant", customers=1_500, seed=7, observational=True).trial
    cross = CrossFit.of(trial, observational=True, folds=3, seed=0)
    level = cross.level()
    found = sensitivities(cross)
    assert [(each.outcome, each.action) for each in found] == [
        (outcome, action) for outcome in trial.outcomes for action in trial.treatments
    ]
    for each in found:
        assert 0 <= each.robustness_low <= each.robustness < 1
    # DoubleML's average effect of two groups is near ours of all
    gain = level.scores[:, 0, 2] - level.scores[:, 0, 0]
    assert abs(found[1].effect - gain.mean()) < 2 * found[1].se


@pytest.mark.parametrize("buyers", [0, 1, 7])
def test_a_log_with_hardly_any_buyer_is_answered_without_a_word_from_numpy(buyers: int) -> None:
    rng = np.random.default_rng(0)
    spend = np.zeros(1_500)
    spend[rng.choice(1_500, buyers, replace=False)] = 20.0
    log = pa.table({"sent": ["none", "mail", "mail"] * 500, "spend": spend, "age": rng.normal(size=1_500)})
    run = ww.estimate_uplift(None, log, treatment="sent", control="none", outcomes="spend")
    effects = run.table()["effect_mean"].to_numpy()
    assert np.isfinite(effects).all() and np.abs(effects).max() < 1


def test_customers_who_are_one_to_the_shop_stand_once(tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "shop", currency="EUR")
    ids = [f"{i}" for i in range(599)] + ["598.0"]
    log = pa.table({"customer_id": ids, "sent": ["none", "mail"] * 300, "spend": [1.0] * 600, "age": list(range(600))})
    with pytest.raises(InputError, match="1 customers stand in several rows, such as `598`"):
        ww.estimate_uplift(shop, log, treatment="sent", control="none", outcomes="spend")


def test_a_covariate_that_a_person_named_is_used_or_refused(table: pa.Table) -> None:
    log = table.append_column("joined", pa.array([date(2020, 1, 1)] * len(table)))
    options = ww.UpliftOptions(covariates=["history", "joined"], shares=(1.0,), placebo=False)
    with pytest.raises(InputError, match="`joined`"):
        ww.estimate_uplift(None, log, **ASKED, options=options)
