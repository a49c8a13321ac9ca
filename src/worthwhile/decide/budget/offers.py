"""Candidates of a shop: for each customer of a recorded forecast and each action, what it costs and should bring.

Letters: N customers of the forecast.

expected margin = margin share x extra spend, which is measured or assumed (`decide/responses.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from worthwhile.decide.budget.actions import Action
from worthwhile.decide.budget.problem import Array
from worthwhile.decide.consent import consent_columns, consent_for, consents
from worthwhile.decide.responses import ASSUMED, Effects, Response, as_assumption, assumed, doubt_of, measured, se_of
from worthwhile.decide.tables import ids_of, numbers_of
from worthwhile.decide.words import Note
from worthwhile.errors import InputError
from worthwhile.features.build import feature_matrix_at, main_categories
from worthwhile.features.declared import NAMES
from worthwhile.features.terms import ValueTerms
from worthwhile.runs.recall import RecordedForecast
from worthwhile.store.log import Log
from worthwhile.tasks import Task


@dataclass(frozen=True)
class Expected:
    """What a forecast says of its customers, as the planner needs it."""

    customers: Array  # (N,) of str, ascending
    spend: Array  # (N,) expected, in the horizon
    p_active: Array  # (N,)
    margin: Array  # (N,) share of spend that is margin


def expected_of(forecast: RecordedForecast, log: Log) -> Expected:
    """The forecast's customers with the margin of what they buy.

    With margins of single categories a customer's margin is that of its own purchases before the cutoff. Of the target
    `value` the amounts are margin already.
    """
    table = forecast.table()
    name = forecast.task.amount_name
    customers = table["customer_id"].to_numpy(zero_copy_only=False)
    spend, p = table[f"{name}_mean"].to_numpy(), table["p_active"].to_numpy()
    return Expected(customers, spend, p, _margins(forecast, log, customers))


def _margins(forecast: RecordedForecast, log: Log, customers: Array) -> Array:
    if forecast.task.amount_name == "value":
        return np.ones(len(customers))
    terms = ValueTerms.of(forecast.shop.settings)
    if not terms.margins:
        return np.full(len(customers), terms.margin)
    amounts = {}
    for target in ("spend", "value"):
        task = Task.of(forecast.horizon, target, **forecast.asked["where"])
        value = ValueTerms(terms.margin, terms.margins) if target == "value" else None
        categories = main_categories(log, forecast.cutoff)
        ids, features = feature_matrix_at(log, task, forecast.cutoff, value=value, categories=categories)
        place = pc.index_in(pa.array(customers, pa.string()), value_set=ids)
        column = features[:, NAMES.index("amount_all")]
        found = np.append(column, np.zeros(1, column.dtype))  # the last is of those without an order
        amounts[target] = found[pc.fill_null(place, -1).to_numpy(zero_copy_only=False)]
    paid, worth = amounts["spend"], amounts["value"]
    mean = worth.sum() / paid.sum() if paid.sum() > 0 else terms.margin
    return np.where(paid > 0, np.clip(worth / np.where(paid > 0, paid, 1.0), 0.0, 1.0), mean)


def offers(
    expected: Expected, actions: Sequence[Action], effects: Effects | None, customers: pa.Table | None
) -> pa.Table:
    """The candidates: every customer with every action whose effect on it is known or assumed.

    `customers` is a table of `customer_id` and further columns (costs, groups, consent), which are carried through.
    Raises InputError `no-such-run` for an action whose effect is neither measured nor given, `bad-values` for one that
    was measured on none of these customers, `bad-columns`.
    """
    known, said = (None, {}) if customers is None else _aligned(customers, actions, expected.customers)
    return pa.concat_tables([_offer(expected, action, effects, known, said=said) for action in actions])


def _offer(
    expected: Expected,
    action: Action,
    effects: Effects | None,
    known: pa.Table | None,
    *,
    said: Mapping[str, Array],  # what the customers' table says of consent
) -> pa.Table:
    response = _response(expected, action, effects)
    extra = response.spend
    rows = np.flatnonzero(~np.isnan(extra))
    if not len(rows) and effects is not None:
        raise InputError(
            "bad-values",
            f"the uplift run {effects.run_id} tells of none of this forecast's {len(extra):,} customers, so that"
            f" `{action.name}` could go to nobody",
            where="--actions",
            remedy="learn from a log with the shop's customer_id, with --date so that effects are for the customers of"
            " today, or assume an effect: lift_spend = 0.03",
        )
    cost = action.cost + action.cost_share * action.redeemed * np.maximum(expected.spend + np.nan_to_num(extra), 0.0)
    if action.cost_column:
        cost = cost + _cost_column(known, action)
    margin = expected.margin
    table = pa.table(
        {
            "customer_id": pa.array(expected.customers[rows], pa.string()),
            "action": pa.array([action.name] * len(rows), pa.string()),
            "channel": pa.array([action.channel] * len(rows), pa.string()),
            "cost": cost[rows],
            "expected_margin": (margin * extra)[rows],
            "expected_margin_se": (margin * response.se)[rows],
            "effect_se_shared": (margin * response.se_shared)[rows],
            "expected_spend": expected.spend[rows],
            "p_active": expected.p_active[rows],
            "extra_spend": extra[rows],  # what a test of the plan has to find
            "extra_active": pa.array(response.active[rows], from_pandas=True),
            "effect": pa.array([response.source] * len(rows), pa.string()),
        }
    )
    if known is not None:
        for name in known.column_names:
            if name not in table.column_names:
                table = table.append_column(name, known[name].take(pa.array(rows)))
    if said:
        table = table.append_column("consent", pa.array(consent_for(action.channel, said)[rows]))
    return table


def _response(expected: Expected, action: Action, effects: Effects | None) -> Response:
    """What the action does to each customer, from where that is known."""
    if action.assumption:
        return assumed(
            action.assumption, action.lift, spend=expected.spend, p_active=expected.p_active, lift_se=action.lift_se
        )
    if effects is None:
        raise InputError(
            "no-such-run",
            f"the effect of `{action.name}` is not known: no uplift run is recorded",
            where=f"actions.{action.name}",
            remedy="learn it with worth uplift, or assume it: " + ", ".join(f"{name} = 0.05" for name in ASSUMED),
        )
    return measured(
        effects,
        action.treatment,
        expected.customers,
        spend=expected.spend,
        p_active=expected.p_active,
        action=action.name,
    )


def _aligned(table: pa.Table, actions: Sequence[Action], customers: Array) -> tuple[pa.Table, dict[str, Array]]:
    """The rows of a customers' table in the order of the customers, null for those it has not, and what it says of
    consent, which is none for them. What is wrong with a number or a consent is told by the table's own rows."""
    ids = ids_of(table, where="--customers")
    for name in {action.cost_column for action in actions} & set(table.column_names):
        numbers_of(_filled(table, name), name, where="--customers")
    place = pc.index_in(pa.array(customers, pa.string()), value_set=ids)
    at, known = pc.fill_null(place, 0).to_numpy(), np.asarray(place.is_valid().to_numpy(zero_copy_only=False), bool)
    said = {
        name: (yes[at] if len(yes) else known) & known for name, yes in consents(table, where="--customers").items()
    }
    return table.drop_columns(["customer_id", *consent_columns(table).values()]).take(place), said


