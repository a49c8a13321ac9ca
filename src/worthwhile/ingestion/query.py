"""The query that a database is asked: one statement that reads, and in it the lower bound `:since`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import TokenType

from worthwhile.errors import InputError

_DIALECTS = {"postgresql": "postgres", "mysql": "mysql"}
_BEGINS = (TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN, TokenType.TABLE)
_WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Command, exp.Into, exp.Lock)
SINCE = "since"


@dataclass(frozen=True)
class Query:
    """A query that was looked at. `pieces` is its text, parted where `:since` stands."""

    text: str
    pieces: tuple[str, ...]
    compared: str = ""  # what `:since` is compared with, as it is written
    place: int | str = ""  # where that is in the result: its index, or its name where there are stars
    strict: bool = False  # rows whose value is that of `:since` are left out

    @property
    def has_since(self) -> bool:
        return len(self.pieces) > 1

    @property
    def digest(self) -> str:
        """The same for a query that is only broken into other lines."""
        return hashlib.sha256(" ".join(self.text.split()).encode()).hexdigest()[:16]

    def index_of_since(self, names: Sequence[str]) -> int:
        """Which of the result's columns `:since` is compared with. Raises InputError `bad-query`."""
        if isinstance(self.place, int):
            return self.place
        places = [index for index, name in enumerate(names) if name.lower() == self.place.lower()]
        if len(places) != 1:
            raise _not_in_result(self.compared, "there are two columns of that name" if places else "")
        return places[0]


def read_query(text: str, kind: str) -> Query:
    """What a query is, for a database of `kind`. Raises InputError `bad-query`."""
    text = text.strip().rstrip(";").rstrip()
    tree = _one_statement(text, _DIALECTS[kind])
    placeholders = list(tree.find_all(exp.Placeholder, exp.Parameter))
    pieces = _pieces(text, _DIALECTS[kind])
    for found in placeholders:
        if found.this != SINCE:
            raise bad_query(
                f"`{found.sql()}` stands for a value that is not given", "write the value; only `:since` is filled in"
            )
    if len(pieces) - 1 != len(placeholders):
        raise bad_query("`:since` stands where no value can", "compare a column with it: updated_at >= :since")
    if not placeholders:
        return Query(text, pieces)
    bounds = [_bound(found) for found in placeholders]
    places = {_place(tree, select, compared) for select, compared, _ in bounds}
    compared = bounds[0][1].sql()
    if len(places) > 1:
        raise bad_query(
            f"`:since` is compared with several columns: {', '.join(sorted({c.sql() for _, c, _ in bounds}))}",
            "compare it with the greatest of them, and select that: greatest(a, b) AS changed_at ... "
            "WHERE greatest(a, b) >= :since",
        )
    return Query(text, pieces, compared, places.pop(), any(strict for _, _, strict in bounds))


def bad_query(what: str, remedy: str = "") -> InputError:
    return InputError("bad-query", what, where="--query", remedy=remedy)


def _not_in_result(compared: str, why: str = "") -> InputError:
    what = f"`:since` is compared with `{compared}`, which is not in the result"
    return bad_query(
        f"{what} for certain: {why}" if why else what, f"select it, so that it is known how far was read: {compared}"
    )


def _one_statement(text: str, dialect: str) -> exp.Query:
    """The statement's tree. The session is read-only anyway; this says sooner and clearer what is not taken."""
    if "/*!" in text or "/*M!" in text:  # comments that MySQL and MariaDB execute, and nobody else sees
        raise bad_query("it has a comment that would be executed", "leave out `/*! ... */`")
    try:
        tokens = sqlglot.tokenize(text, read=dialect)
        if tokens and tokens[0].token_type not in _BEGINS:
            raise bad_query("it is no statement that reads", "begin it with SELECT or WITH")
        statements = [tree for tree in sqlglot.parse(text, read=dialect) if tree is not None]
    except SqlglotError as error:
        raise bad_query(
            f"it cannot be understood: {_first(error)}", "mend it, or make it a view in the database and select that"
        ) from error
    if len(statements) != 1:
        raise bad_query(f"it holds {len(statements)} statements", "give one SELECT")
    tree = statements[0]
    if not isinstance(tree, exp.Query) or tree.find(*_WRITES):
        raise bad_query("it would write or lock", "give a SELECT that only reads")
    return tree


