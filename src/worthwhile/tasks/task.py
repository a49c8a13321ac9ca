"""A task: what is asked of the customers at a cutoff."""

from __future__ import annotations

from dataclasses import dataclass, field

from worthwhile.errors import InputError
from worthwhile.tasks.horizon import Horizon

# Target -> what it is. `spend` and `value` are amounts, `orders` a count, `active` and `churn` are read off the orders.
TARGETS: dict[str, str] = {
    "spend": "amount spent in the horizon, net of refunds that fall in it, floored at zero",
    "orders": "number of orders in the horizon; the orders of one customer on one local day count as one",
    "active": "whether at least one order falls in the horizon",
    "churn": "whether no order falls in the horizon",
    "value": "spend times margin, each line discounted from its day to the cutoff at the yearly rate",
}

FILTERS = ("category", "channel", "item_id")


@dataclass(frozen=True)
class Task:
    """A target over a horizon; `where` narrows the orders asked about to categories, channels or items.

    Every task asks about an amount and a count of orders together, since they are one story: no order, no amount.
    `target` says which of them is the headline, and whether the amount is spend or value.
    """

    horizon: Horizon
    target: str = "spend"
    where: tuple[tuple[str, tuple[str, ...]], ...] = field(default=())

    @classmethod
    def of(cls, horizon: str | Horizon, target: str = "spend", **where: str | list[str] | None) -> Task:
        """A checked task. `category`, `channel` and `item_id` take one text or a list of them, in any order."""
        if target not in TARGETS:
            raise InputError(
                "bad-argument", f"`{target}` is no target", where="--target", remedy=f"targets are {', '.join(TARGETS)}"
            )
        unknown = sorted(set(where) - set(FILTERS))
        if unknown:
            raise InputError("bad-argument", f"`{unknown[0]}` is no filter", remedy=f"filters are {', '.join(FILTERS)}")
        kept = tuple(
            (column, (values,) if isinstance(values, str) else tuple(sorted(set(values))))
            for column, values in sorted(where.items())
            if values
        )
        return cls(Horizon.parse(horizon), target, kept)

    @property
    def amount_name(self) -> str:
        """What the amount of this task is called in tables: `value` for the target value, else `spend`."""
        return "value" if self.target == "value" else "spend"

    def __str__(self) -> str:
        narrowed = "".join(f", {column} {'/'.join(values)}" for column, values in self.where)
        return f"{self.target} over {self.horizon}{narrowed}"
