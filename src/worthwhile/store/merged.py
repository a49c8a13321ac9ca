"""Tables that are only ever added to, and the queries that make one row of all that is known of a key.

A batch adds what it tells of its items and customers, and as of when; nothing that is there is rewritten. What stands
is worked out when a table is read. Every query here gives the same whatever the order in which rows came, so that
files of events may be ingested in any order (lists that do not say as of when they are go by theirs), and `reduced`
rows merge with later ones just as the rows that they stand for.
"""

from __future__ import annotations

# The latest event that tells a value knows it best; of two at one time the greater value stands, to have one answer.
_BEST = "arg_max({0}, (coalesce(as_of, TIMESTAMPTZ '0001-01-01'), {0})) FILTER ({0} IS NOT NULL)"
_ITEM_VALUES = ("category", "price", "description", "picture")

# A title is that of the latest list; else the one that most lines bear: shops write notes such as `damaged` in its
# place now and then. Rows of lists have no `lines`.
_ITEMS = f"""
    WITH titles AS (
        SELECT item_id, title, sum(lines) AS lines FROM {{rows}}
        WHERE title IS NOT NULL AND lines IS NOT NULL GROUP BY item_id, title
    ), named AS (
        SELECT item_id, arg_min(title, (-lines, title)) AS title FROM titles GROUP BY item_id
    ), listed AS (
        SELECT item_id, {_BEST.format("title")} AS title FROM {{rows}} WHERE lines IS NULL GROUP BY item_id
    ), told AS (
        SELECT item_id, {", ".join(f"{_BEST.format(column)} AS {column}" for column in _ITEM_VALUES)},
            bool_and(is_goods) AS is_goods, min(batch_id) AS batch_id
        FROM {{rows}} GROUP BY item_id
    )
    SELECT item_id, category, price, coalesce(listed.title, named.title) AS title, description, picture, is_goods,
        batch_id
    FROM told LEFT JOIN named USING (item_id) LEFT JOIN listed USING (item_id) ORDER BY item_id
"""

# A category is known from the first event that tells it; that of the latest list, which tells no day, all along.
_ITEM_CATEGORIES = f"""
    WITH latest AS (
        SELECT item_id, {_BEST.format("category")} AS category FROM {{rows}} WHERE since IS NULL GROUP BY item_id
    )
    SELECT item_id, category, CASE WHEN count(*) = count(since) THEN min(since) END AS since, min(batch_id) AS batch_id
    FROM {{rows}} WHERE since IS NOT NULL OR (item_id, category) IN (SELECT (item_id, category) FROM latest)
    GROUP BY item_id, category ORDER BY item_id, category
"""

_CUSTOMERS = f"""
    SELECT customer_id, {_BEST.format("country")} AS country, min(registered_at) AS registered_at,
        {_BEST.format("attributes")} AS attributes, min(batch_id) AS batch_id
    FROM {{rows}} GROUP BY customer_id ORDER BY customer_id
"""

# Table -> the query over its rows (any relation) that gives one row a key.
MERGED: dict[str, str] = {"items": _ITEMS, "item_categories": _ITEM_CATEGORIES, "customers": _CUSTOMERS}


def merged(table: str, rows: str) -> str:
    """SQL for a table as it is read, from the relation `rows` of all that was ever added to it."""
    return MERGED[table].format(rows=rows)


def _value(key: str, column: str, condition: str = "true") -> str:
    """The best value of one column, a row a key, with the time that it is known as of."""
    return (
        f"SELECT {key}, {_BEST.format(column)} AS {column}, max(as_of) AS as_of, min(batch_id) AS batch_id"
        f" FROM {{rows}} WHERE {column} IS NOT NULL AND {condition} GROUP BY {key}"
    )


_REDUCED_ITEMS = f"""
    WITH parts AS (
        SELECT item_id, bool_and(is_goods) AS is_goods, min(batch_id) AS batch_id FROM {{rows}} GROUP BY item_id
        UNION ALL BY NAME
        SELECT item_id, title, CAST(sum(lines) AS BIGINT) AS lines, min(batch_id) AS batch_id
        FROM {{rows}} WHERE title IS NOT NULL AND lines IS NOT NULL GROUP BY item_id, title
        UNION ALL BY NAME {_value("item_id", "title", "lines IS NULL")}
        UNION ALL BY NAME {" UNION ALL BY NAME ".join(_value("item_id", column) for column in _ITEM_VALUES)}
    )
    SELECT item_id, category, price, title, description, picture, coalesce(is_goods, true) AS is_goods, batch_id,
        as_of, lines
    FROM parts ORDER BY ALL
"""

_REDUCED_ITEM_CATEGORIES = f"""
    SELECT item_id, category, since, batch_id, as_of FROM (
        SELECT item_id, category, min(since) AS since, min(batch_id) AS batch_id
        FROM {{rows}} WHERE since IS NOT NULL GROUP BY item_id, category
        UNION ALL BY NAME {_value("item_id", "category", "since IS NULL")}
    ) ORDER BY item_id, category, since
"""

_REDUCED_CUSTOMERS = f"""
    WITH parts AS (
        SELECT customer_id, {_BEST.format("country")} AS country, min(registered_at) AS registered_at,
            max(as_of) FILTER (country IS NOT NULL) AS as_of, min(batch_id) AS batch_id
        FROM {{rows}} GROUP BY customer_id
        UNION ALL BY NAME {_value("customer_id", "attributes")}
    )
    SELECT customer_id, country, registered_at, attributes, batch_id, as_of, CAST(NULL AS BIGINT) AS lines
    FROM parts ORDER BY customer_id, as_of
"""

_REDUCED = {"items": _REDUCED_ITEMS, "item_categories": _REDUCED_ITEM_CATEGORIES, "customers": _REDUCED_CUSTOMERS}


def reduced(table: str, rows: str) -> str:
    """SQL for few rows that merge, with each other and with any rows added later, to what all of `rows` do."""
    return _REDUCED[table].format(rows=rows)
