"""What is handed over: to whom it may be, in files that do no harm, with a manifest that says where it comes from."""

from __future__ import annotations

import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

import worthwhile as ww
from worthwhile.decide.campaign.folder import read_campaign
from worthwhile.decide.consent import consented
from worthwhile.decide.tables import read_table
from worthwhile.errors import InputError
from worthwhile.runs.record import digest_of, list_runs, note, record
from worthwhile.runs.tables import safe_for_spreadsheets, write_table


def read(path):
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return pacsv.read_csv(path).to_pylist()


@pytest.fixture
def audience_run(shop):
    table = pa.table(
        {"customer_id": ["C0002", "=cmd()", "C0001", "C0000", "C0001"], "tier": ["high", "low", "high", None, "low"],
         "share": [1.0, float("nan"), 2.0, 3.0, 4.0]}
    )  # fmt: skip
    record(
        shop, "segments", {"forecast": "none"}, {}, lambda folder, _: pq.write_table(table, folder / "segments.parquet")
    )
    return table


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_rows_come_ascending_in_every_format_with_a_manifest_beside_them(shop, audience_run, tmp_path, suffix):
    out = tmp_path / f"audience{suffix}"
    done = ww.export(shop, "segments", out)
    ids = [row["customer_id"] for row in read(out)]
    marked = "'=cmd()" if suffix == ".csv" else "=cmd()"
    assert ids == [marked, "C0000", "C0001", "C0001", "C0002"]
    assert [row["tier"] for row in read(out) if row["customer_id"] == "C0001"] == ["high", "low"]
    manifest = json.loads((tmp_path / f"audience{suffix}.manifest.json").read_text())
    assert manifest["sha256"] == digest_of(out) and manifest["run_id"] == list_runs(shop, "segments")[0]["run_id"]
    assert (manifest["rows"], manifest["customers"], sum(manifest["left_out"].values())) == (5, 4, 0)
    assert done.manifest == manifest


def test_a_forecast_says_its_model_cutoff_and_data_version(shop, tmp_path):
    manifest = ww.export(shop, "forecast", tmp_path / "f.jsonl").manifest
    run = list_runs(shop, "forecast")[0]
    assert {key: manifest[key] for key in ("model", "cutoff", "data_version")} == {
        key: run["asked"][key] for key in ("model", "cutoff", "data_version")
    }
    assert read(tmp_path / "f.jsonl")[0]["cutoff"] == "2011-05-31T23:00:00+00:00"


def test_a_forecast_that_was_made_to_compare_with_is_not_handed_over_as_the_latest(shop, tmp_path):
    latest = list_runs(shop, "forecast")[0]["run_id"]
    other = ww.forecast(shop, horizon="30d", cutoff="2011-06-01", model="past-rate")
    note(shop, other.run_id, {"made_for": latest})
    assert ww.export(shop, "forecast", tmp_path / "f.csv").manifest["run_id"] == latest


def test_only_who_said_yes_to_the_channel_is_handed_over(shop, tmp_path):
    actions = {
        "actions": {
            "email": {"cost": 0.05, "lift_spend": 0.1},
            "card": {"channel": "post", "cost": 0.5, "lift_spend": 0.2},
        }
    }
    ww.plan(shop, actions, 30, how=ww.How())
    ids = sorted({row["customer_id"] for row in read(ww.export(shop, "plan", tmp_path / "all.parquet").path)})
    consent = pa.table(
        {
            "customer_id": ids[:-1],
            "consent_email": ["yes"] * (len(ids) - 1),
            "consent_post": ["no", "Yes", ""] + ["1"] * (len(ids) - 4),
        }
    )
    done = ww.export(shop, "plan", tmp_path / "some.parquet", audience=ww.Audience(consent=consent, excluded={ids[5]}))
    kept = {(row["customer_id"], row["channel"]) for row in read(done.path)}
    rows = {(row["customer_id"], row["channel"]) for row in read(tmp_path / "all.parquet")}
    refused = {(c, ch) for c, ch in rows if c == ids[-1] or (ch == "post" and c in (ids[0], ids[2]))}
    assert kept == rows - refused - {(c, ch) for c, ch in rows if c == ids[5]}
    assert done.manifest["left_out"]["no_consent"] == len(refused) and done.manifest["left_out"]["excluded"] == 1
    assert done.manifest["model"] == "past-rate"