def _first(error: SqlglotError) -> str:
    """Without the colours of a terminal that sqlglot marks the place with."""
    details = getattr(error, "errors", None) or [{}]
    place = f", line {details[0]['line']}, column {details[0]['col']}" if details[0].get("line") else ""
    said = (details[0].get("description") or str(error).splitlines()[0]).rstrip(".")
    # Required keyword: 'this' missing for <class 'sqlglot.expressions.query.Where'>
    if lacking := re.search(r"missing for <class '[\w.]*\.(\w+)'>", said):
        said = f"something is missing after {lacking[1].upper()}"
    return said + place


def _pieces(text: str, dialect: str) -> tuple[str, ...]:
    """The text between the places of `:since`; one in a string or a comment is none."""
    tokens = sqlglot.tokenize(text, read=dialect)
    pieces, start = [], 0
    for colon, word in pairwise(tokens):
        if colon.token_type is TokenType.COLON and word.text == SINCE and word.start == colon.end + 1:
            pieces.append(text[start : colon.start])
            start = word.end + 1
    return (*pieces, text[start:])


def _bound(placeholder: exp.Expr) -> tuple[exp.Select, exp.Expr, bool]:
    """The SELECT that `:since` is a lower bound in, what of, and whether the bound itself is left out."""
    node: exp.Expr = placeholder
    comparison = placeholder.parent
    while comparison is not None and not isinstance(comparison, exp.Predicate | exp.Query):
        node, comparison = comparison, comparison.parent
    select = placeholder.find_ancestor(exp.Select)
    if select is not None and comparison is not None:
        if isinstance(comparison, exp.GT | exp.GTE) and comparison.expression is node:
            return select, comparison.this, isinstance(comparison, exp.GT)
        if isinstance(comparison, exp.LT | exp.LTE) and comparison.this is node:
            return select, comparison.expression, isinstance(comparison, exp.LT)
        if isinstance(comparison, exp.Between) and comparison.args["low"] is node:
            return select, comparison.this, False
    raise bad_query("`:since` is no lower bound of a column", "compare a column with it: updated_at >= :since")


def _place(tree: exp.Query, select: exp.Select, compared: exp.Expr) -> int | str:
    """Where the result has what is compared: an index, or a name that the database's own answer is searched for."""
    found = [index for index, projection in enumerate(select.selects) if _same(projection.unalias(), compared)]
    if not found and not select.is_star:
        raise _not_in_result(compared.sql())
    if found and not select.is_star and _is_outermost(tree, select):
        return found[0]
    name = select.selects[found[0]].alias_or_name if found else compared.name
    if not name:
        raise _not_in_result(compared.sql())
    return name


def _same(one: exp.Expr, other: exp.Expr) -> bool:
    """Equal, but for a table that one of two columns does not name."""
    if isinstance(one, exp.Column) and isinstance(other, exp.Column):
        tables = {one.table.lower(), other.table.lower()} - {""}
        return one.name.lower() == other.name.lower() and len(tables) < 2
    return one == other


def _is_outermost(tree: exp.Query, select: exp.Select) -> bool:
    """Whether the rows of this SELECT are rows of the result: it is the statement, or an arm of its UNION."""
    arms: list[exp.Expr] = [tree]
    while arms:
        arm = arms.pop()
        if arm is select:
            return True
        if isinstance(arm, exp.SetOperation):
            arms += [arm.this, arm.expression]
        elif isinstance(arm, exp.Subquery):
            arms.append(arm.this)
    return False
