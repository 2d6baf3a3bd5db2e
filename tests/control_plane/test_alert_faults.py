"""Receivers that refuse, hang and break, and an alerter that is killed: every fact arrives.

Three rounds of killing here; `make test-faults` sets ASSAY_FAULT_ROUNDS to 20.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler

from control_plane.settings import Settings
from tests.control_plane.test_alerter import look, look_later, raise_alert, set_state, sql
from tests.control_plane.webhook import Webhook

ROUNDS = int(os.environ.get("ASSAY_FAULT_ROUNDS", "3"))
REPOSITORY = Path(__file__).parents[2]


class Mailbox(MessageHandler):
    """An SMTP server's end that refuses while it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[Message] = []
        self.refuses = False
        self.hangs = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.hangs:
            await asyncio.sleep(3600)
        if self.refuses:
            return "451 try again later"
        return str(await super().handle_DATA(server, session, envelope))

    def handle_message(self, message: Message) -> None:
        self.got.append(message)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def mail_url(port: int) -> str:
    return (
        f"mailto://127.0.0.1:{port}"
        "?from=assay@example.org&to=team@example.org&mode=insecure&cto=2&rto=2"
    )


@contextmanager
def served(box: Mailbox, port: int) -> Iterator[None]:
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    box, port = Mailbox(), free_port()
    with served(box, port):
        yield box, mail_url(port)


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


def test_a_mail_server_that_hangs_is_left_and_gets_the_alert_once_it_takes_mail(
    ops: Settings, mailbox: tuple[Mailbox, str]
) -> None:
    box, url = mailbox
    here = replace(ops, alert_urls=(url,))
    box.hangs = True
    raise_alert(here)
    began = time.monotonic()
    look(here)
    assert time.monotonic() - began < 30
    ((attempts, error),) = sql(
        here, "SELECT attempts, last_error FROM ops.alert_deliveries", "alerter"
    )
    assert attempts == 1
    assert error
    box.hangs = False
    look_later(here)
    look_later(here)
    assert [mail["Subject"] for mail in box.got] == ["[assay] error: finance: a run failed"]


def test_a_mail_server_that_is_not_there_gets_the_alert_once_it_is(ops: Settings) -> None:
    box, port = Mailbox(), free_port()
    here = replace(ops, alert_urls=(mail_url(port),))
    raise_alert(here)
    look(here)
    set_state(here, "closed")
    look_later(here)
    with served(box, port):
        look_later(here)
        look_later(here)
    assert [mail["Subject"].split()[1] for mail in box.got] == ["error:", "resolved:"]


def test_a_channel_that_is_away_for_a_day_gets_everything_once(ops: Settings) -> None:
    with Webhook() as hook:
        here = replace(ops, alert_urls=(hook.url,))
        hook.status = 500
        passed, number, tried = 0.0, 0, 0
        while passed < 24 * 3600:
            if passed >= number * 4 * 3600:  # news, every four hours
                raise_alert(here, key=f"k{number}", subject=f"k{number}")
                if number % 2:
                    closed = "UPDATE ops.alerts SET state = 'closed' WHERE key = %(key)s"
                    sql(here, closed, key=f"k{number}")
                number += 1
            look(here)
            tried += 1
            passed += let_it_rest(here)
        assert 90 < tried < 200
        assert hook.got == []
        hook.status = 200
        let_it_rest(here)
        look(here)
        look_later(here)
    told = [(body["key"], body["change"]) for body in hook.got]
    opened = [(f"k{n}", "opened") for n in range(number)]
    assert sorted(told) == sorted(opened + [(f"k{n}", "closed") for n in range(1, number, 2)])
    assert len({body["delivery"] for body in hook.got}) == len(told)


def let_it_rest(here: Settings) -> float:
    """As if the channel's rest were over, and that time had passed for all alerts; its seconds."""
    rest = "SELECT extract(epoch FROM max(next_attempt_at) - now())::float8"
    ((seconds,),) = sql(
        here, f"{rest} FROM ops.alert_deliveries WHERE delivered_at IS NULL", "alerter"
    )
    for table, column in (("deliveries", "next_attempt_at"), ("transitions", "at")):
        earlier = f"{column} - make_interval(secs => %(seconds)s)"
        sql(here, f"UPDATE ops.alert_{table} SET {column} = {earlier}", "alerter", seconds=seconds)
    return max(float(seconds), 0)


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
