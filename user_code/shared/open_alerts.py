"""The alerts as a table in the UI: an asset that nobody computes, told anew when they change."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import dagster as dg

from user_code.shared.publishing import Publisher

ASSET = dg.AssetKey("open_alerts")
_MOST_ROWS = 100

_ROWS = """
(SELECT state, severity, domain, subject, count, first_seen, last_seen, key, link
 FROM ops.alerts WHERE state <> 'closed'
 ORDER BY state DESC, array_position(ARRAY['critical', 'error', 'warning', 'info'], severity),
          last_seen DESC LIMIT %(most)s)
UNION ALL
(SELECT state, severity, domain, subject, count, first_seen, last_seen, key, link
 FROM ops.alerts WHERE state = 'closed' ORDER BY last_seen DESC LIMIT 20)
"""

open_alerts = dg.AssetSpec(
    ASSET,
    group_name="platform",
    owners=["team:platform"],
    kinds={"postgres"},
    description=(
        "Alerts that are open, acknowledged or lately closed, as `make alerts` lists them: look at "
        "the newest materialisation's metadata. A sensor tells them; nothing is computed here."
    ),
)


def build_alert_table() -> dg.SensorDefinition:
    """The sensor `alert_table`, RUNNING by default: no run, one event whenever alerts changed."""

    @dg.sensor(
        name="alert_table",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=60,
        description="Shows the alerts as a table in the metadata of open_alerts.",
    )
    def look(context: dg.SensorEvaluationContext, publisher: Publisher) -> dg.SensorResult:
        with publisher.warehouse_for_sensor.transaction() as cursor:
            cursor.execute(
                "SELECT count(*) FILTER (WHERE state = 'open'),"
                " count(*) FILTER (WHERE state = 'acknowledged') FROM ops.alerts"
            )
            opened, acknowledged = cursor.fetchone() or (0, 0)
            cursor.execute(_ROWS, {"most": _MOST_ROWS})
            table = as_markdown(cursor.fetchall())
        digest = hashlib.sha256(table.encode()).hexdigest()
        if digest == context.cursor:
            return dg.SensorResult(skip_reason="the alerts are as before", cursor=digest)
        shown = dg.AssetMaterialization(
            asset_key=ASSET,
            metadata={
                "alerts": dg.MetadataValue.md(table),
                "open": opened,
                "acknowledged": acknowledged,
            },
        )
        return dg.SensorResult(asset_events=[shown], cursor=digest)

    return look


def as_markdown(rows: list[tuple[Any, ...]]) -> str:
    """Rows of ops.alerts as a table: state, severity, what, times, since, last, key."""
    if not rows:
        return "No alerts."
    lines = [
        "| state | severity | what | times | first seen | last seen | key |",
        "|---|---|---|---|---|---|---|",
    ]
    for state, severity, domain, subject, count, first, last, key, link in rows:
        what = _cell(f"{domain}: {subject}" if domain else subject)
        if link.startswith(("http://", "https://", "/")):
            what = f"[{what}]({link})"
        cells = [state, severity, what, str(count), _time(first), _time(last), f"`{_cell(key)}`"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Text that a file's name may be part of, without a way to break out of its cell."""
    for mark in "\\`*_[]<>|":
        text = text.replace(mark, f"\\{mark}" if mark != "`" else "'")
    return " ".join(text.split())


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
