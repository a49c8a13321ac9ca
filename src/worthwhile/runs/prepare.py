"""From the log to what models take: the snapshot asked about, and the matured ones before it to learn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from worthwhile.errors import InputError
from worthwhile.features.build import (
    LEAST_HISTORY_DAYS,
    main_categories,
    median_order_value,
    snapshot_at,
    training_cutoffs,
)
from worthwhile.features.sequences import Sequences, build_sequences
from worthwhile.features.snapshot import Snapshot
from worthwhile.features.terms import ValueTerms
from worthwhile.models.catalogue import any_reads_events
from worthwhile.models.matured import Matured
from worthwhile.progress import Progress, part
from worthwhile.runs.contents import Contents
from worthwhile.shop import Shop
from worthwhile.store.log import Log
from worthwhile.store.scratch import sequences_folder
from worthwhile.tasks import Horizon, Task

# Where no horizon of the one asked about has passed: the shorter ones to learn from, as shares of the history.
SHORTER_SHARES = (1 / 2, 1 / 3, 1 / 4)
SHORTEST_DAYS = 7
SEQUENCES_SHARE = 0.1  # of a run's bar


@dataclass
class Snapshots:
    """Snapshots of one log and task, each made once: a backtest asks for the same ones again and again.

    `keep_for` drops those that will not be asked for any more; a shop of a million customers has 0.4 GB in each.
    """

    log: Log
    task: Task
    value: ValueTerms | None = None
    made: dict[tuple[datetime, tuple[str, ...]], Snapshot] = field(default_factory=dict)
    sequences: Sequences | None = None  # of the log, where a model reads them; every snapshot gets them
    contents: Contents | None = None  # what these name, as vectors

    def at(self, cutoff: datetime, *, categories: tuple[str, ...] | None = None) -> Snapshot:
        """The snapshot at a cutoff; `categories` are the main ones that its columns stand for (default: its own)."""
        if categories is None:
            categories = main_categories(self.log, cutoff)
        return self._on(median_order_value(self.log, self.task, cutoff, value=self.value), cutoff, categories)

    def _on(self, scale: float, cutoff: datetime, categories: tuple[str, ...]) -> Snapshot:
        """The snapshot on a scale that is not its own: finding its own would read all orders again."""
        if (cutoff, categories) not in self.made:
            made = snapshot_at(self.log, self.task, cutoff, scale=scale, value=self.value, categories=categories)
            self.made[cutoff, categories] = made
        return replace(self.made[cutoff, categories], scale=scale, sequences=self.sequences)

    def keep_for(self, later: Sequence[datetime]) -> None:
        """Drop all snapshots but those that `before` takes at one of these later cutoffs."""
        wanted = set()
        for cutoff in later:
            categories = main_categories(self.log, cutoff)
            wanted |= {(at, categories) for at in (cutoff, *training_cutoffs(self.log, self.task, cutoff))}
        self.made = {key: snapshot for key, snapshot in self.made.items() if key in wanted}

    def before(self, cutoff: datetime, progress: Progress) -> tuple[Matured, Snapshot]:
        """The matured snapshots whose windows had closed by `cutoff`, oldest first, and the one at `cutoff`.

        All are on the scale of the latter and have its main categories, so that their forecasts share one grid and
        a column means the same in each, and have the vectors of what was known then. What is known of the latter's
        horizon comes with it; `Snapshot.unseen` takes it off.
        """
        categories = main_categories(self.log, cutoff)
        current = self.at(cutoff, categories=categories)
        cutoffs = sorted(training_cutoffs(self.log, self.task, cutoff))
        share = 1.0 if self.sequences is None or self.contents is None else 0.5
        matured = []
        for done, earlier in enumerate(cutoffs):
            progress("features", share * done / len(cutoffs))
            matured.append(self._on(current.scale, earlier, categories))
        if self.sequences is not None and self.contents is not None:
            told = replace(self.sequences, contents=self.contents.at(cutoff, part(progress, share, 1.0)))
            current, matured = replace(current, sequences=told), [replace(s, sequences=told) for s in matured]
        if not matured:
            current = replace(current, shorter=tuple(self._shorter(cutoff, categories, current.scale)))
        progress("features", 1.0)
        return Matured(matured), current

    def _shorter(self, cutoff: datetime, categories: tuple[str, ...], scale: float) -> Iterator[Snapshot]:
        """Matured snapshots of shorter horizons, which end at the cutoff; none where the log has no room for any."""
        room = (cutoff - self.log.first).days - LEAST_HISTORY_DAYS
        for days in (int(share * room) for share in SHORTER_SHARES):
            if days >= SHORTEST_DAYS:
                horizon = Horizon(days, "d")
                task, earlier = replace(self.task, horizon=horizon), horizon.before(cutoff, self.log.zone)
                made = snapshot_at(self.log, task, earlier, scale=scale, value=self.value, categories=categories)
                if made.outcome is not None:
                    yield made


@contextmanager
def sequences_of(
    log: Log, shop: Shop, names: Sequence[str], progress: Progress, *, whole: Log | None = None
) -> Iterator[tuple[Sequences | None, Contents | None]]:
    """The event sequences of the log, and the vectors of what they name, where one of these models reads them.

    `names` are as of `models_behind`. The files are gone afterwards. Where `log` is a part of `whole`, vectors are
    those of the whole: encoders without a network of their own learn from all its texts.
    """
    if not any_reads_events(names):
        yield None, None
        return
    with sequences_folder(shop.scratch) as folder:
        watch = part(progress, 0.0, SEQUENCES_SHARE)
        sequences = build_sequences(log, folder / "sequences", progress=watch)
        yield sequences, Contents(shop, log if whole is None else whole, sequences)


def after_sequences(progress: Progress, sequences: Sequences | None) -> Progress:
    """The part of the bar that is left once `sequences_of` has given these."""
    return progress if sequences is None else part(progress, SEQUENCES_SHARE, 1.0)


def default_backtest_cutoffs(log: Log, task: Task, count: int) -> list[datetime]:
    """The latest cutoffs whose outcome is known, one horizon apart, oldest first; at most `count`.

    Only cutoffs with as much history before them as the horizon is long, so that the past can teach anything.
    Raises InputError `not-matured` if there is none.
    """
    cutoffs: list[datetime] = []
    cutoff = task.horizon.before(log.until, log.zone)
    while len(cutoffs) < count and cutoff - log.first >= (task.horizon.after(cutoff, log.zone) - cutoff):
        cutoffs.append(cutoff)
        cutoff = task.horizon.before(cutoff, log.zone)
    if not cutoffs:
        days = (log.until - log.first).days
        raise InputError(
            "not-matured",
            f"the log spans {days} days: no horizon of {task.horizon} has passed after as long a history",
            where="--horizon",
            remedy=f"take a horizon of at most {max(days // 2, 1)}d, or ingest more history",
        )
    return cutoffs[::-1]


def progress_of(progress: Progress, done: int, total: int) -> Progress:
    """The share of the bar for step `done` of `total`."""
    return part(progress, done / total, (done + 1) / total)
