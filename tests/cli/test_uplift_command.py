"""`worth uplift`, as a person and as a script would call it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv


def write_campaign(path: Path, customers: int = 600) -> Path:
    rng = np.random.default_rng(0)
    young, treated = rng.integers(0, 2, customers), rng.integers(0, 2, customers)
    visit = rng.random(customers) < 0.2 + 0.4 * treated * young
    sent = np.where(treated, "mail", "none")
    did = {"visit": visit, "spend": visit * rng.gamma(2.0, 10.0, customers)}
    pacsv.write_csv(pa.table({"customer_id": np.arange(customers), "sent": sent, **did, "young": young}), path)
    return path


def test_uplift_says_in_words_what_the_campaign_did(worth: Any, tmp_path: Path) -> None:
    folder, log = tmp_path / "shop", write_campaign(tmp_path / "log.csv")
    assert worth("init", folder).exit_code == 0
    asked = ("uplift", folder, "--log", log, "--treatment", "sent", "--outcome", "visit", "--share", "1")
    done = worth(*asked, "--control", "none", "--no-placebo")
    assert done.exit_code == 0, done.err
    assert "visit: `mail` added" in done.out and "What policies are worth" in done.out
    assert "customers expected to respond most to `mail`" in done.out and "`young` 100% (of all" in done.out
    assert "Outcomes learn from each other" not in done.out
    assert "2.5%" in worth(*asked, "--control", "none", "--no-placebo", "--share", "0.025").out
    assert "chosen: " in done.out and "shrunk" not in done.out and " *" not in done.out
    told = worth(*asked, "--control", "none", "--no-placebo", "--propensity", "mail=0.5", "--json").json
    assert [average["action"] for average in told["averages"]] == ["mail"] and told["answer"]
    [mail] = told["responders"]
    assert mail["told_apart"] and mail["groups"][0]["traits"][0]["column"] == "young"
    assert {"T", "X", "DR", "chosen"} <= {row["policy"] for row in told["policies"]}
    assert Path(told["folder"], "effects.parquet").is_file()
    listed = worth("runs", folder)
    assert listed.exit_code == 0 and told["run_id"] in listed.out
    one = worth("runs", folder, told["run_id"])
    assert one.exit_code == 0 and "visit: `mail` added" in one.out


def test_uplift_speaks_chinese(worth: Any, tmp_path: Path) -> None:
    folder, log = tmp_path / "shop", write_campaign(tmp_path / "log.csv")
    worth("init", folder)
    asked = ("uplift", folder, "--log", log, "--treatment", "sent", "--control", "none", "--outcome", "visit")
    done = worth(*asked, "--outcome", "spend", "--no-placebo", "--share", "1", "--lang", "zh")
    assert done.exit_code == 0 and "到访：预计对“mail”反应最强的客户" in done.out and "平均效果" in done.out
    assert "各项结果的学习会互相借鉴" in done.out
    refused = worth(*asked, "--lang", "fr", "--json")
    assert (refused.exit_code, refused.json["error"]["where"]) == (2, "--lang")


def test_uplift_refuses_what_it_cannot_use(worth: Any, tmp_path: Path) -> None:
    folder, log = tmp_path / "shop", write_campaign(tmp_path / "log.csv")
    worth("init", folder)
    asked = ("uplift", folder, "--log", log, "--treatment", "sent", "--outcome", "visit", "--json")
    done = worth(*asked, "--control", "nobody")
    assert (done.exit_code, done.json["error"]["where"]) == (2, "--control")
    done = worth(*asked, "--control", "none", "--propensity", "half")
    assert (done.exit_code, done.json["error"]["where"]) == (2, "--propensity")
