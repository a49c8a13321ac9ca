"""MBG/NBD: the BG/NBD law in which dropout may follow the very first order as well.

Batislam, Denizel & Filiztekin (2007), Empirical validation and comparison of models for customer base analysis,
International Journal of Research in Marketing 24(3). A customer who bought once and not again may have left, so that
one-time buyers have a chance of being alive below one.
"""

from __future__ import annotations

from functools import partial

from worthwhile.models.buytilldie import bgnbd
from worthwhile.models.buytilldie.law import Law

LAW = Law(
    name="mbg-nbd",
    parameters=bgnbd.PARAMETERS,
    walls=bgnbd.WALLS,
    log_likelihood=partial(bgnbd.log_likelihood, first=1),
    p_alive=partial(bgnbd.p_alive, first=1),
    orders_alive=partial(bgnbd.orders_alive, first=1),
)
