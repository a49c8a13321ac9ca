"""Campaigns of a shop: designed by lot, measured in its own log or by a table, fed back."""

from __future__ import annotations

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import worthwhile as ww
from worthwhile.cli.answer import money
from worthwhile.decide.campaign import measure
from worthwhile.decide.campaign.design import contacts_of, write_contacts
from worthwhile.decide.campaign.folder import read_campaign
from worthwhile.decide.campaign.wording import expectation_sentence
from worthwhile.decide.words import words_of
from worthwhile.errors import InputError
from worthwhile.models.files import read_json, write_json
from worthwhile.runs.record import digest_of, note, record

ARMS = [ww.Arm("email", "email", 0.05), ww.Arm("card", "post", 1.0)]


def rows_of(campaign):
    return campaign.assignment().to_pylist()


def test_everyone_is_assigned_alike_in_every_stratum_and_the_same_each_time(shop, tmp_path):
    copy = ww.open_shop(shutil.copytree(shop.folder, tmp_path / "copy"))
    made = ww.design_campaign(shop, "spring", ARMS, sizing=ww.Sizing(holdout=0.25))
    again = ww.design_campaign(copy, "spring", ARMS, sizing=ww.Sizing(holdout=0.25))
    assert made.assignment().equals(again.assignment())
    shutil.rmtree(again.folder)
    other = ww.design_campaign(copy, "spring", ARMS, sizing=ww.Sizing(holdout=0.25), seed=5)
    assert not made.assignment().equals(other.assignment())
    ids = [row["customer_id"] for row in rows_of(made)]
    assert ids == sorted(ids)
    count = {}
    for row in rows_of(made):
        count.setdefault(row["stratum"], []).append(row["treatment"])
        assert row["propensity"] == row[f"propensity_{row['treatment']}"]
        assert sum(row[f"propensity_{name}"] for name in ("none", "email", "card")) == pytest.approx(1)
    for inside in count.values():
        assert abs(inside.count("none") - 0.25 * len(inside)) <= 1.01
        assert abs(inside.count("email") - inside.count("card")) <= 1


def test_an_arm_costs_its_voucher_too(shop):
    arm = ww.Arm("voucher", cost=0.05, assumption="lift_spend", lift=0.2, cost_share=0.1)
    made = ww.design_campaign(shop, "spring", [arm])
    spend = np.mean(made.assignment()["forecast_spend"].to_numpy())
    assert made.manifest["arms"][0]["cost"] == pytest.approx(0.05 + 0.1 * 1.2 * spend)


def test_the_next_campaign_leaves_others_alone(shop):
    held = [
        {row["customer_id"] for row in rows_of(made) if row["treatment"] == "none"}
        for made in (
            ww.design_campaign(shop, name, ARMS, sizing=ww.Sizing(holdout=20)) for name in ("spring", "autumn")
        )
    ]
    assert [len(one) for one in held] == [20, 20] and len(held[0] & held[1]) < 14  # by chance 20 / 3


def test_holdout_follows_from_the_effect_that_is_to_be_found(shop):
    test = ww.design_campaign(shop, "a", ARMS[:1], sizing=ww.Sizing(detect=1e6)).manifest["test"]
    assert test["sizes"]["none"] == 1
    test = ww.design_campaign(shop, "b", ARMS[:1], sizing=ww.Sizing(detect=0.01)).manifest["test"]
    assert test["sizes"]["none"] == pytest.approx(test["sizes"]["email"], abs=1)
    assert test["each_group_needs"] > 60 and test["findable"][0]["detectable"] > 0.01
    assert all(one["detectable"] <= one["detectable_unadjusted"] for one in test["findable"])


def test_variance_of_activity_is_that_of_the_forecast(shop):
    made = ww.design_campaign(shop, "a", ARMS[:1], sizing=ww.Sizing("active", holdout=0.5))
    p = made.assignment()["p_active"].to_numpy()
    one = next(f for f in made.manifest["test"]["findable"] if f["outcome"] == "active")
    n0, n1 = one["held_out"], one["treated"]
    assert one["detectable"] == pytest.approx(2.8016 * np.sqrt((p * (1 - p)).mean() * (1 / n0 + 1 / n1)), rel=1e-3)


