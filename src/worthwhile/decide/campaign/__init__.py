"""Campaigns: a test designed before, measured after, and its log fed back."""

from worthwhile.decide.campaign.design import Arm, Sizing, design_campaign
from worthwhile.decide.campaign.measure import Measured, measure_campaign

__all__ = ["Arm", "Measured", "Sizing", "design_campaign", "measure_campaign"]
