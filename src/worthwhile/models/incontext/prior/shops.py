"""What the simulator makes: the orders of many customers of many shops, in flat tensors.

Letters: S shops, C customers of all shops together, N orders of all customers together.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class Shops:
    """Simulated shops. Day 0 is the first day of each shop's log; orders of one customer and day are one order.

    Orders are sorted by customer, then day. At most one refund belongs to an order.
    """

    days: Tensor  # (S,) length of the log
    shop: Tensor  # (C,) int64, ascending
    customer: Tensor  # (N,) int64, ascending: index into `shop`
    day: Tensor  # (N,) int64, 0 <= day < days
    value: Tensor  # (N,) float32 > 0, before refunds
    refund: Tensor  # (N,) float32 >= 0, at most the value
    refund_day: Tensor  # (N,) int64 >= day; may lie beyond the log's end

    @property
    def count(self) -> int:
        return len(self.days)

    def to(self, device: torch.device | str) -> Shops:
        return Shops(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def one(self, shop: int) -> Shops:
        """One shop alone."""
        mine = self.shop == shop
        kept = mine[self.customer]
        place = torch.cumsum(mine.long(), 0) - 1
        return Shops(
            days=self.days[shop : shop + 1],
            shop=torch.zeros(int(mine.sum()), dtype=torch.long, device=self.days.device),
            customer=place[self.customer[kept]],
            day=self.day[kept],
            value=self.value[kept],
            refund=self.refund[kept],
            refund_day=self.refund_day[kept],
        )
