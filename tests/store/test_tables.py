"""Delta tables written as one: atomic over tables, healed after a crash, one writer at a time."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from worthwhile.errors import InputError
from worthwhile.schema import EVENTS, ITEMS
from worthwhile.shop import Shop, create_shop
from worthwhile.store.tables import read_table, read_versions, table_files, writing


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return create_shop(tmp_path / "shop")


def events(*ids: str, batch: str = "b") -> pa.Table:
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    rows = [
        {
            "event_id": name,
            "ts": moment,
            "local_ts": moment.replace(tzinfo=None),
            "customer_id": "c",
            "kind": "order_line",
            "is_goods": True,
            "batch_id": batch,
        }
        for name in ids
    ]
    return pa.Table.from_pylist(rows, schema=EVENTS)


def items(*ids: str) -> pa.Table:
    return pa.Table.from_pylist([{"item_id": i, "is_goods": True, "batch_id": "b"} for i in ids], schema=ITEMS)


def entry(batch: str) -> dict[str, Any]:
    return {
        "batch_id": batch,
        "file": "f.csv",
        "digest": batch,
        "source": "f.csv",
        "read_until": None,
        "format": "orders",
        "ingested_at": datetime(2020, 1, 2, tzinfo=UTC),
        "rows": 1,
        "events": 1,
        "known": 0,
        "refused": 0,
        "mapping": "{}",
    }


def ids(shop: Shop, versions: dict[str, int] | None = None) -> list[str]:
    return sorted(read_table(shop, "events", versions=versions)["event_id"].to_pylist())


def write(shop: Shop, batch: str, *names: str) -> None:
    with writing(shop) as change:
        change.append("events", events(*names, batch=batch))
        change.commit([entry(batch)])


def test_new_shop_has_empty_tables(shop: Shop) -> None:
    assert read_versions(shop) == {}
    assert table_files(shop, "events", {}) == []
    assert read_table(shop, "events").schema == EVENTS


def test_committed_rows_are_read_back_in_the_columns_of_the_schema(shop: Shop) -> None:
    write(shop, "one", "a", "b")
    table = read_table(shop, "events")
    assert table.schema.names == EVENTS.names
    assert ids(shop) == ["a", "b"]
    assert read_table(shop, "batches")["batch_id"].to_pylist() == ["one"]


def test_rows_without_a_commit_are_never_seen_and_are_gone_after_the_next_write(shop: Shop) -> None:
    write(shop, "one", "a")
    with writing(shop) as change:
        change.append("events", events("lost"))
        change.replace("items", items("lost"))
    assert ids(shop) == ["a"]
    assert read_table(shop, "items").num_rows == 0
    write(shop, "two", "b")
    assert ids(shop) == ["a", "b"]


def test_crash_in_the_very_first_write_leaves_a_shop_that_can_be_written(shop: Shop) -> None:
    with pytest.raises(RuntimeError), writing(shop) as change:
        change.append("events", events("lost"))
        raise RuntimeError("the power is gone")
    assert read_versions(shop) == {}
    write(shop, "one", "a")
    assert ids(shop) == ["a"]


def test_writer_sees_what_it_wrote_and_readers_do_not_yet(shop: Shop) -> None:
    write(shop, "one", "a")
    with writing(shop) as change:
        change.append("events", events("b"))
        assert len(change.files("events")) == 2
        assert ids(shop) == ["a"]
        change.commit([entry("two")])
    assert ids(shop) == ["a", "b"]


def test_data_can_be_read_as_it_was_at_any_version_of_the_ledger(shop: Shop) -> None:
    write(shop, "one", "a")
    with writing(shop) as change:  # a crash in between, which makes versions of `events` that no reader sees
        change.append("events", events("lost"))
    write(shop, "two", "b")
    assert ids(shop, read_versions(shop, ledger_version=0)) == ["a"]
    assert ids(shop, read_versions(shop, ledger_version=1)) == ["a", "b"]


def test_replace_puts_other_rows_in_place(shop: Shop) -> None:
    for batch, names in (("one", ["x", "y"]), ("two", ["z"])):
        with writing(shop) as change:
            change.replace("items", items(*names))
            change.commit([entry(batch)])
    assert read_table(shop, "items")["item_id"].to_pylist() == ["z"]
    assert read_table(shop, "items", versions=read_versions(shop, ledger_version=0)).num_rows == 2


def test_reader_of_batches_is_streamed(shop: Shop) -> None:
    reader = pa.RecordBatchReader.from_batches(EVENTS, (b for i in range(3) for b in events(f"e{i}").to_batches()))
    with writing(shop) as change:
        change.append("events", reader)
        change.commit([entry("one")])
    assert ids(shop) == ["e0", "e1", "e2"]


def test_second_writer_is_held_off(shop: Shop) -> None:
    with writing(shop):
        with pytest.raises(InputError) as caught, writing(shop):
            pass
        assert caught.value.code == "shop-busy"
    write(shop, "one", "a")


def test_second_writer_waits_for_the_first_as_long_as_it_is_told_to(shop: Shop) -> None:
    first_is_in, done = threading.Event(), threading.Event()

    def first() -> None:
        with writing(shop) as change:
            first_is_in.set()
            assert done.wait(30)
            change.append("events", events("a", batch="one"))
            change.commit([entry("one")])

    thread = threading.Thread(target=first)
    thread.start()
    assert first_is_in.wait(30)
    with pytest.raises(InputError, match=r"still after 0\.2 seconds"), writing(shop, wait=0.2):
        pass
    done.set()
    with writing(shop, wait=30) as change:
        change.append("events", events("b", batch="two"))
        change.commit([entry("two")])
    thread.join()
    assert ids(shop) == ["a", "b"]


@pytest.mark.parametrize("name", ["my shop", "小店", "a'b", "crème #1"])
def test_folder_may_have_any_name_in_any_language(tmp_path: Path, name: str) -> None:
    shop = create_shop(tmp_path / name)
    write(shop, "one", "a")
    assert ids(shop) == ["a"]


def test_damaged_table_is_an_input_error_that_names_it(shop: Shop) -> None:
    write(shop, "one", "a")
    for file in table_files(shop, "events", read_versions(shop)):
        Path(file).write_bytes(b"PAR1")
    with pytest.raises(InputError, match="events") as caught:
        ids(shop)
    assert caught.value.code == "damaged"
