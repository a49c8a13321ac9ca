"""`worth recommend`, as a person and as a script would call it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq


def test_recommend_shows_items_and_reasons_of_a_customer(worth: Any, shop_folder: Path) -> None:
    arguments = ("recommend", shop_folder, "--customer", "C0001", "--k", "3")
    done = worth(*arguments)
    assert done.exit_code == 0
    assert "Recommendations to C0001" in done.out and "reason" in done.out
    rows = worth(*arguments, "--json").json["recommendations"]
    assert [row["rank"] for row in rows] == [1, 2, 3] and all(row["item_id"] in done.out for row in rows)
    chinese = worth(*arguments, "--lang", "zh").out
    assert "为 C0001 推荐" in chinese and "理由" in chinese and "reason" not in chinese
    zh = worth(*arguments, "--lang", "zh", "--json").json["recommendations"]
    assert [row["item_id"] for row in zh] == [row["item_id"] for row in rows] and zh[0]["reason"] != rows[0]["reason"]


def test_recommend_writes_the_table_of_all_customers(worth: Any, shop_folder: Path, tmp_path: Path) -> None:
    out, stock = tmp_path / "recommendations.parquet", tmp_path / "stock.txt"
    stock.write_text("I000\nI003\nI004\n")
    arguments = ("recommend", shop_folder, "--cutoff", "2011-07-15", "--k", "20", "--out", out)
    done = worth(*arguments, "--stock", stock, "--json")
    assert done.exit_code == 0 and done.json["recommendations"] == []
    table = pq.read_table(out)
    assert table.column_names == ["customer_id", "rank", "item_id", "score", "reason"]
    assert set(table["item_id"].to_pylist()) == {"I000", "I003", "I004"}
    assert len(set(table["customer_id"].to_pylist())) == done.json["customers"]


def test_recommend_to_nobody_and_nowhere_is_refused(worth: Any, shop_folder: Path) -> None:
    done = worth("recommend", shop_folder, "--json")
    assert (done.exit_code, done.json["error"]["where"]) == (2, "--customer, --out")
    done = worth("recommend", shop_folder, "--customer", "C0001", "--stock", "missing.csv", "--json")
    assert (done.exit_code, done.json["error"]["code"]) == (3, "bad-file")
    assert done.json["error"]["what"] == "there is no such file" and "missing.csv" in done.json["error"]["where"]
    done = worth("recommend", shop_folder, "--customer", "nobody", "--json")
    assert (done.exit_code, done.json["error"]["code"]) == (4, "no-such-customer")
