"""JD's (京东) export of orders: one row an item; the sum to pay is the order's, and stands on each row."""

from __future__ import annotations

from worthwhile.ingestion.formats.format import Format

JD = Format(
    name="jd",
    description="JD's orders (京东, CSV or XLSX): 订单号, 商品名称, 订购数量, 下单时间, 应付金额, 下单帐号",
    columns={
        "customer_id": ("下单帐号", "下单账号"),
        "ts": ("下单时间", "付款确认时间"),
        "order_id": ("订单号",),
        "item_id": ("商品id", "商品编号"),
        "title": ("商品名称",),
        "quantity": ("订购数量",),
        "order_total": ("应付金额",),
        "status": ("订单状态",),
        "channel": ("店铺名称",),
    },
    fingerprint=(
        frozenset({"订单号", "商品名称", "订购数量", "下单时间", "应付金额", "下单帐号"}),
        frozenset({"订单号", "商品名称", "订购数量", "下单时间", "应付金额", "下单账号"}),
    ),
    of_state=("order_total", "status"),
    whole_orders=True,
    statuses={
        **dict.fromkeys(("等待出库", "等待确认收货", "完成", "已完成", "出库", "货到付款确认"), "order"),
        **dict.fromkeys(("等待付款", "暂停", "锁定"), "never"),
        **dict.fromkeys(("删除等待出库", "删除已取消", "已取消"), "refund"),
    },
)