def test_measured_in_the_log_it_is_what_customers_did_after_the_start(shop):
    made = ww.design_campaign(shop, "spring", ARMS[:1], sizing=ww.Sizing(holdout=0.4))
    done = ww.measure_campaign(shop, "spring")
    spend = _spend_by_hand(shop)
    log = {row["customer_id"]: row for row in done.log.to_pylist()}
    assert all(log[c]["spend"] == pytest.approx(spend.get(c, 0.0)) for c in log)
    groups = {
        t: [log[r["customer_id"]]["spend"] for r in rows_of(made) if r["treatment"] == t] for t in ("email", "none")
    }
    arm = done.to_dict()["arms"][0]
    plain = np.mean(groups["email"]) - np.mean(groups["none"])
    assert arm["outcomes"]["spend"]["unadjusted"]["effect"] == pytest.approx(plain)
    assert arm["incremental_margin"]["effect"] == pytest.approx(
        0.4 * arm["outcomes"]["spend"]["effect"] * arm["treated"]
    )
    assert done.to_dict()["matured"]
    assert [w[:38] for w in done.to_dict()["warnings"]] == ["The log has no contact of this campaig"]
    assert pq.read_table(shop.campaigns / "spring" / "log.parquet").equals(done.log)
    assert done.log.column_names[:5] == [
        "customer_id",
        "treatment",
        "propensity",
        "propensity_none",
        "propensity_email",
    ]
    assert {"spend", "orders", "active", "forecast_spend"} <= set(done.log.column_names)


def _spend_by_hand(shop):
    from worthwhile.store.log import open_log

    with open_log(shop) as log:
        query = (
            "SELECT customer_id, sum(amount) FROM events WHERE kind = 'order_line'"
            " AND local_ts >= '2011-06-01' AND local_ts < '2011-08-30' GROUP BY customer_id"
        )
        return dict(log.con.execute(query).fetchall())


def test_a_planted_effect_is_found_in_outcomes_of_a_table(shop):
    made = ww.design_campaign(shop, "spring", ARMS, sizing=ww.Sizing(holdout=0.3))
    rng = np.random.default_rng(0)
    rows = rows_of(made)
    effect = {"none": 0.0, "email": 50.0, "card": -20.0}
    spend = [r["forecast_spend"] + effect[r["treatment"]] + rng.normal(0, 2) + 100 for r in rows]
    table = pa.table({"customer_id": [r["customer_id"] for r in rows], "spend": spend})
    found = {arm["arm"]: arm for arm in ww.measure_campaign(shop, "spring", outcomes=table).to_dict()["arms"]}
    for name in ("email", "card"):
        one = found[name]["outcomes"]["spend"]
        assert one["low"] <= effect[name] <= one["high"] and one["high"] - one["low"] < 6
    assert found["card"]["cost"] == found["card"]["treated"] * 1.0
    assert found["email"]["return"] == pytest.approx(0.4 * 50 / 0.05, rel=0.1)


def test_what_was_expected_is_held_against_what_was_measured(shop):
    arms = [ww.Arm("email", assumption="lift_spend", lift=0.1), ww.Arm("card")]
    made = ww.design_campaign(shop, "spring", arms, sizing=ww.Sizing(holdout=0.3))
    gain = {"none": 0.0, "email": 1e4, "card": 0.0}
    rows = [(r["customer_id"], 100 + r["forecast_spend"] + gain[r["treatment"]]) for r in rows_of(made)]
    table = pa.table({"customer_id": [row[0] for row in rows], "spend": [row[1] for row in rows]})
    measured = ww.measure_campaign(shop, "spring", outcomes=table)
    email, card = measured.to_dict()["arms"]
    spend = email["outcomes"]["spend"]
    assert spend["held_against"] == "more" and spend["expected_is"] == "assumption: lift_spend = 0.1"
    assert spend["expected"] == pytest.approx(0.1 * np.mean([r["forecast_spend"] for r in rows_of(made)]))
    assert card["outcomes"]["spend"]["expected"] is None and card["outcomes"]["spend"]["held_against"] is None
    assert "it brought more" in expectation_sentence(spend, "spend", words_of("en", "GBP"))
    assert expectation_sentence(card["outcomes"]["spend"], "spend", words_of("en", "GBP")) == ""
    assert "measured_at" in read_json(shop.campaigns / "spring" / "manifest.json")["measured"]


