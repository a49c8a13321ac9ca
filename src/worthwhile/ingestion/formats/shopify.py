"""Shopify's export of orders: one row a line item; what is true of the order stands on its first row."""

from __future__ import annotations

from worthwhile.ingestion.formats.format import Format

SHOPIFY = Format(
    name="shopify",
    description="Shopify's orders export (CSV): a row for each line item, the order's fields on its first row alone",
    columns={
        "customer_id": ("email",),
        "ts": ("paidat", "createdat"),
        "order_id": ("name",),
        "placed_at": ("createdat",),
        "item_id": ("lineitemsku",),
        "title": ("lineitemname",),
        "quantity": ("lineitemquantity",),
        "price": ("lineitemprice",),
        "discount": ("lineitemdiscount",),
        "order_total": ("total",),
        "refunded_amount": ("refundedamount",),
        "refunded_at": ("cancelledat",),
        "currency": ("currency",),
        "status": ("financialstatus",),
        "channel": ("source",),
        "country": ("shippingcountry", "billingcountry"),
    },
    fingerprint=(frozenset({"name", "financialstatus", "lineitemquantity", "lineitemname", "lineitemprice"}),),
    instead={"customer_id": ("phone", "billingname"), "ts": ("createdat",), "country": ("billingcountry",)},
    of_order=(
        *("customer_id", "ts", "placed_at", "status", "currency", "country", "channel"),
        *("order_total", "refunded_amount", "refunded_at"),
    ),
    whole_orders=True,
)
