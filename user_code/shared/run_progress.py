"""How far `run_failure_alerts` has come: its cursor, an older Assay's too."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from user_code.shared.awaited_retries import AwaitedRetries
from user_code.shared.event_progress import EventProgress
from user_code.shared.run_ends import RunEnd, beginning

# Where a sensor without a cursor begins: a fresh start sees its first runs, and no old ones.
_FIRST_LOOK_SECONDS = 3600


@dataclass(frozen=True)
class RunProgress:
    """How far the sensor has read the ends of runs, and which retries it waits for.

    `newest` is the time of the newest end: who goes back to an older Assay goes on from there.
    """

    events: EventProgress
    awaited: AwaitedRetries
    newest: float

    @staticmethod
    def from_cursor(cursor: str | None, instance: dg.DagsterInstance) -> RunProgress:
        """What an earlier tick stored, of an older Assay too, or a beginning."""
        stored = json.loads(cursor) if cursor else {}
        now = time.time()
        after = datetime.fromisoformat(stored["after"]).timestamp() if "after" in stored else now
        if "newest" in stored:
            awaited = AwaitedRetries.from_stored(stored.get("awaited", {}))
            return RunProgress(EventProgress.from_cursor(cursor), awaited, after)
        if stored:
            # It read runs by their times: a minute back, but for those that it had seen.
            events = beginning(instance, after - 60, frozenset(stored["seen"]), after + 1)
        else:
            events = beginning(instance, now - _FIRST_LOOK_SECONDS, frozenset(), 0)
        return RunProgress(events, AwaitedRetries(), after)

    def advanced(self, ends: Sequence[RunEnd], awaited: AwaitedRetries) -> RunProgress:
        """With these read, too."""
        events = self.events.advanced(end.number for end in ends)
        return RunProgress(events, awaited, max([self.newest, *(end.at for end in ends)]))

    def to_cursor(self) -> str:
        """As text for Dagster to keep."""
        after = datetime.fromtimestamp(self.newest, UTC).isoformat()
        return json.dumps(
            {**self.events.stored(), "after": after, "awaited": self.awaited.stored()}
        )
