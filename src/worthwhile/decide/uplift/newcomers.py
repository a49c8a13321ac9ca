"""What a recorded run expects of customers who were not in its log, by the models that it kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from worthwhile.decide.identities import with_known_ids
from worthwhile.decide.tables import ids_of, read_table
from worthwhile.decide.uplift.keep import AT_ONCE, joined, load_models
from worthwhile.decide.uplift.results import effects_table
from worthwhile.errors import InputError
from worthwhile.models.threads import one_thread_each
from worthwhile.runs.record import check_digests, list_runs, run_folder
from worthwhile.shop import Shop


def uplift_effects(shop: Shop, customers: Path | str | pa.Table, *, run_id: str | None = None) -> pa.Table:
    """Effects on customers who need not be in the campaign's log, as the latest uplift run (or `run_id`) learned them.

    `customers` has `customer_id` and the run's covariates: the columns of the log that it learned from. The answer has
    the columns of `effects.parquet`. Of a run with the shop's features, which has effects for all customers of its
    cutoff, none are worked out here: estimate it again with another cutoff.
    Raises InputError `no-such-run`, `damaged`, `bad-argument`, `bad-file`, `bad-columns`, `bad-values`.
    """
    found = next((run for run in list_runs(shop, "uplift") if run_id in (None, run["run_id"])), None)
    if found is None:
        raise InputError(
            "no-such-run",
            "there is no uplift run" + (f" `{run_id}`" if run_id else ""),
            where=str(shop.folder),
            remedy="learn from a campaign's log: worth uplift SHOP --log campaign.csv",
        )
    folder = run_folder(shop, found["run_id"])
    check_digests(folder)
    models = load_models(folder / "models")
    if not models.codings:
        raise InputError(
            "bad-argument",
            f"the run {found['run_id']} learned from the shop's features, and has effects for its customers of a day",
            where="run_id",
            remedy="estimate it again with --cutoff for those of another day",
        )
    table = customers if isinstance(customers, pa.Table) else read_table(customers, where="customers")
    table = with_known_ids(shop, table, where="customers")
    ids = ids_of(table, where="customers").to_numpy(zero_copy_only=False)
    matrix = np.column_stack([coding.of(table, source="customers") for coding in models.codings]).astype(np.float32)
    with one_thread_each():
        parts = [models.effects(matrix[low : low + AT_ONCE]) for low in range(0, len(matrix), AT_ONCE)]
    return effects_table(ids, models.actions[1:], models.outcomes, joined(parts))
