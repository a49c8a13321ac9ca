from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from worthwhile.errors import InputError
from worthwhile.runs.asked import Asked, by_end, forecast_cutoff, moment_of, settings_behind, shop_as_asked
from worthwhile.shop import change_settings, create_shop
from worthwhile.store.log import log_of

ZONES = ["UTC", "Asia/Shanghai", "America/New_York"]


@pytest.fixture(scope="module", params=ZONES)
def log(request):
    """A log from 2011-01-10 to 2011-12-09, both by the wall clock."""
    days = [datetime(2011, 1, 10, 9), datetime(2011, 12, 9, 20)]
    events = pa.table({"customer_id": ["a", "b"], "local_ts": days, "amount": [1.0, 2.0]})
    with log_of(events, zone=request.param) as opened:
        yield opened


@pytest.fixture
def empty(tmp_path):
    return create_shop(tmp_path / "shop")


def test_without_a_cutoff_a_forecast_starts_at_the_end_of_the_log(log):
    assert forecast_cutoff(None, log) == log.until == forecast_cutoff("2011-12-10", log)


@pytest.mark.parametrize("cutoff", ["2011-12-11", "2011-12-10T00:00:01", date(2030, 1, 1), "9999-12-30"])
def test_a_cutoff_beyond_the_log_is_refused_and_the_last_possible_day_named(log, cutoff):
    with pytest.raises(InputError) as caught:
        forecast_cutoff(cutoff, log)
    assert (caught.value.code, caught.value.where) == ("bad-argument", "--cutoff")
    assert "up to 2011-12-10" in caught.value.remedy


@pytest.mark.parametrize(
    "cutoff",
    [
        "9999-12-31",
        "9999-12-31T23:59:59",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01",
        "0001-01-01T00:00:00+14:00",
        datetime.min.replace(tzinfo=UTC),
        datetime.max,
    ],
)
def test_a_cutoff_at_the_ends_of_the_calendar_is_a_fault_of_the_asker(log, cutoff):
    with pytest.raises(InputError) as caught:
        forecast_cutoff(cutoff, log)
    assert caught.value.code in ("bad-argument", "no-history")


def test_a_cutoff_before_the_first_event_has_no_history(log):
    with pytest.raises(InputError) as caught:
        moment_of("2011-01-10", log, where="--cutoffs")
    assert caught.value.code == "no-history" and "begins on 2011-01-10" in caught.value.remedy


def test_the_option_that_the_cutoff_came_from_is_named(log):
    with pytest.raises(InputError) as caught:
        moment_of("soon", log, where="--cutoffs")
    assert (caught.value.code, caught.value.where) == ("bad-argument", "--cutoffs")


def test_horizons_come_in_the_order_in_which_they_end(log):
    # A month from 1 February has 28 days: by its mean length of 30.4 days it would come after 30 days.
    february = moment_of("2011-02-01", log, where="--cutoff")
    tasks = by_end(Asked().tasks(["1y", "30d", "1mo"]), february, log)
    assert [str(task.horizon) for task in tasks] == ["1mo", "30d", "1y"]


@pytest.mark.parametrize("horizons", [["7d", "1w", "7d"], ["1w", "7d"]])
def test_horizons_that_end_together_are_one(log, horizons):
    [task] = by_end(Asked().tasks(horizons), log.until, log)
    assert str(task.horizon) == "1w"


def test_no_horizon_is_refused():
    with pytest.raises(InputError) as caught:
        Asked().tasks([])
    assert (caught.value.code, caught.value.where) == ("bad-argument", "--horizon")


@pytest.mark.parametrize(
    ("target", "change", "counts"),
    [
        ("spend", {"currency": "GBP"}, True),
        ("spend", {"timezone": "Asia/Shanghai"}, True),
        ("spend", {"data_until": "2012-01-01"}, True),
        ("spend", {"value.margin": 0.3}, False),
        ("spend", {"memory_limit_gb": 2.0}, False),
        ("value", {"value.margin": 0.3}, True),
        ("value", {"value.margins": {"tea": 0.3}}, True),
        ("value", {"value.discount_rate": 0.2}, True),
    ],
)
def test_settings_that_a_number_hangs_on_are_part_of_what_is_asked(empty, target, change, counts):
    other = change_settings(empty, change)
    assert (settings_behind(empty.settings, target) != settings_behind(other.settings, target)) == counts


def test_a_run_is_read_under_the_settings_that_it_was_made_under(empty):
    asked = {"settings": settings_behind(empty.settings, "value")}
    changed = change_settings(empty, {"value.margin": 0.3, "currency": "GBP", "name": "Tea"})
    then = shop_as_asked(changed, asked)
    assert settings_behind(then.settings, "value") == asked["settings"]
    assert then.name == "Tea"
