"""Magento's and Adobe Commerce's grid of orders, exported as CSV: one row an order."""

from __future__ import annotations

from worthwhile.ingestion.formats.format import Format

MAGENTO = Format(
    name="magento",
    description="Magento's (Adobe Commerce's) export of the orders grid (CSV): a row for each order",
    columns={
        "customer_id": ("customeremail",),
        "ts": ("purchasedate",),
        "order_id": ("id",),
        "amount": ("grandtotalpurchased", "grandtotal"),
        "refunded_amount": ("totalrefunded",),
        "status": ("status",),
        "channel": ("purchasepoint",),
    },
    fingerprint=(frozenset({"id", "purchasepoint", "purchasedate", "grandtotalpurchased", "customeremail"}),),
    instead={"customer_id": ("customername",)},
    row_is_order=True,
    whole_orders=True,
    statuses={
        **dict.fromkeys(("pendingpayment", "pendingpaypal", "paymentreview", "holded"), "never"),
        **dict.fromkeys(("fraud", "suspectedfraud"), "never"),  # held back until somebody has looked at it
        **dict.fromkeys(("closed", "paypalreversed"), "refund"),
        "paypalcanceledreversal": "order",
    },
)
