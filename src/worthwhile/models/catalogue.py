"""All models by name. Adding one is adding a row here and its family's file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from worthwhile.errors import InputError
from worthwhile.models.protocol import Model


@dataclass(frozen=True)
class Needs:
    """The least history with which a model has a chance; below it the gate leaves the model out."""

    customers: int = 1
    repeat_buyers: int = 0
    matured_rows: int = 0  # customers summed over matured windows
    matured_buyers: int = 0  # of them, those who bought in the window


@dataclass(frozen=True)
class ModelKind:
    """A row of the catalogue: where the class is, its family, what it needs, and what it is in a sentence."""

    family: str
    place: str  # module:class, imported when first used
    needs: Needs
    is_member: bool  # of the ensemble by default
    sentence: str
    effort: int = 1  # of a fit, beside that of a member that takes least: for the bar
    as_member: Mapping[str, Any] = field(default_factory=dict)  # parameters of its constructor in an ensemble

    @property
    def is_steady(self) -> bool:
        """Whether its total rests on rates of buying alone, not on how single windows came out."""
        return self.family == "buy till you die"

    @property
    def reads_events(self) -> bool:
        """Whether it reads event sequences, which are made for it."""
        return self.family == "event sequences"

    @property
    def is_pretrained(self) -> bool:
        """Whether it was trained elsewhere and reads this shop's history as it is, however little."""
        return self.family == "pretrained"


_NEEDS_LINEAR = Needs(customers=50, matured_rows=200, matured_buyers=30)
_NEEDS_TREES = Needs(customers=100, matured_rows=400, matured_buyers=60)
_NEEDS_NETWORKS = Needs(customers=200, matured_rows=1_000, matured_buyers=100)
_NEEDS_EVENTS = Needs(customers=500, matured_rows=2_500, matured_buyers=300)
_NEEDS_REPEATS = Needs(customers=30, repeat_buyers=10)

MODELS: dict[str, ModelKind] = {
    "last-period": ModelKind(
        "heuristic",
        "worthwhile.models.heuristics:LastPeriod",
        Needs(),
        False,
        "each customer spends in the horizon what they spent in the period of the same length before it",
    ),
    "past-rate": ModelKind(
        "heuristic",
        "worthwhile.models.heuristics:PastRate",
        Needs(),
        False,
        "each customer goes on at the mean rate since their first order",
    ),
    "bg-nbd": ModelKind(
        "buy till you die",
        "worthwhile.models.buytilldie:BgNbd",
        _NEEDS_REPEATS,
        True,
        "orders at a personal rate until a chance after each order ends it (BG/NBD), with Gamma-Gamma amounts",
    ),
    "mbg-nbd": ModelKind(
        "buy till you die",
        "worthwhile.models.buytilldie:MbgNbd",
        _NEEDS_REPEATS,
        False,
        "BG/NBD in which a customer may also be lost right after the first order, with Gamma-Gamma amounts",
    ),
    "pareto-nbd": ModelKind(
        "buy till you die",
        "worthwhile.models.buytilldie:ParetoNbd",
        _NEEDS_REPEATS,
        True,
        "orders at a personal rate over a personal lifetime (Pareto/NBD), with Gamma-Gamma amounts",
    ),
    "linear": ModelKind(
        "linear",
        "worthwhile.models.linear:LinearSpend",
        _NEEDS_LINEAR,
        False,
        "linear regression of spend on all features",
    ),
    "logistic": ModelKind(
        "linear",
        "worthwhile.models.linear:LogisticSpend",
        _NEEDS_LINEAR,
        True,
        "logistic regression of buying, linear regression of the amount given buying",
    ),
    "svm": ModelKind(
        "linear",
        "worthwhile.models.linear:SvmSpend",
        _NEEDS_LINEAR,
        False,
        "support vector machines for buying and for the amount given buying",
    ),
    "trees-two-stage": ModelKind(
        "boosted trees",
        "worthwhile.models.trees:TwoStageTrees",
        _NEEDS_TREES,
        False,
        "boosted trees for buying, others for the amount given buying",
    ),
    "trees-tweedie": ModelKind(
        "boosted trees",
        "worthwhile.models.trees:TweedieTrees",
        _NEEDS_TREES,
        True,
        "boosted trees for mean spend with the Tweedie loss",
    ),
    "trees-histogram": ModelKind(
        "boosted trees",
        "worthwhile.models.trees:HistogramTrees",
        _NEEDS_TREES,
        True,
        "boosted trees for the whole distribution of spend at once",
    ),
    "net-mse": ModelKind(
        "network",
        "worthwhile.models.networks:MeanNetwork",
        _NEEDS_NETWORKS,
        False,
        "a 64-32 network with squared error",
    ),
    "net-ziln": ModelKind(
        "network",
        "worthwhile.models.networks:LognormalNetwork",
        _NEEDS_NETWORKS,
        False,
        "a 64-32 network with the zero-inflated log-normal loss",
    ),
    "net-histogram": ModelKind(
        "network",
        "worthwhile.models.networks:HistogramNetwork",
        _NEEDS_NETWORKS,
        False,
        "a 64-32 network that gives the whole distribution of spend",
    ),
    "events": ModelKind(
        "event sequences",
        "worthwhile.models.sequence.model:EventModel",
        _NEEDS_EVENTS,
        True,
        "a network over each customer's events in order: orders, visits, carts, reviews, and which items",
        effort=20,
        as_member={"members": 1},  # it is fitted three times there, and the pool evens out what a second one would
    ),
    "trees-events": ModelKind(
        "event sequences",
        "worthwhile.models.sequence.trees:EventTrees",
        _NEEDS_EVENTS,
        False,
        "boosted trees for the whole distribution of spend that also read what networks over events say",
    ),
    "in-context": ModelKind(
        "pretrained",
        "worthwhile.models.incontext.model:InContext",
        Needs(),
        True,
        "a network pretrained on simulated shops, which reads this shop's past and answers without training",
    ),
    "ensemble": ModelKind(
        "ensemble",
        "worthwhile.models.ensemble:Ensemble",
        Needs(),
        False,
        "a weighted mixture of the models that the history can carry, its total set apart and moved to the season",
    ),
}


def model_class(name: str) -> type[Any]:
    """The class of a model by name. Raises InputError `no-such-model`."""
    if name not in MODELS:
        near = get_close_matches(name, MODELS, n=1)
        guess = f"did you mean {near[0]}? " if near else ""
        raise InputError(
            "no-such-model", f"`{name}` is no model", where="--model", remedy=f"{guess}models are {', '.join(MODELS)}"
        )
    module, _, attribute = MODELS[name].place.partition(":")
    return getattr(import_module(module), attribute)


USUAL_MEMBERS = tuple(name for name, kind in MODELS.items() if kind.is_member)


def models_behind(names: Iterable[str], members: Sequence[str] = USUAL_MEMBERS) -> list[str]:
    """These models, and in the place of the ensemble its members."""
    return list(dict.fromkeys(name for asked in names for name in (members if asked == "ensemble" else [asked])))


def any_reads_events(names: Iterable[str]) -> bool:
    """Whether one of these models (`models_behind`) reads event sequences."""
    return any(MODELS[name].reads_events for name in names)


def maker(name: str, **params: Any) -> Callable[[], Model]:
    """A function that makes the model anew, with these parameters of its constructor."""
    made = model_class(name)
    return lambda: made(**params)
