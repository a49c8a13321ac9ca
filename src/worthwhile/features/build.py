"""Snapshots: the features of all customers at a cutoff and, once matured, their outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from sqlglot import exp

from worthwhile.errors import InputError
from worthwhile.features import sql
from worthwhile.features.declared import MAIN_CATEGORIES, NAMES, WINDOWS
from worthwhile.features.outcomes import outcome_of
from worthwhile.features.season import activity_at, activity_year_before
from worthwhile.features.snapshot import Array, Snapshot
from worthwhile.features.terms import ValueTerms
from worthwhile.schema import MICROSECONDS_PER_DAY, local_midnight, to_us
from worthwhile.store.log import Log
from worthwhile.tasks import Horizon, Task

# Cutoffs to learn from lie this many horizons before the one asked about: the latest ones that have matured, and
# some further back, so that seasons and growth are seen. Fractions overlap their neighbours and add customers' days.
TRAINING_STEPS = (1, 1.25, 1.5, 2, 2.5, 3, 4)
LEAST_HISTORY_DAYS = 14.0


def cutoff_from(text: str | date | datetime, zone: ZoneInfo) -> datetime:
    """The UTC moment of a cutoff: a date (`2011-09-01`) is local midnight at its start; a time without an offset is
    the shop's wall clock. Raises InputError `bad-argument`.
    """
    moment: date | datetime
    if isinstance(text, str):
        try:
            written = text.strip()
            moment = date.fromisoformat(written) if len(written) <= 10 else datetime.fromisoformat(written)
        except ValueError as error:
            raise InputError(
                "bad-argument",
                f"`{text}` is no date or time",
                where="--cutoff",
                remedy="write it as 2011-09-01 or 2011-09-01T12:00:00",
            ) from error
    else:
        moment = text
    if not isinstance(moment, datetime):
        return local_midnight(moment, zone)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


YEAR_BEFORE = ("orders_year_before", "amount_year_before")  # NaN where the log begins later


def snapshot_at(
    log: Log,
    task: Task,
    cutoff: datetime,
    *,
    scale: float | None = None,
    value: ValueTerms | None = None,
    categories: Sequence[str] | None = None,
    outcome: bool = True,
    of_some: bool = False,
) -> Snapshot:
    """All customers with an order line before `cutoff` (UTC), their features and, where matured, their outcomes.

    `scale` is the median order value (default: that before this cutoff) and `categories` are the shop's main ones
    (default: the largest before this cutoff); a run gives those of its own cutoff to all its snapshots, so that a
    column means the same in each. `value` holds margins and discount rate for the target `value`. With `of_some` the
    log is of some customers alone, of whom none need have what is asked about.
    Raises InputError `no-history` where no customer had ordered before the cutoff, `bad-argument` where the task asks
    about orders of which the whole log has none.
    """
    categories = main_categories(log, cutoff) if categories is None else categories
    customer_ids, features = feature_matrix_at(log, task, cutoff, value=value, categories=categories)
    if len(customer_ids) == 0:
        raise no_history(cutoff, log)
    if task.where and not of_some and not features[:, NAMES.index("orders_all")].any():
        _check_asked(log, task)
    if Horizon(1, "y").before(cutoff, log.zone) < log.first:  # not seen is not none
        features[:, [NAMES.index(name) for name in YEAR_BEFORE]] = np.nan
    end = task.horizon.after(cutoff, log.zone)
    matured = outcome and log.until >= end
    return Snapshot(
        task=task,
        cutoff=cutoff,
        end=end,
        customer_ids=customer_ids.to_numpy(zero_copy_only=False),
        features=features,
        names=NAMES,
        scale=median_order_value(log, task, cutoff, value=value) if scale is None else scale,
        history_days=(cutoff - log.first).total_seconds() / 86_400,
        activity=activity_at(log, task, cutoff) if matured else float("nan"),
        activity_year_before=activity_year_before(log, task, cutoff),
        discount=value.mean_discount((end - cutoff) / timedelta(days=1)) if value and task.target == "value" else 1.0,
        outcome=outcome_of(log, task, cutoff, customer_ids, value=value) if matured else None,
        zone=log.zone,
    )


def no_history(cutoff: datetime, log: Log) -> InputError:
    where = f"cutoff {cutoff.astimezone(log.zone).isoformat()}"
    counted = "SELECT count(*), count(*) FILTER (kind = 'order_line') FROM events WHERE ts_us < ? AND is_goods"
    [(events, orders)] = log.con.execute(counted, [to_us(cutoff)]).fetchall()
    if events and not orders:
        return InputError(
            "no-history",
            f"the {events:,} events before the cutoff are refunds or visits, and none is an order",
            where=where,
            remedy="amounts or quantities below zero are refunds: see whether their sign or column is right",
        )
    return InputError(
        "no-history",
        "no customer had ordered before the cutoff",
        where=where,
        remedy=f"the log begins on {log.first.astimezone(log.zone).date()}; take a later cutoff",
    )


def _check_asked(log: Log, task: Task) -> None:
    """Raises InputError `bad-argument` where no order line of the log, whenever it was, is one that is asked about.

    That the first of them come later is no error: before a category was sold its forecast is zero.
    """
    asked, whole_log = sql.Asked.of(task, None), sql.Span(None, 2**62)
    lines = sql.events("kind = 'order_line'", whole_log, item_category=True)
    query = exp.select("1").from_(lines.subquery("l")).where(asked.condition()).limit(1)
    if log.con.execute(query.sql("duckdb")).fetchall():
        return
    what, flags, known = [], [], []
    for column, values in task.where:
        name = column.removesuffix("_id")
        what.append(f"{name} {' or '.join(f'`{value}`' for value in values)}")
        flags.append(f"--{name}")
        known.append(_most_frequent(log, lines, column))
    raise InputError(
        "bad-argument", f"no order has {' and '.join(what)}", where=", ".join(flags), remedy="; ".join(known)
    )


def _most_frequent(log: Log, lines: exp.Select, column: str, count: int = 10) -> str:
    """What the log has in a column, in words."""
    query = (
        exp.select(column).from_(lines.subquery("l")).where(f"NOT {column} IS NULL")
        .group_by(column).order_by("COUNT(*) DESC", column).limit(count + 1)
    )  # fmt: skip
    values = [f"`{value}`" for (value,) in log.con.execute(query.sql("duckdb")).fetchall()]
    if not values:
        return f"no order line of this shop has a {column}"
    shown = ", ".join(values[:count]) + (" and more" if len(values) > count else "")
    return f"the most frequent in `{column}`: {shown}"


def median_order_value(log: Log, task: Task, cutoff: datetime, *, value: ValueTerms | None = None) -> float:
    """The median value of the orders asked about before `cutoff`, free ones aside; 1 where there is none."""
    days = sql.order_days(sql.Asked.of(task, value), sql.Span(None, to_us(cutoff)))
    query = exp.select("MEDIAN(asked_value)").from_(days.subquery("d")).where("asked", "asked_value > 0")
    [row] = log.con.execute(query.sql("duckdb")).fetchall()
    return 1.0 if row[0] is None else row[0] / 1_000_000


def main_categories(log: Log, cutoff: datetime, count: int = MAIN_CATEGORIES) -> tuple[str, ...]:
    """The categories with most order lines before `cutoff`, largest first; equal ones by name."""
    lines = sql.goods_lines(sql.Span(None, to_us(cutoff)))
    query = (
        exp.select("category").from_(lines.subquery("g")).where("NOT category IS NULL")
        .group_by("category").order_by("COUNT(*) DESC", "category").limit(count)
    )  # fmt: skip
    return tuple(row[0] for row in log.con.execute(query.sql("duckdb")).fetchall())


def training_cutoffs(log: Log, task: Task, cutoff: datetime) -> list[datetime]:
    """Earlier cutoffs whose outcome had closed by `cutoff`, oldest first; empty where the log is too short.

    They lie 1, 1.25, 1.5, 2, 2.5, 3 and 4 horizons before it: whole ones by the calendar, fractions in days, at local
    midnight. Each has at least half a horizon, and two weeks, of history before it.
    """
    least = timedelta(days=max(task.horizon.nominal_days / 2, LEAST_HISTORY_DAYS))
    found = {_steps_before(task.horizon, cutoff, log.zone, steps) for steps in TRAINING_STEPS}
    known = min(cutoff, log.until)
    closed = (at for at in found if task.horizon.after(at, log.zone) <= known)
    return sorted(at for at in closed if at - log.first >= least)


def _steps_before(horizon: Horizon, cutoff: datetime, zone: ZoneInfo, steps: float) -> datetime:
    whole = int(steps)
    at = Horizon(horizon.count * whole, horizon.unit).before(cutoff, zone)
    if steps == whole:
        return at
    local = (at - timedelta(days=(steps - whole) * horizon.nominal_days)).astimezone(zone)
    return local_midnight(local.date(), zone)


def _wall_us(moment: datetime, zone: ZoneInfo) -> int:
    """Microseconds since 1970-01-01 on the shop's wall clock."""
    return to_us(moment.astimezone(zone).replace(tzinfo=UTC))


