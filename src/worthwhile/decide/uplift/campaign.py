"""The log of a past campaign: one row a customer, read and checked.

Columns: `customer_id`, the action that the customer got, what they did afterwards (spend, visit, any number or 0/1),
and perhaps the known chance of each action, and covariates from before the campaign.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from worthwhile.decide.campaign.folder import LOG
from worthwhile.decide.columns import meaning
from worthwhile.decide.tables import numbers_of, read_table, refuse_nameless, texts_of
from worthwhile.errors import InputError

Array = np.ndarray[Any, Any]

CUSTOMER = "customer_id"
# Of a log that `worth campaign measure` writes: what came after the campaign, and how customers were dealt out. None of
# it is a covariate unless a person names it.
OUTCOMES = ("spend", "orders", "active")
DESIGN = ("propensity", "stratum", "intended")
CHANCE = "propensity_"  # and an action: the known chance of it
LEAST_GROUP = 100  # customers with an action, for five folds of it to say anything
MOST_ACTIONS = 20


@dataclass(frozen=True)
class CampaignLog:
    """A campaign's log, checked: rows in its own order."""

    source: str  # the file's name, for messages
    digest: str  # of the content
    customer_ids: Array  # (N,) str objects
    numbered: bool  # the log names no customers, and they are numbered by row
    actions: tuple[str, ...]  # (K+1,) the control first, the others by name
    action: Array  # (N,) int
    outcomes: tuple[str, ...]  # (J,)
    outcome: Array  # (N, J) float64
    propensity: Array | None  # (N, K+1): known chances of the actions
    others: pa.Table  # the remaining columns, which may be covariates

    def __len__(self) -> int:
        return len(self.action)


@dataclass(frozen=True)
class CampaignColumns:
    """Which column of a log is what."""

    treatment: str
    control: str
    outcomes: Sequence[str]
    propensity: Mapping[str, str | float] | None = None  # action -> its chance, or the column that holds it
    covariates: Sequence[str] | None = None  # None: all that are left but OUTCOMES, DESIGN and chances
    ignore: Sequence[str] = ()


def read_campaign_log(log: Path | str | pa.Table, columns: CampaignColumns) -> CampaignLog:
    """A campaign's log from a .parquet, .csv or .jsonl, or a table in memory.

    Raises InputError `bad-file`, `bad-columns`, `bad-values`, `bad-argument`.
    """
    table, name = _table_of(log, columns)
    table, columns = _outcomes_named(table, columns)
    wanted = [columns.treatment, *columns.outcomes, *(columns.covariates or ())]
    _check_columns(table, [*wanted, *columns.ignore], name)
    if not columns.outcomes:
        raise InputError("bad-argument", "no outcome is named", where="--outcome", remedy="name one, such as spend")
    if len(set(wanted)) < len(wanted):
        twice = sorted({column for column in wanted if wanted.count(column) > 1})
        raise InputError(
            "bad-columns", f"the column `{twice[0]}` is named twice", where=name, remedy="name each column once"
        )
    if len(table) == 0:
        raise InputError("bad-file", "the log has no row", where=name, remedy="give one row a customer")
    customer_ids, numbered = _customers(table, name)
    actions, action = _actions(table, columns, name)
    outcome = np.column_stack([_numbers(table, column, name) for column in columns.outcomes])
    _check_intended(table, columns, name)
    propensity, used = _propensity(table, columns.propensity, actions, name)
    if propensity is None:
        propensity = _designed(table, columns, actions, name)
    taken = {CUSTOMER, columns.treatment, *columns.outcomes, *columns.ignore, *used, *OUTCOMES, *DESIGN}
    left = [c for c in table.column_names if c not in taken and not c.startswith(CHANCE)]
    others = columns.covariates if columns.covariates is not None else left
    return CampaignLog(
        source=name,
        digest=_digest(table),
        customer_ids=customer_ids,
        numbered=numbered,
        actions=actions,
        action=action,
        outcomes=tuple(columns.outcomes),
        outcome=outcome,
        propensity=propensity,
        others=table.select(list(others)),
    )


