"""Findings about the platform → rows of ops.alerts: opened once they last, closed when over."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from control_plane.disk_space import Disk
from control_plane.platform_findings import (
    DISK_KINDS,
    STATE_KINDS,
    WEBSERVER_KINDS,
    Finding,
    disk_findings,
    state_findings,
    webserver_away,
)
from control_plane.platform_state import PlatformState, WebserverAwayError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

DOMAIN = "platform"
# While everything starts, this one is up before those that it watches. What was once in order has
# started: it need not settle any more.
SETTLING_SECONDS = 180

_UPSERT = """
INSERT INTO ops.alerts AS known (key, kind, severity, domain, subject, facts, link)
VALUES (%(key)s, %(kind)s, %(severity)s, %(domain)s, %(subject)s, %(facts)s, %(link)s)
ON CONFLICT (key) DO UPDATE SET
    severity = excluded.severity, subject = excluded.subject, facts = excluded.facts,
    state = CASE known.state WHEN 'closed' THEN 'open' ELSE known.state END,
    first_seen = CASE known.state WHEN 'closed' THEN now() ELSE known.first_seen END,
    last_seen = now(), count = known.count + 1
"""


class Watch:
    """Looks at the platform, and remembers since when it has been what it is.

    The memory is for patience only: what was told is in the warehouse, so that a restart neither
    tells twice nor forgets to close.
    """

    def __init__(
        self,
        ask: Callable[[], PlatformState],
        look_at_disks: Callable[[], Sequence[Disk]],
        clock: Callable[[], float],
    ) -> None:
        self._ask = ask
        self._look_at_disks = look_at_disks
        self._clock = clock
        self._begun = clock()
        self._since: dict[str, float] = {}
        self._settled = set(DISK_KINDS)
        self.state: PlatformState | None = None
        self.disks: Sequence[Disk] = ()

    def look(self) -> tuple[list[str], list[Finding]]:
        """The kinds that could be judged, and what was found of them. Takes 20 s at most."""
        self.disks = self._look_at_disks()
        kinds = [*WEBSERVER_KINDS, *DISK_KINDS]
        findings = disk_findings(self.disks)
        try:
            self.state = self._ask()
        except WebserverAwayError:
            self.state = None
            return kinds, [*findings, webserver_away()]
        return [*kinds, *STATE_KINDS], [*findings, *state_findings(self.state, self._clock())]

    def tell(
        self, connection: Connection, kinds: Sequence[str], findings: Iterable[Finding]
    ) -> tuple[list[str], list[str]]:
        """Make the open alerts of `kinds` those of `findings`; the keys opened, and those closed.

        One transaction. A finding that has not lasted long enough neither opens nor closes.
        """
        now = self._clock()
        found = {finding.key: finding for finding in findings}
        self._since = {key: self._since.get(key, now) for key in found}
        self._settled |= set(kinds) - {finding.kind for finding in found.values()}
        settled = now - self._begun >= SETTLING_SECONDS
        opened, closed = [], []
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT key, severity, subject FROM ops.alerts"
                " WHERE kind = ANY(%s) AND domain = %s AND state <> 'closed' FOR UPDATE",
                (list(kinds), DOMAIN),
            )
            told = {key: (severity, subject) for key, severity, subject in cursor.fetchall()}
            for key, finding in found.items():
                lasted = now - self._since[key] >= finding.patience
                lasted &= settled or finding.kind in self._settled
                if told.get(key) == (finding.severity, finding.subject):
                    continue
                if key in told or lasted:
                    cursor.execute(_UPSERT, _row(finding))
                    opened += [key] if key not in told else []
            for key in sorted(told.keys() - found.keys()):
                cursor.execute(
                    "UPDATE ops.alerts SET state = 'closed', last_seen = now() WHERE key = %s",
                    (key,),
                )
                closed.append(key)
        return opened, closed


def _row(finding: Finding) -> dict[str, str]:
    return {
        "key": finding.key,
        "kind": finding.kind,
        "severity": finding.severity,
        "domain": DOMAIN,
        "subject": finding.subject,
        "facts": json.dumps(dict(finding.facts)),
        "link": finding.link,
    }
