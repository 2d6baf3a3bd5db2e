"""Failed runs that Dagster will retry, as it says: until their retry is there, or doesn't come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import time as _clock

import dagster as dg

from user_code.shared.range_alerts import covers
from user_code.shared.run_alert_keys import alert_key

# The daemon looks every few seconds. One that was away comes back in this time, and retries.
_PATIENCE_SECONDS = 300
_RETRY_TAG = "dagster/auto_retry_run_id"


@dataclass(frozen=True)
class Awaited:
    """The run that failed, and when that was seen."""

    run_id: str
    since: float


@dataclass(frozen=True)
class AwaitedRetries:
    """By the key of the alert that each would get: what failed again is waited for anew."""

    by_key: Mapping[str, Awaited] = field(default_factory=dict)

    @staticmethod
    def from_stored(stored: Mapping[str, tuple[str, float]]) -> AwaitedRetries:
        """What `stored` gave."""
        return AwaitedRetries({key: Awaited(*words) for key, words in stored.items()})

    def stored(self) -> dict[str, tuple[str, float]]:
        """As JSON can hold it."""
        return {key: (one.run_id, one.since) for key, one in self.by_key.items()}

    def after_failure(self, run: dg.DagsterRun) -> AwaitedRetries:
        """`run` failed: its retry is waited for if there will be one, and no earlier one is."""
        others = {key: one for key, one in self.by_key.items() if key != alert_key(run)}
        if will_be_retried(run):
            others[alert_key(run)] = Awaited(run.run_id, _clock())
        return AwaitedRetries(others)

    def after_success(self, run: dg.DagsterRun) -> AwaitedRetries:
        """`run` succeeded: what failed for its partitions need not be tried again."""
        return AwaitedRetries({k: one for k, one in self.by_key.items() if not covers(run, k)})

    def sorted_out(
        self, instance: dg.DagsterInstance
    ) -> tuple[AwaitedRetries, Sequence[dg.DagsterRun]]:
        """Those that still wait, and the runs whose retry did not come."""
        failed = _runs(instance, [one.run_id for one in self.by_key.values()])
        retries = _runs(instance, [run.tags.get(_RETRY_TAG, "") for run in failed.values()])
        waiting, given_up = {}, []
        for key, one in self.by_key.items():
            run = failed.get(one.run_id)
            if run is None:  # somebody has deleted it
                continue
            retry = retries.get(run.tags.get(_RETRY_TAG, ""))
            if retry is not None and retry.status != dg.DagsterRunStatus.NOT_STARTED:
                continue
            # A retry that could not be started takes the promise back.
            if will_be_retried(run) and _clock() - one.since < _PATIENCE_SECONDS:
                waiting[key] = one
            else:
                given_up.append(run)
        return AwaitedRetries(waiting), given_up


def will_be_retried(run: dg.DagsterRun) -> bool:
    """Whether Dagster says that it will retry this run."""
    return run.tags.get("dagster/will_retry", "false").lower() == "true"


def _runs(instance: dg.DagsterInstance, ids: Iterable[str]) -> dict[str, dg.DagsterRun]:
    wanted = sorted(filter(None, ids))
    if not wanted:
        return {}
    return {run.run_id: run for run in instance.get_runs(dg.RunsFilter(run_ids=wanted))}
