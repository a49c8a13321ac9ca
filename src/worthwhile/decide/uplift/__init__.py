"""Uplift: from a campaign's log, what each action does to each customer, and when it pays to tell customers apart."""

from worthwhile.decide.uplift.estimate import UpliftOptions as UpliftOptions
from worthwhile.decide.uplift.estimate import UpliftRun as UpliftRun
from worthwhile.decide.uplift.estimate import estimate_uplift as estimate_uplift
from worthwhile.decide.uplift.newcomers import uplift_effects as uplift_effects
