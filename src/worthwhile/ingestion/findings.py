"""What can be found wrong with a shop's data: one table of codes, severities and words in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from worthwhile.ingestion.words import Count, day_in

SEVERITIES = ("serious", "warning", "info")  # the worst first
Words = Mapping[str, str]  # language -> text with places for numbers


@dataclass(frozen=True)
class FindingKind:
    """A row of the table. `detail` says what it is and means, `done` what was done, `advice` what to do about it.

    `serious_from`: the share from which on the finding is serious, whatever its severity.
    """

    severity: str
    meaning: str
    title: Words
    detail: Words
    done: Words
    advice: Words
    serious_from: float = 2.0


# Places in the texts: count, share, currency and what `quality.py` gives for each code; {count:row|rows} is the word
# that fits the number.
FINDINGS: dict[str, FindingKind] = {
    "no-amounts": FindingKind(
        "serious",
        "files without any amount or price were read, and each of their orders counts as 1",
        {"en": "No amounts", "zh": "没有金额"},
        {
            "en": "{count:,} {count:row comes|rows come} from files that have neither an amount nor a price."
            " Forecasts of spend are forecasts of the number of rows there.",
            "zh": "{count:,} 行来自既没有金额也没有单价的文件。对它们而言，消费预测其实是行数预测。",
        },
        {"en": "every such row counts as 1 {currency}", "zh": "每行按 1 {currency} 计"},
        {
            "en": "Export the orders with what was paid, or name the column with --map amount=COLUMN. If there "
            "are no amounts, read forecasts of orders rather than of spend.",
            "zh": "请导出含实付金额的订单，或用 --map amount=列名 指明金额列。若确实没有金额，"
            "请看订单数预测，而不是消费预测。",
        },
    ),
    "no-orders": FindingKind(
        "serious",
        "the shop has events but not one order line, so that nothing can be forecast",
        {"en": "No orders", "zh": "没有订单"},
        {
            "en": "The shop has {count:,} {count:event|events}, views, carts, reviews and the like, and not one order"
            " line.",
            "zh": "全部 {count:,} 个事件都是浏览、加购、评价等，没有一行订单。",
        },
        {"en": "kept", "zh": "保留"},
        {
            "en": "Ingest the file of orders into the same shop, with the same customer ids.",
            "zh": "请把订单文件导入同一店铺，客户编号须一致。",
        },
    ),
    "unknown-types": FindingKind(
        "warning",
        "rows whose type is not known; they are in quarantine, for an order that never was would spoil every forecast",
        {"en": "Rows of unknown type", "zh": "类型未知的行"},
        {
            "en": "{count:,} {count:row|rows} ({share:.2%}) {count:has|have} a type that is not known: {types}. The"
            " sales of orders among them are missing.",
            "zh": "{count:,} 行（{share:.2%}）的类型无法识别：{types}。如果它们是订单，则其销售额未被计入。",
        },
        {
            "en": "put into quarantine; without the column (--map type=) every row would count as an order",
            "zh": "已放入隔离区；若不使用该列（--map type=），则每行都会按订单计",
        },
        {
            "en": "Look at the types named here. If they are orders, map or rename them, and ingest into a new "
            "shop; if not, leave them.",
            "zh": "请看这里列出的类型：若属于订单，请映射或改名后导入新店铺；若不是，可不处理。",
        },
        serious_from=0.01,
    ),
    "refused-pictures": FindingKind(
        "warning",
        "pictures of items that could not be read when vectors were last made of them",
        {"en": "Pictures that cannot be read", "zh": "无法读取的商品图片"},
        {
            "en": "{count:,} {count:picture|pictures} could not be read when vectors were last made: {pictures}.",
            "zh": "上次生成向量时有 {count:,} 张商品图片无法读取：{pictures}。",
        },
        {"en": "their items are known by their texts alone", "zh": "这些商品仅以文字信息参与建模"},
        {
            "en": "Put whole JPEG, PNG, WebP, GIF, BMP or TIFF files into the folder of pictures, under the paths that"
            " the list of items names.",
            "zh": "请按商品列表中的路径，把完整的 JPEG、PNG、WebP、GIF、BMP 或 TIFF 文件放入图片文件夹。",
        },
    ),
    "unknown-statuses": FindingKind(
        "warning",
        "statuses of orders that are not known: their orders count as sales, though some may never have been any",
        {"en": "Orders of unknown status", "zh": "状态未知的订单"},
        {
            "en": "{count:,} {count:status is|statuses are} not known: {statuses}. If {count:it means|they mean} that"
            " an order was cancelled, refunded or never paid, sales are counted that never were.",
            "zh": "{count:,} 种订单状态无法识别：{statuses}。若其含义是已取消、已退款或未付款，则多计了销售额。",
        },
        {"en": "taken for orders", "zh": "按有效订单计"},
        {
            "en": "Look at what these words mean in the shop. If some are no sales, leave their rows out of the file or"
            " rename them (cancelled, refunded, unpaid), and ingest into a new shop.",
            "zh": "请确认这些状态的含义。若其中有非销售订单，请从文件中去掉这些行或改名（已取消、已退款、未付款），"
            "再导入新店铺。",
        },
    ),
    "no-customer": FindingKind(
        "warning",
        "rows that do not say who bought; they are in quarantine, and no forecast knows of them",
        {"en": "Rows without a customer", "zh": "缺少客户的行"},
        {
            "en": "{count:,} {count:row does|rows do} not say who bought ({share:.1%} of all). Forecasts leave these"
            " sales out.",
            "zh": "{share:.1%} 的行（{count:,} 行）没有注明购买者，预测总额不包含这部分销售。",
        },
        {"en": "put into quarantine", "zh": "已放入隔离区"},
        {
            "en": "Usually guests or sales at a till: nothing can be done about them here. If most rows lack a "
            "customer, another column may hold it: name it with --map customer_id=COLUMN.",
            "zh": "通常是未注册客户或门店散客，此处无法处理。若大多数行都缺少客户，可能另有一列："
            "请用 --map customer_id=列名 指明。",
        },
        serious_from=0.5,
    ),
    "refused-rows": FindingKind(
        "warning",
        "rows refused for any other reason; they are in quarantine with file, row and reason",
        {"en": "Rows that could not be used", "zh": "无法使用的行"},
        {
            "en": "{count:,} {count:row was|rows were} refused and {count:is|are} still missing ({share:.2%} of all):"
            " {reasons}.",
            "zh": "{count:,} 行被拒绝且仍未补入（{share:.2%}）：{reasons}。",
        },
        {"en": "put into quarantine with file, row and reason", "zh": "已连同文件名、行号和原因放入隔离区"},
        {
            "en": "Look at the rows (worth check SHOP --quarantine rows.csv), correct them in the file, and "
            "ingest it again: rows that are known already are not counted twice.",
            "zh": "请查看这些行（worth check SHOP --quarantine rows.csv），在文件中改正后重新导入："
            "已有的行不会重复计算。",
        },
        serious_from=0.1,
    ),
    "refused-files": FindingKind(
        "warning",
        "files of which most rows were refused: another layout than expected, or a column taken for the wrong one",
        {"en": "Files that are mostly refused", "zh": "大部分行被拒绝的文件"},
        {
            "en": "In {files:,} {files:file|files} more rows were refused than could be used: {count:,}"
            " ({share:.1%} of all rows). Rows that are left aside on purpose, such as logins and unpaid orders, are"
            " counted as neither.",
            "zh": "{files:,} 个文件中被拒绝的行多于可用的行，共 {count:,} 行（占全部行的 {share:.1%}）。"
            "有意搁置的行（如登录、未付款订单）不计入其中任何一方。",
        },
        {
            "en": "the rows that could be used were read, the others put into quarantine",
            "zh": "可用的行已导入，其余放入隔离区",
        },
        {
            "en": "Look at the reasons (worth check SHOP --quarantine rows.csv). Of tracking whose visitors are not"
            " logged in, name the column of the browser or device with --map visitor_id=COLUMN. Else the file may have"
            " another layout than the others, or a column was taken for the wrong one: name the columns with --map.",
            "zh": "请先看拒绝原因（worth check SHOP --quarantine rows.csv）。若是未登录访客的行为数据，"
            "请用 --map visitor_id=列名 指明浏览器或设备编号列；否则该文件的格式可能与其他文件不同，"
            "或列识别有误，可用 --map 指明各列。",
        },
        serious_from=0.25,
    ),
    "mixed-currencies": FindingKind(
        "warning",
        "rows in another currency than the shop's; they are in quarantine, since sums of both would mean nothing",
        {"en": "Several currencies", "zh": "币种不一致"},
        {
            "en": "{count:,} {count:row is|rows are} in another currency than {currency} ({share:.2%} of all):"
            " {types}.",
            "zh": "{count:,} 行（{share:.2%}）的币种不是 {currency}：{types}。",
        },
        {"en": "put into quarantine: forecasts know nothing of them", "zh": "已放入隔离区，预测中不包含这些行"},
        {
            "en": "Export amounts in one currency, or make a shop for each. If they are in {currency} after all, leave"
            " the column out with --map currency=.",
            "zh": "请按同一币种导出金额，或为每个币种建立一个店铺。"
            "若金额其实就是 {currency}，请用 --map currency= 忽略该列。",
        },
        serious_from=0.01,
    ),
    "left-aside": FindingKind(
        "info",
        "rows of a type that stands for no event of the log, such as removed from the cart or logged in",
        {"en": "Rows that are no events of the log", "zh": "不属于事件日志的行"},
        {
            "en": "{count:,} {count:row tells|rows tell} of something that forecasts do not use ({share:.2%} of all):"
            " {types}.",
            "zh": "{count:,} 行（{share:.2%}）记录的行为不用于预测：{types}。",
        },
        {"en": "put into quarantine", "zh": "已放入隔离区"},
        {
            "en": "Nothing, if these are no purchases.",
            "zh": "若不是购买记录，则无需处理。",
        },
    ),
    "never-paid": FindingKind(
        "info",
        "orders that were never paid, by their status; once they are paid, a later file brings them in",
        {"en": "Orders that were never paid", "zh": "从未付款的订单"},
        {
            "en": "{count:,} {count:row is|rows are} of orders that were never paid ({share:.2%} of all): {types}.",
            "zh": "{count:,} 行（{share:.2%}）属于从未付款的订单：{types}。",
        },
        {"en": "put into quarantine, and no part of any order", "zh": "已放入隔离区，不计入任何订单"},
        {
            "en": "Nothing. What is paid later comes with a later file. If one of these words stands for paid orders in"
            " the shop, rename it in the file (paid), and ingest into a new shop.",
            "zh": "无需处理；以后付款的订单会随之后的文件导入。若其中某个状态在贵店表示已付款，"
            "请在文件中改名（已付款）后导入新店铺。",
        },
    ),
    "forgotten": FindingKind(
        "info",
        "rows of customers who were forgotten, or older than what the shop keeps; nothing of them is kept",
        {"en": "Rows of what is forgotten", "zh": "已被遗忘的数据"},
        {
            "en": "{count:,} {count:row is|rows are} of forgotten customers, or older than what the shop keeps"
            " ({share:.2%} of all).",
            "zh": "{count:,} 行（{share:.2%}）属于已被遗忘的客户，或超过店铺的保留期限。",
        },
        {"en": "counted; their content is not kept", "zh": "仅计数，不保留内容"},
        {"en": "Nothing.", "zh": "无需处理。"},
    ),
    "duplicate-lines": FindingKind(
        "info",
        "lines of one file that are equal in customer, time, order, item, quantity and price",
        {"en": "Equal lines", "zh": "重复的行"},
        {
            "en": "{count:,} {count:line equals|lines equal} an earlier line of the same order ({share:.2%} of all)."
            " Tills often write so when an item is scanned twice; an export that doubles rows looks the same.",
            "zh": "{count:,} 行（{share:.2%}）与同一订单中更早的一行完全相同。同一商品扫描两次常会如此，"
            "但重复导出的数据看起来也一样。",
        },
        {"en": "kept: two equal lines of one file are two events", "zh": "保留：同一文件中相同的两行视为两个事件"},
        {
            "en": "If the export doubles rows, remove the doubles and ingest into a new shop. A few of them are usual.",
            "zh": "若导出时重复了行，请去重后导入新店铺。少量重复属正常现象。",
        },
        serious_from=0.4,
    ),
    "missing-ids": FindingKind(
        "info",
        "order lines without an order number, or without an item, where the others have one",
        {"en": "Lines without a number", "zh": "缺少编号的行"},
        {
            "en": "{count:,} {count:order line lacks|order lines lack} what the others have ({share:.2%} of all):"
            " {orders:,} an order number, {items:,} an item.",
            "zh": "{count:,} 行订单（{share:.2%}）缺少其他行都有的编号：{orders:,} 行缺订单号，{items:,} 行缺商品。",
        },
        {
            "en": "kept: an order is what a customer bought on one day; what has no item is left out of item features",
            "zh": "保留：订单按客户与日期合并；没有商品的行不计入商品特征",
        },
        {
            "en": "Nothing, if they are orders by telephone or at a till. Else check the export: lines of one "
            "order without its number are held together by customer and day only.",
            "zh": "若是电话或门店订单，则无需处理；否则请检查导出设置：没有订单号的行只能按客户和日期合并。",
        },
        serious_from=0.5,
    ),
    "repeated-totals": FindingKind(
        "serious",
        "orders of several lines that all bear the same amount: the order's total stands on each of its lines",
        {"en": "Order totals on every line", "zh": "每行都是订单总额"},
        {
            "en": "In {count:,} of {orders:,} orders of several different items ({share:.1%}) all lines bear one"
            " and the same amount. If that is the order's total, spend is counted several times over.",
            "zh": "{orders:,} 个含多种商品的订单中，有 {count:,} 个（{share:.1%}）各行金额完全相同。"
            "如果那是订单总额，消费就被重复计算了。",
        },
        {"en": "kept", "zh": "保留"},
        {
            "en": "Compare one order with the shop's own page. If the amount is the order's, ingest into a new shop"
            " with --map 'order_total={column}'. If each line's own amount or price stands in another column, name that"
            " with --map amount= or price=.",
            "zh": "请拿一个订单与店铺后台对照。若金额是整单金额，请用 --map 'order_total={column}' 导入新店铺；"
            "若另有每行自己的金额或单价列，请用 --map amount= 或 price= 指明。",
        },
    ),
    "refunds-without-order": FindingKind(
        "warning",
        "refunds whose order was not found: it may lie before the first day of the data",
        {"en": "Refunds without an order", "zh": "找不到订单的退款"},
        {
            "en": "{count:,} of {refunds:,} {refunds:refund|refunds} ({share:.1%}), together {amount:,.2f}"
            " {currency}, could not be matched to any order of their customer.",
            "zh": "{refunds:,} 笔退款中有 {count:,} 笔（{share:.1%}）无法对应到该客户的任何订单，"
            "合计 {amount:,.2f} {currency}。",
        },
        {"en": "kept: they lower what the customer spent on their day", "zh": "保留：从客户当天的消费中扣除"},
        {
            "en": "Ingest the orders before the first day, if there are any. Few of these do no harm.",
            "zh": "如有更早的订单，请一并导入。数量不多时无妨。",
        },
    ),
    "undated-refunds": FindingKind(
        "warning",
        "refunds told by an order's status, or by what was refunded of it so far, in a file that does not say when",
        {"en": "Refunds without a time", "zh": "没有时间的退款"},
        {
            "en": "{count:,} of {refunds:,} {refunds:refund|refunds} ({share:.1%}), together {amount:,.2f}"
            " {currency}, are told by an order's status, or by what was refunded of it so far, and not when they were"
            " given. A backtest knows of them from the order on, which no forecast could at the time: it looks better"
            " than it is.",
            "zh": "{refunds:,} 笔退款中有 {count:,} 笔（{share:.1%}），合计 {amount:,.2f} {currency}，仅由订单状态或"
            "累计退款额得知，退款时间未知。回测从下单起就已知道这些退款，而当时的预测不可能知道，因此回测结果偏乐观。",
        },
        {
            "en": "taken for given at the order's own time",
            "zh": "视为下单时即退款",
        },
        {
            "en": "Export the time of the refund too, and ingest into a new shop with --map refunded_at=COLUMN.",
            "zh": "请连同退款时间一起导出，并用 --map refunded_at=列名 导入新店铺。",
        },
    ),
    "outlying-amounts": FindingKind(
        "warning",
        "order lines with an amount far outside of what the shop's lines are, on a log scale",
        {"en": "Outlying amounts", "zh": "异常金额"},
        {
            "en": "{count:,} {count:order line lies|order lines lie} above {limit:,.2f} {currency}, far beyond the"
            " shop's usual lines (median {median:,.2f}), with {held:.1%} of all sales before refunds.",
            "zh": "{count:,} 行订单金额超过 {limit:,.2f} {currency}，远高于通常水平（中位数 {median:,.2f}），"
            "占退款前销售额的 {held:.1%}。",
        },
        {"en": "kept; models that guard against heavy tails are used", "zh": "保留；所用模型可应对厚尾"},
        {
            "en": "Look at the examples. A wholesale order may stay; a slip of the pen holds most of a "
            "forecast's total and must be corrected in the file, which then goes into a new shop.",
            "zh": "请看例子：批发订单可以保留；录入错误会左右预测总额，须在文件中改正，再导入新店铺。",
        },
    ),
    "outlying-quantities": FindingKind(
        "warning",
        "order lines with a quantity far outside of what the shop's lines are, on a log scale",
        {"en": "Outlying quantities", "zh": "异常数量"},
        {
            "en": "{count:,} {count:order line has|order lines have} a quantity above {limit:,.0f} (median"
            " {median:,.0f}).",
            "zh": "{count:,} 行订单数量超过 {limit:,.0f}（中位数 {median:,.0f}）。",
        },
        {"en": "kept", "zh": "保留"},
        {
            "en": "Look at the examples: wholesale, or a slip of the pen?",
            "zh": "请看例子：是批发，还是录入错误？",
        },
    ),
    "future-dates": FindingKind(
        "serious",
        "events dated later than the day on which their file was ingested",
        {"en": "Dates in the future", "zh": "未来的日期"},
        {
            "en": "{count:,} {count:event is|events are} dated after the day of ingest, up to {last}. The end of the"
            " data is then not where it seems to be.",
            "zh": "{count:,} 个事件的日期晚于导入日期，最晚为 {last}，因此数据的实际终点并不可靠。",
        },
        {"en": "kept", "zh": "保留"},
        {
            "en": "Correct the dates in the file and ingest it into a new shop, or set data_until to the first "
            "day that is not covered.",
            "zh": "请在文件中改正日期并导入新店铺，或将 data_until 设为数据未覆盖的第一天。",
        },
    ),
    "ancient-dates": FindingKind(
        "warning",
        "events dated years before all others: placeholders such as 1970-01-01",
        {"en": "Dates long before all others", "zh": "过早的日期"},
        {
            "en": "{count:,} {count:event is|events are} dated before {limit}, years before nearly all others; the"
            " first on {first}.",
            "zh": "{count:,} 个事件早于 {limit}，比几乎所有其他事件早数年；最早为 {first}。",
        },
        {"en": "kept; they stretch the history that models learn from", "zh": "保留；会拉长模型学习的历史"},
        {
            "en": "If they are placeholders, leave these rows out of the file and ingest it into a new shop.",
            "zh": "若为占位日期，请从文件中去掉这些行，再导入新店铺。",
        },
    ),
    "gaps": FindingKind(
        "warning",
        "spans of days without any event, far longer than usual in the shop: holidays, or a file that is missing",
        {"en": "Days without any event", "zh": "没有任何事件的日期"},
        {
            "en": "{spans:,} {spans:span|spans} without any event, {count:,} {count:day|days} in all, the longest"
            " {longest:,} {longest:day|days} from {start}. Holidays look so, and so does a file that is missing.",
            "zh": "共有 {spans:,} 段、{count:,} 天没有任何事件，最长一段从 {start} 起共 {longest:,} 天。"
            "可能是假期，也可能缺少文件。",
        },
        {"en": "nothing", "zh": "未处理"},
        {
            "en": "Compare with the shop's holidays; where a file is missing, ingest it. A gap of a month "
            "looks to a model as if all customers had left.",
            "zh": "请与店铺的休假日对照；如缺少文件，请补充导入。缺一个月，在模型看来就像所有客户都离开了。",
        },
    ),
    "big-customer": FindingKind(
        "warning",
        "one customer holds a large share of all sales: a reseller, or a placeholder for guests",
        {"en": "One customer holds much", "zh": "单一客户占比过高"},
        {
            "en": "Customer {customer} holds {share:.1%} of net sales with {count:,} {count:order line|order lines}."
            " It may be a reseller, or stand for all guests.",
            "zh": "客户 {customer} 占净销售额的 {share:.1%}（{count:,} 行订单），"
            "可能是经销商，也可能代表所有未登录客户。",
        },
        {"en": "kept", "zh": "保留"},
        {
            "en": "If the id stands for guests or a till, leave its rows out. If it is a reseller, plan for it "
            "apart from the forecast.",
            "zh": "若该编号代表未注册客户或收银台，请去掉其行；若是经销商，请在预测之外单独考虑。",
        },
        serious_from=0.5,
    ),
    "shared-orders": FindingKind(
        "info",
        "order numbers that several customers bear: numbers may be used anew, or the wrong column was taken",
        {"en": "Order numbers of several customers", "zh": "多个客户共用的订单号"},
        {
            "en": "{count:,} {count:order number belongs|order numbers belong} to more than one customer ({share:.1%}"
            " of all).",
            "zh": "{count:,} 个订单号（{share:.1%}）属于不止一位客户。",
        },
        {"en": "kept: an order is what one customer bought on one day", "zh": "保留：订单按客户与日期合并"},
        {
            "en": "Check whether numbers are used anew each year, or whether the column is really the order's number.",
            "zh": "请检查订单号是否每年重新编号，或该列是否真的是订单号。",
        },
        serious_from=0.3,
    ),
    "reused-orders": FindingKind(
        "warning",
        "order numbers of one customer whose lines lie more than a month apart: the number may be used anew",
        {"en": "Order numbers used again", "zh": "重复使用的订单号"},
        {
            "en": "{count:,} {count:order number has|order numbers have} lines of one customer more than {days} days"
            " apart ({share:.2%} of all), up to {longest:,} days.",
            "zh": "{count:,} 个订单号（{share:.2%}）中，同一客户的行相隔超过 {days} 天，最长 {longest:,} 天。",
        },
        {"en": "kept: an order is what one customer bought on one day", "zh": "保留：订单按客户与日期合并"},
        {
            "en": "Check whether numbers are used anew, or whether the column is a basket or a subscription. "
            "Refunds that name only the number may find the wrong order.",
            "zh": "请检查订单号是否重复使用，或该列其实是购物车或订阅编号。只写订单号的退款可能会对应到错误的订单。",
        },
        serious_from=0.3,
    ),
    "changed-orders": FindingKind(
        "serious",
        "orders of which one line came in several files and differs: an order that changed may count twice",
        {"en": "Orders that came again changed", "zh": "内容有变的重复订单"},
        {
            "en": "{count:,} {count:order|orders} ({share:.2%}) came in several files with lines of one item that are"
            " not equal, together {amount:,.2f} {currency}. If these are one line before and after a change, it counts"
            " twice.",
            "zh": "{count:,} 个订单（{share:.2%}）中，同一商品的行来自多个文件且内容不同，"
            "合计 {amount:,.2f} {currency}。若它们是同一行修改前后的内容，就被重复计算了。",
        },
        {"en": "kept: nothing says which of them counts", "zh": "保留：无法得知以哪个为准"},
        {
            "en": "If the source says when an order was last changed, ingest all files into a new shop with "
            "--map updated_at=COLUMN. Else ingest only orders that change no more.",
            "zh": "若数据源有订单的最后修改时间，请用 --map updated_at=列名 把所有文件导入新店铺；"
            "否则请只导入不再变动的订单。",
        },
    ),
    "not-goods": FindingKind(
        "info",
        "lines that are no goods: postage, fees, vouchers, manual entries",
        {"en": "Lines that are no goods", "zh": "非商品行"},
        {
            "en": "{count:,} {count:line is|lines are} postage, fees, vouchers or manual entries ({share:.2%} of"
            " all), together {amount:,.2f} {currency}.",
            "zh": "{count:,} 行（{share:.2%}）为运费、手续费、礼品卡或人工调整，合计 {amount:,.2f} {currency}。",
        },
        {
            "en": "counted in what customers spend, left out of item features",
            "zh": "计入客户消费，不计入商品特征",
        },
        {
            "en": "Nothing. If goods are among the examples, give them a code and a name of their own.",
            "zh": "无需处理。若例子中有真正的商品，请调整商品编码。",
        },
    ),
    "zero-amounts": FindingKind(
        "info",
        "order lines with amount zero: gifts, samples, replacements",
        {"en": "Order lines of amount zero", "zh": "金额为零的行"},
        {
            "en": "{count:,} {count:order line costs|order lines cost} nothing ({share:.2%} of all).",
            "zh": "{count:,} 行订单（{share:.2%}）金额为零。",
        },
        {"en": "kept: a free order counts as an order", "zh": "保留：免费订单也算订单"},
        {
            "en": "Nothing, if these are gifts or samples. If most lines cost nothing, the wrong column was "
            "taken for the amount.",
            "zh": "若为赠品或样品，则无需处理。若大多数行金额为零，则可能取错了金额列。",
        },
        serious_from=0.5,
    ),
    "cancelled-soon": FindingKind(
        "info",
        "refunds within a day of the order: mostly mistakes of entry, and the largest of them wreck careless totals",
        {"en": "Refunds within a day", "zh": "一天内的退款"},
        {
            "en": "{count:,} {count:refund gives|refunds give} back what was bought on the same day or the day before"
            " ({share:.1%} of all), together {amount:,.2f} {currency}.",
            "zh": "{count:,} 笔退款（占全部的 {share:.1%}）退还的是当天或前一天购买的商品，合计 {amount:,.2f} "
            "{currency}。",
        },
        {
            "en": "matched to their orders: an order refunded to zero is no order",
            "zh": "已与订单匹配：退款至零的订单不计",
        },
        {
            "en": "Nothing: they are set off against their orders.",
            "zh": "无需处理：已与订单相抵。",
        },
    ),
}


@dataclass(frozen=True)
class Finding:
    """Something found in a shop's data. `share` is of rows, lines or refunds, as the text says; 0 where none fits.

    Examples and facts are texts or numbers; where they hold words, language -> text.
    """

    code: str
    count: int
    share: float = 0.0
    examples: tuple[str | Words, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def severity(self) -> str:
        kind = FINDINGS[self.code]
        return "serious" if self.share >= kind.serious_from else kind.severity

    @property
    def title(self) -> str:
        return self.words("title")

    @property
    def detail(self) -> str:
        return self.words("detail")

    @property
    def done(self) -> str:
        return self.words("done")

    @property
    def advice(self) -> str:
        return self.words("advice")

    def words(self, part: str, lang: str = "en") -> str:
        """The text of `title`, `detail`, `done` or `advice` in a language, `en` or `zh`."""
        words: Words = getattr(FINDINGS[self.code], part)
        facts = {name: _in(fact, lang) for name, fact in self.facts.items()}
        return words[lang].format(count=Count(self.count), share=self.share, **facts)

    def shown_examples(self, lang: str = "en") -> tuple[str, ...]:
        return tuple(example if isinstance(example, str) else example[lang] for example in self.examples)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; title, detail, done and advice are language -> text, and so are examples that hold words."""
        parts = ("title", "detail", "done", "advice")
        texts = {part: {lang: self.words(part, lang) for lang in ("en", "zh")} for part in parts}
        return {
            "code": self.code,
            "severity": self.severity,
            "count": self.count,
            "share": self.share,
            **texts,
            "examples": list(self.examples),
        }


def _in(fact: Any, lang: str) -> Any:
    """A fact as a text of a language takes it."""
    if isinstance(fact, Mapping):
        return fact[lang]
    if isinstance(fact, date):
        return day_in(fact, lang)
    return Count(fact) if isinstance(fact, int) else fact