def test_outcomes_may_be_chinese_and_advertising_is_no_spend_of_customers(shop, tmp_path):
    ids = [row["customer_id"] for row in rows_of(ww.design_campaign(shop, "spring", ARMS))]
    lines = [f"{name},{k % 3},{'是' if k % 3 else '否'}" for k, name in enumerate(ids)]
    (tmp_path / "o.csv").write_text("\n".join(["客户编号,成交金额,是否下单", *lines]), encoding="gb18030")
    log = ww.measure_campaign(shop, "spring", outcomes=tmp_path / "o.csv").log.to_pylist()
    assert sum(row["spend"] for row in log) == 60 and sum(row["active"] for row in log) == 40
    (tmp_path / "o.csv").write_text("\n".join(["客户编号,广告费,是否下单", *lines]), encoding="gb18030")
    with pytest.raises(InputError, match=r"no column `spend`; call it `spend` or `消费金额`") as caught:
        ww.measure_campaign(shop, "spring", outcomes=tmp_path / "o.csv")
    assert caught.value.code == "bad-columns" and "`广告费`" in caught.value.remedy


@pytest.mark.parametrize(
    ("only", "told"), [([], "this names no customer"), (["stranger"], "none of these 1 customers has a forecast")]
)
def test_a_test_among_nobody_names_the_option(shop, only, told):
    with pytest.raises(InputError, match=told) as caught:
        ww.design_campaign(shop, "spring", ARMS, only=frozenset(only))
    assert caught.value.where == "--only"


def test_customers_lost_from_one_group_are_told(shop):
    made = ww.design_campaign(shop, "spring", ARMS[:1], sizing=ww.Sizing(holdout=0.5))
    left = [r["customer_id"] for r in rows_of(made) if r["treatment"] == "none"][:4]
    left += [r["customer_id"] for r in rows_of(made) if r["treatment"] == "email"]
    table = pa.table({"customer_id": left, "spend": [1.0] * len(left)})
    warnings = ww.measure_campaign(shop, "spring", outcomes=table).to_dict()["warnings"]
    assert any("are left out" in text for text in warnings)
    assert any("not of the sizes that were designed" in text for text in warnings)


@pytest.mark.parametrize("text", ["customer_id,spend\n", "customer_id,spend\nstranger,5\nother,0\n"])
def test_outcomes_of_none_of_the_customers_are_refused_and_what_was_measured_stays(shop, tmp_path, text):
    ww.design_campaign(shop, "spring", ARMS, sizing=ww.Sizing(holdout=0.3))
    log = ww.measure_campaign(shop, "spring").log
    manifest = read_json(shop.campaigns / "spring" / "manifest.json")
    (tmp_path / "outcomes.csv").write_text(text)
    with pytest.raises(InputError, match="none of the 60 assigned customers is among the") as caught:
        ww.measure_campaign(shop, "spring", outcomes=tmp_path / "outcomes.csv")
    assert caught.value.code == "bad-values" and caught.value.where == f"--outcomes {tmp_path / 'outcomes.csv'}"
    assert pq.read_table(shop.campaigns / "spring" / "log.parquet").equals(log)
    assert read_json(shop.campaigns / "spring" / "manifest.json") == manifest


