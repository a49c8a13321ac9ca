"""Random draws from one seeded generator, on any device."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Dice:
    """A seeded source of random tensors. Bounds and parameters may be numbers or tensors of the shape drawn."""

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.generator = torch.Generator(device=self.device)
        self.generator.manual_seed(seed)

    def uniform(self, *shape: int, low: float | Tensor = 0.0, high: float | Tensor = 1.0) -> Tensor:
        return low + (high - low) * torch.rand(shape, generator=self.generator, device=self.device)

    def log_uniform(self, *shape: int, low: float, high: float) -> Tensor:
        return torch.exp(self.uniform(*shape, low=math.log(low), high=math.log(high)))

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, device=self.device)

    def exponential(self, *shape: int) -> Tensor:
        return -torch.log1p(-torch.rand(shape, generator=self.generator, device=self.device))

    def chance(self, *shape: int, p: float | Tensor) -> Tensor:
        """True with probability p."""
        return torch.rand(shape, generator=self.generator, device=self.device) < p

    def maybe(self, values: Tensor, *, p: float) -> Tensor:
        """The values, each kept with probability p, else 0: a mechanism that some shops have and others lack."""
        return values * self.chance(*values.shape, p=p)

    def gamma(self, shape: Tensor) -> Tensor:
        """Gamma of this shape and scale 1."""
        return torch._standard_gamma(shape.clamp(min=0.02), generator=self.generator)  # type: ignore[attr-defined]

    def poisson(self, mean: Tensor) -> Tensor:
        """Whole numbers with these means."""
        return torch.poisson(mean, generator=self.generator)

    def integers(self, *shape: int, low: int, high: int) -> Tensor:
        """Whole numbers, low <= n < high."""
        return torch.randint(low, high, shape, generator=self.generator, device=self.device)

    def choice(self, options: list[float], *shape: int) -> Tensor:
        table = torch.tensor(options, device=self.device)
        return table[self.integers(*shape, low=0, high=len(options))]
