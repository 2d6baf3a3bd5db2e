"""Whether assets are fresh by their policy, as Dagster's daemon judged: the one place that asks.

The daemon keeps these states and tells nobody; `get_freshness_state_records` is not public.
tests/shared/test_standing_alerts.py fails when it moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import dagster as dg


def freshness_states(
    instance: dg.DagsterInstance, assets: Sequence[dg.AssetKey]
) -> Mapping[dg.AssetKey, tuple[str, datetime]]:
    """PASS, WARN, FAIL or UNKNOWN, and since when, of each asset that the daemon has judged."""
    if not assets:
        return {}
    records = instance.get_freshness_state_records(list(assets))
    return {key: (found.freshness_state.value, found.updated_at) for key, found in records.items()}