def test_customers_whom_the_log_has_lost_are_counted(shop, monkeypatch):
    made = ww.design_campaign(shop, "spring", ARMS[:1], sizing=ww.Sizing(holdout=0.5))
    held = {r["customer_id"] for r in rows_of(made) if r["treatment"] == "none"}
    monkeypatch.setattr(measure, "_in_the_log", lambda log, ids: np.array([c not in held for c in ids.to_pylist()]))
    warnings = ww.measure_campaign(shop, "spring").to_dict()["warnings"]
    assert any("30 assigned customers are no longer in the log" in text for text in warnings)
    assert any("not of the sizes that were designed" in text for text in warnings)


def test_contacts_come_back_through_the_log_and_those_of_the_held_out_are_told(shop, tmp_path):
    made = ww.design_campaign(shop, "spring", ARMS, sizing=ww.Sizing(holdout=0.3))
    write_contacts(made, tmp_path / "contacts.csv")
    ww.ingest(shop, tmp_path / "contacts.csv")
    done = ww.measure_campaign(shop, "spring").to_dict()
    assert done["contacted_in_log"] == len(contacts_of(made)) == sum(r["treatment"] != "none" for r in rows_of(made))
    assert done["warnings"] == []
    held = next(r["customer_id"] for r in rows_of(made) if r["treatment"] == "none")
    (tmp_path / "slip.csv").write_text(f"customer_id,type,date,text\n{held},campaign,2011-06-03,spring\n")
    ww.ingest(shop, tmp_path / "slip.csv")
    assert any(
        "1 customers who were held out were contacted" in w
        for w in ww.measure_campaign(shop, "spring").to_dict()["warnings"]
    )


def test_a_horizon_that_is_not_over_is_told_and_one_that_has_not_begun_refused(shop):
    ww.design_campaign(shop, "late", ARMS[:1], sizing=ww.Sizing(start="2011-11-01"))
    done = ww.measure_campaign(shop, "late").to_dict()
    assert not done["matured"] and "what is known so far" in done["warnings"][0]
    said = [arm["outcomes"]["spend"]["held_against"] for arm in done["arms"]]
    assert said == [None] * len(said) and any("once the horizon is over" in text for text in done["answer"])
    assert read_campaign(shop, "late").manifest["measured"]["matured"] is False
    ww.design_campaign(shop, "later", ARMS[:1], sizing=ww.Sizing(start="2012-01-01"))
    with pytest.raises(InputError) as caught:
        ww.measure_campaign(shop, "later")
    assert caught.value.code == "not-matured"


def test_a_campaign_that_begins_long_after_its_forecast_is_told_to_be_measured_on_other_days(shop):
    days = {"soon": "2011-07-16", "late": "2011-07-17"}  # half of 90 days after the cutoff, and a day more
    told = {n: ww.design_campaign(shop, n, ARMS, sizing=ww.Sizing(start=day)).manifest for n, day in days.items()}
    assert told["soon"]["warnings"] == []
    assert "46 days after the forecast's cutoff, 2011-06-01" in told["late"]["warnings"][0]


@pytest.mark.parametrize("asked", [ww.Asked(target="value"), ww.Asked(category="tea")])
def test_a_test_of_spend_needs_a_forecast_of_all_spend(shop, asked):
    ww.forecast(shop, horizon="90d", model="past-rate", cutoff="2011-06-01", asked=asked)
    with pytest.raises(InputError, match="measures all that customers spend"):
        ww.design_campaign(shop, "spring", ARMS)


def test_a_campaign_does_not_begin_before_what_its_forecast_has_seen(shop):
    ww.design_campaign(shop, "day", ARMS, sizing=ww.Sizing(start="2011-06-01"))
    with pytest.raises(InputError, match="before the forecast's cutoff 2011-06-01") as caught:
        ww.design_campaign(shop, "early", ARMS, sizing=ww.Sizing(start="2011-05-31"))
    assert caught.value.where == "--start"