def _outcomes_named(table: pa.Table, columns: CampaignColumns) -> tuple[pa.Table, CampaignColumns]:
    """The log with outcomes under the names that plans know, where they have them under another, such as 消费金额."""
    names, outcomes = list(table.column_names), []
    for outcome in columns.outcomes:
        known = meaning(outcome, OUTCOMES)
        if known and outcome in names and known not in names:
            names[names.index(outcome)] = known
        outcomes.append(known if known in names and outcome not in names else outcome)
    return table.rename_columns(names), replace(columns, outcomes=tuple(outcomes))


def _table_of(log: Path | str | pa.Table, columns: CampaignColumns) -> tuple[pa.Table, str]:
    if isinstance(log, pa.Table):
        return log, "log"
    expected = (CUSTOMER, columns.treatment, *columns.outcomes)
    return read_table(log, where="--log", columns=expected), _name_of(Path(log))


def _name_of(log: Path) -> str:
    """The file's name; of a campaign of the shop, whose files are all called alike, with the campaign's."""
    return f"{log.absolute().parent.name}/{log.name}" if log.name == LOG else log.name


def _digest(table: pa.Table) -> str:
    sink = hashlib.sha256()
    for batch in table.combine_chunks().to_batches():
        sink.update(batch.serialize())
    return sink.hexdigest()


def _check_columns(table: pa.Table, wanted: Sequence[str], name: str) -> None:
    missing = [column for column in wanted if column not in table.column_names]
    if missing:
        raise InputError(
            "bad-columns",
            f"there is no column `{missing[0]}`",
            where=name,
            remedy=f"its columns are {', '.join(f'`{c}`' for c in table.column_names[:30])}",
        )


def _customers(table: pa.Table, name: str) -> tuple[Array, bool]:
    if CUSTOMER not in table.column_names:
        width = len(str(len(table)))
        return np.array([f"row {i + 1:0{width}d}" for i in range(len(table))], dtype=object), True
    refuse_nameless(table, CUSTOMER, where=name)
    ids = texts_of(table, CUSTOMER, where=name).to_numpy(zero_copy_only=False).astype(object)
    refuse_twice(ids, name)
    return ids, False


def refuse_twice(ids: Array, name: str) -> None:
    """Raises InputError `bad-values` where a customer (N,) stands in several rows of the log."""
    _, first, count = np.unique(ids.astype(str), return_index=True, return_counts=True)
    if (count > 1).any():
        raise InputError(
            "bad-values",
            f"{int((count > 1).sum()):,} customers stand in several rows, such as `{ids[first[count > 1][0]]}`",
            where=name,
            remedy="give one row a customer: one campaign, all that came of it added up",
        )


def _actions(table: pa.Table, columns: CampaignColumns, name: str) -> tuple[tuple[str, ...], Array]:
    column = table[columns.treatment]
    nothing = pc.equal(pc.utf8_trim_whitespace(texts_of(table, columns.treatment, where=name)), "")
    row = pc.index(pc.fill_null(nothing, True), True).as_py() + 1
    if row:
        raise InputError(
            "bad-values",
            f"row {row}: `{columns.treatment}` is missing",
            where=name,
            remedy=f"write the control's name, such as {columns.control}, for customers who got nothing",
        )
    given = np.array([_text(value) for value in column.to_pylist()], dtype=object)
    names, counts = np.unique(given.astype(str), return_counts=True)
    known = names.tolist()
    if columns.control not in known:
        raise InputError(
            "bad-argument",
            f"`{columns.treatment}` never says `{columns.control}`",
            where="--control",
            remedy=f"it says {', '.join(f'`{value}`' for value in known[:MOST_ACTIONS])}",
        )
    if len(known) < 2 or len(known) > MOST_ACTIONS:
        raise InputError(
            "bad-values",
            f"`{columns.treatment}` has {len(known)} values: an effect needs the control and 1 to {MOST_ACTIONS - 1} "
            "actions",
            where=name,
            remedy="name the column that says what each customer got",
        )
    small = counts < LEAST_GROUP
    if small.any():
        raise InputError(
            "bad-values",
            f"only {int(counts[small][0])} customers have `{columns.treatment}` = `{names[small][0]}`",
            where=name,
            remedy=f"an action needs {LEAST_GROUP} customers or more: leave its rows out, or join it with a like one",
        )
    actions = (columns.control, *(value for value in known if value != columns.control))
    place = {value: i for i, value in enumerate(actions)}
    return actions, np.array([place[str(value)] for value in given])


