"""Buy till you die: BG/NBD, MBG/NBD and Pareto/NBD laws of orders, each with Gamma-Gamma values of them."""

from worthwhile.models.buytilldie.model import BgNbd, Fitted, MbgNbd, Newcomers, ParetoNbd

__all__ = ["BgNbd", "Fitted", "MbgNbd", "Newcomers", "ParetoNbd"]
