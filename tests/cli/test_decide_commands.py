"""`worth plan`, `worth campaign` and `worth export`, as a person and as a script would call them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import worthwhile as ww

ACTIONS = """
[actions.email]
cost = 0.05
lift_spend = 0.03

[actions.card]
channel = "post"
cost = 1.2
points_active = 0.04
capacity = 10

[limits]
contact_days = 30
"""


@pytest.fixture
def candidates(tmp_path: Path) -> Path:
    rows = [
        (f"C{c:02d}", action, 1.0 + c % 3, 5.0 + (c * 7 + k) % 11) for c in range(40) for k, action in enumerate("ab")
    ]
    names = ("customer_id", "action", "cost", "expected_margin")
    pq.write_table(pa.table({n: [r[i] for r in rows] for i, n in enumerate(names)}), tmp_path / "candidates.parquet")
    return tmp_path / "candidates.parquet"


def test_plan_of_candidates_needs_no_shop(worth: Any, tmp_path: Path, candidates: Path) -> None:
    out, held = tmp_path / "plan.parquet", tmp_path / "held.csv"
    limits = ("--budget", 30, "--action-capacity", "a=4", "--holdout", 0.25)
    done = worth("plan", "--candidates", candidates, *limits, "--out", out, "--holdout-out", held, "--json")
    assert done.exit_code == 0
    table = pq.read_table(out)
    assert table.column_names == ["customer_id", "action", "cost", "expected_margin"]
    assert sum(table["cost"].to_pylist()) == done.json["cost"] <= 30
    assert table["action"].to_pylist().count("a") <= 4
    assert done.json["held_out"] == 10 == len(held.read_text().splitlines()) - 1
    lines = tmp_path / "plan.jsonl"
    worth("plan", "--candidates", candidates, *limits, "--out", lines, "--holdout-out", held.with_suffix(".jsonl"))
    assert [json.loads(line) for line in lines.read_text().splitlines()] == table.to_pylist()
    assert worth("plan", "--candidates", lines, "--budget", 30, "--json").json["candidates"] == len(table)
    shown = worth("plan", "--candidates", candidates, "--budget", 30).out
    assert "No other plan under these limits" in shown and "The next 3.00 return" in shown


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--budget", 0.5), "the budget buys no contact. The cheapest that is expected to pay costs 1.00."),
        (("--budget", 30, "--least-return", 100), "are not expected to pay."),
        (("--budget", 30, "--plan-return", 100), "another limit allows no plan"),
    ],
)
def test_a_plan_of_nobody_says_why(worth: Any, candidates: Path, given: tuple[Any, ...], said: str) -> None:
    assert said in " ".join(worth("plan", "--candidates", candidates, *given).out.split())


def test_a_budget_that_the_next_contact_does_not_fit_into_says_what_it_costs(worth: Any, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("customer_id,action,cost,expected_margin\na,mail,1,5\nb,card,50,900\n")
    shown = worth("plan", "--candidates", tmp_path / "c.csv", "--budget", 2).out
    assert "the next that would pay costs 50.00" in shown and "More budget would bring nothing" not in shown


def test_nothing_but_the_answer_is_printed_whatever_the_solver_says(candidates: Path) -> None:
    code = "from worthwhile.cli import main; main()"
    command = [sys.executable, "-c", code, "plan", "--candidates", str(candidates), "--budget", "30", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 0
    assert json.loads(done.stdout)["contacts"] > 0


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ([], "SHOP, --candidates"),
        (["--candidates", "c.txt"], "--candidates"),
        (["--candidates", "c.parquet", "--capacity", "email"], "--capacity"),
        (["--channels", "c.parquet"], "--budget"),
        (["--channels", "c.csv", "--budget", "3", "--capacity", "email=3"], "--capacity"),
        (["--channels", "c.csv", "--budget", "3", "--run", "x"], "--run"),
        (["--candidates", "c.csv", "--actions", "a.toml"], "--actions"),
        (["shop", "--elasticity", "0.4"], "--elasticity"),
        (["shop", "--detect", "4", "--holdout", "0.4"], "--detect, --holdout"),
    ],
)
def test_what_a_plan_cannot_be_made_of_is_said(worth: Any, arguments: list[str], where: str) -> None:
    done = worth("plan", *arguments, "--json")
    assert done.exit_code == 2 and done.json["error"]["where"] == where


def test_budget_is_split_over_channels(worth: Any, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("channel,spend,new_customers,value_each\nads,100,10,30\nsearch,200,40,20\n")
    done = worth("plan", "--channels", tmp_path / "c.csv", "--budget", 300, "--out", tmp_path / "s.csv")
    assert done.exit_code == 0 and "Assumed, not measured" in done.out and (tmp_path / "s.csv").is_file()
    assert sum(
        c["spend"] for c in worth("plan", "--channels", tmp_path / "c.csv", "--budget", 300, "--json").json["channels"]
    ) == pytest.approx(300)


def test_a_split_of_a_shop_is_in_its_currency(worth: Any, tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "shop", currency="GBP", timezone="Europe/London", threads=1)
    rows = [f"c{c},{day},{10 + c},{('ads', 'search')[c % 2]}" for c in range(6) for day in ("2023-01-01", "2023-03-01")]
    (tmp_path / "o.csv").write_text("customer_id,date,amount,channel\n" + "\n".join(rows) + "\n")
    ww.ingest(shop, tmp_path / "o.csv")
    run = ww.forecast(shop, horizon="60d", model="past-rate").run_id
    (tmp_path / "c.csv").write_text("获客渠道,广告费,新客数\nads,100,10\nsearch,200,40\n")
    asked = ("plan", tmp_path / "shop", "--channels", tmp_path / "c.csv", "--budget", 300)
    shown = worth(*asked, "--run", run).out
    assert "(GBP)" in shown and "The next £30.00 return £" in " ".join(shown.split())
    assert "GBP" not in worth("plan", "--channels", tmp_path / "c.csv", "--budget", 300).out
    (tmp_path / "c.csv").write_text("渠道,消费金额,新客数,单客价值\nads,100,10,30\n")
    error = worth("plan", "--channels", tmp_path / "c.csv", "--budget", 300, "--json").json["error"]
    assert error["what"] == "there is no column `spend`" and "`花费`" in error["remedy"]


def test_tables_with_chinese_names_are_planned_on_and_their_faults_named(worth: Any, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("客户编号,动作,成本,毛利\n007,短信,1,5\n008,短信,2,9\n")
    done = worth("plan", "--candidates", tmp_path / "c.csv", "--budget", 5, "--out", tmp_path / "p.csv")
    assert done.exit_code == 0, done.err
    assert (tmp_path / "p.csv").read_text().startswith('"customer_id","action","cost","expected_margin"\n"007"')
    (tmp_path / "c.csv").write_text("客户编号,动作,成本,毛利\n007,短信,1,5\n008,短信,¥2,9\n")
    done = worth("plan", "--candidates", tmp_path / "c.csv", "--budget", 5, "--json").json["error"]
    assert (
        done["where"] == f"{tmp_path / 'c.csv'} row 2"
        and done["what"] == "`成本` is '¥2', which is no number"
        and done["remedy"] == "write 2"
    )
    (tmp_path / "s.csv").write_text("渠道,花费,新客数,单客价值\nads,100,10,30\nsearch,200,40,二十\n")
    done = worth("plan", "--channels", tmp_path / "s.csv", "--budget", 300, "--json").json["error"]
    assert done["where"] == f"--channels {tmp_path / 's.csv'} row 2" and "`单客价值` is '二十'" in done["what"]


@pytest.mark.parametrize(
    ("budget", "said", "unspent"),
    [
        (0, "The budget is 0: no channel is given anything.", 0),
        (100, "The next 10.00 return", 0),
        (900, "and nothing is known of more.", 0),
        (1000, "100 of the budget is left unspent.", 100),
    ],
)
def test_a_split_says_what_more_would_bring_and_what_is_left(
    worth: Any, tmp_path: Path, budget: float, said: str, unspent: float
) -> None:
    (tmp_path / "c.csv").write_text("channel,spend,new_customers,value_each\nads,100,10,30\nsearch,200,40,20\n")
    asked = ("plan", "--channels", tmp_path / "c.csv", "--budget", budget)
    shown = " ".join(worth(*asked).out.split())
    assert said in shown and ("Every channel is at three times" in shown) == (budget >= 900)
    assert worth(*asked, "--json").json["unspent"] == pytest.approx(unspent)


def test_options_stand_in_place_of_the_files_limits_only_where_they_are_given(
    worth: Any, planned_shop: Path, tmp_path: Path
) -> None:
    told = ACTIONS + "per_customer = 2\nleast_return = 100\n[limits.channels.email]\ncapacity = 3\n"
    (tmp_path / "a.toml").write_text(told)

    def limits(*options: Any) -> Any:
        done = worth("plan", planned_shop, "--budget", 30, "--actions", tmp_path / "a.toml", *options, "--json")
        return json.loads((Path(done.json["folder"]) / "manifest.json").read_text())["asked"]["limits"]

    plain, given = limits(), limits("--per-customer", 1, "--least-return", 0, "--capacity", "post=4")
    assert (plain["per_customer"], plain["least_return"], plain["capacities"]) == (2, 100, {"email": 3})
    assert (given["per_customer"], given["least_return"]) == (1, 0)
    assert given["capacities"] == {"email": 3, "post": 4} and given["action_capacities"] == {"card": 10}


def test_shop_is_planned_tested_measured_and_handed_over(worth: Any, shop_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "actions.toml").write_text(ACTIONS)
    worth("forecast", shop_folder, "--model", "past-rate", "--cutoff", "2011-06-01")
    done = worth(
        "plan", shop_folder, "--budget", 30, "--actions", tmp_path / "actions.toml", "--out", tmp_path / "p.csv"
    )
    assert done.exit_code == 0, done.err
    assert "Its standard error is taken for 0.015 (half of it" in done.out
    assert "Assumed, not measured: email: lift_spend = 0.03" in done.out and "all spend counts as margin" in done.out
    design = worth("campaign", "design", shop_folder, "--campaign", "spring", "--arm", "email=0.05", "--holdout", 0.4,
                   "--out", tmp_path / "a.csv", "--contacts", tmp_path / "k.csv")  # fmt: skip
    assert design.exit_code == 0 and "80 times in 100" in design.out
    assert worth("ingest", shop_folder, tmp_path / "k.csv").exit_code == 0
    measured = worth("campaign", "measure", shop_folder, "--campaign", "spring", "--json")
    assert measured.exit_code == 0 and measured.json["arms"][0]["arm"] == "email" and measured.json["warnings"] == []
    shown = worth("campaign", "measure", shop_folder, "--campaign", "spring").out
    assert "difference" in shown
    assert "£" in next(line for line in shown.splitlines() if line.startswith("spend"))
    assert "%" in next(line for line in shown.splitlines() if line.startswith("active"))
    listed = worth("runs", shop_folder)
    told = " ".join(listed.out.split())
    assert "budget £30.00" in told and "none 32, email 48" in told and "not yet" not in told
    kept = worth("runs", shop_folder, "--json").json
    assert [(one["campaign"], one["is_measured"]) for one in kept["campaigns"]] == [("spring", True)]
    assert kept["campaigns"][0]["measured_at"] and kept["campaigns"][0]["sizes"] == {"none": 32, "email": 48}
    plan = next(run["run_id"] for run in kept["runs"] if run["kind"] == "plan")
    assert "budget £30.00" in worth("runs", shop_folder, plan).out
    worth("campaign", "design", shop_folder, "--campaign", "summer", "--arm", "email")
    assert "not yet" in worth("runs", shop_folder).out
    given = worth(
        "export", shop_folder, "--what", "plan", "--out", tmp_path / "e.jsonl", "--where", "action=card", "--json"
    )
    assert given.exit_code == 0
    rows = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    assert len(rows) == given.json["rows"] <= 10 and {row["action"] for row in rows} <= {"card"}


def test_plans_campaigns_and_hand_overs_answer_in_chinese(worth: Any, planned_shop: Path, tmp_path: Path) -> None:
    actions, out = ("--actions", tmp_path / "a.toml"), tmp_path / "e.csv"
    (tmp_path / "c.csv").write_text("channel,spend,new_customers,value_each\nads,100,10,30\nsearch,200,40,20\n")
    asked = {
        ("plan", planned_shop, "--budget", 30, *actions): ("营销方案", "触达人次", "共触达", "已记录为 plan-"),
        ("plan", "--channels", tmp_path / "c.csv", "--budget", 300): ("各渠道预算", "单客价值", "（假设）"),
        ("campaign", "design", planned_shop, "--campaign", "may", *actions): (
            "活动 may，自2011年6月1日起",
            "警告：email",
        ),
        ("campaign", "measure", planned_shop, "--campaign", "may"): ("触达组", "对照组", "活动带来毛利"),
        ("export", planned_shop, "--what", "plan", "--out", out): (f"{out}：共", "清单文件："),
    }
    for command, said in asked.items():
        shown = worth(*command, "--lang", "zh-CN").out
        assert all(text in shown for text in said), shown
        assert not {"contacts", "customers", "held", "rows", "margin"} & set(shown.split())
    told = worth("export", planned_shop, "--what", "plan", "--out", out, "--lang", "zh", "--json").json
    assert (
        told["answer"][0].startswith(f"{out}：共")
        and json.loads(Path(told["manifest_path"]).read_text())["notes"] == []
    )


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("plan --candidates", "candidates.csv"),
        ("plan --budget 3 SHOP --actions", "actions.toml"),
        ("plan --budget 3 --channels", "channels.csv"),
        ("plan --budget 3 --candidates OK --contacted", "contacted.csv"),
        ("export SHOP --what forecast --out OUT --consent", "consent.csv"),
        ("export SHOP --out OUT --what", "what.parquet"),
        ("campaign design SHOP --campaign a --arm email --only", "only.txt"),
        ("campaign measure SHOP --campaign spring --outcomes", "outcomes.csv"),
    ],
)
def test_a_missing_file_is_named_with_its_option(
    worth: Any, planned_shop: Path, tmp_path: Path, candidates: Path, command: str, option: str
) -> None:
    known = {"SHOP": planned_shop, "OUT": tmp_path / "out.csv", "OK": candidates}
    words = [str(known.get(word, word)) for word in command.split()]
    done = worth(*words, tmp_path / option, "--json")
    assert done.exit_code == 3 and done.json["error"]["code"] == "bad-file"
    assert done.json["error"]["what"] == "there is no such file"
    assert done.json["error"]["where"] == f"{words[-1]} {tmp_path / option}"


@pytest.fixture
def planned_shop(worth: Any, shop_folder: Path, tmp_path: Path) -> Path:
    """With a forecast, and a campaign designed by the actions of a file."""
    (tmp_path / "a.toml").write_text(ACTIONS)
    worth("forecast", shop_folder, "--model", "past-rate", "--cutoff", "2011-06-01")
    worth("campaign", "design", shop_folder, "--campaign", "spring", "--actions", tmp_path / "a.toml")
    return shop_folder


def test_arms_of_a_file_bring_their_costs_and_assumptions(worth: Any, planned_shop: Path, tmp_path: Path) -> None:
    given = ("campaign", "design", planned_shop, "--actions", tmp_path / "a.toml", "--campaign")
    done = worth(*given, "one", "--arm", "email=0.10", "--json").json
    assert done["arms"] == [{"name": "email", "channel": "email", "cost": 0.1}]
    assert done["assumptions"][0]["assumption"] == "lift_spend" and done["test"]["findable"][0]["expected"] > 0
    shown = worth(*given, "two").out
    assert "Assumed, not measured: card: points_active = 0.04" in shown
    assert "Warning: email: The test counts on" in shown
    assert worth(*given, "three", "--arm", "fax", "--json").json["error"]["where"] == "--arm"


def test_nobody_to_hand_over_is_an_error_unless_it_is_wanted(worth: Any, planned_shop: Path, tmp_path: Path) -> None:
    given = ("export", planned_shop, "--what", "forecast", "--out", tmp_path / "e.csv", "--where", "model=none")
    assert worth(*given).exit_code == 2 and not (tmp_path / "e.csv").exists()
    done = worth(*given, "--allow-empty")
    assert done.exit_code == 0 and "Warning: Nobody is left of 80 rows" in done.out


def test_help_shows_the_options_of_worth_plan_in_groups(worth: Any) -> None:
    shown = worth("plan", "--help").out
    for group in ("In a shop", "On a table of candidates alone", "Limits", "Fairness", "What is made highest"):
        assert group in shown
