"""Tables that people give: read, and refused by the option and the row."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

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
    with pytest.raises(InputError, match="true and false are no numbers"):
        numbers_of(table, "spend", where="log")
