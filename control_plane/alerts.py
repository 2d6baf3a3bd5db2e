"""`python -m control_plane.alerts`: what is wrong, what was, and who knows.

python -m control_plane.alerts              open, acknowledged, and lately closed ones
python -m control_plane.alerts ack KEY      somebody looks after it
python -m control_plane.alerts close KEY    it is over, and nothing else will notice
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import psycopg2

from control_plane.alert_test import main as test_channels
from control_plane.postgres_silence import connect, never_wait_for_ever
from control_plane.settings import SettingsError, settings

CLOSED_SHOWN = 20

_LIST = f"""
SELECT a.state, a.severity, a.domain, a.subject, a.count, a.first_seen, a.last_seen, a.key,
       (SELECT count(*) FROM ops.alert_deliveries AS d
        WHERE d.key = a.key AND d.delivered_at IS NULL)
FROM ops.alerts AS a
WHERE a.state <> 'closed' OR a.key IN (
    SELECT key FROM ops.alerts WHERE state = 'closed' ORDER BY last_seen DESC LIMIT {CLOSED_SHOWN})
ORDER BY array_position(ARRAY['open', 'acknowledged', 'closed'], a.state),
         array_position(ARRAY['critical', 'error', 'warning', 'info'], a.severity), a.last_seen DESC
"""  # noqa: S608 (the only value in it is the number above)

_CHANGES = {
    "ack": ("acknowledged", "open"),
    "close": ("closed", "open", "acknowledged"),
}


def listing(connection: Any) -> str:
    """All alerts that matter now, three lines each, the worst first."""
    with connection, connection.cursor() as cursor:
        cursor.execute(_LIST)
        rows = cursor.fetchall()
    if not rows:
        return "no alerts"
    lines = []
    for state, severity, domain, subject, count, first, last, key, unsent in rows:
        times = f"{count} times, {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}"
        lines += [
            f"{state:<13}{severity:<9} {domain + ': ' if domain else ''}{subject}",
            f"{'':13}{times if count > 1 else f'{first:%Y-%m-%d %H:%M}'}",
            f"{'':13}key {key}" + (f"  ({unsent} deliveries not made)" if unsent else ""),
        ]
    return "\n".join(lines)


def change(connection: Any, verb: str, key: str) -> str | None:
    """Acknowledge (`ack`) or close (`close`) the alert `key`; None, or why it cannot be."""
    new, *old = _CHANGES[verb]
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ops.alerts SET state = %s WHERE key = %s AND state = ANY(%s)", (new, key, old)
        )
        if cursor.rowcount:
            return None
        cursor.execute("SELECT state FROM ops.alerts WHERE key = %s", (key,))
        row = cursor.fetchone()
    if row is None:
        return f"no alert has the key {key!r}: the list shows the keys"
    return f"the alert {key!r} is {row[0]} already"


def main(arguments: Sequence[str] | None = None) -> int:
    """List, acknowledge or close; exit code 1 and one line if that fails."""
    parser = argparse.ArgumentParser(
        prog="python -m control_plane.alerts",
        description="List, acknowledge or close alerts, or test the channels.",
    )
    parser.add_argument("verb", nargs="?", choices=["list", "test", *_CHANGES], default="list")
    parser.add_argument("key", nargs="?")
    given = parser.parse_args(arguments)
    if (given.verb in _CHANGES) != (given.key is not None):
        parser.error("ack and close take the key of one alert, list and test take none")
    if given.verb == "test":
        return test_channels()
    try:
        with closing(connect(settings().warehouse_dsn("alerter"))) as connection:
            if given.verb == "list":
                print(listing(connection))
                return 0
            problem = change(connection, given.verb, given.key)
    except (SettingsError, psycopg2.Error) as error:
        problem = str(error).strip()
    if problem:
        print(problem, file=sys.stderr)
    return 1 if problem else 0


if __name__ == "__main__":
    never_wait_for_ever()
    sys.exit(main())
