"""What is asked of a test: its arms, what it is sized for, and how many are held out for that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from worthwhile.decide.campaign.folder import NONE
from worthwhile.decide.campaign.power import Noise, needed
from worthwhile.decide.responses import ASSUMED, check_assumed
from worthwhile.errors import InputError

OUTCOMES = ("spend", "active")
HOLDOUT = 0.1  # share held out where nothing else is said


@dataclass(frozen=True)
class Arm:
    """One treatment of a campaign."""

    name: str
    channel: str = ""
    cost: float = 0.0  # of one contact
    assumption: str = ""  # what a contact is assumed to do: a key of `responses.ASSUMED`; empty: nothing is assumed
    lift: float = 0.0  # by how much
    treatment: str = ""  # where nothing is assumed: its name in the latest uplift run, which measured what it does
    cost_share: float = 0.0  # of what a customer spends who gets it, added to the cost: a voucher of 10 % costs 0.1


@dataclass(frozen=True)
class Sizing:
    """How large a test is, and when it begins."""

    outcome: str = "spend"  # what it is sized for: spend (currency a customer) or active (share of customers)
    holdout: float | None = None  # share, or from 1 on number, of customers held out
    detect: float | None = None  # effect that is to be found: then the holdout is worked out
    power: float = 0.8
    level: float = 0.05
    start: str | date | None = None  # first day of the outcome; None: the forecast's cutoff


def check_sizing(test: Sizing) -> None:
    """Raises InputError `bad-argument` where what is asked of the test means nothing."""
    what = remedy = ""
    if test.outcome not in OUTCOMES:
        what, remedy = f"a test is not sized for `{test.outcome}`", f"take {' or '.join(OUTCOMES)}"
    elif test.holdout is not None and test.detect is not None:
        what, remedy = "both a holdout and an effect to find are given", "give one: the other follows"
    elif not 0 < test.level < 1 or not test.level < test.power < 1:
        what, remedy = "level and power are no chances", "take a level such as 0.05 and a power such as 0.8"
    elif test.detect is not None and not test.detect > 0:
        what, remedy = "an effect of nothing cannot be found", "give one above zero"
    if what:
        raise InputError("bad-argument", what, where="campaign", remedy=remedy)


def check_arms(customers: int, arms: Sequence[Arm], test: Sizing) -> None:
    """Raises InputError `bad-argument` where so many customers cannot be parted so."""
    names, what, remedy = [arm.name for arm in arms], "", ""
    odd = next((arm for arm in arms if arm.assumption and arm.assumption not in ASSUMED), None)
    if not names or len(set(names)) < len(names) or NONE in names or "" in names:
        what, remedy = "the arms are not said, or not told apart", "give each a name of its own: --arm email --arm card"
    elif odd is not None:
        what, remedy = f"`{odd.assumption}` of `{odd.name}` is no assumption", f"take {', '.join(ASSUMED)}"
    elif customers <= len(arms):
        what, remedy = f"{customers} customers are too few", "take more customers"
    elif test.holdout is not None and not 0 < test.holdout < customers - len(arms) + 1:
        what, remedy = f"{test.holdout:g} customers cannot be held out", "give a share such as 0.1, or a number"
    if what:
        raise InputError("bad-argument", what, where="campaign", remedy=remedy)
    for arm in arms:
        if arm.assumption:
            check_assumed(arm.assumption, arm.lift, where=f"campaign, arm {arm.name}")


def held_of(total: int, arms: int, test: Sizing, noise: Noise) -> int:
    """How many are held out. Where the effect cannot be found with these customers, as many as find most."""
    if test.detect is not None:
        best = max(1, round(total / (1 + math.sqrt(arms))))
        found = needed(noise.sd_adjusted, test.detect, total, arms, level=test.level, power=test.power)
        return best if found is None else found
    share = HOLDOUT if test.holdout is None else test.holdout
    return min(max(1, round(share * total if share < 1 else share)), total - arms)