def test_a_plan_becomes_a_campaign_whose_control_would_have_got_the_same(shop):
    actions = {"actions": {"email": {"cost": 0.05, "lift_spend": 0.1}, "card": {"cost": 1.0, "points_active": 0.2}}}
    run = ww.plan(shop, actions, 30, how=ww.How(holdout=0.4))
    made = ww.design_campaign(shop, "planned", plan="latest")
    assert made.manifest["plan"] == run.run_id
    planned = {r["customer_id"]: r["action"] for r in run.table().to_pylist()}
    left = {r["customer_id"]: r["action"] for r in run.plan.holdout.to_pylist() if r["action"]}
    assert {r["customer_id"]: r["treatment"] for r in rows_of(made)} == {**dict.fromkeys(left, "none"), **planned}
    assert {r["customer_id"]: r["intended"] for r in rows_of(made)} == {**left, **planned}
    for row in rows_of(made):
        assert row["propensity_none"] == pytest.approx(0.4)
        assert row["propensity"] == pytest.approx(0.4 if row["treatment"] == "none" else 0.6)
    assert not [name for name in made.assignment().column_names if name in ("propensity_card", "propensity_email")]
    done = ww.measure_campaign(shop, "planned").to_dict()
    assert {arm["arm"]: arm["held_out"] for arm in done["arms"]} == {
        name: sum(a == name for a in left.values()) for name in ("card", "email")
    }


def test_chance_of_being_left_alone_is_of_those_who_could_be_contacted(shop):
    ids = sorted(r["customer_id"] for r in forecast_rows(shop))
    actions = {"actions": {"email": {"cost": 0.01, "lift_spend": 0.2}}}
    limits = ww.Limits(excluded=frozenset(ids[:30]))
    run = ww.plan(shop, actions, 1000, limits=limits, how=ww.How(holdout=6))
    facts = run.to_dict()
    assert facts["eligible"] <= 30
    rows = rows_of(ww.design_campaign(shop, "some", plan="latest"))
    assert {row["propensity_none"] for row in rows} == {6 / facts["eligible"]}
    assert {row["propensity_email"] for row in rows} == {1 - 6 / facts["eligible"]}


def forecast_rows(shop):
    run = ww.list_runs(shop, "forecast")[0]["run_id"]
    return pq.read_table(shop.runs / run / "forecasts.parquet").to_pylist()


def measured_as(shop, effect):
    """An uplift run that measured the same effect of `mail` on everybody."""
    ids = [row["customer_id"] for row in forecast_rows(shop)]
    table = pa.table({"customer_id": ids, "action": ["mail"] * len(ids), "outcome": ["spend"] * len(ids),
                      "effect_mean": [effect] * len(ids), "effect_se": [1.0] * len(ids)})  # fmt: skip
    record(shop, "uplift", {"effect": effect}, {}, lambda folder, _: pq.write_table(table, folder / "effects.parquet"))


def test_a_plan_with_several_contacts_of_one_customer_cannot_be_measured(shop):
    actions = {"actions": {"email": {"cost": 0.01, "lift_spend": 0.2}, "card": {"cost": 0.02, "lift_spend": 0.2}}}
    ww.plan(shop, actions, 1000, limits=ww.Limits(per_customer=2), how=ww.How(holdout=0.3))
    with pytest.raises(InputError, match="several actions for") as caught:
        ww.design_campaign(shop, "twice", plan="latest")
    assert caught.value.code == "bad-argument" and not (shop.campaigns / "twice").exists()


@pytest.mark.parametrize(
    ("name", "arms", "sizing"),
    [
        ("../up", ARMS, ww.Sizing()),
        ("x", [], ww.Sizing()),
        ("x", [ARMS[0], ARMS[0]], ww.Sizing()),
        ("x", [ww.Arm("none")], ww.Sizing()),
        ("x", ARMS, ww.Sizing("joy")),
        ("x", ARMS, ww.Sizing(holdout=0.1, detect=1.0)),
        ("x", ARMS, ww.Sizing(holdout=500)),
        ("x", ARMS, ww.Sizing(detect=-1)),
        ("x", ARMS, ww.Sizing(power=1.2)),
    ],
)
def test_designs_that_mean_nothing_are_refused(shop, name, arms, sizing):
    with pytest.raises(InputError) as caught:
        ww.design_campaign(shop, name, arms, sizing=sizing)
    assert caught.value.code == "bad-argument"
    assert not (shop.campaigns / name).exists()


