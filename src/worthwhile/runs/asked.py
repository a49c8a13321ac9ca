"""What a run asks: checked at the border, and with the settings that its numbers hang on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from worthwhile.errors import InputError
from worthwhile.features.build import cutoff_from, no_history
from worthwhile.models.catalogue import any_reads_events
from worthwhile.settings import Settings
from worthwhile.shop import Shop
from worthwhile.store.log import Log
from worthwhile.tasks import Horizon, Task

# Settings that decide what the numbers of a run are or what they mean; those of `value` only where it is the target,
# those of events where a model reads them.
SETTINGS_BEHIND = ("currency", "timezone", "data_until")
SETTINGS_BEHIND_VALUE = ("value.margin", "value.margins", "value.discount_rate")
SETTINGS_BEHIND_EVENTS = ("content.text_encoder", "content.picture_encoder", "content.pictures")


@dataclass(frozen=True)
class Asked:
    """What a run asks beside its horizon: the same for forecasts and backtests."""

    target: str = "spend"
    category: str | Sequence[str] | None = None
    channel: str | Sequence[str] | None = None
    item_id: str | Sequence[str] | None = None

    def task(self, horizon: str | Horizon) -> Task:
        where = {"category": self.category, "channel": self.channel, "item_id": self.item_id}
        return Task.of(
            horizon, self.target, **{k: list([v] if isinstance(v, str) else v) for k, v in where.items() if v}
        )

    def tasks(self, horizons: str | Horizon | Sequence[str | Horizon]) -> list[Task]:
        """A task for each horizon. Raises InputError `bad-argument`, where there is none, too."""
        given = [horizons] if isinstance(horizons, str | Horizon) else list(horizons)
        if not given:
            raise InputError(
                "bad-argument", "no horizon is given", where="--horizon", remedy="give at least one, such as 90d"
            )
        return [self.task(horizon) for horizon in given]


def settings_behind(settings: Settings, target: str) -> dict[str, Any]:
    """The settings that a run's numbers hang on, for its id and for reading it later."""
    keys = SETTINGS_BEHIND + (SETTINGS_BEHIND_VALUE if target == "value" else ())
    return {key: settings[key] for key in keys}


def facts_of(shop: Shop, log: Log, task: Task, models: Sequence[str]) -> dict[str, Any]:
    """What a run's id and manifest hold beside its cutoffs and horizons."""
    read = SETTINGS_BEHIND_EVENTS if any_reads_events(models) else ()
    return {
        "content": {key: shop.settings[key] for key in read},
        "target": task.target,
        "where": {column: list(values) for column, values in task.where},
        "settings": settings_behind(shop.settings, task.target),
        "data_version": log.version,
    }


def shop_as_asked(shop: Shop, asked: Mapping[str, Any]) -> Shop:
    """The shop with the settings that a recorded run was made under, whatever they are today."""
    return replace(shop, settings=Settings({**shop.settings.values, **asked["settings"]}))


def moment_of(text: str | date | datetime, log: Log, *, where: str) -> datetime:
    """The UTC moment of a cutoff, by the log's calendar. Raises InputError `bad-argument`, `no-history`."""
    try:
        moment = cutoff_from(text, log.zone)
        moment.astimezone(log.zone)
    except InputError as error:
        raise InputError(error.code, error.what, where=where, remedy=error.remedy) from error
    except (OverflowError, ValueError) as error:
        raise InputError(
            "bad-argument",
            f"`{text}` lies outside of the calendar",
            where=where,
            remedy=f"take a day from {day_of(log.first, log)} to {day_of(log.until, log)}",
        ) from error
    if moment <= log.first:  # before any horizon is counted back from it, which may lead out of the calendar
        raise no_history(moment, log)
    return moment


def forecast_cutoff(text: str | date | datetime | None, log: Log) -> datetime:
    """The cutoff of a forecast; the end of the log where none is given.

    Raises InputError `bad-argument` beyond the end of the log: what happened in between is not known, and would be
    taken for silence.
    """
    if text is None:
        return log.until
    moment = moment_of(text, log, where="--cutoff")
    if moment > log.until:
        raise InputError(
            "bad-argument",
            f"the log ends before {day_of(moment, log)}, so nothing is known of the days up to it",
            where="--cutoff",
            remedy=f"take a cutoff up to {day_of(log.until, log)}, ingest what came since, or set `data_until` if "
            "nothing did",
        )
    return moment


def by_end(tasks: Sequence[Task], cutoff: datetime, log: Log) -> list[Task]:
    """The tasks in the order in which their horizons end; of those that end together (`7d`, `1w`) one is kept."""
    ends: dict[datetime, Task] = {}
    for task in sorted(tasks, key=lambda t: str(t.horizon)):
        ends.setdefault(task.horizon.after(cutoff, log.zone), task)
    return [ends[end] for end in sorted(ends)]


def day_of(moment: datetime, log: Log) -> str:
    """The shop's calendar day of a moment."""
    return moment.astimezone(log.zone).date().isoformat()
