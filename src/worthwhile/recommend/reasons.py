"""Why an item is recommended, in a few words that are true of this customer and this item; English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from worthwhile.recommend.history import value_at
from worthwhile.recommend.popular import ATTRIBUTES, RECENT_DAYS, Segments
from worthwhile.recommend.signals import OF_ITEM, Sources

Array = np.ndarray[Any, Any]

LEAST_BOTH = 2  # customers who bought two items, for the one to be a reason for the other
LEAST_LIFT = 1.2  # of a segment, for it to be a reason
LEAST_BUYERS = 5  # of a segment
DUE = (0.8, 2.0)  # of the usual gap: between these a purchase is due
LONGEST_TITLE = 60

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "due": "due again after about {span}; bought {times} times, last {ago} ago",
        "again": "bought {times} times, about every {span}, last {ago} ago",
        "once": "bought before, {ago} ago",
        "together": "bought with {title}: {both} customers bought both",
        "like": "like {title} that you bought",
        "country": "popular with customers in {value}",
        "channel": "popular with customers of the channel {value}",
        "category": "popular with customers who began with {value}",
        "popular": "popular: {buyers} customers bought it in the last {days} days",
        "known": "bought by {buyers} customers so far",
        "new": "new in the shop",
        "day": "{n} day",
        "days": "{n} days",
        "weeks": "{n} weeks",
    },
    "zh": {
        "due": "约 {span}购买一次，现已到期；买过 {times} 次，上次在 {ago}前",
        "again": "买过 {times} 次，约每 {span}一次，上次在 {ago}前",
        "once": "{ago}前买过",
        "together": "常与“{title}”一起购买：{both} 位客户两样都买过",
        "like": "与您买过的“{title}”相似",
        "country": "受 {value} 的客户欢迎",
        "channel": "受渠道 {value} 的客户欢迎",
        "category": "受首次购买 {value} 的客户欢迎",
        "popular": "热销：近 {days} 天有 {buyers} 位客户购买",
        "known": "至今有 {buyers} 位客户购买",
        "new": "本店新品",
        "day": "{n} 天",
        "days": "{n} 天",
        "weeks": "{n} 周",
    },
}


@dataclass(frozen=True)
class Reasons:
    """Gives reasons in one language."""

    sources: Sources
    segments: Segments
    titles: Mapping[str, str]  # item id -> title
    language: str = "en"

    def of(self, customers: Array, row: Array, item: Array) -> list[str]:
        """For pairs (N,) of customers with history; `row` is an index into `customers` (U,)."""
        history = self.sources.history
        place = history.places(customers, row, item)
        texts = [""] * len(row)
        for n in np.flatnonzero(place >= 0).tolist():
            texts[n] = self._own(place[n])
        new = np.flatnonzero(place < 0)
        for n, text in zip(new.tolist(), self._new(customers, row[new], item[new]), strict=True):
            texts[n] = text
        return texts

    def of_newcomer(self, codes: Array, items: Array) -> list[str]:
        """For a customer without history, of whom only the segments (A,) are known."""
        return [self._common(codes, item) for item in items.tolist()]

    def _own(self, place: int) -> str:
        history = self.sources.history
        times, since = int(history.times[place]), int(history.day - history.last[place])
        if times < 2:
            return self._say("once", ago=self._span(since))
        gap = float(history.last[place] - history.first[place]) / (times - 1)
        key = "due" if DUE[0] * gap <= since <= DUE[1] * gap else "again"
        return self._say(key, times=times, span=self._span(gap), ago=self._span(since))

    def _new(self, customers: Array, row: Array, item: Array) -> list[str]:
        sources, taste = self.sources, self.sources.taste[customers]
        other, strength = strongest(taste, sources.by_customers.similarity, row, item)
        both = np.zeros(len(row), np.int64)
        found = strength > 0
        both[found] = sources.by_customers.both(other[found], item[found])
        alike = np.full(len(row), -1)
        if sources.like is not None:
            alike, near = strongest(taste, sources.like, row, item)
            alike = np.where(near > 0, alike, -1)
        texts = []
        for n in range(len(row)):
            if both[n] >= LEAST_BOTH:
                texts.append(self._say("together", title=self._title(other[n]), both=both[n]))
            elif alike[n] >= 0:
                texts.append(self._say("like", title=self._title(alike[n])))
            else:
                texts.append(self._common(sources.codes[:, customers[row[n]]], int(item[n])))
        return texts

    def _common(self, codes: Array, item: int) -> str:
        popular = self.sources.popular
        lifts = popular.lifts(codes[:, None], np.array([item]))[:, 0]
        best = int(np.argmax(lifts))
        if lifts[best] >= LEAST_LIFT and popular.buyers[best][codes[best], item] >= LEAST_BUYERS:
            return self._say(ATTRIBUTES[best], value=self.segments.values[best][codes[best]])
        if item >= self.sources.history.lines.sold:
            return self._say("new")
        recent, ever = (int(self.sources.of_item[item, OF_ITEM.index(name)]) for name in ("sold_60", "sold_ever"))
        if recent:
            return self._say("popular", buyers=recent, days=RECENT_DAYS)
        return self._say("known", buyers=ever)

    def _say(self, key: str, **values: object) -> str:
        return TEXTS[self.language][key].format(**values)

    def _span(self, days: float) -> str:
        """About how long: days up to two weeks, whole weeks beyond."""
        if days < 14:
            n = max(round(days), 1)
            return self._say("day" if n == 1 else "days", n=n)
        return self._say("weeks", n=round(days / 7))

    def _title(self, item: int) -> str:
        item_id = str(self.sources.history.lines.items[item])
        title = " ".join(self.titles.get(item_id, item_id).split())
        return title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "…"


def strongest(taste: sparse.csr_matrix, near: sparse.csr_matrix, row: Array, item: Array) -> tuple[Array, Array]:
    """Of pairs (N,) the item of the customer's that adds most to their score, and what it adds: taste times nearness.

    `taste` (U, I), `near` (I, I). 0 is added where nothing of theirs is near; of equal ones the first item.
    """
    sizes = np.diff(taste.indptr)[row]
    ends = np.cumsum(sizes)
    own = np.repeat(taste.indptr[row] - ends + sizes, sizes) + np.arange(sizes.sum())
    added = taste.data[own] * value_at(near, taste.indices[own], np.repeat(item, sizes))
    of = np.repeat(np.arange(len(row)), sizes)
    order = np.lexsort((taste.indices[own], -added, of))
    first = order[(ends - sizes)[sizes > 0]]
    best, strength = np.full(len(row), -1), np.zeros(len(row))
    best[sizes > 0] = taste.indices[own[first]]
    strength[sizes > 0] = added[first]
    return best, strength
