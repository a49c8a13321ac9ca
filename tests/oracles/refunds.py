"""Matching refunds to orders, one refund at a time: slow and plain."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Line:
    """An order line or a refund of one customer; `time` orders them, quantities are above zero."""

    name: str
    customer: str
    order: str
    item: str
    time: int
    quantity: int
    is_refund: bool = False
    left: int = 0


def match_by_item(lines: list[Line]) -> dict[str, str]:
    """Refund -> order, by item alone: the latest line at or before it that has enough left.

    In rounds, as shops see it: in each, every refund asks for its line; a line serves the earliest that fit into it.
    """
    bought = [line for line in lines if not line.is_refund]
    open_refunds = sorted((line for line in lines if line.is_refund), key=lambda r: (r.time, r.name))
    for line in bought:
        line.left = line.quantity
    matched: dict[str, str] = {}
    while True:
        asked: dict[str, list[Line]] = {}
        for refund in open_refunds:
            fit = [
                line
                for line in bought
                if (line.customer, line.item) == (refund.customer, refund.item)
                and line.time <= refund.time
                and line.left >= refund.quantity
            ]
            if fit:
                best = min(fit, key=lambda line: (-line.time, line.name))
                asked.setdefault(best.name, []).append(refund)
        served = []
        for line in bought:
            total = 0
            for refund in asked.get(line.name, []):
                total += refund.quantity
                if total <= line.left:
                    matched[refund.name] = line.order
                    served.append((line, refund))
        for line, refund in served:
            line.left -= refund.quantity
            open_refunds.remove(refund)
        if not served:
            return matched
