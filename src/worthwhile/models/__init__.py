"""The models. Each takes snapshots and answers with a Forecast, and knows nothing of shops and tables.

`Model` is what each of them is. It is imported when first used: pretraining lies below this folder and runs on
machines that have no more than torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from worthwhile.models.protocol import Model as Model

__all__ = ["Model"]


def __getattr__(name: str) -> Any:
    if name != "Model":
        raise AttributeError(f"module 'worthwhile.models' has no attribute '{name}'")
    from worthwhile.models.protocol import Model

    return Model