def test_a_rows_own_channel_counts_before_the_one_that_is_given(shop, tmp_path):
    rows = pa.table({"customer_id": ["a", "a", "b", "b", "c"], "channel": ["email", "post", "email", "post", None]})
    pq.write_table(rows, tmp_path / "w.parquet")
    said = pa.table({"customer_id": ["a", "b", "c"], "consent_email": ["yes"] * 3, "consent_post": ["no"] * 3})

    def handed(channel, **table):
        audience = ww.Audience(channel=channel, consent=said, **table)
        done = ww.export(shop, str(tmp_path / "w.parquet"), tmp_path / "e.jsonl", audience=audience)
        return [(row["customer_id"], row["channel"]) for row in read(done.path)], done

    assert handed("email")[0] == [("a", "email"), ("b", "email"), ("c", None)]
    assert handed("post")[0] == handed("")[0] == [("a", "email"), ("b", "email")]
    assert handed("email")[1].warning_sentences() == handed("email")[1].warning_sentences("zh") == []
    pq.write_table(rows.slice(0, 4), tmp_path / "w.parquet")
    done = handed("sms")[1]
    assert done.manifest["rows"] == 2 and "--channel sms changes nothing" in done.warning_sentences()[0]
    assert "（“email”、“post”）" in done.warning_sentences("zh")[0]


@pytest.mark.parametrize("name", ["consent_sms", "是否同意短信"])
def test_what_rows_say_of_consent_counts_for_their_channel(shop, tmp_path, name):
    lines = ["1,sms,是,是", "2,短信,否,是", "3,email,否,是", "4,sms,,是", "5,email,是,否", "6,,是,否", "7,,是,是"]
    (tmp_path / "w.csv").write_text("\n".join([f"customer_id,channel,{name},consent", *lines]), encoding="utf-8")
    done = ww.export(shop, str(tmp_path / "w.csv"), tmp_path / "e.csv")
    assert [row["customer_id"] for row in read(done.path)] == [1, 3, 7] and done.manifest["left_out"]["no_consent"] == 4
    given = pa.table({"customer_id": ["1", "3"], "consent": ["no", "yes"]})
    both = ww.export(shop, str(tmp_path / "w.csv"), tmp_path / "e.csv", audience=ww.Audience(consent=given))
    assert [row["customer_id"] for row in read(both.path)] == [3]  # where both speak, both have to say yes
    (tmp_path / "w.csv").write_text(f"customer_id,channel,{name},consent_date\n1,sms,是,1 May\n2,email,是,2 May\n")
    only = ww.export(shop, str(tmp_path / "w.csv"), tmp_path / "e.csv")
    assert only.manifest["rows"] == 1
    assert only.warning_sentences()[0].startswith("The rows have columns of consent (consent_sms) that say nothing of")
    assert "没有说明渠道 email" in only.warning_sentences("zh")[0]


def test_a_table_of_consent_may_be_chinese_and_says_which_columns_it_may_have(shop, tmp_path):
    ww.plan(shop, {"actions": {"a": {"cost": 0.05, "lift_spend": 0.1, "channel": "sms"}}}, 30, how=ww.How())
    ids = sorted({row["customer_id"] for row in read(ww.export(shop, "plan", tmp_path / "all.parquet").path)})
    lines = [f"{name},{'是' if k else '否'},是" for k, name in enumerate(ids)]
    (tmp_path / "k.csv").write_text("\n".join(["客户编号,短信,邮件", *lines]), encoding="gb18030")
    consent = read_table(tmp_path / "k.csv", where="--consent", columns=("customer_id", "consent"))
    done = ww.export(shop, "plan", tmp_path / "a.csv", audience=ww.Audience(consent=consent))
    assert done.manifest["left_out"]["no_consent"] == 1 and done.manifest["warnings"] == []
    with pytest.raises(InputError, match=r"call it consent or consent_<channel>.* 短信同意; the columns are"):
        audience = ww.Audience(consent=consent.rename_columns(["customer_id", "x", "y"]))
        ww.export(shop, "plan", tmp_path / "a.csv", audience=audience)


def test_a_yes_to_another_channel_is_none(shop, tmp_path):
    ww.plan(shop, {"actions": {"email": {"cost": 0.05, "lift_spend": 0.1}}}, 30, how=ww.How())
    ids = sorted({row["customer_id"] for row in read(ww.export(shop, "plan", tmp_path / "all.parquet").path)})
    consent = pa.table({"customer_id": ids, "consent_sms": ["yes"] * len(ids)})
    with pytest.raises(InputError, match=r"says nothing of email \(it has consent_sms\)"):
        ww.export(shop, "plan", tmp_path / "a.csv", audience=ww.Audience(consent=consent))
    both = consent.append_column("consent", pa.array(["yes"] * len(ids)))
    assert ww.export(shop, "plan", tmp_path / "a.csv", audience=ww.Audience(consent=both)).manifest["warnings"] == []


def test_rows_are_selected_by_what_columns_say(shop, audience_run, tmp_path):
    done = ww.export(shop, "segments", tmp_path / "a.csv", audience=ww.Audience(where={"tier": ["high"]}))
    assert [row["customer_id"] for row in read(done.path)] == ["C0001", "C0002"]
    assert done.manifest["left_out"]["not_selected"] == 3


