"""What a format of order files is: a small table that tells its files and how their columns are meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Format:
    """One format. Header names are written as `columns.plain` makes them: lower case, letters and digits only.

    `fingerprint`: a file whose header has all names of one of these sets is of this format.
    `shapes`: for files without a header whose fields are parted by blanks: number of fields -> event columns.
    `columns`: event column -> names of the header that mean it, the first that is there wins.
    `refund_when`, `is_goods`: SQL conditions over the cleaned texts `order_id`, `item_id`, `title`.
    """

    name: str
    description: str
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fingerprint: tuple[frozenset[str], ...] = ()
    shapes: Mapping[int, tuple[str | None, ...]] = field(default_factory=dict)
    refund_when: str = "false"
    is_goods: str = "true"
