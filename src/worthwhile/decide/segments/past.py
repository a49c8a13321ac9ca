"""An earlier forecast of the same question: taken from the runs, or made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from worthwhile.errors import InputError
from worthwhile.progress import Progress, told
from worthwhile.runs.asked import Asked, moment_of
from worthwhile.runs.forecasting import forecast as make_forecast
from worthwhile.runs.recall import RecordedForecast, recorded_forecast
from worthwhile.runs.record import list_runs, note
from worthwhile.shop import Shop
from worthwhile.store.log import open_log


def earlier_forecast(
    shop: Shop,
    current: RecordedForecast,
    *,
    since: str | date | datetime | None,
    from_run: str | None,
    progress: Progress,
) -> tuple[RecordedForecast | None, str]:
    """The earlier forecast that segments are compared with, and else why there is none.

    By default one horizon before the current one, so that what then happened is known; none where nobody had ordered
    by then. Raises InputError as `make_segments` does.
    """
    if from_run is not None:
        if since is not None:
            raise InputError(
                "bad-argument", "an earlier date and an earlier run are given", where="--since, --from-run",
                remedy="give one of them",
            )  # fmt: skip
        earlier = recorded_forecast(shop, run_id=from_run, horizon=current.horizon)
        _check_same_question(current, earlier)
        return earlier, ""
    try:
        with open_log(current.shop, versions=current.asked["data_version"]) as log:
            if since is None:
                moment = current.task.horizon.before(current.cutoff, log.zone)
                if moment <= log.first:
                    return None, "log_too_short"
            else:
                moment = moment_of(since, log, where="--since")
        _check_earlier(current, moment, "--since")
        return _found_or_made(shop, current, moment, progress), ""
    except InputError as error:
        if since is None and error.code == "no-history":
            return None, "log_too_short"
        raise


def _found_or_made(shop: Shop, current: RecordedForecast, moment: datetime, progress: Progress) -> RecordedForecast:
    """The newest recorded run of the same question at this moment, of the same data before that of other data."""
    asked = current.asked
    runs = [run for run in list_runs(shop, "forecast") if _answers(run["asked"], current, moment)]
    runs.sort(key=lambda run: run["asked"]["data_version"] != asked["data_version"])  # stable: newest first stays
    if runs:
        return recorded_forecast(shop, run_id=runs[0]["run_id"], horizon=current.horizon)
    day = moment.astimezone(current.shop.settings.zone).date()
    watch = told(progress, f"forecast of {day.isoformat()}, to see who moved")
    watch("reading the log", 0.0)
    made = make_forecast(
        current.shop,
        current.horizon,
        cutoff=moment,
        asked=Asked(asked["target"], **asked["where"]),
        model=None if asked["model"] == "ensemble" else asked["model"],
        seed=asked["seed"],
        progress=watch,
    )
    note(shop, made.run_id, {"made_for": current.run_id})  # so that nobody takes it for the shop's latest forecast
    return recorded_forecast(shop, run_id=made.run_id, horizon=current.horizon)


def _answers(asked: Mapping[str, Any], current: RecordedForecast, moment: datetime) -> bool:
    same = all(asked[key] == current.asked[key] for key in ("target", "where", "model"))
    same &= _terms(asked) == _terms(current.asked) and current.horizon in asked["horizons"]
    return same and datetime.fromisoformat(asked["cutoff"]) == moment


def _terms(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run less the end of the data, which later files move."""
    return {key: value for key, value in asked["settings"].items() if key != "data_until"}


def _check_same_question(current: RecordedForecast, earlier: RecordedForecast) -> None:
    for key in ("target", "where"):
        if earlier.asked[key] != current.asked[key]:
            raise InputError(
                "bad-argument",
                f"the run `{earlier.run_id}` asks another question than `{current.run_id}`: its {key} is"
                f" {earlier.asked[key]}, not {current.asked[key]}",
                where="--from-run",
                remedy="name a forecast of the same target and filter, or give --since",
            )
    _check_earlier(current, earlier.cutoff, "--from-run")


def _check_earlier(current: RecordedForecast, moment: datetime, where: str) -> None:
    if moment >= current.cutoff:
        raise InputError(
            "bad-argument",
            f"{moment:%Y-%m-%d} is not before the forecast of {current.cutoff:%Y-%m-%d}",
            where=where,
            remedy="take an earlier date or run",
        )
