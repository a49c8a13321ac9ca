"""A model that was trained on one shop as the beginning of another's.

Weights that do not hang on what a shop's words and columns are, are taken over as they are; embeddings of items,
categories and channels, and weights of columns, by name where both shops know it. All else begins anew.

Letters: D width, X columns of a question, O outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from worthwhile.errors import InputError
from worthwhile.models.sequence.network import EventNetwork, Shape

ALIKE = ("encoder", "width", "layers", "heads", "item_width", "hidden", "kinds", "numbers")  # of both shapes
# Layers that mean the same in every shop, whole.
COMMON = ("kind", "contents", "read", "norm", "encoder", "next_kind", "next_gap", "next_amount", "next_item", "think")
MEANT_ALIKE = 2  # first outputs that mean the same in every shop: buying, and orders beyond the first


@dataclass(frozen=True)
class Names:
    """What rows and columns of weights stand for, in one shop."""

    items: Sequence[str]
    categories: Sequence[str]
    channels: Sequence[str]
    columns: Sequence[str]  # (X,) of a question

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

    def __call__(self, net: EventNetwork) -> None:
        width = net.shape.width
        with torch.no_grad():
            for name, mine in net.state_dict().items():
                donor = self.weights.get(name)
                if donor is None:  # of vectors of content that the other shop did not have
                    continue
                if name in self.ours.of_rows:
                    to, of = _shared(self.ours.of_rows[name], self.theirs.of_rows[name])
                    mine[[*to, len(mine) - 1]] = donor[[*of, len(donor) - 1]].to(mine)
                elif name in ("ask.weight", "line.weight"):
                    first = width if name == "ask.weight" else 0  # states come before columns
                    rows = len(mine) if name == "ask.weight" else MEANT_ALIKE
                    to, of = _shared(self.ours.columns, self.theirs.columns)
                    mine[:rows, :first] = donor[:rows, :first].to(mine)
                    mine[:rows, first:][:, to] = donor[:rows, first:][:, of].to(mine)
                elif name in ("out.weight", "out.bias"):
                    mine[:MEANT_ALIKE] = donor[:MEANT_ALIKE].to(mine)
                elif (name.split(".")[0] in COMMON or name == "ask.bias") and mine.shape == donor.shape:
                    mine.copy_(donor)


def _shared(ours: Sequence[str], theirs: Sequence[str]) -> tuple[list[int], list[int]]:
    """The places of names that both have, in ours and in theirs."""
    place = {name: at for at, name in enumerate(theirs)}
    both = [(at, place[name]) for at, name in enumerate(ours) if name in place]
    return [at for at, _ in both], [at for _, at in both]
