"""Customers as they might have been: without one of their events, with one order more, or silent for a while.

Their events are changed, and features and sequences made anew from them, so that the model is asked about a customer
who could be. A changed customer goes by an id of their own in a log in memory.

Letters: K versions of one customer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from worthwhile.distribution import Forecast
from worthwhile.explain.forecaster import Forecaster
from worthwhile.explain.game import outputs
from worthwhile.models.sequence.trees import half_of
from worthwhile.progress import Progress, part, silent
from worthwhile.schema import EVENTS
from worthwhile.store.log import Log, log_of, log_of_customers
from worthwhile.tasks import Task

Array = np.ndarray[Any, Any]

MOST_STEPS = 100  # of a timeline, the latest
NOON = time(12)


@dataclass(frozen=True)
class Step:
    """All that a customer did of one kind on one local day, and what the forecast would lose without it."""

    day: date
    kind: str  # of schema.EVENT_KINDS
    count: int  # events
    amount: float  # net of the refunds that belong to it; 0 where it has none
    amount_effect: float  # forecast less the forecast without the step, in the shop's currency
    p_active_effect: float


@dataclass(frozen=True)
class Timeline:
    """The latest steps of a customer before the cutoff, oldest first, and how many there are in all."""

    steps: tuple[Step, ...]
    in_all: int


TIMELINE = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("day", pa.date32()),
        pa.field("kind", pa.string()),
        pa.field("count", pa.int64()),
        pa.field("amount", pa.float64()),
        pa.field("amount_effect", pa.float64()),
        pa.field("p_active_effect", pa.float64()),
        pa.field("in_all", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Changed:
    """The forecast of one customer as they are, and as they might be."""

    before: Forecast  # one customer
    after: Forecast

    def to_dict(self) -> dict[str, float]:
        (amount, chance, orders), after = (outputs(f)[0].tolist() for f in (self.before, self.after))
        name = self.before.amount_name
        return {
            f"{name}_mean": amount,
            f"{name}_mean_after": after[0],
            "p_active": chance,
            "p_active_after": after[1],
            "orders_mean": orders,
            "orders_mean_after": after[2],
        }


def timeline(forecaster: Forecaster, customer: str, *, last: int = MOST_STEPS, progress: Progress = silent) -> Timeline:
    """The `last` steps of a customer, oldest first, each with what the forecast would lose without it.

    A day's order goes with the refunds of it. Effects of single steps need not add up: two orders of one week say
    nearly the same. Who would have no order left would not be forecast at all, so all of the forecast hangs on that.
    """
    with log_of_customers(forecaster.log, [customer]) as log:
        events = _before(log, forecaster.recorded.cutoff)
        known = _steps(events)
        steps = known[-last:]
        progress(f"forecasts without each of {len(steps):,} steps of {customer}", 0.0)
        without = [_without(events, day, kind) for day, kind in steps]
        said = _asked(forecaster, log, [events, *without], customer)
    whole = said[0]
    told = (
        Step(day, kind, *_size(events, day, kind), *(whole - said[place + 1])[:2].tolist())
        for place, (day, kind) in enumerate(steps)
    )
    return Timeline(tuple(told), len(known))


def timelines_of(forecaster: Forecaster, customers: Sequence[str], progress: Progress = silent) -> pa.Table:
    """The timelines of customers, one below the other: customer_id, the fields of `Step`, and how many steps there are
    in all."""
    rows = []
    for done, customer in enumerate(customers):
        watch = part(progress, done / len(customers), (done + 1) / len(customers))
        told = timeline(forecaster, customer, progress=watch)
        rows += [{"customer_id": customer, **asdict(step), "in_all": told.in_all} for step in told.steps]
    return pa.Table.from_pylist(rows, schema=TIMELINE)


def if_ordered(forecaster: Forecaster, customer: str, amount: float) -> Changed:
    """The forecast if the customer had also ordered for `amount` on the last day before the cutoff: at noon, or a
    second before the cutoff where that comes earlier.

    The order names no item but one that the task asks about; on a day with an order already it makes that one larger.
    """
    with log_of_customers(forecaster.log, [customer]) as log:
        events = _before(log, forecaster.recorded.cutoff)
        latest = (forecaster.recorded.cutoff - timedelta(seconds=1)).astimezone(log.zone)
        moment = min(datetime.combine(latest.date(), NOON, log.zone), latest)
        order = _order(customer, moment, amount, forecaster.recorded.task)
        both = pa.concat_tables([events, order])
        return Changed(_forecast(forecaster, log, events, customer), _forecast(forecaster, log, both, customer))


def if_quiet_for(forecaster: Forecaster, customer: str, days: int) -> Changed:
    """The forecast made so many days after the cutoff, if nothing happens up to then: over a horizon that begins
    then."""
    cutoff = forecaster.recorded.cutoff
    later = (cutoff.astimezone(forecaster.log.zone) + timedelta(days=days)).astimezone(cutoff.tzinfo)
    with log_of_customers(forecaster.log, [customer]) as log:
        events = _before(log, cutoff)
        return Changed(
            _forecast(forecaster, log, events, customer), _forecast(forecaster, log, events, customer, cutoff=later)
        )


# ---- logs of changed customers --------------------------------------------------------------------------------------


def _before(log: Log, cutoff: datetime) -> pa.Table:
    """The events before the cutoff, oldest first."""
    table = log.con.sql(f"SELECT {', '.join(EVENTS.names)} FROM events").to_arrow_table().cast(EVENTS)
    return table.filter(pc.less(table["ts"], cutoff)).sort_by([("ts", "ascending"), ("event_id", "ascending")])


def _steps(events: pa.Table) -> list[tuple[date, str]]:
    """Days and kinds, oldest first. Refunds that belong to an order go with that order's day."""
    days = [moment.date() for moment in events["local_ts"].to_pylist()]
    found = {
        (day, kind)
        for day, kind, refund_of in zip(days, events["kind"].to_pylist(), events["refund_of"].to_pylist(), strict=True)
        if kind != "refund" or refund_of is None
    }
    return sorted(found)


