"""Campaigns: a test designed before, measured after, and its log fed back."""

from worthwhile.decide.campaign.design import design_campaign
from worthwhile.decide.campaign.measure import Measured, measure_campaign
from worthwhile.decide.campaign.sizing import Arm, Sizing

__all__ = ["Arm", "Measured", "Sizing", "design_campaign", "measure_campaign"]
