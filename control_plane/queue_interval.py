"""How often the daemon looks at the run queue: twice a second.

Dagster's setting takes whole seconds, and 0 would burn a core. A run that waits for nothing but the
next look waits half as long, for about one hundredth of a core. Only the daemon's process looks,
so only it calls this; a coordinator class of our own in dagster.yaml would have to be importable
in every run.
"""

from dagster._core.run_coordinator.queued_run_coordinator import QueuedRunCoordinator

SECONDS = 0.5


def look_at_the_queue_often() -> None:
    """From now on queue coordinators of this process name this interval, whatever is configured."""
    QueuedRunCoordinator.dequeue_interval_seconds = property(lambda _: SECONDS)  # type: ignore[assignment,method-assign]
