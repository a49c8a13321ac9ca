"""Why a row of a file is refused."""

from __future__ import annotations

CURRENCY_IS = "the currency is "  # the same of one refused for its currency
STATUS_IS = "the status is "  # the same of one that was never paid
TYPE_IS = "the type is "  # how the detail of a row refused for its type begins
LEFT_ASIDE = ("no-event", "never-paid", "forgotten")  # understood, and nothing is to be corrected

# Reason -> what it means. A refused row lies in the table `quarantine` with its content; docs are made from this.
REASONS: dict[str, str] = {
    "torn-line": "the line has more or fewer fields than the header, a quote that is never closed, or an endless field",
    "empty-row": "no column of the row has a value",
    "no-customer": "the row does not say who bought",
    "no-item": "a row of a list of items does not say which item it is",
    "no-date": "the row does not say when",
    "bad-date": "the date cannot be read",
    "impossible-date": "the date lies before 1970 or after 2100",
    "bad-number": "quantity, price, amount or discount is there but is no number, or one beyond all measure",
    "no-amount": "neither an amount nor quantity and price are given",
    "unknown-type": "the type of the row is not known: it may be no order at all",
    "no-event": "the type is known and stands for no event of the log: removed from the cart, logged in",
    "other-currency": "the amount is in another currency than the shop's, and sums of both would mean nothing",
    "forgotten": "of a forgotten customer, from before that, or older than what the shop keeps; without content",
    "never-paid": "the status says that this never became an order: unpaid, pending, draft, failed",
}

# The same in Chinese: a report speaks one language throughout.
REASONS_ZH: dict[str, str] = {
    "torn-line": "该行的字段数与表头不符、引号未闭合，或某个字段过长",
    "empty-row": "该行所有列都为空",
    "no-customer": "该行没有注明购买者",
    "no-date": "该行没有注明时间",
    "bad-date": "日期无法识别",
    "impossible-date": "日期早于 1970 年或晚于 2100 年",
    "bad-number": "数量、单价、金额或折扣不是数字，或大得不合常理",
    "no-amount": "既没有金额，也没有数量和单价",
    "unknown-type": "该行的类型未知，可能根本不是订单",
    "no-event": "类型已知，但不属于店铺日志中的事件，如移出购物车、登录",
    "no-item": "商品表中的该行没有注明是哪件商品",
    "other-currency": "金额的币种与店铺币种不同，相加没有意义",
    "forgotten": "属于已被遗忘的客户且早于遗忘时间，或超过店铺保留期限；不保留内容",
    "never-paid": "状态表明它从未成为订单：未付款、待处理、草稿、失败",
}

# How the details of refused rows begin, and how that reads in Chinese; what follows is the row's own text.
_DETAILS_ZH = {
    "the date of the refund is ": "退款日期为 ",
    "the date is ": "日期为 ",
    TYPE_IS: "类型为 ",
    STATUS_IS: "状态为 ",
    CURRENCY_IS: "币种为 ",
    "the date of the change is ": "变更日期为 ",
    "the line is no JSON object": "该行不是 JSON 对象",
    "order_total is ": "订单总额为 ",
    "refunded_amount is ": "退款金额为 ",
    "quantity is ": "数量为 ",
    "price is ": "单价为 ",
    "amount is ": "金额为 ",
    "discount is ": "折扣为 ",
    "rating is ": "评分为 ",
    "missing columns": "字段过少",
    "too many columns": "字段过多",
    "unquoted value": "引号位置有误",
    "a quote is opened and never closed": "引号未闭合",
    "line size over maximum": "该行过长",
    "a field has ": "某个字段的字符数：",
    "it does not have ": "字段数不是 ",
}


def meaning(reason: str, lang: str = "en") -> str:
    """What a reason means, in a language, `en` or `zh`."""
    return (REASONS_ZH if lang == "zh" else REASONS)[reason]


def detail_in(detail: str | None, lang: str = "en") -> str:
    """The detail of a refused row in a language; what is not known is shown as it is."""
    if not detail or lang == "en":
        return detail or ""
    for english, chinese in _DETAILS_ZH.items():
        if detail.startswith(english):
            return chinese + detail.removeprefix(english).removesuffix(" characters").removesuffix(" fields")
    return detail
