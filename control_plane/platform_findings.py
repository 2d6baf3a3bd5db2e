"""What of the platform's state a person must know. Pure: state and time in, findings out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from control_plane.alert_channels import Severity
from control_plane.disk_space import Disk
from control_plane.platform_state import PlatformState, Ticking

# Dagster's daemons note a heartbeat every 30 s.
SILENCE_SECONDS = 75
_PART_PATIENCE_SECONDS = 120
# A new code server takes so long until webserver and daemon use it: no failure yet.
_CODE_PATIENCE_SECONDS = 45
_WEBSERVER_PATIENCE_SECONDS = 45
_TICK_PATIENCE_SECONDS = 40
_TICKS_JUDGED = 6
# The code server was away, which is an alert of its own. Once it is back each sensor's newest tick
# is such a one until its next look, a minute later.
_UNREACHED = ("DagsterUserCodeUnreachableError", "DagsterCodeLocationLoadError")
_UNREACHED_PATIENCE_SECONDS = 90
_QUEUE_SECONDS = 300
_FREE_SLOT_SECONDS = 60

WEBSERVER_KINDS = ("webserver.away",)
STATE_KINDS = (
    "daemon.silent",
    "daemon.part_silent",
    "location.failed",
    "tick.failed",
    "queue.stuck",
)
DISK_KINDS = ("disk.low",)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong now; told once it has been so for `patience` seconds."""

    key: str
    severity: Severity
    subject: str
    facts: Mapping[str, object] = field(default_factory=dict)
    link: str = ""
    patience: float = 0

    @property
    def kind(self) -> str:
        """The part of the key before the colon."""
        return self.key.partition(":")[0]


def webserver_away() -> Finding:
    """For a webserver that does not answer: what else is wrong cannot be known."""
    return Finding(
        key="webserver.away:webserver",
        severity="error",
        subject="the webserver does not answer: no UI, and nothing else can be watched",
        facts={"advice": "make logs SERVICE=webserver"},
        patience=_WEBSERVER_PATIENCE_SECONDS,
    )


def state_findings(state: PlatformState, now: float) -> list[Finding]:
    """What is wrong with daemons, code locations, ticks and queue."""
    return [
        *_daemons(state.heartbeats, now),
        *_locations(state),
        *(found for one in state.ticking for found in _ticks(one, now)),
        *_queue(state, now),
    ]


def disk_findings(disks: Iterable[Disk]) -> list[Finding]:
    """Volumes that are nearly full: a tenth is left, and that is less than 20 GB."""
    found = []
    for disk in disks:
        gigabytes = disk.free / 1e9
        if disk.free >= disk.total * 0.1 or gigabytes >= 20:
            continue
        critical = disk.free < disk.total * 0.02 or gigabytes < 1
        found.append(
            Finding(
                key=f"disk.low:{disk.name}",
                severity="critical" if critical else "warning",
                subject=f"less than a tenth of the disk of {disk.name} is free",
                facts={
                    "volumes": disk.name,
                    "free_gb": round(gigabytes, 1),
                    "advice": "docs/operations.md, Disk, says what grows and what may go",
                },
            )
        )
    return found


def _daemons(heartbeats: Mapping[str, float | None], now: float) -> list[Finding]:
    """The whole daemon is dead, or single parts of it say nothing: two alerts, never both."""
    silent = sorted(
        name for name, at in heartbeats.items() if at is None or now - at > SILENCE_SECONDS
    )
    if not silent:
        return []
    facts = {"silent": silent, "advice": "make logs SERVICE=daemon"}
    if len(silent) == len(heartbeats):
        never = any(heartbeats[name] is None for name in silent)
        return [
            Finding(
                key="daemon.silent:daemon",
                severity="critical",
                subject="the daemon is silent: no sensor looks, no run starts",
                facts=facts,
                # One that begins for the first time has not had the time yet.
                patience=SILENCE_SECONDS if never else 0,
            )
        ]
    return [
        Finding(
            key="daemon.part_silent:daemon",
            severity="error",
            subject=f"parts of the daemon are silent: {', '.join(silent)}",
            facts=facts,
            # On a machine with too much to do a part may come late, and comes.
            patience=_PART_PATIENCE_SECONDS,
        )
    ]


def _locations(state: PlatformState) -> list[Finding]:
    return [
        Finding(
            key=f"location.failed:{location.name}",
            severity="critical",
            subject=f"the code location {location.name} does not load or does not answer",
            facts={
                "location": location.name,
                "error": location.error,
                "advice": "the page Deployment in the UI shows the traceback; mend, make redeploy",
            },
            link="/locations",
            patience=_CODE_PATIENCE_SECONDS,
        )
        for location in state.locations
        if location.error and not location.loading
    ]


def _ticks(one: Ticking, now: float) -> Sequence[Finding]:
    """The newest tick that ended has failed, and again, or a while ago; a schedule's at once.

    A sensor that fails now and then, too: what it should see, it sees at every other look.
    """
    ended = [tick for tick in one.ticks if tick.status != "STARTED"][:_TICKS_JUDGED]
    failed = [tick.status == "FAILURE" for tick in ended]
    if not any(failed):
        return []
    newest = ended[failed.index(True)]
    lasts = failed[0] and (
        one.is_schedule or failed[:2] == [True, True] or now - newest.at > _TICK_PATIENCE_SECONDS
    )
    begun = sum(now and not before for now, before in pairwise([*failed, False]))
    if not lasts and (one.is_schedule or begun < 2):
        return []
    what = "schedule" if one.is_schedule else "sensor"
    return [
        Finding(
            key=f"tick.failed:{one.name}",
            severity="error",
            subject=f"the {what} {one.name} fails: what it should see or start, it does not",
            facts={what: one.name, "error": newest.error},
            link=f"/automation?search={one.name}",
            patience=_UNREACHED_PATIENCE_SECONDS if newest.error in _UNREACHED else 0,
        )
    ]


def _queue(state: PlatformState, now: float) -> list[Finding]:
    waiting = now - state.oldest_queued if state.oldest_queued else 0
    free = state.slots is None or state.slots < 0 or state.busy < state.slots
    if not state.queued or not free or waiting < _QUEUE_SECONDS:
        return []
    return [
        Finding(
            key="queue.stuck:queue",
            severity="error",
            subject="runs wait in the queue though there are free slots",
            facts={
                "queued": state.queued,
                "busy": state.busy,
                "advice": "make logs SERVICE=daemon; a pool or tag limit may hold them back",
            },
            link="/runs/queued",
            # From one run's end to the next one's start a slot is free, however busy it is.
            patience=_FREE_SLOT_SECONDS,
        )
    ]
