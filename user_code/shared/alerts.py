"""Facts that a person should know, into `ops.alerts`. Sending them is the alerter's work.

One row per thing that is wrong, found again by its key. Facts are names and counts, never data.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from user_code.shared.warehouse import Warehouse

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

Severity = Literal["info", "warning", "error", "critical"]

_UPSERT = """
INSERT INTO ops.alerts AS known
    (key, kind, severity, domain, subject, state, first_seen, last_seen, count, facts, link)
VALUES (%s, %s, %s, %s, %s, 'open', statement_timestamp(), statement_timestamp(), 1, %s, %s)
ON CONFLICT (key) DO UPDATE SET
    kind = excluded.kind, severity = excluded.severity, domain = excluded.domain,
    subject = excluded.subject, facts = excluded.facts, link = excluded.link,
    state = CASE known.state WHEN 'closed' THEN 'open' ELSE known.state END,
    first_seen = CASE known.state WHEN 'closed' THEN excluded.first_seen ELSE known.first_seen END,
    last_seen = excluded.last_seen,
    count = known.count + 1
"""


def raise_alert(
    where: Cursor | Warehouse,
    *,
    key: str,
    kind: str,
    severity: Severity,
    domain: str,
    subject: str,
    facts: Mapping[str, object],
    link: str = "",
) -> None:
    """Open the alert `key`, or count it once more; a closed one opens again.

    `where` is a cursor (then it joins that transaction) or the warehouse. An acknowledged alert
    stays acknowledged. `facts` must be JSON: names and numbers, no rows, no samples.
    """
    with _cursor(where) as cursor:
        cursor.execute(
            _UPSERT, (key, kind, severity, domain, subject, json.dumps(dict(facts)), link)
        )


def close_alert(where: Cursor | Warehouse, key: str) -> bool:
    """Close the alert `key`; True if it was open or acknowledged, False if there was none."""
    with _cursor(where) as cursor:
        cursor.execute(
            "UPDATE ops.alerts SET state = 'closed', last_seen = statement_timestamp()"
            " WHERE key = %s AND state <> 'closed'",
            (key,),
        )
        return bool(cursor.rowcount)


@contextmanager
def _cursor(where: Cursor | Warehouse) -> Iterator[Cursor]:
    if isinstance(where, Warehouse):
        with where.transaction() as cursor:
            yield cursor
    else:
        yield where
