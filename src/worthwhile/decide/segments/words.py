"""The words of segments, in English and Chinese: names, definitions, usual actions. `sentences.py` fills in numbers."""

from __future__ import annotations

from worthwhile.languages import LANGUAGES

# Kind of name -> segment -> English, Chinese.
NAMES: dict[str, dict[str, tuple[str, str]]] = {
    "stage": {
        "prospect": ("prospect", "潜在客户"),
        "new": ("new", "新客户"),
        "growing": ("growing", "成长客户"),
        "loyal": ("loyal", "忠诚客户"),
        "cooling": ("cooling", "趋冷客户"),
        "at_risk": ("at risk", "流失风险客户"),
        "lost": ("lost", "已流失客户"),
        "not_yet": ("not yet known", "尚未出现"),
        "gone": ("no longer known", "已无记录"),
    },
    "tier": {
        "top": ("top", "头部"),
        "high": ("high", "高价值"),
        "middle": ("middle", "中等"),
        "low": ("low", "长尾"),
    },
    "rfm": {
        "best": ("best: recent, frequent, much", "重要价值客户"),
        "big_seldom": ("big but seldom, recent", "重要发展客户"),
        "best_drifting": ("best once, not lately", "重要保持客户"),
        "big_gone": ("big once, seldom, not lately", "重要挽留客户"),
        "frequent_small": ("frequent, small, recent", "一般价值客户"),
        "recent_small": ("recent, little so far", "一般发展客户"),
        "frequent_drifting": ("frequent once, small, not lately", "一般保持客户"),
        "dormant": ("dormant", "一般挽留客户"),
    },
    "aipl": {
        "awareness": ("awareness", "认知（A）"),
        "interest": ("interest", "兴趣（I）"),
        "purchase": ("purchase", "购买（P）"),
        "loyalty": ("loyalty", "忠诚（L）"),
    },
    "cluster": {"cluster": ("group {number}", "第 {number} 群")},
    "dimension": {
        "stage": ("stage", "生命周期阶段"),
        "tier": ("tier", "价值层级"),
        "rfm": ("RFM region", "RFM 分区"),
        "aipl": ("AIPL stage", "AIPL 阶段"),
        "cluster": ("group", "客群"),
    },
}

# Stage -> what it means; {new_days}, {at_risk} ... are the thresholds.
DEFINITIONS: dict[str, tuple[str, str]] = {
    "prospect": (
        "has been seen or registered, without an order that counts",
        "有浏览、互动或注册记录，但没有有效订单",
    ),
    "new": (
        "first order at most {new_days} days ago, or a single order and still at least {at_risk} of the usual chance"
        " to buy",
        "首单距今不超过 {new_days} 天；或只有一单，且购买概率不低于惯常水平的 {at_risk}",
    ),
    "growing": (
        "at least {growing} of the orders at their own pace are expected",
        "预期订单数不低于自身惯常节奏的 {growing}",
    ),
    "loyal": ("goes on at their own pace", "保持自身惯常节奏"),
    "cooling": (
        "chance to buy below {cooling} of that at their own pace",
        "购买概率低于自身惯常水平的 {cooling}",
    ),
    "at_risk": (
        "chance to buy below {at_risk} of that at their own pace: more likely gone than not",
        "购买概率低于自身惯常水平的 {at_risk}：流失的可能性更大",
    ),
    "lost": ("chance to buy below {lost} of that at their own pace", "购买概率低于自身惯常水平的 {lost}"),
}

AIPL_DEFINITIONS: dict[str, tuple[str, str]] = {
    "awareness": (
        "one visit, or a contact by a campaign, in the last {days} days",
        "近 {days} 天浏览或搜索过一天，或被营销触达",
    ),
    "interest": (
        "visits on two days or more, or something put into the cart, in the last {days} days",
        "近 {days} 天在两天及以上浏览或搜索，或加购、收藏",
    ),
    "purchase": ("an order in the last two years", "近两年内购买过"),
    "loyalty": (
        "orders on two days or more in the last year, or one and a good review",
        "近一年内购买两次及以上，或购买一次并给予好评",
    ),
}

