"""Taobao's and Tmall's export of orders, the older and the newer heads: one row an order."""

from __future__ import annotations

from worthwhile.ingestion.formats.format import Format

# A closed order was either paid and given back or never paid at all, and the one word stands for both. The time is that
# of the order where there is none of a payment.
_NEVER_PAID = (
    "status_effect = 'refund' AND amount_number = 0 AND coalesce(refunded_amount_number, 0) = 0 AND ts = placed_at"
)

TAOBAO = Format(
    name="taobao",
    description="Taobao's and Tmall's orders (CSV or XLSX, often GB18030): 订单编号, 买家会员名, 订单状态, ...",
    columns={
        "customer_id": ("买家会员名", "买家昵称", "买家id"),
        "ts": ("订单付款时间", "买家付款时间", "订单创建时间", "买家下单时间"),
        "order_id": ("订单编号", "主订单编号"),
        "placed_at": ("订单创建时间", "买家下单时间"),
        "title": ("宝贝标题", "商品标题"),
        "quantity": ("宝贝总数量", "购买数量"),
        "amount": ("买家实际支付金额", "买家实付金额"),
        "refunded_amount": ("退款金额",),
        "status": ("订单状态",),
    },
    fingerprint=(
        frozenset({"订单编号", "买家会员名", "买家实际支付金额", "订单状态"}),
        frozenset({"订单编号", "买家会员名", "买家实付金额", "订单状态"}),
        frozenset({"订单编号", "买家昵称", "买家实付金额", "订单状态"}),
    ),
    instead={"ts": ("订单创建时间", "买家下单时间")},
    row_is_order=True,
    whole_orders=True,
    never_when=_NEVER_PAID,
    statuses={
        **dict.fromkeys(("等待买家付款", "付款以前卖家或买家主动关闭交易"), "never"),
        **dict.fromkeys(("已退款", "交易关闭", "付款以后用户退款成功交易自动关闭"), "refund"),
        **dict.fromkeys(("买家已付款等待卖家发货", "卖家已发货等待买家确认", "卖家已发货等待买家确认收货"), "order"),
        "卖家部分发货": "order",
    },
)
