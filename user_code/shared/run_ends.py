"""Ends of runs, from Dagster's event log: each once, in the order in which they were written.

Not by the runs' times: who could not write for a minute writes an end that is a minute old.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import dagster as dg
from dagster import DagsterEventType

from user_code.shared.event_progress import EventProgress

_Kind = Literal[DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_SUCCESS]
_KINDS: Final[tuple[_Kind, _Kind]] = (DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_SUCCESS)
# A run's tags (will it be retried?) come a moment after its end.
_SETTLE_SECONDS = 3
# Of each kind, so that a tick ends within its minute.
_MOST_AT_ONCE = 500


@dataclass(frozen=True)
class RunEnd:
    """A run failed, or it succeeded. `number` orders all events; `at` in seconds since 1970."""

    number: int
    run_id: str
    failed: bool
    at: float


def run_ends(instance: dg.DagsterInstance, progress: EventProgress) -> Sequence[RunEnd]:
    """What `progress` has not seen, oldest first; what has just happened is left for later."""
    most = _MOST_AT_ONCE + len(progress.seen)
    found: list[RunEnd] = []
    complete_up_to: list[int] = []
    for kind in _KINDS:
        read = _read(instance, kind, most, after_number=progress.read_after)
        found += read
        if len(read) == most:
            complete_up_to.append(read[-1].number)
    now = time.time()
    ends = []
    for end in sorted(found, key=lambda end: end.number):
        young = abs(now - end.at) < _SETTLE_SECONDS
        if young or end.number > min(complete_up_to, default=end.number):
            break
        if progress.is_new(end.number):
            ends.append(end)
    return ends


def beginning(
    instance: dg.DagsterInstance, since: float, known: frozenset[str], known_until: float
) -> EventProgress:
    """Progress of who has read nothing before `since`, and the runs `known` until another time."""
    number = min(
        (read[0].number for kind in _KINDS if (read := _read(instance, kind, 1, since=since))),
        default=_newest(instance) + 1,
    )
    floor = number - 1
    near = [
        end
        for kind in _KINDS
        for end in _read(instance, kind, 2 * _MOST_AT_ONCE, after_number=floor)
    ]
    seen = [end.number for end in near if end.run_id in known and end.at <= known_until]
    return EventProgress(floor, frozenset(), floor).advanced(seen)


def _newest(instance: dg.DagsterInstance) -> int:
    last = [instance.fetch_run_status_changes(kind, 1).records for kind in _KINDS]
    return max((records[0].storage_id for records in last if records), default=0)


def _read(
    instance: dg.DagsterInstance,
    kind: _Kind,
    most: int,
    *,
    after_number: int = 0,
    since: float | None = None,
) -> list[RunEnd]:
    wanted = dg.RunStatusChangeRecordsFilter(
        kind, after_storage_id=after_number, after_timestamp=since
    )
    return [
        RunEnd(
            record.storage_id,
            record.run_id,
            kind == DagsterEventType.RUN_FAILURE,
            record.event_log_entry.timestamp,
        )
        for record in instance.fetch_run_status_changes(wanted, most, ascending=True).records
    ]
