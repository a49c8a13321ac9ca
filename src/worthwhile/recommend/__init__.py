"""Recommendations: for each customer the items that they will want next, with a score and a reason."""

from worthwhile.recommend.build import Recommendations, recommend_items
from worthwhile.recommend.content import Content
from worthwhile.recommend.filters import Filters, read_stock

__all__ = ["Content", "Filters", "Recommendations", "read_stock", "recommend_items"]