def test_an_audience_of_nobody_is_an_error_that_says_why_unless_it_is_wanted(shop, audience_run, tmp_path):
    out = tmp_path / "a.csv"
    nobody = ww.Audience(where={"tier": ["hihg"]})
    with pytest.raises(InputError, match="5 not selected") as caught:
        ww.export(shop, "segments", out, audience=nobody)
    assert "No row has `hihg` in `tier`, which says `high`, `low`" in caught.value.what
    assert caught.value.code == "bad-argument" and "--allow-empty" in caught.value.remedy and not out.exists()
    done = ww.export(shop, "segments", out, audience=replace(nobody, allow_empty=True))
    assert done.manifest["rows"] == 0 and done.manifest["warnings"][0] == "Nobody is left of 5 rows: 5 not selected."
    assert out.read_text().startswith('"customer_id"')


def test_a_table_of_consent_by_other_ids_is_told_apart_from_one_that_says_no(shop, audience_run, tmp_path):
    def refused(ids: list[str], word: str) -> str:
        consent = pa.table({"customer_id": ids, "consent": [word] * len(ids)})
        with pytest.raises(InputError) as caught:
            ww.export(shop, "segments", tmp_path / "a.csv", audience=ww.Audience(consent=consent))
        return caught.value.what

    assert refused(["C0000", "C0001"], "no") == "Nobody is left of 5 rows: 5 without consent"
    assert refused(["c-0"], "yes").endswith("are its ids the shop's? Nobody is left of 5 rows: 5 without consent")


def test_selections_and_exclusions_that_meet_nobody_are_told(shop, audience_run, tmp_path):
    audience = ww.Audience(where={"tier": ["high", "top"]}, excluded={"nobody"})
    warnings = ww.export(shop, "segments", tmp_path / "a.csv", audience=audience).manifest["warnings"]
    assert "`top`" in warnings[0] and "None of the 1 excluded customers" in warnings[1] and len(warnings) == 2


@pytest.mark.parametrize("name", ["p.parquet", "p.csv", "p.jsonl"])
def test_what_is_assumed_goes_with_every_file_that_rests_on_it(shop, tmp_path, name):
    ww.plan(shop, {"actions": {"email": {"cost": 0.05, "lift_spend": 0.1}}}, 30, how=ww.How(holdout=0.3))
    ww.design_campaign(shop, "spring", plan="latest")
    first = ww.export(shop, "plan", tmp_path / name)
    left = ww.export(shop, "plan", tmp_path / f"left-{name}", file="holdout.parquet")
    again = ww.export(shop, str(first.path), tmp_path / "again.csv")
    campaign = ww.export(shop, "campaign:spring", tmp_path / f"campaign-{name}")
    for done in (first, left, again, campaign):
        assert [(one["action"], one["assumption"], one["value"]) for one in done.manifest["assumptions"]] == [
            ("email", "lift_spend", 0.1)
        ]
    assert {row["effect"] for row in read(first.path)} == {"assumption: lift_spend = 0.1"}
    assert "count from 0" in first.manifest["data_version_means"]


def test_a_forgotten_customer_is_in_no_file_whatever_the_table_says(shop, tmp_path):
    everyone = ww.export(shop, "forecast", tmp_path / "old.parquet").path
    ww.forget(shop, "C0002")
    assert "C0002" not in {row["customer_id"] for row in read(ww.export(shop, "forecast", tmp_path / "f.csv").path)}
    done = ww.export(shop, str(everyone), tmp_path / "again.csv")
    assert "C0002" not in {row["customer_id"] for row in read(done.path)}
    assert done.manifest["left_out"]["forgotten"] == 1


def test_forgetting_reaches_plans_their_holdout_and_campaigns(shop, tmp_path):
    ww.plan(shop, {"actions": {"email": {"cost": 0.05, "lift_spend": 0.1}}}, 30)
    ww.design_campaign(shop, "spring", [ww.Arm("email")])
    ww.measure_campaign(shop, "spring")
    plan = shop.runs / list_runs(shop, "plan")[0]["run_id"]
    files = [plan / "plan.parquet", plan / "holdout.parquet", *(shop.campaigns / "spring").glob("*.parquet")]
    assert len(files) == 4
    named = [{row["customer_id"] for row in read(file)} for file in files]
    for customer in (min(named[0]), min(named[1])):
        done = ww.forget(shop, customer)
        assert done.left == [] or all(customer not in text for text in done.left)
        assert done.runs["campaigns/spring"] == 2
        assert all(customer not in {row["customer_id"] for row in read(file)} for file in files)
    assert ww.measure_campaign(shop, "spring").to_dict()["arms"]  # its digests were written anew
    assert ww.export(shop, "campaign:spring", tmp_path / "s.csv").manifest["start"].startswith("2011-05-31")


