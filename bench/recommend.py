"""Recommendations on Online Retail II against popularity, own past purchases, item-kNN, ALS and BPR.

    python bench/recommend.py --data ../shared/data

What customers with history buy in the 30 days after a cutoff. Goods are stock codes that begin with five digits, at a
quantity and price above 0, less what was cancelled. Two settings: all items, and only items new to the customer. The
peers of `implicit` are tuned, for each setting, on an earlier cutoff; nothing of ours is chosen on the cutoffs shown.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from tables import markdown
from worthwhile.content.items import item_vectors, texts_before
from worthwhile.content.static import static_encoder
from worthwhile.features.build import cutoff_from
from worthwhile.recommend.build import Recommender
from worthwhile.recommend.content import Content
from worthwhile.recommend.evaluate import Quality, evaluate
from worthwhile.recommend.events import event_scores
from worthwhile.recommend.filters import Filters
from worthwhile.store.log import Log, log_of

Array = np.ndarray[Any, Any]

CUTOFFS = ("2011-03-15", "2011-05-15", "2011-07-15", "2011-09-15")
OURS = ("worthwhile without titles", "worthwhile", "worthwhile with events")
TUNED_ON = "2010-11-01"
DAYS, K = 30, 20
EPOCH = date(1970, 1, 1)

# A line that was cancelled, then or later, is no purchase: for nobody, before the cutoff or after it.
_GOODS = """
    WITH lines AS (FROM read_parquet(?) WHERE CustomerID IS NOT NULL AND regexp_matches(StockCode, '^[0-9]{5}'))
    SELECT CAST(CustomerID AS VARCHAR) AS customer_id, upper(StockCode) AS item_id, InvoiceDate AS local_ts,
        Invoice AS order_id, Quantity AS quantity, Price AS price, Quantity * Price AS amount,
        Country AS country, Description AS title
    FROM lines l
    WHERE Price > 0 AND Quantity > 0 AND NOT EXISTS (
        FROM lines c WHERE c.CustomerID = l.CustomerID AND upper(c.StockCode) = upper(l.StockCode)
            AND c.Quantity = -l.Quantity AND c.InvoiceDate >= l.InvoiceDate
    )
