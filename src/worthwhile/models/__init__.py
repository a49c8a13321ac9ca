"""The models. Each takes snapshots and answers with a Forecast, and knows nothing of shops and tables."""

from worthwhile.models.protocol import Model

__all__ = ["Model"]
