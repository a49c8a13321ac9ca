"""WooCommerce's orders, as its REST interface (v3) and its exporters give them: JSON, one document an order."""

from __future__ import annotations

from worthwhile.ingestion.formats.format import Format

WOOCOMMERCE = Format(
    name="woocommerce",
    description="WooCommerce's orders (REST v3, JSON): a document for each order with its line items and refunds",
    columns={
        "customer_id": ("customerid",),
        "ts": ("datepaidgmt", "datecreatedgmt"),
        "order_id": ("id",),
        "placed_at": ("datecreatedgmt",),
        "updated_at": ("datemodifiedgmt",),
        "item_id": ("lineitemssku",),
        "title": ("lineitemsname",),
        "quantity": ("lineitemsquantity",),
        "amount": ("lineitemstotal",),
        "order_total": ("total",),
        "refunded_amount": ("refundstotal",),
        "refunded_at": ("refundsdatecreatedgmt",),
        "currency": ("currency",),
        "status": ("status",),
        "channel": ("createdvia",),
        "country": ("billingcountry",),
    },
    fingerprint=(
        frozenset({"id", "status", "total", "lineitemsproductid", "lineitemstotal", "datecreatedgmt"}),
        frozenset({"id", "status", "total", "lineitemsproductid", "lineitemstotal", "datepaidgmt"}),
    ),
    instead={
        "customer_id": ("billingemail",),
        "ts": ("datecreatedgmt",),
        "item_id": ("lineitemsproductid",),
    },
    whole_orders=True,
    utc=("ts", "placed_at", "updated_at", "refunded_at"),
    nothing={"customer_id": ("0",)},  # guests
    statuses={"trash": "never", "checkoutdraft": "never", "autodraft": "never"},
)
