"""`explain_forecast`: why customers' forecasts are what they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from worthwhile.errors import InputError
from worthwhile.evaluation.numbers import Numbers
from worthwhile.explain.counterfactual import timelines_of
from worthwhile.explain.forecaster import Forecaster, check_customers, forecaster_of
from worthwhile.explain.game import game_of
from worthwhile.explain.links import LinkGame
from worthwhile.explain.reasons import MINOR, MINOR_NAME, REASONS
from worthwhile.explain.sentences import Teller, facts_of
from worthwhile.explain.shapley import Shares
from worthwhile.explain.shares import shares_of
from worthwhile.explain.typical import middle_customers, typical_of
from worthwhile.features.snapshot import Snapshot
from worthwhile.languages import check_language
from worthwhile.models.files import write_json
from worthwhile.models.protocol import Additive
from worthwhile.progress import Progress, part, silent
from worthwhile.runs.recall import RecordedForecast, recorded_forecast
from worthwhile.runs.record import record
from worthwhile.runs.tables import check_out, write_table
from worthwhile.shop import Shop

Array = np.ndarray[Any, Any]

TOP = 3
LEADING, TIMELINES = 3, 3  # customers whose reasons, and whose timelines, a recorded explanation holds in full
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
AMOUNT, CHANCE, ORDERS = 0, 1, 2  # the outputs that are explained
RANKED_BY = {"active": CHANCE, "churn": CHANCE, "orders": ORDERS}  # target -> output; else the amount


@dataclass(frozen=True)
class Explanations:
    """Why the forecasts of customers are what they are: the share of each reason in each forecast."""

    recorded: RecordedForecast
    snapshot: Snapshot  # (N) customers explained
    typical: Snapshot  # one customer: what all are compared with
    reasons: tuple[str, ...]  # (P,)
    shares: Shares

    def __len__(self) -> int:
        return len(self.snapshot)

    @property
    def baseline(self) -> Array:  # (3,) expected amount, P(active) and orders of the typical customer
        return self.shares.baseline[0]

    def teller(self, language: str) -> Teller:
        return Teller(Numbers(language, self.recorded.shop.settings["currency"]))

    def ranked(self) -> Array:  # (N, P) places of reasons, the one that moves most first
        """By what they move of the target; small things together come last."""
        output = RANKED_BY.get(self.recorded.task.target, AMOUNT)
        moved = np.abs(self.shares.shares[:, :, output])
        if MINOR in self.reasons:
            moved = moved.copy()
            moved[:, self.reasons.index(MINOR)] = -1.0
        return np.argsort(-moved, axis=1, kind="stable")

    def table(self, top: int | None = TOP, *, language: str = "en") -> pa.Table:
        """The first `top` reasons of each customer (None: all), ascending by customer and rank.

        Columns: customer_id, rank (1 moves most), reason, <amount>_effect (what the reason adds to the expected
        amount, against a typical customer, in the shop's currency), <amount>_effect_share (its share of all that moves
        the amount, with its sign: -1 to 1), p_active_effect and orders_effect (what it adds to the chance to buy and
        to the expected orders), text, and sentence: the text with the effect on the amount.
        """
        teller, name = self.teller(language), self.recorded.task.amount_name
        order = self.ranked()[:, :top]  # (N, K)
        n, k = order.shape
        rows = np.repeat(np.arange(n), k)
        which = order.reshape(-1)
        effects = self.shares.shares[rows, which]  # (N K, 3)
        moved = np.abs(self.shares.shares[:, :, AMOUNT]).sum(axis=1)[rows]
        texts = []
        for row in range(n):
            facts = facts_of(self.snapshot, row, self.typical)
            texts += [teller.reason(self.reasons[place], facts) for place in order[row]]
        return pa.table(
            {
                "customer_id": pa.array(self.snapshot.customer_ids[rows], pa.string()),
                "rank": pa.array(np.tile(np.arange(1, k + 1, dtype=np.int32), n)),
                "reason": pa.array([self.reasons[place] for place in which], pa.string()),
                f"{name}_effect": effects[:, AMOUNT],
                f"{name}_effect_share": effects[:, AMOUNT] / np.maximum(moved, 1e-12),
                "p_active_effect": effects[:, CHANCE],
                "orders_effect": effects[:, ORDERS],
                "text": pa.array(texts, pa.string()),
                "sentence": pa.array(map(teller.effect, texts, effects[:, AMOUNT].tolist()), pa.string()),
            }
        )

    def importance(self) -> pa.Table:
        """How much each reason moves forecasts, most first.

        Columns: reason, label, label_zh, <amount>_effect_mean, p_active_effect_mean and orders_effect_mean (of
        absolute effects), share (of all movement of the amount), and quantiles of the effect on the amount,
        <amount>_effect_q05 and on.
        """
        name, shares = self.recorded.task.amount_name, self.shares.shares
        mean = np.abs(shares).mean(axis=0)  # (P, 3)
        order = np.argsort(-mean[:, AMOUNT], kind="stable")
        known = REASONS | {MINOR: MINOR_NAME}
        spread = np.quantile(shares[:, order, AMOUNT], QUANTILES, axis=0)  # (Q, P)
        labels = [known[self.reasons[place]] for place in order]
        columns: dict[str, Any] = {
            "reason": pa.array([self.reasons[place] for place in order], pa.string()),
            "label": pa.array([label[0] for label in labels], pa.string()),
            "label_zh": pa.array([label[1] for label in labels], pa.string()),
            f"{name}_effect_mean": mean[order, AMOUNT],
            "share": mean[order, AMOUNT] / max(mean[:, AMOUNT].sum(), 1e-12),
            "p_active_effect_mean": mean[order, CHANCE],
            "orders_effect_mean": mean[order, ORDERS],
        }
        columns |= {f"{name}_effect_q{round(q * 100):02d}": spread[i] for i, q in enumerate(QUANTILES)}
        return pa.table(columns)


def explain_forecast(  # noqa: PLR0913 (one parameter for each question that a person asks)
    shop: Shop,
    customers: Sequence[str] | None = None,
    *,
    run_id: str | None = None,
    horizon: str | None = None,
    sample: int | None = None,
    seed: int | None = None,
    out: Path | str | None = None,
    language: str = "en",
    progress: Progress = silent,
) -> Explanations:
    """Why the forecasts of these customers (default: of all) are what they are, by the recorded forecast `run_id`
    (default: the latest).

    Of all customers, or of a random `sample` of them, the importance of each reason and the table of the first three
    reasons are recorded as a run; `out` writes that table, with texts in `language`, to a file, by its suffix.
    Raises InputError (`no-such-run`, `no-such-customer`, `bad-argument`, `damaged`).
    """
    check_language(language)
    if sample is not None and sample < 1:
        raise InputError(
            "bad-argument", f"a sample of {sample} customers is none", where="sample", remedy="give 1 or more"
        )
    path = None if out is None else check_out(out)
    progress("opening the forecast", 0.0)
    recorded = recorded_forecast(shop, run_id=run_id, horizon=horizon)
    wanted = check_customers(recorded, customers) if customers is not None else None
    seed = recorded.asked["seed"] if seed is None else seed
    with forecaster_of(recorded) as forecaster:
        made = explained(forecaster, wanted, sample=sample, seed=seed, progress=part(progress, 0.05, 0.8))
        if customers is None:
            progress("reasons of the leading customers", 0.8)
            examples = explained(forecaster, _leading(recorded), seed=seed)
            timelines = timelines_of(
                forecaster, examples.snapshot.customer_ids[:TIMELINES].tolist(), part(progress, 0.82, 0.95)
            )
            progress("writing", 0.95)
            _record(shop, Made(made, examples, timelines), sample=sample, seed=seed)
    if path is not None:
        write_table(made.table(language=language), path)
    progress("done", 1.0)
    return made


def explained(
    forecaster: Forecaster,
    customers: Sequence[str] | None = None,
    *,
    sample: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Explanations:
    """The same from an open forecast: for many questions in a row, or one that has to be answered at once."""
    if customers is None and sample is not None:
        customers = _drawn(forecaster.recorded.table(), sample, seed)
    progress("what the customers did", 0.0)
    with compared(forecaster, customers) as (snapshot, typical):
        asked = game_of(snapshot, typical, forecaster.answer, reads_events=forecaster.reads_events)
        threads = forecaster.recorded.shop.settings["threads"]
        model = forecaster.model
        game = LinkGame(asked, model) if isinstance(model, Additive) else asked
        reasons, shares = shares_of(game, seed=seed, threads=threads, progress=progress)
    return Explanations(forecaster.recorded, snapshot, typical, reasons, shares)


@contextmanager
def compared(forecaster: Forecaster, customers: Sequence[str] | None) -> Iterator[tuple[Snapshot, Snapshot]]:
    """The snapshot of these customers (None: of all), and the typical customer of the recorded forecast.

    Both are read together: features take longest where they are asked for twice.
    """
    recorded = forecaster.recorded
    middle = middle_customers(recorded.table(), recorded.task.amount_name)
    opened = forecaster.everybody() if customers is None else forecaster.customers(sorted({*customers, *middle}))
    with opened as both:
        typical = typical_of(both[np.isin(both.customer_ids, middle)])
        yield both if customers is None else both[np.isin(both.customer_ids, customers)], typical


def _drawn(forecasts: pa.Table, sample: int, seed: int) -> list[str]:
    ids = forecasts["customer_id"].to_pylist()
    places = np.random.default_rng(seed).permutation(len(ids))[:sample]
    return sorted(ids[place] for place in places)


def _leading(recorded: RecordedForecast) -> list[str]:
    """The customers who are expected to bring most, most first; ties in order of id."""
    table = recorded.table()
    ids = table["customer_id"].to_numpy(zero_copy_only=False)
    most = np.lexsort((ids.astype(str), -table[f"{recorded.task.amount_name}_mean"].to_numpy()))
    return ids[most[:LEADING]].tolist()


@dataclass(frozen=True)
class Made:
    """What a recorded explanation of a shop holds."""

    of_all: Explanations  # or of a sample
    leading: Explanations  # of the customers who are expected to bring most
    timelines: pa.Table  # of some of these


def _record(shop: Shop, explanations: Made, *, sample: int | None, seed: int) -> Path:
    made = explanations.of_all
    recorded = made.recorded
    facts = {
        "forecast": recorded.run_id,
        "horizon": recorded.horizon,
        "cutoff": recorded.asked["cutoff"],
        "data_version": recorded.asked["data_version"],
        "sample": sample,
        "seed": seed,
    }
    name = recorded.task.amount_name
    baseline = dict(zip((f"{name}_mean", "p_active", "orders_mean"), made.baseline.tolist(), strict=True))

    def fill(folder: Path, run_id: str) -> None:
        for language in ("en", "zh"):
            write_table(made.table(language=language), folder / f"reasons-{language}.parquet")
            leading = explanations.leading.table(None, language=language)
            write_table(leading, folder / f"leading-{language}.parquet")
        write_table(explanations.timelines, folder / "timelines.parquet")
        write_table(made.importance(), folder / "importance.parquet")
        write_json(folder / "typical.json", baseline)

    return record(shop, "reasons", facts, {"customers": len(made), "typical": baseline}, fill)
