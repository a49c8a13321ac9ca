"""The prior: shops as they might be, simulated in torch. Each mechanism is a small function that says what it is."""

from worthwhile.models.incontext.prior.shops import Shops
from worthwhile.models.incontext.prior.simulate import simulate

__all__ = ["Shops", "simulate"]