def _cost_column(known: pa.Table | None, action: Action) -> Array:
    if known is None or action.cost_column not in known.column_names:
        raise InputError(
            "bad-columns",
            f"the customers' table has no column `{action.cost_column}`, which the cost of `{action.name}` is in",
            where="--customers",
            remedy="give a table with customer_id and this column",
        )
    return numbers_of(_filled(known, action.cost_column), action.cost_column, where="--customers")


def _filled(table: pa.Table, name: str) -> pa.Table:
    """A column of costs by itself. Nothing is added for customers of whom none is known."""
    cost = table[name]
    is_number = pa.types.is_integer(cost.type) or pa.types.is_floating(cost.type)
    return pa.table({name: pc.fill_null(cost, 0) if is_number else cost})


def said_of(actions: Sequence[Action]) -> list[Mapping[str, Any]]:
    """What is assumed, action by action."""
    return [
        {
            **as_assumption(a.name, a.assumption, a.lift),
            "lift_se": se_of(a.lift, a.lift_se),
            "lift_se_is": "assumed" if a.lift_se is None else "given",
        }
        for a in actions
        if a.assumption
    ]


def doubts_of(actions: Sequence[Action]) -> list[Note]:
    """Notes of what is assumed too large."""
    found = (doubt_of(a.name, a.assumption, a.lift) for a in actions if a.assumption)
    return [note for note in found if note]
