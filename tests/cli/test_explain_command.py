"""`worth explain`, as a person and as a script would call it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from oracles.small_orders import write_orders


@pytest.fixture
def forecast(worth: Any, shop_folder: Path) -> Path:
    done = worth("forecast", shop_folder, "--horizon", "90d", "--cutoff", "2011-07-01", "--model", "bg-nbd")
    assert done.exit_code == 0
    return shop_folder


def test_explain_tells_reasons_what_if_and_the_timeline_of_a_customer(worth: Any, forecast: Path) -> None:
    arguments = ("explain", forecast, "--customer", "C0001", "--timeline", "--if-order", "40", "--if-quiet", "30")
    done = worth(*arguments)
    assert done.exit_code == 0
    assert "typical customer" in done.out and "If they ordered today for £40.00" in done.out
    assert "last order" in done.out and "order of" in done.out and "order_line" not in done.out
    [told] = worth(*arguments, "--json").json["customers"]
    moved = sum(row["spend_effect"] for row in told["reasons"])
    assert moved == pytest.approx(told["spend_mean"] - told["typical_spend_mean"])
    assert told["timeline_steps"] == len(told["timeline"]) > 2
    assert f"C0001: all {told['timeline_steps']} steps" in done.out
    latest = told["timeline"][-1]
    day = date.fromisoformat(latest["day"])
    assert f"{day.day} {day:%b %Y}" in done.out and latest["day"] not in done.out
    assert f"£{latest['amount']:,.2f}" in done.out or f"£{latest['amount']:,.0f}" in done.out
    assert "Together" in done.out and "rounded by itself" in done.out
    assert told["if_order"]["p_active"] == pytest.approx(told["p_active"]) and told["timeline"]
    zh = worth(*arguments, "--json", "--lang", "zh").json["customers"][0]
    assert "上次下单" in " ".join(row["text"] for row in zh["reasons"])


def test_the_first_line_says_which_forecast_is_explained_and_of_how_many(worth: Any, forecast: Path) -> None:
    run = worth("runs", forecast, "--json").json["runs"][0]
    asked = ("explain", forecast, "--customer", "C0001", "--customer", "C0002")
    told, shown = worth(*asked, "--json").json["forecast"], worth(*asked).out.splitlines()[0]
    assert (told["run_id"], told["model"], told["horizon"]) == (run["run_id"], "bg-nbd", "90d")
    assert told["cutoff"] == run["asked"]["cutoff"] and told["data_version"] == run["asked"]["data_version"]
    assert told["version"] == run["packages"]["worthwhile"]
    for words in (run["run_id"], "bg-nbd", "1 Jul 2011", "90 days", f"2 of its {told['customers']} customers."):
        assert words in shown
    of_shop = worth("explain", forecast)
    assert of_shop.out.splitlines()[0].endswith(f" all its {told['customers']} customers.")
    assert worth("explain", forecast, "--json").json["forecast"] == told
    chinese = worth(*asked, "--lang", "zh").out.splitlines()[0]
    assert chinese.startswith("所解释的预测") and chinese.endswith("位客户中的 2 位。")


def test_of_a_sample_the_first_line_says_so(worth: Any, forecast: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worthwhile.cli.explain.SAMPLE", 10)
    first = worth("explain", forecast).out.splitlines()[0]
    assert " 10 of its " in first and first.endswith("drawn by lot.")


def test_a_timeline_that_is_cut_says_so_and_how_to_see_more(worth: Any, forecast: Path) -> None:
    for lang, words in (("en", "C0001: the last 2 of "), ("zh", "最近 2 步")):
        done = worth("explain", forecast, "--customer", "C0001", "--timeline", "--last", 2, "--lang", lang)
        assert done.exit_code == 0 and words in done.out and "--last " in done.out
    assert "order of" not in done.out and "下单（" in done.out


def test_what_takes_long_is_told_from_the_first_moment(shop_folder: Path, worth: Any, forecast: Path) -> None:
    from worthwhile.explain import explain_customers, explain_forecast
    from worthwhile.shop import open_shop

    heard: list[str] = []
    watch = lambda text, share: heard.append(text)  # noqa: E731
    explain_customers(open_shop(forecast), ["C0001"], timeline=True, if_order=40, progress=watch)
    assert heard[0] == "opening the forecast" and "C0001 with one order more" in heard
    assert any(text.startswith("forecasts without each of ") for text in heard)
    heard.clear()
    explain_forecast(open_shop(forecast), sample=20, progress=watch)
    assert heard[:2] == ["opening the forecast", "what the customers did"] and heard[-1] == "done"


def test_explain_without_a_customer_tells_what_moves_the_shop_and_writes_all(
    worth: Any, forecast: Path, tmp_path: Path
) -> None:
    out = tmp_path / "reasons.parquet"
    done = worth("explain", forecast, "--out", out, "--json")
    assert done.exit_code == 0
    shares = [row["share"] for row in done.json["importance"]]
    assert shares == sorted(shares, reverse=True)
    assert len(pq.read_table(out)) == 3 * done.json["customers"]
    listed = worth("runs", forecast)
    assert "reasons-" in listed.out and listed.exit_code == 0
    page = tmp_path / "page.html"
    assert worth("report", forecast, "--out", page, "--lang", "zh").exit_code == 0
    assert "为什么是这些数字" in page.read_text(encoding="utf-8")


def test_of_a_shop_of_one_customer_there_is_nothing_to_tell_apart(worth: Any, tmp_path: Path) -> None:
    folder, orders = tmp_path / "one", write_orders(tmp_path / "orders.csv", customers=1)
    assert worth("init", folder).exit_code == worth("ingest", folder, orders).exit_code == 0
    assert worth("forecast", folder, "--horizon", "90d", "--model", "past-rate").exit_code == 0
    for lang, words in (("en", "Nothing sets"), ("zh", "没有差别")):
        told = worth("explain", folder, "--customer", "C0000", "--lang", lang)
        assert told.exit_code == 0 and words in told.out, told.err
        of_shop = worth("explain", folder, "--lang", lang)
        assert of_shop.exit_code == 0 and words in of_shop.out, of_shop.err
        assert worth("report", folder, "--out", tmp_path / "page.html", "--lang", lang).exit_code == 0
        assert "<h2>Why" not in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert worth("explain", folder, "--customer", "C0000", "--json").json["customers"][0]["reasons"] == []
    assert worth("explain", folder, "--json").json["importance"] == []


def test_explain_refuses_what_cannot_be_answered(worth: Any, shop_folder: Path) -> None:
    done = worth("explain", shop_folder, "--json")
    assert (done.exit_code, done.json["error"]["code"]) == (4, "no-such-run")
    done = worth("explain", shop_folder, "--if-order", "40", "--json")
    assert (done.exit_code, done.json["error"]["remedy"]) == (2, "name a customer: --customer ID")
