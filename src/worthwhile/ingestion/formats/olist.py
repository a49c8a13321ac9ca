"""Olist's public set of tables (Brazilian e-commerce): orders, items, customers, payments, products, reviews."""

from __future__ import annotations

from worthwhile.ingestion.formats.format import Format, TableSet

_TABLES = {
    "orders": frozenset({"orderid", "customerid", "orderstatus", "orderpurchasetimestamp"}),
    "items": frozenset({"orderid", "orderitemid", "productid", "price", "freightvalue"}),
    "customers": frozenset({"customerid", "customeruniqueid", "customerstate"}),
    "payments": frozenset({"orderid", "paymentsequential", "paymentvalue"}),
    "products": frozenset({"productid", "productcategoryname", "productphotosqty"}),
    "reviews": frozenset(
        {"orderid", "reviewscore", "reviewcreationdate", "reviewcommenttitle", "reviewcommentmessage"}
    ),
}

# The person is customer_unique_id: customer_id is made anew for each order. Freight stands on each item.
_ROWS = """
    SELECT 'order' AS what, customeruniqueid AS person, o.orderid, orderpurchasetimestamp AS moment, orderstatus,
        i.productid, price, CAST(sum(try_cast(price AS DOUBLE) + try_cast(freightvalue AS DOUBLE))
            OVER (PARTITION BY o.orderid) AS VARCHAR) AS ordertotal,
        productcategoryname, NULL AS rating, NULL AS text
    FROM orders o LEFT JOIN customers c USING (customerid) LEFT JOIN items i USING (orderid)
        LEFT JOIN products p ON i.productid = p.productid
    UNION ALL BY NAME
    SELECT 'review' AS what, customeruniqueid AS person, orderid, reviewcreationdate AS moment,
        reviewscore AS rating, concat_ws(': ', reviewcommenttitle, reviewcommentmessage) AS text
    FROM reviews r LEFT JOIN orders o USING (orderid) LEFT JOIN customers c USING (customerid)
"""

OLIST = Format(
    name="olist",
    description="Olist's set of tables (CSV): orders, items, customers and, where there, products and reviews together",
    columns={
        "customer_id": ("person",),
        "ts": ("moment",),
        "order_id": ("orderid",),
        "type": ("what",),
        "status": ("orderstatus",),
        "item_id": ("productid",),
        "price": ("price",),
        "order_total": ("ordertotal",),
        "category": ("productcategoryname",),
        "rating": ("rating",),
        "text": ("text",),
    },
    fingerprint=(frozenset({"what", "person", "moment", "ordertotal"}),),
    tables=TableSet(_TABLES, needed=("orders", "items", "customers"), rows=_ROWS),
    statuses={"created": "never", "unavailable": "refund"},
)
