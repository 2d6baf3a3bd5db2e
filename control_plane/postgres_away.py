"""Postgres is away: told without the outbox, which is in Postgres, and written down afterwards.

What was told to whom is kept in a small file, so that a restart of the alerter meanwhile neither
tells twice nor forgets that there was an outage.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from control_plane.alert_channels import Channel
from control_plane.alert_routes import Route, destinations
from control_plane.alert_text import Transition, message

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

KEY = "postgres.away:postgres"
SUBJECT = "Postgres does not answer: no run can start, no result can be written"
# A restart of Postgres takes less.
PATIENCE_SECONDS = 30
_BACKOFF_SECONDS = 5
_LONGEST_BACKOFF_SECONDS = 300

_OPEN = """
INSERT INTO ops.alerts AS known
    (key, kind, severity, domain, subject, facts, link, first_seen, last_seen)
VALUES (%(key)s, 'postgres.away', 'critical', 'platform', %(subject)s, %(facts)s, '',
        to_timestamp(%(since)s), now())
ON CONFLICT (key) DO UPDATE SET state = 'open', facts = excluded.facts,
    first_seen = excluded.first_seen, last_seen = now(), count = known.count + 1
WHERE known.facts ->> 'since' IS DISTINCT FROM excluded.facts ->> 'since'
"""

_OPENED = """
UPDATE ops.alert_transitions SET planned_at = now()
WHERE key = %s AND transition = 'opened' AND planned_at IS NULL RETURNING id
"""

_BOOK = """
INSERT INTO ops.alert_deliveries (transition_id, channel, key, transition, attempts, delivered_at)
VALUES (%s, %s, %s, 'opened', %s, to_timestamp(%s))
"""


@dataclass
class Outage:
    """Since when Postgres has been away, which channels (ids) know, and when. Unix seconds."""

    since: float
    told: dict[str, float] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    next_attempt: dict[str, float] = field(default_factory=dict)


def who_is_told(routes: Sequence[Route], channels: Sequence[Channel]) -> list[Channel]:
    """The channels that hear of an outage: those that the outbox would send its end to."""
    return destinations(_transition(0, 0), routes, channels)


class PostgresAway:
    """One outage at a time; `file` remembers it."""

    def __init__(self, file: Path, project: str, ui_url: str) -> None:
        self._file = file
        self._project = project
        self._ui_url = ui_url
        self.outage = self._recall()

    def still(self, to: Sequence[Channel], now: float) -> list[tuple[str, str | None]]:
        """Postgres did not answer: tell whoever does not know yet, once the outage lasts.

        Returns what was tried: the channel's name, and None or its error.
        """
        if self.outage is None:
            self.outage = Outage(since=now)
        if now - self.outage.since < PATIENCE_SECONDS:
            return []
        tried = []
        for channel in to:
            if channel.id in self.outage.told or now < self.outage.next_attempt.get(channel.id, 0):
                continue
            text = message([_transition(self.outage.since, now)], self._project, self._ui_url)
            error = channel.send(text.title, text.body, text.severity, text.fields)
            attempts = self.outage.attempts.get(channel.id, 0)
            self.outage.attempts[channel.id] = attempts + 1
            if error is None:
                self.outage.told[channel.id] = now
            else:
                pause = min(_BACKOFF_SECONDS * 2 ** min(attempts, 10), _LONGEST_BACKOFF_SECONDS)
                self.outage.next_attempt[channel.id] = now + pause
            tried.append((channel.name, error))
            self._keep()
        return tried

    def over(self, connection: Connection, to: Sequence[Channel], now: float) -> float | None:
        """Postgres answers: write the outage down, close it; the seconds it took, or None.

        Who was not told gets the alert by the outbox, and everybody gets its end.
        """
        outage, self.outage = self.outage, None
        if outage is None or now - outage.since < PATIENCE_SECONDS:
            return None
        facts = {"since": outage.since, "seconds": round(now - outage.since)}
        values = {"key": KEY, "subject": SUBJECT, "since": outage.since, "facts": json.dumps(facts)}
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(_OPEN, values)
                cursor.execute(_OPENED, (KEY,))
                row = cursor.fetchone()
                if row is not None:
                    for channel, at in outage.told.items():
                        cursor.execute(_BOOK, (row[0], channel, KEY, 1, at))
                    others = [channel.id for channel in to if channel.id not in outage.told]
                    for channel in others:
                        cursor.execute(_BOOK, (row[0], channel, KEY, 0, None))
                cursor.execute(
                    "UPDATE ops.alerts SET state = 'closed', last_seen = now()"
                    " WHERE key = %s AND state <> 'closed'",
                    (KEY,),
                )
        except BaseException:
            self.outage = outage  # not written down yet
            raise
        self._file.unlink(missing_ok=True)
        return now - outage.since

    def _recall(self) -> Outage | None:
        try:
            return Outage(**json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _keep(self) -> None:
        assert self.outage is not None
        try:
            draft = self._file.with_suffix(".draft")
            draft.write_text(json.dumps(asdict(self.outage)), encoding="utf-8")
            draft.replace(self._file)
        except OSError:
            return  # a full disk must not keep anybody from being told


def _transition(since: float, now: float) -> Transition:
    return Transition(
        id=int(since),
        key=KEY,
        transition="opened",
        at=datetime.fromtimestamp(now, UTC),
        kind="postgres.away",
        severity="critical",
        domain="platform",
        subject=SUBJECT,
        facts={"advice": "make logs SERVICE=postgres"},
        link="",
        first_seen=datetime.fromtimestamp(since, UTC),
    )