"""


def read_log(data: Path) -> Log:
    con = duckdb.connect()
    goods = con.sql(_GOODS, params=[str(data / "online_retail_ii.parquet")])
    titles = con.sql("SELECT item_id, mode(title) AS title FROM goods GROUP BY item_id ORDER BY item_id")
    return log_of(goods.to_arrow_table(), zone="Europe/London", items=titles.to_arrow_table())


@dataclass(frozen=True, eq=False)
class Split:
    """What was bought before a cutoff and in the 30 days after it. N customers who ordered in both, I items."""

    cutoff: str
    customers: Array  # (C,) str: all who bought before, ascending
    items: Array  # (I,) str: all that were sold, ascending; those first sold after the cutoff too
    times: sparse.csr_matrix  # (C, I): days on which the customer bought the item
    last: sparse.csr_matrix  # (C, I): days from the first day to the last purchase, from 1
    recent: Array  # (I,): customers who bought the item in the last 60 days
    asked: Array  # (N,): rows of customers who bought after
    bought: sparse.csr_matrix  # (N, I) of ones

    @property
    def popularity(self) -> Array:
        """The share of customers who bought each item before the cutoff."""
        return np.bincount(self.times.indices, minlength=len(self.items)) / len(self.customers)

    def is_new(self) -> Array:  # (N, I) bool
        return self.times[self.asked].toarray() == 0

    def target(self, new: bool) -> sparse.csr_matrix:
        """What was bought (N, I), in the second setting only what was new to the customer."""
        if not new:
            return self.bought
        return sparse.csr_matrix(self.bought.toarray() * self.is_new())


Method = Callable[[Split, bool], Array]  # (split, whether only new items count) -> (N, K) int, -1 where fewer


def split_at(log: Log, cutoff: str) -> Split:
    day = (date.fromisoformat(cutoff) - EPOCH).days
    rows = log.con.execute(
        "SELECT DISTINCT customer_id, item_id, day FROM events WHERE kind = 'order_line'"
    ).fetchnumpy()
    when = rows["day"].astype(int)
    items, item = np.unique(rows["item_id"].astype(str), return_inverse=True)
    before, after = when < day, (when >= day) & (when < day + DAYS)
    names = rows["customer_id"].astype(str)
    customers = np.unique(names[before])
    shape = (len(customers), len(items))
    row = np.searchsorted(customers, names[before])
    times = sparse.csr_matrix((np.ones(before.sum()), (row, item[before])), shape=shape)
    last = np.zeros(shape, np.float32)
    np.maximum.at(last, (row, item[before]), when[before] - when.min() + 1)
    recent = before & (when >= day - 60)
    pairs = np.unique(np.searchsorted(customers, names[recent]) * len(items) + item[recent])
    known = after & np.isin(names, customers)
    bought = np.zeros(shape, bool)
    bought[np.searchsorted(customers, names[known]), item[known]] = True
    asked = np.flatnonzero(bought.any(axis=1))
    of_asked = sparse.csr_matrix(bought[asked].astype(np.float32))
    return Split(
        cutoff, customers, items, times, sparse.csr_matrix(last),
        np.bincount(pairs % len(items), minlength=len(items)), asked, of_asked,
    )  # fmt: skip


def best_of(score: Array, is_allowed: Array) -> Array:
    """The K items of the greatest scores (N, I) among the allowed ones: (N, K) int, -1 where there are fewer."""
    score = np.where(is_allowed, score, -np.inf)
    best = np.argsort(-score, axis=1, kind="stable")[:, :K]
    return np.where(np.isfinite(np.take_along_axis(score, best, axis=1)), best, -1)


def popularity(split: Split, new: bool) -> Array:
    score = np.broadcast_to(split.recent, (len(split.asked), len(split.items)))
    return best_of(score, (score > 0) & (split.is_new() if new else True))


def own_past(split: Split, new: bool) -> Array:
    """Own purchases by count, then recency, filled up with popular items. For new items: the popular ones."""
    if new:
        return popularity(split, new)
    times, last = split.times[split.asked].toarray(), split.last[split.asked].toarray()
    return best_of(times * 1e4 + last + split.recent / (split.recent.max() + 1), np.ones(times.shape, bool))


class OfImplicit:
    """A recommender of `implicit`, fitted once a split for both settings."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make, self.split, self.model = make, None, None

    def __call__(self, split: Split, new: bool) -> Array:
        matrix = split.times.astype(np.float32).tocsr()
        if self.split is not split:
            self.split, self.model = split, self.make()
            self.model.fit(matrix, show_progress=False)
        asked = split.asked
        ids, score = self.model.recommend(asked, matrix[asked], N=K, filter_already_liked_items=new)
        return np.where(score > -1e30, ids, -1)


def peers_OfImplicit() -> dict[str, dict[str, Method]]:
    """Each peer with the settings to choose among."""
    from implicit.als import AlternatingLeastSquares as ALS
    from implicit.bpr import BayesianPersonalizedRanking as BPR
    from implicit.nearest_neighbours import BM25Recommender as BM25

    return {
        "item-kNN BM25": {
            f"K {k}, B {b}": OfImplicit(lambda k=k, b=b: BM25(K=k, B=b)) for k in (20, 100, 500) for b in (0.2, 0.8)
        },
        "ALS": {
            f"factors {f}, alpha {a}, regularization {r}": OfImplicit(
                lambda f=f, a=a, r=r: ALS(
                    factors=f, alpha=a, regularization=r, iterations=15, random_state=0, num_threads=1
                )
            )
            for f, a in ((64, 1), (64, 10), (128, 1))
            for r in (0.05, 1.0)
        },
        "BPR": {
            f"factors 64, learning rate {r}, iterations {n}": OfImplicit(
                lambda r=r, n=n: BPR(factors=64, learning_rate=r, iterations=n, random_state=0, num_threads=1)
            )
            for r, n in ((0.01, 100), (0.01, 200), (0.05, 50))
        },
    }


def tuned(log: Log) -> dict[bool, dict[str, Method]]:
    """Of each peer, for each setting, what does best on the mean of Recall@20 and NDCG@10 at a cutoff of 2010."""
    split = split_at(log, TUNED_ON)
    chosen: dict[bool, dict[str, Method]] = {False: {}, True: {}}
    for name, settings in peers_OfImplicit().items():
        gains = {
            text: [_gain(quality_of(split, peer(split, new), new)) for new in chosen] for text, peer in settings.items()
        }
        for new, methods in chosen.items():
            best = max(gains, key=lambda text: gains[text][new])
            methods[name] = settings[best]
            print(f"{name}, {'new' if new else 'all'} items: {best} ({gains[best][new]:.4f})", flush=True)
    return chosen


