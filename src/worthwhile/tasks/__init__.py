"""What is asked: a target over a horizon after a cutoff, for which part of the log, of which customers."""

from worthwhile.tasks.horizon import Horizon
from worthwhile.tasks.task import TARGETS, Task

__all__ = ["TARGETS", "Horizon", "Task"]
