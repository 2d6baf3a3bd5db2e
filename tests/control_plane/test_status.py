"""`make status`: what is shown when all is well, and when parts are down."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from control_plane import status
from control_plane.platform_state import Location
from control_plane.settings import Settings
from tests.control_plane.test_alerter import raise_alert
from tests.control_plane.test_metrics import state

RUN = {
    "runId": "0123456789",
    "jobName": "finance_daily",
    "endTime": 1_767_225_600.0,
    "tags": [{"key": "dagster/partition", "value": "2025-12-31"}],
}
MORE = {
    "failed": {"results": [RUN]},
    "assetNodes": [
        {"assetKey": {"path": ["history"]}, "freshnessStatusInfo": {"freshnessStatus": "DEGRADED"}}
    ],
}


def test_one_screen_says_how_it_is_and_what_to_do(
    ops: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    broken = replace(
        state(now), ticking=(), locations=(Location("user_code", "ImportError", False),)
    )
    monkeypatch.setattr(status, "platform_state", lambda *_: broken)
    monkeypatch.setattr(status, "ask", lambda *_, **__: MORE)
    raise_alert(ops, subject="daily failed")
    lines, well = status.report(ops, now)
    text = "\n".join(lines)
    assert not well
    assert "code       user_code: DOES NOT LOAD (ImportError)" in text
    assert "queue      2 waiting, the oldest for 100 s; 4 of 4 slots busy" in text
    assert "failed     01-01 00:00  finance_daily 2025-12-31 (run 01234567)" in text
    assert "stale      history" in text
    assert "alerts     1 open" in text
    assert "finance: daily failed" in text
    assert "! the code location user_code does not load or does not answer → " in text


def test_what_is_down_is_said_and_the_rest_shown(ops: Settings) -> None:
    here = replace(ops, webserver_url="http://127.0.0.1:1")
    lines, well = status.report(here, time.time())
    assert not well
    assert lines[0].startswith("Dagster    the webserver does not answer")
    assert "alerts     none is open" in lines
    here = replace(here, pg_host="127.0.0.1", pg_port=1)
    lines, _ = status.report(here, time.time())
    assert any(line.startswith("alerts     Postgres does not answer") for line in lines)
    assert "! no run can start → make logs SERVICE=postgres, then make up" in lines
