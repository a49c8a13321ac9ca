"""The formats of order files, one file each. A new one is a new file here and a line in `FORMATS`."""

from worthwhile.ingestion.formats import (
    cdnow,
    customers,
    ga4,
    items,
    jd,
    magento,
    olist,
    online_retail,
    orders,
    segment,
    shopify,
    snowplow,
    taobao,
    woocommerce,
)
from worthwhile.ingestion.formats.format import Format

# In the order in which they are tried; the general one is last and takes what has a customer and a date.
FORMATS: dict[str, Format] = {
    known.name: known
    for known in (
        *(online_retail.ONLINE_RETAIL, cdnow.CDNOW, shopify.SHOPIFY, woocommerce.WOOCOMMERCE, magento.MAGENTO),
        *(taobao.TAOBAO, jd.JD, olist.OLIST, segment.SEGMENT, ga4.GA4, snowplow.SNOWPLOW),
        *(items.ITEMS, customers.CUSTOMERS, orders.ORDERS),
    )
}

__all__ = ["FORMATS", "Format"]