def _text(value: Any) -> str:
    return (
        str(int(value)) if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()) else str(value)
    )


def _numbers(table: pa.Table, column: str, name: str) -> Array:  # (N,) float64
    values = table[column]
    if values.null_count:
        row = pc.index(values.is_null(), True).as_py() + 1
        raise InputError(
            "bad-values",
            f"row {row}: `{column}` is missing ({values.null_count:,} rows)",
            where=name,
            remedy="write 0 for customers who did nothing, and leave out those of whom it is not known",
        )
    return numbers_of(table, column, where=name, truths=True)


def _propensity(
    table: pa.Table, given: Mapping[str, str | float] | None, actions: tuple[str, ...], name: str
) -> tuple[Array | None, set[str]]:
    """The known chances (N, K+1), and the columns that hold them. The control's is what is left, where not given."""
    if not given:
        return None, set()
    unknown = [action for action in given if action not in actions]
    lacking = [action for action in actions[1:] if action not in given]
    if unknown or lacking:
        raise InputError(
            "bad-argument",
            f"`{unknown[0]}` is no action of the log" if unknown else f"the chance of `{lacking[0]}` is not given",
            where="--propensity",
            remedy=f"give one for each of {', '.join(f'`{action}`' for action in actions[1:])}",
        )
    used = {value for value in given.values() if isinstance(value, str)}
    _check_columns(table, sorted(used), name)
    chance = {
        action: _numbers(table, value, name) if isinstance(value, str) else np.full(len(table), float(value))
        for action, value in given.items()
    }
    rest = 1.0 - sum(chance[action] for action in actions[1:])
    found = np.column_stack([chance.get(actions[0], rest), *(chance[action] for action in actions[1:])])
    wrong = (found <= 0).any(axis=1) | (np.abs(found.sum(axis=1) - 1) > 1e-6)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            "bad-values",
            f"row {row + 1}: the chances of the actions are {', '.join(f'{v:.4g}' for v in found[row])}",
            where=name,
            remedy="each must be above 0, and with the control's they must add up to 1",
        )
    return found, used


def _designed(table: pa.Table, columns: CampaignColumns, actions: tuple[str, ...], name: str) -> Array | None:
    """The chances (N, K+1) that a designed campaign's log has of its actions in `propensity_<action>`; None where one
    is not there. Those of actions whose rows were left out are spread over the others, as the rows are."""
    there = [CHANCE + action in table.column_names and CHANCE + action not in columns.ignore for action in actions]
    if len(actions) == 2 and there[0] and not there[1]:
        control = _numbers(table, CHANCE + actions[0], name)
        found = np.column_stack([control, 1.0 - control])
    elif all(there):
        found = np.column_stack([_numbers(table, CHANCE + action, name) for action in actions])
    else:
        return None
    wrong = (found <= 0).any(axis=1) | (found.sum(axis=1) > 1 + 1e-6)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            "bad-values",
            f"row {row + 1}: the chances of the actions are {', '.join(f'{v:.4g}' for v in found[row])}",
            where=f"{name}, {CHANCE}*",
            remedy="each must be above 0, and together at most 1; give others with --propensity",
        )
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def _check_intended(table: pa.Table, columns: CampaignColumns, name: str) -> None:
    """Raises InputError `bad-values` for the log of a plan with several actions: who was to get which was not drawn by
    lot, so that only the customers of one intended action can be compared with each other."""
    if "intended" not in table.column_names or "intended" in (columns.treatment, *columns.outcomes, *columns.ignore):
        return
    meant = sorted(str(each) for each in pc.unique(table["intended"]).to_pylist())
    if len(meant) > 1:
        raise InputError(
            "bad-values",
            f"a plan chose which customers were to get {' and which '.join(f'`{each}`' for each in meant[:3])}",
            where=f"{name}, intended",
            remedy=f"keep the rows with one value of `intended`, `{meant[0]}` say, and learn from them alone",
        )
