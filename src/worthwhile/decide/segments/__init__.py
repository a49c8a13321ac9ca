"""Segments: who can be addressed alike, what they hold, where they move, and what speaks for the usual action."""

from worthwhile.decide.segments.build import make_segments
from worthwhile.decide.segments.recorded import Segments, recorded_segments

__all__ = ["Segments", "make_segments", "recorded_segments"]
