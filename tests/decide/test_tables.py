"""Tables that people give: read, and refused by the option and the row."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from worthwhile.decide.budget.candidates import COLUMNS, NEEDED, candidates_of
from worthwhile.decide.columns import OF_CHANNELS, check_columns
from worthwhile.decide.consent import consent_columns, consent_for, consents
from worthwhile.decide.tables import as_counts, ids_of, numbers_of, read_ids, read_table
from worthwhile.errors import InputError
from worthwhile.runs.tables import write_table


def test_a_message_names_the_option_and_the_columns_that_were_asked_for(tmp_path):
    with pytest.raises(InputError) as caught:
        read_table(tmp_path / "who.xlsx", where="--consent", columns=("customer_id", "consent"))
    assert caught.value.where == "--consent" and "the columns customer_id, consent" in caught.value.remedy
    (tmp_path / "who.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError) as caught:
        read_table(tmp_path / "who.parquet", where="--customers")
    assert caught.value.code == "bad-file" and "the column customer_id" in caught.value.remedy


def test_contacts_are_added_up_by_customer_and_ids_stay_texts(tmp_path):
    (tmp_path / "a.csv").write_text("customer_id,contacts\n007,2\n007,1\nb,0\n")
    table = read_table(tmp_path / "a.csv", where="--contacted")
    assert as_counts(table, where="a.csv") == {"007": 3, "b": 0}
    assert read_ids(tmp_path / "a.csv", where="--exclude") == {"007", "b"}


@pytest.mark.parametrize("contacts", [["many"], [-1], [1.5], [None], [True], [[1]]])
def test_contacts_that_are_no_count_are_refused(contacts):
    with pytest.raises(InputError) as caught:
        as_counts(pa.table({"customer_id": ["a"], "contacts": contacts}), where="--contacted")
    assert caught.value.code == "bad-values" and "contacts" in str(caught.value)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.jsonl", "a.txt"])
def test_a_file_that_is_not_there_is_named_with_its_option(tmp_path, name):
    with pytest.raises(InputError) as caught:
        read_ids(tmp_path / name, where="--exclude")
    assert caught.value.code == "bad-file" and caught.value.what == "there is no such file"
    assert caught.value.where == f"--exclude {tmp_path / name}"
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="this is a folder"):
        read_ids(tmp_path / name, where="--exclude")


def test_ids_are_read_whatever_a_spreadsheet_did_to_them(tmp_path):
    text = "customer_id ,contacts,名\n C1\u3000,1,茶\n=\"007\",2,茶\n12.0,3,\n'=cmd(),4,\n'@you,5,\n,,\n"
    wanted = ["C1", "007", "12", "=cmd()", "@you"]
    for encoding in ("utf-8", "utf-8-sig", "gb18030", "utf-16"):
        (tmp_path / "a.csv").write_text(text, encoding=encoding)
        table = read_table(tmp_path / "a.csv", where="--customers")
        assert table["customer_id"].to_pylist() == wanted and table.column_names == ["customer_id", "contacts", "名"]
        assert table["名"].to_pylist()[0] == "茶"
    (tmp_path / "a.csv").write_text(text.replace(",", ";"))
    assert read_table(tmp_path / "a.csv", where="--customers")["customer_id"].to_pylist() == wanted
    (tmp_path / "ids.txt").write_text("会员1\n'+1\n\n", encoding="gb18030")
    assert read_ids(tmp_path / "ids.txt", where="--exclude") == {"会员1", "+1"}


def test_what_was_written_is_read_again_as_it_was(tmp_path):
    ids, notes = ["=1", "+1", "-1", "@a", "＝1", "'a", "a=1"], ["=x", "\ty", "", "z", "", "", "-"]
    table = pa.table({"customer_id": ids, "note": notes})
    for name in ("a.csv", "a.parquet", "a.jsonl"):
        write_table(table, tmp_path / name)
        assert read_table(tmp_path / name, where="--what").equals(table)


def test_ids_that_became_numbers_are_texts_without_a_point(tmp_path):
    pq.write_table(pa.table({"customer_id": [12345678901.0, 7.0]}), tmp_path / "a.parquet")
    assert read_ids(tmp_path / "a.parquet", where="--exclude") == {"12345678901", "7"}


def test_a_header_with_blanks_leaves_ids_texts_and_lines_are_cleaned_as_columns_are(tmp_path):
    (tmp_path / "a.csv").write_text("spend, customer_id\n5,00123\n6,45\n")
    assert read_table(tmp_path / "a.csv", where="--what")["customer_id"].to_pylist() == ["00123", "45"]
    (tmp_path / "a.txt").write_text('"customer_id"\n="00123"\n45.0\n"C1"\n')
    assert read_ids(tmp_path / "a.txt", where="--exclude") == {"00123", "45", "C1"}


@pytest.mark.parametrize("ids", [[1e20, 2.0], [b"\xff\xfe", b"a"]])
def test_ids_that_are_no_texts_are_refused(tmp_path, ids):
    pq.write_table(pa.table({"customer_id": ids}), tmp_path / "a.parquet")
    with pytest.raises(InputError) as caught:
        read_table(tmp_path / "a.parquet", where="--exclude")
    assert caught.value.code == "bad-file"


def test_rows_without_an_id_and_customers_who_stand_twice_are_named():
    with pytest.raises(InputError, match="`b` stands twice, and 1 more do"):
        ids_of(pa.table({"customer_id": ["a", "b", "b", "c", "c"]}), where="--consent")
    with pytest.raises(InputError, match="--consent row 2: `customer_id` is missing"):
        ids_of(pa.table({"customer_id": ["a", " ", "c"]}), where="--consent")
    with pytest.raises(InputError, match="no column `customer_id`"):
        ids_of(pa.table({"id": ["a"]}), where="--consent")


def test_true_and_false_tell_what_was_done_and_are_no_amounts():
    table = pa.table({"active": [True, False], "spend": [True, True]})
    assert numbers_of(table, "active", where="log", truths=True).tolist() == [1.0, 0.0]
    with pytest.raises(InputError, match="`spend` is of bool, not of numbers"):
        numbers_of(table, "spend", where="log")


def test_words_for_true_and_false_tell_what_was_done_and_nothing_else_does():
    table = pa.table({"active": ["是", "否", " Yes", "no", "TRUE", "false", "1", "0", "0.5"]})
    assert numbers_of(table, "active", where="log", truths=True).tolist() == [1, 0, 1, 0, 1, 0, 1, 0, 0.5]
    with pytest.raises(InputError, match="row 1: `active` is '是', which is no number"):
        numbers_of(table, "active", where="log")
    for wrong, told in (("perhaps", "`active` is 'perhaps', which is no number; write 1 or 0, yes or no"),
                        ("", "`active` is missing")):  # fmt: skip
        with pytest.raises(InputError, match=f"log row 2: {told}"):
            numbers_of(pa.table({"active": ["是", wrong]}), "active", where="log", truths=True)
    with pytest.raises(InputError, match="log row 2: `active` is no number"):
        numbers_of(pa.table({"active": ["是", None]}), "active", where="log", truths=True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1,50", "c row 2: `cost` is '1,50', which is no number; write 1.5"),
        ("£5", "c row 2: `cost` is '£5', which is no number; write 5"),
        ("much", "c row 2: `cost` is 'much', which is no number; write a number, as 12.50"),
        ("", "c row 2: `cost` is missing; write a number, as 12.50"),
        ("nan", "c row 2: `cost` is 'nan', which is no number; write a number, as 12.50"),
    ],
)
def test_a_number_that_is_none_is_named_with_its_row_and_what_to_write(text, told):
    with pytest.raises(InputError) as caught:
        numbers_of(pa.table({"cost": ["1.5", text, "x"]}), "cost", where="c")
    assert caught.value.code == "bad-values" and str(caught.value) == told


def test_a_table_with_chinese_names_is_the_same_table(tmp_path):
    (tmp_path / "zh.csv").write_text("客户编号,动作,渠道,成本,预期毛利,备注\n007,短信,sms,1,5,好\n", encoding="gb18030")
    (tmp_path / "en.csv").write_text("Customer ID,action,channel,Cost,expected margin,备注\n007,短信,sms,1,5,好\n")
    tables = [read_table(tmp_path / name, where="--candidates", columns=COLUMNS) for name in ("zh.csv", "en.csv")]
    assert tables[0].equals(tables[1])
    assert tables[0].column_names == ["customer_id", "action", "channel", "cost", "expected_margin", "备注"]
    assert tables[0]["customer_id"].to_pylist() == ["007"]
    with pytest.raises(InputError, match="row 1: `预期毛利` is '五', which is no number"):
        (tmp_path / "zh.csv").write_text("客户编号,动作,成本,预期毛利\n007,短信,1,五\n", encoding="gb18030")
        candidates_of(read_table(tmp_path / "zh.csv", where="--candidates", columns=COLUMNS))
    (tmp_path / "ids.txt").write_text("会员号\n007\n")
    assert read_ids(tmp_path / "ids.txt", where="--exclude") == {"007"}
    (tmp_path / "ids.csv").write_text("顾客编号,x\n007,1\n")
    assert read_ids(tmp_path / "ids.csv", where="--exclude") == {"007"}


@pytest.mark.parametrize("name", ["消费金额", "成交额", "实付金额", "Revenue"])
def test_what_customers_paid_and_what_channels_cost_are_told_apart(tmp_path, name):
    (tmp_path / "a.csv").write_text(f"客户编号,获客渠道,{name},广告费\n007,01,5,9\n")
    outcomes = read_table(tmp_path / "a.csv", where="--outcomes", columns=("customer_id", "spend", "channel"))
    assert outcomes.to_pylist() == [{"customer_id": "007", "获客渠道": "01", "spend": 5, "广告费": 9}]
    asked = {"where": "--channels", "columns": ("channel", "spend"), "known": OF_CHANNELS}
    assert read_table(tmp_path / "a.csv", **asked).select(["channel", "spend"]).to_pylist() == [
        {"channel": "01", "spend": 9}
    ]


def test_only_what_is_asked_for_gets_another_name_and_its_own_name_counts_first(tmp_path):
    (tmp_path / "a.csv").write_text("customer_id,客户编号,成本\na,1,2\n")
    assert read_table(tmp_path / "a.csv", where="--customers").column_names == ["customer_id", "客户编号", "成本"]
    (tmp_path / "b.csv").write_text("手机号,邮箱,会员号,客户编号\n1,2,3,4\n")
    assert read_table(tmp_path / "b.csv", where="--customers").column_names == [
        "手机号",
        "邮箱",
        "会员号",
        "customer_id",
    ]


def test_a_missing_column_is_told_with_its_names_and_what_comes_near():
    with pytest.raises(InputError) as caught:
        check_columns(pa.table({"客户编码号": ["a"], "custmer_id": ["a"], "x": [1]}), NEEDED, where="c.csv")
    text = str(caught.value)
    assert "c.csv: there is no column `customer_id`; call it `customer_id` or" in text
    assert "客户编号" in text and "(`custmer_id` comes near to that)" in text and text.endswith("`x`")


def test_consent_is_found_by_its_names_in_both_languages():
    names = ["customer_id", "是否同意", "短信同意", "同意接收邮件", "consent_微信", "电话", "短信", "note"]
    table = pa.table({name: ["是"] for name in names})
    found = consent_columns(table)
    assert found == {
        "consent": "是否同意",
        "consent_sms": "短信同意",
        "consent_email": "同意接收邮件",
        "consent_wechat": "consent_微信",
    }
    assert consent_columns(pa.table({"短信": [1], "电话": [1]}), bare=True) == {"consent_sms": "短信"}
    with pytest.raises(InputError, match="`短信同意` and `短信` both speak of sms"):
        consent_columns(table, bare=True)


def test_a_channel_has_the_consent_of_either_language():
    said = consents(pa.table({"短信同意": ["是", "否"], "consent": ["no", "yes"]}), where="--customers")
    for channel in ("sms", "短信"):
        assert consent_for(channel, said).tolist() == [True, False]
    assert consent_for("邮件", said).tolist() == [False, True]
    with pytest.raises(InputError, match="--consent, 短信同意 row 2: `maybe` says neither yes nor no"):
        consents(pa.table({"短信同意": ["是", "maybe"]}), where="--consent")
