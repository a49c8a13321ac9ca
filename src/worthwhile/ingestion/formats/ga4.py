"""Google Analytics 4, as it is exported to BigQuery and from there as JSON lines or Parquet."""

from __future__ import annotations

from worthwhile.ingestion.formats.format import Format

GA4 = Format(
    name="ga4",
    description="Google Analytics 4, exported from BigQuery (JSON lines or Parquet): view_item, purchase, refund, ...",
    columns={
        "customer_id": ("userid",),
        "visitor_id": ("userpseudoid",),
        "ts": ("eventtimestamp",),
        "order_id": ("ecommercetransactionid",),
        "type": ("eventname",),
        "item_id": ("itemsitemid",),
        "title": ("itemsitemname",),
        "category": ("itemsitemcategory",),
        "quantity": ("itemsquantity",),
        "price": ("itemsprice",),
        "order_total": ("ecommercepurchaserevenue",),
        "currency": ("eventparamscurrency",),
        "channel": ("trafficsourcemedium", "trafficsourcesource"),
        "country": ("geocountry",),
        "text": ("eventparamssearchterm",),
    },
    fingerprint=(frozenset({"eventname", "eventtimestamp", "userpseudoid"}),),
    instead={"item_id": ("itemsitemname",)},
    whole_orders=True,
    types={
        **dict.fromkeys(("viewitem", "viewitemlist", "selectitem", "pageview", "screenview"), "view"),
        **dict.fromkeys(("viewsearchresults", "search"), "search"),
        **dict.fromkeys(("addtocart", "addtowishlist"), "cart"),
        **dict.fromkeys(("viewcart", "addshippinginfo", "addpaymentinfo", "viewpromotion"), "no-event"),
        **dict.fromkeys(("selectpromotion", "scroll", "userengagement", "firstvisit", "sessionstart"), "no-event"),
        **dict.fromkeys(("click", "filedownload", "formstart", "formsubmit", "videostart"), "no-event"),
        **dict.fromkeys(("videoprogress", "videocomplete", "signup", "login", "share", "firstopen"), "no-event"),
        **dict.fromkeys(("generatelead", "begincheckout", "removefromcart", "appremove"), "no-event"),
    },
    nothing={
        "item_id": ("(not set)",),
        "title": ("(not set)",),
        "category": ("(not set)",),
        "channel": ("(none)", "(not set)", "(direct)"),
        "text": ("(not set)",),
    },
)