def _gain(quality: Quality) -> float:
    return (quality.recall_20 + quality.ndcg_10) / 2


def quality_of(split: Split, recommended: Array, new: bool) -> Quality:
    return evaluate(recommended, split.target(new), split.popularity)


def titles_of(log: Log, cutoff: str) -> Content:
    """The vectors of items by the static encoder, as `worth recommend` makes them."""
    moment = cutoff_from(cutoff, log.zone)
    with TemporaryDirectory() as kept:
        encoder = static_encoder(Path(kept), texts_before(log, moment), seed=0)
        found = item_vectors(log, moment, encoder, kept=Path(kept))
    return Content(np.array(found.item_id, dtype=object), found.vectors)


def ours(log: Log, cutoff: str, **options: Any) -> Method:
    made = Recommender.of(log, cutoff_from(cutoff, log.zone), seed=0, threads=1, **options)

    def recommended(split: Split, new: bool) -> Array:
        ranked = made.rank(split.customers[split.asked], K, Filters(new_only=new))
        place = np.searchsorted(split.items, made.items.astype(str))
        return np.where(ranked.item >= 0, place[ranked.item], -1)

    return recommended


def made_by(name: str, log: Log, cutoff: str) -> Method:
    """One of OURS."""
    content = None if name == OURS[0] else titles_of(log, cutoff)
    if name != OURS[2]:
        return ours(log, cutoff, content=content)
    with TemporaryDirectory() as scratch, event_scores(log, cutoff_from(cutoff, log.zone), Path(scratch)) as scores:
        return ours(log, cutoff, content=content, scores={"events": scores})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cutoffs", nargs="+", default=CUTOFFS)
    parser.add_argument("--no-implicit", action="store_true", help="without the peers that need the extra `bench`")
    parser.add_argument("--events", action="store_true", help="with the event model's next-item head too")
    given = parser.parse_args()
    log = read_log(given.data)
    with threadpool_limits(limits=1, user_api="blas"):
        chosen = {False: {}, True: {}} if given.no_implicit else tuned(log)
        print_tables(log, given.cutoffs, chosen, OURS if given.events else OURS[:-1])


def print_tables(log: Log, cutoffs: Iterable[str], chosen: dict[bool, dict[str, Method]], names: Iterable[str]) -> None:
    found: dict[bool, dict[str, list[Quality]]] = {False: {}, True: {}}
    for cutoff in cutoffs:
        split = split_at(log, cutoff)
        own = {}
        for name in names:
            started = time.perf_counter(), time.process_time()
            own[name] = made_by(name, log, cutoff)
            wall, processor = time.perf_counter() - started[0], time.process_time() - started[1]
            print(f"{cutoff}: {name} learned in {wall:.0f} s, {processor:.0f} s of one processor\n", flush=True)
        for new, table in found.items():
            methods = {
                "popularity, 60 days": popularity,
                "own past purchases": own_past,
                **chosen[new],
                **own,
            }
            if new:
                del methods["own past purchases"]
            for name, method in methods.items():
                table.setdefault(name, []).append(quality_of(split, method(split, new), new))
            rows = [(name, *_cells(qualities[-1])) for name, qualities in table.items()]
            _print(f"{cutoff}, {'new' if new else 'all'} items", rows)
    for new, table in found.items():
        rows = [(name, *_cells(_mean(qualities))) for name, qualities in table.items()]
        _print(f"mean of {len(next(iter(table.values())))} cutoffs, {'new' if new else 'all'} items", rows)


def _mean(qualities: list[Quality]) -> Quality:
    names = [name for name in Quality.__dataclass_fields__ if name != "customers"]
    customers = sum(q.customers for q in qualities)
    return replace(
        qualities[0],
        customers=customers,
        **{name: float(np.mean([getattr(q, name) for q in qualities])) for name in names},
    )


def _cells(quality: Quality) -> tuple[str, ...]:
    scores = (quality.recall_10, quality.recall_20, quality.ndcg_10, quality.coverage)
    return (*(f"{score:.3f}" for score in scores), f"{quality.novelty:.2f}", f"{quality.customers:,}")


def _print(title: str, rows: list[tuple[str, ...]]) -> None:
    header = (title, "Recall@10", "Recall@20", "NDCG@10", "coverage", "novelty", "customers")
    print(markdown(header, rows) + "\n", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
