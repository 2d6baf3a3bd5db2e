"""How far a sensor has read Dagster's events, and losing none that were committed out of order.

An event gets its number before it is committed: one with a lower number can appear after one with
a higher. So each look reads again some numbers back, and passes over those that it has seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

# So many numbers back an event may still appear. Numbers are shared by all events of all runs.
_OVERLAP = 2_000


@dataclass(frozen=True)
class EventProgress:
    """The highest event number seen, and those seen shortly below it.

    Nothing up to `floor` is ever read: it was there before the sensor.
    """

    newest: int
    seen: frozenset[int]
    floor: int = 0

    @staticmethod
    def from_cursor(cursor: str | None) -> EventProgress:
        """What an earlier tick stored, or the very beginning."""
        if not cursor:
            return EventProgress(0, frozenset())
        stored = json.loads(cursor)
        return EventProgress(stored["newest"], frozenset(stored["seen"]), stored.get("floor", 0))

    def to_cursor(self) -> str:
        """As text for Dagster to keep."""
        return json.dumps(self.stored())

    def stored(self) -> dict[str, object]:
        """What `to_cursor` writes, for a cursor that holds more than this."""
        return {"newest": self.newest, "seen": sorted(self.seen), "floor": self.floor}

    @property
    def read_after(self) -> int:
        """The number after which the next look reads."""
        return max(self.newest - _OVERLAP, self.floor)

    def is_new(self, number: int) -> bool:
        """Whether the event was not seen by an earlier look."""
        return number not in self.seen

    def advanced(self, numbers: Iterable[int]) -> EventProgress:
        """With these seen, too; numbers too far back to be read again are forgotten."""
        seen = self.seen.union(numbers)
        newest = max([self.newest, *seen])
        near = frozenset(n for n in seen if n > newest - _OVERLAP)
        return EventProgress(newest, near, self.floor)
