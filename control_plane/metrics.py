"""What Prometheus is told at `/metrics` of the alerter: the platform's state, in numbers.

Names begin with `assay_`; deploy/prometheus/rules.yaml builds on them. Asked anew at most every
15 s, whoever scrapes how often.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

import psycopg2
from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from control_plane.alert_watch import Watch
from control_plane.platform_state import WebserverAwayError, ask
from control_plane.postgres_silence import connect

_FRESH_SECONDS = 15
# Prometheus gives a scrape 10 s: what hangs is told of, and holds up nothing else.
_WEBSERVER_SECONDS = 6
_RUN_SECONDS = (1, 2, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)
_STATUSES = ("QUEUED", "STARTING", "STARTED", "CANCELING", "SUCCESS", "FAILURE", "CANCELED")
_FRESHNESS = {"HEALTHY": 0, "WARNING": 1, "DEGRADED": 2}
_CHECKS = {"SUCCEEDED": 0, "IN_PROGRESS": 0, "SKIPPED": 0, "FAILED": 1, "EXECUTION_FAILED": 1}

_QUERY = (
    "query($since: Float!) {"
    + " ".join(
        f"{status}: runsOrError(filter: {{statuses: [{status}]}}, limit: 0)"
        " { ... on Runs { count } }"
        for status in _STATUSES
    )
    + """
  ended: runsOrError(filter: {statuses: [SUCCESS, FAILURE, CANCELED], updatedAfter: $since},
                     limit: 500) {
    ... on Runs { results { runId jobName status startTime endTime } } }
  assetNodes { assetKey { path } groupName
    freshnessStatusInfo { freshnessStatus }
    assetMaterializations(limit: 1) { timestamp }
    assetChecksOrError { ... on AssetChecks { checks {
      name executionForLatestMaterialization { status } } } } }
}"""
)

_OUTBOX = """
SELECT count(*) FILTER (WHERE delivered_at IS NULL AND given_up_at IS NULL),
       count(*) FILTER (WHERE given_up_at IS NOT NULL),
       coalesce(max(extract(epoch FROM now() - t.at))
                FILTER (WHERE delivered_at IS NULL AND given_up_at IS NULL), 0)::float8
FROM ops.alert_deliveries AS d JOIN ops.alert_transitions AS t ON t.id = d.transition_id
WHERE d.delivered_at IS NULL
"""


class PlatformMetrics(Collector):
    """Collects on each scrape. A source that does not answer is said by `assay_up`, not by lies."""

    def __init__(self, webserver_url: str, warehouse_dsn: str, watch: Watch) -> None:
        self._webserver_url = webserver_url
        self._warehouse_dsn = warehouse_dsn
        self._watch = watch
        self._lock = threading.Lock()
        self._kept: tuple[float, list[Metric]] = (0.0, [])
        self._since = time.time()
        self._counted: dict[str, float] = {}
        self._ticks_counted: dict[str, float] = {}
        self.durations = Histogram(
            "assay_run_duration_seconds",
            "How long runs took that ended since the alerter began.",
            ["job", "status"],
            buckets=_RUN_SECONDS,
            registry=None,
        )
        self.tick_failures = Counter(
            "assay_tick_failures",
            "Ticks of sensors and schedules that failed since the alerter began.",
            ["name"],
            registry=None,
        )

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask anybody."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All metrics, from memory if they are young."""
        with self._lock:
            taken, metrics = self._kept
            if time.monotonic() - taken > _FRESH_SECONDS or not metrics:
                metrics = list(self._collect())
                self._kept = (time.monotonic(), metrics)
        yield from metrics

    def _collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("assay_up", "1 if this part answers.", labels=["part"])
        try:
            data = ask(
                self._webserver_url, _QUERY, seconds=_WEBSERVER_SECONDS, since=self._since - 120
            )
        except WebserverAwayError:
            up.add_metric(["webserver"], 0)
        else:
            up.add_metric(["webserver"], 1)
            yield from self._of_runs(data)
            yield from _of_assets(data["assetNodes"])
        try:
            with closing(connect(self._warehouse_dsn, hurried=True)) as connection:
                yield from _of_alerts(connection)
            up.add_metric(["postgres"], 1)
        except psycopg2.Error:
            up.add_metric(["postgres"], 0)
        yield from self._of_watch(up)
        yield up

    def _of_runs(self, data: dict[str, Any]) -> Iterator[Metric]:
        runs = GaugeMetricFamily("assay_runs", "Runs by state.", labels=["status"])
        for status in _STATUSES:
            runs.add_metric([status.lower()], data[status].get("count") or 0)
        yield runs
        for run in data["ended"].get("results", []):
            ended = run["endTime"]
            if not ended or ended < self._since or run["runId"] in self._counted:
                continue
            self._counted[run["runId"]] = ended
            seconds = max(ended - (run["startTime"] or ended), 0)
            job = "by hand" if run["jobName"].startswith("__") else run["jobName"]
            self.durations.labels(job, run["status"].lower()).observe(seconds)
        self._since = max(self._since, time.time() - 3600)
        self._counted = {k: at for k, at in self._counted.items() if at >= self._since}
        yield from self.durations.collect()

    def _of_watch(self, up: GaugeMetricFamily) -> Iterator[Metric]:
        disk = GaugeMetricFamily(
            "assay_disk_free_bytes", "Free space of the disk of these volumes.", labels=["volumes"]
        )
        for volumes in self._watch.disks:
            disk.add_metric([volumes.name], volumes.free)
        yield disk
        state = self._watch.state
        if state is None:
            return
        now = time.time()
        yield InfoMetricFamily("assay_dagster", "What runs.", value={"version": state.version})
        yield _gauge("assay_queue_length", "Runs that wait for a slot.", state.queued)
        waiting = now - state.oldest_queued if state.oldest_queued else 0
        yield _gauge("assay_queue_age_seconds", "How long the oldest has waited.", waiting)
        beats = GaugeMetricFamily(
            "assay_daemon_heartbeat_age_seconds", "Since the last heartbeat.", labels=["daemon"]
        )
        for name, at in state.heartbeats.items():
            if at is not None:
                beats.add_metric([name], max(now - at, 0))
        yield beats
        for location in state.locations:
            up.add_metric([f"location {location.name}"], 0 if location.error else 1)
        for one in state.ticking:
            counter = self.tick_failures.labels(one.name)
            seen = self._ticks_counted.get(one.name, now - _FRESH_SECONDS * 4)
            failed = [tick.at for tick in one.ticks if tick.status == "FAILURE" and tick.at > seen]
            counter.inc(len(failed))
            self._ticks_counted[one.name] = max([seen, *failed])
        yield from self.tick_failures.collect()


