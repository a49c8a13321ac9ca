"""The metrics in plain Python, slow and obvious, from their definitions. Lists in, float out."""

from __future__ import annotations

import math
from itertools import permutations

NAN = float("nan")


def gain_curve(f, y):
    """Cumulated share of the actuals, highest forecast first, mean over every order of the customers."""
    curves = []
    for rows in permutations(range(len(y))):
        ranked = sorted(rows, key=lambda i: -f[i])
        reached, curve = 0.0, []
        for i in ranked:
            reached += y[i]
            curve.append(reached / sum(y))
        curves.append(curve)
    return [sum(column) / len(curves) for column in zip(*curves, strict=True)]


def gini(f, y):
    if not y or sum(y) <= 0 or min(y) == max(y):
        return NAN
    raw, best = (2 * sum(curve) / len(y) - 1 for curve in (gain_curve(f, y), gain_curve(y, y)))
    return raw / best


def ranks(values):
    return [sum(v < value for v in values) + (sum(v == value for v in values) + 1) / 2 for value in values]


def spearman(f, y):
    a, b = ranks(f), ranks(y)
    if len(set(f)) < 2 or len(set(y)) < 2:
        return NAN
    n = len(f)
    ma, mb = sum(a) / n, sum(b) / n
    covariance = sum((i - ma) * (j - mb) for i, j in zip(a, b, strict=True))
    return covariance / math.sqrt(sum((i - ma) ** 2 for i in a) * sum((j - mb) ** 2 for j in b))


def decile_mape(f, y):
    if not y or sum(y) <= 0:
        return NAN
    n = len(y)
    ranked = sorted(range(n), key=lambda i: f[i])
    errors = []
    for group in range(10):
        members = [i for place, i in enumerate(ranked) if place * 10 // n == group]
        if members:
            errors.append(abs(sum(f[i] for i in members) - sum(y[i] for i in members)) / len(members))
    return sum(errors) / len(errors) / (sum(y) / n)


def auc(p, b):
    pairs = [(i, j) for i in range(len(p)) for j in range(len(p)) if b[i] and not b[j]]
    if not pairs:
        return NAN
    return sum(1.0 if p[i] > p[j] else 0.5 if p[i] == p[j] else 0.0 for i, j in pairs) / len(pairs)


def average_precision(p, b):
    if not any(b):
        return NAN
    area, recall = 0.0, 0.0
    for threshold in sorted(set(p), reverse=True):
        called = [i for i in range(len(p)) if p[i] >= threshold]
        hits = sum(b[i] for i in called)
        area += (hits / sum(b) - recall) * hits / len(called)
        recall = hits / sum(b)
    return area


def at_base_rate(p, b):
    if not any(b):
        return dict.fromkeys(("accuracy", "precision", "recall", "f1"), NAN)
    best = None
    for threshold in sorted(set(p), reverse=True):
        called = [value >= threshold for value in p]
        off = abs(sum(called) - sum(b))
        if best is None or off < best[0]:
            best = (off, called)
    called = best[1]
    hits = sum(c and x for c, x in zip(called, b, strict=True))
    precision, recall = hits / sum(called), hits / sum(b)
    return {
        "accuracy": sum(c == x for c, x in zip(called, b, strict=True)) / len(b),
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall) if hits else 0.0,
    }


def distance_to_uniform(u):
    """At each value, the share at or below it and the share below it against the value."""
    n = len(u)
    gaps = [abs(sum(v <= x for v in u) / n - x) for x in u] + [abs(sum(v < x for v in u) / n - x) for x in u]
    return max(gaps)
