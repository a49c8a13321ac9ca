import numpy as np
import pyarrow as pa

from worthwhile.explain.forecaster import forecaster_of
from worthwhile.explain.typical import as_columns, as_parts, middle_customers, typical_of
from worthwhile.features.declared import NAMES
from worthwhile.runs.recall import recorded_forecast


def test_the_middle_is_by_rank_so_that_a_heavy_tail_does_not_matter():
    spend = np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 8, 1e9])
    table = pa.table({"customer_id": [f"c{i}" for i in range(10)], "spend_mean": spend, "p_active": np.arange(10) / 10})
    assert middle_customers(table, "spend", 2) == ["c4", "c5"]
    assert middle_customers(table.take([9, 0, 5, 4, 3, 8, 1, 2, 7, 6]), "spend", 4) == ["c3", "c4", "c5", "c6"]


def test_features_put_together_from_two_customers_are_of_one_who_could_be(shop):
    with forecaster_of(recorded_forecast(shop)) as forecaster, forecaster.everybody() as everybody:
        parts = as_parts(everybody.features, NAMES)
        assert np.allclose(as_columns(parts, NAMES), everybody.features, rtol=1e-5, atol=1e-4, equal_nan=True)
        recency = [NAMES.index(name) for name in ("t_x", "days_since_order")]
        mixed = parts.copy()
        mixed[:, recency] = parts[::-1][:, recency]
        made = as_columns(mixed, NAMES)
    x, t_x, tenure = (made[:, NAMES.index(name)] for name in ("x", "t_x", "T"))
    assert np.all((t_x >= 0) & (t_x <= tenure)) and np.all(t_x[x == 0] == 0)
    since, gap, ratio = (made[:, NAMES.index(name)] for name in ("days_since_order", "gap_mean", "recency_ratio"))
    known = gap > 0
    assert np.allclose(ratio[known], since[known] / gap[known]) and np.isnan(ratio[~known]).all()
    assert not np.array_equal(since, everybody.features[:, NAMES.index("days_since_order")])


def test_who_has_no_order_that_counts_has_no_history_whoever_lends_the_rest(shop):
    with forecaster_of(recorded_forecast(shop)) as forecaster, forecaster.everybody() as everybody:
        parts = as_parts(everybody.features[:2], NAMES)
    parts[0, NAMES.index("x")] = np.nan
    made = as_columns(parts, NAMES)
    assert np.isnan(made[0, [NAMES.index(name) for name in ("x", "t_x", "T")]]).all()
    assert np.isfinite(made[1, NAMES.index("T")])


def test_the_typical_customer_is_the_median_of_the_middle(shop):
    with forecaster_of(recorded_forecast(shop)) as forecaster, forecaster.everybody() as everybody:
        typical = typical_of(everybody)
    column = NAMES.index("order_value_mean")
    assert len(typical) == 1 and typical.customer_ids[0] in everybody.customer_ids
    assert np.isclose(typical.features[0, column], np.median(everybody.features[:, column]))
