"""Events in the names of Segment's e-commerce specification (v2), as RudderStack and others write them too: JSON."""

from __future__ import annotations

from worthwhile.ingestion.formats.format import Format

SEGMENT = Format(
    name="segment",
    description="Segment's and RudderStack's events (JSON lines): Product Viewed, Product Added, Order Completed, ...",
    columns={
        "customer_id": ("userid",),
        "visitor_id": ("anonymousid",),
        "ts": ("timestamp", "originaltimestamp", "receivedat"),
        "order_id": ("propertiesorderid",),
        "type": ("event",),
        "item_id": ("propertiesproductssku", "propertiessku", "propertiesproductid"),
        "title": ("propertiesproductsname", "propertiesname"),
        "category": ("propertiesproductscategory", "propertiescategory"),
        "quantity": ("propertiesproductsquantity", "propertiesquantity"),
        "price": ("propertiesproductsprice", "propertiesprice"),
        "order_total": ("propertiestotal", "propertiesrevenue"),
        "currency": ("propertiescurrency",),
        "channel": ("contextcampaignsource", "channel"),
        "rating": ("propertiesrating",),
        "text": ("propertiesquery", "propertiesreviewbody"),
    },
    fingerprint=(
        frozenset({"event", "userid", "anonymousid", "timestamp"}),
        frozenset({"event", "userid", "messageid", "timestamp"}),
        frozenset({"event", "anonymousid", "messageid", "timestamp"}),
        frozenset({"type", "anonymousid", "messageid", "timestamp"}),  # an hour of nothing but `identify` and `page`
    ),
    instead={
        "ts": ("originaltimestamp",),
        "type": ("type",),  # calls of `page` have no event name
        "item_id": ("propertiesproductsproductid", "propertiessku", "propertiesproductid"),
        "title": ("propertiesname",),
        "category": ("propertiescategory",),
        "quantity": ("propertiesquantity",),
        "price": ("propertiesprice",),
        "order_total": ("propertiesrevenue",),
        "text": ("propertiesreviewbody",),
    },
    whole_orders=True,
    undoing=("ordercancelled", "ordercanceled"),
    types={
        **dict.fromkeys(("productviewed", "productclicked", "productlistviewed", "page", "screen"), "view"),
        **dict.fromkeys(("productadded", "productaddedtowishlist", "wishlistproductaddedtocart"), "cart"),
        **dict.fromkeys(("promotionviewed", "promotionclicked", "couponapplied", "couponentered"), "no-event"),
        **dict.fromkeys(("couponremoved", "coupondenied", "productshared", "cartshared", "cartviewed"), "no-event"),
        **dict.fromkeys(("checkoutstepviewed", "checkoutstepcompleted", "paymentinfoentered"), "no-event"),
        **dict.fromkeys(("productlistfiltered", "productremovedfromwishlist", "orderupdated", "track"), "no-event"),
        **dict.fromkeys(("identify", "alias", "group"), "no-event"),
    },
)
