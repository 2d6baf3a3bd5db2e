"""Alerts that hold as long as something is so: raised when it begins, closed when it is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from user_code.shared.alerts import Severity, close_alert, raise_alert

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong now. `facts` are names and numbers, never data."""

    key: str
    kind: str
    severity: Severity
    domain: str
    subject: str
    facts: Mapping[str, object] = field(default_factory=dict)
    link: str = ""


def bring_up_to_date(cursor: Cursor, kinds: Iterable[str], findings: Iterable[Finding]) -> int:
    """Make the open alerts of `kinds` those of `findings`: how many opened, closed or changed.

    What is told already and says the same is left alone, so that a look every minute counts
    nothing twice. An acknowledged alert stays so.
    """
    cursor.execute(
        "SELECT key, severity, subject FROM ops.alerts WHERE kind = ANY(%s) AND state <> 'closed'",
        (list(kinds),),
    )
    told = {key: (severity, subject) for key, severity, subject in cursor.fetchall()}
    wanted = {finding.key: finding for finding in findings}
    changes = 0
    for key, finding in wanted.items():
        if told.get(key) == (finding.severity, finding.subject):
            continue
        raise_alert(
            cursor,
            key=key,
            kind=finding.kind,
            severity=finding.severity,
            domain=finding.domain,
            subject=finding.subject,
            facts=finding.facts,
            link=finding.link,
        )
        changes += 1
    for key in told.keys() - wanted.keys():
        changes += close_alert(cursor, key)
    return changes