def _of_step(events: pa.Table, day: date, kind: str) -> Array:
    """(E,) bool: the events of a step, with the refunds of its orders."""
    here = np.array([moment.date() == day for moment in events["local_ts"].to_pylist()])
    here &= events["kind"].to_numpy(zero_copy_only=False) == kind
    orders = {order for order in events.filter(pa.array(here))["order_id"].to_pylist() if order is not None}
    refunded = np.array([order in orders for order in events["refund_of"].to_pylist()])
    return here | refunded if kind == "order_line" else here


def _without(events: pa.Table, day: date, kind: str) -> pa.Table:
    return events.filter(pa.array(~_of_step(events, day, kind)))


def _size(events: pa.Table, day: date, kind: str) -> tuple[int, float]:
    step = events.filter(pa.array(_of_step(events, day, kind)))
    return len(step.filter(pc.equal(step["kind"], kind))), float(pc.sum(step["amount"]).as_py() or 0.0)


def _order(customer: str, moment: datetime, amount: float, task: Task) -> pa.Table:
    """One order line of goods, of the first category, channel and item that the task asks about, else of none."""
    given = {
        "event_id": "if",
        "ts": moment,
        "local_ts": moment.replace(tzinfo=None),
        "customer_id": customer,
        "kind": "order_line",
        "quantity": 1.0,
        "price": amount,
        "amount": amount,
        "is_goods": True,
        "batch_id": "memory",
        **{column: values[0] for column, values in task.where},
    }
    return pa.table({field.name: pa.array([given.get(field.name)], field.type) for field in EVENTS}, schema=EVENTS)


def _asked(forecaster: Forecaster, log: Log, versions: Sequence[pa.Table], customer: str) -> Array:
    """(K, 3) the outputs for versions of one customer; zeros of those without any order."""
    ids = _namesakes(customer, len(versions))
    renamed = [
        table.set_column(table.schema.names.index("customer_id"), "customer_id", pa.array([name] * len(table)))
        for name, table in zip(ids, versions, strict=True)
        if len(table)
    ]
    said = np.zeros((len(versions), 3))
    with _log_like(log, pa.concat_tables(renamed)) as changed, forecaster.of_log(changed) as snapshot:
        places = {name: place for place, name in enumerate(ids)}
        said[[places[name] for name in snapshot.customer_ids]] = outputs(forecaster.answer(snapshot))
    return said


def _forecast(
    forecaster: Forecaster, log: Log, events: pa.Table, customer: str, *, cutoff: datetime | None = None
) -> Forecast:
    with _log_like(log, events) as changed, forecaster.of_log(changed, cutoff) as snapshot:
        return forecaster.answer(snapshot)


def _log_like(log: Log, events: pa.Table) -> Log:
    """A log of these events, with the items of another."""
    items, categories = (
        log.con.sql(f"SELECT * FROM {view}").to_arrow_table() for view in ("items", "stored_item_categories")
    )
    made = log_of(events, zone=log.zone, items=items, item_categories=categories, until=log.until)
    return replace(made, first=log.first)  # a year before a late customer's first order was seen too


def _namesakes(customer: str, count: int) -> list[str]:
    """Ids for versions of a customer, ascending, all of whom the model of two halves (`trees-events`) counts into the
    customer's own half."""
    found = (name for name in _numbered(customer) if half_of([name])[0] == half_of([customer])[0])
    return [name for name, _ in zip(found, range(count), strict=False)]


def _numbered(customer: str) -> Iterable[str]:
    return (f"{customer}\x1f{number:06d}" for number in range(10**6))
