"""One entity's predictive law, slow and obvious: pieces of mass in a list, integrals by quadrature.

The law of an amount: an atom at zero, mass spread evenly over each bin, a Pareto tail beyond the last edge.
The law of a count: mass points, the last of them at the mean of the open end.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.integrate import fixed_quad, quad

from worthwhile.distribution import TAIL_LIMIT, Histogram


class AmountLaw:
    def __init__(self, histogram: Histogram, row: int) -> None:
        prob = histogram.prob[row].astype(float)
        prob = prob / prob.sum()
        self.atom, self.inner, self.beyond = prob[0], prob[1:-1], prob[-1]
        self.edges = [float(edge) for edge in histogram.grid.points]
        self.last = self.edges[-1]
        ratio = min(max(histogram.tail_mean[row] / self.last, 1.001), TAIL_LIMIT)
        self.index = ratio / (ratio - 1)  # a Pareto law of index a has the mean last * a / (a - 1)

    def above(self, x: float) -> float:
        """P(X > x), to the last digit also where it is tiny."""
        return self.beyond * (self.last / x) ** self.index if x > self.last else 1 - self.cdf(x)

    def cdf(self, x: float) -> float:
        if x < 0:
            return 0.0
        if x > self.last:
            return 1 - self.above(x)
        total = self.atom
        for mass, low, high in zip(self.inner, self.edges[:-1], self.edges[1:], strict=True):
            total += mass * min(max((x - low) / (high - low), 0.0), 1.0)
        return total

    def quantile(self, q: float) -> float:
        if self.cdf(0.0) >= q - 1e-9:
            return 0.0
        low, high = 0.0, self.last
        while self.cdf(high) < q:
            high *= 2
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (low, middle) if self.cdf(middle) >= q else (middle, high)
        return high

    def _integral(self, of, stops: list[float]) -> float:
        """Over [0, infinity). F is straight between cuts, so three points of Gauss do; the tail is on the log scale."""
        cuts = sorted({0.0, *self.edges, *stops})
        inner = [(a, b) for a, b in pairwise(cuts) if b <= self.last]
        total = sum(fixed_quad(lambda xs: np.array([of(x) for x in xs]), a, b, n=3)[0] for a, b in inner)
        far = [np.log(cut) for cut in cuts if cut >= self.last]
        far += [far[-1] + step for step in (1, 10, 50, 600)]
        return total + sum(quad(lambda u: of(np.exp(u)) * np.exp(u), a, b, epsabs=0)[0] for a, b in pairwise(far))

    def mean(self) -> float:
        """The integral of 1 - F."""
        return self._integral(self.above, [])

    def crps(self, y: float) -> float:
        """The integral of (F(x) - 1{x >= y})^2."""
        return self._integral(lambda x: self.above(x) ** 2 if x >= y else self.cdf(x) ** 2, [y])

    def sample(self, rng: np.random.Generator, size: int) -> np.ndarray:
        piece = rng.choice(len(self.inner) + 2, size, p=[self.atom, *self.inner, self.beyond])
        u = rng.random(size)
        low = np.array([0.0, *self.edges])[piece]
        high = np.array([0.0, *self.edges[1:], self.last, self.last])[piece]
        tail = self.last * (1 - u) ** (-1 / self.index)
        return np.where(piece == len(self.inner) + 1, tail, low + u * (high - low))


class CountLaw:
    def __init__(self, histogram: Histogram, row: int) -> None:
        prob = histogram.prob[row].astype(float)
        self.mass = prob / prob.sum()
        self.at = [*map(float, histogram.grid.points[:-1]), max(histogram.tail_mean[row], histogram.grid.points[-1])]

    def cdf(self, x: float) -> float:
        return sum(m for m, point in zip(self.mass, self.at, strict=True) if point <= x)

    def quantile(self, q: float) -> float:
        return next((point for point in self.at if self.cdf(point) >= q - 1e-9), self.at[-1])

    def mean(self) -> float:
        return sum(m * point for m, point in zip(self.mass, self.at, strict=True))

    def crps(self, y: float) -> float:
        """E|X - y| - E|X - X'| / 2 (Gneiting & Raftery 2007, eq. 21), by the double sum."""
        pairs = list(zip(self.mass, self.at, strict=True))
        near = sum(m * abs(x - y) for m, x in pairs)
        apart = sum(m * k * abs(x - z) for m, x in pairs for k, z in pairs)
        return near - apart / 2


def crps_of_samples(samples: np.ndarray, y: float) -> float:
    """E|X - y| - E|X - X'| / 2 with independent halves of the samples."""
    half = len(samples) // 2
    return float(np.abs(samples - y).mean() - np.abs(samples[:half] - samples[half : 2 * half]).mean() / 2)
