"""Steps: what a customer did of one kind on one day, against a slow, obvious count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from worthwhile.features.sequences import KINDS, Sequences, build_sequences
from worthwhile.features.slices import slices
from worthwhile.models.sequence.coming import coming_of
from worthwhile.models.sequence.steps import NUMBERS, Steps, steps_of
from worthwhile.store.log import log_of

START = datetime(2024, 1, 1, tzinfo=UTC)
FAR = START + timedelta(days=10_000)


def sequences_with(folder: Path, rows: list[tuple[Any, ...]]) -> Sequences:
    """Rows: customer, hours since START, kind, item, amount."""
    names = ("customer_id", "hours", "kind", "item_id", "amount")
    events = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])
    moments = [START + timedelta(hours=hours) for hours in events["hours"].to_pylist()]
    table = events.drop_columns(["hours"]).append_column("ts", pa.array(moments, pa.timestamp("us", tz="UTC")))
    with log_of(table) as log:
        return build_sequences(log, folder)


def numbers_of(steps: Steps, *names: str) -> np.ndarray:
    return steps.numbers[:, [NUMBERS.index(name) for name in names]]


@pytest.fixture
def shop(tmp_path: Path) -> Sequences:
    return sequences_with(
        tmp_path / "s",
        [
            ("a", 0, "view", "x", None),
            ("a", 1, "order_line", "x", 10.0),
            ("a", 1, "order_line", "y", 20.0),
            ("a", 2, "view", "z", None),
            ("a", 24 * 5, "order_line", "x", 5.0),
            ("a", 24 * 5 + 1, "refund", "x", -5.0),
            ("b", 24, "order_line", "y", 7.0),
        ],
    )


def test_lines_of_one_kind_and_day_are_one_step(shop: Sequences) -> None:
    steps = steps_of(shop, FAR, scale=10.0)
    assert list(steps.offsets) == [0, 4, 5]
    assert [KINDS[kind] for kind in steps.kind] == ["view", "order_line", "order_line", "refund", "order_line"]
    assert steps.amount.tolist() == pytest.approx([0, 3.0, 0.5, -0.5, 0.7])
    items = [
        shop.vocabularies["item"][steps.item[a:b]].tolist()
        for a, b in zip(steps.line_offsets, steps.line_offsets[1:], strict=False)
    ]
    assert items == [["x", "z"], ["x", "y"], ["x"], ["x"], ["y"]]


def test_numbers_of_a_step_look_back_only(shop: Sequences) -> None:
    steps = steps_of(shop, FAR, scale=10.0)
    told = np.expm1(numbers_of(steps, "gap", "order_gap", "age", "orders")[:4])
    assert told == pytest.approx(np.array([[0, 0, 0, 0], [0, 0, 0, 1], [5, 5, 5, 2], [0, 0, 5, 2]]), abs=1e-5)
    assert numbers_of(steps, "known_items")[:4, 0].tolist() == [0, 0, 1, 1]


def test_steps_of_a_cutoff_are_those_of_the_log_cut_there(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    rows = [
        (f"c{rng.integers(9)}", int(rng.integers(24 * 60)), str(rng.choice(KINDS)), f"i{rng.integers(5)}", 1.0)
        for _ in range(400)
    ]
    cutoff = START + timedelta(days=33, hours=7)
    whole = steps_of(sequences_with(tmp_path / "whole", rows), cutoff, scale=2.0)
    early = steps_of(sequences_with(tmp_path / "cut", [row for row in rows if row[1] < 33 * 24 + 7]), cutoff, scale=2.0)
    assert np.array_equal(whole.numbers, early.numbers) and np.array_equal(whole.item, early.item)
    assert np.array_equal(whole.ends_at(cutoff), early.offsets[1:])


def test_a_step_that_goes_on_after_a_cutoff_is_not_seen_at_it(shop: Sequences) -> None:
    steps = steps_of(shop, FAR, scale=10.0)
    within = START + timedelta(hours=1, minutes=30)  # the view of item z comes later on the same day
    assert [KINDS[kind] for kind in steps.kind[: steps.ends_at(within)[0]]] == []
    after = START + timedelta(hours=3)
    assert steps.ends_at(after)[0] == 2


def test_a_day_parted_at_a_cutoff_has_the_steps_of_before_as_the_log_cut_there(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    rows = [
        (f"c{rng.integers(9)}", int(rng.integers(24 * 60)), str(rng.choice(KINDS)), f"i{rng.integers(5)}", 1.0)
        for _ in range(900)
    ]
    noon = START + timedelta(days=33, hours=12)
    parted = steps_of(sequences_with(tmp_path / "whole", rows), FAR, 2.0, [noon])
    early = steps_of(sequences_with(tmp_path / "cut", [row for row in rows if row[1] < 33 * 24 + 12]), FAR, scale=2.0)
    ends = parted.ends_at(noon)
    assert np.array_equal(ends - parted.offsets[:-1], np.diff(early.offsets))
    before = np.concatenate([np.arange(*span) for span in zip(parted.offsets[:-1], ends, strict=True)])
    assert np.array_equal(parted.numbers[before], early.numbers)


def test_steps_do_not_hang_on_how_customers_are_sliced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    rows = [
        (f"c{rng.integers(9)}", int(rng.integers(24 * 60)), str(rng.choice(KINDS)), f"i{rng.integers(5)}", 1.0)
        for _ in range(400)
    ]
    sequences, cutoff = sequences_with(tmp_path / "s", rows), START + timedelta(days=20)
    said = []
    for size in (1_000, 50):
        monkeypatch.setattr(slices, "__defaults__", (size,))
        steps = steps_of(sequences, FAR, scale=2.0)
        said.append([*vars(steps).values(), *vars(coming_of(steps)).values(), steps.ends_at(cutoff)])
    for whole, sliced in zip(*said, strict=True):
        assert not isinstance(whole, np.ndarray) or np.array_equal(whole, sliced)


def test_who_is_left_out_has_no_steps(shop: Sequences) -> None:
    steps = steps_of(shop.without(np.array(["a", "nobody"], dtype=object)), FAR, scale=10.0)
    assert list(steps.offsets) == [0, 0, 1] and steps.amount.tolist() == pytest.approx([0.7])
