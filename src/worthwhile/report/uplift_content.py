"""What the report shows of uplift: the shop's latest recorded run, whatever the forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from worthwhile.decide.uplift.wording import gap_of
from worthwhile.report.chosen import Made, refuse_old
from worthwhile.runs.record import check_digests, list_runs
from worthwhile.shop import Shop

Row = Mapping[str, Any]


@dataclass(frozen=True)
class UpliftFacts:
    """A recorded uplift run (docs/uplift.md): `document` is what its sentences are made of."""

    made: Made
    document: Row  # what was asked and found, with the rows of policies.parquet
    deciles: Sequence[Row]
    curves: Sequence[Row]

    def deciles_of(self, outcome: str, action: str) -> list[Row]:
        return [row for row in self.deciles if (row["outcome"], row["action"]) == (outcome, action)]

    def curve_of(self, outcome: str, action: str, curve: str) -> list[Row]:
        named = (outcome, action, curve)
        return [row for row in self.curves if (row["outcome"], row["action"], row["curve"]) == named]

    def sureness(self, outcome: str, action: str) -> str:
        """Whether customers are known to respond differently: `same` where not, `within` where they are, but the first
        and the last group differ within chance, else `apart`."""
        groups = self.groups(outcome, action)
        if not groups:
            return "same"
        return "apart" if gap_of(groups)[0] > 0 else "within"

    def groups(self, outcome: str, action: str) -> Sequence[Row]:
        """Who responds most and who least; none where nobody can be told apart."""
        [one] = [r for r in self.document["responders"] if (r["outcome"], r["action"]) == (outcome, action)]
        return list(one["groups"])


def uplift_of(shop: Shop, *, run_id: str | None = None) -> UpliftFacts | None:
    """The uplift `run_id`, by default the latest that says who responds; None where there is none.

    Raises InputError: `damaged`; `bad-argument` where the one named was made by an earlier version.
    """
    for manifest in list_runs(shop, "uplift"):
        if run_id not in (None, manifest["run_id"]):
            continue
        if "responders" not in manifest:  # of an earlier version
            if run_id is not None:
                raise refuse_old("uplift", run_id)
            continue
        folder = shop.runs / manifest["run_id"]
        check_digests(folder)
        policies, deciles, curves = (
            pq.read_table(folder / f"{name}.parquet").to_pylist() for name in ("policies", "deciles", "curves")
        )
        document = {**manifest["asked"], **manifest, "policies": policies}
        return UpliftFacts(Made.of(manifest, shop.settings.zone), document, deciles, curves)
    return None
