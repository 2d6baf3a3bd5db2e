"""`python -m control_plane.status`: the platform on one screen, in words that say what to do.

Asks the webserver and the warehouse, each by itself: what does not answer is said, the rest shown.
Exit code 0 if nothing needs a person, 1 if something does.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import psycopg2

from control_plane.disk_space import Disk, disks
from control_plane.platform_findings import Finding, disk_findings, state_findings
from control_plane.platform_state import PlatformState, WebserverAwayError, ask, platform_state
from control_plane.postgres_silence import connect, never_wait_for_ever
from control_plane.settings import Settings, SettingsError, settings

FAILURES_SHOWN = 5
ALERTS_SHOWN = 10

_QUERY = """
query($limit: Int!) {
  failed: runsOrError(filter: {statuses: [FAILURE]}, limit: $limit) {
    ... on Runs { results { runId jobName endTime tags { key value } } } }
  assetNodes { assetKey { path } freshnessStatusInfo { freshnessStatus } }
}
"""

_ALERTS = f"""
SELECT severity, domain, subject, first_seen, key, count(*) OVER () FROM ops.alerts
WHERE state = 'open'
ORDER BY array_position(ARRAY['critical', 'error', 'warning', 'info'], severity), last_seen DESC
LIMIT {ALERTS_SHOWN}
"""  # noqa: S608 (the only value in it is the number above)


def dagster_lines(state: PlatformState, more: Mapping[str, Any], now: float) -> list[str]:
    """Version, daemon, code, queue, last failures and stale assets, a line each or some."""
    beats = [at for at in state.heartbeats.values() if at is not None]
    oldest = f"{now - min(beats):.0f} s ago" if beats else "never"
    slots = "" if state.slots is None else f" of {state.slots} slots"
    wait = f", the oldest for {now - state.oldest_queued:.0f} s" if state.oldest_queued else ""
    lines = [
        f"Dagster    {state.version}",
        f"daemon     oldest heartbeat {oldest}",
        *(
            f"code       {location.name}: "
            + (f"DOES NOT LOAD ({location.error})" if location.error else "loaded")
            for location in state.locations
        ),
        f"queue      {state.queued} waiting{wait}; {state.busy}{slots} busy",
    ]
    failed = more["failed"].get("results", [])
    lines += [f"failed     {_run(run)}" for run in failed] or ["failed     no run"]
    stale = [
        "/".join(node["assetKey"]["path"])
        for node in more["assetNodes"]
        if (node["freshnessStatusInfo"] or {}).get("freshnessStatus") == "DEGRADED"
    ]
    return [*lines, f"stale      {', '.join(stale) or 'no asset'}"]


def alert_lines(rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """The open alerts, the worst first, or that there is none."""
    if not rows:
        return ["alerts     none is open"]
    lines = [f"alerts     {rows[0][5]} open; `make alerts` lists them with their keys"]
    for severity, domain, subject, first_seen, _key, _count in rows:
        where = f"{domain}: " if domain else ""
        lines.append(f"           {severity:<9}{first_seen:%m-%d %H:%M}  {where}{subject}")
    return lines


def disk_lines(found: Sequence[Disk]) -> list[str]:
    """Free space, a line for each file system."""
    return [
        f"disk       {disk.free / 1e9:,.0f} of {disk.total / 1e9:,.0f} GB free under {disk.name}"
        for disk in found
    ]


def advice(findings: Sequence[Finding]) -> list[str]:
    """What a person should do, a line for each finding."""
    return [
        f"! {finding.subject} → {finding.facts.get('advice', 'docs/operations.md, Alerts')}"
        for finding in findings
    ]


def report(here: Settings, now: float) -> tuple[list[str], bool]:
    """The whole screen, and whether nothing needs a person."""
    lines: list[str] = []
    wrong: list[str] = []
    try:
        state = platform_state(here.webserver_url)
        more = ask(here.webserver_url, _QUERY, limit=FAILURES_SHOWN)
        lines += dagster_lines(state, more, now)
        wrong += advice(state_findings(state, now))
    except WebserverAwayError as error:
        lines.append(f"Dagster    the webserver does not answer ({error})")
        wrong.append("! no UI → make logs SERVICE=webserver, then make up")
    try:
        with closing(connect(here.warehouse_dsn("alerter"))) as connection:
            cursor = connection.cursor()
            cursor.execute(_ALERTS)
            rows = cursor.fetchall()
        lines += alert_lines(rows)
        if rows:
            wrong.append("! alerts are open → make alerts; docs/operations.md says what to do")
    except (psycopg2.Error, SettingsError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        lines.append(f"alerts     Postgres does not answer ({reason})")
        wrong.append("! no run can start → make logs SERVICE=postgres, then make up")
    found = disks([("the volumes", here.state_folder), ("the landing zone", here.landing)])
    lines += disk_lines(found)
    wrong += advice(disk_findings(found))
    return [*lines, *(wrong or ["All is well."])], not wrong


def _run(run: Mapping[str, Any]) -> str:
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    first = tags.get("dagster/partition") or tags.get("dagster/asset_partition_range_start", "")
    job = "assets by hand" if run["jobName"].startswith("__") else run["jobName"]
    at = datetime.fromtimestamp(run["endTime"], UTC) if run["endTime"] else None
    return f"{at:%m-%d %H:%M}  {job} {first} (run {run['runId'][:8]})" if at else f"{job} {first}"


def main() -> int:
    """Print the screen; 0 if all is well."""
    lines, well = report(settings(), time.time())
    print("\n".join(lines))
    return 0 if well else 1


if __name__ == "__main__":
    never_wait_for_ever()
    sys.exit(main())
