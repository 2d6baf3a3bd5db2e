"""How the platform is, by the webserver's GraphQL: the same that its UI shows."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_TIMEOUT_SECONDS = 20
_QUEUE_LOOKED_AT = 1_000

_QUERY = """
query($queue: Int!) {
  version
  instance {
    runQueueConfig { maxConcurrentRuns }
    daemonHealth { allDaemonStatuses { daemonType required lastHeartbeatTime } }
  }
  workspaceOrError { __typename ... on PythonError { message } ... on Workspace {
    locationEntries { name loadStatus locationOrLoadError { __typename
      ... on PythonError { className }
      ... on RepositoryLocation { repositories {
        sensors { name sensorState { status ticks(limit: 7) {
          status timestamp endTimestamp error { className cause { className } } } } }
        schedules { name scheduleState { status ticks(limit: 7) {
          status timestamp endTimestamp error { className cause { className } } } } } } } } } } }
  queued: runsOrError(filter: {statuses: [QUEUED]}, limit: $queue) {
    ... on Runs { count results { creationTime } } }
  busy: runsOrError(filter: {statuses: [STARTING, STARTED, CANCELING]}, limit: 0) {
    ... on Runs { count } }
}
"""


class WebserverAwayError(Exception):
    """The webserver did not answer, or not as it should; the message says how."""


@dataclass(frozen=True)
class Tick:
    """A look of a sensor or schedule. Times in seconds since the epoch."""

    status: str
    at: float
    error: str = ""


@dataclass(frozen=True)
class Ticking:
    """A running sensor or schedule with its latest ticks, newest first."""

    name: str
    is_schedule: bool
    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Location:
    """A code location; `error` is the class of what it could not be loaded for, else ""."""

    name: str
    error: str
    loading: bool


@dataclass(frozen=True)
class PlatformState:
    """What the webserver tells. Times in seconds since the epoch; None: never."""

    version: str
    heartbeats: Mapping[str, float | None]
    locations: tuple[Location, ...]
    ticking: tuple[Ticking, ...]
    queued: int
    oldest_queued: float | None
    busy: int
    slots: int | None


def ask(
    url: str, query: str, *, seconds: float = _TIMEOUT_SECONDS, **variables: object
) -> dict[str, Any]:
    """The `data` of one GraphQL request to the webserver at `url`. WebserverAwayError.

    It has `seconds` to answer.
    """
    request = urllib.request.Request(  # noqa: S310 (the address is the operator's)
        f"{url}/graphql",
        data=json.dumps({"query": query, "variables": variables}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310
            body = json.load(answer)
    except (OSError, ValueError) as error:
        raise WebserverAwayError(f"{type(error).__name__}: {error}") from error
    if body.get("errors") or not isinstance(body.get("data"), dict):
        raise WebserverAwayError("it answered with an error")
    data: dict[str, Any] = body["data"]
    return data


def platform_state(url: str) -> PlatformState:
    """Ask the webserver at `url`. WebserverAwayError if it does not answer or cannot tell."""
    data = ask(url, _QUERY, queue=_QUEUE_LOOKED_AT)
    workspace = data["workspaceOrError"]
    if workspace["__typename"] != "Workspace":
        raise WebserverAwayError("it cannot tell its code locations")
    instance, queued = data["instance"], data["queued"]
    entries = workspace["locationEntries"]
    return PlatformState(
        version=data["version"],
        heartbeats={
            daemon["daemonType"]: daemon["lastHeartbeatTime"]
            for daemon in instance["daemonHealth"]["allDaemonStatuses"]
            if daemon["required"]
        },
        locations=tuple(_location(entry) for entry in entries),
        ticking=tuple(one for entry in entries for one in _ticking(entry)),
        queued=queued.get("count") or 0,
        oldest_queued=min((run["creationTime"] for run in queued.get("results", [])), default=None),
        busy=data["busy"].get("count") or 0,
        slots=(instance.get("runQueueConfig") or {}).get("maxConcurrentRuns"),
    )


def _location(entry: Mapping[str, Any]) -> Location:
    found = entry["locationOrLoadError"] or {}
    error = found.get("className") or "" if found.get("__typename") == "PythonError" else ""
    if found.get("__typename") == "PythonError":
        error = error or "unknown error"
    return Location(entry["name"], error, entry["loadStatus"] == "LOADING")


def _ticking(entry: Mapping[str, Any]) -> Sequence[Ticking]:
    repositories = (entry["locationOrLoadError"] or {}).get("repositories", [])
    return [
        Ticking(one["name"], kind == "schedule", tuple(_tick(tick) for tick in state["ticks"]))
        for repository in repositories
        for kind in ("sensor", "schedule")
        for one in repository[f"{kind}s"]
        if (state := one[f"{kind}State"])["status"] == "RUNNING"
    ]


def _tick(tick: Mapping[str, Any]) -> Tick:
    error = tick["error"] or {}
    name = (error.get("cause") or {}).get("className") or error.get("className") or ""
    return Tick(tick["status"], tick["endTimestamp"] or tick["timestamp"], name)
