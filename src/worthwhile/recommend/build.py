"""`recommend_items`: for each customer the items that they will want next, with a score and a reason."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from worthwhile.errors import InputError
from worthwhile.languages import check_language
from worthwhile.models.threads import one_thread_each
from worthwhile.progress import Progress, part, silent
from worthwhile.recommend.content import Content, content_of
from worthwhile.recommend.events import event_scores
from worthwhile.recommend.filters import Filters
from worthwhile.recommend.history import read_lines
from worthwhile.recommend.mix import AT_ONCE, Mixture, Question, ScoreFunction, learn_mixture
from worthwhile.recommend.popular import read_segments
from worthwhile.recommend.reasons import Reasons
from worthwhile.recommend.signals import Sources, sources_on
from worthwhile.runs.asked import forecast_cutoff
from worthwhile.runs.choose import fitting_of
from worthwhile.runs.tables import check_out, read_written, write_tables
from worthwhile.shop import Shop
from worthwhile.store.log import Log, open_log

Array = np.ndarray[Any, Any]

MOST = 1_000  # recommendations a customer
SCHEMA = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),  # 1 is the first
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),  # 0 to 1, never rising with the rank
        pa.field("reason", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Ranked:
    """The first items of N customers, best first; -1 and 0 where there are fewer than K."""

    item: Array  # (N, K) int: index into the recommender's items
    score: Array  # (N, K) float


@dataclass(frozen=True)
class Recommender:
    """What a shop knew before a cutoff, and the mixture that it learned: ranks items for any of its customers."""

    log: Log
    cutoff: datetime
    question: Question
    mixture: Mixture
    sources: Sources
    threads: int = 1

    @classmethod
    def of(
        cls,
        log: Log,
        cutoff: datetime,
        *,
        content: Content | None = None,
        scores: Mapping[str, ScoreFunction] | None = None,
        seed: int = 0,
        threads: int = 1,
        progress: Progress = silent,
    ) -> Recommender:
        """Learned from `log` before `cutoff` (UTC). Raises InputError `no-history`."""
        progress("read", 0.0)
        lines, segments = read_lines(log, cutoff), read_segments(log, cutoff)
        question = Question(lines, segments, log.zone, content, scores)
        mixture = learn_mixture(question, seed=seed, threads=threads, progress=part(progress, 0.1, 0.9))
        sources = sources_on(lines, lines.end, segments, content=content, unsold=True)
        return cls(log, cutoff, question, mixture, sources, threads)

    @property
    def items(self) -> Array:  # (I,) str
        return self.question.lines.items

    def rank(self, customers: Array, k: int, filters: Filters | None = None) -> Ranked:
        """The first k items for customers (N,) str. What is asked of one is the same whoever else is asked about.

        Raises InputError `bad-argument` where the filters leave nothing.
        """
        filters = filters or Filters()
        allowed = filters.allowed(self.items, self.log, self.cutoff)
        chunks = [customers[low : low + AT_ONCE] for low in range(0, len(customers), AT_ONCE)]
        ranked = [self.rank_some(chunk, k, allowed, new_only=filters.new_only) for chunk in chunks]
        return Ranked(*(np.concatenate([getattr(r, name) for r in ranked]) for name in ("item", "score")))

    def rank_some(self, customers: Array, k: int, allowed: Array, *, new_only: bool) -> Ranked:
        """The same for as many customers as are worked on at once, among the `allowed` items (I,) bool."""
        place = self.places(customers)
        item, score = np.full((len(customers), k), -1), np.zeros((len(customers), k))
        known = np.flatnonzero(place >= 0)
        if len(known):
            found = self._rank_known(place[known], k, allowed, new_only=new_only)
            item[known], score[known] = found.item, found.score
        codes = self.question.segments.of(customers)
        for n in np.flatnonzero(place < 0).tolist():
            item[n], score[n] = self._rank_newcomer(codes[:, n], k, allowed)
        return Ranked(item, score)

    def places(self, customers: Array) -> Array:
        """Where customers (N,) str lie among those who bought; -1 where they have not, or gave all back."""
        own = self.question.lines.customers
        place = np.minimum(np.searchsorted(own, customers), len(own) - 1)
        return np.where((own[place] == customers) & (self.sources.history.orders[place] > 0), place, -1)

    def _rank_known(self, customers: Array, k: int, allowed: Array, *, new_only: bool) -> Ranked:
        row, item, matrix = self.question.signals_of(self.sources, customers, allowed, least=k)
        if new_only:
            kept = self.sources.history.places(customers, row, item) < 0
            row, item, matrix = row[kept], item[kept], matrix[kept]
        score = self.mixture.score(matrix)
        order = np.lexsort((item, -score, row))
        start = np.searchsorted(row, np.arange(len(customers)))
        rank = np.arange(len(row)) - start[row]  # rows are ascending, so they stay where they are in the order
        first = order[rank < k]
        found = Ranked(np.full((len(customers), k), -1), np.zeros((len(customers), k)))
        found.item[row[first], rank[rank < k]] = item[first]
        found.score[row[first], rank[rank < k]] = score[first]
        return found

    def _rank_newcomer(self, codes: Array, k: int, allowed: Array) -> tuple[Array, Array]:
        """What is popular in the segments (A,) of a customer without history."""
        score = np.where(allowed, np.minimum(self.sources.popular.scores(codes), 1.0), 0.0)
        best = np.argsort(-score, kind="stable")[:k]
        best = best[score[best] > 0]
        pad = k - len(best)
        return np.append(best, np.full(pad, -1)), np.append(score[best], np.zeros(pad))


@dataclass(frozen=True)
class Recommendations:
    """The table of recommendations, and the facts that it was made with."""

    kept: pa.Table | None  # None where it was written to a file
    file: Path | None
    facts: dict[str, Any] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)  # item id -> title

    def table(self) -> pa.Table:
        """Columns of `SCHEMA`, ascending by customer and rank."""
        if self.kept is not None:
            return self.kept
        assert self.file is not None
        return read_written(self.file, SCHEMA)


def recommend_items(  # noqa: PLR0913 (one parameter for each question that a person asks)
    shop: Shop,
    *,
    cutoff: str | date | datetime | None = None,
    k: int = 20,
    customers: Sequence[str] | None = None,
    filters: Filters | None = None,
    content: Content | None = None,
    scores: Mapping[str, ScoreFunction] | None = None,
    events: bool = False,
    out: Path | str | None = None,
    language: str = "en",
    seed: int | None = None,
    progress: Progress = silent,
) -> Recommendations:
    """The first `k` items for each customer as of `cutoff` (default: the end of the log), with a score and a reason.

    `customers` are ids, by default all that were known before the cutoff. `content` are vectors of items, by default
    those of the settings' encoders, through which items that were never sold are recommended too; `scores` are further
    scores of customers and items, by name, which the mixture learns to weigh. With `events` the event model's
    next-item head is one of them, where the log is large enough. With `out` the table goes to a file, by its suffix,
    part by part, and is not held in memory. Of the shop's folder only the cache of vectors is written.
    Raises InputError (`bad-argument`, `no-such-customer`, `empty-shop`, `no-history`).
    """
    if not 1 <= k <= MOST:
        raise InputError("bad-argument", f"{k} items cannot be recommended", where="--k", remedy=f"give 1 to {MOST:,}")
    check_language(language)
    path = check_out(out) if out is not None else None
    fitting = fitting_of(shop.settings, seed=seed, tune=0, fine_tune=False)
    filters = filters or Filters()
    with ExitStack() as opened:
        log = opened.enter_context(open_log(shop))
        opened.enter_context(one_thread_each())
        moment = forecast_cutoff(cutoff, log)
        if customers is not None:
            _check_known(log, customers)
        content = content or content_of(shop, log, moment, part(progress, 0.0, 0.1))
        by_events = opened.enter_context(event_scores(log, moment, shop.scratch, seed=fitting.seed)) if events else None
        more = {} if by_events is None else {"events": by_events}
        made = Recommender.of(
            log, moment, content=content, scores={**(scores or {}), **more}, seed=fitting.seed,
            threads=fitting.threads, progress=part(progress, 0.1, 0.6),
        )  # fmt: skip
        asked = made.question.segments.customers if customers is None else np.array(sorted(set(customers)), object)
        reasons = _reasons(made, language)
        parts = _tables(made, asked, k, filters, reasons, part(progress, 0.6, 1.0))
        kept = _kept_or_written(parts, path)
    facts = {"k": k, "customers": len(asked), "events": by_events is not None, "seed": fitting.seed}
    progress("done", 1.0)
    return Recommendations(kept, path, _facts_of(made, filters) | facts, dict(reasons.titles))


def _kept_or_written(parts: Iterator[pa.Table], path: Path | None) -> pa.Table | None:
    """The table; None where it goes to a file."""
    if path is None:
        return pa.concat_tables([SCHEMA.empty_table(), *parts])
    write_tables(parts, path, SCHEMA)
    return None


def _facts_of(made: Recommender, filters: Filters) -> dict[str, Any]:
    return {
        "cutoff": made.cutoff.isoformat(),
        "mixture": "learned" if made.mixture.is_learned else "fixed",
        "new_only": filters.new_only,
        "categories": list(filters.categories),
        "stock": None if filters.stock is None else len(filters.stock),
        "data_version": made.log.version,
    }


def _check_known(log: Log, customers: Sequence[str]) -> None:
    """Raises InputError `no-such-customer` for the first that the shop holds nothing of, `bad-argument` for none."""
    if not len(customers):
        raise InputError("bad-argument", "no customer is given", where="--customer", remedy="give at least one id")
    query = (
        "SELECT customer_id FROM events WHERE list_contains($1, customer_id)"
        " UNION SELECT customer_id FROM customers WHERE list_contains($1, customer_id)"
    )
    known = {name for (name,) in log.con.execute(query, [list(customers)]).fetchall()}
    for customer in customers:
        if customer not in known:
            raise InputError(
                "no-such-customer",
                f"the shop holds nothing of `{customer}`",
                where="--customer",
                remedy="give an id as the forecast table has it; where ids became pseudonyms, the pseudonym",
            )


def _reasons(made: Recommender, language: str) -> Reasons:
    titles = dict(made.log.con.execute("SELECT item_id, title FROM items WHERE title IS NOT NULL").fetchall())
    return Reasons(made.sources, made.question.segments, titles, language)


def _tables(
    made: Recommender, customers: Array, k: int, filters: Filters, reasons: Reasons, progress: Progress
) -> Iterator[pa.Table]:
    """The table part by part, several parts side by side."""
    allowed = filters.allowed(made.items, made.log, made.cutoff)
    chunks = [customers[low : low + AT_ONCE] for low in range(0, len(customers), AT_ONCE)]

    def work(chunk: Array) -> pa.Table:
        return _table(made, chunk, made.rank_some(chunk, k, allowed, new_only=filters.new_only), reasons)

    with ThreadPoolExecutor(max_workers=min(made.threads, os.cpu_count() or 1)) as pool:
        for n, table in enumerate(pool.map(work, chunks)):
            progress("recommend", n / len(chunks))
            yield table


def _table(made: Recommender, customers: Array, ranked: Ranked, reasons: Reasons) -> pa.Table:
    row, rank = np.nonzero(ranked.item >= 0)
    item = ranked.item[row, rank]
    place = made.places(customers)
    texts = np.full(len(row), "", object)
    known = np.flatnonzero(place >= 0)
    of_known = np.flatnonzero(place[row] >= 0)
    texts[of_known] = reasons.of(place[known], np.searchsorted(known, row[of_known]), item[of_known])
    codes = made.question.segments.of(customers)
    for n in np.flatnonzero(place < 0).tolist():
        own = row == n
        texts[own] = reasons.of_newcomer(codes[:, n], item[own])
    columns = [customers[row], (rank + 1).astype(np.int32), made.items[item], ranked.score[row, rank], texts]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


__all__ = ["MOST", "SCHEMA", "Ranked", "Recommendations", "Recommender", "recommend_items"]