def test_formulas_are_marked_in_every_kind_of_text_and_in_names_of_columns():
    texts = ["=1+1", "+1", "-1", "@x", "\t=1", "＝1", "a=1", "", None]
    table = pa.table(
        {
            "=a": texts,
            "large": pa.array(texts, pa.large_string()),
            "coded": pa.array(texts).dictionary_encode(),
            "n": range(9),
        }
    )
    safe = safe_for_spreadsheets(table)
    wanted = ["'=1+1", "'+1", "'-1", "'@x", "'\t=1", "'＝1", "a=1", "", None]
    assert safe.column_names == ["'=a", "large", "coded", "n"]
    assert all(safe[name].to_pylist() == wanted for name in ("'=a", "large", "coded"))
    assert safe["n"].to_pylist() == list(range(9))


def test_consent_is_read_however_it_is_written_and_anything_else_refused():
    column = pa.chunked_array([[" Yes", "TRUE", "1", "同意", "no", "0", "", None]])
    assert consented(column, where="x").tolist() == [True] * 4 + [False] * 4
    assert consented(pa.chunked_array([[True, None, False]]), where="x").tolist() == [True, False, False]
    assert consented(pa.chunked_array([[1, 0]]), where="x").tolist() == [True, False]
    with pytest.raises(InputError, match="`perhaps` says neither yes nor no"):
        consented(pa.chunked_array([["perhaps"]]), where="x")


@pytest.mark.parametrize(
    ("what", "options", "code"),
    [
        ("dreams", {}, "no-such-run"),
        ("forecast", {"run_id": "forecast-0"}, "no-such-run"),
        ("forecast", {"file": "../../shop.toml"}, "bad-argument"),
        ("forecast", {"audience": ww.Audience(where={"tier": ["x"]})}, "bad-argument"),
        ("forecast", {"audience": ww.Audience(consent=pa.table({"customer_id": ["a"]}))}, "bad-columns"),
        ("campaign:none", {}, "no-such-run"),
    ],
)
def test_what_cannot_be_handed_over_is_said(shop, tmp_path, what, options, code):
    with pytest.raises(InputError) as caught:
        ww.export(shop, what, tmp_path / "a.csv", **options)
    assert caught.value.code == code
    assert list(tmp_path.glob("a.csv*")) == []


def test_a_file_of_another_kind_is_refused_before_any_work(shop, tmp_path):
    with pytest.raises(InputError, match=r"neither \.parquet nor \.csv nor \.jsonl"):
        ww.export(shop, "forecast", tmp_path / "a.xlsx")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"numbered": True, "of_shop": 0, "effects_for": 2}, "numbers of rows of hillstrom.parquet"),
        ({"numbered": False, "of_shop": 0, "effects_for": 2}, "2 of the 2 customers of hillstrom.parquet are not"),
        ({"numbered": False, "of_shop": 2, "effects_for": 2}, ""),
        ({}, ""),  # of a run of an earlier version
    ],
)
def test_effects_of_nobody_of_the_shop_are_told(shop, tmp_path, facts, said):
    table = pa.table({"customer_id": ["row 1", "row 2"], "action": ["mail", "mail"], "effect_mean": [1.0, 2.0]})
    asked = {"log": "hillstrom.parquet"}
    record(shop, "uplift", asked, facts, lambda folder, _: pq.write_table(table, folder / "effects.parquet"))
    manifest = ww.export(shop, "uplift", tmp_path / "effects.csv").manifest
    assert [said in text for text in manifest["warnings"]] == [True] * bool(said)
    assert manifest["log"] == "hillstrom.parquet"


def test_rows_of_those_who_are_held_out_are_told(shop, tmp_path):
    ww.design_campaign(shop, "may", [ww.Arm("email")], sizing=ww.Sizing(holdout=3))
    everybody = ww.export(shop, "campaign:may", tmp_path / "all.csv")
    assert everybody.manifest["warnings"][0].startswith("3 of these rows are of customers who are held out")
    mailed = ww.Audience(where={"treatment": ["email"]})
    assert ww.export(shop, "campaign:may", tmp_path / "email.csv", audience=mailed).manifest["warnings"] == []
    given = tmp_path / "given.csv"  # what `worth campaign design --out` wrote
    write_table(read_campaign(shop, "may").assignment(), given)
    again = ww.export(shop, str(given), tmp_path / "again.csv")
    assert again.manifest["warnings"] == everybody.manifest["warnings"]
    assert ww.export(shop, str(given), tmp_path / "again.csv", audience=mailed).manifest["warnings"] == []
