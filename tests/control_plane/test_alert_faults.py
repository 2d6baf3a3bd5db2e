"""Receivers that refuse, hang and break, and an alerter that is killed: every fact arrives.

Three rounds of killing here; `make test-faults` sets ASSAY_FAULT_ROUNDS to 20.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler

from control_plane.settings import Settings
from tests.control_plane.test_alerter import look, look_later, raise_alert, sql
from tests.control_plane.webhook import Webhook

ROUNDS = int(os.environ.get("ASSAY_FAULT_ROUNDS", "3"))
REPOSITORY = Path(__file__).parents[2]


class Mailbox(MessageHandler):
    """An SMTP server's end that refuses while it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[Message] = []
        self.refuses = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuses:
            return "451 try again later"
        return str(await super().handle_DATA(server, session, envelope))

    def handle_message(self, message: Message) -> None:
        self.got.append(message)


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    box = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield (
            box,
            f"mailto://127.0.0.1:{port}?from=assay@example.org&to=team@example.org&mode=insecure",
        )
    finally:
        controller.stop()


def test_a_mail_server_that_refuses_gets_the_alert_once_it_takes_mail(
    ops: Settings, mailbox: tuple[Mailbox, str]
) -> None:
    box, url = mailbox
    here = replace(ops, alert_urls=(url,), ui_url="http://ui")
    box.refuses = True
    raise_alert(here)
    for _ in range(3):
        look_later(here)
    assert box.got == []
    box.refuses = False
    look_later(here)
    look_later(here)
    (mail,) = box.got
    assert mail["Subject"] == "[assay] error: finance: a run failed"
    assert "http://ui/runs/1" in str(mail)


def test_a_receiver_that_hangs_is_left_and_gets_the_alert_once_it_answers(ops: Settings) -> None:
    with Webhook() as hook, socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()  # takes the connection and never answers
        port = deaf.getsockname()[1]
        both = replace(ops, alert_urls=(f"json://127.0.0.1:{port}/?rto=1&cto=1", hook.url))
        raise_alert(both)
        look(both)
        assert len(hook.got) == 1
        waiting = sql(
            both,
            "SELECT last_error FROM ops.alert_deliveries WHERE NOT delivered_at IS NOT NULL",
            "alerter",
        )
        assert len(waiting) == 1
        assert waiting[0][0]


@pytest.mark.timeout(180 + 60 * ROUNDS)
def test_an_alerter_that_is_killed_while_it_sends_loses_nothing(
    ops: Settings, tmp_path: Path
) -> None:
    """Killed at random moments; each fact arrives, and a second time at most with its key."""
    with Webhook() as hook:
        environment = {
            **os.environ,
            **ops.environment,
            "ASSAY_ALERT_URLS": hook.url,
            "ASSAY_ROOT": str(tmp_path),
            "ASSAY_METRICS_ADDRESS": "127.0.0.1:0",
            "ASSAY_WEBSERVER_URL": "http://127.0.0.1:1",
            "TMPDIR": str(tmp_path),
        }
        keys = []
        for number in range(ROUNDS):
            process = subprocess.Popen(
                [sys.executable, "-c", _IMPATIENT], env=environment, cwd=REPOSITORY
            )
            key = f"k{number}"
            keys.append(key)
            raise_alert(ops, key=key, subject=key)
            deadline = time.monotonic() + 120
            # Killed when the message has just arrived, or shortly before.
            while not has_arrived(hook, key) and time.monotonic() < deadline:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=60)
        look(replace(ops, alert_urls=(hook.url,)))
        assert all(has_arrived(hook, key) for key in keys)
        deliveries = {body["delivery"] for body in hook.got}
        assert len(deliveries) == len(keys)
        assert len(hook.got) <= 2 * len(keys)


# The alerter as it is, but for the time that alerts wait for others.
_IMPATIENT = """
import control_plane.alerter as alerter
from control_plane.alert_pace import Pace
alerter.Pace = lambda: Pace(group=0, quiet=0)
alerter.POLL_SECONDS = 0.05
alerter.main()
"""


def has_arrived(hook: Webhook, key: str) -> bool:
    return any(body.get("key") == key for body in hook.got)
