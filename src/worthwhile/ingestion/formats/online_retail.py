"""Online Retail and Online Retail II (UCI): invoice lines of a gift shop, cancellations among them."""

from __future__ import annotations

from worthwhile.ingestion.formats.format import Format

# Stock codes that are no goods: postage and carriage, manual entries, discounts, fees, samples, bad debt, tests.
NOT_GOODS = ("POST", "DOT", "C2", "C3", "M", "D", "S", "B", "CRUK", "PADS", "AMAZONFEE", "BANK CHARGES", "GIFT")
NOT_GOODS_LIKE = ("ADJUST%", "GIFT\\_%", "TEST%")

_CODES = ", ".join(f"'{code}'" for code in NOT_GOODS)
_LIKE = " OR ".join(f"upper(item_id) LIKE '{pattern}' ESCAPE '\\'" for pattern in NOT_GOODS_LIKE)

ONLINE_RETAIL = Format(
    name="online-retail",
    description="Online Retail and Online Retail II: invoice, stock code, quantity, price; C before a cancellation",
    columns={
        "customer_id": ("customerid",),
        "ts": ("invoicedate",),
        "order_id": ("invoice", "invoiceno"),
        "item_id": ("stockcode",),
        "title": ("description",),
        "quantity": ("quantity",),
        "price": ("price", "unitprice"),
        "country": ("country",),
    },
    fingerprint=(
        frozenset({"invoice", "stockcode", "description", "quantity", "invoicedate", "price", "customerid"}),
        frozenset({"invoiceno", "stockcode", "description", "quantity", "invoicedate", "unitprice", "customerid"}),
    ),
    refund_when="upper(order_id) LIKE 'C%'",
    is_goods=f"NOT (upper(item_id) IN ({_CODES}) OR {_LIKE})",
)
