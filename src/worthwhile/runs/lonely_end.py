"""Whether the last days of a log stand alone: a mistyped year moves the cutoff, and with it every forecast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from worthwhile.schema import to_us
from worthwhile.store.log import Log

SILENCE = 60  # days without any event that set what follows apart
FEW = 0.01  # of all events, at most so many may follow


@dataclass(frozen=True)
class LonelyEnd:
    """`events` of `all_events` lie after a silence that began on `start` and ended on `end`, both local days."""

    start: date
    end: date
    events: int
    all_events: int


def lonely_end(log: Log, cutoff: datetime) -> LonelyEnd | None:
    """The few events before the cutoff that lie long after all others; None where there are none."""
    rows = log.con.execute(
        """
        WITH days AS (SELECT day, count(*) AS events FROM events WHERE ts_us < $1 GROUP BY day),
            steps AS (
                SELECT day, day - lag(day) OVER (ORDER BY day) - 1 AS silence,
                    sum(events) OVER (ORDER BY day DESC) AS following, sum(events) OVER () AS all_events
                FROM days
            )
        SELECT day - silence, day - 1, following, all_events FROM steps
        WHERE silence >= $2 AND following <= $3 * all_events ORDER BY day LIMIT 1
        """,
        [to_us(cutoff), SILENCE, FEW],
    ).fetchall()
    if not rows:
        return None
    [(start, end, following, all_events)] = rows
    origin = date(1970, 1, 1)
    return LonelyEnd(origin + timedelta(days=start), origin + timedelta(days=end), int(following), int(all_events))
