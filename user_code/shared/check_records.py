"""Outcomes of asset checks, from Dagster's event log: the one place that reads them.

Dagster has no public way to read check outcomes across runs (a materialisation has
`fetch_materializations`); tests/shared/test_check_alerts.py fails when this one moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg
from dagster import DagsterEventType

from user_code.shared.event_progress import EventProgress

# A first look at an old instance takes several ticks, each well below its minute.
_MOST_AT_ONCE = 1_000


@dataclass(frozen=True)
class CheckOutcome:
    """One evaluation of one check. `number` orders all events."""

    number: int
    run_id: str
    evaluation: dg.AssetCheckEvaluation


def check_outcomes(instance: dg.DagsterInstance, progress: EventProgress) -> Sequence[CheckOutcome]:
    """Outcomes that `progress` has not seen, oldest first, at most a thousand."""
    records = instance.event_log_storage.get_event_records(
        dg.EventRecordsFilter(
            event_type=DagsterEventType.ASSET_CHECK_EVALUATION, after_cursor=progress.read_after
        ),
        limit=_MOST_AT_ONCE + len(progress.seen),
        ascending=True,
    )
    found = []
    for record in records:
        event = record.event_log_entry.dagster_event
        if event is not None and progress.is_new(record.storage_id):
            outcome = event.asset_check_evaluation_data
            found.append(CheckOutcome(record.storage_id, record.run_id, outcome))
    return found
