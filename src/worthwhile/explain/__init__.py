"""Reasons: which facts and events move a customer's forecast, in the shop's currency and in words."""
