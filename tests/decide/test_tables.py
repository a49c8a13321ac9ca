"""Tables that people give: read, and refused by the option and the row."""

from __future__ import annotations

import pyarrow as pa
import pytest

from worthwhile.decide.tables import as_counts, read_ids, read_table
from worthwhile.errors import InputError


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
