"""What plans, campaigns and hand-overs say, in English and Chinese."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import worthwhile as ww
from worthwhile.decide.budget.channels import split_budget
from worthwhile.decide.budget.wording import elasticity_text, split_sentences
from worthwhile.decide.responses import ASSUMED
from worthwhile.decide.words import words_of
from worthwhile.errors import InputError
from worthwhile.evaluation.texts import texts_of
from worthwhile.languages import LANGUAGES

ACTIONS = {"actions": {"email": {"cost": 0.05, "lift_spend": 0.03}, "card": {"cost": 1.2, "points_active": 0.04}}}
CHINESE = re.compile("[一-鿿]")
# What stays in a Chinese sentence: commands, options, ids, columns, names that the user gave, amounts.
FOREIGN = re.compile(
    r"worth [a-z]+( [a-z]+)?( SHOP)?( value\.margin=0\.4)?|--[a-z-]+( [a-z0-9.]+| treatment=…)?|`\w+`|"
    r"\b(plan|forecast)-\w+|lift_\w+|points_active|email|card|fax|none|spring|first|action|consent_email|\S+\.csv|Hillstrom"
)


def test_both_languages_have_the_same_texts_and_parts() -> None:
    english, chinese = (texts_of("worthwhile.decide", lang) for lang in LANGUAGES)
    parts = [{key: set(re.findall(r"{(\w+)(?::[^}]*)?}", text)) for key, text in t.items()} for t in (english, chinese)]
    assert parts[0] == parts[1]
    assert {key: english[f"assumed.{key}"] for key in ASSUMED} == ASSUMED


def chinese(texts: list[str]) -> str:
    """The texts, which must be Chinese throughout."""
    for text in texts:
        assert CHINESE.search(text), text
        assert not re.search(r"[A-Za-z]{2}", FOREIGN.sub("", text)), FOREIGN.sub("", text)
    return "\n".join(texts)


def test_a_plan_speaks_both_languages(shop) -> None:
    made = ww.plan(shop, ACTIONS, 5)
    english, other = "\n".join(made.sentences()), chinese(made.sentences("zh"))
    assert re.search(r"\d+ contacts cost £\d[\d.]* and are expected to bring £\d[\d.]* of margin, within £", english)
    assert re.search(r"共触达 \d+ 人次，成本 £\d[\d.]*，预期带来毛利 £\d", other)
    assert "再投入 £" in other and "自2011年6月1日起，预测期 90 天" in other and "lift_spend = 0.03" in other
    assert made.to_dict("zh")["answer"] == made.sentences("zh") and made.to_dict()["answer"] == made.sentences()
    assert made.warning_sentences("zh") == []  # the shop's margin is set
    with pytest.raises(InputError, match="no texts in `fr`"):
        made.sentences("fr")


def test_a_plan_of_candidates_speaks_without_a_currency() -> None:
    columns = {"cost": [1.0, 2.0], "expected_margin": [5.0, 1.0], "expected_margin_se": [1.0, 1.0]}
    table = pa.table({"customer_id": ["a", "b"], "action": ["x", "x"], **columns})
    made = ww.plan_candidates(table, 3)
    assert "有 90% 的可能在" in made.sentences("zh")[0] and "1 人次预期带来的毛利低于其成本" in chinese(
        made.sentences("zh")
    )
    nobody = ww.plan_candidates(table, 0)
    assert nobody.sentences("zh")[1].startswith("没有触达任何人") and nobody.sentences()[1].startswith(
        "Nobody is contacted"
    )


@pytest.mark.parametrize(("budget", "said"), [(0, "预算为 0"), (100, "再投入 10.00"), (1000, "预算还剩 100 未使用")])
def test_a_split_speaks_chinese(budget: float, said: str) -> None:
    table = pa.table(
        {"channel": ["ads", "search"], "spend": [100, 200], "new_customers": [10, 40], "value_each": [30, 20]}
    )
    words = words_of("zh")
    made = split_budget(table, budget)
    assert said in chinese(split_sentences(budget, made, split_budget(table, budget * 1.1), words))
    assert elasticity_text(made.table.to_pylist()[0], words) == "0.50（假设）"
    assert (
        elasticity_text({"elasticity": 0.4, "elasticity_is": "fitted to 3 periods"}, words) == "0.40（按 3 期数据拟合）"
    )


def test_a_campaign_speaks_both_languages_when_it_is_designed_and_measured(shop) -> None:
    arms = [ww.Arm("email", "email", 0.05, "lift_spend", 0.03), ww.Arm("card", "post", 1.2, treatment="card")]
    only = frozenset(["nobody", *(f"C000{k}" for k in range(1, 7))])
    made = ww.design_campaign(shop, "spring", arms, sizing=ww.Sizing(holdout=0.4), only=only)
    assert made.manifest["warnings"] == made.warning_sentences() and len(made.manifest["notes"]) == 2
    warned = chinese(made.warning_sentences("zh"))
    assert "7 位客户中有 1 位没有预测" in warned and "card：其效果既无假设也无实测" in warned
    assert "预计每次触达带来消费 £" in warned and "无论留出多少都不够" in warned
    assert "若人均消费变化 £" in chinese(made.sentences("zh"))
    done = ww.measure_campaign(shop, "spring")
    assert done.to_dict()["warnings"] == done.warning_sentences()
    assert "日志中没有本活动的触达记录" in chinese(done.warning_sentences("zh"))
    assert "email：触达 2 位，留出 2 位。人均消费 £" in chinese(done.sentences("zh"))
    assert done.sentences()[0].startswith("email: 2 treated, 2 held out. In spend a customer £")


def test_a_plan_as_a_campaign_says_what_share_to_hold_out(shop) -> None:
    ww.plan(shop, {"actions": {"email": {"cost": 0.05, "lift_spend": 2.0}}}, 5, how=ww.How(holdout=0.03))
    made = ww.design_campaign(shop, "first", plan="latest")
    assert re.search(r"重新制定方案：--holdout 0\.\d+|无论留出多少都不够", chinese(made.warning_sentences("zh")))
    assert "方案预期每次触达带来消费 £" in made.warning_sentences("zh")[1]


def test_a_measurement_that_cannot_be_trusted_says_so_in_chinese(shop) -> None:
    made = ww.design_campaign(shop, "spring", [ww.Arm("email", "email", 0.05)], sizing=ww.Sizing(holdout=0.5))
    rows = made.assignment().to_pylist()
    kept = [row["customer_id"] for k, row in enumerate(rows) if row["treatment"] == "none" or k % 9 == 0]
    done = ww.measure_campaign(shop, "spring", outcomes=pa.table({"customer_id": kept, "spend": [1.0] * len(kept)}))
    said = chinese(done.warning_sentences("zh"))
    assert "位已分组的客户不在结果表中" in said and "none 设计 30 位，现有 30 位、email 设计 30 位，现有" in said


def test_a_hand_over_speaks_both_languages(shop, tmp_path) -> None:
    made = ww.plan(shop, ACTIONS, 5)
    pq.write_table(made.table(), tmp_path / "p.parquet")
    consent = pa.table({"customer_id": ["x"], "consent_email": ["yes"]})
    audience = ww.Audience(where={"action": ["email", "fax"]}, consent=consent, excluded={"y"}, allow_empty=True)
    done = ww.export(shop, "plan", tmp_path / "e.csv", audience=audience)
    warned = chinese(done.warning_sentences("zh"))
    assert "行全部被排除，没有剩下任何人：" in warned.splitlines()[0]
    for text in ("行未获同意", "该列的取值为“card”、“email”", "排除名单中的 1 位客户无一在表中", "同意表中有 1 位客户"):
        assert text in warned
    said = chinese(done.sentences("zh"))
    assert "共 0 行，0 位客户" in said and "截至2011年6月1日" in said and "已排除：" in said
    assert done.to_dict("zh")["warnings"] == done.warning_sentences("zh")
    assert done.manifest["warnings"] == done.warning_sentences() and done.sentences()[0].startswith(
        "0 rows of 0 customers"
    )