def test_a_campaign_is_not_designed_twice_and_must_be_there_to_be_measured(shop):
    ww.design_campaign(shop, "spring", ARMS)
    with pytest.raises(InputError, match="already a campaign"):
        ww.design_campaign(shop, "spring", ARMS, seed=9)
    with pytest.raises(InputError) as caught:
        ww.measure_campaign(shop, "autumn")
    assert caught.value.code == "no-such-run" and "spring" in caught.value.remedy


def test_a_test_that_cannot_find_what_the_plan_expects_says_so_before_anybody_is_contacted(shop):
    actions = {"actions": {"email": {"cost": 0.05, "lift_spend": 0.01}}}
    run = ww.plan(shop, actions, 30, how=ww.How(holdout=0.4))
    made = ww.design_campaign(shop, "planned", plan="latest").manifest
    one = next(f for f in made["test"]["findable"] if f["outcome"] == "spend")
    assert one["expected"] == pytest.approx(np.mean(run.table()["extra_spend"].to_pylist()))
    assert one["expected"] == pytest.approx(0.01 * np.mean(run.table()["expected_spend"].to_pylist()))
    assert one["expected_is"] == "assumption: lift_spend = 0.01"
    assert one["expected_power"] < 0.8 and one["hold_out"] is None and one["each_group"] > 60
    (warning,) = made["warnings"]
    assert f"The plan expects {money(one['expected'], 'GBP')} a contact" in warning
    assert f"finds {money(one['detectable'], 'GBP')} or more, with 80 % power" in warning
    assert f"two groups of {one['each_group']:,} customers would be" in warning
    assert [a["assumption"] for a in made["assumptions"]] == ["lift_spend"]
    assert next(f for f in made["test"]["findable"] if f["outcome"] == "active")["expected"] is None


def test_a_test_that_finds_what_is_expected_does_not_warn_and_one_held_out_too_few_says_how_many(shop):
    def design(name: str, effect: float, holdout: float) -> dict:
        measured_as(shop, effect)
        arm = ww.Arm("email", cost=0.05, treatment="mail")
        return ww.design_campaign(shop, name, [arm], sizing=ww.Sizing(holdout=holdout)).manifest

    sure = design("sure", 5_000.0, 0.5)
    found = sure["test"]["findable"][0]
    assert sure["warnings"] == [] and found["expected_power"] > 0.8
    effect = 1.1 * found["detectable"]  # found by halves, not by one held out of sixty
    few = design("few", effect, 1)
    one = few["test"]["findable"][0]
    assert 1 < one["hold_out"] <= 30 and f"Hold out {one['hold_out']:,} (--holdout" in few["warnings"][0]
    assert design("enough", effect, one["hold_out"])["warnings"] == []
    if one["hold_out"] > 2:
        assert design("less", effect, one["hold_out"] - 1)["warnings"] != []


def test_a_plan_whose_budget_is_used_up_adds_control_and_keeps_its_contacts(shop):
    def design(name: str, holdout: float) -> tuple[dict, dict]:
        actions = {"actions": {"email": {"cost": 1, "points_active": 0.577}}}
        ww.plan(shop, actions, 12, how=ww.How(holdout=holdout))
        made = ww.design_campaign(shop, name, plan="latest", sizing=ww.Sizing("active")).manifest
        return made, next(one for one in made["test"]["findable"] if one["outcome"] == "active")

    manifest, few = design("few", 0.1)
    # No parting of the thirteen whom this plan names would find it; these twelve with twice as many beside them do.
    assert few["treated"] == 12 and few["hold_out"] > few["treated"] + few["held_out"]
    share = np.ceil(few["hold_out_share"] * 100) / 100
    assert f"Hold out {few['hold_out']} (plan again with --holdout {share:g})" in manifest["warnings"][1]
    _, more = design("more", share)
    assert more["treated"] == 12 and more["expected_power"] > 0.7 > few["expected_power"]


