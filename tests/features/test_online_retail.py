"""On Online Retail II: the oracle's features for a sample of customers, simple sums in pandas for all."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from oracles import features as oracle
from worthwhile.features.build import cutoff_from, snapshot_at
from worthwhile.store.log import log_of
from worthwhile.tasks import Task

ZONE, TASK, CUTOFF = ZoneInfo("Europe/London"), Task.of("90d"), datetime(2011, 9, 1)
NO_GOODS = ("POST", "D", "M", "DOT", "C2", "CRUK", "ADJUST", "BANK CHARGES")
pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def events():
    """Lines and cancellations; a cancellation belongs to the last invoice before it with the same item and price."""
    folder = Path(os.environ.get("WORTH_DATA", Path(__file__).parents[2] / "../shared/data"))
    path = folder / "online_retail_ii.parquet"
    if not path.is_file():
        pytest.skip(f"{path.name} is not in {folder}; name the folder of the public data sets in WORTH_DATA")
    raw = pd.read_parquet(path).dropna(subset=["CustomerID"])
    back = raw["Quantity"] < 0
    table = pd.DataFrame(
        {
            "customer_id": raw["CustomerID"].astype(int).astype(str),
            "kind": np.where(back, "refund", "order_line"),
            "local_ts": raw["InvoiceDate"].astype("datetime64[us]"),
            "order_id": raw["Invoice"].astype(str),
            "item_id": raw["StockCode"].astype(str),
            "quantity": raw["Quantity"].abs().astype(float),
            "amount": raw["Quantity"] * raw["Price"],
            "price": raw["Price"],
            "category": np.where(raw["StockCode"].str[:2].isin(["22", "85", "84"]), raw["StockCode"].str[:2], None),
            "channel": raw["Country"].astype(str),
            "is_goods": ~raw["StockCode"].isin(NO_GOODS),
        }
    ).sort_values("local_ts", kind="stable", ignore_index=True)
    keys = ["customer_id", "item_id", "price"]
    lines = table[table["kind"] == "order_line"][[*keys, "local_ts", "order_id"]].rename(
        columns={"order_id": "refund_of"}
    )
    refunds = pd.merge_asof(table[table["kind"] == "refund"].reset_index(), lines, on="local_ts", by=keys)
    table["refund_of"] = refunds.set_index("index")["refund_of"].reindex(table.index).astype(object)
    return table


@pytest.fixture(scope="module")
def snapshot(events):
    columns = events.drop(columns="price")
    with log_of(pa.Table.from_pandas(columns, preserve_index=False), zone=ZONE) as log:
        return snapshot_at(log, TASK, cutoff_from(CUTOFF, ZONE))


def rows_of(events, customers):
    """The rows of some customers as the oracle reads them."""
    own = events[events["customer_id"].isin(customers)].assign(discount=None, rating=None)
    rows = own.astype(object).where(own.notna(), None).to_dict("records")
    for row in rows:
        row["local_ts"] = pd.Timestamp(row["local_ts"]).to_pydatetime()
        row["ts"] = row["local_ts"].replace(tzinfo=ZONE)
    return rows


def test_sums_of_all_customers_equal_those_of_pandas(events, snapshot):
    before = events[events["local_ts"] < CUTOFF]
    lines = before[before["kind"] == "order_line"]
    customers = sorted(lines["customer_id"].unique())
    assert list(snapshot.customer_ids) == customers
    spend = before.groupby("customer_id")["amount"].sum().reindex(customers)
    assert np.allclose(snapshot.column("amount_all"), spend, rtol=1e-6, atol=0.01)
    goods = lines[lines["is_goods"]]
    items = goods.drop_duplicates(["customer_id", "item_id"]).groupby("customer_id").size()
    assert np.array_equal(snapshot.column("items_all"), items.reindex(customers, fill_value=0))
    days = lines.assign(day=lines["local_ts"].dt.date).groupby("customer_id")["day"].nunique().reindex(customers)
    orders = snapshot.column("orders_all")
    assert (orders <= days).all() and (orders == days).mean() > 0.95

    horizon = events[(events["local_ts"] >= CUTOFF) & (events["local_ts"] < CUTOFF + timedelta(days=90))]
    amount = horizon.groupby("customer_id")["amount"].sum().reindex(customers, fill_value=0).clip(lower=0)
    active = snapshot.outcome.active
    assert np.allclose(snapshot.outcome.amount[active], amount[active], atol=0.01)
    assert (snapshot.outcome.amount[~active] == 0).all() and 0.3 < active.mean() < 0.6


def test_the_order_of_74215_units_cancelled_within_minutes_leaves_no_trace(snapshot):
    customer = snapshot[snapshot.customer_ids == "12346"]
    assert customer.column("units_365d") == 0 and abs(customer.column("spend_365d")) < 5
    assert customer.column("days_since_order") > 365 and customer.column("order_value_max") < 1000
    assert customer.column("items_365d") == 1  # what was chosen stays known


def test_all_features_of_a_sample_equal_the_oracle(events, snapshot):
    sample = list(snapshot.customer_ids[::29])
    rows, moment = rows_of(events, sample), cutoff_from(CUTOFF, ZONE)
    year_ago = datetime(2010, 9, 1)
    asking = oracle.Asking(
        now=CUTOFF,
        horizon_start=CUTOFF - timedelta(days=90),
        year_before=(year_ago, year_ago + timedelta(days=90)),
    )
    before = events[(events["local_ts"] < CUTOFF) & (events["kind"] == "order_line") & events["is_goods"]]
    asking.main = tuple(before["category"].value_counts().index)
    expected = oracle.features(rows, moment, asking)
    own = snapshot[np.isin(snapshot.customer_ids, sample)]
    assert list(expected) == list(own.customer_ids)
    for i, (customer, numbers) in enumerate(expected.items()):
        want = np.array([numbers[name] for name in own.names])
        wrong = np.flatnonzero(~np.isclose(own.features[i], want, rtol=2e-5, atol=3e-4, equal_nan=True))
        told = [(own.names[k], float(own.features[i, k]), float(want[k])) for k in wrong]
        assert not told, (customer, told)
        end = TASK.horizon.after(moment, ZONE)
        amount, orders = oracle.outcome([r for r in rows if r["customer_id"] == customer], (moment, end), asking)
        assert own.outcome.orders[i] == orders and np.isclose(own.outcome.amount[i], amount, atol=0.01)
