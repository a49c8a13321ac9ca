"""Worthwhile forecasts what each customer of an online shop will be worth, says why, and what to do about it."""

__version__ = "0.1.0"