def test_effects_that_uplift_measured_are_held_to_what_the_test_finds(shop):
    arm = ww.Arm("email", treatment="mail")
    made = ww.design_campaign(shop, "blind", [arm]).manifest
    assert "neither assumed nor measured" in made["warnings"][0]
    measured_as(shop, 2.5)
    one = ww.design_campaign(shop, "seen", [arm]).manifest["test"]["findable"][0]
    assert one["expected"] == pytest.approx(2.5) and one["expected_is"].startswith("measured: uplift-")


def test_what_an_older_version_did_not_record_is_asked_for_by_name(shop):
    actions = {"actions": {"email": {"cost": 0.05, "lift_spend": 0.1}}}
    run = ww.plan(shop, actions, 30, how=ww.How(holdout=0.4))
    facts = {key: value for key, value in run.to_dict().items() if key not in ("run_id", "folder", "eligible")}
    note(shop, run.run_id, {"facts": facts})
    with pytest.raises(InputError, match="does not say `eligible`") as caught:
        ww.design_campaign(shop, "old", plan=run.run_id)
    assert caught.value.code == "bad-argument" and "make the plan again" in caught.value.remedy


def test_a_plan_older_than_its_extra_spend_is_measured_with_a_warning(shop):
    actions = {"actions": {"email": {"cost": 0.05, "lift_spend": 0.1}}}
    run = ww.plan(shop, actions, 30, how=ww.How(holdout=0.4))
    path = run.folder / "plan.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["extra_spend", "extra_active"]), path)
    digests = {name: digest_of(run.folder / name) for name in ("plan.parquet", "holdout.parquet")}
    note(shop, run.run_id, {"sha256": digests})
    made = ww.design_campaign(shop, "old", plan="latest").manifest
    assert "Make the plan again" in made["warnings"][0]


def test_a_forecast_that_does_not_say_how_spend_varies_is_refused(shop):
    run = ww.list_runs(shop, "forecast")[0]["run_id"]
    path = shop.runs / run / "amount_histogram.json"
    kept = [{k: v for k, v in one.items() if k != "variance_of_total"} for one in read_json(path)]
    write_json(path, kept)
    manifest = read_json(shop.runs / run / "manifest.json")
    note(shop, run, {"sha256": {**manifest["sha256"], "amount_histogram.json": digest_of(path)}})
    with pytest.raises(InputError, match="recorded before forecasts said") as caught:
        ww.design_campaign(shop, "old", ARMS)
    assert caught.value.code == "bad-argument"


@pytest.mark.parametrize(
    ("where", "options"),
    [("--holdout", {"sizing": ww.Sizing(holdout=0.3)}), ("--only", {"only": frozenset({"C0001"})}),
     ("--seed", {"seed": 3}), ("--run", {"run_id": "forecast-0"}), ("--arm", {"arms": ARMS})],
)  # fmt: skip
def test_what_a_plan_has_settled_is_not_asked_again(shop, where, options):
    ww.plan(shop, {"actions": {"email": {"cost": 0.05, "lift_spend": 0.1}}}, 30)
    with pytest.raises(InputError, match="has settled this already") as caught:
        ww.design_campaign(shop, "planned", plan="latest", **options)
    assert caught.value.where == where


def test_customers_without_a_forecast_who_were_asked_for_are_counted(shop):
    only = frozenset(row["customer_id"] for row in forecast_rows(shop)[:30]) | {"stranger"}
    made = ww.design_campaign(shop, "some", ARMS, only=only)
    assert (
        made.manifest["warnings"] == ["1 of the 31 customers asked for have no forecast, and take no part."]
        and len(rows_of(made)) == 30
    )
