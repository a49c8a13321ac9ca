"""Plans of a shop: candidates of its forecast, effects measured or assumed, recorded as a run."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import worthwhile as ww
from worthwhile.decide.budget.shop_plan import SHOP_HOW, acquired_values
from worthwhile.decide.campaign.design import write_contacts
from worthwhile.decide.campaign.folder import read_campaign
from worthwhile.decide.responses import SEEN
from worthwhile.errors import InputError
from worthwhile.runs.record import list_runs, record

DATA = Path(os.environ.get("WORTH_DATA", Path(__file__).parents[3] / "shared" / "data"))
ACTIONS = {
    "actions": {
        "email": {"cost": 0.05, "lift_spend": 0.03, "lift_se": 0.01},
        "voucher": {"channel": "email", "cost": 0.05, "cost_share": 0.1, "lift_active": 0.5, "capacity": 5},
        "card": {"channel": "post", "cost": 1.0, "points_active": 0.05},
    },
    "limits": {"contact_days": 30, "channels": {"email": {"capacity": 20}}},
}


def forecast_of(shop):
    run = ww.list_runs(shop, "forecast")[0]["run_id"]
    table = pq.read_table(shop.runs / run / "forecasts.parquet")
    return {row["customer_id"]: row for row in table.to_pylist()}


def test_assumed_effects_become_margins_as_the_docs_say(shop):
    made = ww.plan(shop, ACTIONS, 25)
    known = forecast_of(shop)
    assert len(made.table())
    for row in made.table().to_pylist():
        spend, p = known[row["customer_id"]]["spend_mean"], known[row["customer_id"]]["p_active"]
        extra = {"email": 0.03 * spend, "voucher": min(0.5 * p, 1 - p) * spend / max(p, 1e-9),
                 "card": min(0.05, 1 - p) * spend / max(p, 1e-9)}[row["action"]]  # fmt: skip
        cost = {"email": 0.05, "voucher": 0.05 + 0.1 * (spend + extra), "card": 1.0}[row["action"]]
        assert row["expected_margin"] == pytest.approx(0.4 * extra)
        assert row["cost"] == pytest.approx(cost)
        assert row["effect"].startswith("assumption: ")
    facts = made.to_dict()
    assert [one["action"] for one in facts["assumptions"]] == ["email", "voucher", "card"]
    assert facts["cost"] <= 25 and facts["held_out"] == 6


def test_an_assumption_of_which_nobody_says_how_sure_it_is_may_err_by_half_of_it(shop):
    def planned(**said: float) -> dict:
        actions = {"actions": {"email": {"cost": 0.01, "lift_spend": 0.1, **said}}}
        return ww.plan(shop, actions, 1000, how=ww.How()).to_dict()

    unsaid, given, exact = planned(), planned(lift_se=0.02), planned(lift_se=0)
    for facts, share in ((unsaid, 0.5), (given, 0.2)):
        reach = facts["expected_margin_high"] - facts["expected_margin"]
        assert reach == pytest.approx(1.645 * share * facts["expected_margin"], rel=1e-3)
    assert exact["expected_margin_low"] is None
    said = [(one["lift_se"], one["lift_se_is"]) for facts in (unsaid, given, exact) for one in facts["assumptions"]]
    assert said == [(0.05, "assumed"), (0.02, "given"), (0, "given")]


@pytest.mark.parametrize(
    ("kind", "fair", "large", "absurd"),
    [("lift_spend", 0.5, 3, 5), ("lift_active", 0.5, 0.6, -2), ("points_active", 0.1, 0.2, 2)],
)
def test_a_large_assumption_is_doubted_and_an_absurd_one_refused(shop, kind, fair, large, absurd):
    def warned(size: float) -> list[str]:
        return ww.plan(shop, {"actions": {"email": {"cost": 1, kind: size}}}, 20).to_dict()["warnings"]

    assert warned(fair) == []
    assert len(warned(large)) == 1 and f"email: {kind} = {large:g}" in warned(large)[0]
    tested = ww.design_campaign(shop, "large", [ww.Arm("email", assumption=kind, lift=large)])
    assert warned(large)[0] in tested.manifest["warnings"]
    assert warned(large)[0] in ww.design_campaign(shop, "planned", plan="latest").manifest["warnings"]
    with pytest.raises(InputError, match="which no contact brings"):
        warned(absurd)
    with pytest.raises(InputError, match="which no contact brings"):
        ww.design_campaign(shop, "absurd", [ww.Arm("email", assumption=kind, lift=absurd)])


@pytest.mark.real_data
def test_what_is_said_of_the_hillstrom_test_is_what_it_brought():
    path = DATA / "hillstrom.parquet"
    if not path.is_file():
        pytest.skip(f"{path} is missing; name the folder of the public data sets in WORTH_DATA")
    table = pq.read_table(path)
    means = table.group_by("treatment").aggregate([("spend", "mean"), ("conversion", "mean")]).to_pylist()
    spend, orders = ({one["treatment"]: one[f"{name}_mean"] for one in means} for name in ("spend", "conversion"))
    mails = ("Womens E-Mail", "Mens E-Mail")

    def rises(of: dict) -> list[int]:
        return [round((of[mail] / of["No E-Mail"] - 1) * 100) for mail in mails]

    assert (SEEN["lift_spend"], SEEN["lift_active"]) == (rises(spend), rises(orders))
    assert SEEN["points_active"] == [round((orders[mail] - orders["No E-Mail"]) * 100, 1) for mail in mails]


def test_arms_are_as_the_file_of_actions_has_them_and_cost_what_is_said_instead():
    told = {"actions": {**ACTIONS["actions"], "voucher": {**ACTIONS["actions"]["voucher"], "redeemed": 0.5},
                        "mail": {"cost": 2.0, "treatment": "mens", "cost_column": "postage"}}}  # fmt: skip
    voucher, card = ww.arms_of(told, {"voucher": None, "card": 0.7})
    assert voucher == ww.Arm("voucher", "email", 0.05, "lift_active", 0.5, cost_share=0.05)
    assert card == ww.Arm("card", "post", 0.7, "points_active", 0.05)
    assert ww.arms_of(told, {"mail": 0.5}) == [ww.Arm("mail", "mail", 0.5, treatment="mens")]
    with pytest.raises(InputError, match="stands in a column"):
        ww.arms_of(told)
    with pytest.raises(InputError, match="has no `fax`"):
        ww.arms_of(told, {"fax": None})


def test_plan_is_recorded_and_the_same_question_is_the_same_run(shop):
    made, again = ww.plan(shop, ACTIONS, 25), ww.plan(shop, ACTIONS, 25)
    assert made.run_id == again.run_id != ww.plan(shop, ACTIONS, 20).run_id
    manifest = list_runs(shop, "plan")[-1]
    assert manifest["asked"]["forecast"] == ww.list_runs(shop, "forecast")[0]["run_id"]
    assert set(manifest["sha256"]) == {"plan.parquet", "holdout.parquet"}
    assert pq.read_table(made.folder / "plan.parquet").equals(made.table())


def test_where_the_budget_is_used_up_no_more_are_left_alone_than_its_contacts_need(shop):
    actions = {"actions": {"email": {"cost": 1, "lift_spend": 0.5}}}

    def found(detect: float) -> dict:
        made = ww.plan(shop, actions, 10, detect=detect)
        test = ww.design_campaign(shop, f"t{detect:.0f}", plan=made.run_id).manifest["test"]
        return {**made.to_dict(), **test["findable"][0]}

    half = found(0.01)  # half are left alone where no share is enough
    assert half["held_out"] < 30 and half["treated"] == 10
    one = found(half["detectable"] * 1.3)
    assert one["treated"] == 10 and one["held_out"] < half["held_out"]


def test_as_many_are_left_alone_as_an_effect_takes_to_be_found(shop):
    sizes = [ww.plan(shop, ACTIONS, 25, detect=effect).to_dict()["held_out"] for effect in (0.01, 150.0, 1e6)]
    told = [ww.plan(shop, ACTIONS, 25, detect=effect).to_dict() for effect in (0.01, 1e6)]
    assert "and not £0.01" in told[0]["warnings"][0] and told[0]["detectable"] > 0.01 and told[1]["warnings"] == []
    half = ww.plan(shop, ACTIONS, 25, how=replace(SHOP_HOW, holdout=0.5)).to_dict()
    assert half["detectable"] is None and half["warnings"] == [] and half["run_id"] != told[0]["run_id"]
    one = ww.plan(shop, {"actions": {"email": {"cost": 1, "lift_spend": 0.3}}}, 1, detect=1.0).to_dict()
    assert one["contacts"] == 1 and one["held_out"] == 30  # one contact shows nothing, however many are left alone
    assert sizes[0] == 30 and sizes == sorted(sizes, reverse=True) and sizes[1] > sizes[2]
    with pytest.raises(InputError, match="cannot be found"):
        ww.plan(shop, ACTIONS, 25, detect=-1)


def test_manifest_names_no_customer(shop):
    limits = ww.Limits(excluded={"C0003"}, contacted={"C0004": 1})
    made = ww.plan(shop, ACTIONS, 25, limits=limits)
    text = (made.folder / "manifest.json").read_text()
    assert "C0003" not in text and "C0004" not in text
    assert not {"C0003", "C0004"} & set(made.table()["customer_id"].to_pylist())


def test_contacts_of_the_last_days_in_the_log_count(shop, tmp_path):
    file = tmp_path / "contacts.csv"
    rows = [("C0000", "2011-05-20"), ("C0001", "2011-04-01"), ("C0002", "2011-07-02")]
    file.write_text("customer_id,type,date,channel,text\n" + "".join(f"{c},campaign,{d},email,may\n" for c, d in rows))
    ww.ingest(shop, file)
    made = ww.plan(shop, ACTIONS, 1000, how=ww.How(objective="profit"))
    assert made.to_dict()["recent_contacts"] == 1
    assert made.to_dict()["not_to_be_contacted"] == 1
    assert "C0000" not in made.table()["customer_id"].to_pylist()


def test_contacts_of_a_campaign_count_once_whether_the_log_tells_of_them_or_not(shop, tmp_path):
    ww.forecast(shop, horizon="90d", model="past-rate", cutoff="2011-05-20")
    made = ww.design_campaign(shop, "may", [ww.Arm("email")], sizing=ww.Sizing(holdout=0.8))
    ww.forecast(shop, horizon="90d", model="past-rate", cutoff="2011-06-01")
    treated = {r["customer_id"] for r in made.assignment().to_pylist() if r["treatment"] != "none"}
    before = ww.plan(shop, ACTIONS, 25)
    assert before.to_dict()["recent_contacts"] == len(treated)
    assert not treated & set(before.table()["customer_id"].to_pylist())
    write_contacts(made, tmp_path / "contacts.csv")
    ww.ingest(shop, tmp_path / "contacts.csv")
    assert ww.plan(shop, ACTIONS, 25).to_dict()["recent_contacts"] == len(treated)


def test_whom_a_campaign_of_the_same_day_reaches_is_not_planned_again(shop):
    first = ww.plan(shop, ACTIONS, 25)
    ww.design_campaign(shop, "june", plan=first.run_id)
    again = ww.plan(shop, ACTIONS, 25)
    assert again.to_dict()["recent_contacts"] > 0
    dealt = read_campaign(shop, "june").assignment().to_pylist()
    reached = {row["customer_id"] for row in dealt if row["treatment"] != "none"}
    assert not reached & set(again.table()["customer_id"].to_pylist())


def test_what_is_given_stands_in_place_of_the_same_limit_of_the_file_alone(shop):
    lifts = {"cost": 0.01, "lift_spend": 0.3}
    actions = {
        "actions": {"email": {**lifts, "capacity": 7}, "card": {**lifts, "channel": "post", "capacity": 8}},
        "limits": {"per_customer": 2, "least_return": 1e9, "channels": {"email": {"capacity": 3}},
                   "fairness": [{"column": "region", "most": 0.99}, {"column": "sex", "most": 0.98}]},
    }  # fmt: skip
    given = ww.Limits(
        per_customer=1, least_return=0.0, capacities={"post": 6}, action_capacities={"card": 5},
        fairness=[ww.Fairness("sex", most=0.97)],
    )  # fmt: skip
    ids = sorted(forecast_of(shop))
    people = pa.table({"customer_id": ids, "region": ["n", "s"] * 30, "sex": ["f", "m"] * 30})
    made = ww.plan(shop, actions, 1e6, limits=given, customers=people)
    limits = list_runs(shop, "plan")[0]["asked"]["limits"]
    assert (limits["per_customer"], limits["least_return"]) == (1, 0.0)
    assert limits["capacities"] == {"email": 3, "post": 6}
    assert limits["action_capacities"] == {"email": 7, "card": 5}
    assert [(fair["column"], fair["most"]) for fair in limits["fairness"]] == [("region", 0.99), ("sex", 0.97)]
    assert sorted(made.table()["action"].to_pylist()) == ["card"] * 5 + ["email"] * 3
    assert len(set(made.table()["customer_id"].to_pylist())) == 8
    strict = ww.plan(shop, actions, 1e6, limits=ww.Limits(per_customer=1), customers=people)
    assert not len(strict.table())  # least_return is the file's


def test_measured_effects_are_those_of_the_latest_uplift_run(shop):
    customers = sorted(forecast_of(shop))[:40]
    table = pa.table(
        {"customer_id": customers, "action": ["mail"] * 40, "outcome": ["spend"] * 40,
         "effect_mean": np.linspace(-5, 20, 40), "effect_se": np.full(40, 2.0)}
    )  # fmt: skip
    record(shop, "uplift", {"n": 1}, {}, lambda folder, _: pq.write_table(table, folder / "effects.parquet"))
    made = ww.plan(
        shop, {"actions": {"email": {"cost": 1.0, "treatment": "mail"}}}, 1000, how=ww.How(objective="profit")
    )
    chosen = made.table()
    assert chosen["customer_id"].to_pylist() == [
        c for c, m in zip(customers, np.linspace(-5, 20, 40), strict=True) if 0.4 * m > 1
    ]
    assert set(chosen["effect"].to_pylist()) == {f"measured: {list_runs(shop, 'uplift')[0]['run_id']}"}
    facts = made.to_dict()
    reach = facts["expected_margin_high"] - facts["expected_margin"]
    assert reach == pytest.approx(1.645 * 0.8 * len(chosen), rel=1e-3)  # errors of one fit are shared
    with pytest.raises(InputError, match="it measured `mail`"):
        ww.plan(shop, {"actions": {"card": {"cost": 1.0}}}, 10)


def test_effects_on_orders_keep_the_chance_within_bounds_and_visits_are_no_orders(shop):
    known = forecast_of(shop)
    customers = sorted(known)
    actions = {"actions": {"mail": {"cost": 0.0}}}

    def learned(outcome: str) -> None:
        table = pa.table({"customer_id": customers, "action": ["mail"] * 60, "outcome": [outcome] * 60,
                          "effect_mean": [0.9] * 60, "effect_se": [0.1] * 60})  # fmt: skip
        record(shop, "uplift", {"n": outcome}, {}, lambda folder, _: pq.write_table(table, folder / "effects.parquet"))

    learned("conversion")
    for row in ww.plan(shop, actions, 10, how=ww.How()).table().to_pylist():
        spend, p = known[row["customer_id"]]["spend_mean"], known[row["customer_id"]]["p_active"]
        assert row["expected_margin"] == pytest.approx(0.4 * min(0.9, 1 - p) * spend / p)
    learned("visit")
    with pytest.raises(InputError, match="only `visit`, which is neither money nor orders"):
        ww.plan(shop, actions, 10)


def test_a_voucher_is_of_spend_and_not_of_the_margin_that_was_forecast(shop):
    ww.forecast(shop, horizon="90d", model="past-rate", cutoff="2011-06-01", asked=ww.Asked(target="value"))
    with pytest.raises(InputError) as caught:
        ww.plan(shop, ACTIONS, 25)
    assert caught.value.where == "actions.voucher.cost_share" and "--target spend" in caught.value.remedy


def test_new_customers_are_worth_what_those_of_their_first_channel_are_forecast_to_be(tmp_path):
    shop = ww.create_shop(tmp_path / "shop", threads=1, value__margin=0.5)
    rows = [f"c{c},{d},{10 + c},{('ads', 'friends')[(c + (d == '2023-03-01')) % 2]}" for c in range(6)
            for d in ("2023-01-01", "2023-03-01")]  # fmt: skip
    (tmp_path / "o.csv").write_text("customer_id,date,amount,channel\n" + "\n".join(rows) + "\n")
    ww.ingest(shop, tmp_path / "o.csv")
    ww.forecast(shop, horizon="60d", model="past-rate")
    values = acquired_values(shop).to_pylist()
    known = forecast_of(shop)
    assert {row["customer_id"]: row["channel"] for row in values}["c0"] == "ads"
    assert all(row["expected_margin"] == 0.5 * known[row["customer_id"]]["spend_mean"] for row in values)


def test_an_effect_that_is_neither_measured_nor_assumed_is_refused(shop):
    with pytest.raises(InputError) as caught:
        ww.plan(shop, {"actions": {"email": {"cost": 1.0}}}, 10)
    assert caught.value.code == "no-such-run" and "lift_spend = 0.05" in caught.value.remedy


def test_columns_of_customers_give_costs_groups_and_consent(shop):
    ids = sorted(forecast_of(shop))
    table = pa.table(
        {"customer_id": ids, "postage": [float(k % 3) for k in range(len(ids))], "region": ["n", "s"] * (len(ids) // 2),
         "consent_post": ["yes", "yes", "no"] * (len(ids) // 3)}
    )  # fmt: skip
    actions = {"actions": {"card": {"channel": "post", "cost": 0.5, "cost_column": "postage", "lift_spend": 0.3}}}
    made = ww.plan(shop, actions, 20, customers=table, limits=ww.Limits(fairness=[ww.Fairness("region", parity=0.9)]))
    rows = made.table().to_pylist()
    by_id = dict(zip(ids, table.to_pylist(), strict=True))
    assert all(row["cost"] == 0.5 + by_id[row["customer_id"]]["postage"] for row in rows)
    assert all(by_id[row["customer_id"]]["consent_post"] == "yes" for row in rows)
    north = sum(row["region"] == "n" for row in rows)
    assert 0.4 * len(rows) <= north <= 0.6 * len(rows)


def test_what_is_wrong_with_a_customers_table_is_told_by_its_own_rows(shop):
    ids = sorted(forecast_of(shop), reverse=True)
    actions = {"actions": {"card": {"channel": "post", "cost": 0.5, "cost_column": "postage", "lift_spend": 0.3}}}
    good = {"customer_id": ids, "postage": ["1"] * len(ids), "consent": ["yes"] * len(ids)}
    for column, wrong, told in (
        ("postage", "1,50", "--customers row 3: `postage` is '1,50', which is no number; write 1.5"),
        ("consent", "perhaps", "--customers, consent row 3: `perhaps` says neither yes nor no"),
    ):
        table = pa.table({**good, column: [*good[column][:2], wrong, *good[column][3:]]})
        with pytest.raises(InputError, match=told):
            ww.plan(shop, actions, 20, customers=table)


def test_consent_is_asked_by_channel_as_it_is_when_the_plan_is_handed_over(shop, tmp_path):
    ids = sorted(forecast_of(shop))
    mail, post = (["yes", "no", None] * 20, ["yes", "yes", "no", "no"] * 15)
    lifts = {"cost": 0.01, "lift_spend": 0.3}
    actions = {"actions": {"email": lifts, "card": {**lifts, "channel": "post"}}}
    for columns in ({"consent_email": mail}, {"consent_email": mail, "consent_post": post},
                    {"consent_sms": mail, "consent_email": post}, {"consent_post": mail, "consent": post}):  # fmt: skip
        consent = pa.table({"customer_id": ids, **columns})
        limits = ww.Limits(per_customer=2)
        made = ww.plan(shop, actions, 1e6, customers=consent, limits=limits, how=ww.How(objective="profit"))
        assert len(made.table())
        handed = ww.export(shop, "plan", tmp_path / "p.csv", audience=ww.Audience(consent=consent))
        assert handed.manifest["left_out"]["no_consent"] == 0
    called = ww.plan(shop, {"actions": {"call": lifts}}, 1e6, how=ww.How(),
                     customers=pa.table({"customer_id": ids, "consent_email": mail, "consent_post": post}))  # fmt: skip
    assert not len(called.table())  # nobody said yes to calls


def test_margins_of_categories_are_those_of_what_each_customer_buys(shop):
    shop = ww.change_settings(shop, {"value.margins": {"toys": 0.1, "tea": 0.9}})
    made = ww.plan(shop, {"actions": {"email": {"cost": 0.01, "lift_spend": 0.1}}}, 100, how=ww.How())
    shares = [r["expected_margin"] / (0.1 * r["expected_spend"]) for r in made.table().to_pylist()]
    assert 0.1 <= min(shares) < 0.45 < max(shares) <= 0.9


def test_orders_that_came_after_the_forecast_change_no_plan_and_no_channels_value(shop, tmp_path):
    shop = ww.change_settings(shop, {"value.margins": {"toys": 0.1, "tea": 0.9}})
    actions = {"actions": {"email": {"cost": 0.01, "lift_spend": 0.1}}}
    before, values = ww.plan(shop, actions, 100), acquired_values(shop)
    late = [f"C{c:04d},2011-05-1{c % 9},late{c},toy,1,900,toys,fairs" for c in range(60)]
    names = "customer_id,order_date,order_id,sku,quantity,price,category,channel\n"
    (tmp_path / "late.csv").write_text(names + "\n".join(late) + "\n")
    ww.ingest(shop, tmp_path / "late.csv")
    again = ww.plan(shop, actions, 100)
    assert again.run_id == before.run_id and again.table().equals(before.table())
    assert acquired_values(shop).equals(values)
    counted = {**actions, "limits": {"contact_days": 30}}
    one = ww.plan(shop, counted, 100)
    (tmp_path / "k.csv").write_text("customer_id,type,date,channel,text\nC0000,campaign,2011-05-20,email,may\n")
    ww.ingest(shop, tmp_path / "k.csv")
    two = ww.plan(shop, counted, 100)
    assert one.run_id != two.run_id and two.to_dict()["recent_contacts"] == 1
    versions = [run["asked"]["contacts_data_version"] for run in list_runs(shop, "plan")[:2]]
    assert versions[0] != versions[1]


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({}, "actions"),
        ({"actions": {"a": {"price": 1}}}, "actions, actions.a"),
        ({"actions": {"a": {"lift_spend": 0.1, "lift_active": 0.1}}}, "actions, actions.a"),
        ({"actions": {"a": {"cost": "dear"}}}, "actions, actions.a.cost"),
        ({"actions": {"a": {"cost": -1}}}, "actions, actions.a"),
        ({"actions": {"a": {"cost_share": 10}}}, "actions, actions.a"),
        ({"actions": {"a": {"lift_se": 0.1}}}, "actions, actions.a"),
        ({"actions": {"a": {"lift_spend": 30}}}, "actions, actions.a.lift_spend"),
        ({"actions": {"a": {}}, "limits": {"buget": 3}}, "actions, limits"),
        ({"actions": {"a": {}}, "limits": {"fairness": [{"parity": 1}]}}, "actions, limits.fairness"),
        ({"actions": {"a": {}}, "limits": {"fairness": 3}}, "actions, limits.fairness"),
        ({"actions": {"a": {}}, "limits": 3}, "actions, limits"),
        (
            {"actions": {"a": {}}, "limits": {"fairness": [{"column": "r", "least": "x"}]}},
            "actions, limits.fairness.least",
        ),
        ({"actions": {"a": {}}, "limits": {"channels": 3}}, "actions, limits.channels"),
        ({"actions": {"a": {}}, "limits": {"per_customer": 1.5}}, "actions, limits.per_customer"),
        ({"actions": {"a": {}}, "limits": {"contact_days": -1}}, "actions, limits.contact_days"),
    ],
)
def test_actions_that_say_something_odd_are_refused_by_name(shop, document, where):
    with pytest.raises(InputError) as caught:
        ww.plan(shop, document, 10)
    assert (caught.value.code, caught.value.where) == ("bad-argument", where)


def test_a_shops_plan_counts_cost_and_leaves_some_alone_unless_told_otherwise():
    assert (SHOP_HOW.objective, SHOP_HOW.holdout) == ("profit", 0.1)


def test_contacts_whom_a_running_test_leaves_alone_are_told(shop):
    first = ww.plan(shop, ACTIONS, 25, how=replace(SHOP_HOW, holdout=0.5))
    made = ww.design_campaign(shop, "june", plan=first.run_id)
    again = ww.plan(shop, {**ACTIONS, "limits": {"contact_days": 30}}, 25, how=replace(SHOP_HOW, holdout=0.0))
    held = {row["customer_id"] for row in made.assignment().to_pylist() if row["treatment"] == "none"}
    count = len(held & set(again.table()["customer_id"].to_pylist()))
    [note] = [note for note in again.plan.facts["notes"] if note["note"] == "held_by_test"]
    assert count and (note["customers"], note["campaign"]) == (count, "june")
    assert f"{count:,} of the customers to be contacted are those whom campaign june leaves alone" in " ".join(
        again.warning_sentences()
    )


def test_effects_that_may_be_none_or_are_of_strangers_are_told_or_passed_over(shop):
    ids = sorted(forecast_of(shop))
    effects = {"customer_id": ids, "action": ["mail"] * 60, "outcome": ["spend"] * 60, "effect_mean": [9.0] * 60,
               "effect_se": [1.0] * 60}  # fmt: skip
    unsure = {"outcome": "spend", "action": "mail", "low": -1.0, "high": 3.0}

    def measured(asked: dict, **facts) -> str:
        table = pa.table(effects)
        return record(shop, "uplift", asked, facts, lambda f, _: pq.write_table(table, f / "effects.parquet")).name

    mine = measured({"n": 11, "cutoff": "2012-01-01T00:00:00+00:00"}, averages=[unsure], of_shop=60)
    measured({"n": 12}, averages=[], of_shop=0)
    made = ww.plan(shop, {"actions": {"card": {"cost": 0.1, "treatment": "mail"}}}, 5)
    assert made.plan.facts["uplift"] == mine
    assert [note["note"] for note in made.plan.facts["notes"]] == ["effect_unsure", "effects_later"]
    assert "nothing sure" in made.warning_sentences()[0] and "没有看到任何确定的效果" in made.warning_sentences("zh")[0]