def _first_day(wall_us: int) -> int:
    """The first whole day at or after a moment of the wall clock, counted from 1970-01-01."""
    return -(-wall_us // MICROSECONDS_PER_DAY)


def _moments(zone: ZoneInfo, horizon: Horizon, cutoff: datetime) -> dict[str, int | float]:
    """The placeholders of `declared.py`: first days of windows, and the cutoff itself, by the shop's wall clock.

    A cutoff within a day leaves out of a window the day that it would cut through.
    """
    now = _wall_us(cutoff, zone)
    moments: dict[str, int | float] = {
        f"d{window}": _first_day(now - window * MICROSECONDS_PER_DAY) for window in WINDOWS
    }
    start = _wall_us(horizon.before(cutoff, zone), zone)
    moments["horizon"] = _first_day(start)
    for name, doubled in (("half_horizon", 1), ("two_horizons", 4), ("four_horizons", 8)):
        moments[name] = _first_day(now - (now - start) * doubled // 2)
    year_before = Horizon(1, "y").before(cutoff, zone)
    moments["year_before"] = _first_day(_wall_us(year_before, zone))
    moments["year_before_end"] = _first_day(min(now, _wall_us(horizon.after(year_before, zone), zone)))
    moments["today"] = now / MICROSECONDS_PER_DAY
    return moments


def feature_matrix_at(
    log: Log, task: Task, cutoff: datetime, *, value: ValueTerms | None = None, categories: Sequence[str] = ()
) -> tuple[pa.Array, Array]:
    """The customers of a snapshot, ascending (N,), and their features (N, F) float32, in the order of `NAMES`.

    One statement, fetched through Arrow; null is NaN. The matrix lies in memory column after column.
    """
    moments = _moments(log.zone, task.horizon, cutoff)
    query = sql.feature_matrix(sql.Question(to_us(cutoff), moments, sql.Asked.of(task, value), categories))
    table = log.con.sql(query.sql("duckdb")).to_arrow_table()
    columns = np.empty((len(NAMES), len(table)), dtype=np.float32)  # column after column: filled in half the time
    for column, name in zip(columns, NAMES, strict=True):
        np.concatenate([chunk.to_numpy(zero_copy_only=False) for chunk in table[name].chunks] or [column], out=column)
    return table["customer_id"].combine_chunks(), columns.T
