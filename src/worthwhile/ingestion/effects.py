"""What the words of a file's status and type columns make of a row: the one place where such words are known.

A status speaks of an order, a type says what the row is at all. A format with words of its own adds them here.
"""

from __future__ import annotations

from collections.abc import Mapping

# Effect -> what it makes of a row. All but the first four are kinds of event that are no order.
EFFECTS: dict[str, str] = {
    "order": "an order line",
    "refund": "a refund; of a status: an order line and its refund",
    "never": "refused: it never became an order",
    "no-event": "refused: what it tells of is no event of a shop's log",
    "view": "a view",
    "search": "a search",
    "cart": "something put into the cart or onto a list of wishes",
    "review": "a review",
    "campaign": "a campaign contact",
}
TOUCHES = ("view", "search", "cart", "review", "campaign")


def _table(words: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {word: effect for effect, group in words.items() for word in group}


# Orders that stand, less what the status does not tell.
PARTLY_REFUNDED = ("partiallyrefunded", "部分退款", "部分退款成功", "部分退货")

# Status -> effect. Words are written as `columns.plain` makes them. Unknown ones leave a row an order, and are named.
STATUSES: dict[str, str] = _table(
    {
        "refund": (
            *("cancelled", "canceled", "cancel", "refunded", "refund", "returned", "return", "chargeback", "voided"),
            *("void", "reversed", "returnedtoseller", "rejected", "fullyrefunded", "cancellation", "credit"),
            *("creditnote", "退款", "已退款", "退款成功", "全额退款", "已退货", "退货", "退货退款", "已取消", "取消"),
            *("交易关闭", "已关闭", "订单关闭", "订单取消", "交易取消"),
            *("storniert", "erstattet", "retourniert", "annulé", "annulée", "remboursé", "remboursée", "cancelado"),
            *("reembolsado", "annullato", "rimborsato"),
        ),
        "never": (
            *("pending", "unpaid", "awaitingpayment", "pendingpayment", "draft", "failed", "expired", "abandoned"),
            *("authorized", "onhold", "declined", "等待买家付款", "待付款", "未付款", "待支付", "未支付", "支付失败"),
        ),
        "order": (
            *("paid", "completed", "complete", "delivered", "shipped", "fulfilled", "processing", "closed", "success"),
            *(*PARTLY_REFUNDED, "partiallypaid", "invoiced", "approved", "unfulfilled", "confirmed", "done", "sale"),
            *("order", "purchase", "sold", "payment", "succeeded", "settled", "dispatched", "received", "new", "ok"),
            *("交易成功", "已完成", "已付款", "已支付", "待发货", "已发货", "买家已付款", "卖家已发货", "已签收"),
            *("成功", "等待卖家发货", "等待买家确认收货", "没有申请退款", "待收货", "已收货", "销售", "购买", "消费"),
            "支付成功",
            *("bezahlt", "versendet", "versandt", "geliefert", "abgeschlossen", "payé", "payée", "expédié", "expédiée"),
            *("livré", "livrée", "pagado", "enviado", "entregado", "pagato", "spedito", "consegnato"),
        ),
    }
)

# Type -> effect. A row of any other type is refused: taken for an order, a visit would be a sale that never was.
# Words for an order placed and not yet paid are unknown on purpose: the payment follows as a row of its own.
TYPES: dict[str, str] = STATUSES | _table(
    {
        "order": (
            *("buy", "bought", "purchased", "purchases", "transaction", "ordered", "orderline", "ordercompleted"),
            *("placedorder", "checkoutcompleted", "invoice", "charge", "sales"),
            *("成交", "付款", "支付", "订单", "零售", "批发", "销售单", "销售出库"),
        ),
        "refund": (
            *("creditmemo", "orderrefunded", "ordercancelled", "ordercanceled", "refundedorder", "cancelledorder"),
            *("退货单", "销售退货", "退单"),
        ),
        "view": (
            *("view", "views", "viewed", "pageview", "pv", "viewitem", "viewproduct", "viewedproduct", "productview"),
            *("productviewed", "itemview", "detailview", "browse", "browsed", "click", "visit"),
            *("浏览", "点击", "查看", "访问", "浏览商品", "商品浏览", "页面浏览", "商品点击"),
        ),
        "search": (
            *("search", "searched", "searchquery", "sitesearch", "viewsearchresults", "productssearched"),
            *("搜索", "检索", "搜索商品", "商品搜索"),
        ),
        "cart": (
            *("cart", "addtocart", "addcart", "addedtocart", "productadded", "basket", "addtobasket"),
            *("fav", "favorite", "favourite", "wishlist", "addtowishlist", "productaddedtowishlist", "collect"),
            *("加购", "加购物车", "加入购物车", "添加购物车", "购物车", "收藏", "收藏商品", "商品收藏", "加入收藏"),
        ),
        "review": (
            *("review", "reviewed", "productreviewed", "rating", "rated", "rate", "comment"),
            *("评价", "评论", "点评", "评分", "打分", "追评", "商品评价"),
        ),
        "campaign": (
            *("campaign", "campaigncontact", "contact", "contacted", "email", "emailsent", "sms", "smssent", "push"),
            *("pushsent", "营销", "触达", "营销触达", "活动触达", "短信", "邮件", "推送"),
        ),
        "no-event": (
            *("removefromcart", "removedfromcart", "productremoved", "removefromwishlist", "begincheckout"),
            *("checkoutstarted", "startedcheckout", "login", "logout", "signup", "register", "sessionstart"),
            *("移出购物车", "删除购物车", "取消收藏", "登录", "注册", "退出"),
        ),
    }
)
