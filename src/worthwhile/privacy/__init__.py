"""Customers are forgotten, and old events dropped: from tables and their older versions, runs and reports."""

from worthwhile.privacy.certificate import Certificate
from worthwhile.privacy.erase import forget, forget_before

__all__ = ["Certificate", "forget", "forget_before"]
