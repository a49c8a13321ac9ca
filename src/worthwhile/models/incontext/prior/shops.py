"""What the simulator makes: the orders and visits of many customers of many shops, in flat tensors.

Letters: S shops, C customers of all shops together, N orders and V visits of all customers together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

UNTOLD = 10**6  # a day that never comes: of a registration that the shop does not tell


@dataclass(frozen=True)
class Visits:
    """Days on which customers looked around, of shops whose log holds such events; unsorted, days may repeat."""

    customer: Tensor  # (V,) int64: index into `Shops.shop`
    day: Tensor  # (V,) int64, 0 <= day < days
    views: Tensor  # (V,) float32: items or pages viewed
    carts: Tensor  # (V,) float32: items put into the cart

    def __getitem__(self, kept: Tensor) -> Visits:
        return Visits(self.customer[kept], self.day[kept], self.views[kept], self.carts[kept])


@dataclass(frozen=True)
class Shops:
    """Simulated shops. Day 0 is the first day of each shop's log; orders of one customer and day are one order.

    Orders are sorted by customer, then day. At most one refund belongs to an order. Some customers have registered
    and never order.
    """

    days: Tensor  # (S,) length of the log
    began: Tensor  # (S,) float32: day of the calendar year on which the log begins, 0 is 1 January
    shop: Tensor  # (C,) int64, ascending
    registered: Tensor  # (C,) int64: the day, below 0 before the log begins, UNTOLD where the shop does not tell
    customer: Tensor  # (N,) int64, ascending: index into `shop`
    day: Tensor  # (N,) int64, 0 <= day < days
    value: Tensor  # (N,) float32 > 0, before refunds
    refund: Tensor  # (N,) float32 >= 0, at most the value
    refund_day: Tensor  # (N,) int64 >= day; may lie beyond the log's end
    visits: Visits

    @property
    def count(self) -> int:
        return len(self.days)

    def one(self, shop: int) -> Shops:
        """One shop alone."""
        mine = self.shop == shop
        kept, seen = mine[self.customer], mine[self.visits.customer]
        place = torch.cumsum(mine.long(), 0) - 1
        return Shops(
            days=self.days[shop : shop + 1],
            began=self.began[shop : shop + 1],
            shop=torch.zeros(int(mine.sum()), dtype=torch.long, device=self.days.device),
            registered=self.registered[mine],
            customer=place[self.customer[kept]],
            day=self.day[kept],
            value=self.value[kept],
            refund=self.refund[kept],
            refund_day=self.refund_day[kept],
            visits=replace(self.visits[seen], customer=place[self.visits.customer[seen]]),
        )
