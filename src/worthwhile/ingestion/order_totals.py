"""Lines of one order, in one file: which they are, and how they come to the order's total. SQL over `judged`."""

from __future__ import annotations

from worthwhile.ingestion.reading import Reading
from worthwhile.store import sql

REST = "order-rest"  # the item of what an order cost beyond its lines: postage, taxes
_CENT = 0.005  # sums of money that differ by less are equal


def one_order(reading: Reading) -> str:
    """The columns by which rows of one file are of one order: numbers are used again, and a file may be of two shops.

    An order told again, as of another version or in another state, or as another event, is apart: which of them
    stands is sorted out later.
    """
    key = "part, order_id, customer_id"
    if reading.form.of_order or reading.form.row_is_order or reading.form.of_state:
        key += ", state"
    if "updated_at" in reading.columns:
        key += ", version_wall, version_moment"
    if "type" in reading.columns:
        key += ", ts"
    if "updated_at" in reading.columns:  # of several versions in one file each is whole
        key += ", updated_at"
    return key + (", CAST(order_placed AS DATE)" if tells_placing(reading) else "")


def has_parts(reading: Reading) -> str:
    """SQL for whether rows are of one order though they bear no number: products of one event are."""
    return "true" if "type" in reading.columns else "false"


def tells_placing(reading: Reading) -> bool:
    """Whether the rows of an order say when it was placed: of events, an order told again has a time of its own."""
    return "placed_at" in reading.columns or (reading.form.whole_orders and "type" not in reading.columns)


def takes_place_of_orders(reading: Reading) -> bool:
    """Whether later files take the place of what is known of an order, though no column tells its version."""
    refunds = "refunded_amount" in reading.columns  # as of now: it grows
    return (reading.form.whole_orders or refunds) and "updated_at" not in reading.columns


def settled(reading: Reading) -> str:
    """Orders whose total is known: their lines come to it.

    Lines without an amount share the total by quantity. What lines lack is `rest`, on the order's first row: postage,
    taxes; what they have too much was taken off the order, and is taken off each line alike. `refunded` is, on the
    first row, what was given back of the whole. Of one number with several totals each counts: numbers are used anew.
    Rows that give back (of less than none) are apart from those they give back.
    """
    if not {"order_total", "refunded_amount"} & set(reading.columns.index):
        return "SELECT *, CAST(NULL AS DOUBLE) AS rest, CAST(NULL AS DOUBLE) AS refunded FROM judged"
    key = one_order(reading)
    is_part = f"(order_id IS NOT NULL OR {has_parts(reading)})"
    sells = f"(reason IS NULL AND NOT is_touch AND type_effect <> 'refund' AND {is_part})"
    # Lines of platforms' orders that give back are part of what the order comes to.
    takes_back = (
        "false" if reading.form.whole_orders else "coalesce(least(order_total_number, quantity_number) < 0, false)"
    )
    alike = f"PARTITION BY {key}, sells, total"
    return f"""
        SELECT * REPLACE (
                round(given_amount * scale, 6) AS given_amount,
                CASE WHEN scale < 1 THEN round(coalesce(abs(discount_number), 0) + given_amount * (1 - scale), 6)
                     ELSE discount_number END AS discount_number
            ),
            CASE WHEN differs AND is_first AND total > of_lines + {_CENT} THEN round(total - of_lines, 6) END AS rest,
            CASE WHEN sells AND leads AND given_back > 0 THEN least(given_back, greatest(total, of_lines)) END
                AS refunded
        FROM (
            SELECT *, CASE WHEN differs AND total < of_lines - {_CENT} AND of_lines > 0 THEN total / of_lines
                           ELSE 1.0 END AS scale
            FROM (
                SELECT *, sum(given_amount) FILTER (sells) OVER ({alike}, takes_back) AS of_lines,
                    sells AND NOT takes_back
                        AND abs(total - sum(given_amount) FILTER (sells) OVER ({alike})) > {_CENT} AS differs
                FROM (
                    SELECT * REPLACE (
                        CASE WHEN sells AND given_amount IS NULL
                             THEN total * coalesce(quantity_number, 1) / nullif(pieces, 0) ELSE given_amount END
                            AS given_amount
                    )
                    FROM (
                        SELECT *, row_number() OVER ({alike}, takes_back ORDER BY row) = 1 AS is_first,
                            row_number() OVER (PARTITION BY {key}, sells ORDER BY row) = 1 AS leads,
                            max(abs(refunded_amount_number)) FILTER (sells) OVER (PARTITION BY {key}) AS given_back,
                            sum(coalesce(quantity_number, 1)) FILTER (sells) OVER ({alike}, takes_back) AS pieces
                        FROM (
                            SELECT *, {takes_back} AS takes_back, CASE WHEN sells THEN coalesce(order_total_number,
                                max(order_total_number) FILTER (sells) OVER (PARTITION BY {key})) END AS total
                            FROM (SELECT *, {sells} AS sells FROM judged)
                        )
                    )
                )
            )
        )
    """


def undone(reading: Reading, settled: str) -> str:
    """Cancellations that name the lines and the total of an order give back the rest too: postage, taxes."""
    if not reading.form.undoing or not {"type", "order_total", "order_id"} <= set(reading.columns.index):
        return settled
    is_undoing = rf"regexp_replace(lower(type), '[^\p{{L}}\p{{N}}]', '', 'g') IN ({sql.texts(reading.form.undoing)})"
    event = f"PARTITION BY {one_order(reading)}, undoes"
    return f"""
        SELECT * EXCLUDE (undoes, undone, comes_first) REPLACE (
            CASE WHEN undoes AND comes_first AND order_total_number > undone + {_CENT}
                 THEN round(order_total_number - undone, 6) ELSE rest END AS rest
        )
        FROM (
            SELECT *, sum(abs(given_amount)) OVER ({event}) AS undone,
                row_number() OVER ({event} ORDER BY row) = 1 AS comes_first
            FROM (
                SELECT *, coalesce(reason IS NULL AND order_id IS NOT NULL AND {is_undoing}, false) AS undoes
                FROM ({settled})
            )
        )
    """
