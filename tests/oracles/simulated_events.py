"""A shop of the in-context model's prior, written down as the events of a log."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa

START = datetime(2021, 3, 1)  # the log's first day


def events_of(shop):
    """The event table of one simulated shop: a line an order, and a refund that names it."""
    customer, day = shop.customer.numpy(), shop.day.numpy()
    number = np.arange(len(day))
    back = shop.refund.numpy() > 0
    times = np.datetime64(START, "us") + day.astype("timedelta64[D]").astype("timedelta64[us]")
    later = np.datetime64(START, "us") + shop.refund_day.numpy()[back].astype("timedelta64[D]").astype(
        "timedelta64[us]"
    )
    names = np.array([f"o{i}" for i in number], dtype=object)
    ids = np.array([f"c{i:06d}" for i in customer], dtype=object)
    return pa.table(
        {
            "customer_id": pa.array(np.concatenate([ids, ids[back]]), pa.string()),
            "local_ts": pa.array(np.concatenate([times, later])),
            "kind": pa.array(["order_line"] * len(day) + ["refund"] * int(back.sum()), pa.string()),
            "order_id": pa.array(np.concatenate([names, names[back]]), pa.string()),
            "refund_of": pa.array([None] * len(day) + list(names[back]), pa.string()),
            "amount": pa.array(np.concatenate([shop.value.numpy(), -shop.refund.numpy()[back]]).astype(float)),
        }
    )
