"""The thresholds between segments: one table, each with a name, where it comes from, and what it means."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from worthwhile.errors import InputError
from worthwhile.settings import SETTINGS, Settings


@dataclass(frozen=True)
class Thresholds:
    """What parts one segment from the next. Those that a shop may want otherwise are the settings `segments.*`."""

    # Shares of the expected spend that the tiers top, high and middle reach down to.
    tiers: tuple[float, ...] = tuple(SETTINGS["segments.tiers"].default)
    # Days from the first order on in which a customer is new; 0: from the shop's own second orders.
    new_days: int = SETTINGS["segments.new_days"].default
    growing: float = SETTINGS["segments.growing"].default  # of pace, see customers.py
    cooling: float = SETTINGS["segments.cooling"].default  # of kept, see customers.py
    at_risk: float = SETTINGS["segments.at_risk"].default
    lost: float = SETTINGS["segments.lost"].default
    aipl_days: int = SETTINGS["segments.aipl_days"].default

    @classmethod
    def of(cls, settings: Settings) -> Thresholds:
        """Those of a shop. Raises InputError `bad-setting` where they are not in order."""
        keys = [key for key in SETTINGS if key.startswith("segments.")]
        given = {key.removeprefix("segments."): settings[key] for key in keys}
        made = cls(**{**given, "tiers": tuple(given["tiers"])})
        if not made.lost <= made.at_risk <= made.cooling:
            raise InputError(
                "bad-setting",
                f"the thresholds lost {made.lost:g}, at_risk {made.at_risk:g} and cooling {made.cooling:g} do not rise",
                where="shop.toml",
                remedy="set segments.lost <= segments.at_risk <= segments.cooling",
            )
        return made

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "tiers": list(self.tiers)}


# ---- those that are the same in every shop --------------------------------------------------------------------------

# What "within which most second orders came" means, and its bounds: a shop of three second orders says little.
SECOND_ORDER_SHARE, NEW_DAYS_RANGE, ENOUGH_SECOND_ORDERS = 0.75, (30, 180), 20
NEW_DAYS_UNKNOWN = 90  # where there are too few second orders to tell
# In rhythm: at least so many repeat orders, the last one no longer ago than the usual gap. Enough of them to say what
# the forecast gives such customers.
RHYTHM_REPEATS, ENOUGH_IN_RHYTHM = 2, 30
# The awareness-interest-purchase-loyalty stages, as Chinese platforms count them.
AIPL_PURCHASE_DAYS, AIPL_LOYAL_DAYS, AIPL_LOYAL_ORDERS, AIPL_GOOD_RATING = 730, 365, 2, 4.0
AIPL_INTEREST_DAYS_VISITED = 2  # of views or searches on so many days
