"""A model that was trained on one shop as the beginning of another's.

What reads steps and foretells the next ones is taken over: weights that do not hang on a shop's words as they are,
embeddings of items, categories and channels by name where both shops know it. The heads of the task begin anew: taken
over too, they carried the other shop's level and season along (AUC of buying .66 instead of .69 on small shops).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import torch
from torch import Tensor

from worthwhile.errors import InputError
from worthwhile.models.sequence.network import EventNetwork, Shape

ALIKE = ("encoder", "width", "layers", "heads", "item_width", "kinds", "numbers")  # of both shapes
# Layers that mean the same in every shop.
COMMON = ("kind", "read", "norm", "encoder", "ahead", "next_kind", "next_gap", "next_amount", "next_item")


@dataclass(frozen=True)
class Names:
    """The words of one shop that rows of weights stand for."""

    items: Sequence[str]
    categories: Sequence[str]
    channels: Sequence[str]

    @property
    def of_rows(self) -> Mapping[str, Sequence[str]]:
        """Weights that have a row for each word, and a last one for all others."""
        return {
            "item.weight": self.items,
            "item_bias": self.items,
            "category.weight": self.categories,
            "channel.weight": self.channels,
        }


def check_alike(shape: Shape, donor: Shape, *, where: str) -> None:
    """Raises InputError `bad-argument` where the networks are built in different ways."""
    unlike = [name for name in ALIKE if getattr(shape, name) != getattr(donor, name)]
    if unlike:
        said = ", ".join(f"{name} {getattr(donor, name)} and not {getattr(shape, name)}" for name in unlike)
        raise InputError(
            "bad-argument",
            f"the model to start from is built in another way: {said}",
            where=where,
            remedy="name an event model that was trained with the same settings, and no student",
        )


@dataclass(frozen=True)
class Inheritance:
    """Gives a network what another shop's network has learned."""

    weights: Mapping[str, Tensor]
    theirs: Names
    ours: Names
    contents: Set[str] = frozenset()  # whose vectors are of one encoder in both: those of another mean other things

    def __call__(self, net: EventNetwork) -> None:
        with torch.no_grad():
            for name, mine in net.state_dict().items():
                donor = self.weights.get(name)
                if donor is None:  # of vectors of content that the other shop did not have
                    continue
                if name in self.ours.of_rows:
                    to, of = _shared(self.ours.of_rows[name], self.theirs.of_rows[name])
                    mine[[*to, len(mine) - 1]] = donor[[*of, len(donor) - 1]].to(mine)
                elif self._is_common(name) and mine.shape == donor.shape:
                    mine.copy_(donor)

    def _is_common(self, name: str) -> bool:
        layer, *parts = name.split(".")
        return parts[0] in self.contents if layer == "contents" else layer in COMMON


def _shared(ours: Sequence[str], theirs: Sequence[str]) -> tuple[list[int], list[int]]:
    """The places of names that both have, in ours and in theirs."""
    place = {name: at for at, name in enumerate(theirs)}
    both = [(at, place[name]) for at, name in enumerate(ours) if name in place]
    return [at for at, _ in both], [at for _, at in both]
