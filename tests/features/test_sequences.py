"""Event sequences against a slow, obvious reading of the same events."""

from __future__ import annotations

import errno
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from worthwhile.errors import InputError
from worthwhile.features.sequences import COLUMNS, KINDS, NONE, build_sequences, open_sequences
from worthwhile.store.log import log_of

START = datetime(2024, 3, 30, 22, tzinfo=UTC)  # the hour changes in London in the following night


def some_events(count: int = 300, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    kinds = rng.choice(["order_line", "view", "review", "refund"], count)
    rows: list[dict[str, Any]] = []
    for kind in kinds:
        rows.append(
            {
                "customer_id": f"c{rng.integers(20)}",
                "ts": START + timedelta(minutes=int(rng.integers(60 * 72))),
                "kind": kind,
                "item_id": None if rng.random() < 0.1 else f"i{rng.integers(8)}",
                "amount": {"order_line": 2.5, "refund": -1.0}.get(kind),
                "quantity": 1.0 if kind == "order_line" else None,
                "category": "toys" if rng.random() < 0.3 else None,
                "channel": None if rng.random() < 0.5 else "web",
                "rating": 4.0 if kind == "review" else None,
                "text": f"text {rng.integers(5)}" if kind == "review" else None,
            }
        )
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()), ("ts", pa.timestamp("us", tz="UTC")), ("kind", pa.string()),
        ("item_id", pa.string()), ("amount", pa.float64()), ("quantity", pa.float64()), ("category", pa.string()),
        ("channel", pa.string()), ("rating", pa.float64()), ("text", pa.string()),
    ]
)  # fmt: skip
CATEGORIES = pa.table(
    {
        "item_id": ["i1", "i1", "i2"],
        "category": ["old", "new", "known"],
        "since": pa.array([START, START + timedelta(days=1), None], pa.timestamp("us", tz="UTC")),
    }
)


def words_of(sequences: Any, name: str, codes: Any) -> list[str | None]:
    return [None if code == NONE else sequences.vocabularies[name][code] for code in codes]


def test_each_customer_has_their_events_in_the_order_of_time(tmp_path: Path) -> None:
    events = some_events()
    with log_of(events, zone="Europe/London", item_categories=CATEGORIES) as log:
        made = build_sequences(log, tmp_path / "s")
    rows = events.to_pylist()
    assert list(made.customer_ids) == sorted({row["customer_id"] for row in rows})
    assert made.events == len(rows)
    for place, customer in enumerate(made.customer_ids):
        here = slice(made.offsets[place], made.offsets[place + 1])
        mine = sorted((row for row in rows if row["customer_id"] == customer), key=lambda row: row["ts"])
        ts = made.columns["ts_us"][here]
        assert list(ts) == [round(row["ts"].timestamp() * 1e6) for row in mine]
        told = sorted(
            zip(
                ts,
                (KINDS[k] for k in made.columns["kind"][here]),
                map(str, words_of(made, "item", made.columns["item"][here])),
                map(str, words_of(made, "category", made.columns["category"][here])),
                map(str, words_of(made, "channel", made.columns["channel"][here])),
                made.columns["amount"][here].tolist(),
                strict=True,
            )
        )
        assert told == sorted(
            (
                round(row["ts"].timestamp() * 1e6), row["kind"], str(row["item_id"]),
                str(row["category"] or category_then(row)), str(row["channel"]), row["amount"] or 0.0,
            )
            for row in mine
        )  # fmt: skip


def category_then(row: dict[str, Any]) -> str | None:
    """What the item was known to be when the event happened."""
    if row["item_id"] == "i2":
        return "known"
    if row["item_id"] == "i1":
        return "new" if row["ts"] >= START + timedelta(days=1) else "old" if row["ts"] >= START else None
    return None


def test_days_and_minutes_are_of_the_shops_wall_clock(tmp_path: Path) -> None:
    events = pa.table(
        {
            "customer_id": ["a", "a"],
            "ts": pa.array(
                [START + timedelta(hours=1, minutes=5), START + timedelta(hours=4)], _SCHEMA.field("ts").type
            ),
        }
    )
    with log_of(events, zone="Europe/London") as log:
        made = build_sequences(log, tmp_path / "s")
    assert [str(np.datetime64(int(day), "D")) for day in made.columns["day"]] == ["2024-03-30", "2024-03-31"]
    assert list(made.columns["minute"]) == [23 * 60 + 5, 3 * 60]


def test_a_cutoff_is_a_prefix_of_each_customer(tmp_path: Path) -> None:
    events, cutoff = some_events(), START + timedelta(days=1)
    with log_of(events) as log:
        made = build_sequences(log, tmp_path / "s")
    ends = made.ends_at(cutoff)
    counts = [
        sum(row["customer_id"] == customer and row["ts"] < cutoff for row in events.to_pylist())
        for customer in made.customer_ids
    ]
    assert list(ends - made.offsets[:-1]) == counts


def test_of_two_categories_since_one_moment_the_later_word_is_taken_each_time(tmp_path: Path) -> None:
    since = pa.array([START, START], _SCHEMA.field("ts").type)
    categories = pa.table({"item_id": ["i1", "i1"], "category": ["b", "a"], "since": since})
    for place, order in enumerate(([0, 1], [1, 0])):
        with log_of(some_events(), item_categories=categories.take(order)) as log:
            made = build_sequences(log, tmp_path / str(place))
        assert made.events == 300
        assert set(words_of(made, "category", made.columns["category"])) == {None, "toys", "b"}


def test_the_same_events_in_another_order_give_the_same_files(tmp_path: Path) -> None:
    events = some_events()
    shuffled = events.take(np.random.default_rng(1).permutation(len(events)))
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder, table in zip(folders, (events, shuffled), strict=True):
        with log_of(table, item_categories=CATEGORIES) as log:
            build_sequences(log, folder)
    for name in (*(f"{column}.bin" for column in COLUMNS), "offsets.npy"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_texts_are_kept_once(tmp_path: Path) -> None:
    events = some_events()
    with log_of(events) as log:
        made = build_sequences(log, tmp_path / "s")
    texts = made.texts()
    assert sorted(set(events["text"].drop_null().to_pylist())) == list(texts)
    told = made.columns["text"]
    assert [texts[code] for code in told[told != NONE]].count("text 1") == events["text"].to_pylist().count("text 1")


def test_rows_of_customers_and_of_strangers(tmp_path: Path) -> None:
    with log_of(some_events()) as log:
        made = build_sequences(log, tmp_path / "s")
    ids = np.array([made.customer_ids[3], "nobody", made.customer_ids[0]], dtype=object)
    assert list(made.rows_of(ids)) == [3, NONE, 0]


def test_torn_files_are_a_clear_error(tmp_path: Path) -> None:
    with log_of(some_events()) as log:
        build_sequences(log, tmp_path / "s")
    (tmp_path / "s" / "amount.bin").write_bytes(b"123")
    with pytest.raises(InputError) as caught:
        open_sequences(tmp_path / "s")
    assert caught.value.code == "damaged"


def test_a_full_disk_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("worthwhile.features.sequences.np.save", full)
    with log_of(some_events()) as log, pytest.raises(InputError, match="no space left") as caught:
        build_sequences(log, tmp_path / "s")
    assert caught.value.code == "cannot-write"
