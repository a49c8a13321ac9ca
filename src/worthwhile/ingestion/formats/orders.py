"""The general format: any table of orders or order lines whose columns are recognised by name and value."""

from __future__ import annotations

from worthwhile.ingestion.formats.format import Format

# Event column -> names that mean it, the likeliest first: where a file has several, the first one is taken.
NAMES: dict[str, tuple[str, ...]] = {
    "customer_id": (
        *("customerid", "custid", "customernumber", "customerno", "customercode", "customer", "cust", "clientid"),
        *("client", "userid", "user", "uid", "buyerid", "buyer", "memberid", "member", "membershipid", "shopperid"),
        *("accountid", "account", "visitorid", "customeremail", "buyeremail", "email", "emailaddress"),
        *("客户id", "客户编号", "客户编码", "会员id", "会员编号", "会员号", "会员卡号", "用户id", "用户编号", "买家id"),
        *(
            "顾客id",
            "顾客编号",
            "买家会员名",
            "买家昵称",
            "买家账号",
            "会员名",
            "用户名",
            "客户",
            "会员",
            "用户",
            "买家",
        ),
        *("顾客", "客户名称", "手机号", "手机号码", "手机", "联系手机", "收货人手机"),
    ),
    "ts": (
        *("paidat", "paymentdate", "paymenttime", "paidtime", "orderdate", "ordertime", "orderdatetime", "orderedat"),
        *("purchasedate", "purchasetime", "purchasetimestamp", "orderpurchasetimestamp", "transactiondate"),
        *("transactiontime", "transdate", "invoicedate", "invoicetime", "salesdate", "saledate", "datetime"),
        *("timestamp", "date", "createdat", "creationdate", "created", "eventtime", "ts", "time", "day", "dt"),
        *(
            "付款时间",
            "支付时间",
            "付款日期",
            "支付日期",
            "订单付款时间",
            "下单时间",
            "下单日期",
            "订单时间",
            "订单日期",
        ),
        *(
            "订单创建时间",
            "创建时间",
            "交易时间",
            "交易日期",
            "成交时间",
            "成交日期",
            "购买时间",
            "购买日期",
            "消费时间",
        ),
        *("消费日期", "销售日期", "日期", "时间"),
    ),
    "time": ("timeofday", "hour", "clock", "时刻", "下单时刻"),
    "order_id": (
        *("orderid", "ordernumber", "orderno", "ordercode", "order", "invoiceid", "invoicenumber", "invoiceno"),
        *("invoice", "transactionid", "transid", "basketid", "receiptid", "receiptno", "receipt", "billid", "checkid"),
        *("订单编号", "订单号", "订单id", "主订单编号", "主订单号", "交易号", "交易编号", "单号", "小票号", "流水号"),
    ),
    "item_id": (
        *("sku", "skuid", "itemid", "productid", "stockcode", "articleid", "itemcode", "productcode", "itemno"),
        *("variantsku", "lineitemsku", "itemnumber", "articlenumber", "asin", "upc", "ean", "barcode", "item"),
        *("商品编号", "商品id", "商品编码", "货号", "产品编号", "产品id", "宝贝id", "sku编码", "商家编码", "条码"),
    ),
    "title": (
        *("title", "producttitle", "productname", "itemname", "itemtitle", "product", "description", "lineitemname"),
        *("productdescription", "itemdescription", "article"),
        *("商品名称", "商品标题", "宝贝标题", "宝贝名称", "商品", "产品名称", "品名", "产品", "标题"),
    ),
    "quantity": (
        *("quantity", "qty", "units", "orderquantity", "quantityordered", "itemquantity", "lineitemquantity", "pieces"),
        *("count", "数量", "购买数量", "商品数量", "件数", "销售数量", "宝贝数量", "宝贝总数量", "销量"),
    ),
    "price": (
        *("unitprice", "price", "priceeach", "itemprice", "sellingprice", "lineitemprice", "productprice"),
        *("单价", "商品单价", "价格", "商品价格", "售价", "成交单价", "销售单价"),
    ),
    "amount": (
        *("amount", "lineamount", "linetotal", "totalamount", "amountpaid", "paidamount", "netamount", "orderamount"),
        *("ordertotal", "totalprice", "total", "subtotal", "sales", "revenue", "spend", "value", "ordervalue"),
        *("grandtotal", "netsales", "paymentvalue", "transactionamount", "monetary", "turnover", "dollars"),
        *(
            "实付金额",
            "实际支付金额",
            "买家实际支付金额",
            "买家实付金额",
            "实收金额",
            "支付金额",
            "付款金额",
            "成交金额",
        ),
        *("订单金额", "交易金额", "消费金额", "销售金额", "销售额", "总金额", "金额", "总价", "小计", "合计", "总额"),
    ),
    "discount": (
        *("discount", "discountamount", "linediscount", "lineitemdiscount", "coupon", "couponamount"),
        *("优惠金额", "折扣金额", "优惠", "折扣额"),
    ),
    "category": (
        *(
            "category",
            "productcategory",
            "categoryname",
            "categorycode",
            "itemcategory",
            "producttype",
            "department",
            "maincategory",
        ),
        *("类目", "品类", "商品类别", "商品分类", "商品类目", "分类", "类别", "一级类目"),
    ),
    "channel": (
        "channel",
        "saleschannel",
        "source",
        "platform",
        "orderchannel",
        "渠道",
        "销售渠道",
        "订单来源",
        "平台",
    ),
    "country": (
        *("country", "countrycode", "shippingcountry", "billingcountry", "customercountry", "shipcountry"),
        *("国家", "收货国家", "国家地区"),
    ),
    "currency": ("currency", "currencycode", "ordercurrency", "币种", "货币"),
    "status": (
        *("status", "orderstatus", "financialstatus", "paymentstatus", "state", "orderstate"),
        *("订单状态", "交易状态", "状态", "退款状态"),
    ),
    "refunded_at": (
        *("refundedat", "refunddate", "refundtime", "refundeddate", "cancelledat", "canceledat", "cancellationdate"),
        *("canceldate", "cancelleddate", "canceleddate", "canceltime", "returnedat", "returndate", "returneddate"),
        *("退款时间", "退款日期", "退款成功时间", "退款完成时间", "取消时间", "取消日期", "订单取消时间", "退货时间"),
        "退货日期",
    ),
    "type": (
        *(
            "eventtype",
            "eventname",
            "behaviortype",
            "behaviourtype",
            "behavior",
            "behaviour",
            "actiontype",
            "activitytype",
        ),
        *("transactiontype", "recordtype", "type", "event", "action", "kind"),
        *("行为类型", "用户行为", "行为", "事件类型", "事件名称", "事件", "交易类型", "业务类型", "单据类型", "类型"),
    ),
    "rating": (
        *("rating", "stars", "starrating", "reviewrating", "reviewscore", "score", "overall"),
        *("评分", "星级", "打分", "评价星级", "评价分数"),
    ),
    "text": (
        *(
            "text",
            "reviewtext",
            "reviewbody",
            "reviewcomment",
            "review",
            "comment",
            "searchquery",
            "searchterm",
            "query",
        ),
        *("keyword", "keywords", "campaignname", "campaign"),
        *("评价内容", "评论内容", "评论", "评价", "搜索词", "搜索关键词", "关键词", "活动名称", "营销活动"),
    ),
}

# What a line is called that is no goods, in `item_id` or `title`.
# Of orders these are read only where --map says so: the column may tell of a line, and not of the whole order.
CHANGED = ("updatedat", "modifiedat", "lastmodified", "dateupdated", "updatetime", "更新时间", "修改时间")
_NOT_GOODS = (
    *("shipping", "postage", "delivery", "freight", "handling", "shipping fee", "delivery fee", "gift card"),
    *("gift voucher", "tip", "fee", "service fee", "运费", "邮费", "快递费", "配送费", "服务费", "补差价", "礼品卡"),
)
_CODES = ", ".join(f"'{code}'" for code in _NOT_GOODS)

ORDERS = Format(
    name="orders",
    description="any table with a customer, a date and mostly an amount, one row an order or an order line",
    columns=NAMES,
    is_goods=f"NOT (coalesce(lower(item_id), '') IN ({_CODES}) OR coalesce(lower(title), '') IN ({_CODES}))",
)
