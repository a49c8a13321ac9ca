"""What the columns of a table that people give are called beside their own names, above all in Chinese."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import pyarrow as pa

from worthwhile.errors import InputError
from worthwhile.ingestion.columns import plain
from worthwhile.ingestion.formats.orders import NAMES

# Of the names that orders files have for a customer those of an id: a telephone or an address is none of the shop's.
_IDS = ("id", "no", "number", "code", "编号", "编码", "号")
_NO_IDS = ("visitorid", "手机号")
CUSTOMER = (*(name for name in NAMES["customer_id"] if name.endswith(_IDS) and name not in _NO_IDS), "客户", "顾客")
# Column -> names that mean it, as `plain` writes them, the likeliest first.
KNOWN: dict[str, tuple[str, ...]] = {
    "customer_id": (*(name for name in CUSTOMER if name[0] > "z"), *(name for name in CUSTOMER if name[0] <= "z")),
    "action": ("动作", "营销动作", "行动", "方案", "活动方案"),
    "channel": ("渠道", "触达渠道", "营销渠道"),
    "cost": ("成本", "触达成本", "营销成本", "单次成本", "费用"),
    "expected_margin": ("预期毛利", "毛利", "预计毛利", "期望毛利", "毛利额", "预期毛利额"),
    "consent": ("同意", "是否同意", "同意营销", "营销同意", "同意接收营销", "是否同意营销", "授权", "是否授权"),
    "contacts": ("触达次数", "已触达次数", "联系次数", "接触次数"),
    "spend": (  # what customers paid
        *("消费金额", "消费额", "消费", "实付金额", "支付金额", "付款金额", "成交金额", "成交额", "销售额", "销售金额"),
        *("revenue", "sales"),
    ),
    "orders": ("订单数", "订单量", "下单次数", "购买次数"),
    "active": ("是否下单", "是否购买", "下单", "是否活跃"),
    "new_customers": ("新客数", "新客户数", "新增客户数", "新增客户", "获客数"),
    "value_each": ("单客价值", "客户价值", "人均价值", "单客毛利"),
}
# The same of a table of acquisition channels, whose spend is the shop's own.
OF_CHANNELS: dict[str, tuple[str, ...]] = {
    **KNOWN,
    "channel": ("渠道", "获客渠道", "投放渠道", "营销渠道"),
    "spend": (
        *("花费", "投放花费", "投放费用", "投放金额", "投放成本", "广告费", "广告费用", "广告花费", "推广费"),
        *("推广费用", "推广花费", "消耗", "adspend"),
    ),
}
CALLED = b"called"  # of a field that got its name here: the name that it had
SHOWN = 3  # other names of a column that a message lists


def meaning(name: str, columns: Sequence[str] = ("customer_id",), known: Mapping[str, tuple[str, ...]] = KNOWN) -> str:
    """The one of these columns that a name means; empty where it means none."""
    if name in columns:
        return name
    way = plain(name)
    return next((column for column in columns if way in (plain(column), *known.get(column, ()))), "")


def named(table: pa.Table, columns: Sequence[str], known: Mapping[str, tuple[str, ...]] = KNOWN) -> pa.Table:
    """The table with these columns under their own names, as far as it has them under another. Where several mean the
    same, the likeliest name counts, and the others stay as they are."""
    names, fields = list(table.column_names), list(table.schema)
    for column in columns:
        if column in names:
            continue
        ways = [plain(name) for name in names]
        found = next((way for way in (plain(column), *known.get(column, ())) if way in ways), None)
        if found is not None:
            place = ways.index(found)
            fields[place] = pa.field(column, fields[place].type, metadata={CALLED: names[place]})
            names[place] = column
    return table if names == table.column_names else pa.table(table.columns, schema=pa.schema(fields))


def called(table: pa.Table, column: str) -> str:
    """What the file called a column that got its name by `named`: for messages."""
    told = table.schema.field(column).metadata or {}
    return str(told.get(CALLED, column.encode()).decode())


def check_columns(
    table: pa.Table, columns: Sequence[str], *, where: str, known: Mapping[str, tuple[str, ...]] = KNOWN
) -> None:
    """Raises InputError `bad-columns` for the first of these columns that a table lacks, with the names that it may
    have and what comes near to one."""
    lacking = next((column for column in columns if column not in table.column_names), None)
    if lacking is None:
        return
    others = known.get(lacking, ())
    remedy = f"call it {' or '.join(f'`{name}`' for name in (lacking, *others[:SHOWN]))}"
    near = _near(table.column_names, (plain(lacking), *others))
    if near:
        remedy += f" (`{near}` comes near to that)"
    listed = ", ".join(f"`{name}`" for name in table.column_names[:20]) + (", ..." if table.num_columns > 20 else "")
    raise InputError(
        "bad-columns", f"there is no column `{lacking}`", where=where, remedy=f"{remedy}; the columns are {listed}"
    )


def _near(names: Sequence[str], ways_of: Sequence[str]) -> str:
    """A name that is not known, but like one of those that are."""
    ways = {plain(name): name for name in names if name not in KNOWN}
    for way in ways_of:
        found = get_close_matches(way, ways, n=1, cutoff=0.6)
        if found:
            return ways[found[0]]
    return ""
