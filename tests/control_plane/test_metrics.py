"""What /metrics says, and that the rules for Prometheus speak of what is there."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from control_plane import metrics
from control_plane.alert_watch import Watch
from control_plane.disk_space import Disk
from control_plane.metrics import PlatformMetrics
from control_plane.platform_state import (
    Location,
    PlatformState,
    Tick,
    Ticking,
    WebserverAwayError,
)
from control_plane.settings import Settings
from tests.control_plane.test_alerter import raise_alert

RULES = Path(__file__).parents[2] / "deploy/prometheus/rules.yaml"


def state(now: float) -> PlatformState:
    failed = Tick("FAILURE", now - 5, "ValueError")
    return PlatformState(
        version="1.13.27",
        heartbeats={"SENSOR": now - 40, "SCHEDULER": None},
        locations=(Location("user_code", "", False),),
        ticking=(Ticking("landing", False, (failed, Tick("SUCCESS", now - 30))),),
        queued=2,
        oldest_queued=now - 100,
        busy=4,
        slots=4,
    )


def answer(url: str, query: str, **variables: object) -> dict[str, Any]:
    """As the webserver: two failed runs, one of which ended just now, and a stale asset."""
    now = time.time()
    counts = {status: {"count": 2 if status == "FAILURE" else 0} for status in metrics._STATUSES}
    run = {"runId": "1", "jobName": "daily", "status": "FAILURE", "startTime": now, "endTime": None}
    check = {"name": "sums", "executionForLatestMaterialization": {"status": "FAILED"}}
    return {
        **counts,
        "ended": {"results": [run, {**run, "runId": "2", "endTime": now + 7}]},
        "assetNodes": [
            {
                "assetKey": {"path": ["history"]},
                "groupName": "finance",
                "freshnessStatusInfo": {"freshnessStatus": "DEGRADED"},
                "assetMaterializations": [{"timestamp": "1700000000000"}],
                "assetChecksOrError": {"checks": [check]},
            }
        ],
    }


@pytest.fixture
def watched(ops: Settings, monkeypatch: pytest.MonkeyPatch) -> PlatformMetrics:
    monkeypatch.setattr(metrics, "ask", answer)
    watch = Watch(lambda: state(time.time()), lambda: [Disk("the volumes", 100, 9)], time.time)
    watch.look()
    return PlatformMetrics("http://ui", ops.warehouse_dsn("alerter"), watch)


def samples(of: PlatformMetrics) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(of)
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_the_platforms_state_in_numbers(ops: Settings, watched: PlatformMetrics) -> None:
    raise_alert(ops)
    found = samples(watched)
    assert found["assay_runs failure"] == 2
    assert found["assay_runs queued"] == 0
    assert found["assay_queue_length"] == 2
    assert 100 <= found["assay_queue_age_seconds"] < 1000
    assert 40 <= found["assay_daemon_heartbeat_age_seconds SENSOR"] < 1000
    assert found["assay_tick_failures_total landing"] == 1
    assert found["assay_asset_freshness history finance"] == 2
    assert found["assay_asset_materialized_timestamp_seconds history finance"] == 1_700_000_000
    assert found["assay_check_failed history sums"] == 1
    assert found["assay_alerts error open"] == 1
    assert found["assay_outbox_waiting"] == 0
    assert found["assay_disk_free_bytes the volumes"] == 9
    assert found["assay_run_duration_seconds_count daily failure"] == 1
    assert 6 < found["assay_run_duration_seconds_sum daily failure"] < 8
    assert found["assay_up webserver"] == found["assay_up postgres"] == 1
    watched._kept = (0.0, [])
    again = samples(watched)
    assert again["assay_run_duration_seconds_count daily failure"] == 1  # counted once
    assert again["assay_tick_failures_total landing"] == 1


def test_what_does_not_answer_is_down_and_tells_no_numbers(
    watched: PlatformMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_words: object, **_more: object) -> dict[str, Any]:
        raise WebserverAwayError("refused")

    monkeypatch.setattr(metrics, "ask", away)
    watched._warehouse_dsn = "host=127.0.0.1 port=1 connect_timeout=1"
    watched._watch.state = replace(
        state(time.time()), locations=(Location("user_code", "ImportError", False),)
    )
    found = samples(watched)
    assert found["assay_up webserver"] == found["assay_up postgres"] == 0
    assert found["assay_up location user_code"] == 0
    assert not any(name.startswith(("assay_runs", "assay_alerts")) for name in found)


def test_it_is_served_over_http(watched: PlatformMetrics) -> None:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    metrics.serve_metrics(watched, f"127.0.0.1:{port}")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as page:
        assert "assay_up" in page.read().decode()


def test_the_rules_are_whole_and_name_only_metrics_that_exist(
    ops: Settings, watched: PlatformMetrics
) -> None:
    raise_alert(ops)
    exist = {name.split()[0] for name in samples(watched)} | {"up"}
    rules = [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]
    assert len({rule["alert"] for rule in rules}) == len(rules) > 5
    for rule in rules:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]
        named = set(re.findall(r"\b(?:assay_[a-z_]+|up)\b(?=[{\[ ])", rule["expr"]))
        assert named
        assert named <= exist, rule["alert"]


def test_promtool_takes_the_rules() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("no promtool here: the test above reads the rules instead")
    subprocess.run(["promtool", "check", "rules", str(RULES)], check=True, timeout=60)