def serve_metrics(metrics: PlatformMetrics, address: str) -> None:
    """Serve `/metrics` at `address` (`host:port`) in a thread. OSError if the port is taken."""
    host, _, port = address.rpartition(":")
    registry = CollectorRegistry()
    registry.register(metrics)
    start_http_server(int(port), addr=host, registry=registry)


def _of_assets(nodes: list[dict[str, Any]]) -> Iterator[Metric]:
    labels = ["asset", "group"]
    fresh = GaugeMetricFamily(
        "assay_asset_freshness", "0 fresh, 1 soon stale, 2 stale, by its policy.", labels=labels
    )
    age = GaugeMetricFamily(
        "assay_asset_materialized_timestamp_seconds", "When it was last computed.", labels=labels
    )
    checks = GaugeMetricFamily(
        "assay_check_failed", "1 if the check failed last.", labels=["asset", "check"]
    )
    for node in nodes:
        name = "/".join(node["assetKey"]["path"])
        status = (node["freshnessStatusInfo"] or {}).get("freshnessStatus")
        if status in _FRESHNESS:
            fresh.add_metric([name, node["groupName"]], _FRESHNESS[status])
        for event in node["assetMaterializations"]:
            age.add_metric([name, node["groupName"]], float(event["timestamp"]) / 1000)
        for one in (node["assetChecksOrError"] or {}).get("checks", []):
            last = (one["executionForLatestMaterialization"] or {}).get("status")
            if last in _CHECKS:
                checks.add_metric([name, one["name"]], _CHECKS[last])
    yield from (fresh, age, checks)


def _of_alerts(connection: Any) -> Iterator[Metric]:
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT state, severity, count(*) FROM ops.alerts"
            " WHERE state <> 'closed' GROUP BY state, severity"
        )
        alerts = GaugeMetricFamily(
            "assay_alerts", "Alerts that are not closed.", labels=["state", "severity"]
        )
        for state, severity, count in cursor.fetchall():
            alerts.add_metric([state, severity], count)
        yield alerts
        cursor.execute(_OUTBOX)
        waiting, given_up, age = cursor.fetchone()
    yield _gauge("assay_outbox_waiting", "Messages that no channel has taken yet.", waiting)
    yield _gauge("assay_outbox_given_up", "Messages given up after weeks.", given_up)
    yield _gauge("assay_outbox_age_seconds", "How long the oldest of them has waited.", age)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
