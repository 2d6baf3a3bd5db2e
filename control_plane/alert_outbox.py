"""The alerter's books in the warehouse: which change of an alert goes to which channel, and did.

A change of state is in ops.alert_transitions by the very transaction that made it. Here it gets a
delivery for each channel that it is routed to, and a delivery is ticked off in the transaction
during which it is sent: a restart finds all that was not sent, and finds nothing that was, except
what was on its way in the moment of a crash (at least once).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from psycopg2.extras import execute_values

from control_plane.alert_pace import Due, Pace, send_now
from control_plane.alert_text import Transition

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

# After a failure: 5 s, 10 s, … up to a quarter of an hour.
BACKOFF_SECONDS = 5
LONGEST_BACKOFF_SECONDS = 900
# A channel that refuses for a month is no channel; `alerts` shows what it did not get.
GIVE_UP_DAYS = 30
# With the first channel come the alerts of the last day, not of the last year.
NEWS_HOURS = 24
BATCH = 500

_COLUMNS = (
    "t.id, t.key, t.transition, t.at, t.kind, t.severity, t.domain, t.subject, t.facts, t.link,"
    " coalesce(t.first_seen, t.at)"
)

_FRESH = f"""
UPDATE ops.alert_transitions AS t SET planned_at = now() WHERE t.id IN (
    SELECT id FROM ops.alert_transitions
    WHERE planned_at IS NULL ORDER BY id FOR UPDATE SKIP LOCKED)
RETURNING t.at > now() - make_interval(hours => %(news_hours)s), {_COLUMNS}
"""  # noqa: S608 (the columns are named above)

_BOOK = """
INSERT INTO ops.alert_deliveries (transition_id, channel, key, transition) VALUES %s
ON CONFLICT DO NOTHING
"""

_GIVE_UP = """
UPDATE ops.alert_deliveries AS d SET given_up_at = now()
FROM ops.alert_transitions AS t
WHERE t.id = d.transition_id AND d.delivered_at IS NULL AND d.given_up_at IS NULL
  AND t.at < now() - make_interval(days => %(days)s)
RETURNING d.key
"""

# An alert's end is not told before its beginning, however often that was refused.
_DUE = f"""
SELECT extract(epoch FROM clock_timestamp() - t.at)::float8, d.attempts, {_COLUMNS}
FROM ops.alert_deliveries AS d JOIN ops.alert_transitions AS t ON t.id = d.transition_id
WHERE d.channel = %(channel)s AND d.delivered_at IS NULL AND d.given_up_at IS NULL
  AND d.next_attempt_at <= now() AND NOT EXISTS (
    SELECT FROM ops.alert_deliveries AS e
    WHERE e.channel = d.channel AND e.key = d.key AND e.transition_id < d.transition_id
      AND e.delivered_at IS NULL AND e.given_up_at IS NULL)
ORDER BY d.attempts, t.id LIMIT %(batch)s
FOR UPDATE OF d SKIP LOCKED
"""  # noqa: S608 (the columns are named above)

_DELIVERED = """
UPDATE ops.alert_deliveries SET attempts = attempts + 1, delivered_at = clock_timestamp(),
       last_error = NULL
WHERE channel = %(channel)s AND transition_id = ANY(%(ids)s)
"""

_FAILED = """
UPDATE ops.alert_deliveries SET attempts = attempts + 1, last_error = %(error)s
WHERE channel = %(channel)s AND transition_id = ANY(%(ids)s)
"""

_POSTPONE = """
UPDATE ops.alert_deliveries
SET next_attempt_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE channel = %(channel)s AND delivered_at IS NULL AND given_up_at IS NULL
"""


def plan(connection: Connection, routed: Callable[[Transition], Sequence[str]] | None) -> int:
    """Book the deliveries of each new transition to the channels (ids) it is `routed` to; how many.

    `routed` is None where there is no channel: then nothing is booked, and nothing is lost for the
    first one to come.
    """
    if routed is None:
        return 0
    with connection, connection.cursor() as cursor:
        cursor.execute(_FRESH, {"news_hours": NEWS_HOURS})
        news = [Transition(*row[1:]) for row in cursor.fetchall() if row[0]]
        booked = [
            (one.id, channel, one.key, one.transition) for one in news for channel in routed(one)
        ]
        if booked:
            execute_values(cursor, _BOOK, booked)
        return len(booked)


def give_up(connection: Connection) -> list[str]:
    """Stop trying what has been refused for weeks; the keys of these alerts."""
    with connection, connection.cursor() as cursor:
        cursor.execute(_GIVE_UP, {"days": GIVE_UP_DAYS})
        return [row[0] for row in cursor.fetchall()]


def deliver(
    connection: Connection,
    channel: str,
    send: Callable[[Sequence[Transition]], str | None],
    pace: Pace,
) -> tuple[int, str | None]:
    """Send what is due for `channel` (an id): how many went, and the error that stopped it.

    `send` gets one transition, or all of a storm; it returns None or an error. After an error the
    whole channel rests, each time longer.
    """
    sent = 0
    while True:
        with connection, connection.cursor() as cursor:
            cursor.execute(_DUE, {"channel": channel, "batch": BATCH})
            rows = cursor.fetchall()
            found = [Transition(*row[2:]) for row in rows]
            due = [
                Due(age=row[0], attempts=row[1], critical=one.weight == "critical")
                for row, one in zip(rows, found, strict=True)
            ]
            chosen = send_now(due, pace)
            if not chosen:
                return sent, None
            values = {"channel": channel, "ids": [found[index].id for index in chosen]}
            error = send([found[index] for index in chosen])
            if error is None:
                cursor.execute(_DELIVERED, values)
                sent += len(chosen)
                continue
            attempts = due[chosen[0]].attempts
            pause = min(BACKOFF_SECONDS * 2 ** min(attempts, 16), LONGEST_BACKOFF_SECONDS)
            cursor.execute(_FAILED, {**values, "error": error})
            cursor.execute(_POSTPONE, {"channel": channel, "seconds": pause})
            return sent, error
