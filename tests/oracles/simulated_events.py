"""A shop of the in-context model's prior, written down as the events of a log."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa

START = datetime(2021, 3, 1)  # the log's first day


def events_of(shop):
    """The event table of one simulated shop: a line an order, a refund that names it, and one event for each thing
    viewed or put into the cart. Registrations are no events: they are left out.
    """
    customer, day = shop.customer.numpy(), shop.day.numpy()
    orders = np.array([f"o{i}" for i in range(len(day))], dtype=object)
    back = shop.refund.numpy() > 0
    named = {"order_id": orders[back], "refund_of": orders[back], "amount": -shop.refund.numpy()[back]}
    return pa.concat_tables(
        [
            _events("order_line", customer, day, order_id=orders, amount=shop.value.numpy()),
            _events("refund", customer[back], shop.refund_day.numpy()[back], **named),
            _looks("view", shop.visits, shop.visits.views),
            _looks("cart", shop.visits, shop.visits.carts),
        ]
    )


def _looks(kind, visits, counts):
    times = counts.numpy().astype(int)
    return _events(kind, np.repeat(visits.customer.numpy(), times), np.repeat(visits.day.numpy(), times))


def _events(kind, customer, day, *, order_id=None, refund_of=None, amount=None):
    times = np.datetime64(START, "us") + day.astype("timedelta64[D]").astype("timedelta64[us]")
    none = np.full(len(day), None)
    return pa.table(
        {
            "customer_id": pa.array([f"c{i:06d}" for i in customer], pa.string()),
            "local_ts": pa.array(times, pa.timestamp("us")),
            "kind": pa.array([kind] * len(day), pa.string()),
            "order_id": pa.array(none if order_id is None else order_id, pa.string()),
            "refund_of": pa.array(none if refund_of is None else refund_of, pa.string()),
            "amount": pa.array(none if amount is None else amount.astype(float), pa.float64()),
        }
    )
