"""Reading a campaign's log: what is taken, and what is refused with the row and the remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from worthwhile.decide.uplift.campaign import CampaignColumns, read_campaign_log
from worthwhile.errors import InputError

COLUMNS = CampaignColumns("sent", "none", ("spend", "visit"))


def log(**changes: Any) -> pa.Table:
    n = 600
    columns = {
        "customer_id": [f"c{i}" for i in range(n)],
        "sent": ["none", "mail", "call"] * (n // 3),
        "visit": [0, 1] * (n // 2),
        "spend": [0.0, 0.0, 5.5] * (n // 3),
        "age": list(range(n)),
    }
    return pa.table({name: value for name, value in {**columns, **changes}.items() if value is not None})


def test_control_comes_first_and_the_other_columns_are_covariates() -> None:
    campaign = read_campaign_log(log(), COLUMNS)
    assert campaign.actions == ("none", "call", "mail")
    assert np.bincount(campaign.action).tolist() == [200, 200, 200]
    assert campaign.outcome[:3].tolist() == [[0.0, 0.0], [0.0, 1.0], [5.5, 0.0]]
    assert campaign.others.column_names == ["age"] and not campaign.numbered


def test_csv_parquet_and_table_are_read_alike(tmp_path: Path) -> None:
    table = log(customer_id=[f"{i:05d}" for i in range(600)])
    pacsv.write_csv(table, tmp_path / "log.csv")
    pq.write_table(table, tmp_path / "log.parquet")
    read = [read_campaign_log(given, COLUMNS) for given in (table, tmp_path / "log.csv", tmp_path / "log.parquet")]
    assert all((campaign.customer_ids == read[0].customer_ids).all() for campaign in read)
    assert all((campaign.outcome == read[0].outcome).all() for campaign in read)


def test_the_log_of_a_campaign_is_named_with_the_campaign(tmp_path: Path) -> None:
    (tmp_path / "spring").mkdir()
    pq.write_table(log(), tmp_path / "spring" / "log.parquet")
    pq.write_table(log(), tmp_path / "sent.parquet")
    for file, name in (("spring/log.parquet", "spring/log.parquet"), ("sent.parquet", "sent.parquet")):
        assert read_campaign_log(tmp_path / file, COLUMNS).source == name


def test_without_ids_the_rows_are_numbered() -> None:
    campaign = read_campaign_log(log(customer_id=None), COLUMNS)
    assert campaign.numbered and campaign.customer_ids[:2].tolist() == ["row 001", "row 002"]


def test_known_chances_are_numbers_or_columns_and_the_control_has_the_rest() -> None:
    table = log(p_mail=[0.25] * 600)
    given = CampaignColumns("sent", "none", ("visit",), propensity={"mail": "p_mail", "call": 0.5})
    campaign = read_campaign_log(table, given)
    assert campaign.propensity is not None
    assert campaign.propensity[0].tolist() == [0.25, 0.5, 0.25]
    assert campaign.others.column_names == ["age"]


def test_chances_and_outcomes_of_a_designed_campaign_are_known_by_their_names() -> None:
    more = {"propensity": [0.5] * 600, "orders": [1.0] * 600, "active": [1.0] * 600, "stratum": [0, 1] * 300}
    chances = {"propensity_none": [0.2] * 600, "propensity_call": [0.5] * 600, "propensity_mail": [0.3] * 600}
    campaign = read_campaign_log(log(**more, **chances), CampaignColumns("sent", "none", ("visit",)))
    assert campaign.others.column_names == ["age"]
    assert campaign.propensity is not None and campaign.propensity[0].tolist() == pytest.approx([0.2, 0.5, 0.3])
    del chances["propensity_mail"]
    assert read_campaign_log(log(**more, **chances), CampaignColumns("sent", "none", ("visit",))).propensity is None


def test_the_log_of_a_plan_teaches_of_one_intended_action_at_a_time() -> None:
    table = log(intended=["mail", "mail", "call"] * 200)
    with pytest.raises(InputError, match="keep the rows with one value of `intended`"):
        read_campaign_log(table, COLUMNS)
    one = log(sent=["none", "mail"] * 300, intended=["mail"] * 600, propensity_none=[0.25] * 600)
    known = read_campaign_log(one, COLUMNS).propensity
    assert known is not None and known[0].tolist() == [0.25, 0.75]


BAD = {
    "missing column": ({"spend": None}, {}, "bad-columns", "there is no column `spend`"),
    "unknown control": ({}, {"control": "nobody"}, "bad-argument", "never says `nobody`"),
    "missing action": ({"sent": [None, *["none", "mail"] * 299, "none"]}, {}, "bad-values", "row 1: `sent` is missing"),
    "missing outcome": ({"visit": [0, None] * 300}, {}, "bad-values", "row 2: `visit` is missing"),
    "endless outcome": ({"spend": [float("inf")] * 600}, {}, "bad-values", "row 1: `spend` is no number: inf"),
    "words": ({"spend": ["much"] * 600}, {}, "bad-values", "log row 1: `spend` is 'much', which is no number"),
    "twice": ({"customer_id": ["a", *[f"c{i}" for i in range(598)], "a"]}, {}, "bad-values", "such as `a`"),
    "nameless": ({"customer_id": [None] * 600}, {}, "bad-values", "row 1: `customer_id` is missing"),
    "small group": ({"sent": ["none"] * 590 + ["mail"] * 10}, {}, "bad-values", "only 10 customers"),
    "one group": ({"sent": ["none"] * 600}, {}, "bad-values", "has 1 values"),
    "named twice": ({}, {"covariates": ("visit",)}, "bad-columns", "`visit` is named twice"),
    "chance lacking": ({}, {"propensity": {"mail": 0.5}}, "bad-argument", "the chance of `call` is not given"),
    "chance too high": ({}, {"propensity": {"mail": 0.5, "call": 0.6}}, "bad-values", "row 1: the chances"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_refused_with_its_place(name: str) -> None:
    changes, asked, code, text = BAD[name]
    settings = {"treatment": "sent", "control": "none", "outcomes": ("spend", "visit"), **asked}
    with pytest.raises(InputError) as caught:
        read_campaign_log(log(**changes), CampaignColumns(**settings))
    assert caught.value.code == code and text in str(caught.value) and caught.value.remedy


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.parquet").write_bytes(b"PAR1 no")
    for path, code in ((tmp_path / "log.parquet", "bad-file"), (tmp_path / "log.xlsx", "bad-argument")):
        with pytest.raises(InputError) as caught:
            read_campaign_log(path, COLUMNS)
        assert caught.value.code == code


def test_a_log_is_read_in_the_encoding_and_with_the_delimiter_that_it_has(tmp_path: Path) -> None:
    table = log(sent=["不发", "短信", "none"] * 200)
    lines = [";".join(table.column_names), *(";".join(map(str, row.values())) for row in table.to_pylist())]
    (tmp_path / "log.csv").write_bytes("\r\n".join(lines).encode("gb18030"))
    found = read_campaign_log(tmp_path / "log.csv", CampaignColumns("sent", "不发", ("spend", "visit")))
    assert found.actions == ("不发", "none", "短信") and found.outcome.sum() == 300 + 1100


def test_an_empty_treatment_in_a_file_is_no_action(tmp_path: Path) -> None:
    pacsv.write_csv(log(sent=["none", "mail", ""] * 200), tmp_path / "log.csv")
    with pytest.raises(InputError, match="row 3: `sent` is missing"):
        read_campaign_log(tmp_path / "log.csv", COLUMNS)


def test_outcomes_with_chinese_names_are_those_that_plans_know() -> None:
    log = pa.table({"动作": ["none", "mail"] * 300, "消费金额": [1.0, 0.0] * 300, "是否下单": ["是", "否"] * 300})
    read = read_campaign_log(log, CampaignColumns("动作", "none", ("消费金额", "是否下单")))
    assert read.outcomes == ("spend", "active") and read.outcome[:2].tolist() == [[1, 1], [0, 0]]
