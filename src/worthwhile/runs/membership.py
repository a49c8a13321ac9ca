"""Which models make the ensemble at a shop: the usual ones, of them the event model where customers do more than order.

Its training takes minutes where the others take seconds. Where a log holds orders alone, the ensemble hardly gains by
it, now this way and now that; where visits foretell who buys, it gains each time (docs/benchmarks.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from worthwhile.models.catalogue import MODELS, USUAL_MEMBERS
from worthwhile.schema import to_us
from worthwhile.store.log import Log

LEAST_OTHER_EVENTS = 1_000  # that are no orders: with fewer it is not worth its time

_APART = {
    "en": "Not in the ensemble: {model}, which takes minutes to train and pays where customers do more than order"
    " ({has:,} events here are no orders; it is asked from {need:,} on, or with the setting events.in_ensemble=yes).",
    "zh": "未加入组合模型：{model}。它训练耗时较长，只有客户除下单外还有其他行为时才值得"
    "（本店非订单事件 {has:,} 条，达到 {need:,} 条或设置 events.in_ensemble=yes 时启用）。",
}


_REASON = {
    "en": "it takes minutes and pays where customers do more than order; fewer than {need:,} events are no orders",
    "zh": "它训练耗时较长，只有客户除下单外还有其他行为时才值得；非订单事件不足 {need:,} 条",
}


@dataclass(frozen=True)
class Membership:
    """`members` of the ensemble, in the order of the catalogue. `apart` are the others that would be where the log
    held more than `other_events` that are no orders."""

    members: tuple[str, ...] = USUAL_MEMBERS
    apart: tuple[str, ...] = ()
    other_events: int = 0

    @staticmethod
    def reason(lang: str = "en") -> str:
        """Why models are apart, as a clause."""
        return _REASON[lang].format(need=LEAST_OTHER_EVENTS)

    def sentence(self, model: str, lang: str = "en") -> str:
        """Why a model is apart, in words. `lang` is en or zh."""
        return _APART[lang].format(model=model, has=self.other_events, need=LEAST_OTHER_EVENTS)


ALL_MEMBERS = Membership()


def membership_at(log: Log, in_ensemble: str, until: datetime | None = None) -> Membership:
    """As the setting `events.in_ensemble` says: `auto` asks for LEAST_OTHER_EVENTS before `until` (UTC; default: in the
    whole log)."""
    readers = tuple(name for name in USUAL_MEMBERS if MODELS[name].reads_events)
    others = tuple(name for name in USUAL_MEMBERS if name not in readers)
    if in_ensemble == "yes":
        return ALL_MEMBERS
    if in_ensemble == "no":
        return Membership(others)
    events, customers = _counted(log, until)
    if events < LEAST_OTHER_EVENTS:
        return Membership(others, readers, events)
    few = tuple(name for name in readers if customers < MODELS[name].needs.customers)  # sequences are not made for them
    return Membership(tuple(name for name in USUAL_MEMBERS if name not in few), other_events=events)


def _counted(log: Log, until: datetime | None) -> tuple[int, int]:
    """How many events are no orders, and how many customers have ordered."""
    query = """
        SELECT count(*) FILTER (kind NOT IN ('order_line', 'refund')),
            count(DISTINCT customer_id) FILTER (kind = 'order_line')
        FROM events WHERE ts_us < $1
    """
    [(events, customers)] = log.con.execute(query, [to_us(until or log.until)]).fetchall()
    return events, customers
