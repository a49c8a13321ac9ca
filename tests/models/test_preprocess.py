from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worthwhile.errors import InputError
from worthwhile.features.declared import FEATURES
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.files import read_arrays, read_json, write_arrays, write_json
from worthwhile.models.preprocess import CLIP, Standardizer, fit_standardizer, is_amount
from worthwhile.tasks import Task

CUTOFF = datetime(2024, 1, 1, tzinfo=UTC)


def snapshot_of(scale=10.0, **columns) -> Snapshot:
    matrix = np.stack([np.asarray(v, dtype=np.float32) for v in columns.values()], axis=1)
    ids = np.array([f"c{i:05d}" for i in range(len(matrix))], dtype=object)
    end = CUTOFF + timedelta(days=90)
    return Snapshot(Task.of("90d"), CUTOFF, end, ids, matrix, tuple(columns), scale, 365.0)


def noise(n=500, seed=0):
    return np.random.default_rng(seed).normal(size=n)


def test_columns_have_mean_zero_and_spread_one_on_the_training_rows():
    snapshot = snapshot_of(a=3 + 2 * noise(), b=-1 + 0.1 * noise(seed=1))
    matrix = fit_standardizer([snapshot]).apply(snapshot)
    assert np.abs(matrix.mean(axis=0)).max() < 1e-4
    assert np.abs(matrix.std(axis=0) - 1).max() < 0.01


def test_amounts_in_another_currency_give_the_same_matrix():
    amounts = np.exp(2 * noise())
    pounds = snapshot_of(scale=10.0, amount_all=amounts, T=noise(seed=2))
    yen = snapshot_of(scale=2000.0, amount_all=amounts * 200, T=noise(seed=2))
    a, b = (fit_standardizer([s]).apply(s) for s in (pounds, yen))
    assert np.abs(a - b).max() < 1e-4


def test_heavy_tail_is_taken_on_the_log_scale():
    counts = np.floor(np.exp(1.5 * noise()))
    fitted = fit_standardizer([snapshot_of(items_all=counts, T=10 * noise(seed=3))])
    assert dict(zip(fitted.names, fitted.log, strict=True)) == {"items_all": True, "T": False}


def test_frequent_missing_values_get_one_indicator_for_equal_patterns():
    gap = np.where(np.arange(500) % 3 == 0, np.nan, noise())
    fitted = fit_standardizer([snapshot_of(gap_mean=gap, gap_last=gap + 1, T=noise(seed=4))])
    assert fitted.columns == ("gap_mean", "gap_last", "T", "gap_mean_missing")
    matrix = fitted.apply(snapshot_of(gap_mean=[np.nan, 1.0], gap_last=[np.nan, 1.0], T=[0.0, 0.0]))
    assert matrix[0, 0] == 0 and matrix[0, 3] > 0 > matrix[1, 3]


def test_constant_columns_are_dropped_and_a_constant_with_gaps_keeps_its_indicator():
    gaps = np.where(np.arange(500) % 2 == 0, np.nan, 5.0)
    fitted = fit_standardizer([snapshot_of(one=np.ones(500), gaps=gaps, none=np.full(500, np.nan), T=noise())])
    assert fitted.columns == ("gaps", "T", "gaps_missing")
    matrix = fitted.apply(snapshot_of(one=[1.0], gaps=[5.0], none=[1.0], T=[0.0]))
    assert np.isfinite(matrix).all() and matrix[0, 0] == 0


def test_features_that_are_all_constant_leave_one_column_of_zeros():
    snapshot = snapshot_of(a=np.ones(5), b=np.full(5, np.nan))
    assert np.array_equal(fit_standardizer([snapshot]).apply(snapshot), np.zeros((5, 1)))


def test_values_beyond_the_training_range_are_not_extrapolated():
    values = np.linspace(0, 1, 500)
    fitted = fit_standardizer([snapshot_of(T=values, u=noise())])
    assert fitted.apply(snapshot_of(T=[50.0], u=[0.0]))[0, 0] == fitted.apply(snapshot_of(T=[1.0], u=[0.0]))[0, 0]


def test_features_are_found_by_name_in_any_order():
    fitted = fit_standardizer([snapshot_of(a=noise(), b=noise(seed=1))])
    ab, ba = snapshot_of(a=[1.0], b=[2.0]), snapshot_of(b=[2.0], a=[1.0])
    assert np.array_equal(fitted.apply(ab), fitted.apply(ba))


def test_what_was_learned_survives_safetensors(tmp_path):
    gap = np.where(np.arange(500) % 3 == 0, np.nan, noise())
    snapshot = snapshot_of(amount_all=np.exp(noise()), gap=gap)
    fitted = fit_standardizer([snapshot])
    write_arrays(tmp_path / "deep" / "s.safetensors", fitted.to_arrays("standard."))
    again = Standardizer.from_arrays(read_arrays(tmp_path / "deep" / "s.safetensors"), "standard.")
    assert again.names == fitted.names
    assert np.array_equal(again.apply(snapshot), fitted.apply(snapshot))


@given(
    st.lists(
        st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), min_size=3, max_size=3),
        min_size=1,
        max_size=20,
    ),
    st.floats(1e-3, 1e6),
)
@settings(max_examples=60, deadline=None)
def test_any_features_give_finite_bounded_columns(rows, scale):
    table = np.array(rows, dtype=np.float32)
    snapshot = snapshot_of(scale=scale, x=table[:, 0], amount_all=table[:, 1], share=table[:, 2])
    with np.errstate(over="ignore", invalid="ignore"):
        matrix = fit_standardizer([snapshot]).apply(snapshot)
    assert np.isfinite(matrix).all() and np.abs(matrix).max(initial=0) <= CLIP


@pytest.mark.parametrize(
    ("name", "expected"),
    [("amount_90d", True), ("order_value_mean", True), ("refund_amount_share", False), ("orders_90d", False)],
)
def test_amounts_are_told_by_their_names(name, expected):
    assert is_amount(name) is expected


def test_declared_features_in_money_and_only_those_are_amounts():
    assert {f.name for f in FEATURES if is_amount(f.name)} == {f.name for f in FEATURES if f.unit == "money"}


def test_a_truncated_file_of_a_model_is_said_to_be_damaged(tmp_path):
    write_json(tmp_path / "a.json", {"sigma": 0.1})
    assert read_json(tmp_path / "a.json") == {"sigma": 0.1}
    (tmp_path / "a.json").write_text('{"sigma":')
    (tmp_path / "a.safetensors").write_bytes(b"short")
    for read, name in ((read_json, "a.json"), (read_arrays, "a.safetensors"), (read_arrays, "missing")):
        with pytest.raises(InputError) as caught:
            read(tmp_path / name)
        assert caught.value.code == "damaged" and name in caught.value.where