# Stage -> its usual action, and why it is usual.
ACTIONS: dict[str, tuple[str, str]] = {
    "prospect": ("ease the first order", "促成首单"),
    "new": ("bring about the second order", "促成第二单"),
    "growing": ("offer more of what they begin to buy", "扩展品类，承接增长"),
    "loyal": ("thank them, keep discounts", "答谢维系，不必打折"),
    "cooling": ("remind when the next order is due", "到期提醒"),
    "at_risk": ("win back", "挽回"),
    "lost": ("leave alone, or reach them cheaply", "不再投入，或仅低成本触达"),
}

# What a cluster stands out in: quantity -> below, above; each English, Chinese. {value} is its median.
TRAITS: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "usual_gap": (
        ("buys often (every {value})", "购买频繁（约每 {value}一次）"),
        ("buys seldom (every {value})", "购买稀疏（约每 {value}一次）"),
    ),
    "order_value": (
        ("small baskets ({value})", "客单价低（{value}）"),
        ("large baskets ({value})", "客单价高（{value}）"),
    ),
    "recency": (
        ("ordered lately ({value} ago)", "近期刚购买（{value}前）"),
        ("long silent ({value})", "久未购买（已 {value}）"),
    ),
    "p_active": (
        ("unlikely to buy ({value})", "购买可能性低（{value}）"),
        ("likely to buy ({value})", "购买可能性高（{value}）"),
    ),
}

