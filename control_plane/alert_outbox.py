"""The alerter's books in the warehouse: which change of an alert goes to which channel, and did.

A change of state is in ops.alert_transitions by the very transaction that made it. Here it gets a
delivery for each channel of the moment, and a delivery is ticked off in the transaction during
which it is sent: a restart finds all that was not sent, and finds nothing that was, except what
was on its way in the moment of a crash (at least once).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from control_plane.alert_text import Transition

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

# After a failure: 5 s, 10 s, … up to a quarter of an hour.
BACKOFF_SECONDS = 5
LONGEST_BACKOFF_SECONDS = 900
# A channel that refuses for three days is broken; `alerts` shows what it did not get.
GIVE_UP_DAYS = 3
# With the first channel come the alerts of the last day, not of the last year.
NEWS_HOURS = 24
# So many at once for one channel are one message.
DIGEST_FROM = 5
BATCH = 200

_PLAN = """
WITH fresh AS (
    SELECT id, key, transition, at FROM ops.alert_transitions
    WHERE planned_at IS NULL ORDER BY id FOR UPDATE SKIP LOCKED
), marked AS (
    UPDATE ops.alert_transitions SET planned_at = now() WHERE id IN (SELECT id FROM fresh)
)
INSERT INTO ops.alert_deliveries (transition_id, channel, key, transition)
SELECT fresh.id, channel, fresh.key, fresh.transition
FROM fresh CROSS JOIN unnest(%(channels)s) AS channel
WHERE fresh.at > now() - make_interval(hours => %(news_hours)s)
ON CONFLICT DO NOTHING
"""

_GIVE_UP = """
UPDATE ops.alert_deliveries AS d SET given_up_at = now()
FROM ops.alert_transitions AS t
WHERE t.id = d.transition_id AND d.delivered_at IS NULL AND d.given_up_at IS NULL
  AND t.at < now() - make_interval(days => %(days)s)
RETURNING d.key
"""

# What was tried least goes first: one message that a channel never takes holds up no other.
_DUE = """
SELECT t.id, t.key, t.transition, t.at, t.kind, t.severity, t.domain, t.subject, t.facts, t.link,
       d.attempts
FROM ops.alert_deliveries AS d JOIN ops.alert_transitions AS t ON t.id = d.transition_id
WHERE d.channel = %(channel)s AND d.delivered_at IS NULL AND d.given_up_at IS NULL
  AND d.next_attempt_at <= now()
ORDER BY d.attempts, t.id LIMIT %(batch)s
FOR UPDATE OF d SKIP LOCKED
"""

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


def plan(connection: Connection, channels: Sequence[str]) -> int:
    """Book a delivery for each new transition and each of `channels` (ids); how many.

    Without any channel nothing is booked, and nothing is lost for the first one to come.
    """
    if not channels:
        return 0
    with connection, connection.cursor() as cursor:
        cursor.execute(_PLAN, {"channels": list(channels), "news_hours": NEWS_HOURS})
        return cursor.rowcount


def give_up(connection: Connection) -> list[str]:
    """Stop trying what has been refused for days; the keys of these alerts."""
    with connection, connection.cursor() as cursor:
        cursor.execute(_GIVE_UP, {"days": GIVE_UP_DAYS})
        return [row[0] for row in cursor.fetchall()]


def deliver(
    connection: Connection, channel: str, send: Callable[[Sequence[Transition]], str | None]
) -> tuple[int, str | None]:
    """Send what is due for `channel` (an id): how many went, and the error that stopped it.

    `send` gets one transition, or all that is due if that is many; it returns None or an error.
    After an error the whole channel rests, each time longer.
    """
    sent = 0
    while True:
        with connection, connection.cursor() as cursor:
            cursor.execute(_DUE, {"channel": channel, "batch": BATCH})
            rows = cursor.fetchall()
            if not rows:
                return sent, None
            fresh = [row for row in rows if row[-1] == rows[0][-1]]
            taken = fresh if len(fresh) >= DIGEST_FROM else fresh[:1]
            values = {"channel": channel, "ids": [row[0] for row in taken]}
            error = send([Transition(*row[:-1]) for row in taken])
            if error is None:
                cursor.execute(_DELIVERED, values)
                sent += len(taken)
                continue
            attempts = taken[0][-1]
            pause = min(BACKOFF_SECONDS * 2 ** min(attempts, 16), LONGEST_BACKOFF_SECONDS)
            cursor.execute(_FAILED, {**values, "error": error})
            cursor.execute(_POSTPONE, {"channel": channel, "seconds": pause})
            return sent, error
