"""From a row in ops.alerts to a message at a real webhook server, over refusals and restarts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from control_plane.alert_channels import channels
from control_plane.alert_pace import Pace
from control_plane.alerter import plan_once, send_once, understood
from control_plane.settings import Settings
from tests.control_plane.webhook import Webhook
from user_code.shared import alerts

# Everything goes as soon as it is seen.
AT_ONCE = Pace(group=0, quiet=0)

RAISE = """
INSERT INTO ops.alerts (key, kind, severity, domain, subject, facts, link)
VALUES (%(key)s, 'run.failed', 'error', 'finance', %(subject)s, '{"rows": 3}', '/runs/1')
"""


@pytest.fixture
def webhook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Webhook() as webhook:
        yield webhook


@pytest.fixture
def here(ops: Settings, webhook: Webhook) -> Settings:
    return replace(ops, alert_urls=(webhook.url,), ui_url="http://ui")


def sql(settings: Settings, statement: str, role: str = "user_code", **values: object) -> list[Any]:
    with closing(psycopg2.connect(settings.warehouse_dsn(role))) as connection, connection:
        cursor = connection.cursor()
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def raise_alert(settings: Settings, key: str = "k", subject: str = "a run failed") -> None:
    sql(settings, RAISE, key=key, subject=subject)


def set_state(settings: Settings, state: str) -> None:
    sql(settings, "UPDATE ops.alerts SET state = %(state)s, count = count + 1", state=state)


def look(settings: Settings) -> None:
    """One look of an alerter that has just started: nothing is remembered but the books."""
    with closing(psycopg2.connect(settings.warehouse_dsn("alerter"))) as connection:
        to = channels(settings.alert_urls)
        plan_once(connection, to, [])
        for channel in to:
            send_once(connection, settings, channel, AT_ONCE)


def look_later(settings: Settings) -> None:
    """As `look`, after any backoff has passed."""
    sql(settings, "UPDATE ops.alert_deliveries SET next_attempt_at = now()", "alerter")
    look(settings)


def test_an_alert_is_sent_when_it_opens_and_when_it_closes_and_never_twice(
    here: Settings, webhook: Webhook
) -> None:
    raise_alert(here)
    look(here)
    look(here)
    set_state(here, "open")  # seen again: no news
    set_state(here, "acknowledged")
    look(here)
    assert webhook.titles == ["[assay] error: finance: a run failed"]
    set_state(here, "closed")
    look(here)
    look(here)
    assert webhook.titles[1:] == ["[assay] resolved: finance: a run failed"]
    first = webhook.got[0]
    assert first["type"] == "failure"
    assert "rows: 3" in first["message"]
    assert "http://ui/runs/1" in first["message"]
    assert "key k" in first["message"]
    assert re.search(r"first seen 20\d\d-.*, last seen 20\d\d-", first["message"])
    fields = {name: first[name] for name in ("key", "severity", "change", "link", "kind")}
    assert fields == {
        "key": "k",
        "severity": "error",
        "change": "opened",
        "link": "http://ui/runs/1",
        "kind": "run.failed",
    }
    assert first["first_seen"] <= first["last_seen"]
    assert first["delivery"].startswith("assay:")
    assert first["delivery"] != webhook.got[1]["delivery"]


def test_what_user_code_raises_and_closes_arrives(here: Settings, webhook: Webhook) -> None:
    def fact(number: int) -> None:
        with closing(psycopg2.connect(here.warehouse_dsn("user_code"))) as connection, connection:
            alerts.raise_alert(
                connection.cursor(),
                key="k",
                kind="count.low",
                severity="warning",
                domain="genomics",
                subject="few rows",
                facts={"rows": number},
            )

    fact(1)
    look(here)
    fact(2)
    look(here)
    with closing(psycopg2.connect(here.warehouse_dsn("user_code"))) as connection, connection:
        alerts.close_alert(connection.cursor(), "k")
    look(here)
    fact(3)
    look(here)
    assert webhook.titles == [
        "[assay] warning: genomics: few rows",
        "[assay] resolved: genomics: few rows",
        "[assay] warning: genomics: few rows",
    ]
    assert "rows: 3" in webhook.got[2]["message"]


def test_what_opened_and_closed_between_two_looks_is_told(here: Settings, webhook: Webhook) -> None:
    raise_alert(here)
    set_state(here, "closed")
    set_state(here, "open")
    look(here)
    assert [title.split()[1] for title in webhook.titles] == ["error:", "resolved:", "error:"]


def test_a_refused_alert_rests_is_tried_again_and_arrives_once(
    here: Settings, webhook: Webhook
) -> None:
    webhook.status = 500
    raise_alert(here)
    look(here)
    webhook.status = 200
    look(here)
    assert webhook.got == []  # it rests
    attempts, error, pause = sql(
        here,
        "SELECT attempts, last_error, next_attempt_at - now() FROM ops.alert_deliveries",
        "alerter",
    )[0]
    assert attempts == 1
    assert "500" in error
    assert "a-secret-path" not in error
    assert 1 < pause.total_seconds() <= 5
    look_later(here)
    look_later(here)
    assert len(webhook.got) == 1


def test_each_refusal_makes_the_rest_longer(here: Settings, webhook: Webhook) -> None:
    webhook.status = 503
    raise_alert(here)
    pauses = []
    for _ in range(4):
        look_later(here)
        rest = sql(here, "SELECT next_attempt_at - now() FROM ops.alert_deliveries", "alerter")
        pauses.append(rest[0][0].total_seconds())
    # A few seconds less on a busy machine, for the time since.
    for pause, meant in zip(pauses, [5, 10, 20, 40], strict=True):
        assert meant - 4 < pause <= meant


def test_one_deaf_channel_holds_up_no_other(here: Settings, webhook: Webhook) -> None:
    both = replace(here, alert_urls=("json://127.0.0.1:1/deaf", webhook.url))
    raise_alert(both)
    look(both)
    assert len(webhook.got) == 1
    look_later(both)
    assert len(webhook.got) == 1


def test_after_weeks_a_refused_alert_is_given_up(here: Settings, webhook: Webhook) -> None:
    webhook.status = 500
    raise_alert(here)
    look(here)
    sql(here, "UPDATE ops.alert_transitions SET at = now() - interval '31 days'", "alerter")
    webhook.status = 200
    look_later(here)
    look_later(here)
    assert webhook.got == []
    assert sql(here, "SELECT given_up_at IS NOT NULL FROM ops.alert_deliveries", "alerter") == [
        (True,)
    ]


def test_a_storm_is_one_message(here: Settings, webhook: Webhook) -> None:
    for number in range(7):
        raise_alert(here, key=f"k{number}", subject=f"number {number}")
    look(here)
    look(here)
    assert webhook.titles == ["[assay] 7 alerts opened, 0 resolved"]
    for number in range(7):
        assert f"error: finance: number {number} [k{number}]" in webhook.got[0]["message"]
    assert "http://ui" in webhook.got[0]["message"]
    fields = json.loads(webhook.got[0]["alerts"])
    assert [(one["key"], one["severity"], one["link"]) for one in fields] == [
        (f"k{number}", "error", "http://ui/runs/1") for number in range(7)
    ]
    assert all(one["first_seen"] <= one["last_seen"] for one in fields)


def test_the_first_channel_gets_the_news_of_the_day_not_of_the_year(
    here: Settings, webhook: Webhook
) -> None:
    raise_alert(here, key="old", subject="old")
    sql(here, "UPDATE ops.alert_transitions SET at = now() - interval '2 days'", "alerter")
    raise_alert(here, key="new", subject="new")
    look(replace(here, alert_urls=()))
    look(here)
    assert webhook.titles == ["[assay] error: finance: new"]


def test_two_alerters_at_once_send_once(here: Settings, webhook: Webhook) -> None:
    raise_alert(here)
    with closing(psycopg2.connect(here.warehouse_dsn("alerter"))) as other:
        plan_once(other, channels(here.alert_urls), [])
        with other, other.cursor() as cursor:
            cursor.execute("SELECT * FROM ops.alert_deliveries FOR UPDATE")  # the other sends it
            look(here)
            assert webhook.got == []
    look(here)
    assert len(webhook.got) == 1


def test_a_url_that_apprise_does_not_understand_is_said_without_it(
    here: Settings, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    assert understood(replace(here, alert_urls=("nonsense://secret-token",))) == []
    assert "does not understand nonsense" in caplog.text
    assert "secret-token" not in caplog.text + "".join(capfd.readouterr())


def test_the_process_sends_is_healthy_and_ends_when_asked_to(
    here: Settings, webhook: Webhook, tmp_path: Path
) -> None:
    environment = {
        **os.environ,
        **here.environment,
        "ASSAY_ALERT_URLS": webhook.url,
        "TMPDIR": str(tmp_path),
        "ASSAY_ROOT": str(tmp_path),
        "ASSAY_METRICS_ADDRESS": "127.0.0.1:0",
        "ASSAY_WEBSERVER_URL": "http://127.0.0.1:1",
    }
    command = [sys.executable, "-m", "control_plane.alerter"]
    root = Path(__file__).parents[2]
    process = subprocess.Popen(command, env=environment, cwd=root)
    try:
        raise_alert(here)
        deadline = time.monotonic() + 90
        while not webhook.got and time.monotonic() < deadline:
            time.sleep(0.2)
        assert webhook.titles == ["[assay] error: finance: a run failed"]
        time.sleep(0.5)
        look = [sys.executable, "-m", "control_plane.alerter_health"]
        healthy = subprocess.run(look, env=environment, cwd=root)
        assert healthy.returncode == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()


def test_an_end_is_not_told_before_its_beginning(here: Settings, webhook: Webhook) -> None:
    webhook.status = 500
    raise_alert(here)
    look(here)
    set_state(here, "closed")
    look_later(here)
    webhook.status = 200
    look_later(here)
    assert [title.split()[1] for title in webhook.titles] == ["error:", "resolved:"]
