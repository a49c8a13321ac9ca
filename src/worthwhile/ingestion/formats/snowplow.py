"""Snowplow's enriched events as JSON, with the schemas of its e-commerce accelerator."""

from __future__ import annotations

from worthwhile.ingestion.formats.format import Format

_ACTION = "unstructeventcomsnowplowanalyticssnowplowecommercesnowplowecommerceaction1"
_PRODUCT = "contextscomsnowplowanalyticssnowplowecommerceproduct1"
_DEAL = "contextscomsnowplowanalyticssnowplowecommercetransaction1"
_REFUND = "contextscomsnowplowanalyticssnowplowecommercerefund1"

SNOWPLOW = Format(
    name="snowplow",
    description="Snowplow's enriched events (JSON lines) with e-commerce actions: product_view, transaction, ...",
    columns={
        "customer_id": ("userid",),
        "visitor_id": ("domainuserid", "networkuserid"),
        "ts": ("derivedtstamp", "collectortstamp"),
        "order_id": (f"{_DEAL}transactionid",),
        "type": (f"{_ACTION}type",),
        "item_id": (f"{_PRODUCT}id",),
        "title": (f"{_PRODUCT}name",),
        "category": (f"{_PRODUCT}category",),
        "quantity": (f"{_PRODUCT}quantity",),
        "price": (f"{_PRODUCT}price",),
        "order_total": (f"{_DEAL}revenue",),
        "currency": (f"{_DEAL}currency",),
        "channel": ("mktmedium",),
        "country": ("geocountry",),
    },
    fingerprint=(frozenset({f"{_ACTION}type", "collectortstamp"}), frozenset({f"{_ACTION}type", "derivedtstamp"})),
    instead={
        "order_id": (f"{_REFUND}transactionid",),
        "ts": ("collectortstamp",),
        "currency": (f"{_PRODUCT}currency",),
    },
    utc=("ts",),
    whole_orders=True,
    types={
        **dict.fromkeys(("productview", "listclick", "listview"), "view"),
        **dict.fromkeys(("promoclick", "promoview", "checkoutstep", "transactionerror"), "no-event"),
    },
)
