"""The tables of segments: one row a customer, one a segment, one for each way from a stage to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from worthwhile.decide.segments.aipl import AIPL
from worthwhile.decide.segments.clusters import Clustering
from worthwhile.decide.segments.customers import Customers
from worthwhile.decide.segments.rfm import REGIONS, Rfm
from worthwhile.decide.segments.stages import STAGES
from worthwhile.decide.segments.tiers import TIERS

Array = np.ndarray[Any, Any]

# The contract of the hand-over. Of those without an order all but `stage` and `aipl` are null.
SEGMENTS = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("tier", pa.string()),  # top, high, middle, low
        pa.field("rfm_recency", pa.int8()),  # 1 to 5, 5 the best
        pa.field("rfm_frequency", pa.int8()),
        pa.field("rfm_monetary", pa.int8()),
        pa.field("rfm_segment", pa.string()),  # a region of rfm.REGIONS
        pa.field("stage", pa.string(), nullable=False),  # one of stages.STAGES
        pa.field("aipl", pa.string()),  # null for everyone where the log holds no browsing
        pa.field("cluster", pa.int32()),  # 1 expects most
        pa.field("p_active", pa.float64()),
        pa.field("spend_mean", pa.float64()),  # expected in the horizon
        pa.field("shortfall", pa.float64()),  # a horizon's part of last year's spend, less the expected, where positive
        pa.field("spend_last_year", pa.float64()),
    ]
)
SUMMARY = pa.schema(
    [
        pa.field("dimension", pa.string(), nullable=False),  # stage, tier, rfm, aipl, cluster
        pa.field("segment", pa.string(), nullable=False),
        pa.field("customers", pa.int64(), nullable=False),
        pa.field("customers_share", pa.float64()),  # of all in the dimension
        pa.field("spend", pa.float64(), nullable=False),  # money held: expected in the horizon
        pa.field("spend_share", pa.float64()),
        pa.field("shortfall", pa.float64(), nullable=False),
        pa.field("p_active_mean", pa.float64()),  # null where nobody has a forecast
        pa.field("spend_last_year", pa.float64(), nullable=False),
    ]
)
FLOW = pa.schema(
    [
        pa.field("from_stage", pa.string(), nullable=False),  # at the earlier date; NOT_YET: the shop knew nothing
        pa.field("to_stage", pa.string(), nullable=False),  # at the cutoff; GONE: nothing is known any more
        pa.field("customers", pa.int64(), nullable=False),
        pa.field("spend_then", pa.float64(), nullable=False),  # expected at the earlier date
        pa.field("spend", pa.float64(), nullable=False),  # expected at the cutoff
        pa.field("shortfall", pa.float64(), nullable=False),  # at the cutoff
    ]
)
NOT_YET, GONE = "not_yet", "gone"
# Dimension -> its column, and its segments in the order in which they are shown; those of clusters are numbers.
DIMENSIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "stage": ("stage", STAGES),
    "tier": ("tier", TIERS),
    "rfm": ("rfm_segment", tuple(REGIONS.values())),
    "aipl": ("aipl", AIPL),
    "cluster": ("cluster", ()),
}


@dataclass(frozen=True)
class Everyone:
    """All whom the shop knew at a date: the customers of a snapshot, and then those without an order."""

    ids: Array  # (M,) str objects
    stage: Array  # (M,)
    spend: Array  # (M,) expected in the horizon; 0 for those without an order
    shortfall: Array  # (M,)


def everyone_of(customers: Customers, stage: Array, prospects: Array) -> Everyone:
    """The customers of a snapshot with their stage (N,), and those without an order (K,)."""
    none = np.zeros(len(prospects))
    return Everyone(
        ids=np.concatenate([customers.ids, prospects]).astype(object),
        stage=np.concatenate([stage, np.full(len(prospects), "prospect", dtype=object)]).astype(object),
        spend=np.concatenate([customers.spend_mean, none]),
        shortfall=np.concatenate([customers.shortfall, none]),
    )


def segments_table(
    customers: Customers, everyone: Everyone, *, tier: Array, rfm: Rfm, clusters: Clustering, aipl: Array | None
) -> pa.Table:
    """The table SEGMENTS, ascending by customer. Arrays are of the customers (N,), `aipl` of everyone (M,)."""
    size, known = len(everyone.ids), len(customers)
    bought = customers.orders > 0

    def column(field: pa.Field, values: Array, has: Array | None = None) -> pa.Array:
        present = np.zeros(size, bool)
        present[:known] = True if has is None else has
        padded = np.concatenate([values, np.zeros(size - known, values.dtype)])
        return pa.array(padded, mask=~present).cast(field.type)

    arrays = {
        "customer_id": pa.array(everyone.ids, pa.string()),
        "tier": column(SEGMENTS.field("tier"), tier),
        "rfm_recency": column(SEGMENTS.field("rfm_recency"), rfm.recency, bought),
        "rfm_frequency": column(SEGMENTS.field("rfm_frequency"), rfm.frequency, bought),
        "rfm_monetary": column(SEGMENTS.field("rfm_monetary"), rfm.monetary, bought),
        "rfm_segment": column(SEGMENTS.field("rfm_segment"), rfm.region, bought),
        "stage": pa.array(everyone.stage, pa.string()),
        "aipl": pa.nulls(size, pa.string()) if aipl is None else pa.array(aipl, pa.string()),
        "cluster": column(SEGMENTS.field("cluster"), clusters.label, clusters.label > 0),
        "p_active": column(SEGMENTS.field("p_active"), customers.p_active),
        "spend_mean": column(SEGMENTS.field("spend_mean"), customers.spend_mean),
        "shortfall": column(SEGMENTS.field("shortfall"), customers.shortfall),
        "spend_last_year": column(SEGMENTS.field("spend_last_year"), customers.spend_year),
    }
    return pa.table(arrays, schema=SEGMENTS).sort_by("customer_id")


def summary_table(table: pa.Table) -> pa.Table:
    """The table SUMMARY of a table SEGMENTS: dimension after dimension; segments without a customer are left out,
    stages are not."""
    rows: list[dict[str, Any]] = []
    for dimension, (name, segments) in DIMENSIONS.items():
        values = table[name]
        shown: Sequence[Any] = segments or sorted(v for v in pc.unique(values).to_pylist() if v is not None)
        known = table.filter(values.is_valid())
        total = {"customers": len(known), "spend": pc.sum(known["spend_mean"]).as_py() or 0.0}
        for segment in shown:
            own = table.filter(pc.equal(values, segment))
            if len(own) or dimension == "stage":
                rows.append({"dimension": dimension, "segment": str(segment), **_sums(own, total)})
    return pa.Table.from_pylist(rows, schema=SUMMARY)


def _sums(own: pa.Table, total: Mapping[str, float]) -> dict[str, Any]:
    spend = pc.sum(own["spend_mean"]).as_py() or 0.0
    return {
        "customers": len(own),
        "customers_share": len(own) / total["customers"] if total["customers"] else None,
        "spend": spend,
        "spend_share": spend / total["spend"] if total["spend"] else None,
        "shortfall": pc.sum(own["shortfall"]).as_py() or 0.0,
        "p_active_mean": pc.mean(own["p_active"]).as_py(),
        "spend_last_year": pc.sum(own["spend_last_year"]).as_py() or 0.0,
    }


def flow_table(then: Everyone, now: Everyone) -> pa.Table:
    """The table FLOW: everyone known at either date by the stages they were at, in the order of a customer's life."""
    before, after = (NOT_YET, *STAGES), (*STAGES, GONE)
    of_now = pc.index_in(pa.array(now.ids, pa.string()), value_set=pa.array(then.ids, pa.string()))
    of_then = pc.index_in(pa.array(then.ids, pa.string()), value_set=pa.array(now.ids, pa.string()))
    came, left = of_now.is_valid().to_numpy(False), ~of_then.is_valid().to_numpy(False)
    place = of_now.fill_null(0).to_numpy()
    stage_then = np.where(came, then.stage[place] if len(then.ids) else NOT_YET, NOT_YET)
    spend_then = np.where(came, then.spend[place] if len(then.ids) else 0.0, 0.0)
    rows = []
    for one in before:
        for other in after:
            own = (stage_then == one) & (now.stage == other)
            gone = left & (then.stage == one) if other == GONE else np.zeros(len(then.ids), bool)
            if own.any() or gone.any():
                rows.append(
                    {
                        "from_stage": one,
                        "to_stage": other,
                        "customers": int(own.sum() + gone.sum()),
                        "spend_then": float(spend_then[own].sum() + then.spend[gone].sum()),
                        "spend": float(now.spend[own].sum()),
                        "shortfall": float(now.shortfall[own].sum()),
                    }
                )
    return pa.Table.from_pylist(rows, schema=FLOW)