TEXTS: dict[str, tuple[str, str]] = {
    "single": ("mostly one order so far", "多数只买过一次"),
    "due": ("due now", "正值购买时点"),
    "overdue": ("overdue ({times} times their usual gap)", "已过惯常购买时点（间隔的 {times} 倍）"),
    "basket": ("baskets of {order_value}", "客单价 {order_value}"),
    "average": (
        "near the middle in everything (buys every {usual_gap}, baskets of {order_value})",
        "各方面接近中位（约每 {usual_gap}购买一次，客单价 {order_value}）",
    ),
    "cluster": (
        "{traits}: {customers} customers, {spend} expected",
        "{traits}：{customers} 位客户，预期 {spend}",
    ),
    "comma": (", ", "，"),
    "day": ("{n} day", "{n} 天"),
    "days": ("{n} days", "{n} 天"),
    "then": (
        "Of {customers} customers at this stage on {start}, {share} ({low} to {high}) bought in the {span} after it.",
        "{start}处于该阶段的 {customers} 位客户中，{share}（{low} 至 {high}）在此后 {span}内购买。",
    ),
    "few": ("So few say little.", "人数太少，说明不了多少。"),
    "buyers": (
        "Those who did spent {spend} on average, half of them within {days}.",
        "购买者平均消费 {spend}，其中一半在 {days}内下单。",
    ),
    "usual": (
        "At their own pace {usual} would have; they spent {spend} each, {past} in a like part of the year before.",
        "按自身惯常节奏应有 {usual}；人均消费 {spend}，此前一年同样长的时间里为 {past}。",
    ),
    "second": (
        "Of {customers} first orders that were followed for {followed}, {share} led to a second one: half of those"
        " within {median}, three in four within {most}.",
        "跟踪 {followed}的 {customers} 个首单中，{share} 有第二单：其中一半在 {median}内，四分之三在 {most}内。",
    ),
    "silence": (
        "After {days} without an order, {share} ordered in the {span} that followed ({stretches} such silences).",
        "{days}未下单之后，{share} 在随后 {span}内下单（共 {stretches} 次这样的沉默）。",
    ),
    "anyway": (
        "They buy without being asked, so a discount for all of them is mostly given to orders that come anyway.",
        "他们本来就会购买，对全体打折大多是补贴本来就有的订单。",
    ),
    "rest": (
        "So few come back that only what costs next to nothing can pay.",
        "回来的人很少，只有成本极低的触达才可能划算。",
    ),
    "none": ("Nobody was at this stage on {start}.", "{start}没有客户处于该阶段。"),
    "honest": (
        "All of this describes what happened and shows no effect: some of those who came back would have come by"
        " themselves. What an action adds, a test would tell: worth campaign design.",
        "以上只是描述发生了什么，并非任何动作的效果：回来的客户中有些本来就会回来。动作带来多少增量，"
        "要靠对照测试：worth campaign design。",
    ),
    "past_unasked": (
        "These segments were made without an earlier date (--no-past), so nothing is said of movement, nor of what"
        " customers at each stage then did. Made without that option they tell both: worth segments SHOP.",
        "本次分群未与更早的日期比较（--no-past），因此不说明客户的流动，也不说明各阶段客户此后如何。"
        "不加该选项重新运行 worth segments SHOP 即可看到。",
    ),
    "log_too_short": (
        "The log does not reach back one horizon before the forecast, so nothing is said of movement, nor of what"
        " customers at each stage then did.",
        "数据不足以回溯一个预测期，因此无法说明客户的流动，也无法说明各阶段客户此后如何。",
    ),
    "not_over": (
        "The {span} after {start} were not over by {day}, so nothing is said of what customers at each stage then did:"
        " compare with an earlier date (--since).",
        "截至 {day}，{start}之后的 {span}尚未过完，因此不说明各阶段客户此后如何：请与更早的日期比较（--since）。",
    ),
    "other_model": (
        "The forecast of {start} was made by {then} and this one by {now}: a customer can be at another stage only"
        " because the models differ, so the movement is not the customers' alone. To compare like with like: worth"
        " segments SHOP --since {start}.",
        "{start} 的预测出自 {then}，本次预测出自 {now}：阶段的变化可能只是因为模型不同，"
        "所示流动并非全是客户自身的变化。同口径比较请用：worth segments SHOP --since {start}。",
    ),
    "members_then": (
        "In the ensemble of the earlier date there was also {models}, which this one has not: part of the movement may"
        " come of that.",
        "较早日期的组合中还有 {models}，本次没有：部分流动可能由此而来。",
    ),
    "members_now": (
        "In the ensemble of the earlier date there was not yet {models}, which this one has: part of the movement may"
        " come of that.",
        "较早日期的组合中还没有 {models}，本次才有：部分流动可能由此而来。",
    ),
    "shared": (
        "{share} of customers have the same number of orders ({value}), so frequency has {used} levels instead of 5.",
        "{share} 的客户订单数相同（{value}），因此频次只能分出 {used} 级，而非 5 级。",
    ),
    "stable": (
        "{count} groups: the most that lie apart and come out again when customers are drawn anew (similarity of at"
        " least {least} for each).",
        "共 {count} 群：彼此分得开、且重新抽样后每一群都能再次出现（相似度均不低于 {least}）的最大群数。",
    ),
    "unstable": (
        "No number of groups from {low} to {high} comes out again reliably when customers are drawn anew; these {count}"
        " come nearest. Customers lie on a continuum here: read the groups as a sketch.",
        "从 {low} 到 {high} 群，没有一种分法在重新抽样后能稳定再现；这 {count} 群最为接近。"
        "本店客户呈连续分布，请把客群当作大致的轮廓。",
    ),
    "too_few": (
        "Fewer than {least} customers have ordered, which is too few to group them.",
        "下过单的客户不足 {least} 位，人数太少，不宜分群。",
    ),
}


def text(key: str, lang: str, **values: object) -> str:
    return TEXTS[key][LANGUAGES.index(lang)].format(**values)


def name_of(dimension: str, segment: str, lang: str) -> str:
    """The name of a segment of `tables.DIMENSIONS`; of a cluster by its number."""
    names = NAMES[dimension]
    if dimension == "cluster":
        return names["cluster"][LANGUAGES.index(lang)].format(number=segment)
    return names[segment][LANGUAGES.index(lang)]


def action_of(stage: str, lang: str) -> str:
    return ACTIONS[stage][LANGUAGES.index(lang)]
