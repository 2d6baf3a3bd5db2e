"""The list of alerts, acknowledging, and the test of the channels."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest

from control_plane import alerts
from control_plane.alert_test import try_all
from control_plane.settings import Settings, settings
from tests.control_plane.webhook import Webhook


@pytest.fixture(autouse=True)
def _environment(ops: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ops.environment.items():
        monkeypatch.setenv(name, value)
    with closing(psycopg2.connect(ops.warehouse_dsn("user_code"))) as connection, connection:
        connection.cursor().execute(
            "INSERT INTO ops.alerts (key, kind, severity, domain, subject, state, count) VALUES"
            " ('a', 'x', 'warning', 'finance', 'late', 'open', 3),"
            " ('b', 'x', 'critical', '', 'down', 'open', 1),"
            " ('c', 'x', 'error', 'genomics', 'over', 'closed', 1)"
        )


def test_the_list_has_the_worst_open_one_first_and_closed_ones_last(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert alerts.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1) for line in lines[::3]] == [
        ["open", "critical  down"],
        ["open", "warning   finance: late"],
        ["closed", "error     genomics: over"],
    ]
    assert "3 times" in lines[4]


def test_acknowledging_and_closing_are_said_when_they_cannot_be(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert alerts.main(["ack", "a"]) == 0
    assert alerts.main(["ack", "a"]) == 1
    assert "the alert 'a' is acknowledged already" in capsys.readouterr().err
    assert alerts.main(["close", "a"]) == 0
    assert alerts.main(["ack", "nothing"]) == 1
    assert "no alert has the key 'nothing'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["ack"], ["list", "a"], ["test", "a"], ["mend", "a"]])
def test_a_wrong_command_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        alerts.main(arguments)


def test_no_alerts_are_said(ops: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(psycopg2.connect(ops.warehouse_dsn("migrator"))) as connection, connection:
        connection.cursor().execute("DELETE FROM ops.alerts")
    assert alerts.main(["list"]) == 0
    assert capsys.readouterr().out == "no alerts\n"


def test_every_channel_is_tried_and_no_secret_is_shown() -> None:
    with Webhook() as good, Webhook() as bad:
        bad.status = 403
        urls = f"{good.url} {bad.url} slack://TokenAAAA/TokenBBBB {good.url}"
        lines, fine = try_all(settings({"ASSAY_ALERT_URLS": urls}))
    assert not fine
    assert len(lines) == 3
    assert lines[0].startswith("json (")
    assert lines[0].endswith("): taken")
    assert "refused" in lines[1]
    assert "403" in lines[1]
    assert "slack (" in lines[2]
    assert "Apprise does not understand this URL" in lines[2]
    assert len(good.got) == 1
    for secret in ("a-secret-path", "TokenAAAA", "TokenBBBB"):
        assert secret not in "".join(lines)


def test_no_channel_is_said_with_what_to_do() -> None:
    lines, fine = try_all(settings({}))
    assert not fine
    assert "make secret SECRET=alert_urls" in lines[0]


def test_the_test_is_a_verb_of_the_alerts_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Webhook() as webhook:
        monkeypatch.setenv("ASSAY_ALERT_URLS", webhook.url)
        assert alerts.main(["test"]) == 0
    assert capsys.readouterr().out.endswith("): taken\n")
    assert len(webhook.got) == 1
